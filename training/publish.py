"""Puts a finished bundle at its place: verified first, then swapped, so that a crash leaves the old one whole."""

import ctypes
import os
import shutil
from pathlib import Path

from serving.bundle import METADATA, NETWORK, REPORT, TOKENIZER
from training.errors import PublishError

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def check_replaceable(target: Path) -> None:
    """Refuse a target that holds anything but a bundle. Raises PublishError before any work is done."""
    if not target.exists():
        return
    if not target.is_dir():
        raise PublishError(f"{target}: is a file; accepted: a new folder, or one with a bundle")
    others = sorted({item.name for item in target.iterdir()} - {NETWORK, TOKENIZER, METADATA, REPORT})
    if others:
        raise PublishError(
            f"{target}: also holds {', '.join(others[:5])}; accepted: a folder with nothing but a bundle"
        )


def staging_folder(target: Path) -> Path:
    """An empty folder beside the target, for a bundle in the making."""
    folder = target.parent / f".{target.name}.staging"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def publish(staged: Path, target: Path) -> None:
    """Swap `staged` for `target`, which may not exist yet; what stood there before is removed after.

    On Linux both names change in one step (renameat2, RENAME_EXCHANGE). Elsewhere the old bundle stands aside for a
    moment as `.NAME.old`. Raises PublishError with everything still there.
    """
    check_replaceable(target)
    _flush(staged)
    if not target.exists():
        staged.rename(target)
    elif _exchange(staged, target):
        shutil.rmtree(staged)
    else:
        _replace_in_two_steps(staged, target)


def _replace_in_two_steps(staged: Path, target: Path) -> None:
    old = target.parent / f".{target.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    try:
        staged.rename(target)
    except OSError as error:
        old.rename(target)
        raise PublishError(f"{target}: could not be replaced ({error.strerror}); the old bundle stands") from error
    shutil.rmtree(old)


def _exchange(one: Path, other: Path) -> bool:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or a C library without it
        return False
    return int(renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)) == 0


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
