"""Data for a search, and storages that several processes can share."""

import csv
from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "d.csv"
    rows = [(f"{word} {noun} {i}", word) for i in range(8) for word in ("good", "bad") for noun in ("show", "tea")]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture(params=["journal", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty one of each kind."""
    if request.param == "journal":
        return f"journal:{tmp_path / 'shared' / 'trials.log'}"
    return str(request.getfixturevalue("database"))
