from benchmarks.serving.contenders import EMPTY
from benchmarks.serving.load import Load
from benchmarks.serving.row import Row, table


def load(rate: float, failed: int = 0) -> Load:
    return Load(int(rate), rate, 0.005, 0.0201, failed)


def test_the_table() -> None:
    rows = [
        Row(EMPTY.name, 1, 64, load(4000), load(2000), 4100, 0, 50 * 1024**2, 0.5),
        Row("ours", 32, 3, load(100, failed=3), load(50), 3200, 4000, 160 * 1024**2, 1.25),
        Row("another", fault="could not be installed: no wheel"),
    ]
    assert table(rows).splitlines()[2:] == [
        f"| {EMPTY.name} | 64 | 4,000.0 | 0.98 | 4,000 | 5.0 ms, 20.1 ms | 50 MB | 0.5 s |",
        "| ours (3 failed) | 3 | 100.0 | 0.031 | 3,200 | 5.0 ms, too few | 160 MB | 1.2 s |",
        "| another | could not be installed: no wheel | | | | | | |",
        "",
        "ours: 80% of the predictor alone, 4,000 texts/s.",
    ]


def test_a_load_that_is_not_half_is_told() -> None:
    cells = [table([Row("ours", 1, 64, load(1000), load(rate))]).split(" | ")[-3] for rate in (460, 540, 400, 600)]
    plain = "5.0 ms, 20.1 ms"
    assert cells == [plain, plain, f"{plain} (at 40%)", f"{plain} (at 60%)"]
