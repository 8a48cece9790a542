"""A day of a service that learns: corrected in a browser and by curl through faults, then taught, and replaced."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from serving.model.bundle import Bundle
from tests.browser.visits import visiting
from tests.deploy.services import ROOT, Service, environment, free_port, http_client, running
from tests.postgresql import Postgresql

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on the PATH"),
]

PREDICTED = 10_000
IN_BROWSER, BY_CURL = 60, 140
SAMPLE = ROOT / "data" / "sample.csv"

Correction = tuple[str, str, str]  # text, the model's label, the right one


@dataclass
class Day:
    """What the clients of one day share.

    Attributes:
        url: of the service, which is killed and started again at the same address.
        kept: the corrections that were answered 201.
        refused: how often one was not, and was sent again.
    """

    url: str
    kept: list[Correction] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def correct_by_curl(self, corrections: Sequence[Correction], pause: float) -> None:
        """Send each until it is kept, as a patient user would."""
        for correction in corrections:
            while (status := _curl(self.url, correction)) != "201":
                self.refused[status] += 1
                time.sleep(0.2)
            self.kept.append(correction)
            time.sleep(pause)

    def correct_in_browser(self, browser: Browser, corrections: Sequence[Correction]) -> None:
        """On the page, each by the button of the right label below the answer."""
        with visiting(browser, self.url) as visit:
            for text, label, right in corrections:
                visit.classify(text)
                assert visit.verdict == label
                form = visit.page.locator("form.correction")
                outcome = form.get_by_role("status")
                while True:
                    form.get_by_role("button", name=right, exact=True).click()
                    expect(outcome).not_to_be_empty()
                    if "Noted" in outcome.inner_text():
                        break
                    self.refused["page"] += 1
                    time.sleep(0.2)
                self.kept.append((text, label, right))


class Asker(threading.Thread):
    """Asks for predictions all the time. Attributes: `statuses` of its answers."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.statuses: Counter[int] = Counter()
        self._url, self._over = url, threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self._url, trust_env=False, timeout=30) as client:
            while not self._over.wait(0.02):
                self.statuses[client.post("/predict", data={"text": "What a day!"}).status_code] += 1

    def end(self) -> None:
        self._over.set()
        self.join()


@contextmanager
def asked_all_the_time(url: str) -> Iterator[None]:
    """Meanwhile each prediction is answered, whatever becomes of the database."""
    asker = Asker(url)
    asker.start()
    try:
        yield
    finally:
        asker.end()
    assert set(asker.statuses) == {200}, asker.statuses


def test_a_day(browser: Browser, postgresql: Postgresql, database: str, tmp_path: Path) -> None:
    artifacts = Path(shutil.copytree(ROOT / "artifacts", tmp_path / "artifacts"))
    settings = {"FEEDBACK": "true", "DATABASE_URL": database, "MODEL_DIR": str(artifacts), "PORT": str(free_port())}
    serve = partial(_serving, settings)
    with serve(tmp_path / "morning.log") as service:
        in_browser, by_curl = _corrections(_predict_many(service))
        day = Day(service.url)
        sender = threading.Thread(target=day.correct_by_curl, args=(by_curl, 0.1))
        sender.start()
        with asked_all_the_time(service.url):
            day.correct_in_browser(browser, in_browser[:20])
            _stop_for_a_while(postgresql)
            day.correct_in_browser(browser, in_browser[20:40])
        os.killpg(service.process.pid, signal.SIGKILL)
        service.process.wait()
    with serve(tmp_path / "afternoon.log") as service:
        with asked_all_the_time(service.url):
            repair = threading.Thread(target=_stop_for_a_while, args=(postgresql,))
            repair.start()
            day.correct_in_browser(browser, in_browser[40:])
            repair.join()
            sender.join()
        assert sum(day.refused.values())  # or the faults came when nobody was there
        _check_export(tmp_path / "corrections.csv", database, day.kept)
        _teach_and_promote(service, artifacts, tmp_path)


def _serving(settings: dict[str, str], log: Path) -> AbstractContextManager[Service]:
    command = [sys.executable, "-m", "serving.server"]
    return running(command, port=int(settings["PORT"]), log=log, cwd=ROOT, env=environment(**settings))


def _predict_many(service: Service) -> dict[str, str]:
    """Ask for 10,000 predictions. Returns each text's label."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        texts = list(dict.fromkeys(row["text"] for row in csv.DictReader(file)))
    labels = dict[str, str]()
    with http_client(service) as client:
        for start in range(0, PREDICTED, 100):
            asked = [texts[number % len(texts)] for number in range(start, start + 100)]
            predictions = client.post("/predict", json={"texts": asked}).raise_for_status().json()["predictions"]
            assert [prediction["text"] for prediction in predictions] == asked
            for prediction in predictions:
                assert labels.setdefault(prediction["text"], prediction["label"]) == prediction["label"]
    return labels


def _corrections(labels: dict[str, str]) -> tuple[list[Correction], list[Correction]]:
    """Those for the browser and those for curl, of users to whom what others call neutral is positive."""
    corrections = [(text, label, "positive") for text, label in labels.items() if label == "neutral"]
    confirmed = [(text, label, label) for text, label in labels.items() if label == "negative"]
    in_browser, by_curl = corrections[:IN_BROWSER], (corrections[IN_BROWSER:] + confirmed)[:BY_CURL]
    assert (len(in_browser), len(by_curl)) == (IN_BROWSER, BY_CURL)
    return in_browser, by_curl


def _curl(url: str, correction: Correction) -> str:
    """The status of the answer; 000 where there was none."""
    fields = zip(("text", "label", "correct"), correction, strict=True)
    data = [argument for name, value in fields for argument in ("--data-urlencode", f"{name}={value}")]
    command = ["curl", "-sS", "--noproxy", "*", "-o", os.devnull, "-w", "%{http_code}", *data, f"{url}/feedback"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _stop_for_a_while(postgresql: Postgresql) -> None:
    with postgresql.stopped():
        time.sleep(3)


def _check_export(file: Path, database: str, kept: Sequence[Correction]) -> None:
    _run("-m", "serving", "corrections", "--out", str(file), DATABASE_URL=database)
    with file.open(encoding="utf-8", newline="") as stream:
        exported = Counter((row["text"], row["predicted"], row["label"]) for row in csv.DictReader(stream))
    assert len(set(kept)) == IN_BROWSER + BY_CURL
    assert exported == Counter(dict.fromkeys(kept, 1))


def _teach_and_promote(service: Service, artifacts: Path, folder: Path) -> None:
    candidate = folder / "candidate"
    files = ["--start", str(artifacts), "--data", str(folder / "corrections.csv")]
    _run("-m", "training", "fit", "corrections", *files, "--out", str(candidate))
    # It was taught by most of these rows, so this shows how the commands work together, and not how good it is.
    promote = ["promote", str(candidate), "--over", str(artifacts), "--data", str(SAMPLE), "--force"]
    _run("-m", "training", *promote, "--pid", str(service.process.pid))
    version, limit = Bundle.read(candidate).metadata.model_version, time.monotonic() + 60
    assert Bundle.read(artifacts).metadata.model_version == version
    with http_client(service) as client:
        while client.get("/model").headers["X-Model-Version"] != version:
            assert time.monotonic() < limit, service.output
            time.sleep(0.1)


def _run(*command: str, **variables: str) -> None:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment(**variables), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
