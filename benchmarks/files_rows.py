"""Rows of tweets made up for measurements: of varied length, with what a CSV finds hard, the same for a seed."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

_WORDS = (
    *("the", "a", "my", "this", "that", "we", "they", "it", "train", "show", "coffee", "game", "match", "queue"),
    *("office", "phone", "weather", "meeting", "song", "team", "river", "bakery", "bus", "deadline", "garden"),
    *("is", "was", "were", "feels", "sounds", "looked", "arrived", "closed", "opened", "broke", "worked", "miss"),
    *("great", "awful", "late", "lovely", "boring", "wonderful", "terrible", "fine", "slow", "quick", "cold", "loud"),
    *("so", "very", "really", "quite", "never", "always", "again", "today", "tonight", "finally", "love", "hate"),
    *("because", "and", "but", "with", "without", "after", "before"),
)
_ENDS = (
    "",
    "!",
    "?",
    "...",
    " :)",
    " :(",
    " 😀",
    " 👍🏽",
    " #monday",
    ', "they said"',
    "\nreally",
    " https://example.com/a1",
)
_HANDLES = ("", "", "", "@harbourswim ", "RT @greenfieldfc: ")


def texts(rows: int, seed: int = 1) -> Iterator[str]:
    """So many texts, of 3 to 32 words."""
    draw = random.Random(seed)
    for _ in range(rows):
        words = draw.choices(_WORDS, k=min(3 + int(draw.expovariate(1 / 11)), 32))
        yield draw.choice(_HANDLES) + " ".join(words) + draw.choice(_ENDS)


def write_rows(path: Path, rows: int, seed: int = 1) -> None:
    """A CSV of them, of about a hundred bytes a row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "posted", "text"])
        for number, text in enumerate(texts(rows, seed)):
            writer.writerow([f"{number:010d}", f"2026-11-{1 + number % 28:02d}T{number % 24:02d}:00", text])


def check_rows(source: Path, scored: Path) -> int:
    """How many rows there are. Raises ValueError unless all came back in order, as written, each with a label."""
    rows = 0
    with source.open(encoding="utf-8", newline="") as before, scored.open(encoding="utf-8", newline="") as after:
        wanted, found = csv.reader(before), csv.reader(after)
        columns = len(next(wanted))
        place = next(found).index("label")
        for own in wanted:
            row = next(found, [])
            if row[:columns] != own or not row[place]:
                raise ValueError(f"row {rows:,} is {row!r}; it was {own!r}")
            rows += 1
        if next(found, None) is not None:
            raise ValueError(f"more than {rows:,} rows came back")
    return rows
