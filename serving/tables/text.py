"""Text files: the character encoding by mark or by look, and lines with their ends as written."""

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from serving.errors import RowsError
from serving.tables.kinds import check_is_text

# Bytes of a file's beginning that tell how it is to be read: some hundred rows of tweets.
SAMPLE_BYTES = 256 * 1024

# Characters of one row, so that a quote that is never closed cannot take the rest of a file into memory.
MAX_ROW_CHARS = 1024 * 1024

# UTF-32's little-endian mark begins with UTF-16's.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Of a file without a mark, where nothing else says it: Windows writes no other.
_BYTE_ORDERS = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}

_SURROGATE = re.compile("[\ud800-\udfff]")

# Share of the beginning that is NUL in UTF-16 of any language that has blanks, commas and digits, and NULs at least.
_UTF16_NULS, _MIN_NULS = 0.05, 4
_ONE_SIDED = 4  # times as many on one side; an emoji may have one on the other

# Python also calls "encodings" what escapes, compresses or is quadratic in time (punycode, zip, unicode_escape).
_CHARACTER_SETS = re.compile(
    r"ascii|utf-8|utf-(16|32)(-[bl]e)?|iso8859-\d+|cp\d+|koi8-\w|kz1048|mac-\w+|gb2312|gbk|gb18030|big5(hkscs)?|"
    r"shift_jis(x0213|_2004)?|euc_\w+|johab|tis-620|ptcp154|hp-roman8"
)


def check_encoding(name: str) -> str:
    """Python's own name of a character set; "" for no name. Raises RowsError for any other encoding."""
    if not name:
        return ""
    try:
        encoding = codecs.lookup(name).name
    except (LookupError, ValueError):
        encoding = ""
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    if not _CHARACTER_SETS.fullmatch(encoding):
        accepted = "utf-8, latin-1, windows-1252, utf-16 and the like"
        raise RowsError(f"unknown encoding {name[:40]!r}; accepted: {accepted}", code="unknown_encoding")
    return encoding


class OutputEncoding(NamedTuple):
    """How a text file is written.

    Attributes:
        name: Python's name of the character set, with its byte order.
        mark: whether it begins with a byte-order mark.
    """

    name: str = "utf-8"
    mark: bool = False

    def encode(self, text: str) -> bytes:
        """The text; bytes that were no UTF-8 go out as they came, and what the character set lacks as an escape."""
        return text.encode(self.name, "surrogateescape" if self.name == "utf-8" else "backslashreplace")

    @property
    def charset(self) -> str:
        """The name that the Content-Type header has for it; a mark says the byte order."""
        return self.name.removesuffix("-le") if self.mark else self.name

    @property
    def beginning(self) -> bytes:
        """The byte-order mark, or nothing."""
        return "\ufeff".encode(self.name) if self.mark else b""


class TextFile:
    """A text file, open at its beginning.

    A byte-order mark says the encoding, whatever was declared. Without one it is the declared one, or UTF-16 where the
    NUL bytes of the beginning say so, or UTF-8.

    What is not in the encoding is kept: bytes of a UTF-8 file as lone surrogates (PEP 383), which `surrogateescape`
    writes as the same bytes again; in another encoding as U+FFFD.

    Args:
        file: read from where it stands; it is left open.
        encoding: a name from `check_encoding`; "" where it is not declared.
        size: bytes of the file, where known.

    Attributes:
        encoding: Python's name, without a byte order that a mark would say.
        errors: how bytes are decoded that are not in it.
        marked: whether the file begins with a byte-order mark.
        sample: the beginning, decoded; in whole lines where it has several.
        notes: sentences on what was not declared.

    Raises:
        RowsError: it is no text, or it is not declared and most of what is not ASCII is not UTF-8.
    """

    def __init__(self, file: BinaryIO, encoding: str = "", size: int | None = None) -> None:
        self._file, self._size = file, size
        head = file.read(SAMPLE_BYTES)
        mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
        body = head[len(mark) :]
        self.marked = bool(mark)
        self.notes: list[str] = []
        self.encoding = _MARKS.get(mark) or self._unmarked_encoding(body, encoding)
        self.errors = "surrogateescape" if self.encoding == "utf-8" else "replace"
        self.sample = self._decoded(body)
        check_is_text(body, self.sample)
        if "\0" in self.sample.partition("\n")[0]:
            raise RowsError("its first line has NUL bytes, so it is no text in this encoding", code="file_kind")
        if not mark and not encoding and self.encoding == "utf-8":
            _check_utf8(self.sample)
        buffered = io.BufferedReader(_Rejoined(body, file), SAMPLE_BYTES)
        self._text = io.TextIOWrapper(buffered, encoding=self.encoding, errors=self.errors, newline="")

    def lines(self) -> Iterator[str]:
        """Each line with its end. Of one that is too long to be a row, MAX_ROW_CHARS + 1 characters."""
        while line := self._text.readline(MAX_ROW_CHARS + 1):
            rest = line
            while len(rest) > MAX_ROW_CHARS and not rest.endswith(("\r", "\n")):
                rest = self._text.readline(MAX_ROW_CHARS + 1)
            yield line

    def progress(self) -> float | None:
        """The share of the file that has been read."""
        return self._file.tell() / self._size if self._size else None

    def _unmarked_encoding(self, body: bytes, declared: str) -> str:
        if declared and declared not in _BYTE_ORDERS:
            return declared
        by_look = _utf16_by_look(body)
        if declared and not by_look and body.isascii() and b"\0" not in body:
            raise RowsError(f"it is not {declared}, but ASCII; accepted: utf-8, or nothing declared", code="not_utf16")
        if by_look and not declared:
            self.notes.append(f"The file is read as {by_look.upper()}, as it looks; encoding= says otherwise.")
        return by_look or _BYTE_ORDERS.get(declared, "utf-8")

    def _decoded(self, body: bytes) -> str:
        text = codecs.getincrementaldecoder(self.encoding)(self.errors).decode(body, final=len(body) < SAMPLE_BYTES)
        lines_end = max(text.rfind("\n"), text.rfind("\r")) + 1
        return text[:lines_end] if lines_end and len(body) >= SAMPLE_BYTES - max(map(len, _MARKS)) else text


class _Rejoined(io.RawIOBase):
    """A file whose beginning was read already, from its beginning. Closing it leaves the file open."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head, self._file = io.BytesIO(head), file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._head.read(len(buffer)) or self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _utf16_by_look(body: bytes) -> str:
    """UTF-16's name with its byte order, where nearly all NULs stand on the side of ASCII's upper bytes; else ""."""
    beginning = body[:2000]
    big_endian, little_endian = beginning[::2].count(0), beginning[1::2].count(0)
    if big_endian + little_endian < max(_MIN_NULS, _UTF16_NULS * len(beginning)):
        return ""
    if little_endian > _ONE_SIDED * big_endian:
        return "utf-16-le"
    return "utf-16-be" if big_endian > _ONE_SIDED * little_endian else ""


def _check_utf8(sample: str) -> None:
    """Raises RowsError where more lines have bytes that are no UTF-8 than have other signs beyond ASCII."""
    undecodable = valid = first = 0
    for number, line in enumerate(sample.splitlines(), start=1):
        if line.isascii():
            continue
        try:
            line.encode()
            valid += 1
        except UnicodeEncodeError:
            undecodable += 1
            first = first or number
    if undecodable > valid:
        raise RowsError(
            f"it is not UTF-8, as line {first} shows, and its encoding is not declared; accepted: its name, such as "
            "encoding windows-1252, which Excel writes on Windows; or utf-8, if only some bytes of it are broken",
            code="not_utf8",
        )


def decodable(value: str | bytes) -> str:
    """The text, with U+FFFD for what is no Unicode: lone surrogates, and bytes that are not UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else _SURROGATE.sub("\ufffd", value)


def split_end(line: str) -> tuple[str, str]:
    """A line, or a record of several, and its line end, which may be missing."""
    body = line.rstrip("\r\n")
    return body, line[len(body) :]
