import json
from pathlib import Path

from training.report import write_metrics


def test_metrics_are_written_readably(tmp_path: Path) -> None:
    write_metrics(tmp_path, {"test": {"macro_recall": 0.5, "classes": {"très": 1}}})
    text = (tmp_path / "report" / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text)["test"]["macro_recall"] == 0.5
    assert '\n    "macro_recall": 0.5' in text
    assert "très" in text
