from tests.training.report.examples import elements, metadata
from training.report.selective import risk_coverage_plot, threshold_table

POINTS = metadata().risk_coverage


def test_the_caption_tells_the_half_and_the_whole() -> None:
    caption = risk_coverage_plot(POINTS).caption
    assert "Of the surest 50%, those with a probability of at least 0.800, 12.5% are wrong; of all, 30.0%." in caption


def test_the_curve_has_a_dot_for_each_point() -> None:
    svg = risk_coverage_plot(POINTS).svg
    assert len(elements(svg, "use")) == len(POINTS)
    assert {"answered", "wrong", "100%"} <= {text.text for text in elements(svg, "text")}


def test_thresholds_by_label() -> None:
    assert threshold_table(metadata()).rows == [("positive", "90%", "0.828", "14.8%")]
    assert threshold_table(metadata(thresholds=[])).rows == []
