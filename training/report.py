"""What a bundle's `report/` holds for people."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.bundle import REPORT


def write_metrics(bundle: Path, metrics: Mapping[str, Any]) -> None:
    """Write `report/metrics.json`: the figures of each part, as in metadata.json but easy to read and to compare."""
    folder = bundle / REPORT
    folder.mkdir(exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
