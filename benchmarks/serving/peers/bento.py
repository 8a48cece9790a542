"""BentoML, by its documentation: a service with adaptive batching behind one that takes single texts."""

from typing import Any

import bentoml

from benchmarks.serving.peers.model import answer, load

QUIET = {"access": {"enabled": False}}


@bentoml.service(workers=1, logging=QUIET)
class Model:
    def __init__(self) -> None:
        self.predictor = load()

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)  # type: ignore[untyped-decorator]
    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        return [answer(prediction) for prediction in self.predictor.predict(texts)]


@bentoml.service(workers=1, logging=QUIET)
class Sentiment:
    model = bentoml.depends(Model)

    @bentoml.api  # type: ignore[untyped-decorator]
    async def predict(self, text: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = await self.model.to_async.predict([text])
        return found[0]
