from pathlib import Path

import pytest

from benchmarks.quality.__main__ import learned_from
from benchmarks.quality.trial import Trial
from tests.keras_bundles import write_bundle
from training.errors import DataError
from training.recipe.model import NetworkConfig

DATA = "semeval_2013_2016.csv.gz"  # what the base recipe reads


def trial(teacher: Path | None = None) -> Trial:
    stages = [{"name": "one", "teachers": [str(teacher)] if teacher else []}]
    return Trial("t", "g", "e", changes={"stages": stages})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / DATA).write_text("text,label\n", encoding="utf-8")
    return tmp_path / DATA


def test_another_file_of_its_data_is_another_digest_and_one_that_it_does_not_read_is_not(data: Path) -> None:
    before = learned_from(trial(), [data])
    assert learned_from(trial(), [data, data.with_name("other.csv")]) == before
    data.write_text("text,label\na,b\n", encoding="utf-8")
    assert learned_from(trial(), [data]) != before


def test_another_version_of_a_teacher_is_another_digest(data: Path, bundle: Path) -> None:
    before = learned_from(trial(bundle), [data])
    assert before == learned_from(trial(bundle), [data]) != learned_from(trial(), [data])
    write_bundle(bundle, NetworkConfig(embedding=5, lstm=[4], pooling=["average"]))
    assert learned_from(trial(bundle), [data]) != before


def test_another_file_of_answers_is_another_digest(data: Path, tmp_path: Path) -> None:
    answers = str(tmp_path / "t-{seed}.npz")
    stages, split = [{"name": "one", "teacher_files": [answers]}], ("data.split_seed",)
    taught = Trial("t", "g", "e", changes={"stages": stages}, without=split, seeds=(1, 2))
    (tmp_path / "t-1.npz").touch()
    digests = set()
    for content in ("one", "other"):
        (tmp_path / "t-2.npz").write_text(content, encoding="utf-8")
        digests.add(learned_from(taught, [data]))
    assert len(digests) == 2


def test_what_cannot_be_read_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t: stages\.teachers: .*none: is no folder"):
        learned_from(trial(tmp_path / "none"), [data])
    data.unlink()
    with pytest.raises(DataError, match=rf"{DATA}: cannot be read"):
        learned_from(trial(), [data])
