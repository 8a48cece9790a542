"""LitServe, by its documentation: a LitAPI with dynamic batching."""

import sys
from collections.abc import Sequence
from typing import Any

import litserve

from benchmarks.serving.peers.model import answer, load
from serving.model.types import Prediction


class Sentiment(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:  # noqa: ARG002
        self.predictor = load()

    def decode_request(self, request: dict[str, str]) -> str:
        return request["text"]

    def batch(self, inputs: Sequence[str]) -> Sequence[str]:
        return inputs

    def predict(self, texts: Sequence[str]) -> Sequence[Prediction]:
        return self.predictor.predict(texts)

    def unbatch(self, output: Sequence[Prediction]) -> Sequence[Prediction]:
        return output

    def encode_response(self, output: Prediction) -> dict[str, Any]:
        return answer(output)


if __name__ == "__main__":
    api = Sentiment(max_batch_size=32, batch_timeout=0.005)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, log_level="warning", generate_client_file=False
    )
