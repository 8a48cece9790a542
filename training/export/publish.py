"""Publication of a finished bundle: two renames, so that a crash leaves the old one whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from serving.model.bundle import INPUT_FILES, METADATA, NETWORK, REPORT
from training.errors import PublishError

BUNDLE_NAMES = {NETWORK, *INPUT_FILES.values(), METADATA, REPORT}
IGNORED_NAMES = {".DS_Store"}


@contextmanager
def reserved(target: Path) -> Iterator[None]:
    """Keep a bundle's place for one process at a time: two would write over each other's state and staging folder.

    A killed one's reservation ends with it.

    Args:
        target: The bundle's folder.

    Raises:
        PublishError: Another process, or this one, has it already.
    """
    path = target.parent / f".{target.name}.lock"
    lock = FileLock(path, blocking=False)
    with _publish_errors(target):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise PublishError(
                f"{target}: another training is writing it; wait until it ends, or name another folder"
            ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open; it then stays, and reserves nothing
            path.unlink()  # before the release, after which it could be another's
        lock.release()


def check_replaceable(target: Path) -> None:
    """Refuse, before any work is done, a target that could not be written or holds anything but a bundle.

    Puts an old bundle back that a crash between the two renames left aside.

    Args:
        target: The bundle's folder, which need not exist.

    Raises:
        PublishError: It cannot be replaced.
    """
    with _publish_errors(target):
        if _aside(target).is_dir() and not target.exists():
            _aside(target).rename(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging_folder(target).rmdir()
        if not target.exists():
            return
        if not target.is_dir():
            raise PublishError(f"{target}: is a file; accepted: a new folder, or one with a bundle")
        if os.path.ismount(target):
            raise PublishError(f"{target}: is a mount point, which cannot be replaced; accepted: a folder inside it")
        names = {item.name for item in target.iterdir()} - IGNORED_NAMES
    if names - BUNDLE_NAMES or (names and METADATA not in names):
        others = ", ".join(sorted(names - BUNDLE_NAMES or names)[:5])
        raise PublishError(f"{target}: holds {others}; accepted: a new folder, or one with a bundle and nothing else")


def staging_folder(target: Path) -> Path:
    """An empty folder beside the target, for a bundle in the making."""
    folder = target.parent / f".{target.name}.staging"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def publish(staged: Path, target: Path) -> None:
    """Put a staged bundle in the target's place, and remove what stood there.

    The old bundle stands aside as `.NAME.old` for the moment between two renames. Whoever reads the target in that
    moment finds no bundle; a service that is told to load it then keeps the model that it has.

    Args:
        staged: A finished bundle on the same file system.
        target: The bundle's folder, which need not exist.

    Raises:
        PublishError: It could not be written. Everything is still there.
    """
    aside = _aside(target)
    with _publish_errors(target):
        _flush(staged)
        if not target.exists():
            staged.rename(target)
            return
        shutil.rmtree(aside, ignore_errors=True)
        target.rename(aside)
        try:
            staged.rename(target)
        except OSError:
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _aside(target: Path) -> Path:
    return target.parent / f".{target.name}.old"


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                os.fsync(file.fileno())


@contextmanager
def _publish_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise PublishError(f"{target}: cannot be written ({reason}); what was there is untouched") from error
