"""Pieces of a file: their order, and going on after an interruption."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest

from serving.errors import FileError
from serving.predictor import Prediction
from serving.scoring import Options, Progress, score
from tests.serving.fakes import FakePredictor
from tests.serving.tables import rows_of, write_csv


class Overtaking(FakePredictor):
    """Answers the first piece only after a later one."""

    def __init__(self) -> None:
        super().__init__()
        self.later = Event()

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        if "row 0" in texts:
            assert self.later.wait(timeout=30)
        else:
            self.later.set()
        return super().predict(texts)


class Interrupted(FakePredictor):
    """Is interrupted in its third piece."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        if "row 5000" in texts:
            raise KeyboardInterrupt
        return super().predict(texts)


def numbered(path: Path, rows: int) -> Path:
    return write_csv(path, ["text"], [[f"row {i}"] for i in range(rows)])


def test_pieces_that_overtake_each_other_are_written_in_order(tmp_path: Path) -> None:
    source = numbered(tmp_path / "in.csv", 5000)
    assert score(Overtaking(), source, tmp_path / "out.csv", Options(threads=2)).rows == 5000
    assert [row["text"] for row in rows_of(tmp_path / "out.csv")] == [f"row {i}" for i in range(5000)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_an_interrupted_scoring_is_gone_on_with(tmp_path: Path, suffix: str) -> None:
    source, target = numbered(tmp_path / "in.csv", 7000), tmp_path / f"out{suffix}"
    score(FakePredictor(), source, tmp_path / f"whole{suffix}", Options())
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(), source, target, Options())
    assert not target.exists()
    again = FakePredictor()
    assert score(again, source, target, Options(resume=True)) == Progress(7000, 4096, 0, 1.0)
    assert again.seen == [f"row {i}" for i in range(4096, 7000)]
    assert target.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", f"out{suffix}", f"whole{suffix}"]


def test_another_input_is_not_gone_on_with(tmp_path: Path) -> None:
    source = numbered(tmp_path / "in.csv", 7000)
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(), source, tmp_path / "out.csv", Options())
    numbered(source, 7001)
    with pytest.raises(FileError, match="begun with another input"):
        score(FakePredictor(), source, tmp_path / "out.csv", Options(resume=True))
