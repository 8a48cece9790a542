"""Mutated files end in a bundle or a sentence: never in a traceback, a hang, or more than 500 MB."""

import json
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from serving.errors import MAX_SENTENCE
from tests.serving.adopt.fuzz import MUTATIONS

ROOT = Path(__file__).parents[3]
MAX_KILOBYTES = 500 * 1024


def fuzz(kind: str, first: int, count: int) -> list[str]:
    """The sentence of each mutation, empty where it is accepted."""
    sentences: list[str] = []
    while len(sentences) < count:
        answers, signal = run(kind, first + len(sentences), count - len(sentences))
        small = list(takewhile(is_small, answers))
        sentences += [answer["sentence"] for answer in small]
        # Read in this process, the HDF5 library failed, ran for too long or took too much.
        if signal or len(small) < len(answers):
            answers, signal = run(kind, first + len(sentences), 1, "--child")
            assert not signal, f"mutation {first + len(sentences)} also ends who does not read it"
            assert all(map(is_small, answers)), f"mutation {first + len(sentences)} takes {answers}"
            sentences += [answer["sentence"] for answer in answers]
    return sentences


def run(kind: str, first: int, count: int, *options: str) -> tuple[list[dict[str, Any]], int]:
    """The answers until the end, and the signal that ended the process; 0 if none did."""
    command = [sys.executable, "-m", "tests.serving.adopt.fuzz", kind, str(first), str(count), *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode <= 0, f"mutation {first + len(answers)}: {result.stderr[-4000:]}"
    assert result.returncode or not result.stderr
    return answers, -result.returncode


def is_small(answer: dict[str, Any]) -> bool:
    return int(answer["kilobytes"]) < MAX_KILOBYTES


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
