import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.app import create_app
from serving.settings import Settings
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor


def test_nothing_that_the_policy_forbids(browser: TestClient) -> None:
    for answer in (browser.get("/predict"), browser.post("/predict", data={"text": "good"}), browser.get("/nowhere")):
        assert not re.search(
            r"<script(?! type=\"module\" src=\"/static/)|<style|\sstyle=|\son\w+=|javascript:|https?://", answer.text
        )
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_its_files_are_there(browser: TestClient) -> None:
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', browser.get("/predict").text)
    assert len(links) == 4
    assert all(browser.get(link).status_code == 200 for link in links)


@pytest.mark.parametrize("labels", [["no", "yes"], [f"class {number}" for number in range(47)]])
def test_any_labels(labels: list[str]) -> None:
    client = TestClient(create_app(Settings(), FakePredictor(labels)), headers={"Accept": BROWSER})
    text = client.post("/predict", data={"text": "good"}).text
    assert text.count("<meter ") == len(labels)
    assert all(f">{label}</span>" in text for label in labels)
    assert f"<strong>{labels[-1]}</strong>" in text
    first = re.search(r'class="name">([^<]+)<', text)
    assert first is not None
    assert first[1] == labels[-1], "the most probable comes first"


def test_labels_are_escaped() -> None:
    client = TestClient(create_app(Settings(), FakePredictor(["<b>", "&"])), headers={"Accept": BROWSER})
    text = client.post("/predict", data={"text": "bad"}).text
    assert "<strong>&lt;b&gt;</strong>" in text
    assert "<b>" not in text


def test_under_a_prefix(make_app: Callable[..., FastAPI]) -> None:
    client = TestClient(make_app(), root_path="/nlp", follow_redirects=False, headers={"Accept": BROWSER})
    assert client.get("/nlp/").headers["location"] == "/nlp/predict"
    text = client.get("/nlp/predict").text
    assert 'action="/nlp/predict"' in text
    assert 'href="/nlp/static/style.css?v=' in text
    assert 'href="/nlp/predict"' in client.get("/nlp/static/nothing").text
    assert client.get("/nlp/static/style.css").status_code == 200
    assert "\nbad</textarea>" in client.post("/nlp/predict", data={"text": "bad"}).text
    assert "url: '/nlp/openapi.json'" in client.get("/nlp/docs").text
