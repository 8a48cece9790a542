import re
from collections.abc import Callable
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.web.pages.render import PAGE_HEADERS


def test_swagger_ui_under_the_strict_policy(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].replace(" data:", "") == PAGE_HEADERS["Content-Security-Policy"]
    assert not re.search(
        r"<script(?! defer src=\"\./)|<style|\sstyle=|\son\w+=|(?:src|href)=\"(?:https?:)?//", answer.text
    )


def test_its_files_are_ours(client: TestClient) -> None:
    links = re.findall(r'(?:href|src)="([^"]+\?v=[^"]+)"', client.get("/docs").text)
    answers = [client.get(urljoin("/docs", link)) for link in links]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    kinds = [answer.headers["content-type"].partition(";")[0] for answer in answers]
    assert kinds == ["text/css", "text/javascript", "text/javascript"]


def test_under_a_prefix(make_app: Callable[..., FastAPI]) -> None:
    client = TestClient(make_app(), root_path="/nlp")
    page = client.get("/nlp/docs").text
    assert 'data-url="./openapi.json"' in page
    assert client.get("/nlp/openapi.json").json()["servers"] == [{"url": "/nlp"}]
    assert client.get("/nlp/docs/static/swagger-ui.css").status_code == 200


def test_where_no_prefix_is_known_the_paths_are_beside_the_document(client: TestClient) -> None:
    assert client.get("/openapi.json").json()["servers"] == [{"url": "."}]


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/static/swagger-ui.css"])
def test_switched_off(make_client: Callable[..., TestClient], path: str) -> None:
    assert make_client(docs=False).get(path).status_code == 404
