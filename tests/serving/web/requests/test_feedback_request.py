import json
from typing import Any

import pytest

from serving.errors import InvalidCorrection, RequestError
from serving.feedback.corrections import Correction
from serving.settings import Settings
from serving.web.requests.feedback_request import CorrectionReader

READER = CorrectionReader(["negative", "neutral", "positive"])
SETTINGS = Settings.model_construct(max_text_chars=20)
SENT = {"text": "not good", "label": "positive", "correct": "negative"}
WHOLE = SENT | {"model_version": "3f9a1c0be274", "note": "Irony."}
ACCEPTED = "accepted are `text`, `label` and `correct`, and perhaps `model_version` and `note`."


@pytest.mark.parametrize("sent", [SENT, WHOLE, SENT | {"correct": "positive"}])
def test_json_and_forms(sent: dict[str, str]) -> None:
    expected = Correction(**sent)
    assert READER.from_json(json.dumps(sent).encode(), SETTINGS) == expected
    assert READER.from_form([*sent.items(), ("button", "x"), ("button", None)], SETTINGS) == expected


def test_an_empty_field_of_a_form_is_as_if_it_were_left_out() -> None:
    form: list[tuple[str, str | None]] = [*SENT.items(), ("model_version", ""), ("note", "")]
    assert READER.from_form(form, SETTINGS) == Correction(**SENT)


@pytest.mark.parametrize(
    ("sent", "code", "sentence"),
    [
        ([], "not_an_object", "The JSON is an array; accepted is an object with `text`, `label` and `correct`"),
        (SENT | {"tweet": 1}, "unknown_key", f"The JSON has the unknown key 'tweet'; {ACCEPTED}"),
        (SENT | {"\ud83d": 1}, "unknown_key", f"The JSON has the unknown key '\\ud83d'; {ACCEPTED}"),
        ({str(n): n for n in range(9)}, "unknown_key", f"The JSON has the unknown key '0'; {ACCEPTED}"),
        ({"text": "not good"}, "label_missing", f"The request has no `label`; {ACCEPTED}"),
        ({}, "text_missing", f"The request has no `text`; {ACCEPTED}"),
        (SENT | {"text": 7}, "text_not_string", "`text` is a number; accepted is a string."),
        (SENT | {"note": None}, "note_not_string", "`note` is null; accepted is a string."),
        (SENT | {"correct": ["x"]}, "correct_not_string", "`correct` is an array; accepted is a string."),
        (SENT | {"text": " "}, "text_blank", "`text` holds only white space or characters that nobody sees;"),
        (SENT | {"text": ""}, "text_blank", "`text` is empty; accepted is a text with something to read."),
        (SENT | {"text": "x" * 21}, "text_too_long", "`text` has 21 characters; at most 20 are accepted."),
        (SENT | {"text": "a\ud83d"}, "text_not_unicode", "`text` has a lone surrogate (U+D83D) at character 1"),
        (SENT | {"note": "a\ud83d"}, "text_not_unicode", "`note` has a lone surrogate, which is no Unicode text;"),
        (SENT | {"note": "x" * 1001}, "note_too_long", "`note` has more than 1,000 characters."),
        (SENT | {"model_version": "x" * 65}, "model_version_too_long", "`model_version` has more than 64 characters."),
        (SENT | {"label": "Positive"}, "label_unknown", "`label` is 'Positive'; accepted are the model's labels: "),
        (SENT | {"correct": "\ud83d"}, "correct_unknown", "`correct` is '�'; accepted are the model's labels:"),
    ],
)
def test_json_that_is_refused(sent: object, code: str, sentence: str) -> None:
    with pytest.raises(InvalidCorrection) as caught:
        READER.from_json(json.dumps(sent).encode(), SETTINGS)
    assert caught.value.error_code == code
    assert caught.value.detail.startswith(sentence)


@pytest.mark.parametrize(
    ("form", "code", "sentence"),
    [
        (list(SENT.items())[:2], "correct_missing", f"The request has no `correct`; {ACCEPTED}"),
        ([*SENT.items(), ("text", "x")], "text_repeated", "The form has several fields `text`; accepted is one."),
        ([("text", None)], "label_missing", "The request has no `label`;"),
        ([*SENT.items(), ("note", None)], "note_not_string", "`note` is a file; accepted is a plain field."),
        (
            [(json.dumps(SENT), "")],
            "text_missing",
            f"The request has no `text`; {ACCEPTED} It looks like JSON: send that as Content-Type: application/json.",
        ),
    ],
)
def test_forms_that_are_refused(form: list[tuple[str, str | None]], code: str, sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        READER.from_form(form, SETTINGS)
    assert caught.value.error_code == code
    assert caught.value.detail.startswith(sentence)


def test_of_many_labels_some_are_named() -> None:
    reader = CorrectionReader([f"label {n}" for n in range(1000)])
    with pytest.raises(InvalidCorrection) as caught:
        reader.from_form([*SENT.items()], SETTINGS)
    assert caught.value.detail.endswith("'label 19', ...")


def test_every_fault_at_once_is_one_sentence() -> None:
    sent: dict[str, Any] = {"text": " ", "label": 1, "correct": None, "note": 2, "model_version": 3}
    with pytest.raises(InvalidCorrection, match="accepted is"):
        READER.from_json(json.dumps(sent).encode(), SETTINGS)
