"""`[network]`: what is trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.fields import Fraction, Table


class NetworkKnobs(Table):
    """`[network]`: Embedding, spatial dropout, stacked LSTMs, pooling, dense softmax."""

    embedding: int = Field(128, ge=1, le=1024, description="units of a token's vector")
    masked: bool = Field(True, description="padding is masked, so an answer cannot depend on it")
    spatial_dropout: Fraction = Field(0.2, description="fraction of embedding channels dropped in training")
    lstm: list[Annotated[int, Field(ge=1, le=1024)]] = Field(
        [128], min_length=1, max_length=4, description="units of each stacked LSTM, first to last"
    )
    bidirectional: bool = Field(False, description="each LSTM reads both ways; its output is twice as wide")
    lstm_dropout: Fraction = Field(0.0, description="fraction of channels dropped between LSTMs in training")
    pooling: list[Literal["last", "max", "average", "attention"]] = Field(
        ["last"], min_length=1, max_length=4, description="how the steps become one vector; several are concatenated"
    )
    dropout: Fraction = Field(0.2, description="fraction of pooled features dropped in training")

    @model_validator(mode="after")
    def _pooling_fits(self) -> "NetworkKnobs":
        if len(set(self.pooling)) < len(self.pooling):
            raise ValueError(f"pooling names one twice: {self.pooling}; accepted: each of them once")
        if "last" in self.pooling and len(self.pooling) > 1:
            raise ValueError(f"pooling is {self.pooling}; accepted: 'last' alone, or any of the others together")
        return self
