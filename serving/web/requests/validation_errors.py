"""Validation errors of `POST /predict`: pydantic's, as the codes and sentences of this service."""

from collections.abc import Sequence

from pydantic_core import ErrorDetails

from serving.errors import InvalidText
from serving.web.requests.parsing import json_type, shown

KEYS = {"text", "texts", "explain", "min_probability", "partial"}
BAD_MIN_PROBABILITY = "min_probability_invalid", "`min_probability` is {value}; accepted is a number from 0 to 1."
_ACCEPTED_KEYS = "'text', 'texts', 'explain', 'min_probability' and 'partial'"

# (pydantic's or our error type, field) -> (code, sentence), the most important first. An item of `texts` counts as
# `text`; "" is any other field, or the request as a whole.
ErrorTable = dict[tuple[str, str], tuple[str, str]]

JSON_ERRORS: ErrorTable = {
    ("extra_forbidden", ""): (
        "unknown_key",
        f"The JSON has the unknown key {{key}}; accepted are {_ACCEPTED_KEYS}.",
    ),
    ("string_unicode", ""): (  # a key that is no Unicode
        "unknown_key",
        f"The JSON has the unknown key {{value}}; accepted are {_ACCEPTED_KEYS}.",
    ),
    ("extra_forbidden", "text"): ("text_and_texts", "The JSON has both `text` and `texts`; accepted is one of them."),
    ("missing", "text"): ("text_missing", "The JSON has neither `text` nor `texts`; accepted is one of them."),
    ("extra_forbidden", "partial"): (
        "partial_without_texts",
        "`partial` goes with `texts`; a request with `text` is answered or refused as a whole.",
    ),
    ("bool_type", "explain"): ("explain_not_boolean", "`explain` is {type}; accepted is true or false."),
    ("bool_type", "partial"): ("partial_not_boolean", "`partial` is {type}; accepted is true or false."),
    ("float_type", "min_probability"): (
        "min_probability_invalid",
        "`min_probability` is {type}; accepted is a number from 0 to 1.",
    ),
    ("greater_than_equal", "min_probability"): BAD_MIN_PROBABILITY,
    ("less_than_equal", "min_probability"): BAD_MIN_PROBABILITY,
    ("finite_number", "min_probability"): BAD_MIN_PROBABILITY,
    ("list_type", "texts"): ("texts_not_array", "`texts` is {type}; accepted is an array of strings."),
    ("too_short", "texts"): ("texts_empty", "`texts` is empty; accepted is at least one text."),
    ("too_many", "texts"): ("too_many_texts", "`texts` has {length:,} texts; at most {limit:,} are accepted."),
    ("string_type", "text"): ("text_not_string", "{name} is {type}; accepted is a string."),
    ("text_empty", "text"): ("text_blank", "{name} is empty; accepted is a text with something to read."),
    ("text_blank", "text"): (
        "text_blank",
        "{name} holds only white space or characters that nobody sees; accepted is a text with something to read.",
    ),
    ("text_too_long", "text"): ("text_too_long", "{name} has {length:,} characters; at most {limit:,} are accepted."),
    ("text_not_unicode", "text"): (
        "text_not_unicode",
        "{name} has a lone surrogate ({code_point}) at character {start:,}, which is no Unicode text; "
        "accepted are whole characters.",
    ),
    ("too_many_to_explain", ""): (
        "too_many_to_explain",
        "`texts` has {length:,} texts to be explained; at most {limit:,} are accepted.",
    ),
}

FORM_ERRORS = JSON_ERRORS | {
    ("bool_type", "explain"): (
        "explain_not_boolean",
        "`explain` is a file; accepted is true, on, yes, 1 or false, off, no, 0.",
    ),
    ("bool_parsing", "explain"): (
        "explain_not_boolean",
        "`explain` is {value}; accepted is true, on, yes, 1 or false, off, no, 0.",
    ),
    ("float_type", "min_probability"): (
        "min_probability_invalid",
        "`min_probability` is a file; accepted is a number from 0 to 1.",
    ),
    ("float_parsing", "min_probability"): BAD_MIN_PROBABILITY,
    ("string_type", "text"): ("text_not_string", "`text` is a file; accepted is a plain field."),
}


def in_rows(words: str) -> str:
    """Words about texts, as they are said of rows of fields."""
    return words.replace("texts", "rows").replace("text", "fields")


def _of_rows(table: ErrorTable) -> ErrorTable:
    return {
        (error, in_rows(field)): (in_rows(code), in_rows(sentence))
        for (error, field), (code, sentence) in table.items()
    } | {
        ("dict_type", "fields"): (
            "fields_not_object",
            "`fields` is {type}; accepted is an object with values by name.",
        ),
        ("list_type", "rows"): ("rows_not_array", "`rows` is {type}; accepted is an array of objects."),
        ("too_short", "rows"): ("rows_empty", "`rows` is empty; accepted is at least one row."),
    }


ROWS_JSON_ERRORS, ROWS_FORM_ERRORS = _of_rows(JSON_ERRORS), _of_rows(FORM_ERRORS)
PARTIAL_ADVICE = ' With "partial": true the others are answered.'


def most_important(errors: Sequence[ErrorDetails], sentences: ErrorTable) -> tuple[str, str]:
    """The most important of a request's errors, as our code and sentence."""
    priorities = list(sentences)
    details = min(errors, key=lambda details: priorities.index(_error_key(details, sentences)))
    code, sentence = sentences[_error_key(details, sentences)]
    if is_of_one_text(details):
        sentence += PARTIAL_ADVICE
    return code, _filled_in(sentence, details)


def invalid_text(errors: Sequence[ErrorDetails], sentences: ErrorTable, text: object = None) -> InvalidText:
    """The most important of the errors of a request for texts."""
    code, sentence = most_important(errors, sentences)
    return InvalidText(sentence, code=code, row=text if isinstance(text, str) else None)


def refused_text(details: ErrorDetails) -> InvalidText:
    """The error of one text of several, with the text where JSON can hold it."""
    code, sentence = JSON_ERRORS[_error_key(details, JSON_ERRORS)]
    text = details["input"]
    is_shown = isinstance(text, str) and code != "text_not_unicode"
    return InvalidText(_filled_in(sentence, details), code=code, row=text if is_shown else None)


def _filled_in(sentence: str, details: ErrorDetails) -> str:
    place, value = details["loc"], details["input"]
    return sentence.format(
        name="`{}[{}]`".format(*place) if is_of_one_text(details) else f"`{place[0]}`" if place else "",
        key=shown(str(place[-1])) if place else "",
        type=json_type(value),
        value=_shown_value(value),
        **details.get("ctx", {}),
    )


def _shown_value(value: object) -> str:
    if isinstance(value, int | float):
        return str(value)[:60]
    return shown(value) if isinstance(value, str) else ""


def is_of_one_text(details: ErrorDetails) -> bool:
    """Whether an error is of an item of `texts`."""
    return len(details["loc"]) > 1


def _error_key(details: ErrorDetails, sentences: ErrorTable) -> tuple[str, str]:
    """An error's type and field, as the tables have them."""
    place = details["loc"]
    field = "text" if is_of_one_text(details) else str(place[0]) if place else ""
    return details["type"], field if (details["type"], field) in sentences else ""
