import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.model.predictor import Predictor, text_input
from tests.bundles import TEXTS
from tests.keras_bundles import write_bundle
from tests.training.report.examples import COMPARED, COSTS, COUNTS, HISTORY, answers, report_data
from training.errors import DataError
from training.evaluation.evaluate import evaluate
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.report.render import write_report
from training.report.report_data import ReportData, TrainingRecord

TEST = pd.DataFrame({"row": TEXTS, "label": [2, 0, 1, 2, 0, 1], "group": ["a", "a", "a", "b", "b", "b"]})


def test_the_figures_are_those_of_the_rows() -> None:
    figures = report_data().figures
    assert [list(counts.values()) for counts in figures.confusion.values()] == COUNTS
    assert figures.accuracy == pytest.approx((20 + 31 + 43) / 130)


def test_the_prediction_is_the_likeliest_class() -> None:
    _, probabilities = answers([[0, 1], [2, 0]])
    assert report_data(probabilities=np.vstack([probabilities] * 44)[:130]).predicted[:3].tolist() == [1, 0, 0]


def gathered(predictor: Predictor) -> ReportData:
    return ReportData.gather(predictor, TrainingRecord(HISTORY), TEST)


def test_the_bundle_is_asked_as_evaluation_asks_it(pristine_bundle: Path) -> None:
    predictor = Predictor.load(pristine_bundle)
    found = gathered(predictor)
    assert found.figures == evaluate(predictor, TEXTS, TEST.label.to_numpy())
    assert found.groups == ["a", "a", "a", "b", "b", "b"]
    assert found.lengths.tolist() == [len(item.ids) for item in text_input(predictor).encoder.encode(TEXTS)]


def test_padding_is_no_token(pristine_bundle: Path, tmp_path: Path) -> None:
    network = NetworkConfig(embedding=8, lstm=[6], masked=False)
    tokenizer = TokenizerConfig(model="word", min_frequency=1, fixed_length=True, max_tokens=40)
    write_bundle(tmp_path, network, tokenizer)
    padded, unpadded = (gathered(Predictor.load(folder)).lengths for folder in (tmp_path, pristine_bundle))
    assert padded.tolist() == unpadded.tolist()


def test_labels_count_in_the_bundles_order(tmp_path: Path) -> None:
    write_bundle(tmp_path, labels=["c", "a", "b"])
    predictor = Predictor.load(tmp_path)
    found = gathered(predictor)
    labels = [predictor.metadata.labels[index] for index in found.predicted]
    assert labels == [answer.label for answer in predictor.predict(TEXTS)]
    assert found.figures == evaluate(predictor, TEXTS, TEST.label.to_numpy())


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_report(tmp_path, report_data(record=COMPARED))
    found = TrainingRecord.read(tmp_path)
    assert repr(found.epochs) == repr(HISTORY)  # NaN is not equal to itself
    assert (found.baselines, found.network) == (COMPARED.baselines, COMPARED.network)
    assert found.costs == COSTS


def test_one_of_before_costs_were_measured_is_read(tmp_path: Path) -> None:
    write_report(tmp_path, report_data(record=COMPARED))
    path = tmp_path / "report" / "history.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["costs"]
    path.write_text(json.dumps(content), encoding="utf-8")
    found = TrainingRecord.read(tmp_path)
    assert (found.network, found.costs) == (COMPARED.network, [])


def test_it_is_json_that_every_reader_knows(tmp_path: Path) -> None:
    write_report(tmp_path, report_data(record=COMPARED))
    text = (tmp_path / "report" / "history.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text)["epochs"]["words"][0]["macro_recall"] is None


def test_a_bundle_without_one_has_an_empty_one(tmp_path: Path) -> None:
    assert TrainingRecord.read(tmp_path) == TrainingRecord()


def test_its_seconds_are_those_of_all_epochs() -> None:
    assert COMPARED.seconds == 210


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"epochs": {"fit": [{"odd": 1}]}, "baselines": [], "network": 0}']
)
def test_what_is_no_record_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "history.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"history\.json: is not the record of a training"):
        TrainingRecord.read(tmp_path)
