"""The committed tiny bundle, and ways to change a copy of it. Needs no TensorFlow."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving.model.bundle import METADATA, NETWORK, TOKENIZER, model_version, sha256

TINY = Path(__file__).parent / "fixtures" / "tiny"

LABELS = ["negative", "neutral", "positive"]
TEXTS = [
    "I love this show, it is great :)",
    "worst show ever, I hate it :(",
    "the train leaves at nine",
    "RT @bob: what a lovely day http://t.co/abc #HappyDays",
    "so tired of this rain, awful awful weather",
    "the library opens at ten on sunday",
]


def edit_metadata(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change metadata.json in place."""
    path = folder / METADATA
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def rehash(folder: Path) -> None:
    """Make the hashes in metadata.json true again after a file was changed."""
    edit_metadata(folder, lambda c: c["files"].update({name: sha256(folder / name) for name in (NETWORK, TOKENIZER)}))


def relabel(folder: Path, labels: list[str]) -> None:
    """Give a bundle's classes other names, and with them another version."""

    def change(content: dict[str, Any]) -> None:
        content["labels"] = labels
        content["model_version"] = model_version(content["files"], labels)

    edit_metadata(folder, change)
