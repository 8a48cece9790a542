"""Corrections as data: what a user says, what is kept of it, and what makes two of them the same."""

import hashlib
import json
import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from serving.errors import InvalidCursor

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
ID = re.compile("[0-9a-f]{32}")
_CURSOR = re.compile(r"(?P<created>[0-9]{1,17})-(?P<id>[0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction as a user makes it.

    Characters that a database refuses, which are NUL (PostgreSQL) and lone surrogates (both), become U+FFFD.

    Args:
        text: that was classified.
        label: that it was given.
        correct: the label that is right.
        model_version: that gave the label; "" where it is not known.
        note: what else the user says.
    """

    text: str
    label: str
    correct: str
    model_version: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(
                self, field.name, _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", getattr(self, field.name))
            )

    @property
    def id(self) -> str:
        """What makes two corrections the same: text, both labels and the model's version, as 128 bits of SHA-256.

        A version is part of it, since a newer model that still errs is news. A note is not: it changes nothing of what
        is learned, so the first one stays.
        """
        content = json.dumps([self.text, self.label, self.correct, self.model_version])
        return hashlib.sha256(content.encode("ascii")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class StoredCorrection:
    """A correction as it is kept.

    Args:
        id: of its content; see `Correction.id`.
        created: when it was kept first, in UTC.
        text: as in `Correction`, like the others.
        label: the answered one.
        correct: the right one.
        model_version: "" where it is not known.
        note: "" where there is none.
    """

    id: str
    created: datetime
    text: str
    label: str
    correct: str
    model_version: str
    note: str

    @property
    def cursor(self) -> str:
        """Its place among all corrections, which stays when it is deleted: what the next page comes after."""
        return f"{(self.created - _EPOCH) // timedelta(microseconds=1)}-{self.id}"


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """Time and id of the correction that a cursor stands for.

    Raises:
        InvalidCursor: it is none.
    """
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidCursor
    return _EPOCH + timedelta(microseconds=int(match["created"])), match["id"]
