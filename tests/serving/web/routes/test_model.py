import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.model.bundle import REPORT
from serving.model.metadata import DataFile, Metadata
from serving.web.pages.model_page import PAGE
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor, fake_metadata

DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M 0 0"/></svg>'
REPORT_PAGE = f"""<title>r</title><style>p {{ color: red }}</style><code>0123456789ab</code>
<figure id="recall">{DRAWING}<figcaption>Recall</figcaption></figure>"""


@pytest.fixture
def with_report(make_client: Callable[..., TestClient], tmp_path: Path) -> TestClient:
    (tmp_path / REPORT).mkdir()
    (tmp_path / REPORT / PAGE).write_text(REPORT_PAGE, encoding="utf-8")
    return make_client(model_dir=tmp_path)


def test_the_metadata(client: TestClient) -> None:
    answer = client.get("/model")
    assert answer.status_code == 200
    assert answer.headers["vary"] == "Accept"
    assert Metadata.model_validate(answer.json()) == fake_metadata()


def test_a_page_for_a_browser(browser: TestClient) -> None:
    answer = browser.get("/model")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert "<h1>fake</h1>" in answer.text
    assert all(f"<li>{label}</li>" in answer.text for label in fake_metadata().labels)
    assert "<dt>macro F1</dt><dd>0.500</dd>" in answer.text
    assert "curl http://testserver/model" in answer.text


def test_an_adopted_model(make_client: Callable[..., TestClient], predictor: FakePredictor) -> None:
    unknown: dict[str, Any] = {"seed": None, "recipe": {}, "data": [], "split": {}, "cleaning": {}, "metrics": {}}
    predictor.metadata = predictor.metadata.model_copy(update={"origin": "adopted", **unknown})
    answer = make_client().get("/model", headers={"Accept": BROWSER})
    assert answer.status_code == 200
    assert "Probabilities scaled by a temperature of" in answer.text
    assert "None" not in answer.text


def test_what_it_learned_from_beside_labels(make_client: Callable[..., TestClient], predictor: FakePredictor) -> None:
    vectors = DataFile(file="v.txt", rows=3, sha256="a" * 64)
    learned_from = {"teachers": {"build/one": "0123", "build/two": "4567"}, "vectors": vectors}
    predictor.metadata = predictor.metadata.model_copy(update=learned_from)
    page = make_client().get("/model", headers={"Accept": BROWSER}).text
    assert "Taught by the models 0123, 4567. Its embedding started from the word vectors of v.txt." in page


def test_without_a_report(make_client: Callable[..., TestClient], tmp_path: Path) -> None:
    client = make_client(model_dir=tmp_path)
    page = client.get("/model", headers={"Accept": BROWSER}).text
    assert "<svg" not in page
    assert "/model/report" not in page
    assert client.get("/model/report").status_code == 404


def test_plots_of_the_report(with_report: TestClient) -> None:
    page = with_report.get("/model", headers={"Accept": BROWSER}).text
    assert re.search(r"<svg [^>]*><path [^>]*/></svg>", page)
    assert "<figcaption>Recall</figcaption>" in page
    assert 'href="/model/report"' in page


def test_the_report_is_shut_off(with_report: TestClient) -> None:
    answer = with_report.get("/model/report")
    assert answer.text == REPORT_PAGE
    digest = b64encode(sha256(b"p { color: red }").digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_report_without_styles_may_have_none(make_client: Callable[..., TestClient], tmp_path: Path) -> None:
    (tmp_path / REPORT).mkdir()
    (tmp_path / REPORT / PAGE).write_text("<code>0123456789ab</code>", encoding="utf-8")
    policy = make_client(model_dir=tmp_path).get("/model/report").headers["content-security-policy"]
    assert "style-src 'none';" in policy


@pytest.mark.parametrize("path", ["/model", "/model/report"])
def test_behind_the_key(make_client: Callable[..., TestClient], path: str) -> None:
    assert make_client(api_keys="first-key-of-sixteen").get(path).status_code == 401
