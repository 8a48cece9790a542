import re
from pathlib import Path

from benchmarks.fields import drawn_rows
from benchmarks.inference import comparison, table
from serving.model.predictor import Predictor
from tests.bundles import FORM, TEXTS


def test_the_table_has_a_rate_and_two_times(pristine_bundle: Path) -> None:
    lines = table(Predictor.load(pristine_bundle), TEXTS * 10).splitlines()
    assert re.fullmatch(r"\| tweets a second, 60 at once \| [\d,]+ \|", lines[2])
    assert [re.sub(r"[\d.]+", "n", line) for line in lines[3:]] == [
        "| one tweet, median | n ms |",
        "| one tweet, nth percentile | n ms |",
    ]


def test_two_bundles_are_measured_in_turns(pristine_bundle: Path) -> None:
    predictor = Predictor.load(pristine_bundle)
    lines = comparison((predictor, TEXTS * 10), (predictor, TEXTS * 10)).splitlines()
    assert re.fullmatch(r"\| preprocessing and network \| [\d,]+ \| [\d,]+ \| \d+\.\d\d \|", lines[2])
    assert re.fullmatch(r"\| preprocessing alone \| [\d,]+ \| [\d,]+ \| \d+\.\d\d \|", lines[3])
    assert re.fullmatch(r"\| one at a time \| [\d,]+ \| [\d,]+ \| \d+\.\d\d \|", lines[4])


def test_a_row_of_fields_costs_less_than_a_tweet(pristine_bundle: Path) -> None:
    tweets, form = Predictor.load(pristine_bundle), Predictor.load(FORM)
    assert form.fields is not None
    lines = comparison((tweets, TEXTS * 20), (form, list(drawn_rows(form.fields, 120)))).splitlines()
    assert float(lines[2].split("|")[-2]) < 1, lines
