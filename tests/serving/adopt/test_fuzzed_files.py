"""Networks of others with random faults in them: each is read, or refused with a sentence."""

import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.adopt.keras_files import load_network
from serving.errors import NetworkError
from tests.bundles import OTHERS


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Some bytes are others."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 3, 30])):
        changed[rng.randrange(len(changed))] = rng.choice([0, 1, 127, 255, rng.randrange(256)])
    return bytes(changed)


def spliced(content: bytes, rng: random.Random) -> bytes:
    """A stretch is missing, or stands twice."""
    start, end = sorted(rng.randrange(len(content)) for _ in range(2))
    return content[:start] + content[end:] if rng.random() < 0.5 else content[:end] + content[start:]


def mutated(content: bytes, rng: random.Random) -> bytes:
    return rng.choice([flipped, spliced])(content, rng)


def of_zip(rng: random.Random, folder: Path) -> Path:
    """A .keras file with faults in one of its members, so that the zip itself is whole."""
    path = folder / "model.keras"
    with zipfile.ZipFile(OTHERS / f"keras{rng.choice('23')}.keras") as source, zipfile.ZipFile(path, "w") as target:
        names = [name for name in source.namelist() if "/" not in name]
        chosen = rng.choice(names)
        for name in names:
            content = source.read(name)
            target.writestr(name, mutated(content, rng) if name == chosen else content)
    return path


def of_bytes(name: str) -> Callable[[random.Random, Path], Path]:
    def write(rng: random.Random, folder: Path) -> Path:
        (folder / f"model{Path(name).suffix}").write_bytes(mutated((OTHERS / name).read_bytes(), rng))
        return folder / f"model{Path(name).suffix}"

    return write


def of_architecture(rng: random.Random, folder: Path) -> Path:
    """Weights beside an architecture in which one value is another."""
    model = json.loads((OTHERS / "keras3.json").read_text(encoding="utf-8"))
    container, key = rng.choice(places_in(model))
    container[key] = rng.choice(
        [None, -1, 10**9, "x", [], {}, [[["a", 0, 0]]], 0.5, True, "Lambda", {"class_name": "x"}]
    )
    (folder / "model.json").write_text(json.dumps(model), encoding="utf-8")
    (folder / "weights.h5").write_bytes((OTHERS / "keras3.weights.h5").read_bytes())
    return folder / "weights.h5"


def places_in(value: object) -> list[tuple[Any, Any]]:
    """Every key of a dict or list in a value of JSON, with what it is in."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(value, key), *places_in(item)]]


FAULTS = {
    "h5 of Keras 2": of_bytes("keras2.h5"),
    "h5 of Keras 3": of_bytes("keras3.h5"),
    "zip": of_bytes("keras3.keras"),
    "in the zip": of_zip,
    "architecture": of_architecture,
}


def check(faults: Callable[[random.Random, Path], Path], folder: Path, seeds: range) -> None:
    sentences = [sentence_of(faults(random.Random(seed), folder)) for seed in seeds]
    assert len(list(filter(None, sentences))) > len(sentences) / 10


def sentence_of(path: Path) -> str:
    """Why a file is refused; empty where it is not."""
    try:
        load_network(path, {"architecture_file": "model.json"} if path.name == "weights.h5" else {}, seconds=5)
    except NetworkError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_sentence(tmp_path: Path, name: str) -> None:
    check(FAULTS[name], tmp_path, range(200))


@pytest.mark.soak
@pytest.mark.parametrize("name", FAULTS)
def test_many_faults_are_sentences(tmp_path: Path, name: str) -> None:
    check(FAULTS[name], tmp_path, range(200, 10_200))


def test_a_fault_on_which_the_hdf5_library_runs_for_ever(tmp_path: Path) -> None:
    assert sentence_of(FAULTS["h5 of Keras 2"](random.Random(2388), tmp_path)).startswith("model.h5: ")
