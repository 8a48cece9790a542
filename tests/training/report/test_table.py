from training.report.table import count, share


def test_figures_as_people_read_them() -> None:
    assert share(2 / 3) == "0.667"
    assert count(20499) == "20,499"
