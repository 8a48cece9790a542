from starlette.testclient import TestClient

from tests.serving.fakes import FakePredictor


def test_alive_whatever_the_model_does(client: TestClient, predictor: FakePredictor) -> None:
    predictor.fault = ValueError()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["cache-control"] == "no-store"


def test_ready(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert answer.headers["cache-control"] == "no-store"


def test_not_ready(client: TestClient, predictor: FakePredictor) -> None:
    predictor.fault = ValueError("other weights")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["code"] == "not_ready"
    assert answer.headers["retry-after"] == "5"
    assert "weights" not in answer.text
