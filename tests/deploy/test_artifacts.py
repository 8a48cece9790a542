"""The bundle that is committed, as a dyno would serve it from a clone."""

import json
from pathlib import Path

import pytest

from benchmarks.figures import behaviour, table, times
from serving.model.bundle import Bundle
from serving.model.metadata import Metadata
from serving.model.predictor import Predictor
from tests.deploy.conftest import RunWeb
from tests.deploy.services import ROOT, http_client
from training.evaluation.tables import as_markdown
from training.recipe.recipe import Recipe, find_recipe, read_recipe
from training.report.cost import cost_table
from training.report.report_data import TrainingRecord
from training.text.emoji_names import emoji_names

DEFAULT = "tweets"


@pytest.fixture(scope="module")
def default() -> Metadata:
    """The default bundle's; who deploys a model of their own is not held to what we say of ours."""
    metadata = Bundle.read(ROOT / "artifacts").metadata
    if metadata.name != DEFAULT:
        pytest.skip(f"artifacts/ holds the model {metadata.name!r}, not the default one")
    return metadata


def test_the_committed_bundle_is_deployed_and_answers(run_web: RunWeb) -> None:
    labels = Bundle.read(ROOT / "artifacts").metadata.labels
    with run_web() as web, http_client(web) as client:
        assert client.get("/readyz").status_code == 200
        assert client.post("/predict", json={"text": "WORST SHOW EVER"}).json()["label"] in labels


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "artifacts").rglob("*")) < 25e6


def test_the_default_one_knows_the_worst_show_ever(default: Metadata, run_web: RunWeb) -> None:
    assert default.labels == ["negative", "neutral", "positive"]
    with run_web() as web, http_client(web) as client:
        assert client.post("/predict", data={"text": "WORST SHOW EVER"}).json()["label"] == "negative"


def test_the_default_one_has_a_report_with_plots(default: Metadata) -> None:
    report = ROOT / "artifacts" / "report"
    plots = json.loads((report / "plots.json").read_text(encoding="utf-8"))
    assert {plot["file"] for plot in plots} == {f"plots/{path.name}" for path in (report / "plots").iterdir()}
    assert json.loads((report / "metrics.json").read_text(encoding="utf-8")) == default.metrics
    record = TrainingRecord.read(ROOT / "artifacts")
    assert list(record.epochs) == [stage["name"] for stage in default.recipe["stages"]]
    assert record.network is not None
    assert record.network.macro_recall > max(row.macro_recall for row in record.baselines)


def test_the_default_one_says_where_it_is_sure(default: Metadata) -> None:
    assert {threshold.label for threshold in default.thresholds} == set(default.labels)
    validation = default.metrics["validation"]
    assert default.risk_coverage[-1].coverage == 1
    assert default.risk_coverage[-1].risk == pytest.approx(1 - validation["accuracy"])
    assert sum(default.split["validation"].values()) == validation["rows"]


def test_the_default_one_is_what_its_recipe_makes(default: Metadata) -> None:
    assert Recipe.from_bundle(default.recipe) == read_recipe(find_recipe(Path(DEFAULT)))


def test_the_page_of_figures_quotes_its_own(default: Metadata) -> None:
    page = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    assert table(default.metrics["test"]) in page
    assert behaviour(ROOT / "artifacts") in page
    record = TrainingRecord.read(ROOT / "artifacts")
    assert times(record) in page
    assert as_markdown(cost_table(record.costs)) in page
    assert default.model_version in page


def test_the_default_one_answers_what_the_page_shows_first(default: Metadata) -> None:
    expected = {
        "I love this, thank you so much!": "positive",
        "WORST SHOW EVER": "negative",
        "The next train leaves at nine.": "neutral",
        "not bad at all :)": "positive",
        "two hours late and nobody says a word 😡": "negative",
        "Can anyone tell me when the library opens on Sunday?": "neutral",
    }
    texts = [answer.row for answer in default.known_answers]
    predictions = Predictor.load(ROOT / "artifacts").predict(texts)
    assert {text: prediction.label for text, prediction in zip(texts, predictions, strict=True)} == expected


@pytest.mark.usefixtures("default")
def test_the_default_one_knows_every_emoji() -> None:
    # A tone of skin says nothing without the emoji before it.
    texts = [emoji for emoji in emoji_names() if emoji not in "🏻🏼🏽🏾🏿"]
    predictions = Predictor.load(ROOT / "artifacts").predict([*texts, *(text * 3 for text in texts)])
    assert len(texts) > 3000
    assert min(prediction.in_vocabulary for prediction in predictions) >= 0.9
