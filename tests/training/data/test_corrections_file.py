"""What users have corrected, read as a data file."""

from pathlib import Path

import pytest

from serving.feedback.command import corrections
from serving.feedback.corrections import Correction
from serving.feedback.store import CorrectionStore
from training.data.sources import read_rows
from training.recipe.data import DataConfig

TEXTS = [
    "so good",
    'said "no", twice',
    "two\nlines, and\r\nmore",
    "=1+1",
    "a;b;c\td|e",
    "  café 😀 ",
    '"',
    "nul \0 here",
    "text,label",
    "x" * 5000,
]


@pytest.mark.parametrize("count", [1, len(TEXTS)])
def test_training_reads_every_correction_by_its_right_label(tmp_path: Path, count: int) -> None:
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    store = CorrectionStore(url, timeout=30, pool_size=1)
    for text in TEXTS[:count]:
        store.add(Correction(text, "negative", "positive", "0123456789ab", "a note, with a comma"))
    store.close()
    corrections(tmp_path / "corrections.csv", url)
    notes: list[str] = []
    frame, _ = read_rows([tmp_path / "corrections.csv"], DataConfig(), [], seed=1, notes=notes)
    assert frame.row.tolist() == [text.replace("\0", "\ufffd") for text in TEXTS[:count]]
    assert set(frame.label) == {"positive"}
    assert notes == []
