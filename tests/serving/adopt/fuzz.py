"""Adopts an app of which one file is mutated, many times: python -m tests.serving.adopt.fuzz KIND COUNT SEED.

Prints JSON: how many were accepted and refused, the sentences, and the most memory. A hang or a crash ends the process.
"""

import json
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from serving.adopt.adopt import AdoptOptions, adopt
from serving.adopt.keras_files import read_keras_file
from serving.errors import ServingError
from tests.serving.adopt.keras_app import architecture, pickled_tokenizer, write_h5, write_keras, write_tokenizer

SECONDS = 20  # of processor time, for one file
INTEGERS = (0, -1, 1, 255, 65535, 2**31 - 1, 2**31, 2**63 - 1)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**40,
    1e308,
    "",
    "x" * 1000,
    "\x1b[2J",
    [],
    {},
    [[]],
    ["a", 0, 0],
    {"class_name": "Lambda"},
)


def main(kind: str, count: int, seed: int) -> None:
    """Run and print."""
    counts, sentences = {"accepted": 0, "refused": 0}, set[str]()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            chance = Random(f"{kind} {seed} {number}")
            model, tokenizer = MUTATIONS[kind](Path(folder), chance)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            with suppress(ServingError):  # adopt reads it in a process of its own, whose memory is not seen here
                read_keras_file(model)
            try:
                adopt(model, None, AdoptOptions(tokenizer=tokenizer), lambda _: None)
                counts["accepted"] += 1
            except ServingError as error:
                counts["refused"] += 1
                sentences.add(str(error))
            except BaseException:
                sys.stderr.write(f"mutation {number}\n")
                raise
            signal.setitimer(signal.ITIMER_PROF, 0)
    sys.stdout.write(json.dumps({**counts, "kilobytes": _peak(), "sentences": sorted(sentences)}))


def _peak() -> int:
    """The most memory of this process so far, in kB; 0 where the system does not tell."""
    status = Path("/proc/self/status")  # getrusage also counts what the parent had when it started this process
    match = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii")) if status.exists() else None
    return int(match[1]) if match else 0


def mutated(content: bytes, chance: Random) -> bytes:
    """A file with some bytes changed, cut off, moved or put in."""
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        start = chance.randrange(len(changed) or 1)
        length = chance.choice([1, 2, 4, 8, 64])
        part = chance.choice([b"", chance.randbytes(length), bytes(length), b"\xff" * length, changed[start:][:length]])
        if chance.random() < 0.3:
            part = chance.choice(INTEGERS).to_bytes(8, "little", signed=True)[: chance.choice([1, 2, 4, 8])]
        if chance.random() < 0.05:
            del changed[start:]
        changed[start : start + chance.choice([0, len(part)])] = part
    return bytes(changed)


def mutated_json(value: Any, chance: Random) -> Any:
    """JSON with one value somewhere in it changed."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    if not keys or chance.random() < 0.15:
        return chance.choice(VALUES)
    key = chance.choice(list(keys))
    copy = value.copy()
    if chance.random() < 0.1:
        del copy[key]
    else:
        copy[key] = mutated_json(value[key], chance)
    return copy


def _model(write: Callable[..., Path], name: str) -> Callable[[Path, Random], tuple[Path, Path]]:
    def mutate(folder: Path, chance: Random) -> tuple[Path, Path]:
        in_json = chance.random() < 0.5
        path = write(folder / name, mutated_json(architecture(), chance) if in_json else None)
        if not in_json:
            path.write_bytes(mutated(path.read_bytes(), chance))
        return path, write_tokenizer(folder / "tokenizer.json")

    return mutate


def _tokenizer_json(folder: Path, chance: Random) -> tuple[Path, Path]:
    path = write_tokenizer(folder / "tokenizer.json")
    content = path.read_bytes()
    if chance.random() < 0.5:
        path.write_text(json.dumps(mutated_json(json.loads(content), chance)), encoding="utf-8")
    else:
        path.write_bytes(mutated(content, chance))
    return write_h5(folder / "model.h5"), path


def _pickle(folder: Path, chance: Random) -> tuple[Path, Path]:
    path = folder / "tokenizer.pickle"
    path.write_bytes(mutated(pickled_tokenizer(chance.randrange(6)), chance))
    return write_h5(folder / "model.h5"), path


MUTATIONS: dict[str, Callable[[Path, Random], tuple[Path, Path]]] = {
    "h5": _model(write_h5, "model.h5"),
    "keras": _model(write_keras, "model.keras"),
    "json": _tokenizer_json,
    "pickle": _pickle,
}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
