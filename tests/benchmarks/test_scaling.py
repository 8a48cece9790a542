import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from benchmarks.scaling import (
    INPUTS,
    SOURCES,
    inputs_table,
    limits_table,
    request_sizes,
    requests_table,
    row_sizes,
    rows_table,
    tables,
)
from benchmarks.serving.load import ROOT

PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
SIMPLE = replace(
    INPUTS,
    rows_per_core=1_000,
    score_share=1.0,
    cluster_share=0.5,
    row_bytes=100,
    scored_row_bytes=150,
    copy_rate=1_000,
    copy_cores=2,
    load_share=0.5,
    request_seconds=0.001,
    copy_memory=1e9,
    request_bytes=500,
    answer_bytes=1_000,
    log_bytes=100,
    machine_cores=16,
    link=1e9,
    disk=1e8,
    balancer_rate=10_000,
)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_page_has_the_tables() -> None:
    for table in tables(INPUTS):
        assert table in PAGE


def test_every_input_has_a_source() -> None:
    assert list(SOURCES) == [field.name for field in fields(INPUTS)]
    assumed = [row for row in cells(inputs_table(INPUTS)) if row[2] == "assumed"]
    assert len(assumed) == 4


def test_the_commands_of_the_sources_are_there() -> None:
    modules = set(re.findall(r"python -m (benchmarks[.\w]*)", " ".join(by for _, _, by in SOURCES.values())))
    paths = [ROOT / module.replace(".", "/") for module in modules]
    assert [
        path for path in paths if not path.with_suffix(".py").exists() and not (path / "__main__.py").exists()
    ] == []


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        (INPUTS.rows_per_core, r"On one core of a slow machine \(.*\): ([\d,]+) tweets a second"),
        (INPUTS.score_share * 100, r"`score` and the predictor, nine\nshort turns of each, gave (\d+)% on average"),
        (INPUTS.row_bytes, r"Files of 1,000,000 rows, (\d+) MB"),
        (INPUTS.request_seconds * 1000, r"\| today \| [^|]* \| ([\d.]+) ±"),
        (INPUTS.copy_rate, r"[\s\S]*\| this service, form \| 64 \| ([\d,.]+) "),
        (INPUTS.copy_memory / 1e6, r"Under load one worker holds (\d+) MB"),
    ],
)
def test_what_was_measured_is_what_the_page_of_figures_says(value: float, quoted: str) -> None:
    found = re.search(quoted, FIGURES)
    assert found
    assert value == pytest.approx(float(found[1].replace(",", "")), rel=1e-4)


def test_ray_is_reckoned_with_no_more_than_was_measured() -> None:
    found = re.search(r"\| `score --ray`[^|]*\| [\d,]+ \| (\d+)% \|", FIGURES)
    assert found
    assert min(int(found[1]) / 100, 1) == INPUTS.cluster_share


def test_rows() -> None:
    one, four, *_ = cells(rows_table(SIMPLE))
    assert one == ["16", "1", "16,000", "17.36", "4", "0.4%", "4%"]
    assert four == ["64", "4", "32,000", "8.68", "8", "0.2%", "8%"], "half of it is lost in a cluster"


def test_requests() -> None:
    few, _, many, _ = cells(requests_table(SIMPLE))
    assert few == ["500", "1", "2", "0.5", "2", "1.0 GB", "0.00 Gbit/s", "4 GB", "1"]
    assert many == ["50,000", "100", "200", "50.0", "14", "100.0 GB", "0.40 Gbit/s", "432 GB", "5"]


def test_limits() -> None:
    assert [row[1] for row in cells(limits_table(SIMPLE))] == ["1,000", "10,000", "8,000", "1,000,000", "1,000,000"]


def test_the_sizes_are_still_those_of_the_committed_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_DIR", "")  # which measuring sets
    bundle = ROOT / "artifacts"
    for name, size in {**request_sizes(bundle, 50), **row_sizes(bundle, tmp_path, 500)}.items():
        assert size == pytest.approx(getattr(INPUTS, name), rel=0.05), name
