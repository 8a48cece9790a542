"""Sections `[fit]`, `[[stages]]` and `[start]`: how a network is trained, in one stage or in several, and from what."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from training.recipe.base import ConfigSection, Fraction, Name

TeacherBaseline = Literal[
    "TF-IDF + logistic regression", "TF-IDF and VADER + logistic regression", "multinomial naive Bayes"
]
KeepPolicy = Literal["best", "last"]


class FitConfig(ConfigSection):
    """`[fit]`: the schedule."""

    epochs: int = Field(10, ge=1, le=1000, description="passes over the training part, at most")
    patience: int = Field(
        3,
        ge=1,
        le=1000,
        description="epochs without a better validation macro recall before the stop; none with keep = 'last'",
    )
    keep: KeepPolicy = Field(
        "best",
        description="the epoch whose weights are kept: of the greatest validation macro recall, or the last, after all "
        "`epochs`: among some hundred validation rows chance has a say in the best",
    )
    batch_size: int = Field(64, ge=1, le=4096, description="rows a step")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="of AdamW, at its highest")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "constant",
        description="cosine falls to 5% over `epochs`; linear rises over their first tenth, then falls to 0",
    )
    weight_decay: float = Field(0.0, ge=0, le=1, description="of AdamW, decoupled")
    averaging: Fraction = Field(
        0.0, description="momentum of a running mean of the weights, which is what is kept; 0: none"
    )
    clip_norm: float = Field(1.0, gt=0, le=1000, description="the global norm that gradients are clipped to")
    class_balance: float = Field(
        1.0, ge=0, le=1, description="rows weigh 1 / share of their class to this power; 1: classes count alike"
    )
    class_weights: dict[str, float] = Field(
        {},
        description="label -> its weight in the loss, in labels and in what teachers say, beside class_balance's: "
        "above 1 more of the class is found, and more of other classes is taken for it",
    )
    label_smoothing: Fraction = Field(0.0, description="share of the target spread over all classes")
    word_dropout: Fraction = Field(
        0.0, description="fraction of tokens read as <unk>, or of values of fields that are missing, in training"
    )

    @model_validator(mode="after")
    def _class_weights_fit(self) -> Self:
        _check_weights("class_weights", self.class_weights)
        return self


class Stage(FitConfig):
    """`[[stages]]`: one stage of the training, in their order. A key of `[fit]` that it leaves out is as there."""

    name: Name = Field(description="what the stage is called")
    sources: list[Name] = Field(
        [], description="names of the sources that it trains on; empty: all that carry the recipe's labels"
    )
    weights: dict[str, float] = Field({}, description="name of a source -> weight of its rows, instead of its own")
    group_balances: dict[str, float] = Field(
        {}, description="name of a source -> class_balance within each of its groups, beside the one over all rows"
    )
    masked_words: float = Field(
        0.0, ge=0, le=100, description="weight of a second loss: to name the words that word_dropout hid"
    )
    teachers: list[Name] = Field(
        [], description="folders of bundles with the same labels, whose mean answer is a target beside the label"
    )
    teacher_files: list[Name] = Field(
        [],
        description="files of a teacher's answers, which count as one of `teachers` does; a text without an answer in "
        "them is taught by the others, or by its label alone; {seed} in a name is the split's seed",
    )
    teacher_baselines: list[TeacherBaseline] = Field(
        [], description="baselines that answer beside the teachers, trained on the stage's rows without the one asked"
    )
    teacher_share: float = Field(
        0.5, gt=0, le=1, description="of the target, what is the teachers'; all of it where a row has no such label"
    )
    teacher_shares: dict[str, float] = Field({}, description="name of a source -> teacher_share of its rows")
    seed: int | None = Field(
        None, ge=0, le=2**31 - 1, description="instead of the recipe's, so that runs of several seeds share a stage"
    )

    @property
    def is_taught(self) -> bool:
        """Whether it has a teacher, whose answers are targets beside the labels."""
        return bool(self.teachers or self.teacher_files or self.teacher_baselines)

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        if self.masked_words and not self.word_dropout:
            raise ValueError("masked_words needs word_dropout above 0: only hidden words are to be named")
        _check_weights("weights", self.weights)
        bad = {name: share for name, share in self.teacher_shares.items() if not 0 <= share <= 1}
        if bad:
            raise ValueError(f"teacher_shares: found {bad}; accepted: from 0 to 1")
        bad = {name: balance for name, balance in self.group_balances.items() if not 0 <= balance <= 1}
        if bad:
            raise ValueError(f"group_balances: found {bad}; accepted: from 0 to 1")
        return self


class StartConfig(ConfigSection):
    """`[start]`: a bundle that is trained further, on few rows, and that also teaches on them."""

    bundle: str = Field("", description="its folder; `--start` names it")
    weight: Fraction = Field(
        0.5, description="share of each weight that stays as the bundle has it, so that little is forgotten"
    )


def _check_weights(key: str, weights: Mapping[str, float]) -> None:
    if bad := {name: weight for name, weight in weights.items() if not 0 < weight <= 100}:
        raise ValueError(f"{key}: found {bad}; accepted: above 0, at most 100")
