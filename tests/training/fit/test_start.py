import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.model.bundle import NETWORK as NETWORK_FILE
from serving.model.bundle import Bundle
from serving.model.predictor import Predictor
from tests.bundles import LABELS, TEXTS, edit_metadata
from tests.keras_bundles import randomise, write_bundle, write_form_bundle
from tests.training.fit.helpers import Interruption, equal_weights
from tests.training.helpers import distinct_rows, write_csv
from training.errors import DataError, RecipeError, ResumeError
from training.evaluation.evaluate import served_probabilities
from training.fit.start import Start
from training.fit.trainer import Trained, Trainer
from training.progress import TrainingCallback
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.recipe.recipe import Recipe, find_recipe, read_recipe

NETWORK = NetworkConfig(embedding=8, lstm=[6], pooling=["max", "attention"], bidirectional=True)
TOKENIZER = TokenizerConfig(model="word", min_frequency=1, sources=["elsewhere.csv"])
OLD_RECIPE = {
    "name": "old",
    "known_answers": ["a sentence of the old one"],
    "data": {"labels": LABELS, "sources": [{"file": "elsewhere.csv"}]},
    "tokenizer": TOKENIZER.model_dump(mode="json"),
    "network": NETWORK.model_dump(mode="json"),
}


@dataclass
class Notes(TrainingCallback):
    """The sentences of a run."""

    notes: list[str]

    def on_note(self, sentence: str) -> None:
        self.notes.append(sentence)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that a recipe of other files made; read only."""
    folder = tmp_path_factory.mktemp("old") / "bundle"
    write_bundle(folder, NETWORK, TOKENIZER.model_copy(update={"sources": []}))
    change(folder, recipe=OLD_RECIPE, temperature=1.7, data=[{"file": "elsewhere.csv", "rows": 9, "sha256": "e"}])
    return folder


@pytest.fixture(scope="module")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Corrections of the texts that end in a label; none of the third one."""
    rows = [*distinct_rows(30, LABELS[0]), *distinct_rows(30, LABELS[1], 100)]
    return write_csv(tmp_path_factory.mktemp("data") / "corrections.csv", rows)


def change(folder: Path, **values: Any) -> None:
    """Write other values into a bundle's metadata."""
    edit_metadata(folder, lambda content: content.update(values))


def recipe_of(bundle: Path | str, weight: float = 0.0, **fit: Any) -> Recipe:
    content: Mapping[str, Any] = {
        "name": "new",
        "start": {"bundle": str(bundle), "weight": weight},
        "fit": {"epochs": 2, "batch_size": 16, "learning_rate": 0.02, "keep": "last", **fit},
    }
    return Recipe.model_validate(content)


def run(recipe: Recipe, data: Path, work: Path, callback: TrainingCallback | None = None) -> Trained:
    return Trainer(recipe, [data], work, callback or TrainingCallback()).run()


def weights_of(folder: Path) -> Any:
    start = Start.of(recipe_of(folder))
    assert start is not None
    return start.network().get_weights()


def test_labels_tokenizer_and_network_are_the_bundles(old: Path, corrections: Path, tmp_path: Path) -> None:
    notes = Notes([])
    trained = run(recipe_of(old), corrections, tmp_path / "work", notes)
    assert trained.dataset.labels == LABELS
    assert trained.encoding.content == Bundle.read(old).input_file.read_text(encoding="utf-8")
    assert trained.recipe.network == NETWORK
    assert trained.recipe.known_answers == ["a sentence of the old one"]
    assert notes.notes[0].startswith(
        f"The training goes on from tiny {Bundle.read(old).metadata.model_version} in {old}"
    )


def test_a_step_of_nothing_leaves_the_old_answers(old: Path, corrections: Path, tmp_path: Path) -> None:
    trained = run(recipe_of(old, learning_rate=1e-12), corrections, tmp_path / "work")
    ids = trained.encoding.batch(trained.encoding.encode(TEXTS))
    found = trained.network.predict_on_batch(ids)
    assert found == pytest.approx(served_probabilities(Predictor.load(old), TEXTS), abs=1e-5)


def test_its_weights_are_the_mean_of_old_and_new(old: Path, corrections: Path, tmp_path: Path) -> None:
    new = run(recipe_of(old), corrections, tmp_path / "new").network.get_weights()
    mean = run(recipe_of(old, weight=0.75), corrections, tmp_path / "mean").network.get_weights()
    assert not equal_weights(new, weights_of(old))
    for before, after, between in zip(weights_of(old), new, mean, strict=True):
        assert between == pytest.approx(0.75 * before + 0.25 * after, abs=1e-6)


class Replacing(TrainingCallback):
    """Another network takes the old one's place before the first epoch."""

    def __init__(self, place: Path, other: Path) -> None:
        self.place, self.other = place, other

    def on_start(self, first: int, epochs: int) -> None:  # noqa: ARG002 -- whichever they are
        shutil.copyfile(self.other / NETWORK_FILE, self.place / NETWORK_FILE)


def test_what_stays_is_the_one_that_it_began_from(old: Path, corrections: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(old, tmp_path / "place"))
    other = tmp_path / "other"
    network = write_bundle(other, NETWORK, TOKENIZER.model_copy(update={"sources": []}))
    randomise(network, seed=9)
    network.save(other / NETWORK_FILE, include_optimizer=False)
    calm = run(recipe_of(old, weight=0.5), corrections, tmp_path / "calm")
    disturbed = run(recipe_of(place, weight=0.5), corrections, tmp_path / "work", Replacing(place, other))
    assert (place / NETWORK_FILE).read_bytes() != (old / NETWORK_FILE).read_bytes()
    assert equal_weights(calm.network.get_weights(), disturbed.network.get_weights())


def test_the_old_model_teaches_in_every_stage_beside_others(old: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(old, tmp_path / "other"))
    stages = [{"name": "one"}, {"name": "two", "teachers": [str(other)], "teacher_share": 0.2}]
    recipe = Recipe.model_validate({"name": "new", "start": {"bundle": str(old)}, "stages": stages})
    start = Start.of(recipe)
    assert start is not None
    complete = start.complete(recipe)
    assert [stage.teachers for stage in complete.schedule] == [[str(old)], [str(other), str(old)]]
    assert [stage.teacher_share for stage in complete.schedule] == [0.5, 0.2]


def test_what_it_came_from_is_told(old: Path, corrections: Path, tmp_path: Path) -> None:
    trained, metadata = run(recipe_of(old), corrections, tmp_path / "work"), Bundle.read(old).metadata
    told = trained.provenance
    assert told.teachers == {str(old): metadata.model_version}
    assert told.teacher_recipes[str(old)]["name"] == "old"
    assert [file.file for file in told.teacher_data[str(old)]] == ["elsewhere.csv"]
    again = Recipe.from_bundle(trained.recipe.model_dump(mode="json"))
    assert again.start is not None
    assert again.start.bundle == str(old)


def test_files_that_the_old_one_learned_from_are_refused_where_others_were_held_back(
    old: Path, corrections: Path, tmp_path: Path
) -> None:
    seen = Path(shutil.copytree(old, tmp_path / "seen"))
    data = run(recipe_of(old), corrections, tmp_path / "work").provenance.data
    change(seen, data=[file.model_dump() for file in data])
    with pytest.raises(DataError, match="has seen rows of other parts of the same files"):
        run(recipe_of(seen), corrections, tmp_path / "again")


def test_an_interrupted_run_goes_on_to_the_same_network(old: Path, corrections: Path, tmp_path: Path) -> None:
    recipe = recipe_of(old, weight=0.5)
    whole = run(recipe, corrections, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(recipe, corrections, tmp_path / "broken", Interruption(epochs=1))
    resumed = Trainer(recipe, [corrections], tmp_path / "broken", TrainingCallback()).run(resume=True)
    assert equal_weights(whole.network.get_weights(), resumed.network.get_weights())


def test_a_run_from_another_bundle_is_not_gone_on_with(old: Path, corrections: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(old, tmp_path / "bundle"))
    with pytest.raises(KeyboardInterrupt):
        run(recipe_of(folder), corrections, tmp_path / "work", Interruption(epochs=1))
    shutil.rmtree(folder)
    write_bundle(folder, NETWORK, TokenizerConfig(model="word", min_frequency=1, lowercase=False))
    change(folder, recipe=OLD_RECIPE)
    with pytest.raises(ResumeError, match=r"differs in .*'teachers'"):
        Trainer(recipe_of(folder), [corrections], tmp_path / "work", TrainingCallback()).run(resume=True)


def test_the_stage_cache_is_left_alone(old: Path, corrections: Path, tmp_path: Path) -> None:
    stages = [{"name": "one", "epochs": 1}, {"name": "two", "epochs": 1}]
    recipe = Recipe.model_validate({"name": "new", "start": {"bundle": str(old)}, "stages": stages})
    Trainer(recipe, [corrections], tmp_path / "work", TrainingCallback(), tmp_path / "cache").run()
    assert not (tmp_path / "cache").exists()


def refused(bundle: Path, rows: Path, work: Path, **recipe: Any) -> str:
    content = {"name": "new", "start": {"bundle": str(bundle)}, **recipe}
    with pytest.raises(DataError) as error:
        run(Recipe.model_validate(content), rows, work)
    return str(error.value)


def test_labels_of_another_order_are_refused(old: Path, corrections: Path, tmp_path: Path) -> None:
    found = refused(old, corrections, tmp_path, data={"labels": LABELS[::-1]})
    assert found == (
        f"start.bundle: the recipe has labels {LABELS[::-1]}; accepted: texts, with the bundle's labels, {LABELS}"
    )


def test_a_label_that_the_bundle_does_not_have_is_refused(old: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", [*distinct_rows(5, LABELS[0]), *distinct_rows(5, "mixed", 100)])
    assert "unknown labels ['mixed']; accepted: ['negative', 'neutral', 'positive']" in refused(old, data, tmp_path)


def test_a_bundle_of_fields_is_refused(corrections: Path, tmp_path: Path) -> None:
    write_form_bundle(tmp_path / "form")
    assert "form reads fields; accepted: a bundle that reads texts" in refused(
        tmp_path / "form", corrections, tmp_path / "work"
    )


def test_an_adopted_bundle_is_refused(old: Path, corrections: Path, tmp_path: Path) -> None:
    adopted = Path(shutil.copytree(old, tmp_path / "adopted"))
    change(adopted, origin="adopted")
    found = refused(adopted, corrections, tmp_path / "work")
    assert found.startswith("start.bundle: was adopted, so that its recipe and data are not known; accepted:")


def test_what_is_no_bundle_is_refused(corrections: Path, tmp_path: Path) -> None:
    assert refused(tmp_path / "none", corrections, tmp_path).startswith("start.bundle: ")


def test_the_recipe_of_corrections_needs_a_bundle(corrections: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="corrections goes on from a bundle; accepted: --start FOLDER"):
        run(read_recipe(find_recipe(Path("corrections"))), corrections, tmp_path)


def test_a_recipe_is_told_where_to_start(old: Path) -> None:
    recipe = read_recipe(find_recipe(Path("corrections")), start=old)
    assert recipe.start is not None
    assert recipe.start.bundle == str(old)
    assert recipe.start.weight == read_recipe(find_recipe(Path("corrections"))).start.weight  # type: ignore[union-attr]


@pytest.mark.parametrize("counts", [(18, 1, 1), (20, 0, 0), (3, 0, 0)])
def test_few_corrections_and_of_few_labels_will_do(old: Path, tmp_path: Path, counts: tuple[int, int, int]) -> None:
    rows: list[tuple[str, str]] = []
    for number, (count, label) in enumerate(zip(counts, LABELS, strict=True)):
        rows += distinct_rows(count, label, 100 * number)
    trained = run(recipe_of(old), write_csv(tmp_path / "d.csv", rows), tmp_path / "work")
    sizes = trained.dataset.sizes()
    assert sum(sum(part.values()) for part in sizes.values()) == sum(counts)
    assert all(sum(part.values()) for part in sizes.values())
    assert [sizes["train"][label] > 0 for label in LABELS] == [count > 0 for count in counts]
    assert np.isfinite(trained.history["fit"][-1].macro_recall)
