import json

import numpy as np
import pytest

from serving.encoding import Encoder
from serving.errors import BundleError
from training.tokenizer import build_tokenizer
from training.tokenizer_knobs import TokenizerKnobs

TEXTS = ["good day to you", "bad day", "a day"]


def encoder(**knobs: object) -> Encoder:
    settings = TokenizerKnobs.model_validate({"model": "word", "min_frequency": 1, **knobs})
    return Encoder(build_tokenizer(TEXTS, settings).to_str())


def test_ids_come_unpadded_and_in_order() -> None:
    good, bad = encoder().encode(["good day", "bad day to you"])
    assert (len(good.ids), len(bad.ids)) == (2, 4)
    assert good.ids.dtype == np.int32
    assert good.ids[1] == bad.ids[1]


def test_truncation_is_told() -> None:
    short, exact, long = encoder(max_tokens=2).encode(["good", "good day", "good day to"])
    assert [short.truncated, exact.truncated, long.truncated] == [False, False, True]
    (longer,) = encoder(max_tokens=2).encode(["good day to you bad day a"])
    assert [exact.cut, long.cut, longer.cut] == [0, 1, 5]
    assert len(long.ids) == 2


def test_prepared_texts_are_the_same_and_give_the_same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, texts = encoder(max_tokens=2), ["good day to you", "", "bad"]
    plain, prepared = mine.encode(texts), mine.prepare(texts)
    assert prepared == texts
    for one, other in zip(plain, mine.encode([*prepared[:2], "bad"]), strict=True):
        assert (one.ids.tolist(), one.cut) == (other.ids.tolist(), other.cut)
    monkeypatch.setattr(mine, "_encode", lambda texts: [] if not texts else pytest.fail("encoded again"))
    assert mine.encode(prepared)[0].cut == 2


def test_what_another_encoder_prepared_is_encoded_anew() -> None:
    mine, other = encoder(), Encoder(build_tokenizer(["you to day"], TokenizerKnobs(min_frequency=1)).to_str())
    (own,), (borrowed,) = mine.encode(["good day to you"]), mine.encode(other.prepare(["good day to you"]))
    assert own.ids.tolist() == borrowed.ids.tolist() != other.encode(["good day to you"])[0].ids.tolist()


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "\ufe0f"])
def test_a_text_with_nothing_to_read_is_one_unknown_token(text: str) -> None:
    (encoded,) = encoder().encode([text])
    assert encoded.ids.tolist() == [encoder().unknown_id]


def test_a_typed_padding_token_is_not_padding() -> None:
    (encoded,) = encoder().encode(["good <pad> day"])
    assert encoder().pad_id not in encoded.ids


def test_pad_batch_pads_right_to_the_longest() -> None:
    ids, lengths = encoder().pad_batch(encoder().encode(["good", "bad day to"]))
    assert ids.shape == (2, 3)
    assert lengths.tolist() == [1, 3]
    assert ids[0, 1:].tolist() == [0, 0]


def test_fixed_length_pads_each_text_on_its_side() -> None:
    left = encoder(max_tokens=5, fixed_length=True, pad_side="left")
    (encoded,) = left.encode(["good day"])
    assert left.fixed_length == 5
    assert encoded.ids[:3].tolist() == [0, 0, 0]
    assert (encoded.ids[3:] > 1).all()


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(BundleError, match=r"tokenizer\.json: is not a tokenizers file"):
        Encoder("{}")


def test_one_without_padding_is_refused() -> None:
    content = json.loads(build_tokenizer(TEXTS, TokenizerKnobs(model="word")).to_str())
    content["padding"] = None
    with pytest.raises(BundleError, match="padding rule"):
        Encoder(json.dumps(content))


def test_every_id_has_its_row_also_where_ids_are_shared_or_left_out() -> None:
    content = json.loads(build_tokenizer(TEXTS, TokenizerKnobs(model="word", min_frequency=1)).to_str())
    content["model"]["vocab"] |= {"good": 40, "bad": 40}
    shared = Encoder(json.dumps(content))
    assert shared.vocabulary_size == 41
    assert [encoded.ids.tolist() for encoded in shared.encode(["good", "bad"])] == [[40], [40]]
