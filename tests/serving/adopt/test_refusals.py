"""What people take for a model, and what would harm whoever opens it: each ends the command with its sentence."""

import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from typer.testing import CliRunner

from serving.__main__ import app
from serving.errors import ServingError
from tests.serving.adopt.keras_app import (
    WORDS,
    architecture,
    arrays,
    write_h5,
    write_keras,
    write_tokenizer,
    write_weights,
)


def refusal(model: Path, tokenizer: Path | None = None) -> str:
    """The sentence that the command ends with."""
    tokenizer = tokenizer or write_tokenizer(model.parent / "right.json")
    result = CliRunner().invoke(
        app, ["adopt", str(model), "--tokenizer", str(tokenizer), "--out", str(model.parent / "out")]
    )
    assert isinstance(result.exception, ServingError), result.output
    assert not (model.parent / "out").exists()
    return str(result.exception)


def cut_off(path: Path) -> None:
    path.write_bytes(write_h5(path).read_bytes()[:3000])


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.4.1"}))
        archive.writestr("config.json", " " * 2**24)


def without_weights(path: Path) -> None:
    write_weights(path, {"embedding": [], "dense": []}, "model_weights")
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps(architecture())


MODELS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pointer of Git LFS": (
        lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
        "git lfs pull",
    ),
    "a text": (lambda path: path.write_text("404: Not Found"), "is a text, not a Keras network"),
    "an empty file": (lambda path: path.write_bytes(b""), "is empty or was cut off"),
    "a file that is cut off": (cut_off, "is cut off or not a Keras network"),
    "a folder": (lambda path: path.mkdir(), "is a folder, as a SavedModel is"),
    "nothing": (lambda _: None, "is missing"),
    "weights alone": (
        lambda path: write_weights(path, arrays()),
        "with --architecture and the file that model.to_json",
    ),
    "an architecture alone": (without_weights, "holds an architecture and no weights"),
    "a zip that unpacks to far more": (zip_bomb, "its config.json has 16,777,216 bytes; accepted: at most"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_no_model(tmp_path: Path, kind: str) -> None:
    write, fault = MODELS[kind]
    write(tmp_path / "model.h5")
    sentence = refusal(tmp_path / "model.h5")
    assert sentence.startswith("model.h5: ")
    assert fault in sentence


def layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": "odd", **config}}


@pytest.mark.parametrize(
    ("place", "new", "fault"),
    [
        (2, layer("Lambda", function=["gAN9", None, None], function_type="lambda"), "is a Lambda"),
        (2, layer("OwnAttention"), "is a OwnAttention"),
        (2, layer("AveragePooling1D", pool_size=[10**9]), "has pool_size 1,000,000,000; accepted: 1 to 4,096"),
        (1, layer("Dropout", rate=0.1), "takes numbers and has no Embedding of them"),
        (0, layer("InputLayer", batch_input_shape=[None, 28, 28, 3]), "takes vectors or images, of shape [28, 28, 3]"),
        (3, {"class_name": "Dense", "config": {"name": "dense", "units": 1, "activation": "relu"}}, "no probabilities"),
    ],
)
@pytest.mark.parametrize("write", [write_h5, write_keras])
def test_layers_that_are_refused_by_name(
    tmp_path: Path, write: Callable[..., Path], place: int, new: dict[str, Any], fault: str
) -> None:
    model = architecture()
    model["config"]["layers"][place] = new
    assert fault in refusal(write(tmp_path / "model.keras", model))


def test_several_sigmoids(tmp_path: Path) -> None:
    model = write_h5(tmp_path / "model.h5", architecture(3), outputs=3)
    assert "3 sigmoids, of which several can be true of one text" in refusal(model)


def run_code() -> None:
    raise AssertionError("a pickle was executed")


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return run_code, ()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (pickle.dumps(Harm()), "run_code', which is never imported"),
        (pickle.dumps({**WORDS, "x": Harm()}), "run_code', which is never imported"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"", "has 0 bytes"),
        (b"text,label\na,b\n", "is neither JSON in UTF-8 nor a pickle"),
        (b'{"class_name": "Tokenizer", "config": {"num_words": 10, "word_index": "{}"}}', "has no words"),
        (json.dumps({"word": 900}).encode(), "has ids up to 900"),
        (b"[" * 100_000, "is JSON that is broken off"),
    ],
)
def test_what_is_no_tokenizer(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "tokenizer").write_bytes(content)
    assert fault in refusal(write_h5(tmp_path / "model.h5"), tmp_path / "tokenizer")


def test_a_network_of_ids_needs_a_tokenizer(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["adopt", str(write_h5(tmp_path / "model.h5"))])
    assert "wanted: --tokenizer" in str(result.exception)


def test_what_a_sentence_quotes_is_not_printed_at_any_length(tmp_path: Path) -> None:
    model = architecture()
    model["config"]["layers"][2] = {"class_name": "Lambda", "config": {"name": "x" * 100_000}}
    command = [sys.executable, "-m", "serving", "adopt", str(write_h5(tmp_path / "model.h5", model))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: model.h5: layer 'xxx")
    assert " ... " in result.stderr
    assert len(result.stderr) < 2000
