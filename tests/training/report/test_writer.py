import json
from pathlib import Path

import pytest

from tests.training.report.examples import BASELINES, NETWORK, evidence
from training.report import write_metrics, write_report


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_report(folder, evidence(baselines=BASELINES, network=NETWORK))
    return folder / "report"


def test_a_page_and_a_card_are_written(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == ["MODEL_CARD.md", "report.html"]


def test_equal_evidence_gives_equal_bytes(written: Path, tmp_path: Path) -> None:
    write_report(tmp_path, evidence(baselines=BASELINES, network=NETWORK))
    for path in written.iterdir():
        assert (tmp_path / "report" / path.name).read_bytes() == path.read_bytes()


def test_no_text_of_the_data_is_in_any_file(written: Path) -> None:
    content = "".join(path.read_text(encoding="utf-8") for path in written.iterdir())
    assert "zebra" not in content
    assert "alert" not in content


def test_texts_are_quoted_where_that_is_wanted_and_escaped(tmp_path: Path) -> None:
    write_report(tmp_path, evidence(), texts=True)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert page.count("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;") == 20
    assert "<script" not in page
    assert "zebra" not in (tmp_path / "report" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_a_later_report_replaces_an_earlier_one(tmp_path: Path) -> None:
    write_report(tmp_path, evidence(), texts=True)
    write_report(tmp_path, evidence())
    assert "zebra" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_no_path_of_the_machine_is_in_any_file(written: Path) -> None:
    content = "".join(path.read_text(encoding="utf-8") for path in written.iterdir())
    assert not [path for path in (str(Path.cwd()), str(Path.home()), str(written)) if len(path) > 5 and path in content]


def test_metrics_are_written_readably(tmp_path: Path) -> None:
    write_metrics(tmp_path, {"test": {"macro_recall": 0.5, "classes": {"très": 1}}})
    text = (tmp_path / "report" / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text)["test"]["macro_recall"] == 0.5
    assert '\n    "macro_recall": 0.5' in text
    assert "très" in text
