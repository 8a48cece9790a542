"""The whole way of rows of fields: from a file to a served answer, its report, and what is measured beside it."""

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from serving.model.bundle import FIELDS, METADATA, NETWORK, Bundle
from serving.model.inputs.fields import FieldsInput
from serving.model.predictor import Predictor
from tests.training.fit.helpers import Interruption
from tests.training.helpers import FORM, FORM_NAMES, write_csv, write_form
from training.__main__ import app
from training.commands.compare import compare
from training.commands.fit import fit
from training.commands.report import report
from training.console import Display
from training.errors import DataError
from training.evaluation.light_baselines import MAJORITY
from training.fit.trainer import Trainer
from training.progress import TrainingCallback, select_epoch
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe, read_recipe
from training.report.report_data import TrainingRecord
from training.tuning.search import Search

RECIPE = Recipe.model_validate(FORM)
BASELINES = [MAJORITY, "logistic regression", "decision tree", "random forest", "gradient boosting"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_form(tmp_path_factory.mktemp("people") / "people.csv")


@pytest.fixture(scope="module")
def trained(people: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A bundle, which is read only, and what was shown while it was trained."""
    out, console = tmp_path_factory.mktemp("pay") / "bundle", Console(file=io.StringIO(), width=300)
    fit(RECIPE, [people], out, Display(console))
    assert isinstance(console.file, io.StringIO)
    return out, console.file.getvalue()


@pytest.fixture
def bundle(trained: tuple[Path, str]) -> Path:
    return trained[0]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


def test_fields_that_were_found_are_shown_and_columns_that_are_none_are_named(trained: tuple[Path, str]) -> None:
    _, shown = trained
    assert "'id' numbers the rows, from 1 to 150; 'country' is always 'here'." in " ".join(shown.split())
    assert "a number from " in shown
    assert "3 values: home, shop, state" in shown


def test_the_bundle_holds_what_reads_a_row_and_a_recipe_that_says_every_field(bundle: Path) -> None:
    assert sorted(path.name for path in bundle.iterdir()) == sorted([METADATA, NETWORK, FIELDS, "report"])
    metadata = Bundle.read(bundle).metadata
    assert (metadata.inputs, metadata.labels, metadata.keras_import) == ("fields", ["low", "high"], None)
    fields = {field["name"]: field for field in metadata.recipe["fields"]}
    assert list(fields) == ["age", "hours", "work", "sex"]
    assert fields["work"]["values"] == ["home", "shop", "state"]
    read = FieldsInput.read(bundle / FIELDS)
    assert [field.name for field in read.fields] == list(fields)
    assert any(number.bins for number in read.numbers)
    assert [answer.row["work"] for answer in metadata.known_answers][-1] is None  # type: ignore[index]


def test_its_recipe_trains_the_same_model_again(bundle: Path, tmp_path: Path, people: Path) -> None:
    """From its report's TOML, where every field is said by now, and through an interruption."""
    (tmp_path / "recipe.toml").write_text(as_toml(Bundle.read(bundle).metadata.recipe), encoding="utf-8")
    recipe, out = read_recipe(tmp_path / "recipe.toml"), tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, [people], tmp_path / ".again.training", Interruption(1, 2)).run()
    fit(recipe, [people], out, Display(Console(quiet=True)), resume=True, baselines=False)
    assert Bundle.read(out).metadata.model_version == Bundle.read(bundle).metadata.model_version
    assert contents(out)[FIELDS] == contents(bundle)[FIELDS]


def test_it_answers_rows_with_gaps_and_explains_itself(bundle: Path) -> None:
    predictor = Predictor.load(bundle)
    old, young, empty = predictor.predict(
        [{"age": 69, "hours": 49.75, "work": "state", "sex": "f"}, {"age": "18", "hours": 10, "work": "home"}, {}]
    )
    assert old.probabilities["high"] > empty.probabilities["high"] > young.probabilities["high"]
    weighed = predictor.explain({"age": 69, "work": "state"}).weighed_fields or ()
    assert [field.name for field in weighed] == ["age", "hours", "work", "sex"]


def test_the_report_tells_fields_groups_and_baselines(bundle: Path) -> None:
    card = (bundle / "report" / "MODEL_CARD.md").read_text(encoding="utf-8")
    page = (bundle / "report" / "report.html").read_text(encoding="utf-8")
    for content in (card, page):
        assert "given 'high'" in content.replace("&#39;", "'")
        assert "home, shop, state" in content
        assert "gradient boosting" in content
    assert "Kind: a feed-forward network on embedded categories and standardized numbers" in card
    record = TrainingRecord.read(bundle)
    assert [row.name for row in record.baselines] == BASELINES
    assert record.network is not None
    assert record.network.macro_recall > record.baselines[0].macro_recall
    slices = Bundle.read(bundle).metadata.metrics["slices"]["sex"]
    assert {"f", "m"} <= slices.keys()
    assert sum(value["rows"] for value in slices.values()) == sum(Bundle.read(bundle).metadata.split["test"].values())


def test_no_row_of_the_data_is_in_the_bundle(bundle: Path, people: Path) -> None:
    rows = people.read_text(encoding="utf-8").splitlines()[1:]
    ages_and_hours = [", ".join(row.split(",")[1:3]) for row in rows]
    for name, content in contents(bundle).items():
        if name.startswith("report") or name == METADATA:
            assert not [pair for pair in ages_and_hours if len(pair) > 6 and pair.encode() in content]


def test_the_same_report_once_more(bundle: Path, people: Path, tmp_path: Path, display: Display) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    shutil.rmtree(copy / "report" / "plots")
    report(copy, [people], display)
    assert contents(copy) == contents(bundle)


def test_mistakes_are_quoted_where_that_is_asked_for(bundle: Path, people: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    done = invoke("report", copy, "--data", people, "--report-texts")
    assert done.exit_code == 0, done.output
    assert "hours: " in (copy / "report" / "report.html").read_text(encoding="utf-8")


def test_quality_stands_against_cost(bundle: Path, people: Path, tmp_path: Path, display: Display) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    report(copy, [people], display, cost=True)
    costs = TrainingRecord.read(copy).costs
    assert [cost.name for cost in costs] == ["majority", "logistic regression", "pay (network, served)"]
    assert costs[-1].macro_recall == Bundle.read(copy).metadata.metrics["test"]["macro_recall"]


def test_it_is_compared_with_the_baselines_on_the_same_rows(bundle: Path, people: Path, display: Display) -> None:
    rows = compare(RECIPE, [people], display, bundle)
    assert [row.name for row in rows] == [*BASELINES, "pay (network, served)"]
    record = TrainingRecord.read(bundle)
    assert [row.macro_recall for row in rows[:-1]] == [row.macro_recall for row in record.baselines]
    fewer = RECIPE.model_validate({**FORM, "fields": [{"name": "age", "kind": "number"}]})
    with pytest.raises(DataError, match=r"--bundle: .* has seen rows of other parts of the same files: its fields"):
        compare(fewer, [people], display, bundle)


def test_a_file_with_rows_that_are_not_accepted_is_measured_without_them(bundle: Path, tmp_path: Path) -> None:
    rows = [("40", "38", "shop", "f", "low"), ("abc", "38", "shop", "m", "high"), ("", "", "", "", "low")]
    path = write_csv(
        tmp_path / "new.csv", [*rows, ("60", "45", "moon", "f", "high")], ("age", "hours", "work", "sex", "income")
    )
    done = invoke("evaluate", bundle, "--data", path, "--json")
    assert done.exit_code == 0, done.output
    left_out = "note: 3 rows are left out (with a field that is not accepted: 2, without a field: 1)"
    assert left_out in done.stderr
    assert json.loads(done.stdout)["rows"] == 1


def test_a_search_tries_bins(people: Path, tmp_path: Path, display: Display) -> None:
    """Of one trial, the recipe as it stands."""
    tune = {"trials": 1, "ranges": {"network.bins": {"low": 0, "high": 6, "step": 3}}}
    recipe = Recipe.model_validate({**FORM, "tune": tune, "fit": {**FORM["fit"], "epochs": 1}})

    def objective(tried: Recipe) -> float:
        history = Trainer(tried, [people], tmp_path / "work", TrainingCallback()).run().history
        return select_epoch(history["fit"]).macro_recall

    best = Search(recipe, [people], tmp_path / "best.toml", tmp_path / "t.sqlite", display, objective).run(1)
    assert best.values == {"network.bins": 3}
    found = read_recipe(tmp_path / "best.toml")
    assert (found.inputs, found.network, found.slices) == ("fields", recipe.network, ["sex"])


def test_a_form_of_several_files_needs_the_groups_in_each(people: Path, tmp_path: Path, display: Display) -> None:
    rows = [tuple(line.split(",")) for line in people.read_text(encoding="utf-8").splitlines()[1:]]
    other = write_csv(tmp_path / "more.csv", [(*row[:4], *row[5:]) for row in rows], (*FORM_NAMES[:4], *FORM_NAMES[5:]))
    with pytest.raises(DataError, match=r"more\.csv: no column 'sex'"):
        fit(RECIPE, [people, other], tmp_path / "out", display)
    assert not (tmp_path / "out").exists()


def test_iris_needs_no_file(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('extends = "iris"\n[fit]\nepochs = 2\n', encoding="utf-8")
    done = invoke("fit", tmp_path / "r.toml", "--out", tmp_path / "iris", "--no-baselines")
    assert done.exit_code == 0, done.output
    card = (tmp_path / "iris" / "report" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "python -m training fit recipe.toml --out build/iris --seed 1\n" in card
    before = contents(tmp_path / "iris")
    again = invoke("report", tmp_path / "iris")
    assert again.exit_code == 0, again.output
    assert contents(tmp_path / "iris") == before
    (answer,) = Predictor.load(tmp_path / "iris").predict([{"petal_length": 1.4, "petal_width": 0.2}])
    assert set(answer.probabilities) == {"setosa", "versicolor", "virginica"}
