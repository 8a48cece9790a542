"""Description of what was read: the lines that `adopt` prints."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.adopt.keras_files import KerasNetwork
from serving.adopt.tokenizers import KerasTokenizer
from serving.errors import printable
from serving.model.keras_config import Json, Layer
from serving.model.predictor import Predictor, text_input

# Options of a layer that decide what it computes, in the order to be shown.
_OPTIONS = (
    "units", "filters", "kernel_size", "strides", "dilation_rate", "pool_size", "padding", "rate", "activation",
    "recurrent_activation", "return_sequences", "go_backwards", "reset_after", "merge_mode", "mask_zero", "axis",
)  # fmt: skip
MAX_SHOWN_WORDS = 3


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting, its value, and where that is from."""

    name: str
    value: str
    origin: str

    def __str__(self) -> str:
        """One line of a table."""
        return f"  {self.name:<12} {printable(self.value)}  ({self.origin})"


def layer_lines(network: KerasNetwork, model: Path) -> Iterator[str]:
    """The network's file, then a line for each layer."""
    weights = sum(array.size for layer in network.layers for array in layer.weights)
    yield f"{printable(model.name)}: Keras {printable(network.version)}, {weights:,} weights"
    width = max(len(layer.kind) for layer in network.layers)
    for layer in network.layers:
        yield f"  {printable(layer.kind):<{width}}  {printable(_layer_detail(layer))}".rstrip()


def _layer_detail(layer: Layer) -> str:
    shapes = [" x ".join(f"{size:,}" for size in array.shape) for array in layer.weights]
    if layer.kind == "Embedding":
        masked = ", masks padding" if layer.options.get("mask_zero") else ""
        return f"{shapes[0]}{masked}"
    inner: Any = layer.options.get("layer")
    details = [_inner_detail(inner)] if isinstance(inner, dict) else []
    return ", ".join([*details, *_option_details(layer.options)])


def _inner_detail(inner: Json) -> str:
    return ", ".join([str(inner["class_name"]), *_option_details(inner["config"])])


def _option_details(options: Json) -> Iterator[str]:
    for name in _OPTIONS:
        value = options.get(name)
        if value is True:
            yield name
        elif isinstance(value, str | int | float) and value is not False:
            yield f"{name} {value}"
        elif isinstance(value, list) and value and all(isinstance(item, int) for item in value):
            yield f"{name} {'x'.join(map(str, value))}"


def tokenizer_lines(tokenizer: KerasTokenizer, path: Path) -> Iterator[str]:
    """The tokenizer's file, then its settings."""
    words = sorted(tokenizer.word_index, key=tokenizer.word_index.__getitem__)
    first = ", ".join(f"{word!r} {tokenizer.word_index[word]}" for word in words[:MAX_SHOWN_WORDS])
    yield f"{printable(path.name)}: {tokenizer.form}, {len(words):,} words, from {printable(first)} on"
    between = "white space" if tokenizer.split is None else repr(tokenizer.split)
    splits = "characters" if tokenizer.char_level else f"words between {between}"
    yield f"  reads {splits}; lower: {tokenizer.lower or 'no'}; filters: {tokenizer.filters!r}"
    if tokenizer.num_words:
        yield f"  num_words {tokenizer.num_words:,}: ids from there on count as unknown"
    if tokenizer.oov_token is not None:
        yield f"  unknown words get the id of {tokenizer.oov_token!r}"
    elif tokenizer.unknown_id is not None:
        yield f"  unknown words get the id {tokenizer.unknown_id}"
    else:
        yield "  unknown words are left out, for it has no oov_token"


def trial_lines(predictor: Predictor, text: str) -> Iterator[str]:
    """What becomes of one text: its tokens, its ids as the network gets them, its answer."""
    encoder = text_input(predictor).encoder
    (encoded,), (prediction,) = encoder.encode([text]), predictor.predict([text])
    yield f"text: {text}"
    yield f"  tokens  {printable(' '.join(encoder.tokens(text))) or '(none)'}"
    yield f"  ids     {' '.join(map(str, encoded.ids.tolist()))}"
    if encoded.cut:
        yield f"  {encoded.cut:,} more were cut off"
    for label, probability in prediction.probabilities.items():
        yield f"  {probability:.6f}  {printable(label)}{'  <- the answer' if label == prediction.label else ''}"
