import numpy as np
import pytest

from serving.model.tokenizer import Encoded
from training.fit.batches import Batches
from training.inputs.text import STEP, TextEncoding
from training.recipe.model import TokenizerConfig
from training.text.tokenizer import build_tokenizer

ROWS = 530


@pytest.fixture(scope="module")
def encoding() -> TextEncoding:
    return TextEncoding(build_tokenizer(["a b c d"], TokenizerConfig(model="word", min_frequency=1)).to_str())


@pytest.fixture(scope="module")
def batches(encoding: TextEncoding) -> Batches:
    rng = np.random.default_rng(0)
    encoded = [Encoded(np.full(rng.integers(1, 40), 2 + i % 3, np.int32)) for i in range(ROWS)]
    targets = np.eye(3, dtype=np.float32)[rng.integers(0, 3, ROWS)]
    return Batches(encoding, encoded, targets, np.arange(ROWS, dtype=np.float32), size=8)


def test_each_row_comes_once_with_what_belongs_to_it(batches: Batches) -> None:
    for order in (batches.ordered(), batches.shuffled([1, 1])):
        seen = []
        for batch in order:
            seen += batch.rows.tolist()
            assert batch.weights.tolist() == [float(row) for row in batch.rows]
            assert (batch.targets == batches.targets[batch.rows]).all()
            for ids, row in zip(batch.inputs, batch.rows, strict=True):
                assert ids[ids != 0].tolist() == batches.encoded[row].ids.tolist()
        assert sorted(seen) == list(range(ROWS))


def test_batches_are_of_like_length(batches: Batches) -> None:
    wasted = total = 0
    for batch in batches.shuffled([1, 1]):
        assert batch.inputs.shape[1] % STEP == 0
        wasted, total = wasted + int((batch.inputs == 0).sum()), total + batch.inputs.size
    assert wasted / total < 0.25


def test_the_order_depends_on_seed_and_epoch_alone(batches: Batches) -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [int(row) for batch in batches.shuffled([seed, epoch]) for row in batch.rows]

    assert order(1, 1) == order(1, 1)
    assert order(1, 1) != order(1, 2)
    assert order(1, 1) != order(2, 1)


def test_word_dropout_replaces_a_share_and_never_padding(batches: Batches, encoding: TextEncoding) -> None:
    plain = list(batches.shuffled([1, 1]))
    dropped = list(batches.shuffled([1, 1], word_dropout=0.3))
    again = list(batches.shuffled([1, 1], word_dropout=0.3))
    changed = kept = 0
    for before, after, same in zip(plain, dropped, again, strict=True):
        assert ((before.inputs == 0) == (after.inputs == 0)).all()
        assert (after.inputs == same.inputs).all()
        different = before.inputs != after.inputs
        assert (after.inputs[different] == encoding.encoder.unknown_id).all()
        changed, kept = changed + int(different.sum()), kept + int((before.inputs != 0).sum())
    assert changed / kept == pytest.approx(0.3, abs=0.03)


def test_a_run_can_go_on_at_any_batch(batches: Batches) -> None:
    whole = list(batches.shuffled([1, 2], word_dropout=0.3, name_below=5))
    rest = list(batches.shuffled([1, 2], word_dropout=0.3, name_below=5, start=40))
    assert len(rest) == len(whole) - 40
    for found, expected in zip(rest, whole[40:], strict=True):
        assert (found.inputs == expected.inputs).all()
        assert found.masked is not None
        assert expected.masked is not None
        assert (found.masked.positions == expected.masked.positions).all()


def test_hidden_words_are_those_that_were_dropped(batches: Batches, encoding: TextEncoding) -> None:
    named = dropped = 0
    below = 4
    plain = batches.shuffled([3])
    for before, after in zip(plain, batches.shuffled([3], word_dropout=0.3, name_below=below), strict=True):
        assert after.masked is not None
        live = after.masked.weights.astype(bool)
        there = np.take_along_axis(before.inputs, after.masked.positions, 1)
        assert (there[live] == after.masked.ids[live]).all()
        assert (after.masked.ids[~live] == 0).all()
        now = np.take_along_axis(after.inputs, after.masked.positions, 1)
        assert (now[live] == encoding.encoder.unknown_id).all()
        assert ((there[live] > encoding.encoder.unknown_id) & (there[live] < below)).all()
        for row in range(len(live)):
            assert len(set(after.masked.positions[row][live[row]])) == live[row].sum()
        changed = (before.inputs != after.inputs) & (before.inputs < below)
        named, dropped = named + int(live.sum()), dropped + int(changed.sum())
    assert 0.8 < named / dropped <= 1


def test_length(batches: Batches) -> None:
    assert len(batches) == len(list(batches.ordered())) == 67
