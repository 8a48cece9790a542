"""Ray Serve, by its documentation: a deployment with dynamic request batching."""

import sys
import time
from typing import Any

from ray import serve
from starlette.requests import Request

from benchmarks.serving.peers.model import answer, load

QUIET = {"enable_access_log": False}


@serve.deployment(num_replicas=1, max_ongoing_requests=256, logging_config=QUIET)
class Sentiment:
    def __init__(self) -> None:
        self.predictor = load()

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.005)
    async def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        return [answer(prediction) for prediction in self.predictor.predict(texts)]

    async def __call__(self, request: Request) -> dict[str, Any]:
        found: dict[str, Any] = await self.predict((await request.json())["text"])
        return found


if __name__ == "__main__":
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config=QUIET)
    serve.run(Sentiment.bind(), route_prefix="/predict")  # type: ignore[attr-defined]
    while True:
        time.sleep(1)
