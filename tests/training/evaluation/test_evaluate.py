import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.model.predictor import Predictor
from tests.bundles import FORM, LABELS, TEXTS, edit_metadata, relabel
from tests.keras_bundles import write_bundle
from training.data.readers import fingerprint
from training.errors import DataError
from training.evaluation.evaluate import evaluate, evaluate_groups, evaluate_slices, learned_from, read_labelled
from training.evaluation.metrics import expected_calibration_error, rescaled


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
    lines = ["text,label", "good show,Positive", "bad show,neg", ",positive", "what,odd", "a day,neutral", "no label,"]
    (tmp_path / "d.csv").write_text("\n".join([*lines, "so so,NA", ",", " ,neutral"]), encoding="utf-8")
    rows = read_labelled(tmp_path / "d.csv", predictor.metadata)
    assert rows.rows == ["good show", "bad show", "a day"]
    assert rows.truth.tolist() == [2, 0, 1]
    assert rows.dropped == {
        "label ignored by the recipe": 1,
        "text or label is NA (data.missing)": 1,
        "without a text": 3,
        "without a label": 1,
    }


def test_columns_and_encoding_by_flag(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes("tweet,gold\ncafé,positive\n".encode("latin-1"))
    columns = {"text": "tweet", "label": "gold", "encoding": "latin-1"}
    assert read_labelled(tmp_path / "d.csv", predictor.metadata, **columns).rows == ["café"]


def test_labels_that_are_numbers_are_matched_by_value(bundle: Path, tmp_path: Path) -> None:
    relabel(bundle, ["-1", "0", "1"])
    (tmp_path / "d.csv").write_text("text,label\na,1.0\nb,-1\nc,0.0\n", encoding="utf-8")
    assert read_labelled(tmp_path / "d.csv", Predictor.load(bundle).metadata).truth.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("text,label\nx,happy\n", "unknown labels ['happy']; accepted: ['negative', 'neutral', 'positive']"),
        ("bio,label\nx,positive\n", "not clear which column holds the texts; found: 'bio', 'label'"),
        ("text,label\nx,odd\n", "no row has a text and a label"),
    ],
)
def test_a_file_that_does_not_fit(predictor: Predictor, tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "d.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_labelled(tmp_path / "d.csv", predictor.metadata)
    assert fault in str(caught.value)


def test_texts_under_another_name_are_found_and_told(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("tweet,label\nx,positive\n", encoding="utf-8")
    rows = read_labelled(tmp_path / "d.csv", predictor.metadata)
    assert rows.rows == ["x"]
    assert rows.notes == [f"{tmp_path / 'd.csv'}: the texts are taken from the column 'tweet'."]


def test_a_recipe_that_does_not_fit(bundle: Path, tmp_path: Path) -> None:
    edit_metadata(bundle, lambda content: content["recipe"].update(data={"text": 1}))
    (tmp_path / "d.csv").write_text("text,label\nx,positive\n", encoding="utf-8")
    with pytest.raises(DataError, match="its recipe does not tell how to read a file"):
        read_labelled(tmp_path / "d.csv", Predictor.load(bundle).metadata)


def test_a_file_that_the_model_was_made_with_is_known(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("text,label\nx,positive\n", encoding="utf-8")
    metadata = Predictor.load(bundle).metadata
    assert not learned_from(tmp_path / "d.csv", metadata)
    file = fingerprint(tmp_path / "d.csv", 1)
    for learned in ({"data": [file]}, {"teacher_data": {"build/words": [file]}}):
        assert learned_from(tmp_path / "d.csv", metadata.model_copy(update=learned))


def test_labels_count_in_the_bundles_order(tmp_path: Path) -> None:
    labels = ["c", "a", "b"]
    write_bundle(tmp_path / "b", labels=labels)
    predictor = Predictor.load(tmp_path / "b")
    truth = np.array([labels.index(prediction.label) for prediction in predictor.predict(TEXTS)])
    assert evaluate(predictor, TEXTS, truth).accuracy == 1


def test_the_error_before_scaling_is_that_of_the_bundles_temperature(bundle: Path) -> None:
    edit_metadata(bundle, lambda content: content.update(temperature=3.0))
    predictor, truth = Predictor.load(bundle), np.array([0, 1, 2] * 2)
    served = np.array([[p.probabilities[label] for label in LABELS] for p in predictor.predict(TEXTS)])
    figures = evaluate(predictor, TEXTS, truth)
    before = expected_calibration_error(truth, rescaled(served, 1 / 3))
    assert figures.expected_calibration_error_uncalibrated == pytest.approx(before)
    assert figures.expected_calibration_error_uncalibrated != pytest.approx(figures.expected_calibration_error)


def test_a_file_is_read_as_its_source_says(bundle: Path, tmp_path: Path) -> None:
    source = {"file": "d.csv", "text": "tweet", "label": "mood", "encoding": "latin-1"}
    data = {"quoted": False, "rename": {"meh": "odd"}, "ignore": ["odd"], "sources": [source]}
    edit_metadata(bundle, lambda content: content["recipe"]["data"].update(data))
    rows = ["tweet,text,mood,label", '"café,x,positive,odd', "dull,x,meh,positive", '"a" day,x, Neutral ,odd']
    (tmp_path / "d.csv").write_bytes("\n".join(rows).encode("latin-1"))
    labelled = read_labelled(tmp_path / "d.csv", Predictor.load(bundle).metadata)
    assert labelled.rows == ['"café', '"a" day']
    assert labelled.truth.tolist() == [2, 1]


def test_groups_are_measured_on_their_own(bundle: Path) -> None:
    predictor = Predictor.load(bundle)
    found = [LABELS.index(prediction.label) for prediction in predictor.predict(TEXTS)]
    frame = pd.DataFrame({"row": TEXTS * 2, "label": [*found, *([found[0]] * len(TEXTS))]})
    frame["group"] = ["right"] * len(TEXTS) + ["one class"] * len(TEXTS)
    groups = evaluate_groups(predictor, frame)
    share = found.count(found[0]) / len(TEXTS)
    right, one_class = groups["right"], groups["one class"]
    assert right.pop("recalls") == {label: 1 if index in found else None for index, label in enumerate(LABELS)}
    recalls = one_class.pop("recalls")
    assert recalls == {label: None if label != LABELS[found[0]] else pytest.approx(share) for label in LABELS}
    for group in (right, one_class):
        frame_of = frame[frame.group == ("right" if group is right else "one class")]
        figures = evaluate(predictor, frame_of.row.tolist(), frame_of.label.to_numpy())
        assert group.pop("expected_calibration_error") == figures.expected_calibration_error
        assert group.pop("expected_calibration_error_by_chance") == figures.expected_calibration_error_by_chance
    assert right == {"rows": 6, "macro_recall": 1, "macro_f1": 1, "accuracy": 1}
    assert one_class == pytest.approx(
        {"rows": 6, "macro_recall": share, "macro_f1": 2 * share / (1 + share), "accuracy": share}
    )


FORM_FIELDS = [
    {"name": "age", "column": "years", "kind": "number", "minimum": 17, "maximum": 90},
    {"name": "workclass", "kind": "category", "values": ["Private", "State-gov", "Self-emp-not-inc"]},
    {"name": "hours-per-week", "kind": "number"},
    {"name": "sex", "kind": "category", "values": ["Female", "Male"]},
]
FORM_LINES = [
    "years, workclass,hours-per-week,sex,income",
    "52, Self-emp-not-inc,45.5,Male, >50K",
    "19,Private,20,,<=50K",
    "?,,NA,?,<=50K",  # nothing
    "12,Private,20,Male,<=50K",  # too young
    "12,Pirate,20,Male,odd",  # ignored, whatever its fields
    "30,Pirate,old,Male,>50K",  # two fields that are wrong
    "40,Private,38,Male,",  # no label
]


@pytest.fixture
def form(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(FORM, tmp_path / "form"))
    data = {"label": "income", "labels": ["<=50K", ">50K"], "ignore": ["odd"]}
    edit_metadata(folder, lambda content: content["recipe"].update(fields=FORM_FIELDS, data=data))
    return folder


def test_rows_of_fields_are_read_as_the_bundles_recipe_says(form: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("\n".join(FORM_LINES), encoding="utf-8")
    predictor = Predictor.load(form)
    rows = read_labelled(tmp_path / "d.csv", predictor.metadata)
    assert rows.rows == [
        {"age": 52.0, "workclass": "Self-emp-not-inc", "hours-per-week": 45.5, "sex": "Male"},
        {"age": 19.0, "workclass": "Private", "hours-per-week": 20.0, "sex": None},
    ]
    assert rows.truth.tolist() == [1, 0]
    assert rows.dropped == {
        "label ignored by the recipe": 1,
        "with a field that is not accepted": 2,
        "without a field": 1,
        "without a label": 1,
    }
    assert sum(rows.dropped.values()) + len(rows.rows) == len(FORM_LINES) - 1
    assert evaluate(predictor, rows.rows, rows.truth).rows == 2


def test_a_file_with_no_row_of_fields_to_measure_is_told(form: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("\n".join([FORM_LINES[0], *FORM_LINES[3:5]]), encoding="utf-8")
    with pytest.raises(DataError, match="no row has a field and a label; accepted labels: ") as caught:
        read_labelled(tmp_path / "d.csv", Predictor.load(form).metadata)
    assert caught.value.cleaning == {"with a field that is not accepted": 1, "without a field": 1}
    (tmp_path / "d.csv").write_text("years,income\n3,>50K\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no column 'workclass'; found: 'years', 'income'"):
        read_labelled(tmp_path / "d.csv", Predictor.load(form).metadata)


def test_slices_have_their_accuracy_and_the_share_that_each_label_is_given(bundle: Path) -> None:
    predictor = Predictor.load(bundle)
    found = [LABELS.index(prediction.label) for prediction in predictor.predict(TEXTS)]
    truth = [*found[:4], *((label + 1) % 3 for label in found[4:])]
    slices = [("f", "Bonn"), ("m", "Bonn"), ("f", "Bonn"), ("m", "Bonn"), ("m", ""), ("m", "")]
    frame = pd.DataFrame({"row": TEXTS * 10, "label": truth * 10, "slices": slices * 10})
    figures = evaluate_slices(predictor, frame, ["sex", "city"])
    assert {name: list(values) for name, values in figures.items()} == {"sex": ["f", "m"], "city": ["Bonn", "–"]}
    assert [figures["sex"][value]["accuracy"] for value in "fm"] == [1, 0.5]
    assert [figures["city"][value]["rows"] for value in ("–", "Bonn")] == [20, 40]
    at = [1, 3, 4, 5]  # the rows of "m"
    for index, label in enumerate(LABELS):
        assert figures["sex"]["m"]["selected"][label] == pytest.approx([found[i] for i in at].count(index) / 4)
        assert figures["sex"]["m"]["base_rate"][label] == pytest.approx([truth[i] for i in at].count(index) / 4)


def test_values_with_few_rows_are_shown_together(bundle: Path) -> None:
    """So that no row of the data is told by its number."""
    predictor, numbers = Predictor.load(bundle), [(str(max(number - 9, 0)),) for number in range(18)]
    frame = pd.DataFrame({"row": TEXTS * 3, "label": [0] * 18, "slices": numbers})
    figures = evaluate_slices(predictor, frame, ["id"])["id"]
    assert {value: of_value["rows"] for value, of_value in figures.items()} == {"0": 10, "others": 8}
