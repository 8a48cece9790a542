from typing import Any

import pytest

from serving.model.metadata import DataFile, Metadata
from tests.serving.fakes import fake_metadata
from training.errors import DataError
from training.evaluation.leakage import check_no_test_leakage
from training.recipe.data import Source
from training.recipe.recipe import Recipe

FILES = (("d.csv", "abc"),)
SPLIT = {"train": {"a": 8, "b": 7}, "test": {"a": 2, "b": 1}}


def trained(seed: int, sha: str = "abc", **data: object) -> Metadata:
    """A bundle's, of one file."""
    recipe = Recipe.model_validate({"name": "t", "seed": seed, "data": data}).model_dump(mode="json")
    files = [DataFile(file="d.csv", rows=3, sha256=sha)]
    return fake_metadata().model_copy(update={"recipe": recipe, "data": files, "split": SPLIT})


def test_one_of_the_same_split_is_blind() -> None:
    check_no_test_leakage(trained(4), Recipe(name="s", seed=4), FILES, SPLIT, "here")


def test_one_of_other_files_is_blind() -> None:
    check_no_test_leakage(trained(4, sha="other"), Recipe(name="s", seed=5), FILES, SPLIT, "here")


def test_one_of_other_files_whose_teachers_learned_from_these_is_refused() -> None:
    """Of these it has the teachers' answers, and which rows those had seen is not known."""
    theirs = [DataFile(file="renamed.csv", rows=3, sha256="abc")]
    taught = trained(4, sha="other").model_copy(update={"teachers": {"b": "v"}, "teacher_data": {"a": theirs, "b": []}})
    with pytest.raises(DataError, match=r"here: fake 0123456789ab has teachers that learned from d\.csv, perhaps"):
        check_no_test_leakage(taught, Recipe(name="s", seed=4), FILES, SPLIT, "here")
    check_no_test_leakage(taught, Recipe(name="s", seed=4), [("d.csv", "third")], SPLIT, "here")


def test_one_of_other_files_tells_what_its_teachers_learned_from() -> None:
    taught = trained(4, sha="other").model_copy(update={"teachers": {"a": "v", "b": "v"}, "teacher_data": {"a": []}})
    with pytest.raises(DataError, match=r"here: fake 0123456789ab does not tell what its teachers learned from \(b\)"):
        check_no_test_leakage(taught, Recipe(name="s", seed=4), FILES, SPLIT, "here")


def test_one_of_the_same_split_held_its_teachers_to_it() -> None:
    theirs = {"a": [DataFile(file="d.csv", rows=3, sha256="abc")]}
    taught = trained(4).model_copy(update={"teachers": {"a": "v", "b": "v"}, "teacher_data": theirs})
    check_no_test_leakage(taught, Recipe(name="s", seed=4), FILES, SPLIT, "here")


@pytest.mark.parametrize(
    ("seed", "data", "fault"),
    [
        (5, {}, "here: fake .* its split seed differ"),
        (4, {"test": 0.3}, "its test differ"),
        (4, {"label": "x"}, "its label differ"),
        (4, {"encoding": "latin-1"}, "its encoding differ"),
        (4, {"sources": [{"file": "d.csv"}]}, "its sources differ"),
    ],
)
def test_one_of_another_split_is_refused(seed: int, data: Any, fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        check_no_test_leakage(trained(seed, **data), Recipe(name="s", seed=4), FILES, SPLIT, "here")


def test_one_that_other_rules_split_is_refused() -> None:
    """As those of another version, that took other texts for copies."""
    other = {**SPLIT, "train": {"a": 9, "b": 7}}
    with pytest.raises(DataError, match="its rows of each part differ"):
        check_no_test_leakage(trained(4), Recipe(name="s", seed=4), FILES, other, "here")


OF_TASKS = {"task", "ngram"}  # whose rows are in no part


@pytest.mark.parametrize(
    "key", sorted(Source.model_fields.keys() - OF_TASKS - {"file", "part", "weight", "about", "terms"})
)
def test_one_whose_sources_are_read_otherwise_is_refused(key: str) -> None:
    plain: dict[str, Any] = {"file": "d.csv", "part": "train"}
    other: Any = {"rows": 5, "hold_out": 0.1, "emoticons": "drop", "where": {"a": ["b"]}, "where_not": {"a": ["b"]}}
    other["header"] = "false"
    source = {**plain, key: other.get(key, "other")}
    student = Recipe.model_validate({"name": "s", "seed": 4, "data": {"sources": [plain]}})
    with pytest.raises(DataError, match="its sources differ"):
        check_no_test_leakage(trained(4, sources=[source]), student, FILES, SPLIT, "here")


LEARNED = {"file": "d.csv", "name": "learned", "where": {"a": ["x"]}, "part": "train"}
CHOSEN_BY = {"file": "d.csv", "name": "chosen by", "where": {"a": ["y"]}, "part": "validation"}
SPLIT_OTHERWISE = {"file": "d.csv", "name": "other", "where": {"a": ["z"]}, "part": "train", "hold_out": 0.1}


def of_sources(*sources: dict[str, Any], stage: dict[str, Any], **others: Any) -> Metadata:
    content = {"name": "t", "seed": 4, "data": {"sources": list(sources)}, "stages": [{"name": "s", **stage}], **others}
    recipe = Recipe.model_validate(content).model_dump(mode="json")
    return trained(4).model_copy(update={"recipe": recipe})


@pytest.mark.parametrize("chosen_by", ["validation", "train"])
def test_one_that_saw_whole_sources_that_train_here_is_blind(chosen_by: str) -> None:
    teacher = of_sources(LEARNED, CHOSEN_BY, SPLIT_OTHERWISE, stage={"sources": ["learned"]})
    others = {**SPLIT_OTHERWISE, "part": "test", "hold_out": 0.0}
    here = {"sources": [LEARNED, {**CHOSEN_BY, "part": chosen_by}, others]}
    check_no_test_leakage(teacher, Recipe.model_validate({"name": "s", "data": here}), FILES, SPLIT, "here")


@pytest.mark.parametrize(
    ("theirs", "here", "stage"),
    [
        pytest.param([LEARNED], [{**LEARNED, "part": "test"}], {}, id="a test here"),
        pytest.param([LEARNED], [{**LEARNED, "part": "validation"}], {}, id="chooses here"),
        pytest.param([LEARNED], [{**LEARNED, "part": None}], {}, id="split here"),
        pytest.param([LEARNED], [{**LEARNED, "where": {}}], {}, id="other rows here"),
        pytest.param([LEARNED, CHOSEN_BY], [LEARNED], {}, id="not known here"),
        pytest.param([{**LEARNED, "part": None}], [LEARNED, CHOSEN_BY], {}, id="split there"),
        pytest.param([LEARNED, SPLIT_OTHERWISE], [LEARNED, CHOSEN_BY], {}, id="learned from all of its sources"),
        pytest.param([SPLIT_OTHERWISE], [SPLIT_OTHERWISE, LEARNED], {}, id="held rows out"),
        pytest.param([LEARNED], [LEARNED, CHOSEN_BY], {"teachers": ["t"]}, id="was taught"),
    ],
)
def test_one_that_may_have_seen_more_is_held_to_the_split(theirs: Any, here: Any, stage: Any) -> None:
    student = Recipe.model_validate({"name": "s", "seed": 4, "data": {"sources": here}})
    with pytest.raises(DataError, match="its sources differ"):
        check_no_test_leakage(of_sources(*theirs, stage=stage), student, FILES, SPLIT, "here")


def test_one_that_went_on_from_another_bundle_is_held_to_the_split() -> None:
    started = of_sources(LEARNED, stage={}, start={"bundle": "old"})
    student = Recipe.model_validate({"name": "s", "seed": 4, "data": {"sources": [LEARNED, SPLIT_OTHERWISE]}})
    with pytest.raises(DataError, match="its sources differ"):
        check_no_test_leakage(started, student, FILES, SPLIT, "here")


OF_OTHER_WEIGHTS = {"file": "d.csv", "weight": 2}


def test_one_whose_sources_weigh_otherwise_is_blind() -> None:
    student = Recipe.model_validate({"name": "s", "seed": 4, "data": {"sources": [OF_OTHER_WEIGHTS]}})
    weak = {"file": "w.csv", "task": "weak"}
    check_no_test_leakage(trained(4, sources=[{"file": "d.csv", "about": "x"}, weak]), student, FILES, SPLIT, "here")


def test_one_whose_recipe_cannot_be_read_is_named_where_it_shares_a_file() -> None:
    odd = trained(4).model_copy(update={"recipe": {"name": "t", "seed": "one"}})
    with pytest.raises(DataError, match=r"here: the recipe of fake 0123456789ab does not tell .* seed: found 'one'"):
        check_no_test_leakage(odd, Recipe(name="s", seed=4), FILES, SPLIT, "here")
    check_no_test_leakage(odd, Recipe(name="s", seed=4), [("d.csv", "other")], SPLIT, "here")


def test_one_that_shares_a_file_beside_others_is_held_to_the_split() -> None:
    more = trained(4).model_copy(update={"data": [*trained(4).data, DataFile(file="e.csv", rows=3, sha256="def")]})
    with pytest.raises(DataError, match=r"here: fake .* its files, order of files differ"):
        check_no_test_leakage(more, Recipe(name="s", seed=4), FILES, SPLIT, "here")


def test_each_of_its_teachers_is_looked_at() -> None:
    files = {name: [DataFile(file=f"{name}.csv", rows=3, sha256=sha)] for name, sha in (("a", "third"), ("b", "abc"))}
    taught = trained(4, sha="other").model_copy(update={"teachers": {"a": "v", "b": "v"}, "teacher_data": files})
    with pytest.raises(DataError, match=r"teachers that learned from d\.csv"):
        check_no_test_leakage(taught, Recipe(name="s", seed=4), FILES, SPLIT, "here")


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("text", "tweet"),
        ("labels", ["a", "b"]),
        ("rename", {"x": "a"}),
        ("ignore", ["odd"]),
        ("validation", 0.2),
        ("quoted", False),
    ],
)
def test_one_whose_rows_are_read_otherwise_is_refused(key: str, other: Any) -> None:
    changed: Any = {key: other}
    with pytest.raises(DataError, match=f"its {key} differ"):
        check_no_test_leakage(trained(4, **changed), Recipe(name="s", seed=4), FILES, SPLIT, "here")


def test_files_under_each_others_names_are_split_otherwise() -> None:
    both = [DataFile(file=name, rows=3, sha256=sha) for name, sha in (("d.csv", "abc"), ("e.csv", "def"))]
    other = trained(4).model_copy(update={"data": both})
    same = [(file.file, file.sha256) for file in both]
    check_no_test_leakage(other, Recipe(name="s", seed=4), same, SPLIT, "here")
    with pytest.raises(DataError, match="its order of files differ"):
        check_no_test_leakage(other, Recipe(name="s", seed=4), [("d.csv", "def"), ("e.csv", "abc")], SPLIT, "here")


def test_where_files_of_other_labels_stand_among_them_decides_nothing() -> None:
    sources = [{"file": "w.csv", "task": "weak"}, {"file": "d.csv"}]
    weak = DataFile(file="w.csv", rows=3, sha256="weak")
    other = trained(4, sources=sources[::-1])
    other = other.model_copy(update={"data": [*other.data, weak]})
    student = Recipe.model_validate({"name": "s", "seed": 4, "data": {"sources": sources}})
    check_no_test_leakage(other, student, [("w.csv", "weak"), *FILES], SPLIT, "here")


def test_one_of_other_fields_has_split_equal_rows_otherwise() -> None:
    def of(*names: str) -> Recipe:
        fields = [{"name": name, "kind": "number", "unit": "cm"} for name in names]
        return Recipe.model_validate({"name": "s", "seed": 4, "fields": fields})

    bundle = trained(4).model_copy(update={"recipe": of("age", "size").model_dump(mode="json")})
    check_no_test_leakage(bundle, of("age", "size"), FILES, SPLIT, "here")
    with pytest.raises(DataError, match="its fields differ"):
        check_no_test_leakage(bundle, of("age"), FILES, SPLIT, "here")
