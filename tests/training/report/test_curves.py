from tests.training.report.examples import HISTORY, NAN, elements
from training.report.curves import curve_plots, curve_table
from training.watcher import Epoch, Kept


def best(stage: str) -> Kept:  # noqa: ARG001
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


def test_one_epoch_is_a_dot() -> None:
    (plot,) = curve_plots({"fit": HISTORY["fit"][:1]}, best)
    assert plot.caption.startswith("Stage fit: 1 epoch. ")
    assert len(elements(plot.svg, "use")) >= 3


def test_nothing_measured_at_all_is_an_empty_plot() -> None:
    (plot,) = curve_plots({"fit": [Epoch(1, NAN, NAN, NAN, NAN, 1.0)]}, best)
    assert elements(plot.svg, "text") == []


def test_a_stage_without_epochs_is_left_out() -> None:
    assert curve_plots({"fit": []}, best) == []
    assert curve_plots({}, best) == []


def test_the_table_has_every_epoch() -> None:
    rows = curve_table(HISTORY).rows
    assert rows[0] == ("words", "1", "5.000", "–", "–", "–")
    assert rows[-1] == ("fit", "3", "0.500", "0.900", "0.640", "0.660")
