"""An adopted bundle answers everywhere that a trained one does."""

import csv
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from serving.__main__ import app
from serving.model.bundle import sha256
from serving.model.predictor import Predictor
from tests.serving.adopt.keras_app import answer, write_h5, write_tokenizer

TEXT = "Good, unknown day!"
PROBABILITY = round(answer([0, 0, 0, 2, 1, 4]), 6)
LABEL = "spam" if PROBABILITY > 0.1 else "ham"


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an app's files and the bundle."""
    folder = tmp_path_factory.mktemp("app")
    files = [str(write_h5(folder / "model.h5")), "--tokenizer", str(write_tokenizer(folder / "tokenizer.json"))]
    options = ["--labels", "ham,spam", "--threshold", "0.1", "--out", str(folder / "bundle")]
    assert CliRunner().invoke(app, ["adopt", *files, *options]).exit_code == 0
    return folder


@pytest.fixture
def predictor(adopted: Path) -> Predictor:
    """What the service of these tests serves."""
    return Predictor.load(adopted / "bundle")


def test_json_with_an_explanation(client: TestClient) -> None:
    body = client.post("/predict", json={"text": TEXT, "explain": True}).json()
    assert (body["label"], body["probabilities"]["spam"]) == (LABEL, PROBABILITY)
    assert [word["word"] for word in body["explanation"]] == ["Good", ",", "unknown", "day", "!"]
    assert client.post("/predict", json={"texts": [TEXT, "bad"]}).json()["predictions"][0]["label"] == LABEL


def test_form_and_page(browser: TestClient) -> None:
    assert "ham" in browser.get("/model").text
    assert LABEL in browser.post("/predict", data={"text": TEXT}).text


def test_an_uploaded_file(client: TestClient) -> None:
    answered = client.post("/predict/file", files={"file": ("rows.csv", f'text\n"{TEXT}"\n')})
    (row,) = csv.DictReader(answered.text.splitlines())
    assert (row["label"], float(row["p_spam"])) == (LABEL, PROBABILITY)


def test_score(adopted: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(f'text\n"{TEXT}"\n', encoding="utf-8")
    output = tmp_path / "scored.csv"
    options = ["--output", str(output), "--bundle", str(adopted / "bundle")]
    assert CliRunner().invoke(app, ["score", str(tmp_path / "rows.csv"), *options]).exit_code == 0
    (row,) = csv.DictReader(output.read_text("utf-8").splitlines())
    assert (row["label"], float(row["p_spam"])) == (LABEL, PROBABILITY)


def test_metrics_name_its_version_and_labels(client: TestClient, predictor: Predictor) -> None:
    client.post("/predict", json={"text": TEXT})
    metrics = client.get("/metrics").text
    assert predictor.metadata.model_version in metrics
    assert re.search(rf'label="{LABEL}"[^\n]* 1\.0', metrics)


def test_the_models_page_says_where_it_is_from_and_what_is_not_known(browser: TestClient, adopted: Path) -> None:
    page = browser.get("/model").text
    assert "not trained here, but adopted" in page
    assert "came without measurements" in page
    assert "python -m training evaluate" in page
    assert "“spam” where that has a probability above 0.1" in page
    assert "saved by Keras 2.4.0" in page
    for name in ("model.h5", "tokenizer.json"):
        assert name in page
        assert sha256(adopted / name) in page
    for claim in ("LSTM", "temperature", "recipe", "random seed", "What it learned from"):
        assert claim not in page


def test_the_models_json(client: TestClient) -> None:
    body = client.get("/model", headers={"accept": "application/json"}).json()
    assert (body["origin"], body["decision_threshold"], body["metrics"]) == ("adopted", 0.1, {})
    assert [file["file"] for file in body["adopted_files"]] == ["model.h5", "tokenizer.json"]
