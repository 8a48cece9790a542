"""Exceptions of serving, in one tree.

ServingError
  BundleError                     the bundle cannot be served; the process must not start
    NetworkError                  sentiment.h5 holds something that serving cannot run
  SettingsError                   an environment variable holds a bad value; the process must not start
  FileError                       a file of rows cannot be read or written
    RowsError                     what it holds cannot be used
  AdoptError                      a file that others have made cannot be made a bundle of
  DatabaseError                   the database of corrections cannot be used
  RequestError                    becomes an HTTP answer: a status, a code and a sentence
    MalformedRequest     400      no HTTP/1.1
    MalformedBody        400      not JSON, not a form, not UTF-8
    Unauthorized         401      an API key is wanted
    Forbidden            403      with any key, or for another site's page
    BodyTooSlow          408      it did not come in time
    BodyTooLarge         413
    UnsupportedMediaType 415
    InvalidText          422      missing, blank, too long, of the wrong type, too many
    InvalidFields        422      of a row: unknown, of the wrong type, out of range
    InvalidFile          422      missing, without a header, without the columns that the model reads
    InvalidCorrection    422      of a text's label: incomplete, or with a label that the model does not have
    InvalidCursor        422      of a page of corrections
    HeadersTooLarge      431
    Overloaded           503      the queue is full, or the deadline has passed
    TooManyConnections   503
    NotReady             503      no predictions for now
    FeedbackUnavailable  503      the database of corrections fails, is too slow, or too many wait for it
    InferenceFailed      500      the engine failed; its fault stays in the log

A `RequestError` carries its own status and code, so one handler renders all of them.
"""

# ruff: noqa: N818 -- named for what they tell the client.

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar


def printable(text: str) -> str:
    """Text from a file of others, without what would move a terminal's cursor or change its colours."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def encodable(text: str) -> str:
    """Text without lone surrogates, which no answer can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


class ServingError(Exception):
    """Root of the tree. `str(error)` is one sentence, fit to be shown."""


MAX_SENTENCE = 2000  # characters; a layer's name or option, quoted from a file of others, can have a million


def printable_sentence(error: ServingError) -> str:
    """An error's sentence for a terminal; what is too long for one has lost its middle."""
    sentence = printable(str(error))
    if len(sentence) <= MAX_SENTENCE:
        return sentence
    return f"{sentence[: MAX_SENTENCE // 2]} ... {sentence[-MAX_SENTENCE // 3 :]}"


def package_missing(what: str, requirement: str) -> str:
    """The sentence of an error: `what` needs a package, and how it is installed."""
    command = f"{sys.executable} -m pip install {requirement}"
    return f"{what} needs a package that is not installed; this installs it: {command}"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with a field: its name, what was found, and what is accepted, in words."""

    name: str
    found: str
    accepted: str


class BundleError(ServingError):
    """A bundle's file is missing, broken or does not fit the others. The sentence names the file and the fault."""


class NetworkError(BundleError):
    """`sentiment.h5` holds a layer or an option that serving cannot run."""


class SettingsError(ServingError):
    """An environment variable holds a bad value. The sentence names it, what it holds and what is accepted."""


class FileError(ServingError):
    """A file of rows cannot be used. The sentence names it, what was found and what is accepted."""


class RowsError(FileError):
    """What a file of rows holds cannot be used.

    Args:
        sentence: does not name the file: whoever opened it does.
        code: of the HTTP answer, in snake_case.
        columns: the names to choose from, where it is not clear which column holds the texts.
    """

    def __init__(self, sentence: str, *, code: str = "file_unreadable", columns: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.code = code
        self.columns = columns


class AdoptError(ServingError):
    """A model or tokenizer of others cannot be adopted. The sentence names the file, the fault and what is accepted."""


class DatabaseError(ServingError):
    """The database of corrections cannot be used. The sentence names it without its password, and says why."""


class RequestError(ServingError):
    """An HTTP answer: the class has its status, usual code and, for a page, a title.

    Args:
        detail: a sentence for the caller: what was wrong, what was found, what is accepted.
        code: another one than the class's, in snake_case.
        headers: to be sent along.
        row: what the client sent to have classified, where that is known: the form's page shows it again.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "This cannot be answered"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        row: object = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.error_code = code or self.code
        self.headers = dict(headers or {})
        self.row = row


class MalformedRequest(RequestError):
    """What a connection was sent cannot be parsed."""

    status = 400
    code = "malformed_request"

    def __init__(self) -> None:
        super().__init__("What was sent is not a request of HTTP/1.1.")


class MalformedBody(RequestError):
    """The body is not JSON, not a form, or not UTF-8."""

    status = 400
    code = "malformed_body"
    title = "The request cannot be read"


class Unauthorized(RequestError):
    """An API key is wanted, and none or an unknown one was sent."""

    status = 401
    code = "unauthorized"
    title = "An API key is wanted"


class Forbidden(RequestError):
    """The service does not do this here, or not for another site's page."""

    status = 403
    code = "forbidden"
    title = "That is not allowed here"


class BodyTooSlow(RequestError):
    """The body did not come in time."""

    status = 408
    code = "body_too_slow"
    title = "The request came too slowly"


class BodyTooLarge(RequestError):
    """The body has more bytes than are accepted."""

    status = 413
    code = "body_too_large"
    title = "The request is too large"


class UnsupportedMediaType(RequestError):
    """The body is of a type that is not accepted."""

    status = 415
    code = "unsupported_media_type"
    title = "This kind of request is not accepted"


class InvalidText(RequestError):
    """A text is missing, blank, too long or of the wrong type, or there are too many."""

    status = 422
    code = "invalid_text"
    title = "The text cannot be classified"


class InvalidFields(RequestError):
    """Fields of a row cannot be used.

    Args:
        faults: every field that is wrong.
        detail: another sentence than one for each of them.
        code: another one than the class's, in snake_case.
        row: as it was sent.
    """

    status = 422
    code = "fields_invalid"
    title = "These fields cannot be classified"

    def __init__(
        self, faults: Sequence[FieldFault] = (), detail: str = "", *, code: str | None = None, row: object = None
    ) -> None:
        # A client's own names may have any length, and characters that no answer can hold.
        self.faults = tuple(replace(fault, name=encodable(fault.name[:60])) for fault in faults)
        sentences = (f"`{fault.name}` is {fault.found}; accepted is {fault.accepted}." for fault in self.faults)
        super().__init__(detail or " ".join(sentences), code=code, row=row)


class InvalidFile(RequestError):
    """A file of rows is missing, of no kind that is accepted, or lacks the columns that the model reads.

    Args:
        detail: a sentence for the caller.
        code: another one than the class's, in snake_case.
        columns: the names to choose from, where it is not clear which column holds the texts.
    """

    status = 422
    code = "invalid_file"
    title = "The file cannot be used"

    def __init__(self, detail: str, *, code: str | None = None, columns: Sequence[str] = ()) -> None:
        super().__init__(detail, code=code)
        self.columns = columns


class InvalidCorrection(RequestError):
    """A correction is incomplete or names a label that the model does not have, or a query for corrections is wrong."""

    status = 422
    code = "invalid_correction"
    title = "The correction cannot be taken"


class InvalidCursor(RequestError):
    """What a page of corrections is to come after is no cursor."""

    status = 422
    code = "invalid_cursor"
    title = "There is no such page"

    def __init__(self) -> None:
        super().__init__("`after` is no cursor; accepted is the one that the page before came with.")


class HeadersTooLarge(RequestError):
    """A request's line and headers have more bytes than are accepted (RFC 6585, section 5)."""

    status = 431
    code = "headers_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request's headers have more than {limit:,} bytes, the most that is accepted.")


class Overloaded(RequestError):
    """The queue is full, or the deadline has passed."""

    status = 503
    code = "overloaded"
    title = "The service is busy"


class TooManyConnections(RequestError):
    """The process holds as many connections as it takes."""

    status = 503
    code = "too_many_connections"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The service holds {limit:,} connections, the most that it takes at once. Try again shortly.",
            headers={"Retry-After": "1"},
        )


class NotReady(RequestError):
    """There are no predictions for now."""

    status = 503
    code = "not_ready"
    title = "The service cannot answer now"


class FeedbackUnavailable(RequestError):
    """The database of corrections fails, is too slow, or too many wait for it.

    Args:
        detail: a sentence for the caller.
    """

    status = 503
    code = "feedback_unavailable"
    title = "Corrections cannot be kept now"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "10"})


class InferenceFailed(RequestError):
    """The predictor failed; its fault stays in the log."""

    status = 500
    code = "internal_error"
    title = "The server failed"
