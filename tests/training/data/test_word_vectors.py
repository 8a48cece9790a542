import gzip
from pathlib import Path

import numpy as np
import pytest

from training.data.word_vectors import WordVectors
from training.errors import DataError

GLOVE = "the 0.5 -1 2\nnight 1 2 3\nthe 9 9 9\n"


def written(path: Path, content: str | bytes = GLOVE) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [GLOVE, f"3 3\n{GLOVE}", GLOVE.replace("\n", " \r\n"), f"{GLOVE}\n", f"\ufeff{GLOVE}", f"\ufeff3 3\n{GLOVE}"],
    ids=[
        "GloVe",
        "word2vec, with a first line",
        "fastText, with spaces at the ends",
        "an empty line",
        "a mark",
        "both",
    ],
)
def test_the_formats_that_there_are(tmp_path: Path, content: str) -> None:
    vectors = WordVectors(written(tmp_path / "v.txt", content), 3)
    assert list(vectors.words()) == ["the", "night", "the"]
    found = vectors.of({"the", "night", "dawn"})
    assert found.keys() == {"the", "night"}
    assert found["the"].dtype == np.float32
    np.testing.assert_array_equal(found["the"], [0.5, -1, 2])


def test_gzipped(tmp_path: Path) -> None:
    path = written(tmp_path / "v.txt.GZ", gzip.compress(GLOVE.encode()))
    assert WordVectors(path, 3).of({"night"})["night"].tolist() == [1, 2, 3]


def test_a_number_may_be_the_first_word(tmp_path: Path) -> None:
    vectors = WordVectors(written(tmp_path / "v.txt", "2012 0.1 0.2\nyear 1 2\n"), 2)
    assert list(vectors.words()) == ["2012", "year"]


def test_what_stands_between_words_and_lines_elsewhere_is_part_of_a_word(tmp_path: Path) -> None:
    content = b"a\xc2\x85b 1 2\ncut\xe2 3 4\n\xc2\xa0 5 6\n\xc2\x85 7 8\n"
    vectors = WordVectors(written(tmp_path / "v.txt", content), 2)
    assert list(vectors.words()) == ["a\x85b", "cut\ufffd", "\xa0", "\x85"]


def test_words_may_be_compared_without_their_case(tmp_path: Path) -> None:
    vectors = WordVectors(written(tmp_path / "v.txt", "NASA 1 2\nnasa 3 4\n"), 2)
    assert {word: vector.tolist() for word, vector in vectors.of({"nasa"}).items()} == {"nasa": [3, 4]}
    assert {word: vector.tolist() for word, vector in vectors.of({"nasa"}, str.lower).items()} == {"nasa": [1, 2]}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "holds no vector; accepted: lines of a word and its 3 numbers, with spaces between"),
        ("3 3\n", "holds no vector"),
        ("the\t1\t2\t3\n", "with spaces between"),
        ("the 1 2\n", "line 1: found 2 numbers; accepted: 3 finite ones, as network.embedding says"),
        ("4 300\nthe 1 2 3 4\n", "line 2: found 4 numbers"),
        ("the 1 2 three\n", "line 1: could not convert string to float: 'three'; accepted: a word and its numbers"),
        ("the 1 2 nan\n", "line 1: found 3 numbers; accepted: 3 finite ones"),
    ],
)
def test_a_file_that_does_not_fit_is_told_at_once(tmp_path: Path, content: str, fault: str) -> None:
    path = written(tmp_path / "v.txt", content)
    with pytest.raises(DataError) as error:
        WordVectors(path, 3)
    assert str(error.value).startswith(str(path))
    assert fault in str(error.value)


def test_a_bad_line_is_told_when_its_word_is_wanted(tmp_path: Path) -> None:
    vectors = WordVectors(written(tmp_path / "v.txt", "the 1 2\nbad 1\nnight 3 4\n"), 2)
    assert vectors.of({"night"})["night"].tolist() == [3, 4]
    with pytest.raises(DataError, match="line 2: found 1 numbers; accepted: 2"):
        vectors.of({"bad"})


def test_a_file_that_is_not_there_or_broken(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"v\.txt: word vectors cannot be read: No such file"):
        WordVectors(tmp_path / "v.txt", 3)
    with pytest.raises(DataError, match=r"cannot be read: .*gzip"):
        WordVectors(written(tmp_path / "v.txt.gz", "no archive"), 3)
    with pytest.raises(DataError, match="cannot be read: Compressed file ended"):
        WordVectors(written(tmp_path / "v.txt.gz", gzip.compress(GLOVE.encode())[:-4]), 3).of({"x"})
