"""The committed bundles and networks, and ways to change a copy of them. Needs no TensorFlow."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving.model.bundle import METADATA, NETWORK, TOKENIZER, model_version, sha256
from serving.model.keras_encoder import KerasEncoder
from serving.model.metadata import KNOWN_BY_TRAINING, FieldValue
from serving.model.network import Network
from serving.model.text_rules import TextRules
from serving.model.tokenizer import Encoder

FIXTURES = Path(__file__).parent / "fixtures"
TINY = FIXTURES / "tiny"  # padding is masked, texts are padded by batch
UNMASKED = FIXTURES / "unmasked"  # padding is read, texts are padded on the left to one length
FORM = FIXTURES / "form"  # of fields
NETWORKS = FIXTURES / "networks"  # `.h5` files, and in ANSWERS what Keras answers to some ids
OTHERS = FIXTURES / "others"  # one network as Keras 2 and 3 keep it, in every kind of file, with its ANSWERS
ANSWERS = "answers.json"

# Rows of FORM's; it answers each label to one of them.
FORM_ROWS: list[dict[str, FieldValue]] = [
    {"age": 52, "workclass": "Self-emp-not-inc", "hours-per-week": 45.5, "sex": "Male"},
    {"age": 19, "workclass": "Private", "hours-per-week": 20, "sex": "Female"},
]
LABELS = ["negative", "neutral", "positive"]
TEXTS = [
    "I love this show, it is great :)",
    "worst show ever, I hate it :(",
    "the train leaves at nine",
    "RT @bob: what a lovely day http://t.co/abc #HappyDays",
    "so tired of this rain, awful awful weather",
    "the library opens at ten on sunday",
]


def edit_metadata(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change metadata.json in place."""
    path = folder / METADATA
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def rehash(folder: Path) -> None:
    """Make the hashes and the version in metadata.json true again after a file was changed."""

    def change(content: dict[str, Any]) -> None:
        content["files"] = {name: sha256(folder / name) for name in content["files"]}
        content["model_version"] = model_version(
            content["files"],
            content["labels"],
            None if content.get("text_rules") is None else TextRules.model_validate(content["text_rules"]),
            decision_threshold=content.get("decision_threshold", 0.5),
        )

    edit_metadata(folder, change)


def relabel(folder: Path, labels: list[str]) -> None:
    """Give a bundle's classes other names, and with them another version."""
    edit_metadata(folder, lambda content: content.update(labels=labels))
    rehash(folder)


def edit_tokenizer(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change tokenizer.json in place; what the bundle answers then are its known answers."""
    path = folder / TOKENIZER
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    rehash(folder)
    _set_known_answers(folder, Encoder.read(path))


def adopt(folder: Path, tokenizer: str, rules: TextRules) -> None:
    """Make a bundle an adopted one: with another tokenizer file and text rules, without what it cannot know."""
    (folder / TOKENIZER).write_text(tokenizer, encoding="utf-8")

    def change(content: dict[str, Any]) -> None:
        content.update(origin="adopted", text_rules=rules.model_dump(mode="json"))
        for key in KNOWN_BY_TRAINING:
            del content[key]

    edit_metadata(folder, change)
    rehash(folder)
    _set_known_answers(folder, KerasEncoder(tokenizer, rules))


def _set_known_answers(folder: Path, encoder: Encoder) -> None:
    rows = Network(folder / NETWORK).run(*encoder.pad_batch(encoder.encode(TEXTS))).tolist()
    answers = [{"text": text, "probabilities": row} for text, row in zip(TEXTS, rows, strict=True)]
    edit_metadata(folder, lambda metadata: metadata.update(known_answers=answers))


def cut_to(max_tokens: int) -> Callable[[dict[str, Any]], object]:
    """A change of a tokenizer that has texts cut to so many tokens."""
    return lambda content: content["truncation"].update(max_length=max_tokens)
