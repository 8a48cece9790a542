import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.adopted import adopt_options, outcome, summary
from serving.errors import AdoptError
from serving.model.text_rules import Substitution
from tests.serving.adopt.keras_app import LENGTH, answer, write_h5, write_tokenizer

TEXTS, IDS = ["good day", "Free, unknown!"], [[2, 4], [7, 1]]
VARIANT = {"padding": "pre", "truncating": "pre", "maxlen": LENGTH, "cleaning": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with references as Keras would give them."""
    folder = tmp_path / "m1"
    folder.mkdir()
    write_h5(folder / "model.h5")
    write_tokenizer(folder / "tokenizer.json")
    write(folder / "meta.json", {"file": "model.h5", "keras_version": "2.4.0"})
    write(folder / "tokenizer_facts.json", {"file": "tokenizer.json"})
    padded = {
        "pre": [[0] * (LENGTH - 2) + ids for ids in IDS],
        "post": [ids + [0] * (LENGTH - 2) for ids in IDS],
    }
    arrays: dict[str, Any] = {f"ids_{side}": np.array(ids, np.int32) for side, ids in padded.items()}
    arrays |= {f"out_{side}": np.array([[answer(row)] for row in ids]) for side, ids in padded.items()}
    np.savez(folder / "ref_ids.npz", **arrays)
    out = [[answer(ids)] for ids in padded["pre"]]
    write(folder / "ref_texts.json", {"texts": TEXTS, "variants": [{**VARIANT, "out": out}]})
    return folder


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_model_that_answers_as_its_references(folder: Path) -> None:
    result = outcome(folder)
    assert (result.name, result.kind) == ("m1", "served")
    assert result.difference < 1e-6


def test_a_reference_that_is_off(folder: Path) -> None:
    variant = {**VARIANT, "out": [[0.123], None]}
    write(folder / "ref_texts.json", {"texts": TEXTS, "variants": [variant]})
    assert outcome(folder).kind == "wrong"


def test_the_summary_counts_and_names_refusals(folder: Path) -> None:
    results = [outcome(folder)]
    (folder / "model.h5").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    lines = summary([*results, outcome(folder)]).splitlines()
    assert lines[0] == "1 served, 1 refused of 2 models"
    assert lines[2].startswith("m1: refused, model.h5: is a Git LFS pointer")


def test_cleaning_and_settings_that_only_words_tell(folder: Path) -> None:
    tokens = "HTML entities decoded, http... and pic... removed, then each character by x.pkl; unknown is 3"
    options = adopt_options(folder, {"file": "model.h5"}, {**VARIANT, "tokens": tokens})
    assert options.tokenizer_settings == {"char_level": True, "lower": None, "unknown_id": 3}
    assert options.cleaning[-1] == Substitution(pattern=r"http\S+|pic\S+", content="")
    cleaning = r"lower; [^a-z\s] removed; [0-9] to blank; blanks joined"
    options = adopt_options(folder, {"file": "model.h5"}, {**VARIANT, "cleaning": cleaning})
    assert options.cleaning == [
        "lower",
        Substitution(pattern=r"[^a-z\s]", content=""),
        Substitution(pattern="[0-9]", content=" "),
        Substitution(pattern=r"\s+", content=" "),
    ]
    with pytest.raises(AdoptError, match="'lemmas' is not understood"):
        adopt_options(folder, {"file": "model.h5"}, {**VARIANT, "cleaning": "lemmas"})
