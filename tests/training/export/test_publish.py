import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from serving.model.bundle import METADATA, NETWORK, REPORT, TOKENIZER, Bundle
from tests.bundles import TINY, relabel
from tests.deploy.services import ROOT, environment, free_port, http_client, running
from tests.faults.processes import wait_until
from training.errors import PublishError
from training.export.publish import check_replaceable, previous_folder, publish, reserved, staging_folder


def staged(target: Path, content: str = "new") -> Path:
    folder = staging_folder(target)
    for name in (NETWORK, TOKENIZER, METADATA):
        (folder / name).write_text(content, encoding="utf-8")
    (folder / REPORT).mkdir()
    return folder


def test_a_first_bundle(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "bundle"
    publish(staged(target), target)
    assert (target / NETWORK).read_text(encoding="utf-8") == "new"
    assert [path.name for path in target.parent.iterdir()] == ["bundle"]


def test_an_old_bundle_is_replaced_and_nothing_is_left_over(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    publish(staged(target, "old"), target)
    publish(staged(target), target)
    assert (target / NETWORK).read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_an_old_bundle_may_be_kept_and_takes_the_place_of_one_kept_before(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    for content in ("first", "second", "third"):
        publish(staged(target, content), target, keep=True)
    assert (target / NETWORK).read_text(encoding="utf-8") == "third"
    assert (previous_folder(target) / NETWORK).read_text(encoding="utf-8") == "second"
    publish(staged(target, "fourth"), target)
    assert (previous_folder(target) / NETWORK).read_text(encoding="utf-8") == "second", "of those that were kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".bundle.previous", "bundle"]


def test_one_that_a_crash_left_aside_behind_its_successor_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    publish(staged(target, "new"), target)
    staged(target, "old").rename(tmp_path / ".bundle.old")
    staged(target, "older").rename(previous_folder(target))
    check_replaceable(target)
    assert (target / NETWORK).read_text(encoding="utf-8") == "new"
    assert (previous_folder(target) / NETWORK).read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".bundle.previous", "bundle"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="an open folder has a path in /proc")
def test_a_service_finds_the_new_bundle_in_a_mounted_folder(tmp_path: Path) -> None:
    """An open folder is like one that is mounted: it stays itself, whatever takes its name."""
    target = Path(shutil.copytree(TINY, tmp_path / "models" / "mine"))
    new = Path(shutil.copytree(TINY, staging_folder(target), dirs_exist_ok=True))
    relabel(new, ["bad", "fair", "good"])
    version, port = Bundle.read(new).metadata.model_version, free_port()
    mount = os.open(target.parent, os.O_RDONLY)
    env = environment(MODEL_DIR=f"/proc/{os.getpid()}/fd/{mount}/mine", PORT=str(port))
    command = [sys.executable, "-m", "serving.server"]
    try:
        with (
            running(command, port=port, log=tmp_path / "log", cwd=ROOT, env=env) as service,
            http_client(service) as client,
        ):
            publish(new, target)
            service.process.send_signal(signal.SIGHUP)
            wait_until(lambda: client.get("/readyz").headers["X-Model-Version"] == version)
    finally:
        os.close(mount)


def test_a_replacement_that_fails_leaves_the_old_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "bundle"
    publish(staged(target, "old"), target)
    new = staged(target)
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        if self == new:
            raise OSError(28, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(PublishError, match=r"cannot be written \(No space left on device\); what was there is un"):
        publish(new, target)
    assert (target / NETWORK).read_text(encoding="utf-8") == "old"


def test_a_crash_between_the_renames_leaves_the_old_bundle_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run puts it back in its place."""
    target = tmp_path / "bundle"
    publish(staged(target, "old"), target)
    new, rename = staged(target), Path.rename

    def crashing(self: Path, to: Path) -> Path:
        if self == new:
            raise KeyboardInterrupt
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", crashing)
    with pytest.raises(KeyboardInterrupt):
        publish(new, target)
    monkeypatch.undo()
    assert not target.exists()
    check_replaceable(target)
    assert (target / NETWORK).read_text(encoding="utf-8") == "old"


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PublishError, match="cannot be written"):
        check_replaceable(tmp_path / "file" / "bundle")


def test_a_report_alone_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    with pytest.raises(PublishError, match="holds report"):
        check_replaceable(tmp_path)


def test_what_a_file_manager_leaves_is_no_obstacle(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    publish(staged(target, "old"), target)
    (target / ".DS_Store").touch()
    check_replaceable(target)


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(PublishError, match=r"holds thesis\.txt"):
        check_replaceable(tmp_path)
    with pytest.raises(PublishError, match="is a file"):
        check_replaceable(tmp_path / "thesis.txt")
    check_replaceable(tmp_path / "new")


def test_a_folder_is_reserved_for_one_training(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "bundle"
    with reserved(target), reserved(target.with_name("other")):
        with (
            pytest.raises(PublishError, match="bundle: another command is writing it; wait until it ends"),
            reserved(target),
        ):
            pytest.fail("two have it")
        with pytest.raises(PublishError), reserved(target):
            pytest.fail("the refused one freed it")
    with reserved(target):
        pass
    assert not list(target.parent.iterdir())


def test_a_reservation_ends_with_a_training_that_fails(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with pytest.raises(PublishError, match="holds"), reserved(target):
        raise PublishError("holds something else")
    with reserved(target):
        pass


def test_what_a_killed_training_leaves_reserves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".bundle.lock").touch()
    with reserved(tmp_path / "bundle"):
        pass
