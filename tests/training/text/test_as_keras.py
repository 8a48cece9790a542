"""An adopted bundle's ids, held to those of Keras's own Tokenizer, pad_sequences and TextVectorization."""

import json
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras.preprocessing.sequence import pad_sequences
from tf_keras.preprocessing.text import Tokenizer

from serving.adopt.adopt import AdoptOptions, adopt
from serving.adopt.preprocessing import PadSequences, preprocessing
from serving.adopt.tokenizers import KERAS_FILTERS, from_text_vectorization, read_tokenizer
from serving.model.keras_encoder import KerasEncoder

SETTINGS, TEXTS_EACH = 40, 250  # together 10,000 texts
WORDS = [
    "the", "a", "good", "bad", "Film", "film", "won't", "naïve", "ΟΔΟΣ", "İstanbul", "straße", "ẞ", "été", "<OOV>", "x",
    "1", "22", "😀", "👍🏽", "❤️", "e\u0301", "ÅNGSTRÖM",
]  # fmt: skip
UNKNOWN_WORDS = ["zxqv", "Blorptang", "ΣΑΣ", "ÌÌ", "İ", "ß", "🧪", "日本", "ǅ"]
SPACES = [*" " * 4, "\u00a0", "\u3000", "\u2028", "\u200b", "\r", "\x0b", "\x1c", "\0"]
SIGNS = [*KERAS_FILTERS, *SPACES, "'", "ab"]
EDGES = ["", " ", "   \t \n ", "!!! ??? ...", "😀😀😀", "\u00a0", "Σ", "ΟΔΟΣ ΟΔΟΣ.", "abab", "the ab film"]


def texts(chance: random.Random, count: int) -> list[str]:
    parts = [*WORDS * 2, *UNKNOWN_WORDS, *SIGNS * 2, *(word.upper() for word in WORDS)]
    generated = ["".join(chance.choices(parts, k=chance.randrange(24))) for _ in range(count - len(EDGES))]
    return [*EDGES, *generated]


def settings() -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """A seed, the arguments of a Tokenizer and those of pad_sequences."""
    for seed in range(SETTINGS):
        chance = random.Random(seed)
        yield (
            seed,
            {
                "num_words": chance.choice([None, 0, 1, 2, 3, 10, 25, 1000]),
                "filters": chance.choice([KERAS_FILTERS, KERAS_FILTERS, "", '!"#$%&()*+.,-/:;=?@[\\]^_`{|}~ ', "aeΣ"]),
                "lower": chance.random() < 0.7,
                "split": chance.choice([" ", " ", " ", "ab", "."]),
                "char_level": chance.random() < 0.25,
                "oov_token": chance.choice([None, None, "<OOV>", "", "film"]),
            },
            {
                "maxlen": chance.choice([1, 5, 12, 60]),
                "padding": chance.choice(["pre", "post"]),
                "truncating": chance.choice(["pre", "post"]),
                "value": chance.choice([0, 0, 0, 4]),
            },
        )


def write_json(tokenizer: Tokenizer, path: Path) -> None:
    path.write_text(tokenizer.to_json(), encoding="utf-8")


def write_json_twice(tokenizer: Tokenizer, path: Path) -> None:
    path.write_text(json.dumps(tokenizer.to_json()), encoding="utf-8")


def write_pickle(tokenizer: Tokenizer, path: Path) -> None:
    path.write_bytes(pickle.dumps(tokenizer))


def write_old_pickle(tokenizer: Tokenizer, path: Path) -> None:
    path.write_bytes(pickle.dumps(tokenizer, protocol=0))


def write_pair(tokenizer: Tokenizer, path: Path) -> None:
    path.write_bytes(pickle.dumps((tokenizer, 12), protocol=2))


WRITERS: list[Callable[[Tokenizer, Path], None]] = [
    write_json, write_json_twice, write_pickle, write_old_pickle, write_pair,
]  # fmt: skip


@pytest.mark.parametrize(("seed", "options", "sequences"), list(settings()))
def test_ids_are_those_of_keras(tmp_path: Path, seed: int, options: dict[str, Any], sequences: dict[str, Any]) -> None:
    chance = random.Random(seed)
    tokenizer = Tokenizer(**options)
    tokenizer.fit_on_texts([" ".join(WORDS), options["split"].join(WORDS), *texts(chance, 50)])
    WRITERS[seed % len(WRITERS)](tokenizer, tmp_path / "tokenizer")
    served = texts(chance, TEXTS_EACH)

    pad = PadSequences(sequences["maxlen"], sequences["padding"], sequences["truncating"], sequences["value"])
    adopted = read_tokenizer(tmp_path / "tokenizer")
    encoder = KerasEncoder(*preprocessing(adopted, pad, rows=2000, masked=False))
    encoded = encoder.encode(served)
    ids, lengths = encoder.pad_batch(encoded)

    of_keras = tokenizer.texts_to_sequences(served)
    np.testing.assert_array_equal(ids, pad_sequences(of_keras, **sequences))
    assert [item.cut for item in encoded] == [max(len(row) - sequences["maxlen"], 0) for row in of_keras]
    assert set(lengths) == {sequences["maxlen"]}


@pytest.mark.parametrize("standardize", ["lower_and_strip_punctuation", "lower", "strip_punctuation", None])
@pytest.mark.parametrize("split", ["whitespace", "character"])
def test_ids_are_those_of_text_vectorization(standardize: str | None, split: str) -> None:
    chance = random.Random(7)
    layer = tf_keras.layers.TextVectorization(
        max_tokens=30, standardize=standardize, split=split, output_sequence_length=12
    )
    # A vocabulary goes through NumPy, which drops a NUL at the end of a word.
    corpus, served = ([text.replace("\0", "") for text in texts(chance, count)] for count in (50, 500))
    layer.adapt([" ".join(WORDS), *corpus])

    adopted = from_text_vectorization(layer.get_vocabulary(), layer.get_config(), "model.keras")
    pad = PadSequences(adopted.max_length, "post", "post")
    encoder = KerasEncoder(*preprocessing(adopted, pad, rows=30, masked=False))

    np.testing.assert_array_equal(encoder.pad_batch(encoder.encode(served))[0], layer(served).numpy())


@pytest.mark.parametrize(
    "layers",
    [
        [keras.layers.Embedding(30, 4), keras.layers.GlobalAveragePooling1D()],
        [keras.layers.Embedding(30, 4), keras.layers.LSTM(3)],
        [keras.layers.Embedding(30, 4, mask_zero=True), keras.layers.LSTM(3)],
        [keras.layers.Embedding(30, 4), keras.layers.Conv1D(3, 3, padding="same"), keras.layers.GlobalMaxPooling1D()],
    ],
    ids=["average", "LSTM", "masked LSTM", "convolution"],
)
def test_a_text_vectorization_without_a_length_does_not_pad_one_text(tmp_path: Path, layers: list[Any]) -> None:
    vectorization = keras.layers.TextVectorization(max_tokens=30)
    vectorization.adapt([" ".join(WORDS)])
    end = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((1,), dtype="string"), vectorization, *layers, end])
    model.save(tmp_path / "model.keras")
    served = ["good", "zxqv", "the good bad film", "a bad film", "good " * 40]
    of_keras = [float(model(tf.constant([[text]]))[0, 0]) for text in served]

    predictor = adopt(tmp_path / "model.keras", None, AdoptOptions(), lambda _: None)
    answers = [prediction.probabilities["1"] for prediction in predictor.predict(served)]
    np.testing.assert_allclose(answers, of_keras, atol=1e-5)
    assert np.isfinite(list(predictor.predict([""])[0].probabilities.values())).all()
