"""The network: Embedding, spatial dropout, stacked LSTMs, pooling, dense softmax. Neutral to the Keras backend."""

from training.layers import Pooling1D
from training.network_knobs import NetworkKnobs
from training.runtime import keras


def build_network(knobs: NetworkKnobs, *, vocabulary: int, classes: int, length: int | None = None) -> keras.Sequential:
    """An uncompiled network.

    In: token ids, int32 (texts, steps), padded with 0; `length` fixes the steps. Out: probabilities, float32
    (texts, classes). The LSTMs keep to what cuDNN runs: default activations, no recurrent dropout, padding right.
    """
    network = keras.Sequential(name="sentiment")
    network.add(keras.Input((length,), dtype="int32", name="ids"))
    network.add(keras.layers.Embedding(vocabulary, knobs.embedding, mask_zero=knobs.masked, name="embedding"))
    network.add(keras.layers.SpatialDropout1D(knobs.spatial_dropout, name="spatial_dropout"))
    pools = knobs.pooling != ["last"]
    for number, units in enumerate(knobs.lstm, start=1):
        if number > 1 and knobs.lstm_dropout:
            network.add(keras.layers.SpatialDropout1D(knobs.lstm_dropout, name=f"lstm_dropout_{number}"))
        steps = pools or number < len(knobs.lstm)
        network.add(_lstm(units, knobs.bidirectional, steps, f"lstm_{number}"))
    if pools:
        network.add(Pooling1D(knobs.pooling, name="pooling"))
    network.add(keras.layers.Dropout(knobs.dropout, name="dropout"))
    network.add(keras.layers.Dense(classes, activation="softmax", name="probabilities"))
    return network


def _lstm(units: int, bidirectional: bool, return_steps: bool, name: str) -> keras.layers.Layer:
    if bidirectional:
        return keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=return_steps), name=name)
    return keras.layers.LSTM(units, return_sequences=return_steps, name=name)
