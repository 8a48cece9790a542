from typing import Any

import pandas as pd

from serving.model.metadata import DataFile
from tests.serving.fakes import fake_metadata
from training.data.dataset import Dataset
from training.fit.trainer import Provenance

FIRST, SECOND = (DataFile(file=f"{name}.csv", rows=3, sha256=name) for name in "ab")
NOTHING: dict[str, Any] = {"files": [], "cleaning": {}}


def dataset() -> Dataset:
    empty = pd.DataFrame()
    return Dataset(["a", "b"], empty, empty, empty, empty, cleaning={"rows read": 3}, files=[FIRST])


def test_what_pre_training_read_stands_beside_the_labelled_rows() -> None:
    weak = {"files": [SECOND.model_dump()], "cleaning": {"rows kept": 2}}
    found = Provenance.of(dataset(), weak, {}, None)
    assert found.data == [FIRST, SECOND]
    assert found.cleaning == {"rows read": 3, "pre-training: rows kept": 2}


def test_a_file_that_both_read_is_told_once_and_another_of_its_name_too() -> None:
    namesake = FIRST.model_copy(update={"sha256": "other"})
    files = [file.model_dump() for file in (FIRST, namesake)]
    assert Provenance.of(dataset(), {**NOTHING, "files": files}, {}, None).data == [FIRST, namesake]


def test_teachers_of_teachers_stand_before_them() -> None:
    grand = fake_metadata().model_copy(update={"recipe": {"name": "g"}, "data": [FIRST]})
    below = {"teacher_recipes": {"old": grand.recipe}, "teacher_data": {"old": grand.data}}
    middle = fake_metadata().model_copy(update={"recipe": {"name": "m"}, "data": [SECOND], **below})
    found = Provenance.of(dataset(), NOTHING, {"middle": middle, "other": grand}, None)
    assert found.teachers == {"middle": middle.model_version, "other": grand.model_version}
    assert found.teacher_recipes == {"old": {"name": "g"}, "middle": {"name": "m"}, "other": {"name": "g"}}
    assert list(found.teacher_recipes) == list(found.teacher_data) == ["old", "middle", "other"]
    assert found.teacher_data == {"old": [FIRST], "middle": [SECOND], "other": [FIRST]}


def test_a_teacher_that_stood_in_the_same_folder_before_is_told_by_its_version_too() -> None:
    bundle = fake_metadata().model_copy(update={"recipe": {"name": "1"}, "data": [FIRST], "model_version": "1"})
    for version, data in (("2", [SECOND]), ("3", [])):
        found = Provenance.of(dataset(), NOTHING, {"here": bundle}, None)
        own = {"recipe": {"name": version}, "data": data, "model_version": version}
        bundle = bundle.model_copy(update={**vars(found), **own})
    found = Provenance.of(dataset(), NOTHING, {"here": bundle}, None)
    assert found.teachers == {"here": "3"}
    assert found.teacher_data == {"here 1": [FIRST], "here 2": [SECOND], "here": []}
    assert found.teacher_recipes == {"here 1": {"name": "1"}, "here 2": {"name": "2"}, "here": {"name": "3"}}


def test_its_fields_are_those_of_the_metadata() -> None:
    found = Provenance.of(dataset(), NOTHING, {}, FIRST)
    assert vars(found).keys() <= type(fake_metadata()).model_fields.keys()
    assert found.vectors == FIRST
