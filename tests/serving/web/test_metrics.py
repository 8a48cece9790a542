import os
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest
from starlette.testclient import TestClient

from serving.web.metrics import WorkersCollector
from tests.serving.fakes import FakePredictor


def line(client: TestClient, start: str) -> str:
    return next(line for line in client.get("/metrics").text.splitlines() if line.startswith(start))


def test_the_text_format(client: TestClient) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'model_info{name="fake",version="0123456789ab"} 1.0' in answer.text
    assert "process_resident_memory_bytes" in answer.text
    assert "queue_texts 0.0" in answer.text
    openmetrics = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


def test_requests_by_template_and_status(client: TestClient) -> None:
    client.post("/predict", data={"text": "good"})
    client.post("/predict", data={"text": ""})
    client.delete("/predict")
    client.request("BREW", "/predict")
    client.get("/static/style.css")
    for number in range(3):
        client.get(f"/nowhere/{number}")
    text = client.get("/metrics").text
    for method, route, status, count in [
        ("POST", "/predict", 200, 1),
        ("POST", "/predict", 422, 1),
        ("DELETE", "/predict", 405, 1),
        ("other", "/predict", 405, 1),
        ("GET", "/static", 200, 1),
        ("GET", "unmatched", 404, 3),
    ]:
        assert f'http_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}.0' in text
    assert 'http_request_duration_seconds_count{route="/predict"} 4.0' in text


def test_the_time_that_requests_take(client: TestClient, predictor: FakePredictor) -> None:
    predictor.gate.clear()
    Timer(0.05, predictor.gate.set).start()
    client.post("/predict", json={"text": "good"})
    taken = float(line(client, 'http_request_duration_seconds_sum{route="/predict"}').split()[-1])
    assert 0.04 < taken < 30


def test_predictions_by_label(client: TestClient) -> None:
    assert line(client, 'predictions_total{label="positive"}').endswith(" 0.0")
    client.post("/predict", json={"texts": ["good", "good", "bad"]})
    assert line(client, 'predictions_total{label="positive"}').endswith(" 2.0")
    assert line(client, 'predictions_total{label="negative"}').endswith(" 1.0")
    assert line(client, 'predictions_total{label="neutral"}').endswith(" 0.0")


def test_a_failed_prediction_is_not_counted(client: TestClient, predictor: FakePredictor) -> None:
    predictor.fault = ValueError()
    client.post("/predict", data={"text": "good"})
    assert line(client, 'predictions_total{label="positive"}').endswith(" 0.0")


def test_two_apps_do_not_add_up(make_app: Callable[..., FastAPI]) -> None:
    first, second = TestClient(make_app()), TestClient(make_app())
    first.get("/healthz")
    assert "/healthz" not in second.get("/metrics").text


def test_batches_and_cut_texts(client: TestClient) -> None:
    client.post("/predict", json={"texts": ["good", "word " * 23]})
    client.get("/readyz")
    assert line(client, "batch_texts_sum").endswith(" 2.0")
    assert line(client, "batch_texts_count").endswith(" 1.0")
    assert line(client, "truncated_texts_total").endswith(" 1.0")
    assert line(client, "truncated_tokens_total").endswith(" 3.0")


def test_a_new_model_takes_the_old_ones_place(make_app: Callable[..., FastAPI]) -> None:
    app = make_app()
    metadata = app.state.service.metadata.model_copy(
        update={"model_version": "ba9876543210", "labels": ["ham", "spam"]}
    )
    app.state.service.metrics.take_up(metadata)
    text = TestClient(app).get("/metrics").text
    assert 'model_info{name="fake",version="ba9876543210"} 1.0' in text
    assert 'model_info{name="fake",version="0123456789ab"} 0.0' in text
    assert 'predictions_total{label="spam"} 0.0' in text


def worker_figures(shared: Path, *pids: int) -> str:
    for pid in pids:
        for mode in ("livesum", "livemax"):
            (shared / f"gauge_{mode}_{pid}.db").touch()
    (shared / "counter_7.db").touch()
    registry = CollectorRegistry()
    registry.register(WorkersCollector(shared))
    return generate_latest(registry).decode()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told by /proc")
def test_each_worker_by_its_pid(tmp_path: Path) -> None:
    text = worker_figures(tmp_path, os.getpid(), os.getppid())
    for pid in (os.getpid(), os.getppid()):
        assert f'process_resident_memory_bytes{{pid="{pid}"}}' in text
        assert f'process_cpu_seconds_total{{pid="{pid}"}}' in text
    assert text.count("# TYPE process_resident_memory_bytes gauge") == 1
    assert 'pid="7"' not in text, "one that is dead has only counters left"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told by /proc")
def test_one_that_has_just_died_is_left_out(tmp_path: Path) -> None:
    assert worker_figures(tmp_path, 2**31) == ""
