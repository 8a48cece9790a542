import json
import re
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from benchmarks.figures import main, table, times
from serving.model.predictor import Predictor
from tests.bundles import edit_metadata
from training.evaluation.results import Row
from training.progress import Epoch
from training.report.report_data import RECORD, TrainingRecord

TEST = {
    "rows": 1234,
    "macro_recall": 0.6123,
    "macro_f1": 0.5,
    "accuracy": 0.61,
    "expected_calibration_error": 0.02,
    "expected_calibration_error_uncalibrated": 0.08,
    "classes": {"negative": {"recall": 0.7}},
}


def test_the_table_holds_the_test_parts_figures() -> None:
    lines = table(TEST).splitlines()
    assert "| test rows | 1,234 |" in lines
    assert "| macro recall | 0.612 |" in lines
    assert "| before temperature scaling | 0.080 |" in lines
    assert "| recall of negative | 0.700 |" in lines


def test_behaviour_stands_beside_the_baselines_that_were_asked(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_metadata(bundle, lambda content: content.update(metrics={"test": TEST}))
    row = Row("TF-IDF", 0.5, 0.5, 0.5, 1.0, 100, 100.0, behaviour={"negation": 0.5, "over all": 0.25})
    unasked = Row("forest", 0.5, 0.5, 0.5, 1.0, 100, 100.0)
    (bundle / "report").mkdir(exist_ok=True)
    record = TrainingRecord(baselines=[row, unasked]).as_json()
    (bundle / "report" / RECORD).write_text(json.dumps(record), encoding="utf-8")
    main(bundle)
    printed = capsys.readouterr().out
    assert Predictor.load(bundle).metadata.model_version in printed
    assert "| test rows | 1,234 |" in printed
    assert "| capability | pairs | network | TF-IDF |" in printed
    assert re.search(r"\| negation \| 13 \| [\d.]+% \| 50.0% \|", printed)
    assert re.search(r"\| \*\*over all\*\* \| \*\*137\*\* \| \*\*[\d.]+%\*\* \| \*\*25.0%\*\* \|", printed)


def test_each_stage_has_its_minutes_where_they_are_known() -> None:
    epoch = Epoch(1, 0.5, nan, nan, nan, seconds=90.0)
    record = TrainingRecord({"first": [epoch, epoch], "second": [replace(epoch, seconds=nan)]})
    assert times(record).splitlines()[2:] == [
        "| stage first | 3 min |",
        "| baselines, fitted and measured beside it | 0 min |",
    ]
