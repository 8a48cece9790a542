from benchmarks.serving.contenders import CONTENDERS, EMPTY, OURS, OURS_MANY, TUTORIAL
from benchmarks.serving.load import Load
from benchmarks.serving.row import Row
from benchmarks.serving.targets import OTHERS, targets


def row(name: str, rate: float, megabytes: int, p99: float = 0.01, empty: float = 4000) -> Row:
    load = Load(int(rate), rate, 0.005, p99, 0)
    return Row(name, 32 if name == OURS_MANY.name else 1, 64, load, load, empty, 4000, megabytes * 1024**2, 1.0)


def test_the_others_are_the_four_servers() -> None:
    assert sorted(OTHERS) == ["BentoML", "LitServe", "MLServer", "Ray Serve"]
    assert {EMPTY.name, OURS.name, TUTORIAL.name} <= {one.name for one in CONTENDERS} - OTHERS


def test_what_is_reached_and_what_is_missed() -> None:
    rows = [
        row(EMPTY.name, 4000, 50),
        row(OURS.name, 3000, 150, p99=0.021),
        row(OURS_MANY.name, 110, 160),
        row(TUTORIAL.name, 1, 800, empty=2000),
        row("LitServe", 1000, 400, empty=2000),
        row("MLServer", 1000, 140),
    ]
    assert targets(rows).splitlines()[2:] == [
        "| form, of the empty endpoint | at least 0.80 | 0.75 | missed |",
        "| form, p99 at half the load | at most 20.0 ms | 21.0 ms | missed |",
        "| form, memory | at most 200 MB | 150 MB | reached |",
        "| 32 texts a request, of the predictor alone | at least 0.85 | 0.88 | reached |",
        "| form, of the tutorial's way | at least 300 | 1,500 | reached |",
        "| form, of the best other server | at least 2.0 | 1.5 | missed |",
        "| form, memory beside the least of the others | at most 140 MB | 150 MB | missed |",
    ]


def test_what_was_not_measured_is_left_out() -> None:
    assert len(targets([row(OURS.name, 3000, 150), Row("LitServe", fault="no wheel")]).splitlines()) == 2 + 3
    assert len(targets([row(EMPTY.name, 4000, 50)]).splitlines()) == 2
