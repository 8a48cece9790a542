from pathlib import Path

import pandas as pd

from serving.model.bundle import Bundle
from serving.model.predictor import Predictor
from tests.bundles import LABELS, TEXTS, relabel
from training.data.dataset import Dataset
from training.export.figures import add_figures


def test_each_part_is_measured_and_the_test_part_is_returned(bundle: Path) -> None:
    frame = pd.DataFrame({"row": TEXTS, "label": [0, 1, 2] * 2, "group": ["one"] * 4 + ["other"] * 2})
    dataset = Dataset(LABELS, train=frame, validation=frame[:5], test=frame[:3], held_out=frame)
    predictor, figures = add_figures(bundle, Predictor.load(bundle), dataset)
    metadata = Bundle.read(bundle).metadata
    assert predictor.metadata == metadata
    assert figures.rows == 3
    assert metadata.metrics["test"] == figures.as_json()
    assert metadata.metrics["validation"]["rows"] == 5
    assert {name: group["rows"] for name, group in metadata.metrics["held_out"].items()} == {"one": 4, "other": 2}
    assert len(metadata.risk_coverage) == 5


def test_without_held_out_rows_there_are_no_figures_of_them(bundle: Path) -> None:
    frame = pd.DataFrame({"row": TEXTS, "label": [0, 1, 2] * 2, "group": "one"})
    add_figures(bundle, Predictor.load(bundle), Dataset(LABELS, frame, frame, frame, held_out=frame[:0]))
    assert Bundle.read(bundle).metadata.metrics.keys() == {"validation", "test", "behaviour"}


def test_both_halves_of_the_behaviour_suite_are_asked(bundle: Path) -> None:
    frame = pd.DataFrame({"row": TEXTS, "label": [0, 1, 2] * 2, "group": "one"})
    add_figures(bundle, Predictor.load(bundle), Dataset(LABELS, frame, frame, frame, held_out=frame[:0]))
    halves = Bundle.read(bundle).metadata.metrics["behaviour"]
    assert {half: counts["over all"]["pairs"] > 100 for half, counts in halves.items()} == {
        "choosing": True,
        "measuring": True,
    }


def test_labels_of_no_sentiment_are_not_asked_it(bundle: Path) -> None:
    labels = ["a", "b", "c"]
    relabel(bundle, labels)
    frame = pd.DataFrame({"row": TEXTS, "label": [0, 1, 2] * 2, "group": "one"})
    add_figures(bundle, Predictor.load(bundle), Dataset(labels, frame, frame, frame, held_out=frame[:0]))
    assert "behaviour" not in Bundle.read(bundle).metadata.metrics


def test_thresholds_are_those_of_the_validation_part(bundle: Path) -> None:
    predictor = Predictor.load(bundle)
    texts = TEXTS * 20
    answers = [LABELS.index(answer.label) for answer in predictor.predict(texts)]
    right = pd.DataFrame({"row": texts, "label": answers, "group": "one"})
    wrong = right.assign(label=(right.label + 1) % 3)
    add_figures(bundle, predictor, Dataset(LABELS, wrong, validation=right, test=wrong, held_out=wrong))
    thresholds = Bundle.read(bundle).metadata.thresholds
    assert {threshold.label for threshold in thresholds} == {LABELS[answer] for answer in answers}
