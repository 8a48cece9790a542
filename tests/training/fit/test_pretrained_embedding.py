from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.model.bundle import sha256
from serving.model.tokenizer import Encoder
from training.fit.pretrained_embedding import PretrainedEmbedding
from training.model.network import build_network
from training.recipe.model import NetworkConfig, TokenizerConfig, WordVectorsConfig
from training.text.tokenizer import build_tokenizer

TEXTS = ["A grand night out", "a dull night", "Grand!"]
LINES = "the 1 1\nnight 2 2\nu.s. 3 3\ndull 4 4\nharbour 5 5\ngrand 6 6\nlast 7 7\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text(LINES, encoding="utf-8")
    return path


def started(file: Path, words: int = 0, *, stems: bool = False) -> PretrainedEmbedding:
    return PretrainedEmbedding(WordVectorsConfig(file=str(file), words=words), 2, stems=stems)


def config(**changes: Any) -> TokenizerConfig:
    return TokenizerConfig(**{"model": "word", "min_frequency": 1, "vocabulary": 100, **changes})


def test_the_rows_of_known_words_are_the_files_and_others_stay(file: Path) -> None:
    tokenizer = build_tokenizer(TEXTS, config(lowercase=False))
    vocabulary = tokenizer.get_vocab()
    network = build_network(NetworkConfig(embedding=2, lstm=[3]), vocabulary=len(vocabulary), classes=2)
    before = np.array(network.layers[0].get_weights()[0])
    assert started(file).initialize(network, tokenizer) == 4  # night, dull, grand and Grand
    table = network.layers[0].get_weights()[0]
    assert {word: table[vocabulary[word]].tolist() for word in ("night", "grand", "Grand")} == {
        "night": [2, 2],
        "grand": [6, 6],
        "Grand": [6, 6],
    }
    others = [number for word, number in vocabulary.items() if word.lower() not in ("night", "dull", "grand")]
    np.testing.assert_array_equal(table[others], before[others])


@pytest.mark.parametrize("model", ["word", "bpe"])
def test_the_files_first_words_join_where_preprocessing_leaves_them_whole(file: Path, model: str) -> None:
    tokenizer = build_tokenizer(TEXTS, config(model=model))
    before = tokenizer.get_vocab()
    after = started(file, words=5).extend_vocabulary(tokenizer).get_vocab()
    assert {word: after[word] for word in before} == before
    # u.s. is read in pieces, and last stands too late.
    assert after.keys() - before.keys() == {"the", "harbour", "night", "dull"} - before.keys()
    assert sorted(after.values()) == list(range(len(after)))


@pytest.mark.parametrize("model", ["word", "bpe"])
def test_words_that_joined_are_read(file: Path, model: str) -> None:
    tokenizer = started(file, words=5).extend_vocabulary(build_tokenizer(TEXTS, config(model=model)))
    encoder = Encoder(tokenizer.to_str())
    harbour, night = (tokenizer.token_to_id(word) for word in ("harbour", "night"))
    assert encoder.encode(["Harbour night"])[0].ids.tolist() == [harbour, night]
    assert encoder.unknown_id not in (harbour, night)


@pytest.mark.parametrize(
    ("lowercase", "joined"),
    # iPhone is read in two parts, cut at its capital.
    [(False, {"NASA", "nasa", "iphone", "moon", "Moon"}), (True, {"nasa", "iphone", "moon"})],
)
def test_all_that_joins_from_a_file_with_case_has_a_vector(file: Path, lowercase: bool, joined: set[str]) -> None:
    file.write_text("NASA 1 1\niPhone 2 2\nmoon 3 3\n", encoding="utf-8")
    tokenizer, start = build_tokenizer(TEXTS, config(lowercase=lowercase)), started(file, words=3)
    longer = start.extend_vocabulary(tokenizer)
    vocabulary = longer.get_vocab()
    assert vocabulary.keys() - tokenizer.get_vocab().keys() == joined
    network = build_network(NetworkConfig(embedding=2, lstm=[3]), vocabulary=len(vocabulary), classes=2)
    assert start.initialize(network, longer) == len(joined)
    table = network.layers[0].get_weights()[0]
    assert table[vocabulary["nasa"]].tolist() == [1, 1]


def test_stems_join_and_have_the_vector_of_the_first_word_with_them(file: Path) -> None:
    """A word that is its own stem comes before one that is not, wherever it stands."""
    file.write_text("happily 1 1\nhappiness 2 2\nloving 3 3\nlove 4 4\nnights 5 5\nu.s. 6 6\n", encoding="utf-8")
    tokenizer, start = build_tokenizer(TEXTS, config(stemming="snowball")), started(file, words=6, stems=True)
    longer = start.extend_vocabulary(tokenizer)
    vocabulary = longer.get_vocab()
    assert vocabulary.keys() - tokenizer.get_vocab().keys() == {"happili", "happi", "love"}
    network = build_network(NetworkConfig(embedding=2, lstm=[3]), vocabulary=len(vocabulary), classes=2)
    assert start.initialize(network, longer) == 4
    table = network.layers[0].get_weights()[0]
    rows = {word: table[vocabulary[word]].tolist() for word in ("happili", "happi", "love", "night")}
    assert rows == {"happili": [1, 1], "happi": [2, 2], "love": [4, 4], "night": [5, 5]}
    encoder = Encoder(longer.to_str())
    assert encoder.encode(["loved happiness"])[0].ids.tolist() == [vocabulary["love"], vocabulary["happi"]]


def test_where_case_is_kept_they_join_in_both(file: Path) -> None:
    after = started(file, words=5).extend_vocabulary(build_tokenizer(TEXTS, config(lowercase=False))).get_vocab()
    assert {"harbour", "Harbour", "the", "The"} <= after.keys()


def test_what_is_remembered_of_the_file(file: Path) -> None:
    remembered = started(file).file
    assert (remembered.file, remembered.rows, remembered.sha256) == ("vectors.txt", 7, sha256(file))


def test_a_word_has_the_vector_of_its_own_case_before_that_of_another(file: Path) -> None:
    file.write_text("apple 1 1\nApple 2 2\nMay 3 3\nmay 4 4\n", encoding="utf-8")
    tokenizer = build_tokenizer(["Apple apple May may"], config(lowercase=False))
    vocabulary = tokenizer.get_vocab()
    network = build_network(NetworkConfig(embedding=2, lstm=[3]), vocabulary=len(vocabulary), classes=2)
    assert started(file).initialize(network, tokenizer) == 4
    table = network.layers[0].get_weights()[0]
    rows = {word: table[vocabulary[word]].tolist() for word in ("apple", "Apple", "May", "may")}
    assert rows == {"apple": [1, 1], "Apple": [2, 2], "May": [3, 3], "may": [4, 4]}


@pytest.mark.parametrize("model", ["word", "bpe"])
def test_an_emoji_without_a_vector_starts_from_the_words_of_its_name(file: Path, model: str) -> None:
    file.write_text("red 1 3\nheart 3 5\nface 8 8\nangry 6 6\n🥇 7 7\n", encoding="utf-8")
    tokenizer = build_tokenizer(TEXTS, config(model=model, emoji="all"))
    vocabulary = tokenizer.get_vocab()
    network = build_network(NetworkConfig(embedding=2, lstm=[3]), vocabulary=len(vocabulary), classes=2)
    before = np.array(network.layers[0].get_weights()[0])
    PretrainedEmbedding(WordVectorsConfig(file=str(file)), 2, emoji=True).initialize(network, tokenizer)
    table = network.layers[0].get_weights()[0]
    # A red heart; an angry face; an enraged face, of which the file has but the face; a medal, which it has itself.
    expected = {"❤": [2, 4], "😠": [6, 6], "😡": [8, 8], "🥇": [7, 7]}
    assert {emoji: table[vocabulary[emoji]].tolist() for emoji in expected} == expected
    np.testing.assert_array_equal(table[vocabulary["🇳🇴"]], before[vocabulary["🇳🇴"]])
