import json
from pathlib import Path
from typing import Any

import pytest

from serving.errors import BundleError
from serving.model.bundle import METADATA, NETWORK, TOKENIZER, Bundle, model_version
from serving.model.text_rules import TextRules
from tests.bundles import edit_metadata


def test_a_whole_bundle(bundle: Path) -> None:
    read = Bundle.read(bundle)
    assert read.metadata.labels == ["negative", "neutral", "positive"]
    assert read.network.name == NETWORK
    assert read.input_file.name == TOKENIZER


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no folder"):
        Bundle.read(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [NETWORK, TOKENIZER, METADATA])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=rf"{name}: is missing"):
        Bundle.read(bundle)


@pytest.mark.parametrize("name", [NETWORK, TOKENIZER])
def test_a_changed_file_is_named(bundle: Path, name: str) -> None:
    with (bundle / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BundleError, match=rf"{name}: its sha256 is"):
        Bundle.read(bundle)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]", b"[" * 100_000, b'{"schema_version": 3}'])
def test_metadata_that_cannot_be_read(bundle: Path, content: bytes) -> None:
    (bundle / METADATA).write_bytes(content)
    with pytest.raises(BundleError, match=r"metadata\.json: (is not JSON|schema version)"):
        Bundle.read(bundle)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"labels": ["only"]}, "labels"),
        ({"label": "misspelt"}, "label: Extra inputs"),
        ({"temperature": 0}, "temperature"),
        ({"known_answers": []}, "known_answers"),
        ({"known_answers": [{"text": "\ud800", "probabilities": [0.1, 0.2, 0.7]}]}, "surrogates not allowed"),
        ({"temperature": float("inf")}, "temperature"),
        ({"seed": None}, "seed missing; accepted without them: origin adopted"),
    ],
)
def test_metadata_against_its_schema(bundle: Path, change: dict[str, Any], fault: str) -> None:
    edit_metadata(bundle, lambda content: content.update(change))
    with pytest.raises(BundleError, match=rf"metadata\.json: .*{fault}"):
        Bundle.read(bundle)


SCHEMA_2_KEYS = ("inputs", "origin", "text_rules", "thresholds", "risk_coverage")


def test_a_bundle_of_schema_1_is_read_as_one_of_schema_2(bundle: Path) -> None:
    metadata = Bundle.read(bundle).metadata

    def as_schema_1(content: dict[str, Any]) -> None:
        for key in SCHEMA_2_KEYS:
            del content[key]
        content["schema_version"] = 1

    edit_metadata(bundle, as_schema_1)
    assert Bundle.read(bundle).metadata == metadata


def test_labels_in_another_order(bundle: Path) -> None:
    edit_metadata(bundle, lambda content: content["labels"].reverse())
    with pytest.raises(BundleError, match="not those that the model was written with"):
        Bundle.read(bundle)


def test_the_version_follows_the_content() -> None:
    files = {NETWORK: "a", TOKENIZER: "b"}
    assert model_version(files, ["x", "y"]) == model_version(dict(reversed(files.items())), ["x", "y"])
    assert (
        len(
            {
                model_version(files, ["x", "y"]),
                model_version(files, ["y", "x"]),
                model_version({**files, NETWORK: "c"}, ["x", "y"]),
                model_version(files, ["x", "y"], TextRules()),
                model_version(files, ["x", "y"], TextRules(lower="ascii")),
                model_version(files, ["x", "y"], decision_threshold=0.3),
            }
        )
        == 6
    )


def test_nothing_in_a_bundle_is_executable_or_pickled(bundle: Path) -> None:
    assert sorted(path.name for path in bundle.iterdir()) == [METADATA, NETWORK, TOKENIZER]
    assert json.loads((bundle / METADATA).read_text(encoding="utf-8"))["schema_version"] == 2
