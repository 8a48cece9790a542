"""Baselines of rows of fields: they read what the network reads, missing values and all."""

import warnings

import numpy as np
import pandas as pd
import pytest

from serving.model.metadata import FieldValue
from training.evaluation.baselines import Baseline, size
from training.evaluation.field_baselines import field_baselines
from training.evaluation.light_baselines import MAJORITY
from training.inputs.fields import learn_fields
from training.recipe.fields import FieldConfig
from training.recipe.model import NetworkConfig
from training.types import Labels

FIELDS = [
    FieldConfig(name="age", kind="number"),
    FieldConfig(name="work", kind="category", values=["a", "b", "c", "never"]),
]


def rows(count: int, seed: int) -> tuple[list[dict[str, FieldValue]], Labels]:
    """Whose label is told by both fields together, a tenth of each missing."""
    rng = np.random.default_rng(seed)
    ages, works = rng.integers(18, 80, count), rng.integers(0, 3, count)
    labels = (ages + 15 * works > 60).astype(np.int64)
    missing = rng.random((count, 2)) < 0.1
    content: list[dict[str, FieldValue]] = [
        {"age": None if no_age else float(age), "work": None if no_work else "abc"[work]}
        for age, work, (no_age, no_work) in zip(ages, works, missing, strict=True)
    ]
    return content, labels


def fitted(balanced: bool, train: tuple[list[dict[str, FieldValue]], Labels]) -> dict[str, Baseline]:
    content, labels = train
    frame = pd.DataFrame({"row": content, "label": labels})
    models = field_baselines(learn_fields(FIELDS, NetworkConfig(), frame), 1, balanced=balanced)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in models.values():
            model.fit(content, labels)
    return models


def test_each_learns_from_numbers_and_categories() -> None:
    models = fitted(balanced=False, train=rows(400, 1))
    assert list(models) == [MAJORITY, "logistic regression", "decision tree", "random forest", "gradient boosting"]
    test, truth = rows(300, 2)
    accuracy = {name: float((model.predict(test) == truth).mean()) for name, model in models.items()}
    usual = accuracy.pop(MAJORITY)
    assert min(accuracy.values()) > usual + 0.2


def test_each_answers_a_row_with_nothing_and_with_a_value_that_training_lacked() -> None:
    for model in fitted(balanced=False, train=rows(400, 1)).values():
        assert set(model.predict([{}, {"age": 30.0, "work": "never"}]).tolist()) <= {0, 1}
        assert size(model) > 0


def test_they_weigh_classes_where_the_network_does() -> None:
    content, labels = rows(600, 1)
    kept = [i for i, label in enumerate(labels) if label == 0 or i % 8 == 0]
    train = [content[i] for i in kept], labels[kept]
    test, truth = rows(300, 2)
    found = {}
    for balanced in (False, True):
        model = fitted(balanced, train)["logistic regression"]
        found[balanced] = float((model.predict(test)[truth == 1] == 1).mean())
    assert found[True] > found[False] + 0.1


@pytest.mark.parametrize("values", [300])
def test_a_category_of_many_values_is_read_as_a_number_by_boosting(values: int) -> None:
    field = FieldConfig(name="work", kind="category", values=[f"v{number}" for number in range(values)])
    content = [{"work": f"v{number % values}"} for number in range(2 * values)]
    labels = np.array([number % values > 150 for number in range(2 * values)], np.int64)
    frame = pd.DataFrame({"row": content, "label": labels})
    model = field_baselines(learn_fields([field], NetworkConfig(), frame), 1, balanced=False)["gradient boosting"]
    model.fit(content, labels)
    assert (model.predict(content) == labels).mean() > 0.95
