import csv
import io
from datetime import UTC, datetime

from serving.feedback.corrections import StoredCorrection
from serving.feedback.export import to_csv

CREATED = datetime(2026, 12, 1, 10, 20, 30, 456789, UTC)
TEXT = '=1+1, "quoted"\r\nand\ntwo\tlines 😀 '


def stored(text: str) -> StoredCorrection:
    return StoredCorrection("0f0f", CREATED, text, "negative", "positive", "0123456789ab", "a;b")


def test_the_right_label_is_the_one_that_training_reads() -> None:
    assert to_csv([stored("so good")]) == (
        "text,label,predicted,model_version,note,created,id\r\n"
        "so good,positive,negative,0123456789ab,a;b,2026-12-01T10:20:30.456789+00:00,0f0f\r\n"
    )


def test_any_text_is_kept_as_it_is() -> None:
    _, row = csv.reader(io.StringIO(to_csv([stored(TEXT)]), newline=""))
    assert row[0] == TEXT


def test_pages_make_one_file() -> None:
    rows = [stored("a"), stored("b")]
    assert to_csv(rows[:1]) + to_csv(rows[1:], header=False) == to_csv(rows)
    assert to_csv([]).count("\n") == 1
