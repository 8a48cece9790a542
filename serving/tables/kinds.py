"""Kinds of files that hold no table this project reads, told by how they begin."""

import json
import re

from serving.errors import RowsError

_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook, or another file in a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of before 2007",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF",
    b"{\\rtf": "a document in Rich Text Format",
    b"\x89PNG": "an image",
    b"GIF8": "an image",
    b"\xff\xd8\xff": "an image",
    b"SQLite format 3\0": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"ARROW1": "an Arrow file",
    b"\x93NUMPY": "a NumPy array",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"$FL2": "an SPSS file",
    b"@relation": "an ARFF file",
    b"__label__": "in fastText's format, with labels in the texts",
    b"version https://git-lfs": "a pointer of Git LFS (git lfs pull brings the file)",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
}
_BINARY = re.compile(r"[\x01-\x08\x0e-\x19\x1c-\x1f]")  # what no text holds; 0x1A ended files of DOS

_MARKUP = re.compile(r"<(!doctype|html|head|body|table|\?xml|svg|rss|feed|!--)\b", re.IGNORECASE)
_JSON_ARRAY = re.compile(r'\[\s*([\[{"]|-?\d+\s*[,\]]|\]|$)')
_SQL = re.compile(
    r"(CREATE|DROP) TABLE\b|INSERT INTO\b|-- \w*(MySQL|PostgreSQL|MariaDB|SQLite|phpMyAdmin)", re.IGNORECASE
)
# What stands below the header of a table that is drawn, or above it; without blanks around.
_RULE = re.compile(r"([|+]\s*)?:?-+:?\s*([|+]\s*:?-+:?\s*)+[|+]?|[|+]\s*:?-+:?\s*[|+]")
# A message of a chat that was saved from WhatsApp and the like: its time and who wrote it come first.
_CHAT = re.compile(
    r"\[?\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4},? \d{1,2}[:.]\d\d(:\d\d)?(\s?[ap]\.?m\.?)?\]?( -)? [^:,;|\t]+: ",
    re.IGNORECASE,
)
_LOOKED_AT = 50  # lines, of which most are alike where a file is of a kind


def check_is_text(head: bytes, sample: str) -> None:
    """Raises RowsError where a file's first bytes, or the same decoded, are those of a kind that is no text."""
    kind = next((kind for signature, kind in _SIGNATURES.items() if head.startswith(signature)), "")
    if not kind and _BINARY.search(sample[:200]):
        kind = "no text: its first bytes are those of a binary file"
    if kind:
        raise _refused(kind, "; accepted: the table saved or exported as CSV")


def check_is_table(sample: str) -> None:
    """Raises RowsError where a text file's beginning is of a kind that is neither CSV, TSV nor JSONL."""
    beginning = sample.lstrip()
    lines = beginning.splitlines()
    if _MARKUP.match(beginning):
        raise _refused("HTML or XML", "; accepted: the table saved or exported as CSV")
    if _JSON_ARRAY.match(beginning):
        raise _refused("a JSON array", "; accepted: JSONL, each object on a line of its own (jq -c '.[]' does that)")
    if re.match(r'\{\s*("|\}|$)', beginning):
        raise _refused("JSON over several lines", "; accepted: JSONL, each object on one line (jq -c . does that)")
    if re.match(r"(window|Grailbird)\.[\w.]+\s*=", beginning):
        objects = "sed '1s/^[^=]*=//' tweets.js | jq -c '.[] | .tweet // .'"
        way_out = f"; accepted: JSONL ({objects} makes it of Twitter's archive)"
        raise _refused("JavaScript", way_out)
    if _SQL.match(beginning):
        raise _refused("SQL", "; accepted: the table saved or exported as CSV")
    if any("|" in line for line in lines[:2]) and any(_RULE.fullmatch(line.strip()) for line in lines[:2]):
        raise _refused("a Markdown table, or another that is drawn", "; accepted: the table saved or exported as CSV")
    if 2 * sum(map(bool, map(_CHAT.match, lines[:_LOOKED_AT]))) > len(lines[:_LOOKED_AT]):
        raise _refused("a chat with times and names", "; accepted: a message on each line, or a table")


def is_jsonl(sample: str) -> bool:
    """Whether half of the first lines are JSON objects, or the only one begins as one and goes on for long."""
    lines = [line for line in sample.splitlines() if line.strip()][:_LOOKED_AT]
    if len(lines) == 1 and lines[0].lstrip().startswith('{"'):
        return True
    return bool(lines) and 2 * sum(map(_is_object, lines)) >= len(lines)


def _is_object(line: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _refused(kind: str, way_out: str) -> RowsError:
    return RowsError(f"it is {kind}, not CSV{way_out}", code="file_kind")
