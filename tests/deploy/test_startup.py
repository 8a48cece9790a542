"""A service that could only answer wrongly does not start, and says why in one sentence."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.model.bundle import METADATA, NETWORK, TOKENIZER, model_version
from tests.bundles import edit_metadata, rehash
from tests.deploy.services import environment, free_port

Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(lean_python: Path, slug: Path) -> Start:
    """Starts the service where it is expected to end by itself."""

    def run(**config: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [lean_python, "-m", "uvicorn", "serving.web.app:create_app", "--factory"]
        command += ["--port", str(free_port())]
        return subprocess.run(
            command, cwd=slug, env=environment(**config), capture_output=True, text=True, timeout=60, check=False
        )

    return run


def missing(bundle: Path) -> None:
    (bundle / TOKENIZER).unlink()


def changed(bundle: Path) -> None:
    with (bundle / NETWORK).open("ab") as file:
        file.write(b"\0")


def cut_off(bundle: Path) -> None:
    content = (bundle / NETWORK).read_bytes()
    (bundle / NETWORK).write_bytes(content[: len(content) // 2])
    rehash(bundle)
    edit_metadata(bundle, make_version_true)


def of_other_labels(bundle: Path) -> None:
    edit_metadata(bundle, lambda content: content["labels"].append("mixed"))
    edit_metadata(bundle, make_version_true)


def of_another_answer(bundle: Path) -> None:
    edit_metadata(bundle, lambda content: content["known_answers"][0].update(probabilities=[0.2, 0.3, 0.5]))


def make_version_true(content: dict[str, Any]) -> None:
    content["model_version"] = model_version(content["files"], content["labels"])


@pytest.mark.parametrize(
    ("harm", "file", "fault"),
    [
        (missing, TOKENIZER, "is missing"),
        (changed, NETWORK, "its sha256 is"),
        (cut_off, NETWORK, "is cut off"),
        (of_other_labels, METADATA, "has 4 labels, sentiment.h5 gives 3 probabilities"),
        (of_another_answer, NETWORK, "the known answer for 'I love this show, it is great :)' is off by"),
    ],
)
def test_a_broken_bundle(start: Start, bundle: Path, harm: Callable[[Path], None], file: str, fault: str) -> None:
    harm(bundle)
    assert_one_sentence(start(MODEL_DIR=str(bundle)), f"{file}: {fault}")


def test_no_bundle(start: Start, tmp_path: Path) -> None:
    assert_one_sentence(start(MODEL_DIR=str(tmp_path / "nowhere")), "nowhere: is no folder")


def test_a_bad_setting(start: Start, pristine_bundle: Path) -> None:
    result = start(MODEL_DIR=str(pristine_bundle), MAX_TEXTS="abc")
    assert_one_sentence(result, "MAX_TEXTS is 'abc'; accepted is a whole number of 1 or more")


def assert_one_sentence(result: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert result.returncode != 0
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
