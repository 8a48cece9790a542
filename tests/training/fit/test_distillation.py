from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.bundles import LABELS
from training.data.teacher_file import TeacherFile, TeacherInfo
from training.errors import DataError
from training.fit.distillation import CrossFitted, load_teacher_files, load_teachers


def test_a_teacher_has_the_same_labels(pristine_bundle: Path) -> None:
    with pytest.raises(
        DataError, match=r"has labels \['negative', 'neutral', 'positive'\]; accepted: \['ham', 'spam'\]"
    ):
        load_teachers([str(pristine_bundle)], ["ham", "spam"])


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"stages\.teachers: .*is no folder"):
        load_teachers([str(tmp_path / "none")], LABELS)


def test_a_file_of_answers_has_the_same_labels_in_the_same_order(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    TeacherFile.empty(TeacherInfo(labels=["spam", "ham"])).write(path)
    with pytest.raises(DataError, match=r"t\.npz has labels \['spam', 'ham'\]; accepted: \['ham', 'spam'\]"):
        load_teacher_files([str(path)], ["ham", "spam"])
    assert [file.info.labels for file in load_teacher_files([str(path)], ["spam", "ham"])] == [["spam", "ham"]]


GOOD = [f"fine{number} day" for number in range(20)]
BAD = [f"foul{number} day" for number in range(20)]
ROWS, CLASSES = [*GOOD, *BAD], np.array([0] * 20 + [1] * 20)


def cross_fitted(
    texts: list[str], labels: "np.ndarray[tuple[int], np.dtype[np.int64]]", ones: float = 1.0
) -> CrossFitted:
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100.0))
    return CrossFitted(pipeline, texts, labels, np.full(len(texts), ones, np.float32), seed=1)


def test_a_text_that_was_learned_is_answered_as_if_it_had_not_been() -> None:
    # Each text has one word of its own, so that only a fit with the text itself could know its label.
    answers = cross_fitted(ROWS, CLASSES).predict(ROWS)
    assert answers == pytest.approx(0.5, abs=0.05)


def test_a_new_text_is_answered_by_the_fit_of_all() -> None:
    words = [f"{word} {number}{number}" for word in ("fine", "foul") for number in range(20)]
    fitted = cross_fitted(words, CLASSES)
    mixed = fitted.predict(["foul weather", words[0], "fine weather"])
    assert mixed.shape == (3, 2)
    assert mixed.dtype == np.float32
    assert mixed.argmax(1).tolist() == [1, 0, 0]
    assert mixed.sum(1) == pytest.approx(1)


def test_weights_reach_the_fit() -> None:
    texts = [f"same {number}{number}" for number in range(40)]
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    weights = np.where(CLASSES == 0, 9.0, 1.0).astype(np.float32)
    fitted = CrossFitted(pipeline, texts, CLASSES, weights, seed=1)
    assert fitted.predict(["same"])[0, 0] > 0.8
    assert fitted.predict(texts)[:, 0].min() > 0.7
