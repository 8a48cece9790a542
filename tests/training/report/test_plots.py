import re

import numpy as np
import pytest

from tests.training.report.examples import (
    COUNTS,
    HISTORY,
    LABELS,
    MANY,
    NAN,
    elements,
    many,
    metadata,
    report_data,
)
from training.evaluation.metrics import Figures, expected_calibration_error, measure, rescaled
from training.progress import Epoch
from training.recipe.stages import KeepPolicy
from training.report.plots import (
    confusion_plot,
    curve_plots,
    plots,
    recall_plot,
    reliability_plot,
    risk_coverage_plot,
    single_epochs,
)
from training.report.report_data import TrainingRecord


def best(stage: str) -> KeepPolicy:  # noqa: ARG001
    return "best"


def said(svg: str) -> set[str]:
    return {text.text or "" for text in elements(svg, "text")}


def test_a_plot_for_each_stage_in_their_order() -> None:
    words, fit = curve_plots(HISTORY, best)
    assert words.caption == "Stage words: 2 epochs. No validation macro recall was measured; the last epoch is kept."
    assert (
        fit.caption == "Stage fit: 3 epochs. The highest validation macro recall is 0.660, of epoch 2, which is kept."
    )


def test_the_caption_says_which_epoch_is_kept() -> None:
    _, fit = curve_plots(HISTORY, lambda stage: "last" if stage == "fit" else "best")
    assert fit.caption.endswith("is 0.660, of epoch 2, and epoch 3 is kept.")


def test_of_epochs_of_one_recall_it_names_the_one_that_is_kept() -> None:
    epochs = [Epoch(1, 0.9, 0.8, 1.0, 1.0, 1.0), Epoch(2, 0.9, 0.7, 1.0, 1.0, 1.0)]
    (plot,) = curve_plots({"fit": epochs}, best)
    assert plot.caption.endswith("is 1.000, of epoch 2, which is kept.")


def test_what_was_not_measured_is_not_drawn() -> None:
    words, fit = curve_plots(HISTORY, best)
    assert {"loss", "validation loss", "validation macro recall", "epoch"} <= said(fit.svg)
    assert {"loss", "epoch"} <= said(words.svg)
    assert not {"validation loss", "validation macro recall"} & said(words.svg)
    assert "nan" not in words.svg.lower()


def test_a_figure_that_is_missing_in_between_leaves_a_gap() -> None:
    inf = float("inf")
    epochs = [Epoch(1, 0.9, 0.8, NAN, NAN, 1.0), Epoch(2, inf, NAN, 0.6, 0.6, 1.0), Epoch(3, 0.5, 0.7, 0.5, 0.5, 1.0)]
    (plot,) = curve_plots({"fit": epochs}, best)
    assert "of epoch 2" in plot.caption
    assert "inf" not in plot.svg.lower()


def test_one_epoch_is_a_sentence_and_no_plot() -> None:
    history = {"words": HISTORY["words"][:1], "taught": HISTORY["fit"], "fit": HISTORY["fit"][:1]}
    assert [plot.name for plot in curve_plots(history, best)] == ["learning-curves-2"]
    assert single_epochs(history) == [
        "Stage words: 1 epoch, too few for a curve. Its figures: loss 5.000.",
        "Stage fit: 1 epoch, too few for a curve. Its figures: loss 0.900, validation loss 0.800, validation macro "
        "recall 0.610.",
    ]


def test_nothing_measured_at_all_is_an_empty_plot() -> None:
    (plot,) = curve_plots({"fit": [Epoch(number, NAN, NAN, NAN, NAN, 1.0) for number in (1, 2)]}, best)
    assert elements(plot.svg, "text") == []


def test_a_stage_without_epochs_is_left_out() -> None:
    assert curve_plots({"fit": []}, best) == []
    assert curve_plots({}, best) == []


def test_both_errors_are_told() -> None:
    example = report_data()
    plot = reliability_plot(example.truth, example.probabilities, 1.5)
    after = expected_calibration_error(example.truth, example.probabilities)
    before = expected_calibration_error(example.truth, rescaled(example.probabilities, 1 / 1.5))
    assert f"error {before:.3f} without temperature scaling, {after:.3f} with it." in plot.caption
    assert before != pytest.approx(after, abs=1e-3)


def test_a_bar_for_each_bin_that_has_rows() -> None:
    truth = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.99, 0.01], [0.98, 0.02], [0.3, 0.7], [0.45, 0.55]])
    svg = reliability_plot(truth, probabilities, 1.0).svg
    bars = [path for path in elements(svg, "path") if path.get("opacity") == "0.5"]
    assert len(bars) == 3


def test_it_names_axes_and_curves() -> None:
    svg = reliability_plot(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), 2.0).svg
    said = {text.text for text in elements(svg, "text")}
    assert {"confidence", "accuracy", "rows", "without scaling", "with it"} <= said


def without_positive() -> Figures:
    return measure(LABELS, np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1]]), 1.0)


def test_the_plot_has_a_dot_for_each_class_that_has_rows() -> None:
    assert len(elements(recall_plot(report_data().figures).svg, "use")) == 3
    svg = recall_plot(without_positive()).svg
    assert len(elements(svg, "use")) == 2
    assert set(LABELS) <= {text.text for text in elements(svg, "text")}


def test_the_plot_grows_with_the_classes() -> None:
    names = [f"c{i}" for i in range(47)]
    figures = measure(names, np.arange(47), np.eye(47) * 0.9 + 0.001, 1.0)
    (height,) = {float(e.attrib["height"]) for e in elements(recall_plot(figures).svg, "svg")}
    assert height > 47 * 20


def test_all_plots_have_their_names() -> None:
    found = plots(report_data())
    assert list(found) == [
        "learning-curves-1",
        "learning-curves-2",
        "confusion-matrix",
        "reliability",
        "risk-coverage",
        "recall-by-class",
    ]
    assert all(plot.name == name and plot.svg.startswith("<svg ") for name, plot in found.items())


def test_no_two_of_them_share_an_id() -> None:
    stage = HISTORY["fit"]
    found = plots(report_data(record=TrainingRecord({"one": stage, "two": stage}))).values()
    ids = [name for plot in found for name in re.findall(r'\bid="([^"]+)"', plot.svg)]
    assert len(ids) == len(set(ids))


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


POINTS = metadata().risk_coverage


def test_the_caption_tells_the_half_and_the_whole() -> None:
    caption = risk_coverage_plot(POINTS).caption
    assert "Of the surest 50%, those with a probability of at least 0.800, 12.5% are wrong; of all, 30.0%." in caption


def test_the_curve_has_a_dot_for_each_point() -> None:
    svg = risk_coverage_plot(POINTS).svg
    assert len(elements(svg, "use")) == len(POINTS)
    assert {"answered", "wrong", "100%"} <= {text.text for text in elements(svg, "text")}
