"""Baselines of rows of fields that a network must beat, by scikit-learn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from serving.model.inputs.fields import FieldsFile, FieldsInput
from training.evaluation.baselines import Baseline, Forest
from training.evaluation.light_baselines import MAJORITY, Majority

LOGISTIC = "logistic regression"
MOST_VALUES = 255  # of a category, as scikit-learn's gradient boosting takes them


def field_baselines(content: str, seed: int, *, balanced: bool) -> dict[str, Baseline]:
    """Untrained baselines by name.

    Args:
        content: Of `fields.json`.
        seed: Of those that draw at random.
        balanced: Whether classes count alike, as where the network's recipe weighs them.
    """
    read, weights = FunctionTransformer(_Matrix(content)), "balanced" if balanced else None
    sizes = [len(field.values) for field in _fields(content).categories]
    one_hot = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), list(range(len(sizes)))), remainder="passthrough"
    )
    forest = Forest(200, min_samples_leaf=2, class_weight=weights, n_jobs=-1, random_state=seed)
    tree = DecisionTreeClassifier(max_leaf_nodes=100, class_weight=weights, random_state=seed)
    categorical = [place for place, size in enumerate(sizes) if size < MOST_VALUES]
    boosting = HistGradientBoostingClassifier(categorical_features=categorical, class_weight=weights, random_state=seed)
    return {
        MAJORITY: Majority(),
        LOGISTIC: make_pipeline(read, one_hot, LogisticRegression(class_weight=weights, max_iter=2000)),
        "decision tree": make_pipeline(read, one_hot, tree),
        "random forest": make_pipeline(read, one_hot, forest),
        "gradient boosting": make_pipeline(read, boosting),
    }


class _Matrix:
    """Rows as one matrix: the ids of categories, then the standardized numbers. A class, so that it can be stored."""

    def __init__(self, content: str) -> None:
        self.content = content

    def __call__(self, rows: Sequence[Any]) -> npt.NDArray[np.float64]:
        fields = _fields(self.content)
        encoded, _ = fields.encode(rows)
        return np.concatenate(fields.arrays(encoded), axis=1).astype(np.float64)


def _fields(content: str) -> FieldsInput:
    return FieldsInput(FieldsFile.model_validate_json(content))
