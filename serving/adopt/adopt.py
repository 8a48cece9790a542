"""Adoption: the files of a Keras app, verified as serving will load them, become a bundle."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from serving.adopt.conversion import Converter, convert
from serving.adopt.description import SettingRow, layer_lines, tokenizer_lines
from serving.adopt.keras_files import KerasNetwork
from serving.adopt.preprocessing import PadSequences, Side, preprocessing
from serving.adopt.tokenizers import KerasTokenizer, from_text_vectorization, read_tokenizer
from serving.errors import AdoptError, NetworkError
from serving.model.bundle import METADATA, NETWORK, TOKENIZER, model_version, sha256
from serving.model.keras_encoder import KerasEncoder
from serving.model.metadata import DEFAULT_THRESHOLD, AdoptedFile, KnownAnswer, Metadata
from serving.model.network import Network
from serving.model.onnx_graph import declared_steps
from serving.model.predictor import Predictor
from serving.model.text_rules import CleaningStep, Substitution, TextRules

# Of our own, so that nobody's text stands in a bundle; the last has words that hardly any vocabulary lacks.
SENTENCES = (
    "I love this, thank you so much!",
    "This is terrible and I hate it.",
    "URGENT! You have won a prize, call 0900 123456 now",
    "The next train leaves at nine.",
    "and the of to in is it",
)
LIBRARIES = ("h5py", "numpy", "onnx", "onnxruntime", "tokenizers")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class AdoptOptions:
    """What the files cannot say. None and empty mean: as the files say, or else as Keras does by default.

    Attributes:
        tokenizer: its file; None: the network has a TextVectorization.
        architecture: what `model.to_json()` gave, where the model's file holds weights alone.
        labels: in the order of the network's outputs; of one sigmoid the second is what 1 means.
        name: the model's.
        max_length: ids that each text gets, `maxlen` of `pad_sequences`.
        padding: the side that padding is added to.
        truncating: the side that ids beyond the length are cut from.
        padding_id: of padding.
        threshold: of two labels, the second is the answer where its probability is above this.
        cleaning: what is done to a text before the tokenizer, in order.
        tokenizer_settings: fields of `KerasTokenizer` that a file without settings, such as a word index, cannot say.
    """

    tokenizer: Path | None = None
    architecture: Path | None = None
    labels: Sequence[str] = ()
    name: str = ""
    max_length: int | None = None
    padding: Side | None = None
    truncating: Side | None = None
    padding_id: int | None = None
    threshold: float | None = None
    cleaning: Sequence[CleaningStep | Substitution] = ()
    tokenizer_settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Choices:
    """What was decided of what the files cannot say; `rows` tell it."""

    labels: list[str]
    sequences: PadSequences
    threshold: float
    rows: list[SettingRow]


def adopt(
    model: Path, out: Path | None, options: AdoptOptions, tell: Tell, *, converter: Converter = convert
) -> Predictor:
    """Make a bundle of a network and a tokenizer that others have made.

    Args:
        model: an `.h5`, a `.keras` file, or weights.
        out: the bundle's folder, which must not exist; None: all is tried, and nothing is kept.
        options: what the files cannot say.
        tell: takes each line on what was read and decided.
        converter: writes the model as the `.h5` of a bundle.

    Returns:
        The bundle, loaded as serving does it.

    Raises:
        ServingError: the files cannot be adopted, or the folder cannot be written. Nothing is left of it then.
    """
    with _staging_folder(out) as folder:
        network = converter(model, folder / NETWORK, options.architecture)
        for line in layer_lines(network, model):
            tell(line)
        network = _without_weights(network)
        session = _session(folder / NETWORK, model.name)
        tokenizer = _read_tokenizer(network, options)
        for line in tokenizer_lines(tokenizer, options.tokenizer or model):
            tell(line)
        choices = _choices(tokenizer, declared_steps(network.layers), session, options)
        content, rules = preprocessing(
            tokenizer,
            choices.sequences,
            rows=session.vocabulary,
            masked=session.masked,
            unpadded=_is_unpadded(network, session),
            cleaning=options.cleaning,
        )
        for row in choices.rows:
            tell(str(row))
        (folder / TOKENIZER).write_text(content, encoding="utf-8")
        known_answers = _known_answers(session, KerasEncoder(content, rules))
        metadata = _metadata(model, options, network.version, folder, choices, rules, known_answers)
        (folder / METADATA).write_text(metadata.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return Predictor.load(folder)


@contextmanager
def _staging_folder(out: Path | None) -> Iterator[Path]:
    """An empty folder, which becomes `out` if all goes well, and else is removed."""
    if out is not None and out.exists():
        raise AdoptError(f"{out}: is there already; accepted: a new folder. Remove it first, or name another")
    try:
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".adopting-", dir=out and out.parent) as parent:
            folder = Path(parent) / "bundle"
            folder.mkdir()
            yield folder
            if out is not None:
                folder.rename(out)
    except OSError as error:
        place = error.filename or out or "a temporary folder"
        raise AdoptError(f"{place}: cannot be read or written: {error.strerror}; accepted: one that can") from error


def _without_weights(network: KerasNetwork) -> KerasNetwork:
    """They may take much memory, and are in the file that was written."""
    return replace(network, layers=[replace(layer, weights=[]) for layer in network.layers])


def _session(path: Path, name: str) -> Network:
    """The network that was written, whose faults are those of the file that it was read from."""
    try:
        return Network(path)
    except NetworkError as error:
        raise NetworkError(f"{name}: {str(error).removeprefix(f'{path.name}: ')}") from error


def _read_tokenizer(network: KerasNetwork, options: AdoptOptions) -> KerasTokenizer:
    inside = network.text_vectorization
    if options.tokenizer is not None:
        tokenizer = read_tokenizer(options.tokenizer)
    elif inside is not None:
        tokenizer = from_text_vectorization(inside.vocabulary, inside.options, "the network")
    else:
        raise AdoptError(
            "The network takes ids, and nothing says which word has which; wanted: --tokenizer and the file of the "
            "Keras Tokenizer that made its ids: a pickle, or the JSON of its to_json() or word_index"
        )
    return replace(tokenizer, **options.tokenizer_settings)


def _choices(tokenizer: KerasTokenizer, steps: int | None, network: Network, options: AdoptOptions) -> _Choices:
    labels, threshold = _labels(options.labels, network.classes), _threshold(options.threshold, network.classes)
    sequences, rows = _sequences(tokenizer, steps, network, options)
    rows = [_labels_row(options.labels, labels), *rows, _threshold_row(options, labels, threshold)]
    return _Choices(labels, sequences, threshold, rows)


def _sequences(
    tokenizer: KerasTokenizer, steps: int | None, network: Network, options: AdoptOptions
) -> tuple[PadSequences, list[SettingRow]]:
    """How ids are cut and padded, and where each choice is from."""
    if network.steps is not None and options.max_length not in (None, network.steps):
        raise AdoptError(
            f"--max-length is {options.max_length}, but the network takes {network.steps} ids; accepted: none, or that"
        )
    keras = "TextVectorization's" if tokenizer.form == "TextVectorization" else "Keras's"
    side: Side = "post" if tokenizer.form == "TextVectorization" else "pre"
    no_limit = "no limit, for padding is masked" if network.masked else "no limit, and one text alone is not padded"
    lengths = {
        "--max-length": options.max_length,
        "the network's": steps,
        "the tokenizer's file": tokenizer.max_length,
        no_limit: None,
    }
    origin = next((name for name, length in lengths.items() if length is not None), no_limit)
    sequences = PadSequences(
        max_length=lengths[origin],
        padding=options.padding or side,
        truncating=options.truncating or side,
        padding_id=options.padding_id or 0,
    )
    default = f"{keras} default"
    rows = [
        SettingRow("length", str(sequences.max_length or "any"), origin),
        SettingRow("padding", sequences.padding, "--padding" if options.padding else default),
        SettingRow("truncating", sequences.truncating, "--truncating" if options.truncating else default),
        SettingRow("padding id", str(sequences.padding_id), default if options.padding_id is None else "--padding-id"),
    ]
    return sequences, rows


def _is_unpadded(network: KerasNetwork, session: Network) -> bool:
    """Whether Keras pads a single text not at all: a TextVectorization without a length pads to the longest of a batch.

    What then fails on one word is padded by its app: a window of a convolution or pooling has more steps.
    """
    return any(layer.kind == "TextVectorization" for layer in network.layers) and session.takes(1)


def _labels(names: Sequence[str], classes: int) -> list[str]:
    labels = list(names) or [str(index) for index in range(classes)]
    if len(labels) != classes:
        raise AdoptError(
            f"--labels names {len(labels)} ({', '.join(labels)}), the network has {classes} outputs, where a sigmoid "
            f"counts as two; accepted: {classes} names, in the order of its outputs"
        )
    if len({label.casefold() for label in labels}) < classes or not all(labels):
        raise AdoptError(f"--labels names {', '.join(map(repr, labels))}; accepted: a name of its own for each")
    return labels


def _labels_row(names: Sequence[str], labels: list[str]) -> SettingRow:
    origin = "--labels" if names else "the files do not name them; --labels does, in the order of the outputs"
    return SettingRow("labels", ", ".join(labels), origin)


def _threshold(threshold: float | None, classes: int) -> float:
    if threshold is None:
        return DEFAULT_THRESHOLD
    if classes != 2:
        raise AdoptError(f"--threshold is for two labels; the network has {classes}, and the most probable one wins")
    if not 0 < threshold < 1:
        raise AdoptError(f"--threshold is {threshold:g}; accepted: above 0 and below 1")
    return threshold


def _threshold_row(options: AdoptOptions, labels: list[str], threshold: float) -> SettingRow:
    if len(labels) != 2:
        return SettingRow("answer", "the most probable label", "as of every softmax")
    origin = "the usual threshold" if options.threshold is None else "--threshold"
    return SettingRow("answer", f"{labels[1]} where its probability is above {threshold:g}", origin)


def _known_answers(network: Network, encoder: KerasEncoder) -> list[KnownAnswer]:
    batches = [encoder.pad_batch([encoded]) for encoded in encoder.encode(SENTENCES)]
    try:
        rows = np.concatenate([network.run(*batch) for batch in batches])
    except Exception as error:  # ONNX Runtime's errors have no class in common
        raise AdoptError(f"The network fails on texts of {batches[0][0].shape[1]} ids: {error}") from error
    if not np.isfinite(rows).all():
        raise AdoptError("The network answers with numbers that are not finite; accepted: one that gives probabilities")
    answers = zip(SENTENCES, rows.tolist(), strict=True)
    return [KnownAnswer(text=text, probabilities=row) for text, row in answers]


def _metadata(
    model: Path,
    options: AdoptOptions,
    keras_version: str,
    folder: Path,
    choices: _Choices,
    rules: TextRules,
    known_answers: list[KnownAnswer],
) -> Metadata:
    files = {name: sha256(folder / name) for name in (NETWORK, TOKENIZER)}
    sources = [path for path in (model, options.architecture, options.tokenizer) if path is not None]
    return Metadata(
        name=options.name or model.stem,
        model_version=model_version(files, choices.labels, rules, decision_threshold=choices.threshold),
        inputs="text",
        origin="adopted",
        adopted_files=[AdoptedFile(file=path.name, sha256=sha256(path)) for path in sources],
        labels=choices.labels,
        files=files,
        known_answers=known_answers,
        temperature=1.0,
        text_rules=rules,
        decision_threshold=choices.threshold,
        libraries={"keras": keras_version, **{name: version(name) for name in LIBRARIES}},
    )
