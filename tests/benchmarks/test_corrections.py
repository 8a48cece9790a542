import numpy as np
import pandas as pd

from benchmarks.corrections import Answers, calibration_table, recall_table

SETS = {name: pd.DataFrame({"row": ["a", "b", "c", "d"], "label": [0, 0, 1, 1]}) for name in ("semeval", "vaccine")}


def answers(semeval: list[int], vaccine: list[int]) -> Answers:
    """Answers that are sure of these labels."""
    return {"semeval": np.eye(2)[semeval], "vaccine": np.eye(2)[vaccine]}


BEFORE = answers([0, 0, 1, 1], [1, 1, 1, 1])
RUNS = {"vaccine": [answers([0, 0, 1, 0], [0, 1, 1, 1]), answers([0, 0, 1, 1], [0, 0, 1, 1])]}


def test_the_change_of_each_set_and_where_it_was_taught_the_least() -> None:
    assert recall_table(SETS, BEFORE, RUNS).splitlines() == [
        "| set | rows | base | vaccine taught |",
        "|---|---:|---:|---:|",
        "| semeval | 4 | 1.000 | -0.125 |",
        "| vaccine | 4 | 0.500 | +0.375, least +0.250 |",
    ]


def test_the_calibration_error_of_the_domain_and_of_semeval() -> None:
    assert calibration_table(SETS, BEFORE, RUNS).splitlines()[2] == "| vaccine | 0.500 | 0.125 | 0.000 | 0.125 |"
