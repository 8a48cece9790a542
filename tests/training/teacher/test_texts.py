from pathlib import Path

import pytest

from serving.model.tokenizer import Encoder
from tests.training.teacher.helpers import write_encoder
from training.errors import DataError
from training.teacher.texts import encoder_text, read_tokenizer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@joe look: https://t.co/x1 &lt;3", "@user look: http <3"),
        ("😡👍🏽", "enraged face thumbs up"),
        ("go 🇺🇸!", "go us!"),
        ("plain & simple #Yes", "plain & simple #Yes"),
    ],
)
def test_what_an_encoder_cannot_know_comes_in_words(text: str, words: str) -> None:
    assert " ".join(encoder_text(text).split()) == words


def test_a_tokenizer_cuts_at_the_recipes_length_and_pads_by_batch(tmp_path: Path) -> None:
    encoder = Encoder(read_tokenizer(write_encoder(tmp_path, ["a", "b"]), max_tokens=4))
    encoded = encoder.encode(["A b", "a a b", "c"])
    assert [item.ids.tolist() for item in encoded] == [[2, 4, 5, 3], [2, 4, 4, 3], [2, 1, 3]]
    assert encoder.fixed_length is None


@pytest.mark.parametrize(
    ("content", "fault"), [(None, "`make encoder` brings one"), ("{}", "is not a tokenizers file")]
)
def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path, content: str | None, fault: str) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=rf"tokenizer\.json: .*{fault}"):
        read_tokenizer(tmp_path, 8)
