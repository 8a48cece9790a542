import json
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.model.bundle import REPORT
from serving.model.metadata import CoveragePoint, DataFile, Metadata
from serving.web.pages.model_page import PLOTS, REPORT_PAGE
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor, fake_metadata

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>x</script></svg>'
PAGE = "<title>r</title><style>p { color: red }</style><code>0123456789ab</code>"


@pytest.fixture
def with_report(make_client: Callable[..., TestClient], tmp_path: Path) -> TestClient:
    (tmp_path / REPORT / "plots").mkdir(parents=True)
    (tmp_path / REPORT / REPORT_PAGE).write_text(PAGE, encoding="utf-8")
    plots = [{"name": "recall", "file": "plots/recall.svg", "caption": "Recall & more", "wide": False}]
    (tmp_path / REPORT / PLOTS).write_text(json.dumps(plots), encoding="utf-8")
    (tmp_path / REPORT / "plots" / "recall.svg").write_text(SVG, encoding="utf-8")
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
    assert "not trained here, but adopted" in answer.text
    assert "The probabilities were calibrated with a temperature of" not in answer.text
    assert "None" not in answer.text


def test_what_it_learned_from_beside_labels(make_client: Callable[..., TestClient], predictor: FakePredictor) -> None:
    vectors = DataFile(file="v.txt", rows=3, sha256="a" * 64)
    learned_from = {"teachers": {"build/one": "0123", "build/two": "4567"}, "vectors": vectors}
    predictor.metadata = predictor.metadata.model_copy(update=learned_from)
    page = make_client().get("/model", headers={"Accept": BROWSER}).text
    assert "Taught by the models 0123, 4567. Its embedding started from the word vectors of v.txt." in page


def test_of_what_goes_on_from_another_it_is_said_what_its_figures_are_worth(
    make_client: Callable[..., TestClient], predictor: FakePredictor
) -> None:
    changes = {"recipe": {"start": {"bundle": "old", "weight": 0.4}}, "teachers": {"old": "0123"}}
    changes |= {"metrics": {"test": {"rows": 9, "macro_recall": 0.889}}, "temperature": 1.7}
    predictor.metadata = predictor.metadata.model_copy(update=changes)
    page = make_client().get("/model", headers={"Accept": BROWSER}).text
    assert "It goes on from old, version 0123: a share of 40% of each of those weights stays" in page
    assert "figures on them say little about other texts." in page
    assert "keeps the temperature that the probabilities of that one were calibrated with, 1.7" in page
    assert "were calibrated with a temperature of" not in page


def test_values_for_the_setting_of_what_is_uncertain(
    make_client: Callable[..., TestClient], predictor: FakePredictor
) -> None:
    assert "MIN_PROBABILITY" not in make_client().get("/model", headers={"Accept": BROWSER}).text
    curve = [CoveragePoint(coverage=share, risk=share / 4, probability=1.5 - share) for share in (0.75, 0.8, 0.95, 1)]
    predictor.metadata = predictor.metadata.model_copy(update={"risk_coverage": curve})
    page = make_client().get("/model", headers={"Accept": BROWSER}).text
    assert "of which 25.0% were answered wrongly" in page
    cells = re.findall(r'<tr><th scope="row">(\d+%)</th>' + r'<td class="number">(.+?)</td>' * 3, page)
    assert cells == [
        ("90%", "0.550", "95.0%", "23.8%"),
        ("80%", "0.700", "80.0%", "20.0%"),
        ("70%", "0.750", "75.0%", "18.8%"),
    ]


def test_without_a_report(make_client: Callable[..., TestClient], tmp_path: Path) -> None:
    client = make_client(model_dir=tmp_path)
    page = client.get("/model", headers={"Accept": BROWSER}).text
    assert "<img" not in page
    assert "/model/report" not in page
    assert client.get("/model/report").status_code == 404


def test_plots_of_the_report(with_report: TestClient) -> None:
    page = with_report.get("/model", headers={"Accept": BROWSER}).text
    assert '<img src="./model/plots/recall?v=0123456789ab" alt="recall"' in page
    assert "<figcaption>Recall &amp; more</figcaption>" in page
    assert 'href="./model/report"' in page


def test_a_plot_can_do_nothing_but_show_itself(with_report: TestClient) -> None:
    answer = with_report.get("/model/plots/recall")
    assert answer.text == SVG
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["other", "recall.svg", "..%2Freport.html", "%00"])
def test_a_plot_that_the_report_does_not_list(with_report: TestClient, name: str) -> None:
    assert with_report.get(f"/model/plots/{name}").status_code == 404


def test_the_report_is_shut_off(with_report: TestClient) -> None:
    answer = with_report.get("/model/report")
    assert answer.text == PAGE
    digest = b64encode(sha256(b"p { color: red }").digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_report_without_styles_may_have_none(make_client: Callable[..., TestClient], tmp_path: Path) -> None:
    (tmp_path / REPORT).mkdir()
    (tmp_path / REPORT / REPORT_PAGE).write_text("<code>0123456789ab</code>", encoding="utf-8")
    policy = make_client(model_dir=tmp_path).get("/model/report").headers["content-security-policy"]
    assert "style-src 'none';" in policy


@pytest.mark.parametrize("path", ["/model", "/model/report", "/model/plots/recall"])
def test_behind_the_key(make_client: Callable[..., TestClient], path: str) -> None:
    assert make_client(api_keys="first-key-of-sixteen").get(path).status_code == 401
