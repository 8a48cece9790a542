"""MLServer, by its documentation: a custom runtime with adaptive batching."""

import json

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.serving.peers.model import answer, load


class Sentiment(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        self.predictor = load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        answers = [json.dumps(answer(prediction)) for prediction in self.predictor.predict(texts)]
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            outputs=[StringCodec.encode_output("answers", answers, use_bytes=False)],
        )
