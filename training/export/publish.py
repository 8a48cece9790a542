"""Puts a finished bundle at its place: verified first, then swapped, so that a crash leaves the old one whole."""

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from serving.model.bundle import METADATA, NETWORK, REPORT, TOKENIZER
from training.errors import PublishError

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h
OURS = {NETWORK, TOKENIZER, METADATA, REPORT}
IGNORED = {".DS_Store"}


@contextmanager
def reserved(target: Path) -> Iterator[None]:
    """For one training at a time: two would write over each other's state and bundle in the making.

    A killed one's reservation ends with it. Raises PublishError where another process, or this one, has it.
    """
    path = target.parent / f".{target.name}.lock"
    lock = FileLock(path, blocking=False)
    with _told(target):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise PublishError(
                f"{target}: another training writes it; wait for its end, or give another folder"
            ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open; it then stays, and reserves nothing
            path.unlink()  # before the release, after which it could be another's
        lock.release()


def check_replaceable(target: Path) -> None:
    """Refuse, before any work is done, a target that could not be written or holds anything but a bundle.

    Puts an old bundle back that a crash in the middle of a replacement left aside. Raises PublishError.
    """
    with _told(target):
        _restore(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging_folder(target).rmdir()
        if not target.exists():
            return
        if not target.is_dir():
            raise PublishError(f"{target}: is a file; accepted: a new folder, or one with a bundle")
        if os.path.ismount(target):
            raise PublishError(f"{target}: is a mount point, which cannot be replaced; accepted: a folder inside it")
        found = {item.name for item in target.iterdir()} - IGNORED
    if found - OURS or (found and METADATA not in found):
        others = ", ".join(sorted(found - OURS or found)[:5])
        raise PublishError(f"{target}: holds {others}; accepted: a new folder, or one with a bundle and nothing else")


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
    with _told(target):
        _flush(staged)
        if not target.exists():
            staged.rename(target)
        elif exchange(staged, target):
            shutil.rmtree(staged, ignore_errors=True)  # the new one is in place; the next run clears this away
        else:
            _replace_in_two_steps(staged, target)


def exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or a C library without it
        return False
    return int(renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)) == 0


def _replace_in_two_steps(staged: Path, target: Path) -> None:
    old = _aside(target)
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    try:
        staged.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _restore(target: Path) -> None:
    if _aside(target).is_dir() and not target.exists():
        _aside(target).rename(target)


def _aside(target: Path) -> Path:
    return target.parent / f".{target.name}.old"


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                os.fsync(file.fileno())


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PublishError(f"{target}: cannot be written ({error.strerror or error}); what was there stands") from error
