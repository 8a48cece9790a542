"""Fuzzing of adoption, of one file of an app: python -m tests.serving.adopt.fuzz KIND FIRST COUNT [--child].

Prints a line of JSON for each mutation: the sentence that it is refused with, empty where it is accepted, and the most
memory so far. The model is read in this process, so that its memory counts and none has to be started for each: where
the HDF5 library ends or holds this process, --child reads as the command does.
"""

import json
import re
import signal
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import h5py

from serving.adopt.adopt import AdoptOptions, adopt
from serving.adopt.conversion import Converter, convert, read_rewritten, rewrite, try_out
from serving.adopt.keras_files import KerasNetwork
from serving.errors import ServingError, printable_sentence
from tests.bundles import OTHERS
from tests.serving.adopt.keras_app import pickled_tokenizer, with_vectorization, write_h5, write_keras, write_tokenizer

SECONDS = 5  # of processor time, for one file: a hundred times what an unchanged one takes
INTEGERS = (0, -1, 1, 255, 65535, 2**31 - 1, 2**31, 2**63 - 1)
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 0.5, 10**9, 2**40, 1e308, "", "x", "x" * 1000, "\x1b[2J", "Lambda",
    [], {}, [[]], ["a", 0, 0], [[["a", 0, 0]]], {"class_name": "Lambda"},
)  # fmt: skip

App = tuple[Path, AdoptOptions]


def main(kind: str, first: int, count: int, *, in_child: bool) -> None:
    """Run and print."""
    converter = partial(convert, seconds=SECONDS) if in_child else _converter_here()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            model, options = MUTATIONS[kind](Path(folder), Random(f"{kind} {number}"))
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                adopt(model, None, options, lambda _: None, converter=converter)
                sentence = ""
            except ServingError as error:
                sentence = printable_sentence(error)
            signal.setitimer(signal.ITIMER_PROF, 0)
            sys.stdout.write(json.dumps({"sentence": sentence, "kilobytes": _peak()}) + "\n")
            sys.stdout.flush()


def _converter_here() -> Converter:
    """Converts in this process, an unchanged model once."""
    latest: dict[tuple[bytes, bytes], tuple[KerasNetwork, bytes]] = {}

    def convert_here(path: Path, output: Path, architecture: Path | None) -> KerasNetwork:
        key = (path.read_bytes(), architecture.read_bytes() if architecture else b"")
        if key not in latest:
            latest.clear()
            rewrite(path, output, architecture)
            try_out(path, output)
            latest[key] = read_rewritten(path, output), output.read_bytes()
        network, content = latest[key]
        output.write_bytes(content)
        return network

    return convert_here


def _peak() -> int:
    """The most memory of this process so far, in kB; 0 where the system does not tell."""
    status = Path("/proc/self/status")  # getrusage also counts what the parent had when it started this process
    match = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii")) if status.exists() else None
    return int(match[1]) if match else 0


def mutated(content: bytes, chance: Random) -> bytes:
    """A file with some bytes changed, cut off, moved, put in or repeated."""
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        start = chance.randrange(len(changed) or 1)
        length = chance.choice([1, 2, 4, 8, 64])
        part = chance.choice([b"", chance.randbytes(length), bytes(length), b"\xff" * length, changed[start:][:length]])
        if chance.random() < 0.3:
            part = chance.choice(INTEGERS).to_bytes(8, "little", signed=True)[: chance.choice([1, 2, 4, 8])]
        if chance.random() < 0.05:
            del changed[start:]
        if chance.random() < 0.05:
            part = changed[chance.randrange(len(changed) or 1) : start]
        changed[start : start + chance.choice([0, len(part)])] = part
    return bytes(changed)


def mutated_json(value: Any, chance: Random) -> Any:
    """JSON with some values anywhere in it changed or left out."""
    root = {"": deepcopy(value)}
    for _ in range(chance.choice([1, 1, 2, 4])):
        places = list(_places_in(root))
        if not places:
            break
        container, key = chance.choice(places)
        other, other_key = chance.choice(places)
        if chance.random() < 0.1:
            del container[key]
        else:
            container[key] = deepcopy(chance.choice([*VALUES, *[other[other_key]] * 4]))
    return root.get("")


def _places_in(value: object) -> Iterator[tuple[Any, Any]]:
    """Every key of a dict or list in a value of JSON, with what it is in."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places_in(item)


def mutated_text(content: bytes, chance: Random) -> bytes:
    """The text of some JSON, changed as bytes or as values."""
    if chance.random() < 0.5:
        return mutated(content, chance)
    return json.dumps(mutated_json(json.loads(content), chance)).encode()


def _h5(keras: int, folder: Path, chance: Random) -> App:
    path = folder / "model.h5"
    path.write_bytes((OTHERS / f"keras{keras}.h5").read_bytes())
    if chance.random() < 0.5:
        path.write_bytes(mutated(path.read_bytes(), chance))
    else:
        with h5py.File(path, "a") as file:
            file.attrs["model_config"] = json.dumps(mutated_json(json.loads(file.attrs["model_config"]), chance))
    return path, _tokenizer_options(folder)


def _zip(folder: Path, chance: Random) -> App:
    path = _whole_zip(folder, chance)
    path.write_bytes(mutated(path.read_bytes(), chance))
    return path, _tokenizer_options(folder)


def _zip_member(folder: Path, chance: Random) -> App:
    path = _whole_zip(folder, chance)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    name = chance.choice(list(members))
    members[name] = (mutated_text if name.endswith(".json") else mutated)(members[name], chance)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    # The vocabulary in the file is read where there is no other.
    return path, AdoptOptions(max_length=6) if "vocabulary" in str(members) else _tokenizer_options(folder)


def _whole_zip(folder: Path, chance: Random) -> Path:
    path = folder / "model.keras"
    keras = chance.choice([2, 3, None])
    if keras is None:
        return write_keras(path, with_vectorization(), words=["", "[UNK]", "good", "bad"])
    path.write_bytes((OTHERS / f"keras{keras}.keras").read_bytes())
    return path


def _architecture(folder: Path, chance: Random) -> App:
    path, architecture = folder / "weights.h5", folder / "model.json"
    keras = chance.choice([2, 3])
    path.write_bytes((OTHERS / f"keras{keras}.weights.h5").read_bytes())
    architecture.write_bytes(mutated_text((OTHERS / f"keras{keras}.json").read_bytes(), chance))
    return path, AdoptOptions(tokenizer=write_tokenizer(folder / "tokenizer.json"), architecture=architecture)


def _tokenizer_json(folder: Path, chance: Random) -> App:
    path = write_tokenizer(folder / "tokenizer.json")
    if chance.random() < 0.3:
        config = json.loads(path.read_bytes())["config"]
        write_tokenizer(path, word_index=mutated_text(config["word_index"].encode(), chance).decode(errors="replace"))
    else:
        path.write_bytes(mutated_text(path.read_bytes(), chance))
    return _unchanged_h5(folder), AdoptOptions(tokenizer=path)


def _pickle(folder: Path, chance: Random) -> App:
    path = folder / "tokenizer.pickle"
    path.write_bytes(mutated(pickled_tokenizer(chance.randrange(6)), chance))
    return _unchanged_h5(folder), AdoptOptions(tokenizer=path)


def _unchanged_h5(folder: Path) -> Path:
    path = folder / "model.h5"
    return path if path.exists() else write_h5(path)


def _tokenizer_options(folder: Path) -> AdoptOptions:
    return AdoptOptions(tokenizer=write_tokenizer(folder / "tokenizer.json"))


MUTATIONS: dict[str, Callable[[Path, Random], App]] = {
    "h5 of Keras 2": partial(_h5, 2),
    "h5 of Keras 3": partial(_h5, 3),
    "zip": _zip,
    "zip member": _zip_member,
    "architecture": _architecture,
    "tokenizer": _tokenizer_json,
    "pickle": _pickle,
}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), in_child="--child" in sys.argv)
