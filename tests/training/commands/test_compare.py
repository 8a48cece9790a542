import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from serving.model.bundle import sha256
from serving.model.predictor import Predictor
from tests.bundles import LABELS, TEXTS, edit_metadata
from tests.keras_bundles import write_bundle
from tests.training.helpers import write_csv
from training.commands.compare import compare
from training.console import Display
from training.data.dataset import Dataset, load_dataset
from training.errors import DataError
from training.evaluation.results import baseline_rows, network_row
from training.recipe.data import DataConfig
from training.recipe.model import WordVectorsConfig
from training.recipe.recipe import Recipe

SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"


def test_the_network_stands_beside_the_baselines(pristine_bundle: Path) -> None:
    recipe = Recipe(name="x", data=DataConfig(labels=LABELS))
    rows = {row.name: row for row in compare(recipe, [SAMPLE], Display(Console(file=io.StringIO())), pristine_bundle)}
    assert len(rows) == 9
    assert rows["majority"].macro_recall == pytest.approx(1 / 3)
    assert rows["TF-IDF + logistic regression"].macro_recall > 0.5
    assert rows["VADER"].macro_recall > 0.5
    network = rows["tiny (network, served)"]
    assert network.training_seconds is None
    assert network.predictions_per_second > 0
    assert network.bytes > 1000


def test_word_vectors_that_are_not_there_are_told_before_any_training(tmp_path: Path) -> None:
    shown = io.StringIO()
    recipe = Recipe(name="x", data=DataConfig(labels=LABELS), vectors=WordVectorsConfig(file=str(tmp_path / "v.txt")))
    with pytest.raises(DataError, match=r"v\.txt: word vectors cannot be read"):
        compare(recipe, [SAMPLE], Display(Console(file=shown)))
    assert shown.getvalue() == ""


def test_a_baseline_that_cannot_learn_is_left_out_and_the_others_are_not(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b", labels=["ham", "spam"])
    rows = [f"{word}{i},{label}" for i in "abcdef" for word, label in (("x", "ham"), ("y", "spam"))]
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    shown = io.StringIO()
    found = compare(Recipe(name="x"), [tmp_path / "d.csv"], Display(Console(file=shown, width=200)), tmp_path / "b")
    assert [row.name for row in found] == ["majority", "tiny (network, served)"]
    assert "TF-IDF + linear SVM is left out: it cannot learn from these rows: " in shown.getvalue()


def test_a_bundle_of_other_labels_is_refused(pristine_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *ROWS]), encoding="utf-8")
    with pytest.raises(DataError, match=r"--bundle: .* has labels \['negative', .*\]; accepted: \['ham', 'spam'\]"):
        compare(Recipe(name="x"), [tmp_path / "d.csv"], Display(Console(file=io.StringIO())), pristine_bundle)


def test_a_bundle_that_has_seen_the_test_part_is_refused(bundle: Path) -> None:
    """It was given the same file, split by another seed."""
    recipe = Recipe(name="x", data=DataConfig(labels=LABELS))

    def change(content: dict[str, Any]) -> None:
        content["recipe"] = recipe.model_copy(update={"seed": 2}).model_dump(mode="json")
        content["data"] = [{"file": "sample.csv", "rows": 570, "sha256": sha256(SAMPLE)}]

    edit_metadata(bundle, change)
    with pytest.raises(DataError, match=r"--bundle: tiny .* split seed differ"):
        compare(recipe, [SAMPLE], Display(Console(file=io.StringIO())), bundle)


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b", labels=["ham", "spam"])
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *ROWS]), encoding="utf-8")
    shown = io.StringIO()
    rows = compare(Recipe(name="x"), [tmp_path / "d.csv"], Display(Console(file=shown, width=200)), tmp_path / "b")
    assert "VADER is left out" in shown.getvalue()
    assert "VADER" not in {row.name for row in rows}


ROWS = [f"{word} offer {i},{label}" for i in range(20) for word, label in (("free", "spam"), ("my", "ham"))]


def part(*rows: tuple[str, int], times: int = 1) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows) * times, columns=["row", "label"])
    return frame.assign(group="airline", row=frame.row + [f" {i}" for i in range(len(frame))])


def test_a_baseline_learns_from_the_training_part_and_is_measured_on_the_test_part() -> None:
    """Which says the opposite, as does no other."""
    right, wrong = (("sunny", 0), ("rainy", 1)), (("sunny", 1), ("rainy", 0))
    train, test = part(*right, times=5), part(*wrong, times=20)
    dataset = Dataset(["a", "b"], train, validation=train, test=test, held_out=part(*right))
    rows = {row.name: row for row in baseline_rows(Recipe(name="x"), dataset, Display(Console(file=io.StringIO())))}
    linear = rows["TF-IDF + logistic regression"]
    assert (linear.macro_recall, linear.macro_f1, linear.accuracy) == (0, 0, 0)
    assert linear.groups == {"airline": 1}


def test_a_baseline_learns_from_what_the_last_stage_learns_from() -> None:
    """A set that the network reads first says the opposite, and has more rows."""
    right, wrong = (("sunny", 0), ("rainy", 1)), (("sunny", 1), ("rainy", 0))
    own, other = part(*right, times=5).assign(source="own"), part(*wrong, times=50).assign(source="other")
    test = part(*right, times=3)
    dataset = Dataset(["a", "b"], pd.concat([other, own]), validation=test, test=test, held_out=test)
    data = {"sources": [{"file": "o.csv", "name": "own"}, {"file": "p.csv", "name": "other"}]}
    stages = [{"name": "first"}, {"name": "last", "sources": ["own"]}]
    recipe = Recipe.model_validate({"name": "x", "data": data, "stages": stages})
    for learned, recall in ((recipe, 1), (Recipe(name="x"), 0)):
        rows = {row.name: row for row in baseline_rows(learned, dataset, Display(Console(file=io.StringIO())))}
        assert rows["TF-IDF + logistic regression"].macro_recall == recall


def test_the_labels_of_a_bundle_may_have_another_order(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b", labels=LABELS[::-1])
    answers = Predictor.load(tmp_path / "b").predict(TEXTS)
    test = pd.DataFrame({"row": TEXTS, "label": [LABELS.index(answer.label) for answer in answers]})
    held_out = test.assign(group=["one", "other"] * 3)
    row = network_row(tmp_path / "b", Dataset(LABELS, test, test, test, held_out))
    assert row.macro_recall == row.macro_f1 == row.accuracy == 1
    assert row.groups == {"one": 1, "other": 1}


def test_the_test_part_is_that_of_the_splits_own_seed(pristine_bundle: Path, tmp_path: Path) -> None:
    rows = [(f"{TEXTS[i % 6]} {i}", LABELS[i // 6 % 3]) for i in range(36)]
    path = write_csv(tmp_path / "d.csv", rows)
    data = DataConfig(labels=LABELS, test=0.4, split_seed=6)
    own, of_the_recipe = (
        network_row(pristine_bundle, load_dataset([path], data, seed)).macro_recall for seed in (6, 1)
    )
    display = Display(Console(file=io.StringIO()))
    *_, network = compare(Recipe(name="x", seed=1, data=data), [path], display, pristine_bundle)
    assert network.macro_recall == own != of_the_recipe
