"""Mutated files end in a bundle or a sentence: never in a traceback, a hang, or more than 500 MB."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.errors import MAX_SENTENCE
from tests.serving.adopt.fuzz import MUTATIONS

ROOT = Path(__file__).parents[3]
MAX_KILOBYTES = 500 * 1024


def fuzz(kind: str, first: int, count: int) -> list[str]:
    """The sentence of each mutation, empty where it is accepted."""
    sentences: list[str] = []
    while len(sentences) < count:
        lines, signal = run(kind, first + len(sentences), count - len(sentences))
        sentences += lines
        if signal:  # the HDF5 library failed or ran for too long
            lines, signal = run(kind, first + len(sentences), 1, "--child")
            assert not signal, f"mutation {first + len(sentences)} also ends who does not read it"
            sentences += lines
    return sentences


def run(kind: str, first: int, count: int, *options: str) -> tuple[list[str], int]:
    """The sentences until the end, and the signal that ended the process; 0 if none did."""
    command = [sys.executable, "-m", "tests.serving.adopt.fuzz", kind, str(first), str(count), *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode <= 0, f"mutation {first + len(answers)}: {result.stderr[-4000:]}"
    assert result.returncode or not result.stderr
    assert max((answer["kilobytes"] for answer in answers), default=0) < MAX_KILOBYTES
    return [answer["sentence"] for answer in answers], -result.returncode


def check(sentences: list[str]) -> None:
    refusals = [sentence for sentence in sentences if sentence]
    assert len(refusals) > len(sentences) / 10
    assert len(set(refusals)) > 5
    assert [sentence for sentence in refusals if not 20 < len(sentence) <= MAX_SENTENCE] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", MUTATIONS)
def test_two_hundred_mutations(kind: str) -> None:
    check(fuzz(kind, 0, 200))


@pytest.mark.soak
@pytest.mark.parametrize("kind", MUTATIONS)
def test_ten_thousand_mutations(kind: str) -> None:
    check(fuzz(kind, 200, 10_000))
