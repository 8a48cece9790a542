from dataclasses import replace

from benchmarks.seeds import Seed, baseline_table, table, together
from training.evaluation.metrics import Bin, ClassFigures, Figures
from training.evaluation.results import Row


def figures(macro_recall: float, **f1: float) -> Figures:
    return Figures(
        rows=3,
        macro_recall=macro_recall,
        macro_f1=0.5,
        accuracy=0.6,
        expected_calibration_error=0.02,
        expected_calibration_error_uncalibrated=0.0,
        expected_calibration_error_by_chance=0.01,
        bins=[],
        classes={name: ClassFigures(0.0, 0.0, value, 1) for name, value in f1.items()},
        confusion={},
    )


def row(macro_recall: float, macro_f1: float = 0.2, accuracy: float = 0.6) -> Row:
    return Row("x", macro_recall, macro_f1, accuracy, 1.0, 1, 1.0)


def test_mean_and_spread_over_seeds() -> None:
    lines = table({seed: Seed(figures(recall)) for seed, recall in ((1, 0.5), (2, 0.6), (3, 0.7))}).splitlines()
    assert lines[0] == "| seed | macro recall | macro F1 | accuracy | expected calibration error | of it by chance |"
    assert lines[2] == "| 1 | 0.500 | 0.500 | 0.600 | 0.020 | 0.010 |"
    assert lines[5] == "| mean | 0.600 | 0.500 | 0.600 | 0.020 | 0.010 |"
    assert lines[6] == "| standard deviation | 0.100 | 0.000 | 0.000 | 0.000 | 0.000 |"


def test_sentiment_has_the_mean_of_both_polarities_and_baselines_a_column() -> None:
    found = figures(0.5, negative=0.2, neutral=0.9, positive=0.4)
    lines = table({1: Seed(found, {"majority": row(0.33), "SVM": row(0.45)})}).splitlines()
    assert lines[0].endswith(
        "| F1 of positive and negative | expected calibration error | of it by chance | best baseline's macro recall |"
    )
    assert lines[2].endswith("| 0.300 | 0.020 | 0.010 | 0.450 |")


def test_the_calibration_error_of_all_answers_together() -> None:
    first = replace(figures(0.5), bins=[Bin(0.6, 10, 0.65, 0.75), Bin(0.8, 5, 0.85, 0.85)])
    second = replace(figures(0.5), bins=[Bin(0.6, 30, 0.65, 0.55)])
    told = together({1: Seed(first), 2: Seed(second)})
    # In the first bin the one is 0.1 above, the other, thrice as many, 0.1 below: 0.05 of 40 of 45 rows.
    assert told.startswith("Expected calibration error of all answers together: 0.044 (by chance, if perfect: 0.0")


def test_baselines_by_their_mean_over_the_seeds() -> None:
    seeds = [
        {"majority": row(0.33), "SVM": row(0.4, 0.3, 0.7), "VADER": row(0.9)},
        {"SVM": row(0.5, 0.5, 0.8), "majority": row(0.33)},
    ]
    assert baseline_table(seeds).splitlines()[2:] == [
        "| SVM | 0.450 | 0.400 | 0.750 |",
        "| majority | 0.330 | 0.200 | 0.600 |",
    ]
