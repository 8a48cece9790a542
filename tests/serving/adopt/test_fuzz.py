"""Mutated files end in a bundle or a sentence: never in a traceback, a hang, or more than 500 MB."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
MAX_KILOBYTES = 500 * 1024


def run(kind: str, count: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.serving.adopt.fuzz", kind, str(count), str(seed)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-4000:]
    counts: dict[str, Any] = json.loads(result.stdout)
    assert counts["accepted"] + counts["refused"] == count
    assert counts["kilobytes"] < MAX_KILOBYTES
    assert [sentence for sentence in counts["sentences"] if not 20 < len(sentence) < 2000] == []
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["h5", "keras", "json", "pickle"])
def test_two_hundred_mutations(kind: str) -> None:
    counts = run(kind, 200, 1)
    assert counts["refused"] > 20
    assert len(counts["sentences"]) > 5


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["h5", "keras", "json", "pickle"])
def test_ten_thousand_mutations(kind: str) -> None:
    for seed in range(2, 12):
        run(kind, 1000, seed)
