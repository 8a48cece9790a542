"""The command `adopt`: from an app's files to a bundle that answers as the app does."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from serving.__main__ import app
from serving.adopt.command import progress_line
from serving.errors import ServingError
from serving.model.bundle import METADATA, NETWORK, TOKENIZER, Bundle, sha256
from serving.model.predictor import Predictor
from tests.serving.adopt.keras_app import (
    LENGTH,
    WIDTH,
    WORDS,
    answer,
    architecture,
    arrays,
    with_vectorization,
    write_h5,
    write_keras,
    write_tokenizer,
    write_weights,
)

Adopt = Callable[..., str]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the network in its three layouts, and the tokenizer."""
    write_h5(tmp_path / "model.h5")
    write_keras(tmp_path / "model.keras")
    write_weights(tmp_path / "weights.h5", arrays())
    (tmp_path / "architecture.json").write_text(json.dumps(architecture()), encoding="utf-8")
    write_tokenizer(tmp_path / "tokenizer.json")
    return tmp_path


@pytest.fixture
def adopt(files: Path) -> Adopt:
    """Runs the command on the files that stand in the folder; gives what it prints."""

    def run(model: str, *options: str, out: str = "bundle", tokenizer: str = "tokenizer.json") -> str:
        given = ["--tokenizer", str(files / tokenizer)] if tokenizer else []
        result = CliRunner().invoke(app, ["adopt", str(files / model), *given, "--out", str(files / out), *options])
        if isinstance(result.exception, ServingError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def probability(bundle: Path, text: str) -> float:
    """Of the second label."""
    (prediction,) = Predictor.load(bundle).predict([text])
    return list(prediction.probabilities.values())[1]


PRE = [0, 0, 0, 2, 1, 4]
POST = [2, 1, 4, 0, 0, 0]


@pytest.mark.parametrize("model", ["model.h5", "model.keras", "weights.h5"])
def test_the_bundle_answers_as_the_network_does(files: Path, adopt: Adopt, model: str) -> None:
    options = ["--architecture", str(files / "architecture.json")] if model == "weights.h5" else []
    adopt(model, *options)
    assert probability(files / "bundle", "Good, unknown day!") == pytest.approx(answer(PRE), abs=1e-6)
    assert {path.name for path in (files / "bundle").iterdir()} == {NETWORK, TOKENIZER, METADATA}


def test_padding_truncating_and_padding_id(files: Path, adopt: Adopt) -> None:
    adopt("model.h5", "--padding", "post", "--padding-id", "9")
    assert probability(files / "bundle", "good unknown day") == pytest.approx(answer([2, 1, 4, 9, 9, 9]), abs=1e-6)
    adopt("model.h5", "--truncating", "post", out="cut")
    assert probability(files / "cut", "good " * 6 + "bad") == pytest.approx(answer([2] * 6), abs=1e-6)


def test_the_length_of_a_network_that_takes_any(files: Path, adopt: Adopt) -> None:
    write_h5(files / "any.h5", architecture(length=None))
    with pytest.raises(ServingError, match="--max-length"):
        adopt("any.h5")
    adopt("any.h5", "--max-length", "4")
    assert probability(files / "bundle", "good day") == pytest.approx(answer([0, 0, 2, 4]), abs=1e-6)


VOCABULARY = ["", "[UNK]", *(word for word in WORDS if word != "<OOV>")]


def test_a_text_vectorization_without_a_length_pads_no_text_that_is_alone(files: Path, adopt: Adopt) -> None:
    write_h5(files / "texts.h5", with_vectorization(vocabulary=VOCABULARY, output_sequence_length=None))
    assert "any  (no limit, and one text alone is not padded)" in adopt("texts.h5", tokenizer="")
    expected = {
        "good": [2],
        "Good, unknown day!": [2, 1, 4],
        "bad " * 9: [3] * 9,
        "": [0],
        "bad unknown free": [3, 1, 7],
    }
    predictions = Predictor.load(files / "bundle").predict(list(expected))
    answers = [prediction.probabilities["1"] for prediction in predictions]
    assert answers == pytest.approx([answer(ids) for ids in expected.values()], abs=1e-6)


def test_a_text_vectorization_with_a_length(files: Path, adopt: Adopt) -> None:
    write_keras(files / "texts.keras", with_vectorization(), words=VOCABULARY)
    assert f"{LENGTH}  (the network's)" in adopt("texts.keras", tokenizer="")
    assert probability(files / "bundle", "good unknown day") == pytest.approx(answer(POST), abs=1e-6)


def test_a_network_that_fails_on_one_word_needs_a_length(files: Path, adopt: Adopt) -> None:
    model = with_vectorization(vocabulary=VOCABULARY, output_sequence_length=None)
    convolution = {"name": "conv", "filters": WIDTH, "kernel_size": [3], "strides": [1], "padding": "valid"}
    model["config"]["layers"].insert(3, {"class_name": "Conv1D", "config": convolution})
    kernel, bias = np.ones((3, WIDTH, WIDTH), np.float32), np.zeros(WIDTH, np.float32)
    write_h5(files / "conv.h5", model, weights=arrays() | {"conv": [kernel, bias]})
    with pytest.raises(ServingError, match="--max-length"):
        adopt("conv.h5", tokenizer="")
    with pytest.raises(ServingError, match="The network fails on texts of 2 ids"):
        adopt("conv.h5", "--max-length", "2", tokenizer="")
    assert "4  (--max-length)" in adopt("conv.h5", "--max-length", "4", tokenizer="")


def test_another_length_than_the_networks_is_refused(adopt: Adopt) -> None:
    with pytest.raises(ServingError, match=f"--max-length is 7, but the network takes {LENGTH}"):
        adopt("model.h5", "--max-length", "7")


def test_cleaning_is_done_in_the_order_given(files: Path, adopt: Adopt) -> None:
    steps = ["--substitute", "[^a-z ]", "", "--lower", "--substitute", "ood", "ay"]
    assert "day" in adopt("model.h5", *steps, "--try", "dXood")
    rules = Bundle.read(files / "bundle").metadata.text_rules
    assert rules
    assert [step if isinstance(step, str) else step.pattern for step in rules.cleaning] == ["[^a-z ]", "lower", "ood"]
    assert probability(files / "bundle", "dXood") == pytest.approx(answer([0, 0, 0, 0, 0, 4]), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--substitute", "(?=a)", "b"], "look-around"),
        (["--substitute", "a"], "accepted: a pattern and the text"),
        (["--labels", "a,b,c"], "names 3 .*the network has 2 outputs"),
        (["--labels", "a,A"], "a name of its own for each"),
        (["--name", "\udcff"], "is not UTF-8"),
        (["--threshold", "1.5"], "--threshold is 1.5; accepted: above 0 and below 1"),
    ],
)
def test_options_that_are_not_accepted(adopt: Adopt, options: list[str], fault: str) -> None:
    with pytest.raises(ServingError, match=fault):
        adopt("model.h5", *options)


def test_labels_and_threshold(files: Path, adopt: Adopt) -> None:
    shown = adopt("model.h5", "--labels", "ham, spam", "--threshold", "0.999999")
    assert "spam where its probability is above 0.999999" in shown
    metadata = Bundle.read(files / "bundle").metadata
    assert (metadata.labels, metadata.decision_threshold) == (["ham", "spam"], 0.999999)
    (prediction,) = Predictor.load(files / "bundle").predict(["good"])
    assert prediction.label == "ham"


def test_a_softmax_of_three(files: Path, adopt: Adopt) -> None:
    write_h5(files / "three.h5", architecture(3, activation="softmax"), outputs=3)
    shown = adopt("three.h5")
    assert "labels       0, 1, 2  (the files do not name them; --labels does" in shown
    assert Bundle.read(files / "bundle").metadata.labels == ["0", "1", "2"]
    with pytest.raises(ServingError, match="--threshold is for two labels"):
        adopt("three.h5", "--threshold", "0.3", out="other")


def test_what_was_read_is_shown_and_what_was_not_said(files: Path, adopt: Adopt) -> None:
    shown = adopt("model.h5")
    for line in (
        "model.h5: Keras 2.4.0, 53 weights",
        "Embedding               12 x 4",
        "Dense                   units 1, activation sigmoid",
        "tokenizer.json: Tokenizer.to_json(), 7 words, from '<OOV>' 1, 'good' 2, 'bad' 3 on",
        "unknown words get the id of '<OOV>'",
        "labels       0, 1  (the files do not name them; --labels does, in the order of the outputs)",
        "length       6  (the network's)",
        "padding      pre  (Keras's default)",
        f"Next: make serve MODEL_DIR={files / 'bundle'}",
    ):
        assert line in shown


def test_a_trial_shows_tokens_ids_and_answer(adopt: Adopt) -> None:
    shown = adopt("model.h5", "--try", "Good, unknown day!")
    assert "tokens  good <OOV> day" in shown
    assert f"ids     {' '.join(map(str, PRE))}" in shown
    assert f"{answer(PRE):.6f}  1" in shown


def test_without_a_folder_nothing_is_kept(files: Path) -> None:
    before = sorted(files.iterdir())
    options = ["--tokenizer", str(files / "tokenizer.json"), "--try", "good"]
    result = CliRunner().invoke(app, ["adopt", str(files / "model.h5"), *options])
    assert "Nothing was kept" in result.stdout
    assert sorted(files.iterdir()) == before


def test_settings_that_a_bare_word_index_cannot_say(files: Path, adopt: Adopt) -> None:
    (files / "index.json").write_text(json.dumps(WORDS | {"rare": 900}), encoding="utf-8")
    with pytest.raises(ServingError, match="--num-words"):
        adopt("model.h5", tokenizer="index.json")
    options = ["--num-words", "5", "--oov-token", "<OOV>", "--filters", "!", "--padding", "post"]
    adopt("model.h5", *options, tokenizer="index.json")
    assert probability(files / "bundle", "good! free day") == pytest.approx(answer(POST), abs=1e-6)


def test_a_dict_of_characters_whose_unknown_ones_have_an_id(files: Path, adopt: Adopt) -> None:
    (files / "characters.json").write_text(json.dumps({"A": 3, "b": 4}), encoding="utf-8")
    adopt("model.h5", "--char-level", "--no-lower", "--unknown-id", "1", tokenizer="characters.json")
    assert probability(files / "bundle", "aAb") == pytest.approx(answer([0, 0, 0, 1, 3, 4]), abs=1e-6)


def test_the_metadata_say_where_it_is_from_and_what_is_not_known(files: Path, adopt: Adopt) -> None:
    adopt("model.h5", "--name", "spam")
    metadata = Bundle.read(files / "bundle").metadata
    assert (metadata.origin, metadata.name, metadata.libraries["keras"]) == ("adopted", "spam", "2.4.0")
    assert [(file.file, file.sha256) for file in metadata.adopted_files] == [
        (name, sha256(files / name)) for name in ("model.h5", "tokenizer.json")
    ]
    assert (metadata.metrics, metadata.recipe, metadata.data, metadata.seed) == ({}, {}, [], None)


def test_a_folder_that_is_there_is_never_replaced(files: Path, adopt: Adopt) -> None:
    (files / "bundle").mkdir()
    with pytest.raises(ServingError, match="is there already"):
        adopt("model.h5")
    assert list((files / "bundle").iterdir()) == []


def test_a_folder_that_cannot_be_made(files: Path, adopt: Adopt) -> None:
    (files / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ServingError, match="cannot be read or written"):
        adopt("model.h5", out="file/bundle")


def test_a_refusal_leaves_nothing_behind(files: Path, adopt: Adopt) -> None:
    before = sorted(files.iterdir())
    with pytest.raises(ServingError, match="names 3"):
        adopt("model.h5", "--labels", "a,b,c")
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize(("size", "terminal", "shown"), [(2**24, True, True), (2**24, False, False), (9, True, False)])
def test_a_large_file_has_a_line_of_progress(tmp_path: Path, size: int, terminal: bool, shown: bool) -> None:
    (tmp_path / "model.h5").write_bytes(bytes(size))
    output = io.StringIO()
    with progress_line(tmp_path / "model.h5", Console(file=output, force_terminal=terminal)):
        pass
    assert ("reading 16 MB" in output.getvalue()) == shown


def test_control_characters_of_a_file_do_not_reach_the_terminal(files: Path, adopt: Adopt) -> None:
    write_tokenizer(files / "tokenizer.json", word_index=json.dumps({"\x1b[2J": 1, "<OOV>": 2}))
    assert "\x1b" not in adopt("model.h5", "--name", "x", "--try", "\x1b[2J")


def test_the_command_ends_with_a_sentence(files: Path) -> None:
    (files / "other.json").write_text(json.dumps({"class_name": "\x1b[2J\n", "config": {}}), encoding="utf-8")
    options = ["--architecture", str(files / "other.json"), "--out", str(files / "out")]
    command = [sys.executable, "-m", "serving", "adopt", str(files / "weights.h5"), *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: weights.h5: it is a \ufffd[2J\ufffd; accepted: Sequential, Functional, Model\n"
