import csv
import io
import random
from typing import Any

import pytest

from tests.browser.visits import Visit

pytestmark = pytest.mark.browser


def test_rows_are_read_as_python_reads_them(scripted_visit: Visit) -> None:
    scripted_visit.open()
    draw = random.Random(1)
    cases = [_case(draw) for _ in range(300)]
    script = """async (cases) => {
      const { CsvRows } = await import("/static/csv.js");
      return cases.map(([delimiter, pieces]) => {
        const rows = new CsvRows(delimiter);
        return pieces.flatMap((piece, i) => [...rows.push(piece, i === pieces.length - 1)]);
      });
    }"""
    found = scripted_visit.page.evaluate(script, cases)
    expected = [_by_python(delimiter, "".join(pieces)) for delimiter, pieces in cases]
    assert found == expected


def _case(draw: random.Random) -> tuple[str, list[str]]:
    """A CSV of random cells, cut anywhere."""
    delimiter, end = draw.choice(",;\t"), draw.choice(["\n", "\r\n"])
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=draw.choice([csv.QUOTE_ALL, 0]))
    alphabet = 'ab,;"\t\n é👍'
    for _ in range(draw.randint(1, 4)):
        writer.writerow(["".join(draw.choices(alphabet, k=draw.randint(0, 4))) for _ in range(3)])
    text = file.getvalue().removesuffix(draw.choice(["", end]))
    cuts = sorted(draw.choices(range(len(text) + 1), k=3))
    return delimiter, [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _by_python(delimiter: str, text: str) -> Any:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
