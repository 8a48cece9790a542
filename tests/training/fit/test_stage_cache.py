from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.errors import ResumeError
from training.fit.stage_cache import FORMAT, StageCache
from training.recipe.recipe import Recipe

CONTENT: dict[str, Any] = {
    "name": "x",
    "data": {"sources": [{"file": "a.csv"}, {"file": "w.csv", "task": "weak"}]},
    "tokenizer": {"sources": ["w.csv"]},
    "stages": [
        {"name": "one", "sources": ["w.csv"], "seed": 5},
        {"name": "two", "seed": 6},
        {"name": "three", "epochs": 3},
    ],
}
FILES = [("a.csv", "1"), ("w.csv", "2")]
WEIGHTS = [np.arange(3.0)]


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate({**CONTENT, **changes})


def stages(number: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**stage, **changes} if i == number else stage for i, stage in enumerate(CONTENT["stages"])]


def cache(
    folder: Path | None,
    of: Recipe,
    files: list[tuple[str, str]] = FILES,
    teacher: str = "v1",
    keras: str = "3",
    labelled: str = "x",
    vectors: str = "",
    format_version: int = FORMAT,
) -> StageCache:
    return StageCache(folder, of, files, {"t": teacher}, {"keras": keras}, labelled, vectors, format_version)


def stages_found(folder: Path, of: Recipe, **options: Any) -> int:
    body = cache(folder, of, **options).longest()
    return body.stages if body else 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = cache(tmp_path, recipe())
    kept.save(1, {"input_file": "t1"}, WEIGHTS)
    kept.save(2, {"input_file": "t2"}, WEIGHTS)
    return tmp_path


def test_the_longest_chain_is_found(folder: Path) -> None:
    body = cache(folder, recipe()).longest()
    assert body is not None
    assert (body.stages, body.state) == (2, {"input_file": "t2"})
    assert body.weights[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"name": "y", "known_answers": ["a"]}, 2),
        ({"data": {**CONTENT["data"], "about": "a set", "terms": "its terms"}}, 2),
        ({"stages": stages(2, teachers=["t"])}, 2),
        ({"stages": stages(2, epochs=9, learning_rate=0.5)}, 2),
        ({"stages": stages(1, learning_rate=0.5)}, 1),
        ({"stages": stages(0, learning_rate=0.5)}, 0),
        ({"stages": stages(0, seed=9)}, 0),
        ({"seed": 7, "data": {**CONTENT["data"], "split_seed": 1}}, 2),
        ({"network": {"embedding": 7}}, 0),
        ({"tokenizer": {"sources": ["w.csv"], "lowercase": False}}, 0),
    ],
)
def test_a_body_serves_what_would_train_the_same_one(folder: Path, changes: dict[str, Any], found: int) -> None:
    assert stages_found(folder, recipe(**changes)) == found


def test_another_split_is_seen_where_a_stage_reads_labelled_rows(folder: Path) -> None:
    assert stages_found(folder, recipe(seed=2)) == 1


def test_another_file_or_library_is_another_body(folder: Path) -> None:
    assert stages_found(folder, recipe(), files=[("a.csv", "1"), ("w.csv", "other")]) == 0
    assert stages_found(folder, recipe(), keras="4") == 0


def test_the_order_of_files_is_part_of_it(folder: Path) -> None:
    assert stages_found(folder, recipe(), files=FILES[::-1]) == 1
    two = {"sources": [*CONTENT["data"]["sources"], {"file": "v.csv", "task": "v"}]}
    cache(folder, recipe(data=two), files=[*FILES, ("v.csv", "3")]).save(1, {}, WEIGHTS)
    assert stages_found(folder, recipe(data=two), files=[*FILES, ("v.csv", "3")]) == 1
    assert stages_found(folder, recipe(data=two), files=[("v.csv", "3"), *FILES]) == 0


def test_a_body_of_weak_labels_serves_other_parts_of_the_same_labelled_texts(folder: Path) -> None:
    pinned = {"sources": [{"file": "b.csv", "part": "train"}, {"file": "a.csv"}, CONTENT["data"]["sources"][1]]}
    files = [("b.csv", "9"), *FILES]
    assert stages_found(folder, recipe(data=pinned), files=files) == 1
    assert stages_found(folder, recipe(data=pinned), files=files, labelled="y") == 0
    assert stages_found(folder, recipe(tokenizer={"sources": []})) == 0


def test_rows_drawn_by_the_split_are_seen(tmp_path: Path) -> None:
    drawn = {"sources": [{"file": "a.csv"}, {"file": "w.csv", "task": "weak", "rows": 10}]}
    cache(tmp_path, recipe(data=drawn)).save(1, {}, WEIGHTS)
    assert stages_found(tmp_path, recipe(data=drawn)) == 1
    assert stages_found(tmp_path, recipe(data=drawn, seed=2)) == 0


def test_a_second_column_of_a_labelled_file_is_read_where_the_split_lets_it(tmp_path: Path) -> None:
    sources = [{"file": "a.csv", "name": "a"}, {"file": "a.csv", "name": "w.csv", "label": "other", "task": "weak"}]
    cache(tmp_path, recipe(data={"sources": sources})).save(1, {}, WEIGHTS)
    assert stages_found(tmp_path, recipe(data={"sources": sources})) == 1
    assert stages_found(tmp_path, recipe(data={"sources": sources, "test": 0.2})) == 0
    assert stages_found(tmp_path, recipe(data={"sources": sources}, seed=2)) == 0


def test_a_tasks_labels_beside_the_recipes_are_those_of_one_split(tmp_path: Path) -> None:
    """The first stage reads another task, but its body has an output for each of them."""
    both = [{"file": "a.csv", "name": "a"}, {"file": "a.csv", "name": "fine", "label": "other", "task": "fine"}]
    beside = {"sources": [*both, {"file": "w.csv", "task": "weak"}]}
    cache(tmp_path, recipe(data=beside)).save(1, {}, WEIGHTS)
    assert stages_found(tmp_path, recipe(data=beside)) == 1
    assert stages_found(tmp_path, recipe(data=beside, seed=2)) == 0


def test_which_stage_a_teacher_taught_is_part_of_it(tmp_path: Path) -> None:
    def taught(number: int) -> Recipe:
        return recipe(stages=stages(number, teachers=["t"]))

    cache(tmp_path, taught(0)).save(2, {}, WEIGHTS)
    assert stages_found(tmp_path, taught(0)) == 2
    assert stages_found(tmp_path, taught(1)) == 0


def test_another_teacher_is_another_body(tmp_path: Path) -> None:
    taught = recipe(stages=stages(0, teachers=["t"]))
    cache(tmp_path, taught).save(1, {}, WEIGHTS)
    assert stages_found(tmp_path, taught) == 1
    assert stages_found(tmp_path, taught, teacher="v2") == 0


def test_another_file_of_answers_is_another_body_and_another_name_for_it_is_none(tmp_path: Path) -> None:
    def kept(path: str, sha256: str) -> StageCache:
        taught = recipe(stages=stages(0, teacher_files=[path]))
        return StageCache(tmp_path, taught, FILES, {path: sha256}, {"keras": "3"})

    kept("a.npz", "1").save(1, {}, WEIGHTS)
    assert kept("a.npz", "1").longest() is not None
    assert kept("b.npz", "1").longest() is not None
    assert kept("a.npz", "2").longest() is None
    assert StageCache(tmp_path, recipe(), FILES, {}, {"keras": "3"}).longest() is None


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResumeError, match=r"file: cannot be written"):
        cache(tmp_path / "file", recipe())


def test_a_broken_file_is_passed_over(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:40])
    assert stages_found(folder, recipe()) == 0


def test_without_a_folder_nothing_is_kept() -> None:
    nowhere = cache(None, recipe())
    nowhere.save(1, {}, WEIGHTS)
    assert nowhere.longest() is None


def test_word_vectors_decide_what_a_body_is_and_what_is_said_of_them_does_not(tmp_path: Path) -> None:
    started, retold = ({"file": "v.txt", "words": 3}, {"file": "w.txt", "words": 3, "terms": "PDDL"})
    cache(tmp_path, recipe(vectors=started), vectors="a").save(1, {}, WEIGHTS)
    assert stages_found(tmp_path, recipe(vectors=retold), vectors="a") == 1
    assert stages_found(tmp_path, recipe(vectors=started), vectors="b") == 0
    assert stages_found(tmp_path, recipe(vectors={**started, "words": 4}), vectors="a") == 0
    assert stages_found(tmp_path, recipe()) == 0


@pytest.mark.parametrize("changes", [{"quoted": False}, {"encoding": "latin-1"}, {"text": "tweet"}, {"label": "mood"}])
def test_how_weak_labels_are_read_is_part_of_it(folder: Path, changes: dict[str, Any]) -> None:
    assert stages_found(folder, recipe(data={**CONTENT["data"], **changes})) == 0


@pytest.mark.parametrize("changes", [{"weight": 0.5}, {"emoticons": "drop"}, {"label": "mood"}])
def test_which_rows_weak_labels_have_and_what_they_weigh_is_part_of_it(folder: Path, changes: dict[str, Any]) -> None:
    strong, weak = CONTENT["data"]["sources"]
    assert stages_found(folder, recipe(data={"sources": [strong, {**weak, **changes}]})) == 0


def test_a_later_stage_that_names_words_wants_a_body_with_a_head_for_them(folder: Path) -> None:
    assert stages_found(folder, recipe(stages=stages(2, masked_words=0.5, word_dropout=0.1))) == 0


def test_a_stage_on_weak_labels_that_a_baseline_taught_has_seen_the_split(tmp_path: Path) -> None:
    taught = recipe(stages=stages(0, teacher_baselines=["multinomial naive Bayes"]))
    cache(tmp_path, taught).save(1, {}, WEIGHTS)
    assert stages_found(tmp_path, taught) == 1
    other = recipe(stages=stages(0, teacher_baselines=["multinomial naive Bayes"]), seed=2)
    assert stages_found(tmp_path, other) == 0


def test_the_last_stage_is_always_trained(folder: Path) -> None:
    cache(folder, recipe()).save(3, {}, WEIGHTS)
    assert stages_found(folder, recipe()) == 2


def test_a_body_of_another_format_is_not_read(folder: Path) -> None:
    assert stages_found(folder, recipe(), format_version=0) == 0


def test_a_body_of_other_fields_is_another(tmp_path: Path) -> None:
    def of(*names: str) -> Recipe:
        fields = [{"name": name, "kind": "number"} for name in names]
        return Recipe.model_validate({"name": "x", "fields": fields, "stages": [{"name": "one"}, {"name": "two"}]})

    cache(tmp_path, of("age")).save(1, {"input_file": "f"}, WEIGHTS)
    assert stages_found(tmp_path, of("age")) == 1
    assert stages_found(tmp_path, of("age", "size")) == 0
