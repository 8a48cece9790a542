"""Columns of a table: what their names and cells say, whether a row is their header, and which one holds the texts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from serving.errors import RowsError


def word_set(words: str) -> frozenset[str]:
    """The words of a string."""
    return frozenset(words.split())


# Words of names of columns that hold texts, and of those that do not, though they may read like it.
TEXT_WORDS = word_set(
    "text texts tweet tweets content contents message messages review reviews comment comments post posts body "
    "sentence sentences"
)
OTHER_WORDS = word_set(
    "id ids uid uuid url urls link links permalink permalinks date dates datetime time times timestamp lang langs "
    "language count counts user users username author authors name names screenname location locations bio bios "
    "description descriptions"
)

# Words of names of columns, beside those of texts and of what is no text.
_LABEL_WORDS = word_set(
    "label labels sentiment class category target polarity score rating stars topic entity query flag source title "
    "subject index key hashtags likes retweets replies favorites followers gender age country state city confidence "
    "reason split type kind unnamed"
)
_KNOWN_WORDS = TEXT_WORDS | OTHER_WORDS | _LABEL_WORDS
# What stands in a column of numbers where one is missing.
_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "\\n", "-", "?"))

_LOOSE = str.maketrans("_-", "  ")
_UNNAMED = re.compile(r"Unnamed: \d+")  # pandas's name of a column that has none
_NAME_CHARS, _NAME_WORDS = 60, 8  # that a column's name has at most; a form's are questions
_UNKNOWN_NAME_WORDS = 2  # that a name has at most which nothing else tells from a text
_SIGNS_OF_TEXT = re.compile(
    r"[!?…。，、！？]|[.,;:](\s|$)|[@#]\w|https?:|\w['’]\w|[\U0001f000-\U0001ffff\u2600-\u27bf]"
)

# Words a cell from which on a column reads like sentences, and from which on it may.
_SENTENCE_WORDS, _PERHAPS_WORDS = 2.5, 1.5
# A column holds classes or topics where no more of its cells than this share differ; among so many rows at least.
_DISTINCT, CLASS_ROWS = 0.5, 4
_TOPIC_WORDS = 3  # of a cell that is one
_MOST = 0.8  # share of a column's cells that are of one kind, so that the column is
_CELLS = 500  # of each column that are looked at
_MAX_LISTED = 20  # names in a sentence

_NUMBER = re.compile(r"[-+]?[$€£]?(\d[\d.,' ]*|[.,]\d+)([eE][-+]?\d+)?\s*[%$€£kKmMB]?")
_PLACE = re.compile(r"[\[(]?-?\d+\.\d+,\s*-?\d+\.\d+[\])]?")
_ONE_LINK = r"(https?://|www\.|pic\.twitter\.|t\.co/)\S+"
_LINKS = re.compile(rf"{_ONE_LINK}(\s+{_ONE_LINK})*", re.IGNORECASE)
_CLOCK = r"\d{1,2}:\d\d(:\d\d([.,]\d+)?)?(\s*[ap]\.?m\.?)?"
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    rf"\d{{4}}[-/.]\d\d?[-/.]\d\d?([T ,].*)?|\d\d?[-/.]\d\d?[-/.](\d\d){{1,2}}([T ,].*)?|{_CLOCK}|"
    r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]?\s.*\b(\d\d?:\d\d|\d{4})\b.*|"
    rf"\d\d?[. ]+{_MONTH},?\s+\d{{2,4}}.*|{_MONTH}\s+\d\d?,?\s+\d{{4}}.*",
    re.IGNORECASE,
)
_VALUE_CHARS = 40  # of a number, or a date with its time and zone, at most
# Ends of words within a name: "userName", "HTMLText", and what is neither letter nor digit.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
# Scripts that are written without blanks between words, of which two signs are a word: CJK, Thai, Lao, Khmer, Myanmar.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def words_of(name: str) -> list[str]:
    """The words of a column's name in lower case: "Tweet.userName_2" has tweet, user, name and 2."""
    return [word.lower() for word in _WORD.findall(name)]


def is_known_name(cell: str) -> bool:
    """Whether a cell is a name that tables of texts have: one token with such a word in it, or such words alone."""
    words = words_of(cell)
    has_known = any(word in _KNOWN_WORDS for word in words) and _is_like_a_name(cell)
    are_known = all(word in _KNOWN_WORDS or word.isdigit() for word in words)
    return has_known and (are_known or " " not in cell.strip())


def is_plain_value(cell: str) -> bool:
    """Whether a cell is a number, a place on the map, a date, a time, or links and nothing else."""
    cell = cell.strip()
    patterns = (_NUMBER, _PLACE, _DATE) if len(cell) <= _VALUE_CHARS else ()
    return any(pattern.fullmatch(cell) for pattern in (*patterns, _LINKS))


def holds_plain_values(cells: Sequence[str]) -> bool:
    """Whether nearly all cells that are not blank are plain values; False where all are blank."""
    filled = [cell for cell in cells[:_CELLS] if cell.strip()]
    return bool(filled) and sum(map(is_plain_value, filled)) >= _MOST * len(filled)


def holds_topics(cells: Sequence[str]) -> bool:
    """Whether a column has few values, each of a few words and often."""
    filled = [cell for cell in cells if cell.strip()]
    is_short = all(word_count(cell) <= _TOPIC_WORDS for cell in filled)
    return is_short and len(filled) >= CLASS_ROWS and len(set(filled)) <= _DISTINCT * len(filled)


def have_classes(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first or the last cell of each row is one of a few words, and no cell has blanks around."""
    ends = [[cells[number] for cells in rows] for number in (0, -1)]
    are_plain = all(cell == cell.strip() for cells in rows for cell in cells)
    return are_plain and any(holds_topics(end) and all(len(cell.split()) == 1 for cell in end) for end in ends)


def word_count(cell: str) -> float:
    """Words, in every script."""
    return max(len(cell.split()), len(_UNSPACED.findall(cell)) / 2)


def mean_words(cells: Iterable[str]) -> float:
    """Words a cell, on average over those that are not blank; 0 where all are."""
    return mean([word_count(cell) for cell in cells if cell.strip()] or [0.0])


def numbered(names: Sequence[str]) -> list[str]:
    """The names, with column_1 and so on where there is none."""
    return [name or f"column_{number}" for number, name in enumerate(names, start=1)]


def loose_name(name: str) -> str:
    """A column's name without regard to case, blanks around it, and which of blank, _ and - stands within."""
    return name.strip().casefold().translate(_LOOSE)


def named_column(name: str, names: Sequence[str], shown_names: Sequence[str] = ()) -> int:
    """The index of the column of that name; where there is none, of the column whose place it says: column_1 and so on.

    Args:
        name: without regard to blanks around it.
        names: of all columns.
        shown_names: those that an error may show; () for the same.

    Raises:
        RowsError: there is none, or there are several.
    """
    plain_names = [each.strip() for each in names]
    count = plain_names.count(name.strip())
    by_place = numbered([""] * len(names))
    if not count and name.strip() in by_place:
        return by_place.index(name.strip())
    if count != 1:
        columns = f"{count} columns are called" if count else "no column is called"
        shown_names = shown_names or names
        raise RowsError(
            f"{columns} {name[:60]!r}; found: {listed(shown_names)}; name another as text_column, or by --text-column",
            code="text_column_unknown",
            columns=shown_names,
        )
    return plain_names.index(name.strip())


def text_column(
    names: Sequence[str], rows: Sequence[Sequence[Any]], preferred: str, shown_names: Sequence[str] = ()
) -> int:
    """The index of the column that holds texts.

    Columns are left out whose name has a word such as "id", "url", "date", "user" or "bio", and those whose cells are
    numbers, dates or links. Of the others it is the one with the model's own name for texts; else the only one whose
    name has a word such as "text" or "tweet", and none such as "label" or "type"; else the only one that reads like
    sentences. Where name and cells say different ones, none is taken.

    Args:
        names: of all columns.
        rows: the cells of the first rows, None where one has no value.
        preferred: the model's own name for texts.
        shown_names: those that an error may show; () for the same.

    Raises:
        RowsError: none stands out. The sentence lists the columns.
    """
    cells = [[_as_text(row[column]) for row in rows[:_CELLS]] for column in range(len(names))]
    of_texts = [column for column in range(len(names)) if _may_hold_texts(cells[column])]
    if len(names) == 1 and of_texts:
        return 0
    own = [column for column in of_texts if names[column].strip().lower() == preferred.lower()]
    words = [set(words_of(name)) for name in names]
    remaining = [column for column in of_texts if not words[column] & OTHER_WORDS]
    called_texts = [column for column in remaining if words[column] & TEXT_WORDS and not words[column] & _LABEL_WORDS]
    sentences = _sentence_columns(remaining, cells)
    if len(called_texts) == 1 and sentences and called_texts[0] not in sentences:
        called_texts, sentences = [], []
    for candidates in (own, called_texts, sentences):
        if len(candidates) == 1:
            return candidates[0]
    shown_names = shown_names or names
    raise RowsError(
        f"it is not clear which column holds the texts; found: {listed(shown_names)}; {_remedy(shown_names, rows)}",
        code="text_column_unclear",
        columns=shown_names,
    )


def judge_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[bool, bool]:
    """Whether the first row is a header, and whether that is certain.

    Args:
        first: its cells.
        rows: the cells of those below it.
    """
    heads = [_Head(cell, [row[number] for row in rows if number < len(row)]) for number, cell in enumerate(first)]
    if _are_numbers_of_columns(first):
        return True, True
    if any(head.is_value_of_values for head in heads):
        return False, True
    are_names = all(_is_like_a_name(cell) for cell in first)
    names_classes = _are_short(first) and any(head.names_classes for head in heads)
    if are_names and (names_classes or any(head.is_known or head.names_values for head in heads)):
        return True, True
    above_values = [head for head in heads if head.names_values]
    if len(above_values) > 1 or any(_is_like_a_name(head.cell) or head.is_a_word for head in above_values):
        return True, len(above_values) > 1 or any(head.is_known for head in above_values)
    if not are_names or any(head.is_repeated for head in heads):
        return False, True
    return _are_short(first) and any(head.is_shorter for head in heads), False


def check_names_are_one_row(rows: Sequence[Sequence[str]]) -> None:
    """Raises RowsError where the first of the rows has no value in any of several columns that others always have.

    So it is below the names in exports of SurveyMonkey and Qualtrics.
    """
    later = rows[len(rows) // 2 :]
    columns = [(cell, [row[number] for row in later if number < len(row)]) for number, cell in enumerate(rows[0])]
    firsts = [cell for cell, below in columns if all(map(str.strip, below)) and holds_plain_values(below)]
    if len(later) > 1 and len(firsts) > 1 and not any(map(is_plain_value, firsts)):
        raise RowsError(
            "its second row lacks the numbers and dates of those below it, as a second row of names does; accepted: "
            "one row of names; or header=true, if it is a row like the others",
            code="header_unclear",
        )


@dataclass(frozen=True)
class _Head:
    """The first cell of a column, and what it is to those below."""

    cell: str
    below: Sequence[str]

    @property
    def is_known(self) -> bool:
        """Whether it is a name that tables of texts have, and few cells below are such."""
        return is_known_name(self.cell) and 2 * sum(map(is_known_name, self.below)) < max(2, len(self.below))

    @property
    def is_a_word(self) -> bool:
        """Whether it is one word, such as "Nr.", whose dot is no sign of a text."""
        return len(self.cell.split()) == 1

    @property
    def is_value_of_values(self) -> bool:
        """Whether it is a number, a date or a link as nearly all below."""
        return is_plain_value(self.cell) and holds_plain_values(self.below)

    @property
    def names_values(self) -> bool:
        """Whether numbers, dates or links are below, and it is none and stands for no missing one."""
        is_missing = self.cell.strip().lower() in _MISSING
        return not is_missing and not is_plain_value(self.cell) and holds_plain_values(self.below)

    @property
    def names_classes(self) -> bool:
        """Whether few values are below, each of them often, and it is none of them."""
        few_values = len(self.below) >= CLASS_ROWS and 2 * len(set(self.below)) <= len(self.below)
        return few_values and self.cell.strip() != "" and not self.is_repeated

    @property
    def is_repeated(self) -> bool:
        """Whether it is there again below."""
        return self.cell.strip() != "" and self.cell in self.below

    @property
    def is_shorter(self) -> bool:
        """Whether the cells below have at least twice as many words."""
        return mean_words(self.below) >= 2 * word_count(self.cell)


def _are_numbers_of_columns(cells: Sequence[str]) -> bool:
    """Whether cells are 0, 1, 2 and so on, as pandas names columns without names, perhaps behind that of an index."""
    names = cells[1:] if cells[0] == "" else cells
    return len(cells) > 1 and list(names) == [str(number) for number in range(len(names))]


def _is_like_a_name(cell: str) -> bool:
    return (
        len(cell) <= _NAME_CHARS
        and word_count(cell) <= _NAME_WORDS
        and "\n" not in cell.strip()
        and not _SIGNS_OF_TEXT.search(_UNNAMED.sub("", cell))
    )


def _are_short(cells: Sequence[str]) -> bool:
    return all(word_count(cell) <= _UNKNOWN_NAME_WORDS for cell in cells)


def listed(names: Sequence[str]) -> str:
    """Names in quotes, the first of them where there are many."""
    more = f" and {len(names) - _MAX_LISTED:,} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(repr(name[:60]) for name in names[:_MAX_LISTED]) + more


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None or isinstance(value, dict | list) else str(value)


def _may_hold_texts(cells: Sequence[str]) -> bool:
    return any(cell.strip() for cell in cells) and not holds_plain_values(cells)


def _sentence_columns(columns: Sequence[int], cells: Sequence[Sequence[str]]) -> list[int]:
    """The columns that read like sentences, and where there is one, or no other column of words, those that may."""
    words = {column: mean_words(cells[column]) for column in columns if not holds_topics(cells[column])}
    candidates = [column for column in words if words[column] >= _PERHAPS_WORDS]
    is_clear = len(words) == 1 or any(words[column] >= _SENTENCE_WORDS for column in candidates)
    return candidates if is_clear else []


def _remedy(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if len(set(names)) < len(names):
        return "give each column a name of its own"
    has_objects = any(isinstance(value, dict) for row in rows for value in row)
    nested = "; keys of objects within objects are no columns (jq -c .data makes lines of those under `data`)"
    return f"name one as text_column, or by --text-column{nested if has_objects else ''}"
