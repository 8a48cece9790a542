from benchmarks.figures import table

TEST = {
    "rows": 1234,
    "macro_recall": 0.6123,
    "macro_f1": 0.5,
    "accuracy": 0.61,
    "expected_calibration_error": 0.02,
    "expected_calibration_error_uncalibrated": 0.08,
    "classes": {"negative": {"recall": 0.7}},
}


def test_the_table_holds_the_test_parts_figures() -> None:
    lines = table(TEST).splitlines()
    assert "| test rows | 1,234 |" in lines
    assert "| macro recall | 0.612 |" in lines
    assert "| before temperature scaling | 0.080 |" in lines
    assert "| recall of negative | 0.700 |" in lines
