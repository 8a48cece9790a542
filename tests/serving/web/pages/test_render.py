import json
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from html import unescape
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from serving.model.explanation import cut_words
from serving.model.types import WeighedWord
from serving.settings import Settings
from serving.web.app import create_app
from serving.web.pages.highlights import HighlightedSpan, Highlights
from serving.web.pages.render import Pages, json_command, sentiment_tones
from serving.web.schemas import Answer, ErrorAnswer
from tests.serving.conftest import BROWSER
from tests.serving.fakes import FakePredictor, fake_metadata
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
        assert not re.search(r"<script(?! type=\"module\" src=\"\./static/)", answer.text)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|(?:src|href)=\"(?:https?:)?//", answer.text)
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_its_files_are_there(browser: TestClient) -> None:
    links = re.findall(r'(?:href|src)="(\./static/[^"]+)"', browser.get("/predict").text)
    answers = [browser.get(urljoin("/predict", link)) for link in links]
    assert all(answer.status_code == 200 for answer in answers)
    kinds = [answer.headers["content-type"].partition(";")[0] for answer in answers]
    assert kinds == ["image/svg+xml", *["text/css"] * 7, *["text/javascript"] * 2, "text/csv"]


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


@pytest.mark.parametrize(
    ("labels", "tones"),
    [
        (["negative", "neutral", "positive"], ["bad", "", "good"]),
        (["NEG", "Pos"], ["bad", "good"]),
        (["-1", "0", "1"], ["bad", "", "good"]),
        (["Extremely Negative", "slightly_positive", "Irrelevant"], ["bad", "good", ""]),
        (["0", "1"], ["", ""]),
        (["positive", "unclear"], ["", ""]),
        (["not positive", "non-negative", "positively", "1.5"], [""] * 4),
        (["spam", "ham"], ["", ""]),
    ],
)
def test_good_and_bad_labels(labels: list[str], tones: list[str]) -> None:
    assert [sentiment_tones(labels).get(label, "") for label in labels] == tones


def test_good_and_bad_are_marked_in_the_answer(browser: TestClient) -> None:
    good, bad = (browser.post("/predict", data={"text": text}).text for text in ("good", "bad"))
    assert '<strong class="good">positive</strong>' in good
    assert '<strong class="bad">negative</strong>' in bad
    assert [good.count(f'<li class="{tone}">') for tone in ("good", "bad")] == [1, 1]


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
    assert 'action="./predict"' in text
    assert 'href="./static/style.css?v=' in text
    assert 'href="../predict"' in client.get("/nlp/static/nothing").text
    assert client.get("/nlp/static/style.css").status_code == 200
    assert "\nbad</textarea>" in client.post("/nlp/predict", data={"text": "bad"}).text
    assert 'src="./static/predict.js?v=' in text
    answered = client.post("/nlp/predict", data={"text": "bad"}).text
    assert "curl http://testserver/nlp/predict " in answered


@pytest.mark.parametrize(
    ("path", "root"), [("/nowhere", "."), ("/no/where", ".."), ("/a/b/c/", "../../.."), ("/a%2Fb", "."), ("//a", "..")]
)
def test_addresses_are_relative_from_any_depth(browser: TestClient, path: str, root: str) -> None:
    assert f'href="{root}/predict"' in browser.get(f"http://testserver{path}").text


def test_a_prefix_that_nobody_tells_of_does_not_matter(browser: TestClient) -> None:
    """As behind a proxy that cuts it off: what the page names is below the address that the browser has."""
    text = browser.get("/predict").text
    addresses = re.findall(r'(?:href|src|action)="([^"#]+)"', text)
    assert addresses
    assert all(
        urljoin("https://example.org/sent/predict", link).startswith("https://example.org/sent/") for link in addresses
    )
    assert browser.get("/").headers["location"] == "./predict"


def test_the_footer_names_the_model(browser: TestClient) -> None:
    for answer in (browser.get("/predict"), browser.get("/model")):
        assert '<a href="./model"><code>0123456789ab</code></a>' in answer.text


def test_no_link_to_documentation_that_is_switched_off(make_client: Callable[..., TestClient]) -> None:
    client = make_client(docs=False)
    client.headers["accept"] = BROWSER
    assert "/docs" not in client.get("/predict").text


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


def test_a_refused_file_keeps_its_form(browser: TestClient) -> None:
    answer = browser.post("/predict/file", files={"file": ("in.csv", b"a,b\n1,2\n")})
    assert answer.status_code == 422
    assert "<title>The file cannot be used" in answer.text
    assert "it is not clear which column holds the texts" in answer.text
    assert 'action="../predict/file#files"' in answer.text
    assert 'aria-invalid="true"' not in answer.text, "the text's box is not what is wrong"


def test_a_refused_files_columns_can_be_chosen_from() -> None:
    text = refused_file("text_column_unclear", columns=["a", "<b>"])
    assert '<select id="files-column" name="text_column">' in text
    assert re.findall(r"<option>(.*)</option>", text) == ["a", "&lt;b&gt;"]


def test_a_file_that_is_not_utf8_is_offered_to_be_read_as_another() -> None:
    assert 'name="encoding" value="Windows-1252" placeholder' in refused_file("not_utf8")
    assert 'name="encoding" value="" placeholder' in refused_file("file_unreadable")


def refused_file(code: str, columns: Sequence[str] = ()) -> str:
    """The page without JavaScript."""
    pages = Pages(fake_metadata(), Settings())
    scope = {"type": "http", "method": "POST", "path": "/predict/file", "headers": [], "scheme": "http"}
    error = ErrorAnswer(detail="It is so.", code=code, request_id="mine")
    page = pages.refused_file(Request(scope), error, "It is so", columns=columns, status=422, headers={})
    return bytes(page.body).decode()


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
