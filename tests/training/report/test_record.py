import json
from pathlib import Path

import pytest

from tests.training.report.examples import COMPARED, HISTORY, report_data
from training.errors import DataError
from training.report.record import TrainingRecord
from training.report.render import write_report


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_report(tmp_path, report_data(record=COMPARED))
    found = TrainingRecord.read(tmp_path)
    assert repr(found.epochs) == repr(HISTORY)  # NaN is not equal to itself
    assert (found.baselines, found.network) == (COMPARED.baselines, COMPARED.network)


def test_it_is_json_that_every_reader_knows(tmp_path: Path) -> None:
    write_report(tmp_path, report_data(record=COMPARED))
    text = (tmp_path / "report" / "history.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text)["epochs"]["words"][0]["macro_recall"] is None


def test_a_bundle_without_one_has_an_empty_one(tmp_path: Path) -> None:
    assert TrainingRecord.read(tmp_path) == TrainingRecord()


def test_its_seconds_are_those_of_all_epochs() -> None:
    assert COMPARED.seconds == 210


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"epochs": {"fit": [{"odd": 1}]}, "baselines": [], "network": 0}']
)
def test_what_is_no_record_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "history.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"history\.json: is not the record of a training"):
        TrainingRecord.read(tmp_path)
