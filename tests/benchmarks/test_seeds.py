from benchmarks.seeds import table
from training.metrics import Figures


def figures(macro_recall: float) -> Figures:
    return Figures(
        rows=3,
        macro_recall=macro_recall,
        macro_f1=0.5,
        accuracy=0.6,
        expected_calibration_error=0.0,
        expected_calibration_error_uncalibrated=0.0,
        classes={},
        confusion={},
    )


def test_mean_and_spread_over_seeds() -> None:
    lines = table({1: figures(0.5), 2: figures(0.6), 3: figures(0.7)}).splitlines()
    assert lines[2] == "| 1 | 0.500 | 0.500 | 0.600 |"
    assert lines[5] == "| mean | 0.600 | 0.500 | 0.600 |"
    assert lines[6] == "| standard deviation | 0.100 | 0.000 | 0.000 |"
