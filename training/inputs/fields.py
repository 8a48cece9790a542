"""Rows of fields as a network trains on them: ids of categories and standardized numbers, some of them missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from serving.model.bundle import FIELDS
from serving.model.inputs.fields import CategoryField, EncodedRow, FieldsFile, FieldsInput, NumberField
from serving.model.metadata import FieldValue, Row
from training.data.dataset import Dataset
from training.data.rows import as_served
from training.inputs.base import Inputs
from training.model.backend import keras
from training.model.network import build_field_network
from training.recipe.fields import FieldConfig
from training.recipe.model import NetworkConfig
from training.recipe.recipe import Recipe
from training.types import Labels

MIN_BIN_ROWS = 20
REVEALING = 0.98  # of the validation part, told by one field: more than most forms can
LEAVES = 64


class FieldsEncoding:
    """See InputEncoding.

    Args:
        content: Of `fields.json`.
    """

    file_name = FIELDS

    def __init__(self, content: str) -> None:
        self.content, self.fields = content, FieldsInput(FieldsFile.model_validate_json(content))
        (self._missing,), _ = self.fields.encode([{}])

    @property
    def vocabulary_size(self) -> int:
        """Ids of all values and bins."""
        return self.fields.vocabulary_size

    def build(self, config: NetworkConfig, classes: int) -> keras.Model:
        """See InputEncoding."""
        ids, numbers = len(self._missing.ids), len(self._missing.numbers)
        return build_field_network(
            config, vocabulary=self.vocabulary_size, categories=ids, numbers=numbers, classes=classes
        )

    def encode(self, rows: Sequence[Any]) -> Sequence[EncodedRow]:
        """See InputEncoding."""
        encoded, _ = self.fields.encode(rows)
        return encoded

    def lengths(self, encoded: Sequence[EncodedRow]) -> npt.NDArray[np.int64]:
        """All alike."""
        return np.ones(len(encoded), np.int64)

    def batch(self, encoded: Sequence[EncodedRow]) -> Inputs:
        """See InputEncoding."""
        present = [array for array in self.fields.arrays(encoded) if array.shape[1]]
        return present if len(present) > 1 else present[0]

    def hide(
        self,
        inputs: Inputs,
        share: float,
        rng: np.random.Generator,
        name_below: int = 0,  # noqa: ARG002
    ) -> tuple[Inputs, None]:
        """Some values missing, so that the network learns what that means; see InputEncoding."""
        arrays = inputs if isinstance(inputs, list) else [inputs]
        columns = [[f.name for f in of_array] for of_array in (self.fields.with_ids, self.fields.numbers) if of_array]
        fields = [field.name for field in self.fields.fields]
        hidden = rng.random((len(arrays[0]), len(fields))) < share
        missing = self.batch([self._missing])
        missing = missing if isinstance(missing, list) else [missing]
        varied = [
            np.where(hidden[:, list(map(fields.index, names))], value, array)
            for array, value, names in zip(arrays, missing, columns, strict=True)
        ]
        return varied if isinstance(inputs, list) else varied[0], None

    def known_rows(self, sentences: Sequence[str]) -> Sequence[Row]:  # noqa: ARG002
        """Rows made of the fields alone: small, usual and great numbers with some of the values, and an empty row."""
        rows: list[Row] = [{f.name: _typical(f, place) for f in self.fields.fields} for place in (-1, 0, 1)]
        return [*rows, {field.name: None for field in self.fields.fields}]


def _typical(field: NumberField | CategoryField, place: int) -> FieldValue:
    """A number so many scales from the usual one, as the form takes it, or one of the values."""
    if isinstance(field, CategoryField):
        return field.values[place % len(field.values)]
    step = field.step or float(f"{field.scale:.1g}") / 10
    number = round((field.missing + place * field.scale) / step) * step
    return float(np.clip(float(f"{number:.6g}"), field.minimum, field.maximum))


def learn_fields(
    fields: Sequence[FieldConfig], config: NetworkConfig, train: pd.DataFrame, missing: Sequence[str] = ()
) -> str:
    """The content of `fields.json`: what is declared, and the means, scales, medians and bins of the training rows.

    Args:
        fields: All of them.
        config: The recipe's `[network]`, which says how many bins a number has at most.
        train: A frame with `row` and `label` (index).
        missing: What stands for a missing value.
    """
    rows, labels = pd.DataFrame(train.row.tolist()), train.label.to_numpy()
    learned = [_learned(as_served(field), field, rows[field.name], labels, config.bins) for field in fields]
    return FieldsFile(missing=list(missing), fields=learned).model_dump_json(indent=2) + "\n"


def _learned(
    served: NumberField | CategoryField, field: FieldConfig, values: "pd.Series[Any]", labels: Labels, bins: int
) -> NumberField | CategoryField:
    if isinstance(served, CategoryField):
        return served
    present = values.notna().to_numpy()
    numbers = values[present].to_numpy(np.float64)
    missing = field.missing if isinstance(field.missing, float) else float(np.median(numbers)) if len(numbers) else 0.0
    filled = values.astype(np.float64).fillna(missing).to_numpy()
    return served.model_copy(
        update={
            "mean": float(filled.mean()),
            "scale": float(filled.std()) or 1.0,
            "missing": missing,
            "bins": learn_bins(numbers, labels[present], bins),
        }
    )


def learn_bins(numbers: npt.NDArray[np.float64], labels: Labels, limit: int) -> list[float]:
    """The edges between bins in which labels differ: those of a decision tree on the one number.

    As the target-aware bins of Gorishniy et al. 2022, On Embeddings for Numerical Features in Tabular Deep Learning
    (https://arxiv.org/abs/2203.05556), section 3.2.2.

    Args:
        numbers: Of the training rows that have one, (rows,).
        labels: Class indices, (rows,).
        limit: Of the bins; under 2 there are none.
    """
    if limit < 2 or len(numbers) < 2 * MIN_BIN_ROWS:
        return []
    tree = DecisionTreeClassifier(max_leaf_nodes=limit, min_samples_leaf=MIN_BIN_ROWS, random_state=0)
    tree = tree.fit(numbers[:, None], labels).tree_
    return sorted({float(edge) for edge in tree.threshold[tree.feature >= 0]})


def revealing_fields(recipe: Recipe, dataset: Dataset) -> list[str]:
    """A sentence for each field that gives the label away.

    A decision tree on the one field alone, of the training rows, is right in `REVEALING` of the validation part, and
    the most frequent label is not.
    """
    train, validation = dataset.train, dataset.validation
    truth = validation.label.to_numpy()
    usual, notes = float((truth == train.label.mode()[0]).mean()), []
    for field in recipe.fields:
        codes = _as_codes(field, [*train.row, *validation.row])
        tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, random_state=0).fit(codes[: len(train)], train.label)
        accuracy = float((tree.predict(codes[len(train) :]) == truth).mean())
        if accuracy >= REVEALING > usual:
            notes.append(
                f"The field {field.name!r} alone tells the label in {accuracy:.1%} of the validation part, where the "
                f"most frequent label has {usual:.1%}. If it is known only once the label is, leave it out."
            )
    return notes


def _as_codes(field: FieldConfig, rows: Sequence[Mapping[str, FieldValue]]) -> npt.NDArray[np.float64]:
    """One field of each row for a tree, (rows, columns): the number, or a column for each value; -1 is missing."""
    values = [row[field.name] for row in rows]
    if field.kind == "number":
        return np.array([-1.0 if value is None else value for value in values], np.float64)[:, None]
    return np.array([[value == each for each in field.values] for value in values], np.float64)
