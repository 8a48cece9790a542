"""Multi-task model around the served network: heads of other tasks, and a masked language model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from training.model.backend import keras
from training.types import Floats, Labels

EPSILON = 1e-7  # the least probability whose logarithm is taken, as in Keras's own crossentropy
NAMEABLE = 4096  # words; lower ids are the more frequent, but for single characters: what is common can be learned


class MultiTaskModel:
    """The network that is served, and heads beside its own on one body.

    Multi-task learning with hard parameter sharing: Caruana 1997 (https://doi.org/10.1023/A:1007379606734).

    Args:
        network: A Sequential of `build_network`, uncompiled; or, where nothing is beside it, any model whose last layer
            is its head.
        tasks: Name of each other task -> its labels, in the order of its outputs.
        masked_words: Whether hidden words are to be named.

    Attributes:
        model: Ids, int32 (texts, steps) -> probabilities of every head side by side, float32 (texts, width): the
            network's own classes first, then each task's. The network itself where it has no other task.
        masked_lm: With `masked_words`: ids and positions, int32 (texts, places) -> the same probabilities, and logits,
            float32 (texts, places, nameable words). Else None.
        width: Columns of all heads together.
    """

    def __init__(
        self,
        network: keras.Model,
        tasks: Mapping[str, Sequence[str]] | None = None,
        *,
        masked_words: bool = False,
    ) -> None:
        self.network = network
        *body, own_head = network.layers
        self._columns, self.width = {"": (0, own_head.units)}, own_head.units
        heads = []
        for number, (task, labels) in enumerate((tasks or {}).items(), start=1):
            self._columns[task] = (self.width, len(labels))
            self.width += len(labels)
            heads.append(keras.layers.Dense(len(labels), activation="softmax", name=f"task_{number}"))
        self.model: keras.Model = network
        self.masked_lm: keras.Model | None = None
        if not (heads or masked_words):
            return
        ids = network.inputs[0]
        features, steps = _features(body, ids)
        outputs = [head(features) for head in (own_head, *heads)]
        probabilities = keras.layers.Concatenate(name="heads")(outputs) if heads else outputs[0]
        if heads:
            self.model = keras.Model(ids, probabilities, name="tasks")
        if masked_words:
            positions = keras.Input((None,), dtype="int32", name="positions")
            logits = MaskedLMHead(body[0], name="masked_lm_head")([steps, positions])
            # From the same tensors: a model called within a model would run the body a second time.
            self.masked_lm = keras.Model([ids, positions], [probabilities, logits], name="masked_lm")

    @property
    def full_model(self) -> keras.Model:
        """The model that has every weight there is."""
        return self.masked_lm or self.model

    @property
    def nameable(self) -> int:
        """Words with an id below this can be named."""
        return min(NAMEABLE, int(self.network.layers[0].input_dim))

    def targets(self, labels: Labels, task: str = "", smoothing: float = 0.0) -> Floats:
        """What `model` should answer.

        Args:
            labels: Class indices within the task, int64 (texts,).
            task: "" is the network's own.
            smoothing: Share of a target that is spread over all classes of the task.

        Returns:
            float32 (texts, width): zero outside the columns of the task.
        """
        start, classes = self._columns[task]
        targets = np.zeros((len(labels), self.width), np.float32)
        targets[:, start : start + classes] = smoothing / classes
        targets[np.arange(len(labels)), start + labels] += 1 - smoothing
        return targets


class TaskCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """-sum(target * log p): columns of other tasks have target 0 and cost nothing."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each text in nats, (texts,)."""
        logs = keras.ops.log(keras.ops.maximum(y_pred, EPSILON))
        return -keras.ops.sum(y_true * logs, axis=-1)


class MaskedLMHead(keras.layers.Layer):  # type: ignore[misc]
    """Names words from the steps at their places: (texts, steps, units), (texts, places) -> logits.

    A masked language model whose output vectors are the embedding's own: Devlin et al. 2019, BERT
    (https://arxiv.org/abs/1810.04805), section 3.1; Press and Wolf 2017 (https://arxiv.org/abs/1608.05859).
    """

    def __init__(self, embedding: keras.layers.Embedding, **options: Any) -> None:
        super().__init__(**options)
        # Not an attribute of its own: the embedding's weights are counted where they are.
        self._table: Callable[[], Any] = lambda: embedding.embeddings
        self._units, self._count = int(embedding.output_dim), min(NAMEABLE, int(embedding.input_dim))
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """A dense layer from the steps' units to the embedding's, and a bias for each word."""
        self.kernel = self.add_weight(
            shape=(input_shape[0][-1], self._units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self._count,), initializer="zeros", name="bias")

    def call(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
        """Logits, float32 (texts, places, words)."""
        steps, positions = inputs
        chosen = keras.ops.take_along_axis(steps, keras.ops.expand_dims(positions, -1), axis=1)
        vectors = keras.ops.tanh(keras.ops.matmul(chosen, self.kernel))
        return keras.ops.matmul(vectors, keras.ops.transpose(self._table()[: self._count])) + self.bias

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """Places are weighted one by one, so none is masked."""


def _features(body: Sequence[keras.layers.Layer], ids: Any) -> tuple[Any, Any]:
    """The tensor that the heads read, and the steps that pooling reads."""
    features = steps = ids
    for layer in body:
        features = layer(features)
        steps = features if len(features.shape) == 3 else steps
    return features, steps


def seed_variables(model: keras.Model) -> Iterator[Any]:
    """The states that dropout draws from, in the order of the layers."""
    return (variable for variable in model.variables if variable.name == "seed_generator_state")
