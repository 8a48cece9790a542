"""Keras models of others: how many load, how near serving is to Keras, how fast it is beside it.

python -m benchmarks.adopted FOLDER [--seconds 10] [--no-speed]

FOLDER has a folder for each model: the model, its tokenizer, `meta.json` (what is known of it), `ref_ids.npz` (ids
padded before and after, and what Keras answers to each) and, where there is a tokenizer, `ref_texts.json` (texts, and
what the app answers to them, by variants of padding, truncating, length and cleaning). For the speed, each model that
has a tokenizer is served in turn by this service and by `model.predict` behind FastAPI. Needs wrk.
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.serving.contenders import OURS, TRAIN, Contender
from benchmarks.serving.load import FORM, need_wrk, run_wrk, tweets, write_bodies
from benchmarks.serving.processes import NotRunnableError, running
from serving.adopt.adopt import AdoptOptions, adopt
from serving.adopt.conversion import load_network
from serving.errors import AdoptError, ServingError
from serving.model.network import Network
from serving.model.text_rules import CleaningStep, Substitution

TOLERANCE = 1e-4
BATCH = 16
CONNECTIONS = 8

Meta = dict[str, Any]
Answers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one model: served, refused or wrong; the largest difference, or the refusal's sentence."""

    name: str
    kind: str
    difference: float = 0.0
    reason: str = ""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--speed", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    folders = sorted(path.parent for path in options.folder.glob("*/meta.json"))
    sys.stdout.write(summary([outcome(folder) for folder in folders]) + "\n")
    if options.speed:
        need_wrk()
        with tempfile.TemporaryDirectory() as work:
            sys.stdout.write("\n" + speeds(folders, options.seconds, Path(work)) + "\n")


def outcome(folder: Path) -> Outcome:
    """Hold one model to its references, ids and texts."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    try:
        network = load_network(folder / meta["file"], meta)
        differences = [_ids_difference(network, folder, meta), *_text_differences(folder, meta)]
    except ServingError as error:
        return Outcome(folder.name, "refused", reason=str(error))
    largest = max(differences)
    return Outcome(folder.name, "served" if largest <= TOLERANCE else "wrong", largest)


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many of each kind, the largest difference, and each refusal."""
    counts = Counter(one.kind for one in outcomes)
    largest = max((one.difference for one in outcomes if one.kind == "served"), default=0.0)
    lines = [", ".join(f"{count} {kind}" for kind, count in counts.most_common()) + f" of {len(outcomes)} models"]
    lines.append(f"largest difference from Keras among those served: {largest:.1e}")
    lines += [
        f"{one.name}: {one.kind}, {one.reason or f'{one.difference:.1e}'}" for one in outcomes if one.kind != "served"
    ]
    return "\n".join(lines)


def _ids_difference(network: Network, folder: Path, meta: Meta) -> float:
    """The largest difference over both paddings; of an unstable network, over the rows that rounding leaves alone."""
    references = np.load(folder / "ref_ids.npz")
    differences = []
    for side in ("pre", "post"):
        ids, expected = references[f"ids_{side}"], references[f"out_{side}"]
        exact = references.get(f"out64_{side}", expected)
        has_ids = (ids > 0).any(axis=1)
        stable = np.abs(exact - expected).reshape(len(ids), -1).max(axis=1) < (
            TOLERANCE / 100 if meta.get("unstable") else 1
        )
        rows = has_ids & stable
        answers = np.concatenate([_run(network, ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)])
        differences.append(_difference(answers[rows], expected[rows]))
    return max(differences)


def _run(network: Network, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    lengths = (ids != 0).sum(axis=1) if network.masked else np.full(len(ids), ids.shape[1])
    return network.run(ids.astype(np.int32), lengths.astype(np.int32))


def _text_differences(folder: Path, meta: Meta) -> list[float]:
    # Where rounding alone changes answers, as of a backward GRU of Keras 1, nothing tells which texts are stable.
    if meta.get("unstable") or not (folder / "ref_texts.json").exists():
        return []
    content = json.loads((folder / "ref_texts.json").read_text(encoding="utf-8"))
    differences = []
    for variant in content["variants"]:
        rows = [row for row, out in enumerate(variant["out"]) if out is not None]
        answers = answer_texts(folder, meta, variant)([content["texts"][row] for row in rows])
        differences.append(_difference(answers, np.array([variant["out"][row] for row in rows])))
    return differences


def _difference(answers: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """The largest; of one sigmoid only its own column is there to compare."""
    expected = expected.reshape(len(expected), -1)
    return float(np.abs(answers[:, -expected.shape[1] :] - expected).max())


def answer_texts(folder: Path, meta: Meta, variant: Meta) -> Callable[[Sequence[str]], Answers]:
    """The way from text to answer of a model, adopted as one variant of its references says.

    Args:
        folder: the model's.
        meta: its `meta.json`.
        variant: of its `ref_texts.json`: padding, truncating, maxlen, cleaning.

    Returns:
        A function from texts to probabilities, (texts, classes).

    Raises:
        ServingError: it cannot be adopted.
    """
    predictor = adopt(folder / meta["file"], None, adopt_options(folder, meta, variant), lambda _: None)
    return lambda texts: np.array([list(one.probabilities.values()) for one in predictor.predict(texts)])


def adopt_options(folder: Path, meta: Meta, variant: Meta) -> AdoptOptions:
    """The options that say what a variant says, and what the app's code says of a tokenizer whose file does not."""
    facts = json.loads((folder / "tokenizer_facts.json").read_text(encoding="utf-8"))
    said_by_code = {name: facts[name] for name in facts.get("added_from_code", []) if name != "max_length"}
    tokens = variant.get("tokens") or ""
    if "each character" in tokens:
        said_by_code |= {"char_level": True, "lower": None}
    if match := re.search(r"unknown is (\d+)", tokens):
        said_by_code["unknown_id"] = int(match[1])
    architecture = meta.get("architecture_file")
    return AdoptOptions(
        tokenizer=None if facts["file"] == meta["file"] else folder / facts["file"],
        architecture=folder / architecture if architecture else None,
        max_length=variant["maxlen"],
        padding=variant["padding"],
        truncating=variant["truncating"],
        cleaning=[*_cleaning(tokens.partition(", then each character")[0]), *_cleaning(variant.get("cleaning") or "")],
        tokenizer_settings=said_by_code,
    )


_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&"}


def _cleaning(description: str) -> list[CleaningStep | Substitution]:
    """The steps of a description such as `lower; http... removed; [^a-z] to blank`."""
    steps: list[CleaningStep | Substitution] = []
    for part in re.split(r"; |, (?=[^,]*(?:removed|decoded))", description):
        if part in ("", "keras Tokenizer", "the TextVectorization of the network"):
            continue
        if part == "lower":
            steps.append("lower")
        elif part == "HTML entities decoded":
            steps += [Substitution(pattern=entity, content=sign) for entity, sign in _ENTITIES.items()]
        elif part == "blanks joined":
            steps.append(Substitution(pattern=r"\s+", content=" "))
        elif match := re.fullmatch(r"(\[.+\]) (removed|to blank)", part):
            steps.append(Substitution(pattern=match[1], content="" if match[2] == "removed" else " "))
        elif match := re.fullmatch(r"(.+) removed", part):
            words = [re.escape(word.removesuffix("...")) + r"\S+" for word in match[1].split(" and ")]
            steps.append(Substitution(pattern="|".join(words), content=""))
        else:
            raise AdoptError(f"cleaning {part!r} is not understood here")
    return steps


def speeds(folders: Sequence[Path], seconds: float, work: Path) -> str:
    """A Markdown table of requests a second and memory of both ways, for each model with a tokenizer."""
    lines = [
        "| model | this service | Keras behind FastAPI | ratio | memory | Keras's memory |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    ratios = []
    for folder in folders:
        bundle = work / folder.name
        if not (folder / "ref_texts.json").exists() or not _adopted(folder, bundle):
            continue
        try:
            rows = [_measured(contender, bundle, seconds, work) for contender in _contenders(folder)]
        except NotRunnableError as error:
            lines.append(f"| {folder.name} | {error} | | | | |")
            continue
        (rate, memory), (keras_rate, keras_memory) = rows
        ratios.append(rate / keras_rate)
        lines.append(
            f"| {folder.name} | {rate:,.0f}/s | {keras_rate:,.1f}/s | {ratios[-1]:,.0f} "
            f"| {memory / 1024**2:,.0f} MB | {keras_memory / 1024**2:,.0f} MB |"
        )
    if ratios:
        lines.append(f"\nmedian: {median(ratios):,.0f} times as many requests a second")
    return "\n".join(lines)


def _adopted(folder: Path, bundle: Path) -> bool:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    content = json.loads((folder / "ref_texts.json").read_text(encoding="utf-8"))
    try:
        adopt(folder / meta["file"], bundle, adopt_options(folder, meta, content["variants"][0]), lambda _: None)
    except ServingError:
        return False
    return True


def _contenders(folder: Path) -> tuple[Contender, Contender]:
    """This service, and Keras of the model's own age behind FastAPI."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    library = "keras" if str(meta.get("keras_version")).startswith("3") else "tf_keras"
    command = ("-m", "uvicorn", "benchmarks.serving.peers.adopted:app", "--port", "{port}", "--log-level", "warning")
    keras = Contender(
        "Keras behind FastAPI",
        FORM,
        (*command, "--no-access-log"),
        environment=TRAIN,
        variables={"MODEL_FILE": str((folder / meta["file"]).resolve()), "KERAS": library},
        connections=CONNECTIONS,
    )
    return replace(OURS, connections=CONNECTIONS), keras


def _measured(contender: Contender, bundle: Path, seconds: float, work: Path) -> tuple[float, int]:
    """Requests a second and resident bytes under load."""
    bodies = work / "bodies"
    write_bodies(tweets(), FORM, bodies)
    first = bodies.read_text(encoding="utf-8").splitlines()[0]
    with running(contender, bundle, first, work / "log") as server:
        load = run_wrk(server.port, FORM, bodies, connections=contender.connections, seconds=seconds)
        return load.rate, server.memory


if __name__ == "__main__":
    main()
