import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.errors import BundleError
from serving.model.bundle import NETWORK, TOKENIZER
from serving.model.metadata import KNOWN_BY_TRAINING
from serving.model.predictor import BATCH, Predictor
from serving.model.tokenizer import Ids
from serving.model.types import Probabilities
from tests.bundles import LABELS, TEXTS, edit_metadata, rehash
from tests.keras_bundles import by_keras, write_bundle
from training.recipe.model import NetworkConfig, TokenizerConfig


@pytest.fixture(scope="module")
def predictor(pristine_bundle: Path) -> Predictor:
    return Predictor.load(pristine_bundle)


def test_one_prediction_a_text_in_order(tmp_path: Path) -> None:
    network = write_bundle(tmp_path / "bundle")
    predictions = Predictor.load(tmp_path / "bundle").predict(TEXTS)
    for text, prediction in zip(TEXTS, predictions, strict=True):
        assert list(prediction.probabilities) == LABELS
        assert list(prediction.probabilities.values()) == pytest.approx(
            by_keras(tmp_path / "bundle", network, text), abs=1e-5
        )
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


def test_truncation_is_told(predictor: Predictor) -> None:
    short, long = predictor.predict(["the show", "show " * 100])
    assert (short.truncated, long.truncated) == (False, True)


def test_threads_get_their_own_answers(predictor: Predictor) -> None:
    texts = [f"{a} {b}" for a in TEXTS for b in TEXTS]
    expected = [predictor.predict([text])[0] for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert [found[0] for found in pool.map(lambda text: predictor.predict([text]), texts)] == expected


def test_an_unmasked_network_padded_left(tmp_path: Path) -> None:
    knobs = TokenizerConfig(model="word", min_frequency=1, max_tokens=28, fixed_length=True, pad_side="left")
    network = write_bundle(tmp_path / "b", NetworkConfig(embedding=8, masked=False, lstm=[6, 5]), knobs)
    (found,) = Predictor.load(tmp_path / "b").predict([TEXTS[0]])
    assert list(found.probabilities.values()) == pytest.approx(by_keras(tmp_path / "b", network, TEXTS[0]), abs=1e-5)


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
    edit_metadata(bundle, _true_version)
    with pytest.raises(BundleError, match=r"sentiment\.h5: is cut off"):
        Predictor.load(bundle)


def _true_version(content: dict[str, object]) -> None:
    from serving.model.bundle import model_version

    content["model_version"] = model_version(content["files"], content["labels"])  # type: ignore[arg-type]


def test_labels_that_do_not_fit_the_network(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b")
    edit_metadata(tmp_path / "b", lambda content: content["labels"].append("mixed"))
    edit_metadata(tmp_path / "b", _true_version)
    with pytest.raises(BundleError, match=r"has 4 labels, sentiment\.h5 gives 3"):
        Predictor.load(tmp_path / "b")


def test_a_tokenizer_of_another_bundle(bundle: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "other", tokenizer_knobs=TokenizerConfig(model="bpe", vocabulary=60, min_frequency=1))
    (bundle / TOKENIZER).write_bytes((tmp_path / "other" / TOKENIZER).read_bytes())
    rehash(bundle)
    edit_metadata(bundle, _true_version)
    with pytest.raises(BundleError, match=r"tokenizer\.json: has \d+ tokens, sentiment\.h5 embeds \d+"):
        Predictor.load(bundle)


@pytest.mark.parametrize(
    ("masked", "fixed", "fault"), [(True, True, "pads to a length"), (False, False, "pads by batch")]
)
def test_padding_that_does_not_fit_the_mask(tmp_path: Path, masked: bool, fixed: bool, fault: str) -> None:
    length = 12 if fixed else 64
    write_bundle(
        tmp_path / "b",
        NetworkConfig(embedding=8, masked=masked, lstm=[6]),
        TokenizerConfig(model="word", min_frequency=1, max_tokens=length, fixed_length=fixed),
    )
    with pytest.raises(BundleError, match=fault):
        Predictor.load(tmp_path / "b")


@pytest.mark.parametrize("change", [{"inputs": "fields"}, {"text_rules": {"lower": True}}])
def test_inputs_that_serving_cannot_prepare_yet(bundle: Path, change: dict[str, Any]) -> None:
    edit_metadata(bundle, lambda content: content.update(change))
    with pytest.raises(BundleError, match=r"metadata\.json: has inputs .*; accepted: inputs 'text' without text_rules"):
        Predictor.load(bundle)


def test_an_adopted_bundle_is_served(bundle: Path) -> None:
    def adopt(content: dict[str, Any]) -> None:
        content["origin"] = "adopted"
        for key in KNOWN_BY_TRAINING:
            del content[key]

    edit_metadata(bundle, adopt)
    assert len(Predictor.load(bundle).predict(TEXTS)) == len(TEXTS)


def test_probabilities_are_not_rounded(predictor: Predictor) -> None:
    (found,) = predictor.predict([TEXTS[0]])
    assert any(np.float32(p) != round(p, 4) for p in found.probabilities.values())


def test_the_network_gets_its_threads(pristine_bundle: Path) -> None:
    session = Predictor.load(pristine_bundle, threads=2).network._session
    assert session.get_session_options().intra_op_num_threads == 2
