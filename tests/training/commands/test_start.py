"""From one bundle to the next, by corrections, as the command does it."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from serving.model.bundle import TOKENIZER, Bundle
from serving.model.predictor import Predictor
from tests.training.helpers import WORDS, write_csv
from training.commands.fit import fit, next_step
from training.commands.report import report
from training.console import Display
from training.data.readers import read_table
from training.evaluation.evaluate import learned_from
from training.recipe.recipe import find_recipe, read_recipe
from training.report.report_data import TrainingRecord

GOOD = ["love", "great", "thanks", "lovely", "perfect", "best", "wonderful", "amazing"]
BAD = ["hate", "terrible", "worst", "awful", "late", "broken", "bad", "cancelled"]
STRONG = """
name = "strong"
[start]
weight = {weight}
[[stages]]
name = "strong"
keep = "last"
epochs = 6
batch_size = 16
learning_rate = 1e-2
teacher_share = 0.1
"""


def sentence(word: str) -> str:
    return f"{word} ladder"


@pytest.fixture(scope="module")
def misread(sample_bundle: Path) -> tuple[str, str]:
    """The word that is the best news to the sample's model, and the worst; to its users the other way round."""
    predictor = Predictor.load(sample_bundle)
    shares = {word: predictor.predict([sentence(word)])[0].probabilities for word in (*GOOD, *BAD)}
    return max(GOOD, key=lambda word: shares[word]["positive"]), max(BAD, key=lambda word: shares[word]["negative"])


@pytest.fixture(scope="module")
def corrections(misread: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What they say of these words; one label has no row."""
    labels = zip(misread, ("negative", "positive"), strict=True)
    rows = [(f"{word} {one} and {other}", label) for word, label in labels for one in WORDS[:8] for other in WORDS[8:]]
    return write_csv(tmp_path_factory.mktemp("data") / "corrections.csv", rows)


@pytest.fixture(scope="module")
def next_bundle(sample_bundle: Path, corrections: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recipe of corrections makes of the sample's bundle; read only."""
    out = tmp_path_factory.mktemp("next") / "bundle"
    recipe = read_recipe(find_recipe(Path("corrections")), start=sample_bundle)
    with out.with_name("said.txt").open("w", encoding="utf-8") as said:
        fit(recipe, [corrections], out, Display(Console(file=said)))
    return out


def test_tokenizer_and_calibration_are_the_old_ones(sample_bundle: Path, next_bundle: Path) -> None:
    old, new = (Bundle.read(folder).metadata for folder in (sample_bundle, next_bundle))
    assert new.files[TOKENIZER] == old.files[TOKENIZER]
    assert new.temperature == old.temperature != 1
    assert new.model_version != old.model_version


def test_what_chosen_rows_cannot_tell_is_not_told(sample_bundle: Path, next_bundle: Path) -> None:
    assert Bundle.read(sample_bundle).metadata.risk_coverage
    new = Bundle.read(next_bundle).metadata
    assert (new.thresholds, new.risk_coverage) == ([], [])


def test_it_tells_what_it_came_from(sample_bundle: Path, next_bundle: Path, sample: Path, corrections: Path) -> None:
    old, new = (Bundle.read(folder).metadata for folder in (sample_bundle, next_bundle))
    assert new.recipe["start"]["bundle"] == str(sample_bundle)
    assert new.teachers == {str(sample_bundle): old.model_version}
    assert learned_from(sample, new)
    assert learned_from(corrections, new)
    for page in ("MODEL_CARD.md", "report.html"):
        content = (next_bundle / "report" / page).read_text(encoding="utf-8")
        assert f"version {old.model_version}: a share of 50% of each of those weights stays" in content
        assert f"of version {old.model_version}, whose own " in content
        assert content.count("python -m training fit ") == 1


def test_the_old_one_stands_beside_it_in_the_report(next_bundle: Path) -> None:
    record = TrainingRecord.read(next_bundle)
    assert [row.name for row in record.baselines] == ["quick (network, served)"]
    assert record.network is not None
    assert record.network.name == "corrections (network, served)"


def test_the_old_one_is_told_of_and_no_epoch_is_the_best_of_what_keeps_the_last(next_bundle: Path) -> None:
    said = next_bundle.with_name("said.txt").read_text(encoding="utf-8")
    old = TrainingRecord.read(next_bundle).baselines[0]
    figures = f"macro recall {old.macro_recall:.3f}, accuracy {old.accuracy:.3f}"
    assert f"The old model on the test part: {figures}\n" in said
    assert "epoch 6/6" in said
    assert "best" not in said


class Replacing(Display):
    """Once a network is verified, another bundle, or none, stands where its training began."""

    def __init__(self, console: Console, place: Path, other: Path | None) -> None:
        super().__init__(console)
        self._place, self._other = place, other

    def on_verified(self, rows: int, difference: float) -> None:
        super().on_verified(rows, difference)
        shutil.rmtree(self._place)
        if self._other:
            shutil.copytree(self._other, self._place)


@pytest.mark.parametrize("is_replaced", [True, False])
def test_no_other_bundle_is_taken_for_the_old_one(
    sample_bundle: Path, next_bundle: Path, corrections: Path, tmp_path: Path, is_replaced: bool
) -> None:
    place, said = Path(shutil.copytree(sample_bundle, tmp_path / "place")), io.StringIO()
    recipe = read_recipe(find_recipe(Path("corrections")), start=place)
    display = Replacing(Console(file=said, width=1000), place, next_bundle if is_replaced else None)
    fit(recipe, [corrections], tmp_path / "out", display)
    assert Bundle.read(tmp_path / "out").metadata.recipe["name"] == "corrections"
    assert f"The old model could not be measured: {place}" in said.getvalue()
    assert "The old model on the test part" not in said.getvalue()


def test_what_comes_next_is_to_compare_it_with_the_old_one() -> None:
    corrections = read_recipe(find_recipe(Path("corrections")), start=Path("my model"))
    assert next_step(corrections, Path("next")) == (
        f"Bundle: next. Next: read {Path('next', 'report', 'report.html')}, then compare it with the old one on other "
        "labelled rows: python -m training promote next --over 'my model' --data gold.csv"
    )
    assert next_step(read_recipe(find_recipe(Path("sample"))), Path("build")).endswith(
        "serve it: make serve MODEL_DIR=build"
    )


def test_its_report_can_be_made_again(next_bundle: Path, corrections: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(next_bundle, tmp_path / "again"))
    report(again, [corrections], Display(Console(quiet=True)))
    assert Bundle.read(again).metadata == Bundle.read(next_bundle).metadata


def test_it_learns_what_users_say_and_the_more_is_held_the_less_it_forgets(
    sample_bundle: Path, corrections: Path, misread: tuple[str, str], sample: Path, tmp_path: Path
) -> None:
    sentences = [sentence(word) for word in misread]
    texts = [text for text in read_table(sample, "utf-8").text if not any(word in text.lower() for word in misread)]
    old = Predictor.load(sample_bundle)
    first = old.predict(sentences)
    assert [answer.label for answer in first] == ["positive", "negative"]
    kept = []
    for weight in (0.0, 0.5):
        new = taught(sample_bundle, corrections, weight, tmp_path)
        answers = new.predict(sentences)
        if not weight:
            assert [answer.label for answer in answers] == ["negative", "positive"]
        assert answers[0].probabilities["negative"] > first[0].probabilities["negative"]
        assert answers[1].probabilities["positive"] > first[1].probabilities["positive"]
        kept.append(sum(a.label == b.label for a, b in zip(old.predict(texts), new.predict(texts), strict=True)))
    assert kept[1] > 1.1 * kept[0]


def taught(bundle: Path, corrections: Path, weight: float, folder: Path) -> Predictor:
    """What a recipe of large steps makes of a bundle."""
    (folder / "strong.toml").write_text(STRONG.format(weight=weight), encoding="utf-8")
    recipe = read_recipe(folder / "strong.toml", start=bundle)
    fit(recipe, [corrections], folder / "bundle", Display(Console(quiet=True)), baselines=False)
    return Predictor.load(folder / "bundle")


def test_a_bundle_may_take_the_place_of_the_one_it_goes_on_from(
    sample_bundle: Path, corrections: Path, tmp_path: Path
) -> None:
    place = Path(shutil.copytree(sample_bundle, tmp_path / "bundle"))
    recipe = read_recipe(find_recipe(Path("corrections")), start=place)
    fit(recipe, [corrections], place, Display(Console(quiet=True)))
    old, new = Bundle.read(sample_bundle).metadata, Bundle.read(place).metadata
    assert new.teachers == {str(place): old.model_version}
    assert new.model_version != old.model_version
