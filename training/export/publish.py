"""Publication of a finished bundle: two renames, so that a crash leaves the old one whole; it may be kept beside it."""

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
                f"{target}: another command is writing it; wait until it ends, or name another folder"
            ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open; it then stays, and reserves nothing
            path.unlink()  # before the release, after which it could be another's
        lock.release()


def check_replaceable(target: Path) -> None:
    """Refuse, before any work is done, a target that could not be written or holds anything but a bundle.

    Puts an old bundle back that a crash between the two renames left aside; one left aside later is kept.

    Args:
        target: The bundle's folder, which need not exist.

    Raises:
        PublishError: It cannot be replaced.
    """
    with _publish_errors(target):
        _settle(target)
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
    folder = _beside(target, "staging")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def previous_folder(target: Path) -> Path:
    """Where the bundle that stood in the target's place before is kept, if it is."""
    return _beside(target, "previous")


def check_apart(source: Path, target: Path) -> None:
    """Refuse a source that replacing the target would touch.

    Args:
        source: A bundle's folder, resolved.
        target: The bundle's folder that is to be replaced, resolved.

    Raises:
        PublishError: It is the target, a folder that is worked in beside it, or inside one of these.
    """
    touched = {target, previous_folder(target), _beside(target, "staging"), _beside(target, "old")}
    if found := touched & {source, *source.parents}:
        raise PublishError(f"{source}: is or lies in {found.pop()}, which is replaced; accepted: a folder elsewhere")


def stage_copy(source: Path, target: Path) -> Path:
    """A copy of a bundle in the target's staging folder.

    Args:
        source: A bundle's folder, of which only what belongs to a bundle is copied.
        target: The folder that it is to take the place of.

    Raises:
        PublishError: It could not be written. Nothing of it is left.
    """
    with _publish_errors(target):
        staged = staging_folder(target)
        try:
            for path in source.rglob("*"):
                relative = path.relative_to(source)
                if relative.parts[0] in BUNDLE_NAMES and path.is_file():
                    (staged / relative).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, staged / relative)  # without its rights: the source may be read-only
        except OSError:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    return staged


def publish(staged: Path, target: Path, *, keep: bool = False) -> None:
    """Put a staged bundle in the target's place, and keep or remove what stood there.

    The old bundle stands aside as `.NAME.old` for the moment between two renames. Whoever reads the target in that
    moment finds no bundle; a service that is told to load it then keeps the model that it has.

    Args:
        staged: A finished bundle on the same file system, which may be the one that is kept.
        target: The bundle's folder, which need not exist.
        keep: Whether the old bundle is kept, in the place of one kept before; else it is removed.

    Raises:
        PublishError: It could not be written. Everything is still there.
    """
    aside = _beside(target, "old")
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
    with suppress(OSError):  # the new bundle is in place; what is left aside is settled the next time
        _settle(target) if keep else _remove(aside, target)


def _beside(target: Path, what: str) -> Path:
    return target.parent / f".{target.name}.{what}"


def _settle(target: Path) -> None:
    """Give the bundle that stands aside its place: the target's, where that is empty, else that of the kept one."""
    aside, previous = _beside(target, "old"), previous_folder(target)
    if not aside.is_dir():
        return
    if target.exists():
        shutil.rmtree(previous, ignore_errors=True)
        aside.rename(previous)
    else:
        aside.rename(target)


def _remove(aside: Path, target: Path) -> None:
    """Remove the bundle that stands aside. Where that is cut short, no half of it is taken for a bundle."""
    rest = _beside(target, "staging")
    shutil.rmtree(rest, ignore_errors=True)
    aside.rename(rest)
    shutil.rmtree(rest, ignore_errors=True)


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
