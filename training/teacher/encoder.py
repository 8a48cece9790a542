"""BERT encoder with a classifier on top, in Keras, and its weights from a safetensors file.

Devlin et al. 2019, BERT (https://arxiv.org/abs/1810.04805). One segment, absolute positions, padding right.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from training.errors import DataError
from training.model.backend import keras
from training.teacher.safetensors import read_tensors
from training.types import Floats

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class BertConfig(BaseModel):
    """What `config.json` says of an encoder, under the names of Hugging Face's file; other keys are passed over."""

    model_type: Literal["bert"]
    vocab_size: int = Field(ge=1)
    hidden_size: int = Field(ge=1)
    num_hidden_layers: int = Field(ge=1)
    num_attention_heads: int = Field(ge=1)
    intermediate_size: int = Field(ge=1)
    max_position_embeddings: int = Field(ge=1)
    pad_token_id: Literal[0] = 0
    layer_norm_eps: float = Field(1e-12, gt=0)
    hidden_dropout_prob: float = Field(0.1, ge=0, lt=1)
    attention_probs_dropout_prob: float = Field(0.1, ge=0, lt=1)
    hidden_act: Literal["gelu"] = "gelu"
    position_embedding_type: Literal["absolute"] = "absolute"

    @property
    def head_size(self) -> int:
        """Units of one attention head."""
        return self.hidden_size // self.num_attention_heads


def read_config(folder: Path) -> BertConfig:
    """The configuration of the encoder in a folder.

    Raises:
        DataError: There is none, or it is of another kind of network.
    """
    path = folder / CONFIG
    try:
        return BertConfig.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); `make encoder` brings one") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise DataError(f"{path}: {where}: {fault['msg']}; accepted: the config.json of a BERT encoder") from error


def build_classifier(config: BertConfig, classes: int) -> keras.Model:
    """An encoder, the mean of its states over the text's tokens, and one softmax, uncompiled.

    Args:
        config: The encoder's.
        classes: Number of labels.

    Returns:
        Token ids, int32 (texts, steps), where 0 is the padding, to probabilities, float32 (texts, classes).
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = keras.ops.not_equal(ids, config.pad_token_id)
    states = hidden_states(config, ids, mask)
    pooled = keras.layers.GlobalAveragePooling1D(name="pooling")(states, mask=mask)
    pooled = keras.layers.Dropout(config.hidden_dropout_prob, name="dropout")(pooled)
    outputs = keras.layers.Dense(classes, activation="softmax", name="probabilities")(pooled)
    return keras.Model(ids, outputs, name="teacher")


def hidden_states(config: BertConfig, ids: Any, mask: Any) -> Any:
    """The encoder's last layer.

    Args:
        config: The encoder's.
        ids: Tokens, int32 (texts, steps).
        mask: Whether each is one of the text's, bool (texts, steps).

    Returns:
        float32 (texts, steps, units).
    """
    positions = keras.ops.cumsum(keras.ops.ones_like(ids), axis=1) - 1
    words = keras.layers.Embedding(config.vocab_size, config.hidden_size, name="words")(ids)
    places = keras.layers.Embedding(config.max_position_embeddings, config.hidden_size, name="positions")(positions)
    states = _normalized(config, words + places, "embedding_norm")
    states = keras.layers.Dropout(config.hidden_dropout_prob, name="embedding_dropout")(states)
    for number in range(config.num_hidden_layers):
        states = _layer(config, states, keras.ops.expand_dims(mask, 1), f"layer_{number}")
    return states


def _layer(config: BertConfig, states: Any, mask: Any, name: str) -> Any:
    """Self-attention and two dense layers, each with dropout, a residual and a layer normalization after it."""
    attention = keras.layers.MultiHeadAttention(
        config.num_attention_heads,
        config.head_size,
        dropout=config.attention_probs_dropout_prob,
        name=f"{name}_attention",
    )
    attended = attention(states, states, attention_mask=mask)
    attended = keras.layers.Dropout(config.hidden_dropout_prob, name=f"{name}_attention_dropout")(attended)
    states = _normalized(config, states + attended, f"{name}_attention_norm")
    wide = keras.layers.Dense(config.intermediate_size, activation="gelu", name=f"{name}_wide")(states)
    narrow = keras.layers.Dense(config.hidden_size, name=f"{name}_narrow")(wide)
    narrow = keras.layers.Dropout(config.hidden_dropout_prob, name=f"{name}_dropout")(narrow)
    return _normalized(config, states + narrow, f"{name}_norm")


def _normalized(config: BertConfig, states: Any, name: str) -> Any:
    return keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name=name)(states)


def load_weights(network: keras.Model, config: BertConfig, path: Path) -> None:
    """Put pre-trained weights into the encoder's layers; the classifier's own head keeps what chance gave it.

    Args:
        network: Of `build_classifier`.
        config: The encoder's.
        path: A safetensors file with the names of Hugging Face's BertModel.

    Raises:
        DataError: The file cannot be read, lacks a tensor or has one of another shape.
    """
    tensors = read_tensors(path)
    try:
        for name, weights in _weights_by_layer(config, tensors):
            layer = network.get_layer(name)
            for variable, values in zip(layer.trainable_variables, weights, strict=True):
                variable.assign(values)
    except KeyError as error:
        raise DataError(f"{path}: has no tensor {error}; accepted: the weights of {CONFIG} beside it") from error
    except ValueError as error:
        raise DataError(f"{path}: {name}: {error}; accepted: the weights of {CONFIG} beside it") from error


def _weights_by_layer(config: BertConfig, tensors: Mapping[str, Floats]) -> Iterator[tuple[str, list[Floats]]]:
    """Name of each layer, and its weights in Keras's order. PyTorch's kernels are transposed."""
    words, places = tensors["embeddings.word_embeddings.weight"], tensors["embeddings.position_embeddings.weight"]
    yield "words", [words]
    # There is one segment, whose vector every token gets: as well by its position.
    yield "positions", [places + tensors["embeddings.token_type_embeddings.weight"][0]]
    yield "embedding_norm", _pair(tensors, "embeddings.LayerNorm")
    for number in range(config.num_hidden_layers):
        theirs, ours = f"encoder.layer.{number}", f"layer_{number}"
        yield f"{ours}_attention", _attention(config, tensors, f"{theirs}.attention")
        yield f"{ours}_attention_norm", _pair(tensors, f"{theirs}.attention.output.LayerNorm")
        yield f"{ours}_wide", _pair(tensors, f"{theirs}.intermediate.dense")
        yield f"{ours}_narrow", _pair(tensors, f"{theirs}.output.dense")
        yield f"{ours}_norm", _pair(tensors, f"{theirs}.output.LayerNorm")


def _attention(config: BertConfig, tensors: Mapping[str, Floats], name: str) -> list[Floats]:
    """Kernels and biases of queries, keys and values by head, then of the output."""
    heads = (config.num_attention_heads, config.head_size)
    weights = []
    for part in ("query", "key", "value"):
        kernel, bias = _pair(tensors, f"{name}.self.{part}")
        weights += [kernel.reshape(-1, *heads), bias.reshape(heads)]
    kernel, bias = _pair(tensors, f"{name}.output.dense")
    return [*weights, kernel.reshape(*heads, -1), bias]


def _pair(tensors: Mapping[str, Floats], name: str) -> list[Floats]:
    """Kernel or scale, and bias. A scale is its own transpose."""
    return [tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]]
