"""What training's commands do with an adopted bundle."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.__main__ import app as serving_app
from tests.serving.adopt.keras_app import write_h5, write_tokenizer
from training.__main__ import app
from training.errors import DataError


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("app")
    files = [str(write_h5(folder / "model.h5")), "--tokenizer", str(write_tokenizer(folder / "tokenizer.json"))]
    options = ["--labels", "spam,none", "--out", str(folder / "bundle")]
    assert CliRunner().invoke(serving_app, ["adopt", *files, *options]).exit_code == 0
    return folder / "bundle"


def test_evaluate_measures_it(bundle: Path, tmp_path: Path) -> None:
    # "none" is a label of its own, not a missing value.
    (tmp_path / "rows.csv").write_text("text,label\ngood day,spam\nbad train,none\nfree,None\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", str(bundle), "--data", str(tmp_path / "rows.csv"), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"] == 3


def test_report_needs_its_data(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\ngood day,spam\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["report", str(bundle), "--data", str(tmp_path / "rows.csv")])
    assert isinstance(result.exception, DataError)
    assert "was adopted, so that its recipe and data are not known" in str(result.exception)
