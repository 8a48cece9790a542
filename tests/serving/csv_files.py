"""CSV files for tests, and what scoring adds to them."""

import csv
from pathlib import Path

ADDED = ["label", "probability", "p_negative", "p_neutral", "p_positive", "truncated", "in_vocabulary", "error"]

FORM_ADDED = ["label", "probability", "p_<=50K", "p_>50K", "error"]  # by the bundle of fields


def rows_of(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, header: list[str], rows: list[list[str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path
