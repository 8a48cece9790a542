import json
import re
import shlex
import subprocess
from collections.abc import Callable
from html import unescape

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.model.explanation import cut_words
from serving.model.types import WeighedWord
from serving.settings import Settings
from serving.web.app import create_app
from serving.web.pages.render import HighlightedSpan, Highlights, json_command
from serving.web.schemas import Answer
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor
from tests.serving.generated import TEXTS


def test_nothing_that_the_policy_forbids(browser: TestClient) -> None:
    explained = {"text": "good", "explain": "true"}
    for answer in (
        browser.get("/predict"),
        browser.post("/predict", data=explained),
        browser.post("/predict", data={"text": ""}),
        browser.get("/model"),
        browser.get("/nowhere"),
    ):
        assert not re.search(r"<script(?! type=\"module\" src=\"/static/)", answer.text)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|(?:src|href)=\"(?:https?:)?//", answer.text)
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_its_files_are_there(browser: TestClient) -> None:
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', browser.get("/predict").text)
    assert len(links) == 10
    answers = [browser.get(link) for link in links]
    assert all(answer.status_code == 200 for answer in answers)
    kinds = [answer.headers["content-type"].partition(";")[0] for answer in answers]
    assert kinds == ["image/svg+xml", *["text/css"] * 7, *["text/javascript"] * 2]


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
    assert "<h1>Which label fits?</h1>" in text
    assert '<label for="text">Text</label>' in text


def test_sentiment_is_asked_for_as_such(browser: TestClient) -> None:
    text = browser.get("/predict").text
    assert "<h1>How does it sound?</h1>" in text
    assert '<label for="text">Tweet</label>' in text


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
    assert 'src="/nlp/static/predict.js?v=' in text
    answered = client.post("/nlp/predict", data={"text": "bad"}).text
    assert "curl http://testserver/nlp/predict " in answered


def test_the_footer_names_the_model(browser: TestClient) -> None:
    for answer in (browser.get("/predict"), browser.get("/model")):
        assert '<a href="/model"><code>0123456789ab</code></a>' in answer.text


def test_no_link_to_documentation_that_is_switched_off(make_client: Callable[..., TestClient]) -> None:
    client = make_client(docs=False)
    client.headers["accept"] = BROWSER
    assert 'href="/docs"' not in client.get("/predict").text


def test_examples_are_the_bundles_own_sentences(browser: TestClient) -> None:
    assert '<input type="hidden" name="text" value="ok">' in browser.get("/predict").text


def test_few_classes_are_not_folded(browser: TestClient) -> None:
    assert "more classes" not in browser.post("/predict", data={"text": "good"}).text


def test_many_classes_are_folded_after_the_most_probable() -> None:
    labels = [f"class {number}" for number in range(47)]
    client = TestClient(create_app(Settings(), FakePredictor(labels)), headers={"Accept": BROWSER})
    text = client.post("/predict", data={"text": "good"}).text
    head, _, folded = text.partition("<summary>41 more classes</summary>")
    assert head.count("<meter ") == 6
    assert folded.count("<meter ") == 41


def test_marked_words(browser: TestClient) -> None:
    text = browser.post("/predict", data={"text": "<b>not</b> good", "explain": "true"}).text
    assert '<mark class="for strength-4" title="+70.0 points for positive">good</mark>' in text
    assert '<mark class="against strength-1" title="−5.0 points for positive">not</mark>' in text
    assert "<b>not</b>" not in text
    assert re.search(r'<p class="marked"[^>]*>&lt;b&gt;<mark ', text)


def test_without_an_explanation_nothing_is_marked(browser: TestClient) -> None:
    text = browser.post("/predict", data={"text": "good"}).text
    assert "<mark" not in text
    assert "weight" not in text


def test_words_that_were_not_read_are_told(browser: TestClient) -> None:
    text = browser.post("/predict", data={"text": "word " * 21 + "end", "explain": "true"}).text
    assert '<span class="unread">end</span>' in text
    assert "The last 2 words were not tried" in text


def test_a_wait_is_told(make_client: Callable[..., TestClient], predictor: FakePredictor) -> None:
    predictor.fault = ValueError()
    client = make_client()
    page = client.get("/readyz", headers={"Accept": BROWSER}).text
    assert "The server asks to wait 5 seconds." in page


@pytest.mark.parametrize("host", ["example.org", "[", "a'b", "x;rm -rf", ""])
def test_any_host_is_quoted(browser: TestClient, host: str) -> None:
    answer = browser.post("/predict", data={"text": "good"}, headers={"Host": host})
    assert answer.status_code == 200
    command = re.search(r'<code id="command">(.*?)</code>', answer.text)
    assert command is not None
    assert shlex.split(unescape(command[1]))[1] == f"http://{host}/predict"


def test_a_key_is_taken_from_the_environment(make_client: Callable[..., TestClient]) -> None:
    client = make_client(api_keys="first-key-of-sixteen")
    headers = {"Accept": BROWSER, "X-API-Key": "first-key-of-sixteen"}
    text = client.post("/predict", data={"text": "good"}, headers=headers).text
    assert '-H "X-API-Key: $API_KEY"' in unescape(text)
    assert "first-key-of-sixteen" not in text


def test_a_command() -> None:
    assert json_command("http://127.0.0.1:8000/predict", {"text": 'it\'s "good"'}) == (
        "curl http://127.0.0.1:8000/predict -H 'Content-Type: application/json' "
        """-d '{"text": "it'"'"'s \\"good\\""}'"""
    )


def test_the_key_stays_out_of_it() -> None:
    command = json_command("http://host/predict", {"text": "a"}, keyed=True)
    assert command.startswith('curl http://host/predict -H "X-API-Key: $API_KEY" ')


@settings(max_examples=500, deadline=None)
@given(text=TEXTS | st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_quoted(text: str) -> None:
    command = json_command("http://host/predict", {"text": text})
    assert command.isprintable()
    assert json.loads(shlex.split(command)[-1]) == {"text": text}


@pytest.mark.parametrize("text", ["it's", '$HOME `id` $(id) \\ !! "', "two\nlines\x00\x1b[31m", "😀 \u202e"])
def test_a_shell_reads_it_the_same(text: str) -> None:
    command = json_command("http://host/predict", {"text": text})
    script = f"""curl() {{ for argument; do printf '%s\\0' "$argument"; done; }}; {command}"""
    output = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout
    url, _, header, _, body, _ = output.split("\0")
    assert (url, header) == ("http://host/predict", "Content-Type: application/json")
    assert json.loads(body) == {"text": text}


def answer(text: str, *weights: float | None) -> Answer:
    words = cut_words(text)
    assert len(words) == len(weights)
    explanation = [WeighedWord(w.word, w.start, w.end, weight) for w, weight in zip(words, weights, strict=True)]
    return {"text": text, "explanation": explanation}


def test_kinds() -> None:
    shown = Highlights.of(answer("so good but no end ", 0.0, 0.6, 0.004, -0.3, None))
    assert [span for span in shown.spans if span.kind] == [
        HighlightedSpan("good", "for", 4, 0.6),
        HighlightedSpan("no", "against", 3, -0.3),
        HighlightedSpan("end", "unread"),
    ]
    assert "".join(span.text for span in shown.spans) == "so good but no end "
    assert [word.word for word in shown.weighed] == ["so", "good", "but", "no"]
    assert shown.unread == 1


@pytest.mark.parametrize(
    ("weights", "strengths"),
    [((0.8, 0.7, 0.5, 0.1), [4, 4, 3, 1]), ((0.09, 0.05, 0.02, 0.011), [4, 3, 1, 1]), ((0.02, 0.0, 0.0, 0.0), [1])],
)
def test_strengths_are_of_the_weightiest_word(weights: tuple[float, ...], strengths: list[int]) -> None:
    shown = Highlights.of(answer("a b c d", *weights))
    assert [span.strength for span in shown.spans if span.kind] == strengths


def test_the_weightiest_words() -> None:
    shown = Highlights.of(answer("a b c d e f", 0.1, 0.4, -0.2, 0.3, 0.2, -0.5))
    assert [word.word for word in shown.speak_for] == ["b", "d", "e"]
    assert [word.word for word in shown.speak_against] == ["f", "c"]


def test_punctuation_is_marked_and_no_reason() -> None:
    shown = Highlights.of(answer("so, good !!! :)", 0.0, 0.2, 0.1, -0.3, -0.2))
    assert [span.text for span in shown.spans if span.kind] == [",", "good", "!!!", ":)"]
    assert [word.word for word in shown.speak_for] == ["good"]
    assert [word.word for word in shown.speak_against] == [":)"]


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_the_spans_are_the_text(text: str) -> None:
    weights = [(index % 5 - 2) / 4 for index, _ in enumerate(cut_words(text))]
    assert "".join(span.text for span in Highlights.of(answer(text, *weights)).spans) == text
