from pathlib import Path

import numpy as np
import pytest

from serving.predictor import Predictor
from tests.bundles import LABELS, TEXTS, edit_metadata
from training.errors import DataError
from training.evaluation import evaluate, evaluate_file, learned_from
from training.tables import fingerprint


@pytest.fixture
def predictor(bundle: Path) -> Predictor:
    edit_metadata(bundle, lambda content: content["recipe"]["data"].update(ignore=["odd"], rename={"neg": "negative"}))
    return Predictor.load(bundle)


def test_figures_are_those_of_the_served_answers(predictor: Predictor) -> None:
    found = [LABELS.index(prediction.label) for prediction in predictor.predict(TEXTS)]
    assert evaluate(predictor, TEXTS, np.array(found)).accuracy == 1
    wrong = np.array([(label + 1) % 3 for label in found])
    assert evaluate(predictor, TEXTS, wrong).accuracy == 0


def test_a_file_is_read_as_the_bundles_recipe_says(predictor: Predictor, tmp_path: Path) -> None:
    rows = ["text,label", "good show,Positive", "bad show,neg", ",positive", "what,odd", "a day,neutral", "no label,"]
    (tmp_path / "d.csv").write_text("\n".join(rows), encoding="utf-8")
    figures = evaluate_file(predictor, tmp_path / "d.csv")
    assert {name: row.rows for name, row in figures.classes.items()} == {"negative": 1, "neutral": 1, "positive": 1}


def test_columns_and_encoding_by_flag(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes("tweet,gold\ncafé,positive\n".encode("latin-1"))
    figures = evaluate_file(predictor, tmp_path / "d.csv", text="tweet", label="gold", encoding="latin-1")
    assert figures.rows == 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("text,label\nx,happy\n", "unknown labels ['happy']; accepted: ['negative', 'neutral', 'positive']"),
        ("tweet,label\nx,positive\n", "no column 'text'; found: 'tweet', 'label'"),
        ("text,label\nx,odd\n", "no row has a text and a label"),
    ],
)
def test_a_file_that_does_not_fit(predictor: Predictor, tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "d.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        evaluate_file(predictor, tmp_path / "d.csv")
    assert fault in str(caught.value)


def test_a_recipe_that_does_not_fit(bundle: Path, tmp_path: Path) -> None:
    edit_metadata(bundle, lambda content: content["recipe"].update(data={"odd": 1}))
    (tmp_path / "d.csv").write_text("text,label\nx,positive\n", encoding="utf-8")
    with pytest.raises(DataError, match="its recipe does not tell how to read a file"):
        evaluate_file(Predictor.load(bundle), tmp_path / "d.csv")


def test_a_file_that_the_model_was_made_with_is_known(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("text,label\nx,positive\n", encoding="utf-8")
    metadata = Predictor.load(bundle).metadata
    assert not learned_from(tmp_path / "d.csv", metadata)
    file = fingerprint(tmp_path / "d.csv", 1)
    for learned in ({"data": [file]}, {"teacher_data": {"build/words": [file]}}):
        assert learned_from(tmp_path / "d.csv", metadata.model_copy(update=learned))
