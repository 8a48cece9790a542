import json
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from serving.adopt.preprocessing import PadSequences, preprocessing
from serving.adopt.tokenizers import KerasTokenizer
from serving.errors import BundleError
from serving.model.bundle import NETWORK, TOKENIZER
from serving.model.inputs.text import BATCH, TextInput
from serving.model.keras_encoder import KerasEncoder
from serving.model.metadata import KnownAnswer
from serving.model.network import Network
from serving.model.predictor import Predictor
from serving.model.text_rules import TextRules
from serving.model.tokenizer import Ids
from serving.model.types import Probabilities
from tests.bundles import LABELS, TEXTS, TINY, UNMASKED, adopt, edit_metadata, edit_tokenizer, rehash, relabel
from tests.serving.fakes import fake_metadata


@pytest.fixture(scope="module")
def predictor(pristine_bundle: Path) -> Predictor:
    return Predictor.load(pristine_bundle)


def test_one_prediction_a_text_in_order_as_keras_answers_it(predictor: Predictor) -> None:
    predictions = predictor.predict(TEXTS)
    for text, prediction, known in zip(TEXTS, predictions, predictor.metadata.known_answers, strict=True):
        assert list(prediction.probabilities) == LABELS
        assert text == known.row
        assert list(prediction.probabilities.values()) == pytest.approx(known.probabilities, abs=1e-5)
        assert prediction.probability == max(prediction.probabilities.values())
        assert prediction.probabilities[prediction.label] == prediction.probability
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert {prediction.label for prediction in predictions} == set(LABELS)


def test_no_texts(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


def test_an_answer_does_not_depend_on_its_batch(predictor: Predictor) -> None:
    rng = random.Random(1)
    words = " ".join(TEXTS).split()
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 40))) for _ in range(100)]
    for together, text in zip(predictor.predict(texts), texts, strict=True):
        (alone,) = predictor.predict([text])
        assert list(alone.probabilities.values()) == pytest.approx(list(together.probabilities.values()), abs=1e-6)


def test_texts_near_in_length_are_computed_together(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    run = predictor.network.run

    def watched(ids: Ids, lengths: Ids) -> Probabilities:
        assert ids.shape == (len(lengths), max(lengths)), "no padding beyond the longest of its batch"
        seen.append(lengths.tolist())
        return run(ids, lengths)

    monkeypatch.setattr(predictor.network, "run", watched)
    rng = random.Random(1)
    predictor.predict(["show " * rng.randint(1, 60) for _ in range(5 * BATCH + 1)])
    assert [len(batch) for batch in seen] == [BATCH] * 5 + [1]
    assert all(max(one) <= min(next_one) for one, next_one in pairwise(seen))


def test_what_the_model_has_pieces_for_is_told(predictor: Predictor) -> None:
    known, unknown = predictor.predict(["I love this show", "\u6211\u559c\u6b22"])
    assert (known.in_vocabulary, unknown.in_vocabulary) == (1.0, 0.0)
    assert predictor.explain("\u6211\u559c\u6b22").in_vocabulary == 0.0


def test_truncation_is_told(predictor: Predictor) -> None:
    short, long = predictor.predict(["the show", "show " * 100])
    assert (short.truncated, long.truncated) == (False, True)


def test_threads_get_their_own_answers(predictor: Predictor) -> None:
    texts = [f"{a} {b}" for a in TEXTS for b in TEXTS]
    expected = [predictor.predict([text])[0] for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert [predictions[0] for predictions in pool.map(lambda text: predictor.predict([text]), texts)] == expected


def test_an_unmasked_network_padded_left() -> None:
    predictor = Predictor.load(UNMASKED)
    predictions, known = predictor.predict(TEXTS), predictor.metadata.known_answers
    assert [list(prediction.probabilities.values()) for prediction in predictions] == [
        pytest.approx(answer.probabilities, abs=1e-5) for answer in known
    ]


def test_a_known_answer_that_is_off(bundle: Path) -> None:
    edit_metadata(bundle, lambda content: content["known_answers"][0].update(probabilities=[0.3, 0.3, 0.4]))
    with pytest.raises(BundleError, match=r"known answer for 'I love this show.* is off by"):
        Predictor.load(bundle)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_any_known_answer_that_is_a_little_off(bundle: Path, which: int) -> None:
    def shift(content: dict[str, Any]) -> None:
        content["known_answers"][which]["probabilities"][0] += 0.0005

    edit_metadata(bundle, shift)
    with pytest.raises(BundleError, match=r"is off by 0\.0005; accepted: 0\.0001"):
        Predictor.load(bundle)


def test_a_known_answer_that_is_no_number(bundle: Path) -> None:
    edit_metadata(bundle, lambda content: content["known_answers"][0].update(probabilities=[float("nan")] * 3))
    with pytest.raises(BundleError, match="is off by nan"):
        Predictor.load(bundle)


def test_a_cut_off_network_whose_hash_was_made_true(bundle: Path) -> None:
    content = (bundle / NETWORK).read_bytes()
    (bundle / NETWORK).write_bytes(content[: len(content) // 2])
    rehash(bundle)
    with pytest.raises(BundleError, match=r"sentiment\.h5: is cut off"):
        Predictor.load(bundle)


def test_labels_that_do_not_fit_the_network(bundle: Path) -> None:
    relabel(bundle, [*LABELS, "mixed"])
    with pytest.raises(BundleError, match=r"has 4 labels, sentiment\.h5 gives 3"):
        Predictor.load(bundle)


def test_a_tokenizer_of_another_bundle(bundle: Path) -> None:
    edit_tokenizer(bundle, lambda content: content["model"]["vocab"].popitem())
    with pytest.raises(BundleError, match=r"tokenizer\.json: has 49 tokens, sentiment\.h5 embeds 50"):
        Predictor.load(bundle)


@pytest.mark.parametrize(
    ("folder", "strategy", "fault"),
    [
        (TINY, {"Fixed": 12}, "pads to a length"),
        (UNMASKED, "BatchLongest", "pads by batch"),
        (UNMASKED, {"Fixed": 7}, "pads to 7 tokens, sentiment.h5 takes 8"),
    ],
)
def test_padding_that_does_not_fit_the_network(tmp_path: Path, folder: Path, strategy: object, fault: str) -> None:
    bundle = Path(shutil.copytree(folder, tmp_path / "bundle"))
    path = bundle / TOKENIZER
    content = json.loads(path.read_text(encoding="utf-8"))
    content["padding"]["strategy"] = strategy
    path.write_text(json.dumps(content), encoding="utf-8")
    rehash(bundle)
    with pytest.raises(BundleError, match=fault):
        Predictor.load(bundle)


def test_a_bundle_of_fields_without_its_fields(bundle: Path) -> None:
    edit_metadata(bundle, lambda content: content.update(inputs="fields"))
    with pytest.raises(BundleError, match=r"fields\.json: is missing"):
        Predictor.load(bundle)


WORDS = KerasTokenizer("word index", {"love": 2, "hate": 3, "this": 4, "show": 5, "awful": 6, "rain": 7})
CUT_LEFT = PadSequences(8)


def adopted(
    folder: Path, copy_to: Path, sequences: PadSequences, tokenizer: KerasTokenizer = WORDS, **cleaning: Any
) -> Path:
    """A copy of a bundle whose preprocessing is that of a Keras Tokenizer."""
    bundle = Path(shutil.copytree(folder, copy_to / "adopted"))
    adopt(bundle, *preprocessing(tokenizer, sequences, rows=50, masked=folder == TINY, **cleaning))
    return bundle


@pytest.mark.parametrize(
    ("folder", "sequences"), [(UNMASKED, CUT_LEFT), (TINY, PadSequences(20)), (TINY, PadSequences())]
)
def test_an_adopted_bundle_is_served(tmp_path: Path, folder: Path, sequences: PadSequences) -> None:
    predictor = Predictor.load(adopted(folder, tmp_path, sequences, cleaning=["strip_handles"]))
    assert predictor.metadata.origin == "adopted"
    loved, with_handle, nothing, empty, long = predictor.predict(
        ["I LOVE this show!", "@show love this show", "zxqv", "?!", "love " * 30]
    )
    assert loved.probabilities == with_handle.probabilities
    assert [loved.in_vocabulary, with_handle.in_vocabulary] == pytest.approx([12 / 13, 1])
    assert nothing.probabilities == empty.probabilities
    assert (nothing.in_vocabulary, empty.in_vocabulary) == (0, 0)
    assert (loved.cut, long.cut) == (0, 30 - (sequences.max_length or 30))


def test_answers_of_an_adopted_bundle_do_not_depend_on_their_batch(tmp_path: Path) -> None:
    predictor = Predictor.load(adopted(TINY, tmp_path, PadSequences(20)))
    texts = ["", "love", "hate this awful awful show", "rain", "zxqv", "love this show " * 4]
    together = [list(prediction.probabilities.values()) for prediction in predictor.predict(texts)]
    alone = [list(predictor.predict([text])[0].probabilities.values()) for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_ids_beyond_the_rows_of_the_network_are_refused(tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(UNMASKED, tmp_path / "adopted"))
    tokenizer = replace(WORDS, word_index={"love": 50})
    content, rules = preprocessing(tokenizer, CUT_LEFT, rows=51, masked=False)
    (bundle / TOKENIZER).write_text(content, encoding="utf-8")
    edit_metadata(bundle, lambda metadata: metadata.update(text_rules=rules.model_dump(mode="json")))
    rehash(bundle)
    with pytest.raises(BundleError, match=r"has 51 tokens, sentiment\.h5 embeds 50; they must be equal, or fewer"):
        Predictor.load(bundle)


def test_other_text_rules_than_the_bundle_was_written_with(tmp_path: Path) -> None:
    bundle = adopted(UNMASKED, tmp_path, CUT_LEFT)
    edit_metadata(bundle, lambda content: content["text_rules"].update(lower=None))
    with pytest.raises(BundleError, match="its labels, text rules, threshold or version are not those"):
        Predictor.load(bundle)


class TwoClasses:
    """A network that answers the second label as often as it reads the word 2."""

    vocabulary, classes, masked, steps, numbers = 50, 2, False, 8, 0

    def run(self, ids: Ids, lengths: Ids) -> Probabilities:
        second = (ids == 2).sum(axis=1) / lengths
        return np.stack([1 - second, second], axis=1).astype(np.float32)


@pytest.mark.parametrize(("threshold", "label"), [(0.5, "ham"), (0.2, "spam"), (0.25, "ham"), (0.9, "ham")])
def test_the_second_label_needs_more_than_the_threshold(threshold: float, label: str) -> None:
    metadata = fake_metadata().model_copy(
        update={
            "labels": ["ham", "spam"],
            "decision_threshold": threshold,
            "known_answers": [KnownAnswer(text="love", probabilities=[0.875, 0.125])],
            "text_rules": TextRules(),
        }
    )
    encoder = KerasEncoder(*preprocessing(WORDS, CUT_LEFT, rows=50, masked=False))
    predictor = Predictor(cast(Network, TwoClasses()), TextInput(encoder), metadata)
    (prediction,) = predictor.predict(["love love"])
    assert (prediction.label, prediction.probabilities) == (label, {"ham": 0.75, "spam": 0.25})
    assert prediction.probability == prediction.probabilities[label]
    explained = predictor.explain("love love")
    assert (explained.label, explained.probability) == (label, prediction.probability)
    assert [word.weight for word in explained.explanation or ()] == [0.125 if label == "spam" else -0.125] * 2


def test_probabilities_are_not_rounded(predictor: Predictor) -> None:
    (prediction,) = predictor.predict([TEXTS[0]])
    assert any(np.float32(p) != round(p, 4) for p in prediction.probabilities.values())


def test_the_network_gets_its_threads(pristine_bundle: Path) -> None:
    assert Predictor.load(pristine_bundle, threads=2).network.threads == 2
