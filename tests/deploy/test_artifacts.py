"""The bundle that is committed, as a dyno would serve it from a clone."""

from benchmarks.figures import table
from serving.bundle import Bundle
from tests.deploy.conftest import RunWeb
from tests.deploy.services import ROOT, http_client
from training.recipe import read_recipe


def test_the_committed_bundle_is_deployed_and_answers(run_web: RunWeb) -> None:
    with run_web() as web, http_client(web) as client:
        assert client.get("/readyz").status_code == 200
        assert client.post("/predict", json={"text": "WORST SHOW EVER"}).json()["label"] == "negative"


def test_it_is_what_the_recipe_makes() -> None:
    metadata = Bundle.read(ROOT / "artifacts").metadata
    recipe = read_recipe(ROOT / "training" / "recipes" / "tweets.toml")
    assert metadata.recipe == recipe.model_dump(mode="json")
    assert metadata.labels == ["negative", "neutral", "positive"]


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "artifacts").rglob("*")) < 25e6


def test_the_readme_quotes_its_figures() -> None:
    assert table(Bundle.read(ROOT / "artifacts").metadata.metrics["test"]) in (ROOT / "README.md").read_text("utf-8")
