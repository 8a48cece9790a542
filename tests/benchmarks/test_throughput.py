from benchmarks.throughput import table


def test_each_way_is_a_multiple_of_the_first() -> None:
    lines = table({"tutorial": 200.0, "ours": 700.0}).splitlines()
    assert lines[2:] == ["| tutorial | 200 | 1.0 |", "| ours | 700 | 3.5 |"]
