import csv
import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
from starlette.testclient import TestClient

from serving.errors import BundleError, DatabaseError
from serving.settings import Settings
from serving.web.app import create_app
from tests.bundles import FORM
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor, FakeStore, fake_feedback

KEY, API_KEY = "key-of-the-corrections", "key-of-the-predictions"
WITH_KEY = {"Authorization": f"Bearer {KEY}"}
SENT = {"text": "not good", "label": "positive", "correct": "negative"}


@pytest.fixture
def corrected(make_corrected: Callable[..., TestClient]) -> TestClient:
    return make_corrected(feedback_key=KEY)


def figure(client: TestClient, name: str) -> str:
    """The value of a line of `/metrics`."""
    lines = client.get("/metrics").text.splitlines()
    return next(line.removeprefix(name).strip() for line in lines if line.startswith(f"{name} "))


@pytest.mark.parametrize(
    "sent",
    [{"json": SENT}, {"data": SENT}, {"files": {name: (None, value) for name, value in SENT.items()}}],
    ids=["json", "form", "multipart"],
)
def test_a_correction_is_kept(corrected: TestClient, store: FakeStore, sent: dict[str, Any]) -> None:
    answer = corrected.post("/feedback", **sent)
    (kept,) = store.kept
    assert (answer.status_code, answer.json()) == (201, {"id": kept.id})
    assert (kept.text, kept.label, kept.correct, kept.model_version, kept.note) == (*SENT.values(), "", "")


def test_all_that_can_be_said(corrected: TestClient, store: FakeStore) -> None:
    text = "good\r\nmorning & \u200d😀 é"
    said = {"text": text, "label": "positive", "correct": "positive", "model_version": "3f9a1c0be274", "note": "Yes."}
    assert corrected.post("/feedback", data=said | {"button": "x"}).status_code == 201
    (kept,) = store.kept
    assert kept.text == text.replace("\r\n", "\n")
    assert (kept.label, kept.correct, kept.model_version, kept.note) == ("positive", "positive", "3f9a1c0be274", "Yes.")


def test_the_same_again_is_kept_once(corrected: TestClient, store: FakeStore) -> None:
    first, again = (corrected.post("/feedback", json=SENT).json() for _ in range(2))
    assert first == again
    assert len(store.kept) == 1


def test_a_browser_gets_a_page(corrected: TestClient) -> None:
    answer = corrected.post("/feedback", data=SENT, headers={"Accept": BROWSER})
    assert answer.status_code == 201
    assert "<h1>Thank you</h1>" in answer.text
    assert "“negative” is right" in answer.text
    assert '<a href="./predict">Classify another text</a>' in answer.text
    refused = corrected.post("/feedback", data=SENT | {"correct": "<great>"}, headers={"Accept": BROWSER})
    assert refused.status_code == 422
    assert "<h1>The correction cannot be taken</h1>" in refused.text
    assert "&lt;great&gt;" in refused.text
    assert '<a href="./predict">' in refused.text


def test_the_page_asks_under_each_answer(corrected: TestClient) -> None:
    headers = {"Accept": BROWSER}
    assert "Wrong?" not in corrected.get("/predict", headers=headers).text
    page = corrected.post("/predict", data={"text": 'a "good" <show>'}, headers=headers).text
    assert '<form class="correction" method="post" action="./feedback" accept-charset="utf-8">' in page
    assert 'name="text" value="a &#34;good&#34; &lt;show&gt;"' in page
    assert page.count('name="correct"') == 2
    assert 'name="correct" value="positive"' not in page
    several = corrected.post("/predict", json={"texts": ["good", "bad", ""], "partial": True}, headers=headers).text
    assert several.count("<legend>Wrong?</legend>") == 2


def test_many_labels_are_folded_away(make_corrected: Callable[..., TestClient], predictor: FakePredictor) -> None:
    predictor.metadata = FakePredictor(labels=[f"label {n}" for n in range(20)]).metadata
    page = make_corrected().post("/predict", data={"text": "good"}, headers={"Accept": BROWSER}).text
    assert page.count('name="correct"') == 19
    assert "<summary>13 more</summary>" in page


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.example.org"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://example.org"},
    ],
)
def test_pages_that_may_send(make_corrected: Callable[..., TestClient], headers: dict[str, str]) -> None:
    client = make_corrected(allowed_origins="https://example.org")
    assert client.post("/feedback", data=SENT, headers=headers).status_code == 201


@pytest.mark.parametrize("origin", [{}, {"Origin": "null"}, {"Origin": "https://example.com"}])
@pytest.mark.parametrize("origins", ["", "https://example.org"])
def test_pages_of_other_sites_may_not(
    make_corrected: Callable[..., TestClient], store: FakeStore, origins: str, origin: dict[str, str]
) -> None:
    client = make_corrected(allowed_origins=origins)
    answer = client.post("/feedback", data=SENT, headers={"Sec-Fetch-Site": "cross-site", **origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert store.kept == []


def test_any_page_may_where_all_origins_are_allowed(make_corrected: Callable[..., TestClient]) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://example.com"}
    answer = make_corrected(allowed_origins="*").post("/feedback", data=SENT, headers=headers)
    assert answer.status_code == 201
    assert "Link" in answer.headers["access-control-expose-headers"]


def test_each_key_opens_its_own_door(make_corrected: Callable[..., TestClient]) -> None:
    client = make_corrected(api_keys=API_KEY, feedback_key=KEY)
    with_api_key = {"X-API-Key": API_KEY}
    assert [client.post("/feedback", json=SENT, headers=h).status_code for h in ({}, WITH_KEY, with_api_key)] == [
        401,
        401,
        201,
    ]
    assert client.post("/predict", json={"text": "good"}, headers=WITH_KEY).status_code == 401
    for method, path in (("GET", "/feedback"), ("DELETE", "/feedback/x")):
        for headers in ({}, with_api_key):
            refused = client.request(method, path, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
            assert "FEEDBACK_KEY" in refused.json()["detail"]
            assert refused.headers["www-authenticate"] == 'Basic realm="tweet-sentiment-feedback"'
    for headers in (WITH_KEY, {"X-API-Key": KEY}):
        assert client.get("/feedback", headers=headers).status_code == 200
    assert client.get("/feedback", auth=("anyone", KEY)).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/feedback"), ("DELETE", "/feedback/x")])
def test_without_a_key_nobody_reads_or_deletes(
    make_corrected: Callable[..., TestClient], method: str, path: str
) -> None:
    client = make_corrected(api_keys=API_KEY)
    refused = client.request(method, path, headers={"X-API-Key": API_KEY})
    assert (refused.status_code, refused.json()["code"]) == (403, "feedback_key_not_set")
    assert "FEEDBACK_KEY" in refused.json()["detail"]


@pytest.fixture
def five(corrected: TestClient) -> TestClient:
    """With five corrections."""
    for n in range(5):
        assert corrected.post("/feedback", json=SENT | {"text": f"not good, {n}"}).status_code == 201
    corrected.headers.update(WITH_KEY)
    return corrected


def test_pages_of_corrections(five: TestClient) -> None:
    address: str | None = "/feedback?limit=2"
    texts = []
    while address:
        answer = five.get(address)
        page = answer.json()
        texts += [correction["text"] for correction in page["corrections"]]
        link = answer.headers.get("link")
        assert link == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
        assert answer.headers["cache-control"] == "no-store"
        address = urljoin(str(answer.url), page["next"]) if page["next"] else None
    assert texts == [f"not good, {n}" for n in range(5)]
    whole = five.get("/feedback?limit=5").json()
    assert whole["next"] is None
    assert whole["corrections"][0] == {
        **{"id": whole["corrections"][0]["id"], "created": "2026-01-01T00:00:00Z"},
        **{"text": "not good, 0", "label": "positive", "correct": "negative", "model_version": "", "note": ""},
    }


@pytest.mark.parametrize(
    ("query", "accept", "is_csv"),
    [
        ("", "text/csv", True),
        ("", "text/csv, application/json;q=0.5", True),
        ("", "*/*", False),
        ("", BROWSER, False),
        ("&format=csv", "application/json", True),
        ("&format=json", "text/csv", False),
    ],
)
def test_the_kind_of_answer(five: TestClient, query: str, accept: str, is_csv: bool) -> None:
    answer = five.get(f"/feedback?limit=3{query}", headers={"Accept": accept})
    kind = "text/csv; charset=utf-8" if is_csv else "application/json"
    assert (answer.headers["content-type"], answer.headers["vary"]) == (kind, "Accept")
    assert 'rel="next"' in answer.headers["link"]
    assert ("format=csv" in answer.headers["link"]) == (query == "&format=csv")
    if is_csv:
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(row["text"], row["label"], row["predicted"]) for row in rows] == [
            (f"not good, {n}", "negative", "positive") for n in range(3)
        ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "limit_invalid"),
        ("limit=1001", "limit_invalid"),
        ("limit=ten", "limit_invalid"),
        ("limit=" + "9" * 5000, "limit_invalid"),
        ("limit=2.5", "limit_invalid"),
        ("after=x", "invalid_cursor"),
        ("after=%00", "invalid_cursor"),
        ("format=xml", "format_invalid"),
    ],
)
def test_queries_that_are_refused(five: TestClient, query: str, code: str) -> None:
    answer = five.get(f"/feedback?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_deleting(five: TestClient, store: FakeStore) -> None:
    identifier = store.kept[2].id
    gone = five.delete(f"/feedback/{identifier}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert identifier not in [kept.id for kept in store.kept]
    again = five.delete(f"/feedback/{identifier}")
    assert (again.status_code, again.json()["code"]) == (404, "not_found")


def test_a_database_that_fails_costs_corrections_alone(corrected: TestClient, store: FakeStore) -> None:
    assert corrected.post("/feedback", json=SENT).status_code == 201
    assert figure(corrected, "feedback_database_available") == "1.0"
    assert corrected.get("/readyz").json() == {"status": "ready", "feedback": "available"}
    store.fault = DatabaseError("memory: forgotten, and not for clients")
    refused = corrected.post("/feedback", json=SENT)
    assert (refused.status_code, refused.json()["code"]) == (503, "feedback_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert "forgotten" not in refused.text
    assert corrected.get("/feedback", headers=WITH_KEY).status_code == 503
    assert corrected.delete(f"/feedback/{'0' * 32}", headers=WITH_KEY).status_code == 503
    assert corrected.post("/predict", json={"text": "good"}).status_code == 200
    ready = corrected.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "feedback": "unavailable"})
    assert figure(corrected, "feedback_database_available") == "0.0"
    assert figure(corrected, 'corrections_total{outcome="kept"}') == "1.0"
    assert figure(corrected, 'corrections_total{outcome="unavailable"}') == "1.0"
    store.fault = None
    assert corrected.post("/feedback", json=SENT | {"text": "another"}).status_code == 201
    assert corrected.get("/readyz").json()["feedback"] == "available"
    assert figure(corrected, "feedback_database_available") == "1.0"


def test_nothing_else_waits_for_a_database_that_hangs(predictor: FakePredictor, store: FakeStore) -> None:
    store.gate.clear()
    app = create_app(Settings(feedback=True), predictor, feedback=fake_feedback(store, timeout=0.2, limit=3))
    with TestClient(app) as client:
        assert client.get("/readyz").json() == {"status": "ready", "feedback": "unknown"}
        assert [client.post("/feedback", json=SENT).status_code for _ in range(4)] == [503] * 4
        assert client.post("/predict", json={"text": "good"}).status_code == 200
        assert client.get("/readyz").json() == {"status": "ready", "feedback": "unavailable"}
        store.gate.set()


def test_a_full_queue_refuses_no_correction(corrected: TestClient) -> None:
    admission = corrected.app.state.service.admission  # type: ignore[attr-defined]
    admission.admit(admission.limit)
    assert corrected.post("/predict", json={"text": "good"}).status_code == 503
    assert corrected.post("/feedback", json=SENT).status_code == 201


def test_another_model_has_its_own_labels(corrected: TestClient, store: FakeStore) -> None:
    app: Any = corrected.app
    app.state.service = app.state.service.successor(FakePredictor(labels=("no", "yes")))
    assert corrected.post("/feedback", json=SENT).json()["code"] == "label_unknown"
    assert corrected.post("/feedback", json=SENT | {"label": "no", "correct": "yes"}).status_code == 201
    assert len(store.kept) == 1


def test_links(corrected: TestClient, client: TestClient) -> None:
    assert corrected.get("/").json()["links"]["feedback"] == "/feedback"
    assert "feedback" not in client.get("/").json()["links"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/feedback"), ("GET", "/feedback"), ("DELETE", "/feedback/x")])
def test_where_it_is_off_there_is_nothing(client: TestClient, method: str, path: str) -> None:
    answer, unknown = (client.request(method, address).json() for address in (path, "/unknown"))
    assert answer["code"] == unknown["code"] == "not_found"
    assert "feedback" not in client.get("/metrics").text
    assert client.get("/readyz").json() == {"status": "ready"}
    assert "/feedback" not in client.get("/openapi.json").json()["paths"]
    page = client.post("/predict", data={"text": "good"}, headers={"Accept": BROWSER}).text
    assert "feedback" not in page
    assert "correction" not in page


def test_where_it_is_off_nothing_is_imported() -> None:
    program = (
        "import sys; from serving.settings import Settings; from serving.web.app import create_app\n"
        "create_app(Settings(feedback=len(sys.argv) > 1, database_url='sqlite:///x.db'))\n"
        "print(*sorted(name for name in sys.modules if 'feedback' in name or name in {'sqlalchemy', 'psycopg'}))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    done = subprocess.run([*command, "on"], capture_output=True, text=True, check=True)
    assert {"serving.feedback.store", "sqlalchemy"} <= set(done.stdout.split())


def test_a_model_of_fields_is_not_served_with_it() -> None:
    with pytest.raises(BundleError, match="has a model of fields, and FEEDBACK is on; accepted with it are models of"):
        create_app(Settings(feedback=True, model_dir=FORM))


def test_in_a_database(make_client: Callable[..., TestClient], url: str) -> None:
    client = make_client(feedback=True, feedback_key=KEY, database_url=url)
    client.headers.update(WITH_KEY)
    texts = ["=1+1", 'a "quote", and\nlines', "\u0000 😀 \u200d", "' OR 1=1; --", "x" * 10_000]
    answers = [client.post("/feedback", json=SENT | {"text": text, "note": text[:1000]}) for text in texts]
    assert [answer.status_code for answer in answers] == [201] * len(texts)
    assert client.post("/feedback", data=SENT | {"text": texts[3], "note": "another"}).json() == answers[3].json()
    pages, address = [], "/feedback?limit=2"
    while address:
        page = client.get(address).json()
        pages.append([(correction["id"], correction["text"]) for correction in page["corrections"]])
        address = page["next"]
    assert [len(page) for page in pages] == [2, 2, 1]
    kept = [text.replace("\0", "\ufffd") for text in texts]
    assert [row for page in pages for row in page] == [
        (answer.json()["id"], text) for answer, text in zip(answers, kept, strict=True)
    ]
    rows = csv.DictReader(io.StringIO(client.get("/feedback?format=csv").text, newline=""))
    assert [row["text"] for row in rows] == kept
    assert client.delete(f"/feedback/{pages[0][0][0]}").status_code == 204
    assert client.delete(f"/feedback/{pages[0][0][0]}").status_code == 404
    assert client.delete("/feedback/%00").status_code == 404
    assert len(client.get("/feedback").json()["corrections"]) == 4
    assert client.get("/readyz").json()["feedback"] == "available"
