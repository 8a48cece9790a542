"""Sections `[tokenizer]`, `[network]` and `[vectors]`: what is served; and `[encoder]`, which only teaches."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from training.recipe.base import ConfigSection, Fraction, Name


class TokenizerConfig(ConfigSection):
    """`[tokenizer]`: the preprocessing, all of it written into tokenizer.json."""

    model: Literal["word", "bpe"] = Field("bpe", description="whole words, or byte-pair-encoded pieces of them")
    vocabulary: int = Field(8000, ge=50, le=100_000, description="vocabulary size in tokens, the special ones included")
    min_frequency: int = Field(2, ge=1, le=1000, description="a word or merge rarer than this is not learned")
    sources: list[Name] = Field([], description="names of the sources that it is learned from; empty: all")
    max_tokens: int = Field(64, ge=1, le=2048, description="truncation: only the first so many tokens are read")
    fixed_length: bool = Field(False, description="pad each text to max_tokens (what an unmasked network needs)")
    pad_side: Literal["right", "left"] = Field("right", description="where padding goes; left only with fixed_length")
    urls: Literal["tag", "drop"] = Field("tag", description="a link becomes <url>, or nothing")
    handles: Literal["tag", "word", "drop"] = Field("tag", description="@name becomes <user>, or name, or nothing")
    retweets: Literal["tag", "drop"] = Field("drop", description="'RT @name:' at any place becomes <rt>, or nothing")
    hashtags: Literal["tag", "word"] = Field("tag", description="#word becomes <hashtag> word, or just word")
    emoticons: Literal["tag", "keep", "drop"] = Field("tag", description=":-) becomes <smile>, stays, or goes")
    emoji: Literal["keep", "all", "drop"] = Field(
        "keep",
        description="an emoji is a word of its own, or goes; all: also those that no text holds are in the vocabulary, "
        "beside `vocabulary`, and with `[vectors]` those without a vector start from the mean of their names' words",
    )
    split_camel_case: bool = Field(True, description="#WorstShowEver is read as three words")
    lowercase: bool = Field(True, description="case is ignored")
    shorten_repeats: bool = Field(True, description="sooooo becomes soo, !!!! becomes !!, hahahaha becomes haha")
    stop_words: Literal["keep", "drop", "drop_except_negations"] = Field(
        "keep", description="drop: scikit-learn's list of English words goes, with or without not, no, never, ..."
    )
    stemming: Literal["none", "plural", "snowball"] = Field(
        "none",
        description="English only; plural: shows becomes show; snowball: loved, loves and loving become love; no "
        "lemmatization: a lemma takes a dictionary, which tokenizer.json cannot hold",
    )

    @field_validator("stemming", mode="before")
    @classmethod
    def _no_lemmas(cls, value: Any) -> Any:
        if str(value).lower().startswith("lemma"):
            reason = "a lemma takes a dictionary and the word's part of speech, which tokenizer.json cannot hold"
            raise ValueError(f"{reason}; accepted: 'none', 'plural', 'snowball'")
        return value

    @model_validator(mode="after")
    def _keys_fit(self) -> "TokenizerConfig":
        if self.pad_side == "left" and not self.fixed_length:
            raise ValueError("pad_side = 'left' needs fixed_length = true; accepted otherwise: 'right'")
        if self.stemming != "none" and not self.lowercase:
            raise ValueError(f"stemming = {self.stemming!r} needs lowercase = true; accepted otherwise: 'none'")
        return self


class NetworkConfig(ConfigSection):
    """`[network]`: of texts, Embedding, spatial dropout, LSTMs, pooling; of fields, Embedding; both, dense softmax."""

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
    dropout: Fraction = Field(
        0.2, description="fraction of pooled features, and of each dense layer's, dropped in training"
    )
    dense: list[Annotated[int, Field(ge=1, le=4096)]] = Field(
        [], max_length=6, description="units of each dense layer before the labels' own, first to last"
    )

    bins: int = Field(
        0,
        ge=0,
        le=1000,
        description="at most so many intervals of each number of a form, each with a vector of its own; found by a "
        "decision tree",
    )

    @model_validator(mode="after")
    def _pooling_fits(self) -> "NetworkConfig":
        if len(set(self.pooling)) < len(self.pooling):
            raise ValueError(f"pooling names one twice: {self.pooling}; accepted: each of them once")
        if "last" in self.pooling and len(self.pooling) > 1:
            raise ValueError(f"pooling is {self.pooling}; accepted: 'last' alone, or any of the others together")
        return self


OF_FIELDS = ("embedding", "dense", "dropout", "bins")  # keys of `[network]` that a network of fields has


class WordVectorsConfig(ConfigSection):
    """`[vectors]`: word vectors that were trained elsewhere, for the words of the vocabulary that have one."""

    file: Name = Field(description="path of a text file of vectors: GloVe, word2vec or fastText, also .gz")
    words: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="how many of its first words join the vocabulary though no text has them, beside "
        "tokenizer.vocabulary; where case is kept, those in lower case also with a capital",
    )
    about: str = Field("", description="what they were trained on, for the report")
    terms: str = Field("", description="under what terms they are used, for the report")


TEMPLATES = "templates"  # the source of an encoder's stages that is no file


class EncoderConfig(ConfigSection):
    """`[encoder]`: a pre-trained transformer, which `python -m training finetune` tunes instead of the network."""

    folder: Name = Field(description="folder with its config.json, tokenizer.json and model.safetensors")
    max_tokens: int = Field(64, ge=3, le=512, description="only the first so many tokens of a text are read")
    templates: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="so many short texts of the project's own, whose label is plain, are a source called `templates`",
    )
    about: str = Field("", description="what it is, for the model card of whom it teaches")
    terms: str = Field("", description="the terms that it is under, for that model card")
