import numpy as np

from tests.training.report.examples import COUNTS, LABELS, MANY, elements, many, report_data
from training.evaluation.metrics import measure
from training.report.confusion import confusion_plot


def place(svg: str, said: str, *, anchor: str = "middle") -> tuple[float, float]:
    """Where the one text stands that says so."""
    (text,) = [e for e in elements(svg, "text") if e.text == said and e.get("text-anchor") == anchor]
    return float(text.attrib["x"]), float(text.attrib["y"])


def nearest(value: float, candidates: dict[str, float]) -> str:
    return min(candidates, key=lambda name: abs(candidates[name] - value))


def test_truth_is_in_rows_and_predictions_are_in_columns() -> None:
    svg = confusion_plot(report_data().figures).svg
    across = {name: place(svg, name)[0] for name in LABELS}
    down = {name: place(svg, name, anchor="end")[1] for name in LABELS}
    assert place(svg, "truth")[0] < min(across.values())
    assert place(svg, "predicted")[1] < min(down.values())
    for truth, row in zip(LABELS, COUNTS, strict=True):
        for predicted, count in zip(LABELS, row, strict=True):
            x, y = place(svg, str(count))
            assert (nearest(y, down), nearest(x, across)) == (truth, predicted)


def test_a_cell_says_its_share_of_the_truth() -> None:
    svg = confusion_plot(report_data().figures).svg
    notes = [title.text for title in elements(svg, "title")]
    assert "truth negative, predicted neutral: 7 rows, 24% of the truth's" in notes
    assert "truth neutral, predicted negative: 5 rows, 11% of the truth's" in notes


def test_a_cell_is_as_full_as_its_share_and_ink_stays_legible_on_it() -> None:
    svg = confusion_plot(report_data().figures).svg
    strengths = [float(path.attrib["opacity"]) for path in elements(svg, "path") if "opacity" in path.attrib]
    shares = [count / sum(row) for row in COUNTS for count in row]
    assert np.allclose(strengths, np.array(shares) / 2, atol=1e-5)


def test_many_classes_have_no_numbers_and_more_room() -> None:
    plot = confusion_plot(many())
    said = {text.text for text in elements(plot.svg, "text")}
    assert said == {*MANY, "truth", "predicted"}
    assert plot.wide
    assert not confusion_plot(report_data().figures).wide
    assert "truth class 3, predicted class 5: 4 rows, 31% of the truth's" in plot.svg
    lines = sorted(place(plot.svg, name, anchor="end")[1] for name in MANY)
    assert np.diff(lines).min() > 11


def test_a_class_without_rows_is_an_empty_row() -> None:
    figures = measure(LABELS, np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]), 1.0)
    assert len(elements(confusion_plot(figures).svg, "title")) == 2
