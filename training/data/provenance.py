"""Provenance of a trained network: files, cleaning, teachers, word vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.model.metadata import DataFile, Metadata
from training.data.dataset import Dataset


@dataclass(frozen=True)
class Provenance:
    """What a network came from; the fields are those of `Metadata` with the same names."""

    data: list[DataFile]
    cleaning: dict[str, int]
    teachers: dict[str, str]
    teacher_recipes: dict[str, dict[str, Any]]
    teacher_data: dict[str, list[DataFile]]
    vectors: DataFile | None

    @classmethod
    def of(
        cls, dataset: Dataset, weak: Mapping[str, Any], teachers: Mapping[str, Metadata], vectors: DataFile | None
    ) -> "Provenance":
        """The provenance of a run.

        Args:
            dataset: The labelled rows.
            weak: `files` and `cleaning` of pre-training, as in JSON.
            teachers: What each teacher says of itself, by its folder.
            vectors: The file of word vectors.
        """
        files = [*dataset.files, *(DataFile(**file) for file in weak["files"])]
        cleaning = {**dataset.cleaning, **{f"pre-training: {key}": count for key, count in weak["cleaning"].items()}}
        versions = {folder: teacher.model_version for folder, teacher in teachers.items()}
        return cls(_distinct(files), cleaning, versions, *_lineage(teachers), vectors)


def _distinct(files: Sequence[DataFile]) -> list[DataFile]:
    """Each file once: it can hold labelled rows and others."""
    return list({(file.file, file.sha256): file for file in files}.values())


def _lineage(teachers: Mapping[str, Metadata]) -> tuple[dict[str, dict[str, Any]], dict[str, list[DataFile]]]:
    """Folder -> recipe, and folder -> files that were learned from: of each teacher, and before it of its own."""
    recipes: dict[str, dict[str, Any]] = {}
    data: dict[str, list[DataFile]] = {}
    for folder, teacher in teachers.items():
        recipes |= teacher.teacher_recipes | {folder: teacher.recipe}
        data |= teacher.teacher_data | {folder: teacher.data}
    return recipes, data
