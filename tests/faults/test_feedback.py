"""Corrections, while their database or the service itself is harmed. Predictions must not notice."""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from serving.feedback.corrections import StoredCorrection
from serving.feedback.store import CorrectionStore
from serving.settings import GRACE
from tests.bundles import FORM
from tests.deploy.services import Service, http_client
from tests.faults.conftest import Run
from tests.faults.processes import STOPPED, wait_until, workers
from tests.postgresql import Postgresql

KEY = "key-of-the-corrections"
QUICK = 2.0  # seconds; far below what a database is waited for


@contextmanager
def corrected(run: Run, url: str, **settings: str) -> Iterator[tuple[Service, httpx.Client]]:
    """The service with corrections in a database, and a client of it."""
    with (
        run(FEEDBACK="true", DATABASE_URL=url, FEEDBACK_KEY=KEY, **settings) as service,
        http_client(service) as client,
    ):
        client.headers["X-API-Key"] = KEY
        yield service, client


def correct(client: httpx.Client, number: int) -> httpx.Response:
    sent = {"text": f"not good, {number}", "label": "positive", "correct": "negative"}
    return client.post("/feedback", json=sent)


def predicts(client: httpx.Client) -> bool:
    begin = time.monotonic()
    return client.post("/predict", json={"text": "good"}).status_code == 200 and time.monotonic() - begin < QUICK


def kept(url: str) -> list[StoredCorrection]:
    """All that is in the database, which is opened anew."""
    store = CorrectionStore(url, timeout=30, pool_size=1)
    try:
        return store.page(1000)
    finally:
        store.close()


def state(client: httpx.Client) -> str:
    """What the service says of its database, in two ways."""
    ready, figures = client.get("/readyz"), client.get("/metrics").text
    assert ready.status_code == 200
    said: str = ready.json()["feedback"]
    assert f"\nfeedback_database_available {float(said == 'available')}\n" in figures
    return said


def test_a_database_that_stops_and_starts_again(run: Run, postgresql: Postgresql, database: str) -> None:
    with corrected(run, database) as (_, client):
        identifiers = [correct(client, 0).json()["id"]]
        assert state(client) == "available"
        for number in (1, 2):
            with postgresql.stopped():
                refused = correct(client, number)
                assert (refused.status_code, refused.json()["code"]) == (503, "feedback_unavailable")
                assert "retry-after" in refused.headers
                assert state(client) == "unavailable"
                assert all(predicts(client) for _ in range(20))
            again = correct(client, number)
            assert again.status_code == 201, "without a restart of the service"
            identifiers.append(again.json()["id"])
            assert state(client) == "available"
        assert [correction["id"] for correction in client.get("/feedback").json()["corrections"]] == identifiers


def test_one_that_is_down_at_the_start(run: Run, postgresql: Postgresql, database: str) -> None:
    with ExitStack() as stack:
        with postgresql.stopped():
            _, client = stack.enter_context(corrected(run, database))
            wait_until(lambda: client.get("/readyz").json()["feedback"] == "unavailable")
            assert predicts(client)
        assert correct(client, 0).status_code == 201
        assert state(client) == "available"


def test_one_that_hangs(run: Run, postgresql: Postgresql, database: str) -> None:
    with corrected(run, database) as (service, client):
        assert correct(client, 0).status_code == 201
        with postgresql.paused():
            assert correct(client, 1).status_code == 503
            assert state(client) == "unavailable"
            assert all(predicts(client) for _ in range(20))
            service.stop()
            assert service.process.wait(timeout=GRACE) in STOPPED
    assert "not good, 0" in [correction.text for correction in kept(database)]


def test_what_was_answered_outlives_the_service(run: Run, url: str) -> None:
    with corrected(run, url) as (service, client):
        identifiers = [correct(client, number).json()["id"] for number in range(20)]
        os.killpg(service.process.pid, signal.SIGKILL)
        service.process.wait()
    assert [correction.id for correction in kept(url)] == identifiers
    with corrected(run, url) as (_, client):
        assert correct(client, 0).json()["id"] == identifiers[0]
        assert len(client.get("/feedback").json()["corrections"]) == len(identifiers)


@pytest.mark.slow
def test_several_workers_share_one_table_and_their_figures(run: Run, url: str) -> None:
    with corrected(run, url, WORKERS="3") as (service, _):
        wait_until(lambda: service.output.count("Application startup complete") == 3)
        assert len(workers(service)) == 3
        for number in range(30):
            with http_client(service) as client:  # of a connection of its own, so that each worker comes to be asked
                assert correct(client, number).status_code == 201
        for _ in range(10):
            with http_client(service) as client:
                figures = client.get("/metrics").text
            assert '\ncorrections_total{outcome="kept"} 30.0\n' in figures
            assert "\nfeedback_database_available 1.0\n" in figures
        assert not {'"level": "error"', '"level": "warning"'} & set(re.findall('"level": "[a-z]+"', service.output))
    assert len(kept(url)) == 30


def test_a_model_of_fields_does_not_take_the_place_of_one_of_texts(run: Run, bundle: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    with corrected(run, url, MODEL_DIR=str(bundle)) as (service, client):
        shutil.rmtree(bundle)
        shutil.copytree(FORM, bundle)
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the old one stays" in service.output)
        assert "has a model of fields, and FEEDBACK is on; accepted with it are models of texts." in service.output
        assert predicts(client)
        assert correct(client, 0).status_code == 201


def test_nor_does_the_service_start_with_one(run: Run) -> None:
    with (
        pytest.raises(RuntimeError, match="has a model of fields, and FEEDBACK is on"),
        run(FEEDBACK="true", MODEL_DIR=str(FORM)),
    ):
        pass
