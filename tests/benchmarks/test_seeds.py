from benchmarks.seeds import Seed, table
from training.metrics import ClassFigures, Figures


def figures(macro_recall: float, **f1: float) -> Figures:
    return Figures(
        rows=3,
        macro_recall=macro_recall,
        macro_f1=0.5,
        accuracy=0.6,
        expected_calibration_error=0.02,
        expected_calibration_error_uncalibrated=0.0,
        classes={name: ClassFigures(0.0, 0.0, value, 1) for name, value in f1.items()},
        confusion={},
    )


def test_mean_and_spread_over_seeds() -> None:
    lines = table({seed: Seed(figures(recall)) for seed, recall in ((1, 0.5), (2, 0.6), (3, 0.7))}).splitlines()
    assert lines[0] == "| seed | macro recall | macro F1 | accuracy | expected calibration error |"
    assert lines[2] == "| 1 | 0.500 | 0.500 | 0.600 | 0.020 |"
    assert lines[5] == "| mean | 0.600 | 0.500 | 0.600 | 0.020 |"
    assert lines[6] == "| standard deviation | 0.100 | 0.000 | 0.000 | 0.000 |"


def test_sentiment_has_the_mean_of_both_polarities_and_baselines_a_column() -> None:
    found = figures(0.5, negative=0.2, neutral=0.9, positive=0.4)
    lines = table({1: Seed(found, ("SVM", 0.45))}).splitlines()
    assert lines[0].endswith(
        "| F1 of positive and negative | expected calibration error | best baseline's macro recall |"
    )
    assert lines[2].endswith("| 0.300 | 0.020 | 0.450 |")
