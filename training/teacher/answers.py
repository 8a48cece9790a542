"""A teacher's answers to the texts of a recipe, written chunk by chunk into one file."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from training.data.dataset import load_dataset
from training.data.teacher_file import Hashes, TeacherFile, text_hashes
from training.data.weak_labels import load_weak_labels
from training.errors import DataError
from training.fit.batches import Batches
from training.fit.loop import predict
from training.inputs.text import TextEncoding
from training.recipe.recipe import Recipe
from training.teacher.finetuning import Teacher
from training.teacher.texts import encoder_text
from training.types import Floats

MAX_BYTES = 8_000_000  # of a file of answers, which is kept in a repository
CHUNK = 4096  # texts between two writes: about a minute's work, and enough to be sorted by length
BATCH = 64

OnChunk = Callable[[int, int], None]


def write_answers(
    teacher: Teacher,
    texts: Sequence[str],
    out: Path,
    on_chunk: OnChunk,
    *,
    max_bytes: int = MAX_BYTES,
    chunk: int = CHUNK,
) -> TeacherFile:
    """Ask a teacher for every text that its file has no answer for yet.

    Args:
        teacher: The teacher.
        texts: Those that come first count first where not all have room.
        out: The file of answers. One of the same teacher is added to; so an interrupted run goes on.
        on_chunk: Told of texts done and texts in all, after each write.
        max_bytes: Size of the answers, their container apart.
        chunk: Texts between two writes.

    Returns:
        What the file then has.

    Raises:
        DataError: The file cannot be read or written, or is of another teacher.
    """
    file = TeacherFile.read(out) if out.exists() else TeacherFile.empty(teacher.info)
    if file.info != teacher.info:
        raise DataError(
            f"{out}: holds answers of {file.info.name} {file.info.model_version}; accepted: those of "
            f"{teacher.info.name} {teacher.info.model_version}, or another --out"
        )
    hashes = text_hashes(texts)
    waiting = _waiting(file, hashes, max_bytes)
    encoding = TextEncoding(teacher.tokenizer)
    for start in range(0, len(waiting), chunk):
        rows = waiting[start : start + chunk]
        file = file.with_answers(hashes[rows], _ask(teacher, encoding, [texts[row] for row in rows]))
        file.write(out)
        on_chunk(min(start + chunk, len(waiting)), len(waiting))
    return file


def texts_of(recipe: Recipe, paths: Sequence[Path], sources: Sequence[str] = ()) -> list[str]:
    """The texts that a fit by this recipe learns from: labelled ones first, then source by source, the smaller first.

    Within a source of weak labels they come in the order of their hashes, so that what has no room is drawn by chance.

    Args:
        recipe: The recipe.
        paths: Its data files.
        sources: Only texts of these; none: of all.

    Raises:
        DataError: A file cannot be used, or the recipe has no such source.
    """
    if unknown := sorted(set(sources) - {source.key for source in recipe.data.sources}):
        accepted = ", ".join(dict.fromkeys(source.key for source in recipe.data.sources)) or "none"
        raise DataError(f"--source: found {unknown}; accepted: {accepted}")
    dataset = load_dataset(paths, recipe.data, recipe.split_seed)
    frames = [dataset.train]
    tasks = {source.key for source in recipe.data.task_sources}
    if tasks & set(sources) if sources else tasks:
        weak = load_weak_labels(paths, recipe.data, dataset, recipe.split_seed).rows
        weak = weak.assign(hash=text_hashes(weak.row.tolist()), size=weak.groupby("source").row.transform("size"))
        frames.append(weak.sort_values(["size", "source", "hash"]))
    rows = pd.concat(frames)
    return list(rows.row[rows.source.isin(sources)] if sources else rows.row)


def _waiting(file: TeacherFile, hashes: Hashes, max_bytes: int) -> Sequence[int]:
    """Rows of texts without an answer, each text once, as far as there is room for them."""
    _, first = np.unique(hashes, return_index=True)
    rows = np.sort(first)
    rows = rows[file.find(hashes[rows]) < 0]
    bytes_each = hashes.itemsize + file.answers.itemsize * file.answers.shape[1]
    room = max_bytes // bytes_each - len(file.hashes)
    return [int(row) for row in rows[: max(0, room)]]


def _ask(teacher: Teacher, encoding: TextEncoding, texts: Sequence[str]) -> Floats:
    encoded = encoding.encode([encoder_text(text) for text in texts])
    targets = np.zeros((len(texts), len(teacher.info.labels)), np.float32)
    return predict(teacher.network, Batches(encoding, encoded, targets, np.ones(len(texts), np.float32), BATCH))
