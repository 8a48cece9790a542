"""Bundle on disk: its three files, and the checks that they are whole and belong together."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from serving.errors import BundleError
from serving.model.metadata import ACCEPTED_VERSIONS, DEFAULT_THRESHOLD, Metadata
from serving.model.text_rules import TextRules

NETWORK, METADATA = "sentiment.h5", "metadata.json"
TOKENIZER, FIELDS = "tokenizer.json", "fields.json"
# The file that says how the network reads a row, by the kind of input.
INPUT_FILES: Mapping[str, str] = {"text": TOKENIZER, "fields": FIELDS}
REPORT = "report"

# How large each file may be: what is larger is refused before any of it is read.
MAX_BYTES = {NETWORK: 1024**3, TOKENIZER: 64 * 1024**2, FIELDS: 64 * 1024**2, METADATA: 16 * 1024**2}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder whose schema and hashes hold. `Predictor.load` checks the rest."""

    folder: Path
    metadata: Metadata

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Read and verify a folder.

        Raises:
            BundleError: the sentence names the file and the fault.
        """
        if not folder.is_dir():
            raise BundleError(f"{folder}: is no folder; accepted: a bundle, which `python -m training fit` writes")
        _check_size(folder / METADATA)
        metadata = _read_metadata(folder / METADATA)
        for name in (NETWORK, INPUT_FILES[metadata.inputs]):
            _check_size(folder / name)
            _check_hash(folder / name, metadata.files.get(name))
        version = model_version(
            metadata.files, metadata.labels, metadata.text_rules, decision_threshold=metadata.decision_threshold
        )
        if metadata.model_version != version:
            raise BundleError(
                f"{folder / METADATA}: its labels, text rules, threshold or version are not those that the model was "
                "written with"
            )
        return cls(folder, metadata)

    @property
    def network(self) -> Path:
        """The path of the Keras network."""
        return self.folder / NETWORK

    @property
    def input_file(self) -> Path:
        """The path of the preprocessing."""
        return self.folder / INPUT_FILES[self.metadata.inputs]

    @property
    def paths(self) -> list[Path]:
        """The paths of its files."""
        return [self.network, self.input_file, self.folder / METADATA]


def sha256(path: Path) -> str:
    """The sha256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_version(
    files: dict[str, str],
    labels: list[str],
    text_rules: TextRules | None = None,
    *,
    decision_threshold: float = DEFAULT_THRESHOLD,
) -> str:
    """12 hex digits over the files' hashes and what else decides an answer: equal content, equal version.

    Args:
        files: name -> sha256 (hex).
        labels: in output order.
        text_rules: of an adopted bundle.
        decision_threshold: of one with two labels.
    """
    of_input = next(files[name] for name in INPUT_FILES.values() if name in files)
    content: list[Any] = [files[NETWORK], of_input, labels]
    if text_rules is not None:
        content.append(text_rules.model_dump(mode="json", exclude_defaults=True))
    if decision_threshold != DEFAULT_THRESHOLD:
        content.append(decision_threshold)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def _read_metadata(path: Path) -> Metadata:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(f"{path}: is missing") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: is not JSON in UTF-8: {error}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version not in ACCEPTED_VERSIONS:
        raise BundleError(f"{path}: schema version {version!r}; accepted: {', '.join(map(str, ACCEPTED_VERSIONS))}")
    try:
        return Metadata.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(_sentence(fault) for fault in error.errors()[:3])
        raise BundleError(f"{path}: {faults}") from error


def _sentence(fault: ErrorDetails) -> str:
    place = ".".join(map(str, fault["loc"]))  # empty where keys do not fit each other
    return f"{place}: {fault['msg']}" if place else fault["msg"]


def _check_size(path: Path) -> None:
    max_bytes = MAX_BYTES[path.name]
    try:
        size = path.stat().st_size
    except OSError:
        return  # whoever reads it says so
    if size > max_bytes or not path.is_file():
        raise BundleError(f"{path}: is no plain file of at most {max_bytes:,} bytes")


def _check_hash(path: Path, expected: str | None) -> None:
    try:
        actual = sha256(path)
    except OSError as error:
        raise BundleError(
            f"{path}: {'is missing' if isinstance(error, FileNotFoundError) else error.strerror}"
        ) from error
    if actual != expected:
        raise BundleError(f"{path}: its sha256 is {actual[:12]}..., metadata.json says {str(expected)[:12]}...")
