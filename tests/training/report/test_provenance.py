from typing import Any

import pytest

from serving.model.metadata import DataFile
from tests.training.report.examples import metadata
from training.report.provenance import (
    command,
    file_table,
    keep_policy,
    library_table,
    recipes,
    split_table,
    teacher_table,
)

SOURCES = [
    {"file": "tweets.csv", "part": "test", "about": "Tweets of 2016", "terms": "research"},
    {"file": "tweets.csv", "part": "train", "about": "Tweets of 2013", "terms": "research"},
    {"file": "other.csv", "about": "not of this file", "terms": None},
]


def test_a_file_is_told_with_what_the_recipe_says_of_it() -> None:
    table = file_table(metadata(recipe={"data": {"sources": SOURCES}}))
    assert table.rows == [("tweets.csv", "Tweets of 2016 Tweets of 2013", "research", "fedcba987654", "200")]


def test_a_recipe_that_says_nothing_leaves_dashes() -> None:
    assert file_table(metadata()).rows == [("tweets.csv", "–", "–", "fedcba987654", "200")]
    assert file_table(metadata(recipe={})).rows[0][1] == "–"


def test_word_vectors_are_a_file_too() -> None:
    said = {"file": "build/v.txt", "about": "an encyclopedia", "terms": "public domain"}
    known = metadata(recipe={"vectors": said}, vectors=DataFile(file="v.txt", rows=4000, sha256="c" * 64))
    row = ("v.txt", "word vectors: an encyclopedia", "public domain", "c" * 12, "4,000 words")
    assert file_table(known).rows[-1] == row


def test_parts_are_told_by_class() -> None:
    table = split_table(metadata())
    assert table.headings == ("class", "train", "test")
    assert table.rows[0] == ("negative", "60", "29")
    assert table.rows[-1] == ("all", "210", "130")
    assert split_table(metadata(split={})).rows == []


def test_libraries() -> None:
    assert library_table(metadata()).rows[0] == ("keras", "3.0")


def test_the_command_is_one_that_a_shell_reads() -> None:
    files = [file.model_copy(update={"file": name}) for file in metadata().data for name in ("a.csv", "my tweets.csv")]
    assert command(metadata(data=files)) == (
        "python -m training fit recipe.toml --data a.csv 'my tweets.csv' --out build/example --seed 3"
    )
    assert "--data FILES " in command(metadata(data=[]))


TAUGHT = metadata(
    recipe={"name": "example", "stages": [{"name": "own", "teacher_baselines": ["multinomial naive Bayes"]}]},
    teachers={"build/words": "aaaaaaaaaaaa", "build/pieces": "bbbbbbbbbbbb"},
    teacher_recipes={
        "build/words": {"name": "words", "seed": 7, "data": {"about": "older tweets", "terms": "MIT"}},
        "build/pieces": {"name": "pieces"},
    },
    teacher_data={"build/words": [DataFile(file="a.csv", rows=1200, sha256="d" * 64), *metadata().data]},
)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({}, "best"),
        ({"fit": {"keep": "last"}}, "last"),
        ({"fit": {"keep": "last"}, "stages": [{"keep": "last"}, {"keep": "best"}]}, "best"),
        ({"stages": [{"name": "a"}, {"keep": "last"}]}, "last"),
    ],
)
def test_the_epoch_that_is_kept_is_that_of_the_last_stage(recipe: dict[str, Any], expected: str) -> None:
    assert keep_policy(metadata(recipe=recipe)) == expected


def test_each_stage_keeps_its_own_epoch() -> None:
    recipe = {"fit": {"keep": "last"}, "stages": [{"name": "a", "keep": "best"}, {"name": "b"}]}
    assert [keep_policy(metadata(recipe=recipe), stage) for stage in ("a", "b", "fit")] == ["best", "last", "last"]


def test_a_network_that_was_taught_names_its_teachers() -> None:
    assert teacher_table(TAUGHT).rows == [
        ("build/words", "words", "aaaaaaaaaaaa"),
        ("build/pieces", "pieces", "bbbbbbbbbbbb"),
        ("multinomial naive Bayes", "–", "–"),
    ]
    assert teacher_table(metadata()).rows == []


def test_files_that_only_a_teacher_learned_from_are_told_with_what_its_recipe_says() -> None:
    own, taught = file_table(TAUGHT).rows
    assert own[0] == "tweets.csv"
    assert taught == ("a.csv", "of the teacher build/words alone: older tweets", "MIT", "d" * 12, "1,200")


def test_its_teachers_are_made_again_first_each_by_its_own_recipe() -> None:
    assert command(TAUGHT).splitlines() == [
        "python -m training fit teacher-1.toml --data a.csv tweets.csv --out build/words --seed 7",
        "python -m training fit teacher-2.toml --data tweets.csv --out build/pieces --seed 3",
        "python -m training fit recipe.toml --data tweets.csv --out build/example --seed 3",
    ]
    assert [recipe["name"] for recipe in recipes(TAUGHT).values()] == ["words", "pieces", "example"]
    assert list(recipes(TAUGHT)) == [line.split()[4] for line in command(TAUGHT).splitlines()]


def test_bundles_that_stood_in_one_folder_are_made_there_one_after_the_other() -> None:
    """As when each goes on from the one before and then takes its place, and the last teaches another."""
    start = {"start": {"bundle": "artifacts"}}
    third = metadata(
        recipe={"name": "example"},
        teachers={"artifacts": "b" * 12},
        teacher_recipes={f"artifacts {'a' * 12}": {"name": "1"}, "artifacts": {"name": "2", **start}},
        teacher_data={f"artifacts {'a' * 12}": [DataFile(file="old.csv", rows=9, sha256="a" * 64)]},
    )
    assert [line.split(" --seed")[0] for line in command(third).splitlines()] == [
        "python -m training fit teacher-1.toml --data old.csv --out artifacts",
        "python -m training fit teacher-2.toml --data tweets.csv --out artifacts",
        "python -m training fit recipe.toml --data tweets.csv --out build/example",
    ]


def test_what_goes_on_from_a_bundle_needs_that_one_and_writes_over_nothing() -> None:
    start = {"name": "example", "start": {"bundle": "build/words", "weight": 0.4}}
    following = TAUGHT.model_copy(update={"recipe": start})
    assert command(following) == "python -m training fit recipe.toml --data tweets.csv --out build/example --seed 3"
    assert [*recipes(following)] == ["recipe.toml"]


ANSWERED = metadata(
    recipe={"name": "example"},
    teachers={"data/t.npz": "c" * 12},
    teacher_recipes={
        "data/t.npz": {"name": "big", "encoder": {"folder": "e", "about": "six layers", "terms": "Apache 2.0"}}
    },
    teacher_data={"data/t.npz": [DataFile(file="t.npz", rows=5000, sha256="c" * 64), *metadata().data]},
)


def test_a_file_of_answers_is_told_with_its_hash_and_whose_they_are() -> None:
    assert teacher_table(ANSWERED).rows == [("data/t.npz", "big", "c" * 12)]
    row = ("t.npz", "a teacher's answers; its encoder: six layers", "Apache 2.0", "c" * 12, "5,000 texts")
    assert file_table(ANSWERED).rows[1:] == [row]


def test_an_encoder_is_tuned_and_asked_before_what_it_taught_is_fitted() -> None:
    assert command(ANSWERED).splitlines()[:2] == [
        "python -m training finetune teacher-1.toml --data tweets.csv --out build/teacher-1",
        "python -m training answers teacher-1.toml --data tweets.csv --teacher build/teacher-1 --out data/t.npz",
    ]


def test_an_encoder_that_wrote_two_files_of_answers_is_tuned_once() -> None:
    recipe = ANSWERED.teacher_recipes["data/t.npz"]
    twice = ANSWERED.model_copy(update={"teacher_recipes": {"data/t.npz": recipe, "data/more.npz": recipe}})
    assert [line.split(" --data")[0] for line in command(twice).splitlines()] == [
        "python -m training finetune teacher-1.toml",
        "python -m training answers teacher-1.toml",
        "python -m training answers teacher-1.toml",
        "python -m training fit recipe.toml",
    ]
    assert list(recipes(twice)) == ["teacher-1.toml", "recipe.toml"]


def test_the_command_of_a_recipe_that_brings_its_rows_names_no_file() -> None:
    own, other = (DataFile(file=name, rows=150, sha256="a" * 64) for name in ("iris.csv", "mine.csv"))
    recipe = {"data": {"bundled": "iris"}}
    assert command(metadata(data=[own], recipe=recipe)) == (
        "python -m training fit recipe.toml --out build/example --seed 3"
    )
    assert "--data mine.csv " in command(metadata(data=[other], recipe=recipe))
    assert "--data iris.csv " in command(metadata(data=[own]))
