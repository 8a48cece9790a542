import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.load import FORM, MANY, Load, joined, parse, run_at, tweets, write_bodies

OUTPUT = """Running 1s test @ http://127.0.0.1:8000/predict
  1 threads and 16 connections
  Latency Distribution
     50%    3.05ms
     75%    3.40ms
     90%    3.77ms
     99%    1.07s
  5128 requests in 1.02s, 1.28MB read
  Socket errors: connect 1, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 14
Requests/sec:   5021.30
Transfer/sec:      1.25MB
"""


def test_what_wrk_prints() -> None:
    assert parse(OUTPUT) == Load(5128, 5021.3 * (5128 - 14) / 5128, 3.05 * 1e-3, 1.07, 20)


def test_a_server_that_answers_nothing_well_has_no_rate() -> None:
    assert parse(OUTPUT.replace("responses: 14", "responses: 5128")).rate == 0
    nothing = OUTPUT.replace("5128 requests", "0 requests").replace("responses: 14", "responses: 0")
    assert parse(nothing).rate == 0


def test_the_pause_leaves_room_for_what_is_waited_for() -> None:
    """A server whose answers take 50 ms, asked by 10 connections for 100 a second: a pause of 50 ms."""
    pauses = []

    def run(*, seconds: float, pause: float) -> Load:
        pauses.append((seconds, pause))
        return Load(100, 10 / (pause + 0.05), 0.05, 0.05, 0)

    assert run_at(run, 100, connections=10, seconds=3).rate == pytest.approx(100)
    assert pauses == [(1, 0.1), (3, pytest.approx(0.05))]
    run_at(run, 1000, connections=10, seconds=3)
    assert pauses[-1] == (3, 0)


def test_anything_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:1 Connection refused")


@pytest.mark.parametrize("contender", CONTENDERS, ids=[one.name for one in CONTENDERS])
def test_every_server_is_sent_the_same_tweets(contender: object, tmp_path: Path) -> None:
    shape = next(one.shape for one in CONTENDERS if one is contender)
    write_bodies(tweets(), shape, tmp_path / "bodies")
    lines = (tmp_path / "bodies").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(tweets()) // shape.texts
    if shape.kind == "form":
        assert parse_qs(lines[3])["text"] == [tweets()[3]]
    else:
        assert json.dumps(tweets()[0]) in lines[0]
        json.loads(lines[0])


def test_many_texts_are_one_request(tmp_path: Path) -> None:
    write_bodies([str(n) for n in range(70)], MANY, tmp_path / "bodies")
    first, second = map(json.loads, (tmp_path / "bodies").read_text(encoding="utf-8").splitlines())
    assert first["texts"] + second["texts"] == [str(n) for n in range(64)]


def test_a_form_survives_any_character(tmp_path: Path) -> None:
    write_bodies(["a&b=c\n+é"], FORM, tmp_path / "bodies")
    assert parse_qs((tmp_path / "bodies").read_text(encoding="utf-8").rstrip("\n")) == {"text": ["a&b=c\n+é"]}


def test_runs_joined() -> None:
    both = joined([Load(10, 2.0, 0.001, 0.1, 1), Load(30, 4.0, 0.003, 0.3, 2)])
    assert (both.requests, both.rate, both.failed) == (40, 3.0, 3)
    assert both.p50 == pytest.approx(0.002)
    assert both.p99 == pytest.approx(0.2)
