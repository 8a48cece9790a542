"""`promote`: a bundle takes another's place where it is shown to be as good on labelled rows, and goes back again."""

import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from rich.console import Console

from serving.errors import InvalidFields
from serving.model.metadata import Metadata, Row
from serving.model.predictor import Predictor
from training.console import Display, print_tables
from training.data.cleaning import Counts, merge_copies, text_key
from training.errors import DataError, PublishError, SignalError
from training.evaluation.evaluate import learned_from, read_labelled
from training.evaluation.paired import Comparison, compare_paired
from training.evaluation.results import disk_size
from training.evaluation.tables import count, difference_table, side_table, worth_of_few
from training.export.publish import (
    check_apart,
    check_replaceable,
    previous_folder,
    publish,
    reserved,
    stage_copy,
)
from training.types import Labels

# A candidate may lose less than this of macro recall. That it loses nothing at all could never be shown.
BOUND: Final = -0.01


def promote(
    candidate: Path,
    over: Path,
    paths: Sequence[Path],
    display: Display,
    how_read: Mapping[str, str] | None = None,
    *,
    force: bool = False,
    dry_run: bool = False,
    pid: int | None = None,
) -> None:
    """Compare two bundles on the same rows, and put a copy of the first in the second one's place if it is as good.

    The bundle that stood there is kept for `rollback`.

    Args:
        candidate: The bundle that is to take the place.
        over: The folder whose place it is.
        paths: Labelled files.
        display: Is told what there is to know; the tables are printed on stdout.
        how_read: `text`, `label`, `encoding` and `header` of the files, instead of what the candidate's recipe says.
        force: Whether to replace whatever the comparison says.
        dry_run: Whether to compare only.
        pid: The process of a service that is then told to load the bundle.

    Raises:
        PublishError: The candidate is not shown to be as good, or it cannot be written. Nothing was replaced.
        DataError: The files cannot be used, or the candidate has learned from one.
        BundleError: One of the bundles is broken.
        SignalError: The process is no service, and nothing was replaced; or it has ended since.
    """
    candidate, over = candidate.resolve(), over.resolve()
    check_service(pid)
    check_apart(candidate, over)
    with reserved(over):
        check_replaceable(over)
        new, old = Predictor.load(candidate), Predictor.load(over)
        if new.metadata.model_version == old.metadata.model_version:
            display.on_note(f"{over} has this model already ({_name(new.metadata)}): nothing is replaced.")
        else:
            _check_alike(new, old, display)
            _check_unseen(paths, new.metadata, old.metadata, display, force=force)
            rows, truth = _read(paths, new, old, how_read or {}, display)
            comparison = compare_paired(new, old, rows, truth)
            _show(comparison, {f"candidate {_name(new.metadata)}": candidate, f"in place {_name(old.metadata)}": over})
            _decide(comparison, display, force=force)
            if not dry_run:
                _replace(candidate, over, new.metadata.model_version)
                display.on_note(f"{over} is now {_name(new.metadata)}; {_name(old.metadata)} is kept for --rollback.")
    tell_service(None if dry_run else pid, display)


def rollback(over: Path, display: Display, pid: int | None = None) -> None:
    """Put the bundle back that stood in a place before. The newer one is kept, so that a second time brings it again.

    Args:
        over: The folder whose place it is.
        display: Is told what stands there then.
        pid: The process of a service that is then told to load the bundle.

    Raises:
        PublishError: None is kept, or it cannot be written. Nothing was replaced.
        BundleError: The kept one is broken.
        SignalError: The process is no service, and nothing was replaced; or it has ended since.
    """
    over = over.resolve()
    check_service(pid)
    with reserved(over):
        check_replaceable(over)
        previous = previous_folder(over)
        if not previous.is_dir():
            raise PublishError(f"{over}: no bundle is kept in {previous}; accepted: a folder that promote has replaced")
        metadata = Predictor.load(previous).metadata
        publish(previous, over, keep=True)
        display.on_note(f"{over} is {_name(metadata)} again; a second --rollback brings the newer one back.")
    tell_service(pid, display)


def _name(metadata: Metadata) -> str:
    return f"{metadata.name} {metadata.model_version}"


def _check_alike(new: Predictor, old: Predictor, display: Display) -> None:
    """Refuse a candidate whose requests or answers would be others; the order of the labels is told."""
    for (what, of_new), of_old in zip(_interface(new).items(), _interface(old).values(), strict=True):
        if of_new != of_old:
            raise PublishError(f"the candidate has {what} {of_new}; accepted: {of_old}, as the bundle in place has")
    if new.metadata.labels != old.metadata.labels:
        order = f"{', '.join(new.metadata.labels)}; in place {', '.join(old.metadata.labels)}"
        display.on_note(f"The labels have another order, in which answers then list them: {order}.")


def _interface(predictor: Predictor) -> dict[str, object]:
    """What whoever asks it relies on."""
    metadata, fields = predictor.metadata, predictor.fields
    kinds = {field.name: field.kind for field in fields.fields} if fields else {}
    return {"inputs": metadata.inputs, "labels": sorted(metadata.labels), "fields": dict(sorted(kinds.items()))}


def _check_unseen(paths: Sequence[Path], new: Metadata, old: Metadata, display: Display, *, force: bool) -> None:
    """Refuse files that the candidate knows by heart; the old model's only make the comparison harder to win."""
    for path in paths:
        if learned_from(path, old):
            display.on_note(f"The bundle in place was trained on rows of {path.name}: here it seems better than it is.")
        if learned_from(path, new):
            if not force:
                raise DataError(f"{path}: the candidate was trained on its rows; accepted: rows that it has not seen")
            display.on_note(f"The candidate was trained on rows of {path.name}: here it seems better than it is.")


def _read(
    paths: Sequence[Path], new: Predictor, old: Predictor, how_read: Mapping[str, str], display: Display
) -> tuple[list[Row], Labels]:
    """The rows of all files that both bundles accept, read by the candidate's rules, and the truth in its labels.

    None counts twice, which would narrow the interval: no file, and no text, as where several people label it.
    """
    distinct = {path.resolve(): path for path in paths}.values()
    parts = [read_labelled(path, new.metadata, **how_read) for path in distinct]
    for remark in (remark for part in parts for remark in part.remarks):
        display.on_note(remark)
    rows, truth = [row for part in parts for row in part.rows], np.concatenate([part.truth for part in parts])
    if not new.fields:
        rows, truth = _without_copies(rows, truth, display)
    accepted = [_accepts(old, row) for row in rows]
    if refused := accepted.count(False):
        display.on_note(f"{refused:,} rows are left out: the bundle in place accepts no such values")
    if refused == len(rows):
        raise DataError("--data: no row is left; accepted: rows that both bundles can answer, of one label each")
    return [row for row, good in zip(rows, accepted, strict=True) if good], truth[accepted]


def _without_copies(texts: Sequence[Row], truth: Labels, display: Display) -> tuple[list[Row], Labels]:
    """Each text once, with its majority label, as training counts copies."""
    counts: Counts = {}
    frame = pd.DataFrame({"row": texts, "label": truth, "key": [text_key(str(text)) or text for text in texts]})
    frame = merge_copies(frame, counts)
    if reasons := ", ".join(f"{reason}: {rows:,}" for reason, rows in counts.items() if rows):
        display.on_note(f"Each text counts once ({reasons})")
    return frame.row.tolist(), frame.label.to_numpy()


def _accepts(predictor: Predictor, row: Row) -> bool:
    if predictor.fields is None or isinstance(row, str):
        return True
    try:
        predictor.fields.parse(row)
    except InvalidFields:
        return False
    return True


def _show(comparison: Comparison, folders: Mapping[str, Path]) -> None:
    sizes = {name: disk_size(folder) for name, folder in folders.items()}
    print_tables([side_table(comparison, sizes), difference_table(comparison)], Console())


def _decide(comparison: Comparison, display: Display, *, force: bool) -> None:
    """Raise PublishError where the candidate is not shown to be as good, unless forced."""
    if few := worth_of_few(comparison.counts):
        display.on_note(f"Few rows to compare on: {few}")
    doubt = _doubt(comparison)
    if doubt and not force:
        raise PublishError(f"nothing is replaced: {doubt} --force replaces all the same.")
    display.on_note(f"By force, though {doubt}" if doubt else f"Good enough: {_found(comparison)}, above {BOUND}.")


def _found(comparison: Comparison) -> str:
    macro = comparison.differences.macro
    return f"the 95% interval of the difference in macro recall is {macro.low:+.3f} to {macro.high:+.3f}"


def _doubt(comparison: Comparison) -> str:
    """Why the candidate is not shown to be as good, in a sentence or two; empty where it is."""
    if unknown := [label for label, rows in comparison.counts.items() if not rows]:
        return f"the data have no row of {', '.join(map(repr, unknown))}; accepted: rows of each label."
    macro, rows = comparison.differences.macro, comparison.rows
    if macro.low > BOUND:
        return ""
    missing = macro.rows_missing(rows, BOUND)
    if missing is None:
        way = f"The difference itself, {macro.value:+.3f}, does not lie above: more rows would not help."
    else:
        stays = f"If the difference stays {macro.value:+.3f}"
        way = f"{stays}, about {count(missing)} more rows like these {count(rows)} would show that it does."
    return f"{_found(comparison)}; accepted: above {BOUND}. {way}"


def _replace(candidate: Path, over: Path, version: str) -> None:
    staged = stage_copy(candidate, over)
    try:
        if Predictor.load(staged).metadata.model_version != version:
            raise PublishError(f"{candidate}: is another model than the one that was compared; nothing was replaced")
        publish(staged, over, keep=True)
    finally:
        shutil.rmtree(staged, ignore_errors=True)  # where it has not become the bundle


def check_service(pid: int | None) -> None:
    """Refuse, before anything is done, a process that could not be told to load a bundle.

    Args:
        pid: Its id, or None.

    Raises:
        SignalError: It is not there, is another user's, would be ended by the signal, or is another program's.
    """
    if pid is None:
        return
    if not hasattr(signal, "SIGHUP"):
        raise SignalError("--pid: Windows has no SIGHUP; accepted: no --pid, and the service is started anew")
    _send(pid, 0, "nothing was replaced")
    if not _heeds_sighup(pid):
        raise SignalError(
            f"--pid {pid}: the process has no handler for SIGHUP, which would end it; accepted: that of "
            "`python -m serving.server`"
        )
    if (program := _other_program(pid)) is not None:
        raise SignalError(
            f"--pid {pid}: the process is of {program!r}, not of the service, and nothing was replaced; accepted: that "
            "of `python -m serving.server`, whose id is the first in its log"
        )


def tell_service(pid: int | None, display: Display) -> None:
    """Have a service load the bundle that is now in place.

    Args:
        pid: Its process, whose supervisor hands it on; or None.
        display: Is told.

    Raises:
        SignalError: It has ended.
    """
    if pid is not None:
        _send(pid, signal.SIGHUP, "the bundle is in place all the same")
        display.on_note(f"Process {pid} was told. Its log and the header X-Model-Version say when it has the model.")


def _send(pid: int, number: int, state: str) -> None:
    try:
        os.kill(pid, number)
    except OSError as error:
        raise SignalError(
            f"--pid {pid}: cannot be told ({error.strerror}), and {state}; accepted: the id of a service's process"
        ) from error


def _heeds_sighup(pid: int) -> bool:
    """Whether a process has a handler for SIGHUP or lets it wait, as while it loads; True where /proc does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return True
    masks = re.findall(r"^Sig(?:Cgt|Blk):\s*(\w+)$", status, re.MULTILINE)  # proc(5): bit 0 is signal 1
    return any(int(mask, 16) >> (signal.SIGHUP - 1) & 1 for mask in masks)


def _other_program(pid: int) -> str | None:
    """The name of a process's program, of whose arguments none names the service; None where /proc does not tell."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    return None if re.search(rb"\bserving\b", line) else Path(os.fsdecode(line.partition(b"\0")[0])).name
