import tomllib
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from training.__main__ import app
from training.data.cleaning import text_key
from training.data.made_up_texts import TEMPLATES, made_up_texts
from training.errors import DataError
from training.evaluation.behaviour import behaviour_suite

SUITE = [text for pairs in behaviour_suite().values() for pair in pairs for text in pair.texts]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What the command writes."""
    path = tmp_path_factory.mktemp("made-up") / "raw" / "made_up.csv"
    assert CliRunner().invoke(app, ["made-up", str(path)]).exit_code == 0
    return pd.read_csv(path, keep_default_na=False)


def test_there_are_many_distinct_short_texts_of_each_kind(written: pd.DataFrame) -> None:
    assert len(written) == 40_000
    assert written.text.map(text_key).is_unique
    assert written.text.str.len().max() < 100
    assert written.kind.value_counts().min() > 2000


def test_no_slot_is_left_open(written: pd.DataFrame) -> None:
    assert not written.text.str.contains("[{}]").any()


def test_none_is_of_the_behaviour_suite(written: pd.DataFrame) -> None:
    assert set(written.text.map(text_key)) & set(map(text_key, SUITE)) == set()


def test_none_differs_from_a_pair_of_names_in_a_name_alone(written: pd.DataFrame) -> None:
    lists = tomllib.loads(TEMPLATES.read_text(encoding="utf-8"))["lists"]
    keys, names = set(written.text.map(text_key)), [*lists["name"], *lists["place"], *lists["handle"]]
    renamed = {
        text_key(" ".join([*words[:place], name, *words[place + 1 :]]))
        for words in (text.split() for pair in behaviour_suite()["names"] for text in pair.texts)
        for place in range(len(words))
        for name in names
    }
    assert renamed & keys == set()


def test_what_differs_from_an_excluded_text_in_one_word_is_excluded() -> None:
    texts = made_up_texts(3000, 2, []).text
    chosen = next(text for text in texts if text.startswith("the ") and len(text.split()) == 4)
    words = chosen.split()
    remaining = made_up_texts(3000, 2, [" ".join([words[0], "zebra", *words[2:]])]).text
    assert chosen not in set(remaining)
    assert [text for text in remaining if [*text.split()[:1], *text.split()[2:]] == [words[0], *words[2:]]] == []


def test_equal_seeds_give_equal_texts_and_others_others() -> None:
    first, again, other = (made_up_texts(200, seed, []) for seed in (1, 1, 2))
    assert first.equals(again)
    assert len(set(first.text) & set(other.text)) < 20


@pytest.fixture(scope="module")
def labelled() -> pd.DataFrame:
    return made_up_texts(4000, 1, SUITE, labelled=True)


def test_labelled_ones_have_each_label_and_no_slot(labelled: pd.DataFrame) -> None:
    assert list(labelled.columns) == ["text", "kind", "label"]
    assert set(labelled.label) == {"negative", "neutral", "positive"}
    assert labelled.label.value_counts().min() > 1000
    assert not labelled.text.str.contains("[{}]").any()


def test_labelled_ones_say_what_their_label_says(labelled: pd.DataFrame) -> None:
    texts = {label: " ".join(group.text.str.lower()) for label, group in labelled.groupby("label")}
    assert not any(word in texts["neutral"] for word in ("😡", "😍", "hate", "worst", "awful"))
    assert "couldn't be happier" in texts["positive"]
    assert "couldn't be happier" not in texts["negative"]


def test_no_labelled_one_is_of_the_behaviour_suite(labelled: pd.DataFrame) -> None:
    assert set(labelled.text.map(text_key)) & set(map(text_key, SUITE)) == set()


def test_fewer_than_asked_for_is_an_error() -> None:
    with pytest.raises(
        DataError, match=r"--rows: in 5,000 draws found [\d,]+ distinct texts; accepted: at most as many"
    ):
        made_up_texts(5000, 1, [], draws=1)


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["made-up", str(tmp_path / "a.csv"), "--rows", "50"]).stdout
    assert "50 texts" in shown
