from pathlib import Path

import pytest

from benchmarks.files import Measurement, check_rows, compare, records, table, texts, write_rows
from tests.bundles import FORM


def test_the_table_shows_each_way_beside_the_predictor_alone() -> None:
    measurements = [Measurement("alone", 1000, 2.0, 190.4), Measurement("`score`", 1000, 2.5, 188.0, 500.0)]
    assert table(measurements, 1000, 100_000_000).splitlines() == [
        "1,000 rows, 100 MB:",
        "",
        "| way | rows/s | of the predictor alone | peak memory |",
        "|---|---:|---:|---:|",
        "| alone | 500 |  | 190 MB |",
        "| `score` | 400 | 80% | 188 MB |",
    ]


def test_texts_are_the_same_for_a_seed_and_of_varied_length() -> None:
    drawn = list(texts(500))
    assert drawn == list(texts(500))
    assert drawn != list(texts(500, seed=2))
    assert len({len(text.split()) for text in drawn}) > 20


def test_a_row_has_about_a_hundred_bytes(pristine_bundle: Path, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", records(pristine_bundle, 2000))
    assert 90 < (tmp_path / "rows.csv").stat().st_size / 2000 < 130


def test_rows_of_fields_have_a_column_for_each(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", records(FORM, 20))
    lines = (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()
    assert (lines[0], len(lines)) == ("id,posted,age,workclass,hours-per-week,sex", 21)


@pytest.mark.parametrize(
    "scored",
    [
        "text,label\na,x\n",
        "text,label\nb,x\na,x\n",
        "text,label\na,x\nb,\n",
        "text,label\na,x\nb,x\nb,x\n",
    ],
)
def test_a_row_that_is_lost_moved_unanswered_or_doubled_is_noticed(tmp_path: Path, scored: str) -> None:
    (tmp_path / "in.csv").write_text("text\na\nb\n", encoding="utf-8")
    (tmp_path / "out.csv").write_text("text,label\na,x\nb,x\n", encoding="utf-8")
    assert check_rows(tmp_path / "in.csv", tmp_path / "out.csv") == 2
    (tmp_path / "out.csv").write_text(scored, encoding="utf-8")
    with pytest.raises(ValueError, match=r"row|rows"):
        check_rows(tmp_path / "in.csv", tmp_path / "out.csv")


@pytest.mark.slow
def test_all_ways_are_measured(pristine_bundle: Path, tmp_path: Path) -> None:
    ways, size = compare(pristine_bundle, 300, tmp_path, 2)
    assert size > 300 * 90
    assert [way.rows for way in ways] == [300, 300, 300, 3, 300]
    assert [bool(way.alone) for way in ways] == [False, True, False, True, True]
    assert all(way.memory > 20 and way.rate > 0 for way in ways)
