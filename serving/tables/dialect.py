"""Dialect of a delimited text file: its delimiter, what stands above its header, and whether it has one."""

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from serving.errors import RowsError
from serving.tables.base import ReadOptions
from serving.tables.columns import (
    OTHER_WORDS,
    TEXT_WORDS,
    check_names_are_one_row,
    have_classes,
    holds_plain_values,
    holds_topics,
    is_known_name,
    is_plain_value,
    judge_header,
    words_of,
)
from serving.tables.records import Record, read_plain_lines, read_records

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_OTHER_DELIMITERS = "~^:#&@\x01"  # that some programs write; R parts by blanks, but quotes each name
_FIXED_WIDTH = re.compile(r"\S {2,}\S")  # as pandas and R print a table
HEADERS = ("auto", "true", "false")

_RECORDS = 200  # that are looked at
_MAX_TITLES = 10  # records above a header
_CONSISTENT = 0.7  # share of rows of one width from which on a character parts cells, and is no punctuation
_PUNCTUATION = 0.35  # of that share is taken from a delimiter that a blank always follows, as in sentences
_BLANKS_AND_QUOTE = re.compile(' +"')
_NUMBERED = 0.5  # is given to one that parts a first column of numbers or dates
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_DECIMAL_COMMA, _DECIMAL_POINT = re.compile(r"\s*-?\d+,\d+\s*"), re.compile(r"\s*-?\d+\.\d+\s*")
_THOUSANDS = re.compile(r"\s*-?[1-9]\d{0,2}(,\d{3})+\s*")  # as English writes 1,234; a comma may also be a point there

_NO_HEADER = "The file is read as one without a header: its columns are column_1, column_2, ..."
_NO_HEADER_NOTE = f"{_NO_HEADER} If its first row has their names, say header=true."
_HEADER_NOTE = "The first row is taken for the names of the columns. If it is a row like the others, say header=false."
_ROW_NAMES_NOTE = "The rows have one cell more than the header; the first one is read as a column without a name."
_LAST_CELL_NOTE = "The rows end with an empty cell that the header does not have; it is a column without a name."


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a delimited file is read.

    Attributes:
        delimiter: one character; a comma where there is one column.
        columns: cells of a row.
        has_header: whether the first record that is not skipped is one.
        is_header_certain: whether that is certain, or was said; else its cells may be somebody's text.
        skipped: records above the header, or above the first row where there is none.
        skips_blanks: whether blanks after a delimiter are no part of a cell, as in `1, "text"`.
        has_quotes: whether cells may be quoted; else a quote is a sign like others.
        is_plain: whether each line is one text, and the commas and quotes in it are signs like others.
        missing_name: which cell of the rows has none in the header: "first", "last" or "".
        decimal_comma: whether numbers are written as 0,5.
        notes: sentences on what was decided, for the user.
    """

    delimiter: str
    columns: int
    has_header: bool
    is_header_certain: bool = True
    skipped: int = 0
    skips_blanks: bool = False
    has_quotes: bool = True
    is_plain: bool = False
    missing_name: str = ""
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()


def check_delimiter(name: str) -> str:
    """The character of `comma`, `semicolon`, `tab` or `pipe`, or of itself. Raises RowsError for another."""
    delimiter = DELIMITERS.get(name.strip().lower() or name, name)
    if delimiter not in ("", *DELIMITERS.values()):
        raise RowsError(f"unknown delimiter {name[:40]!r}; accepted: {', '.join(DELIMITERS)}", code="unknown_delimiter")
    return delimiter


def check_header(name: str) -> str:
    """One of HEADERS, "auto" for no name. Raises RowsError for another."""
    header = name.strip().lower() or HEADERS[0]
    if header not in HEADERS:
        raise RowsError(f"unknown header {name[:40]!r}; accepted: {', '.join(HEADERS)}", code="unknown_header")
    return header


def sniff_dialect(sample: str, options: ReadOptions) -> Dialect:
    """The dialect of a file by its beginning, as far as the options do not say it.

    Args:
        sample: whole lines, or the whole file.
        options: the delimiter and whether there is a header, where they were said.

    Raises:
        RowsError: there is no record, or the first ones are neither a header nor rows like the others.
    """
    lines = io.StringIO(sample, newline="").readlines()
    blank_lines = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    if blank_lines == len(lines):
        raise RowsError("it is empty; accepted: rows, with a header above them or without")
    separator = _SEPARATOR.fullmatch(lines[blank_lines])
    if not separator:
        dialect = _sniff_rows(lines[blank_lines:], options)
        return replace(dialect, skipped=blank_lines + dialect.skipped)
    options = options._replace(delimiter=options.delimiter or separator[1])
    dialect = _sniff_rows(lines[blank_lines + 1 :], options)
    note = f"Its first line says that {separator[1]!r} parts the cells; the answer has no such line."
    return replace(dialect, skipped=blank_lines + 1 + dialect.skipped, notes=(note, *dialect.notes))


def _sniff_rows(lines: Sequence[str], options: ReadOptions) -> Dialect:
    parse = max(_parses(lines, options), key=lambda each: each.score)
    if parse.score < (0 if options.delimiter else _CONSISTENT) or not parse.columns:
        return _one_column(lines, options)
    first, rows, titles = parse.rows[0], parse.rows[1:], _titles(parse)
    options = options.knowing_header(first)
    if titles and options.header != "false" and any(map(is_known_name, parse.rows[titles])):
        return _below_titles(parse, titles, options)
    if options.header == "false" or len(first) >= parse.columns:
        return _with_header(parse, first, rows, options)
    if missing_name := _missing_name(parse):
        return _with_header(parse, first, rows, options, missing_name)
    if titles:
        return _below_titles(parse, titles, options)
    if len(first) == parse.columns - 1 and any(map(is_known_name, first)):
        return _with_header(parse, first, rows, options)
    if len(first) == 1 and (options.delimiter or options.header == "true" or is_known_name(first[0])):
        return _one_column(lines, options)
    cells = f"its first row has {len(first)} {'cell' if len(first) == 1 else 'cells'} where others have {parse.columns}"
    raise RowsError(
        f"{cells}; accepted: the names of the columns first, without a title above them, or header=false where there "
        "are none; and where each line is one text, a first line `text`",
        code="header_unclear",
    )


@dataclass(frozen=True)
class _Parse:
    """The first records by one delimiter."""

    delimiter: str
    skips_blanks: bool
    has_quotes: bool
    records: list[Record]

    @cached_property
    def rows(self) -> list[list[str]]:
        """The cells of all that are neither blank nor broken."""
        return [record.cells for record in self.records if _is_filled(record) and not record.fault]

    @cached_property
    def blank_rows(self) -> int:
        """Records above all others."""
        return next(number for number, record in enumerate(self.records) if _is_filled(record))

    @cached_property
    def columns(self) -> int:
        """Cells that most rows of several have; 0 where there are none."""
        widths = Counter(len(cells) for cells in self.rows if len(cells) > 1)
        first = len(self.rows[0]) if self.rows else 0
        return max(widths, key=lambda width: (widths[width], width == first, width), default=0)

    @cached_property
    def start(self) -> int:
        """Number of the first row with so many cells."""
        return next(number for number, row in enumerate(self.rows) if len(row) == self.columns)

    @cached_property
    def score(self) -> float:
        """How likely it is the delimiter: the share of rows that it cuts alike, less where it is punctuation."""
        if not self.columns:
            return 0.0
        text = "".join(record.text for record in self.records)
        followed = text.count(self.delimiter + " ") / max(1, text.count(self.delimiter))
        if any(map(holds_plain_values, zip(*self._full_rows(), strict=True))):
            followed = 0.0  # a column of numbers or dates is no part of a sentence
        has_titles = len(self.rows[0]) < self.columns - 1 or all(map(is_known_name, self.rows[self.start]))
        titles = self.start if has_titles and self.start <= _MAX_TITLES else 0
        alike = len(self._full_rows()) / (sum(map(_is_filled, self.records)) - titles)
        head = self.rows[titles]
        known = sum(map(is_known_name, head)) if len(head) > 1 else 0
        return alike - _PUNCTUATION * followed + known / len(head) + _NUMBERED * self._is_numbered()

    def _is_numbered(self) -> bool:
        """Whether each row begins with a number, a date or a class: if some text has the delimiter too, so be it."""
        rows = [cells for cells in self.rows if len(cells) > 1]
        numbers, are_sentences = [cells[0] for cells in rows], any(cells[1].startswith(" ") for cells in rows)
        return len(self.rows) > 1 and (holds_plain_values(numbers) or (holds_topics(numbers) and not are_sentences))

    def _full_rows(self) -> list[list[str]]:
        return [cells for cells in self.rows if len(cells) == self.columns]


def _is_filled(record: Record) -> bool:
    return bool(record.fault) or any(cell.strip() for cell in record.cells)


def _parses(lines: Sequence[str], options: ReadOptions) -> list[_Parse]:
    """A parse by each delimiter, and before it one that skips blanks, where cells begin with blanks and a quote."""
    parses = []
    for delimiter in [options.delimiter] if options.delimiter else DELIMITERS.values():
        parse = _parse(lines, delimiter, has_quotes=options.has_quotes)
        if options.has_quotes and any(_BLANKS_AND_QUOTE.match(cell) for row in parse.rows for cell in row):
            parses.append(_parse(lines, delimiter, skips_blanks=True))
        unquoted = _parse(lines, delimiter, has_quotes=False) if delimiter == "\t" else parse
        parses.append(unquoted if _quotes_are_signs(parse, unquoted) else parse)
    return parses


def _parse(lines: Sequence[str], delimiter: str, *, skips_blanks: bool = False, has_quotes: bool = True) -> _Parse:
    records = read_records(iter(lines), delimiter, skips_blanks=skips_blanks, has_quotes=has_quotes)
    return _Parse(delimiter, skips_blanks, has_quotes, list(islice(records, _RECORDS)))


def _quotes_are_signs(quoted: _Parse, unquoted: _Parse) -> bool:
    """Whether each line is a row, but for what quotes make of them: TSV as most write it has no quoting.

    Where the first cell is quoted, the file has it.
    """
    are_alike = len({len(cells) for cells in unquoted.rows}) == 1 and not unquoted.rows[0][0].startswith('"')
    has_faults = any(record.fault for record in quoted.records)
    return are_alike and (has_faults or len(unquoted.rows[: len(quoted.rows) + 1]) > len(quoted.rows))


def _with_header(
    parse: _Parse, first: list[str], rows: list[list[str]], options: ReadOptions, missing_name: str = ""
) -> Dialect:
    has_header, note = _header_and_note(first, rows, options)
    notes = {"first": _ROW_NAMES_NOTE, "last": _LAST_CELL_NOTE}.get(missing_name, "")
    if has_header and rows and options.header == "auto":
        check_names_are_one_row(rows)
    return Dialect(
        delimiter=parse.delimiter,
        columns=len(first) + bool(missing_name) if has_header else parse.columns,
        has_header=has_header,
        is_header_certain=note != _HEADER_NOTE,
        skipped=parse.blank_rows if has_header else 0,
        skips_blanks=parse.skips_blanks,
        has_quotes=parse.has_quotes,
        missing_name=missing_name if has_header else "",
        decimal_comma=parse.delimiter == ";" and _has_decimal_commas(rows),
        notes=tuple(filter(None, (note, notes if has_header else ""))),
    )


def _titles(parse: _Parse) -> int:
    """Rows above one that is surely a header, of which each has one cell, or one that is not blank."""
    filled = [sum(map(bool, map(str.strip, cells))) if len(cells) == parse.columns else 0 for cells in parse.rows]
    start = next((number for number, cells in enumerate(filled) if cells > 1), 0)
    is_header = judge_header(parse.rows[start], parse.rows[start + 1 :]) == (True, True)
    return start if is_header and start <= _MAX_TITLES else 0


def _below_titles(parse: _Parse, start: int, options: ReadOptions) -> Dialect:
    header = parse.rows[start]
    dialect = _with_header(parse, header, parse.rows[start + 1 :], options._replace(header="true"))
    skipped = next(number for number, record in enumerate(parse.records) if record.cells is header)
    lines = "The line" if start == 1 else f"The {start} lines"
    note = f"{lines} above the header {'is' if start == 1 else 'are'} no part of the table, and left out of the answer."
    return replace(dialect, skipped=skipped, notes=(note, *dialect.notes))


def _one_column(lines: Sequence[str], options: ReadOptions) -> Dialect:
    if not options.delimiter:
        _check_delimiter_is_known(lines, options)
    records = list(islice(read_records(iter(lines), ",", has_quotes=options.has_quotes), _RECORDS))
    is_plain = any(record.fault or len(record.cells) > 1 for record in records)
    if is_plain:
        records = list(islice(read_plain_lines(iter(lines)), _RECORDS))
    rows = [record.cells for record in records if _is_filled(record) and not record.fault]
    if not options.delimiter and options.header != "false" and not is_plain:
        _check_lines_are_no_rows([cells[0] for cells in rows])
    if len(rows) > 1 and options.header != "false" and rows[1][0].strip().lower() in TEXT_WORDS:
        sentence = f"its second row is {rows[1][0].strip()!r}; accepted: that as the first row, or header=false"
        raise RowsError(sentence, code="header_unclear")
    has_header, note = _header_and_note(rows[0], rows[1:], options) if rows else (False, _NO_HEADER_NOTE)
    return Dialect(
        delimiter=options.delimiter or ",",
        columns=1,
        has_header=has_header,
        is_header_certain=note != _HEADER_NOTE,
        is_plain=is_plain,
        notes=(note,) if note else (),
    )


def _check_delimiter_is_known(lines: Sequence[str], options: ReadOptions) -> None:
    """Raises RowsError where names, or classes beside texts, are parted by a character that is not accepted."""
    for delimiter in _OTHER_DELIMITERS if '" "' not in lines[0] else " ":
        records = read_records(iter(lines), delimiter, has_quotes=options.has_quotes)
        first, *rows = [record.cells for record in islice(records, _RECORDS) if _is_filled(record)] or [[]]
        widths = (len(first), len(first) + 1)  # R writes a row's name and none above it
        are_alike = len(first) > 1 and rows and all(len(cells) in widths for cells in rows)
        if are_alike and (any(map(is_known_name, first)) or (delimiter != ":" and have_classes([first, *rows]))):
            raise _unknown_delimiter(repr(delimiter))
    if all(map(_FIXED_WIDTH.search, lines)) and any(map(is_known_name, re.split(" {2,}", lines[0].strip()))):
        raise _unknown_delimiter("blanks")


def _check_lines_are_no_rows(lines: Sequence[str]) -> None:
    """Raises RowsError where the quotes of each line have names or cells in them, as where a CSV was quoted again."""
    for delimiter in DELIMITERS.values():
        names = lines[0].split(delimiter) if lines else []
        if len(names) > 1 and any(map(is_known_name, names)) and all(delimiter in line for line in lines):
            sentence = "each line is in quotes as a whole; accepted: the same file without these, or delimiter="
            raise RowsError(f"{sentence}comma, if each line is one text", code="header_unclear")


def _unknown_delimiter(delimiter: str) -> RowsError:
    accepted = f"{', '.join(DELIMITERS)}; or one of them as delimiter, if each line is one text"
    return RowsError(f"its cells are parted by {delimiter}; accepted: {accepted}", code="unknown_delimiter")


def _missing_name(parse: _Parse) -> str:
    """Which cell of the rows the first row lacks, where it lacks one: that of names, as R writes them, or the last."""
    first, full_rows = parse.rows[0], [cells for cells in parse.rows[1:] if len(cells) == parse.columns]
    if len(first) != parse.columns - 1 or not full_rows or any(map(is_plain_value, first)):
        return ""
    if not any(cells[-1].strip() for cells in full_rows):
        return "last"
    are_numbers = [cells[0] for cells in full_rows] == [str(number) for number in range(1, len(full_rows) + 1)]
    has_blanks = any(cell.startswith(" ") for cells in full_rows for cell in cells[1:])  # as after commas in sentences
    are_quoted = all(record.text.startswith('"') for record in parse.records if record.cells)
    has_id = bool(set(words_of(first[0])) & OTHER_WORDS)
    are_named = (are_quoted or are_numbers) and not has_blanks and not has_id
    return "first" if are_named and any(map(is_known_name, first)) else ""


def _has_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    cells = [cell for row in rows for cell in row]
    with_comma = [cell for cell in cells if _DECIMAL_COMMA.fullmatch(cell)]
    return not any(map(_DECIMAL_POINT.fullmatch, cells)) and not all(map(_THOUSANDS.fullmatch, with_comma))


def _header_and_note(first: list[str], rows: list[list[str]], options: ReadOptions) -> tuple[bool, str]:
    if options.header != "auto":
        return options.header == "true", "" if options.header == "true" else _NO_HEADER
    has_header, is_certain = judge_header(first, rows)
    if has_header:
        return True, "" if is_certain else _HEADER_NOTE
    return False, _NO_HEADER_NOTE
