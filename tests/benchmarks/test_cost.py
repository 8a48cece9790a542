from pathlib import Path

import pytest

from benchmarks.cost import main
from tests.training.report.examples import COMPARED, report_data
from training.evaluation.tables import as_markdown
from training.report.cost import cost_table
from training.report.render import write_report


def test_it_reprints_what_the_report_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(tmp_path, report_data(record=COMPARED))
    main([str(tmp_path)])
    assert capsys.readouterr().out == f"{as_markdown(cost_table(COMPARED.costs))}\n"


def test_a_bundle_without_costs_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no cost was measured; accepted: --data FILES, or a bundle whose report"):
        main([str(tmp_path)])
