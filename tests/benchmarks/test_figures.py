import json
from pathlib import Path

import pytest

from benchmarks.figures import main, table
from serving.model.predictor import Predictor
from tests.bundles import edit_metadata
from training.evaluation.results import Row
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


def test_behaviour_stands_beside_the_baselines(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"negation": {"pairs": 8, "failures": 1}, "over all": {"pairs": 8, "failures": 1}}
    metrics = {"test": TEST, "behaviour": {"choosing": {}, "measuring": counts}}
    edit_metadata(bundle, lambda content: content.update(metrics=metrics))
    row = Row("TF-IDF", 0.5, 0.5, 0.5, 1.0, 100, 100.0, behaviour={"negation": 0.5, "over all": 0.5})
    unasked = Row("forest", 0.5, 0.5, 0.5, 1.0, 100, 100.0)
    (bundle / "report").mkdir(exist_ok=True)
    record = TrainingRecord(baselines=[row, unasked]).as_json()
    (bundle / "report" / RECORD).write_text(json.dumps(record), encoding="utf-8")
    main(bundle)
    printed = capsys.readouterr().out
    assert Predictor.load(bundle).metadata.model_version in printed
    assert "| capability | pairs | network | TF-IDF |" in printed
    assert "| negation | 8 | 12.5% | 50.0% |" in printed
