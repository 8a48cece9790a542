"""Networks that are served: of texts, an Embedding, stacked LSTMs and pooling; of fields, an Embedding and numbers."""

from collections.abc import Sequence
from typing import Any

from serving.model.keras_config import IDS, NUMBERS
from training.model.backend import keras
from training.recipe.model import NetworkConfig

FAR_BELOW = -1e9  # what a masked step counts as: below any activation, and its softmax is 0
KINDS = ("max", "average", "attention")


@keras.saving.register_keras_serializable("tweets")
class Pooling1D(keras.layers.Layer):  # type: ignore[misc]
    """Steps to one vector by one or several poolings, side by side: (texts, steps, units) -> (texts, units * kinds).

    Each is over the unmasked steps. Keras's own GlobalMaxPooling1D
    ignores the mask, so that its answer depends on how far a text is padded; and one layer for all keeps the
    network a Sequential, whose `.h5` Keras itself can load again (a Functional one with masks it cannot).

    Attention: score e = tanh(h . w + b), weights softmax(e) over the steps; Baziotis et al. 2017, DataStories at
    SemEval-2017 task 4, section 3.3 (https://aclanthology.org/S17-2126).

    Args:
        kinds: `max`, `average` and `attention`, one or more.
        **options: Of `keras.layers.Layer`.

    Example: `Pooling1D(["max", "attention"])`
    """

    def __init__(self, kinds: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        unknown = set(kinds) - set(KINDS)
        if unknown or not kinds:
            raise ValueError(f"kinds: found {list(kinds)}; accepted: one or more of {', '.join(KINDS)}")
        self.kinds = list(kinds)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create attention's `kernel` (units, 1) and `bias` (1,), where it is among the kinds."""
        if "attention" in self.kinds:
            self.kernel = self.add_weight(shape=(input_shape[-1], 1), initializer="glorot_uniform", name="kernel")
            self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The pooled vectors, in the order of the kinds."""
        mask = None if mask is None else keras.ops.expand_dims(mask, -1)
        pooled = [getattr(self, f"_{kind}")(inputs, mask) for kind in self.kinds]
        return pooled[0] if len(pooled) == 1 else keras.ops.concatenate(pooled, axis=-1)

    def _max(self, steps: Any, mask: Any) -> Any:
        return keras.ops.max(steps if mask is None else keras.ops.where(mask, steps, FAR_BELOW), axis=1)

    def _average(self, steps: Any, mask: Any) -> Any:
        if mask is None:
            return keras.ops.mean(steps, axis=1)
        shares = keras.ops.cast(mask, steps.dtype)
        return keras.ops.sum(steps * shares, axis=1) / keras.ops.sum(shares, axis=1)

    def _attention(self, steps: Any, mask: Any) -> Any:
        scores = keras.ops.tanh(keras.ops.matmul(steps, self.kernel) + self.bias)
        scores = scores if mask is None else keras.ops.where(mask, scores, FAR_BELOW)
        return keras.ops.sum(steps * keras.ops.softmax(scores, axis=1), axis=1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:  # noqa: ARG002
        """None: no steps are left."""
        return

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(texts, units * kinds)."""
        units = input_shape[-1]
        return (input_shape[0], units and units * len(self.kinds))

    def get_config(self) -> dict[str, Any]:
        """What the layer is made again from."""
        return {**super().get_config(), "kinds": self.kinds}


def build_network(
    config: NetworkConfig, *, vocabulary: int, classes: int, length: int | None = None
) -> keras.Sequential:
    """Build the network, uncompiled: token ids, int32 (texts, steps), to probabilities, float32 (texts, classes).

    The LSTMs keep to what cuDNN runs: default activations, no recurrent dropout, padding right.

    Args:
        config: The recipe's `[network]`.
        vocabulary: Number of tokens; 0 is the padding.
        classes: Number of labels.
        length: Fixes the number of steps.
    """
    network = keras.Sequential(name="sentiment")
    network.add(keras.Input((length,), dtype="int32", name="ids"))
    network.add(keras.layers.Embedding(vocabulary, config.embedding, mask_zero=config.masked, name="embedding"))
    network.add(keras.layers.SpatialDropout1D(config.spatial_dropout, name="spatial_dropout"))
    pools = config.pooling != ["last"]
    for number, units in enumerate(config.lstm, start=1):
        if number > 1 and config.lstm_dropout:
            network.add(keras.layers.SpatialDropout1D(config.lstm_dropout, name=f"lstm_dropout_{number}"))
        steps = pools or number < len(config.lstm)
        network.add(_lstm(units, config.bidirectional, steps, f"lstm_{number}"))
    if pools:
        network.add(Pooling1D(config.pooling, name="pooling"))
    network.add(keras.layers.Dropout(config.dropout, name="dropout"))
    for layer in _dense_layers(config, classes):
        network.add(layer)
    return network


def build_field_network(
    config: NetworkConfig, *, vocabulary: int, categories: int, numbers: int, classes: int
) -> keras.Model:
    """Build the network of fields, uncompiled, with the inputs that its fields need.

    An embedding of categories beside numbers: Guo and Berkhahn 2016, Entity Embeddings of Categorical Variables
    (https://arxiv.org/abs/1604.06737).

    Args:
        config: The recipe's `[network]`, of which `embedding`, `dense` and `dropout` count.
        vocabulary: Ids of all categories together.
        categories: Ids of a row: int32 (rows, categories), the input `ids`.
        numbers: Numbers of a row: standardized, float32 (rows, numbers), the input `field_numbers`.
        classes: Number of labels.
    """
    inputs, features = [], []
    if categories:
        inputs.append(keras.Input((categories,), dtype="int32", name=IDS))
        embedded = keras.layers.Embedding(vocabulary, config.embedding, name="embedding")(inputs[-1])
        features.append(keras.layers.Flatten(name="flatten")(embedded))
    if numbers:
        inputs.append(keras.Input((numbers,), name=NUMBERS))
        features.append(inputs[-1])
    output = keras.layers.Concatenate(name="concatenate")(features) if len(features) > 1 else features[0]
    for layer in _dense_layers(config, classes):
        output = layer(output)
    return keras.Model(inputs, output, name="fields")


def _dense_layers(config: NetworkConfig, classes: int) -> list[keras.layers.Layer]:
    layers: list[keras.layers.Layer] = []
    for number, units in enumerate(config.dense, start=1):
        layers.append(keras.layers.Dense(units, activation="relu", name=f"dense_{number}"))
        layers.append(keras.layers.Dropout(config.dropout, name=f"dense_dropout_{number}"))
    return [*layers, keras.layers.Dense(classes, activation="softmax", name="probabilities")]


def _lstm(units: int, bidirectional: bool, return_steps: bool, name: str) -> keras.layers.Layer:
    if bidirectional:
        return keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=return_steps), name=name)
    return keras.layers.LSTM(units, return_sequences=return_steps, name=name)
