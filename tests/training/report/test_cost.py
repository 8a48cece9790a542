import re
from dataclasses import replace

from tests.training.report.examples import COMPARED, COSTS, elements, report_data
from training.evaluation.results import Cost
from training.report.cost import cost_plot, cost_table
from training.report.plots import plots


def test_the_table_ranks_by_quality_and_marks_the_network() -> None:
    table = cost_table(COSTS)
    assert table.headings == ("model", "macro recall", "predictions/s", "one alone", "memory", "size")
    assert table.rows == [
        ("teacher (transformer, int8)", "0.740", "300", "4.00 ms", "–", "23.0 MB"),
        ("example (network, served)", "0.700", "2,560", "0.77 ms", "151 MB", "18.0 MB"),
        ("VADER", "0.560", "6,500", "0.14 ms", "41 MB", "0.4 MB"),
        ("majority", "0.333", "–", "–", "40 MB", "0.0 MB"),
    ]
    assert table.marked == 1
    assert cost_table([]).rows == []


def said(svg: str) -> list[str]:
    return [text.text or "" for text in elements(svg, "text")]


def test_the_plot_names_each_model_in_the_order_of_the_table() -> None:
    names = [name for name in said(cost_plot(COSTS).svg) if name in {cost.name for cost in COSTS}]
    assert names == [row[0] for row in cost_table(COSTS).rows]


def speeds(costs: list[Cost]) -> set[str]:
    return {name for name in said(cost_plot(costs).svg) if re.fullmatch(r"\d+[kM]?", name)}


def test_the_speed_of_the_majority_does_not_crowd_the_others() -> None:
    assert speeds(COSTS) == speeds([*COSTS[1:], replace(COSTS[0], predictions_per_second=1000.0)])
    assert speeds(COSTS) >= {"500", "1k", "2k", "5k"}
    assert "20M" in speeds([*COSTS, replace(COSTS[1], name="other", predictions_per_second=3e7)])


def test_many_models_have_marks_and_names() -> None:
    costs = [Cost(f"model {number}", 0.5, 100.0 + number, 0.1, None, 1) for number in range(12)]
    assert len([name for name in said(cost_plot(costs).svg) if name.startswith("model")]) == 12


def test_there_is_a_plot_only_where_costs_were_measured() -> None:
    assert list(plots(report_data(record=COMPARED)))[-1] == "quality-against-cost"
    assert "quality-against-cost" not in plots(report_data())
