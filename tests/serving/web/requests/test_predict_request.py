import json
from typing import Any

import pytest

from serving.errors import InvalidText
from serving.settings import Settings
from serving.web.requests.predict_request import (
    TextRequest,
    TextsRequest,
    asked_min_probability,
    from_form,
    from_json,
)


@pytest.fixture
def settings() -> Settings:
    return Settings(max_text_chars=10, max_texts=3, max_explained=2)


def one(text: str, **options: Any) -> TextRequest:
    return TextRequest.model_construct(text=text, **options)


def several(*texts: str, **options: Any) -> TextsRequest:
    return TextsRequest.model_construct(texts=list(texts), **options)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"text": " ok "}, one(" ok ")),
        ({"text": "x" * 10}, one("x" * 10)),
        ({"text": "😀" * 10}, one("😀" * 10)),
        ({"texts": ["b", "a", "b"]}, several("b", "a", "b")),
        ({"texts": ["a"]}, several("a")),
        ({"text": "a", "explain": False}, one("a")),
        ({"text": "a", "explain": True}, one("a", explain=True)),
        ({"texts": ["a", "b"], "explain": True}, several("a", "b", explain=True)),
        ({"texts": ["a", "b", "c"], "explain": False}, several("a", "b", "c")),
        ({"texts": ["a", "b"], "partial": True}, several("a", "b", partial=True)),
        ({"text": "a", "min_probability": 0.5}, one("a", min_probability=0.5)),
        ({"texts": ["a"], "min_probability": 1}, several("a", min_probability=1.0)),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "with a byte order mark"])
def test_json(document: object, expected: TextRequest | TextsRequest, mark: bytes, settings: Settings) -> None:
    request = from_json(mark + json.dumps(document).encode(), settings)
    assert (request, request.several, request.rows) == (expected, expected.several, expected.rows)


def test_no_text_is_kept_to_be_shared(settings: Settings) -> None:
    bodies = (b'{"text": "good"}', b'{"texts": ["good"]}')
    texts = [from_json(body, settings).rows[0] for body in bodies * 2]
    assert len({id(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("document", "code", "sentence"),
    [
        ([], "not_an_object", 'The JSON is an array; accepted is an object with "text" or "texts".'),
        ("text", "not_an_object", "The JSON is a string"),
        (None, "not_an_object", "The JSON is null"),
        ({}, "text_missing", "The JSON has neither `text` nor `texts`; accepted is one of them."),
        ({"tweet": "a"}, "unknown_key", "The JSON has the unknown key 'tweet'; accepted are 'text', 'texts',"),
        ({"explain": True}, "text_missing", "The JSON has neither `text` nor `texts`; accepted is one of them."),
        ({"text": "a", "explain": 1}, "explain_not_boolean", "`explain` is a number; accepted is true or false."),
        ({"text": "a", "explain": "true"}, "explain_not_boolean", "`explain` is a string"),
        ({"texts": ["a"], "explain": None}, "explain_not_boolean", "`explain` is null"),
        (
            {"texts": ["a"] * 3, "explain": True},
            "too_many_to_explain",
            "`texts` has 3 texts to be explained; at most 2 are accepted.",
        ),
        ({"text": "a", "lang": "en"}, "unknown_key", "unknown key 'lang'"),
        ({str(number): number for number in range(9)} | {"texts": ["a"]}, "unknown_key", "unknown key '0'"),
        (
            {"text": "a", "min_probability": "0.5"},
            "min_probability_invalid",
            "`min_probability` is a string; accepted is",
        ),
        ({"text": "a", "min_probability": True}, "min_probability_invalid", "`min_probability` is a boolean"),
        ({"text": "a", "min_probability": None}, "min_probability_invalid", "`min_probability` is null"),
        (
            {"texts": ["a"], "min_probability": 1.5},
            "min_probability_invalid",
            "is 1.5; accepted is a number from 0 to 1.",
        ),
        ({"text": "a", "min_probability": -1}, "min_probability_invalid", "`min_probability` is -1"),
        ({"text": "a", "min_probability": 10**400}, "min_probability_invalid", "accepted is a number from 0 to 1."),
        ({"text": "a", "partial": True}, "partial_without_texts", "`partial` goes with `texts`"),
        ({"partial": True}, "text_missing", "neither `text` nor `texts`"),
        (
            {"texts": ["a"], "partial": "yes"},
            "partial_not_boolean",
            "`partial` is a string; accepted is true or false.",
        ),
        ({"texts": ["a", ""], "partial": False}, "text_blank", 'With "partial": true the others are answered.'),
        ({"texts": [""], "partial": True, "explain": 1}, "explain_not_boolean", "`explain` is a number"),
        ({"texts": [], "partial": True}, "texts_empty", "`texts` is empty"),
        ({"texts": "a", "partial": True}, "texts_not_array", "`texts` is a string"),
        ({"texts": [""] * 4, "partial": True}, "too_many_texts", "`texts` has 4 texts"),
        ({"texts": ["a"] * 3, "partial": True, "explain": True}, "too_many_to_explain", "3 texts to be explained"),
        ({"\ud800": "a"}, "unknown_key", r"unknown key '\ud800'"),
        ({"text": "a", "texts": ["a"]}, "text_and_texts", "The JSON has both `text` and `texts`"),
        ({"text": None}, "text_not_string", "`text` is null; accepted is a string."),
        ({"text": 1}, "text_not_string", "`text` is a number"),
        ({"text": True}, "text_not_string", "`text` is a boolean"),
        ({"text": ["a"]}, "text_not_string", "`text` is an array"),
        ({"text": {}}, "text_not_string", "`text` is an object"),
        ({"text": ""}, "text_blank", "`text` is empty; accepted is a text with something to read."),
        ({"text": " \t\n\u00a0\u2003\u3000"}, "text_blank", "`text` holds only white space"),
        ({"text": "\u200b\ufe0f\u00ad"}, "text_blank", "`text` holds only white space or characters that nobody sees"),
        ({"text": "x" * 11}, "text_too_long", "`text` has 11 characters; at most 10 are accepted."),
        ({"text": "a\ud83d"}, "text_not_unicode", "`text` has a lone surrogate (U+D83D) at character 1"),
        ({"texts": "a"}, "texts_not_array", "`texts` is a string; accepted is an array of strings."),
        ({"texts": None}, "texts_not_array", "`texts` is null"),
        ({"texts": []}, "texts_empty", "`texts` is empty; accepted is at least one text."),
        ({"texts": ["a"] * 4}, "too_many_texts", "`texts` has 4 texts; at most 3 are accepted."),
        ({"texts": ["a", 2]}, "text_not_string", "`texts[1]` is a number; accepted is a string."),
        ({"texts": ["a", "b", " "]}, "text_blank", "`texts[2]` holds only white space"),
        ({"texts": ["x" * 11]}, "text_too_long", "`texts[0]` has 11 characters"),
    ],
)
def test_bad_json(document: Any, code: str, sentence: str, settings: Settings) -> None:
    with pytest.raises(InvalidText) as caught:
        from_json(json.dumps(document).encode(), settings)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail


@pytest.mark.parametrize(
    ("texts", "accepted", "refused"),
    [
        (["a", "", "b"], ["a", "b"], {1: "text_blank"}),
        ([7, "a", "x" * 11], ["a"], {0: "text_not_string", 2: "text_too_long"}),
        (["", "\ud800"], [], {0: "text_blank", 1: "text_not_unicode"}),
    ],
)
def test_the_others_are_accepted(
    texts: list[object], accepted: list[str], refused: dict[int, str], settings: Settings
) -> None:
    document = {"texts": texts, "partial": True, "explain": True, "min_probability": 0.5}
    request = from_json(json.dumps(document).encode(), settings)
    assert (request.rows, request.explain, asked_min_probability(request)) == (accepted, True, 0.5)
    assert {place: error.error_code for place, error in request.refused.items()} == refused


@pytest.mark.parametrize(
    ("sent", "asked"), [({}, None), ({"min_probability": 0}, 0.0), ({"min_probability": 0.5}, 0.5)]
)
def test_the_probability_that_is_asked_for(sent: dict[str, object], asked: float | None, settings: Settings) -> None:
    assert asked_min_probability(from_json(json.dumps({"text": "a"} | sent).encode(), settings)) == asked


@pytest.mark.parametrize("point", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_every_lone_surrogate_is_refused(point: int, settings: Settings) -> None:
    with pytest.raises(InvalidText, match=rf"lone surrogate \(U\+{point:04X}\) at character 1"):
        from_json(json.dumps({"text": f"a{chr(point)}"}).encode(), settings)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({str(number): number for number in range(1000)}, "unknown_key"),
        ({"text": "a", "texts": [], "explain": 1} | {str(number): 1 for number in range(1000)}, "unknown_key"),
        ({"texts": [1] * 1000}, "too_many_texts"),
    ],
)
def test_as_many_faults_as_fit_are_one_error(document: object, code: str, settings: Settings) -> None:
    with pytest.raises(InvalidText) as caught:
        from_json(json.dumps(document).encode(), settings)
    assert caught.value.error_code == code


@pytest.mark.parametrize(
    ("document", "text"),
    [({"text": "x" * 11}, "x" * 11), ({"text": "a", "lang": "en"}, "a"), ({"text": 7}, None), ({"texts": []}, None)],
)
def test_a_refusal_carries_the_text(document: object, text: str | None, settings: Settings) -> None:
    with pytest.raises(InvalidText) as caught:
        from_json(json.dumps(document).encode(), settings)
    assert caught.value.row == text


def test_a_form_may_have_other_fields(settings: Settings) -> None:
    assert from_form([("button", "Go"), ("text", "a")], settings) == one("a")


@pytest.mark.parametrize("value", ["true", "on", "yes", "1", "True", "ON"])
def test_a_form_asks_for_an_explanation(value: str, settings: Settings) -> None:
    assert from_form([("text", "a"), ("explain", value)], settings) == one("a", explain=True)


@pytest.mark.parametrize("value", ["false", "off", "no", "0", "", "OFF"])
def test_a_form_asks_for_none(value: str, settings: Settings) -> None:
    assert from_form([("text", "a"), ("explain", value)], settings) == one("a")


@pytest.mark.parametrize(("value", "asked"), [("0.5", 0.5), ("1", 1.0), ("", None)])
def test_a_form_asks_for_a_probability(value: str, asked: float | None, settings: Settings) -> None:
    assert asked_min_probability(from_form([("text", "a"), ("min_probability", value)], settings)) == asked


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        (
            [("text", "a"), ("min_probability", "much")],
            "min_probability_invalid",
            "`min_probability` is 'much'; accepted",
        ),
        ([("text", "a"), ("min_probability", "1.5")], "min_probability_invalid", "`min_probability` is '1.5'"),
        ([("text", "a"), ("min_probability", "nan")], "min_probability_invalid", "`min_probability` is 'nan'"),
        ([("text", "a"), ("min_probability", None)], "min_probability_invalid", "`min_probability` is a file"),
        (
            [("text", "a"), ("min_probability", "1"), ("min_probability", "1")],
            "min_probability_repeated",
            "The form has 2 fields `min_probability`",
        ),
        (
            [("text", "a"), ("explain", "perhaps")],
            "explain_not_boolean",
            "`explain` is 'perhaps'; accepted is true, on, yes, 1 or false, off, no, 0.",
        ),
        ([("text", "a"), ("explain", None)], "explain_not_boolean", "`explain` is a file"),
        ([("text", "a"), ("explain", "1"), ("explain", "1")], "explain_repeated", "The form has 2 fields `explain`"),
        ([], "text_missing", "The form has no field `text`."),
        ([("texts", "a")], "text_missing", "The form has no field `text`."),
        ([(' {"text": "a"}', "")], "text_missing", "It looks like JSON: send that as Content-Type: application/json."),
        ([("text", "a"), ("text", "b")], "text_repeated", "The form has 2 fields `text`; accepted is one."),
        ([("text", None)], "text_not_string", "`text` is a file; accepted is a plain field."),
        ([("text", "")], "text_blank", "`text` is empty"),
        ([("text", "x" * 11)], "text_too_long", "`text` has 11 characters"),
    ],
)
def test_bad_forms(fields: list[tuple[str, str | None]], code: str, sentence: str, settings: Settings) -> None:
    with pytest.raises(InvalidText) as caught:
        from_form(fields, settings)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail
    assert caught.value.row == dict(reversed(fields)).get("text")
