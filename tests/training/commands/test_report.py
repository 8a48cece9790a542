"""The same report once more, without training."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.model.bundle import Bundle
from tests.bundles import edit_metadata
from training.__main__ import app
from training.commands.report import report
from training.console import Display
from training.errors import DataError
from training.report.report_data import TrainingRecord


@pytest.fixture
def trained(sample_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the trained bundle to change."""
    return Path(shutil.copytree(sample_bundle, tmp_path / "bundle"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def age(content: dict[str, Any]) -> None:
    """Make metadata what an earlier version wrote."""
    content["schema_version"] = 1
    for key in ("inputs", "origin", "text_rules", "thresholds", "risk_coverage"):
        del content[key]
    content["metrics"] = {}
    content["recipe"]["fit"]["r_drop"] = 0.0


def test_an_older_bundle_gets_what_training_writes_today(
    trained: Path, sample_bundle: Path, sample: Path, display: Display
) -> None:
    edit_metadata(trained, age)
    for path in (trained / "report").rglob("*"):
        if path.is_file() and path.name != "history.json":
            path.unlink()
    figures = report(trained, [sample], display)
    assert contents(trained) == contents(sample_bundle)
    assert figures.as_json() == Bundle.read(trained).metadata.metrics["test"]
    assert [path.name for path in trained.parent.iterdir()] == ["bundle"]


def test_the_metadata_has_the_curve_of_the_validation_part(sample_bundle: Path) -> None:
    metadata = Bundle.read(sample_bundle).metadata
    assert (metadata.schema_version, metadata.inputs, metadata.origin) == (2, "text", "trained")
    assert metadata.risk_coverage[-1].coverage == 1
    accuracy = metadata.metrics["validation"]["accuracy"]
    assert metadata.risk_coverage[-1].risk == pytest.approx(1 - accuracy)


def test_without_a_record_baselines_can_be_measured_anew(trained: Path, sample: Path, display: Display) -> None:
    (trained / "report" / "history.json").unlink()
    report(trained, [sample], display, baselines=True)
    record = TrainingRecord.read(trained)
    assert record.epochs == {}
    assert "VADER" in {row.name for row in record.baselines}
    assert record.network is not None
    assert record.network.training_seconds is None
    assert "No epoch was recorded." in (trained / "report" / "report.html").read_text(encoding="utf-8")


def test_other_data_are_refused_and_nothing_is_changed(trained: Path, sample: Path, display: Display) -> None:
    before, other = contents(trained), trained.parent / "sample.csv"
    other.write_text(sample.read_text(encoding="utf-8") + "one more,positive\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"was not trained on sample\.csv; accepted: sample\.csv of sha256 "):
        report(trained, [other], display)
    assert contents(trained) == before


def test_rows_that_are_split_otherwise_are_refused(trained: Path, sample: Path, display: Display) -> None:
    edit_metadata(trained, lambda content: content["split"]["test"].update(positive=1))
    with pytest.raises(DataError, match="another version cleaned and split them; accepted: "):
        report(trained, [sample], display)


def test_a_recipe_that_cannot_be_read_is_told(trained: Path, sample: Path, display: Display) -> None:
    edit_metadata(trained, lambda content: content["recipe"].update(seed="one"))
    with pytest.raises(DataError, match=r"the recipe of quick \w+ does not tell how its files were read: seed: found"):
        report(trained, [sample], display)


def test_the_command(trained: Path, sample: Path) -> None:
    done = CliRunner().invoke(app, ["report", str(trained), "--data", str(sample), "--report-texts"])
    assert done.exit_code == 0
    assert "Test part, through serving" in done.stdout
    assert "The most confident mistakes" in (trained / "report" / "report.html").read_text(encoding="utf-8")
    assert json.loads((trained / "report" / "plots.json").read_text(encoding="utf-8"))


def test_the_command_measures_quality_against_cost_which_later_reports_keep(trained: Path, sample: Path) -> None:
    done = CliRunner().invoke(app, ["report", str(trained), "--data", str(sample), "--cost"])
    assert done.exit_code == 0
    assert "Measured alone on one core: VADER" in done.stdout
    record = TrainingRecord.read(trained)
    names = ["majority", "TF-IDF + logistic regression", "VADER", "quick (network, served)"]
    assert [cost.name for cost in record.costs] == names
    assert record.network is not None
    assert record.costs[-1].macro_recall == pytest.approx(record.network.macro_recall)
    plots = json.loads((trained / "report" / "plots.json").read_text(encoding="utf-8"))
    assert plots[-1]["name"] == "quality-against-cost"
    assert (trained / "report" / plots[-1]["file"]).is_file()
    again = CliRunner().invoke(app, ["report", str(trained), "--data", str(sample)])
    assert again.exit_code == 0
    assert TrainingRecord.read(trained) == record


def test_a_teacher_is_measured_without_another_option(trained: Path, sample: Path) -> None:
    before = contents(trained)
    done = CliRunner().invoke(app, ["report", str(trained), "--data", str(sample), "--teacher", str(trained / "none")])
    assert isinstance(done.exception, DataError)
    assert "no teacher; accepted: what `python -m training finetune` wrote" in str(done.exception)
    assert contents(trained) == before
