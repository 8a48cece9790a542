"""Files of this machine; those of S3 are in test_s3."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from serving.errors import FileError
from serving.scoring.storage import ArrowStorage, LocalStorage, StoredFile, is_below, joined, storage_of
from tests.serving.scoring.folders import fill, stored


def names(pattern: Path | str) -> list[str]:
    return [file.name for file in storage_of(str(pattern)).find(str(pattern))]


def test_a_file_is_found_by_its_own_name(tmp_path: Path) -> None:
    path = fill(tmp_path, "in/a.csv") / "in" / "a.csv"
    assert list(storage_of(str(path)).find(str(path))) == [stored(path, "a.csv")]


def test_a_folder_is_all_that_lies_below_it_in_order(tmp_path: Path) -> None:
    fill(tmp_path, "b.csv", "a.csv", "2024/may.csv", "2024/01/x.csv", "10.csv")
    assert sorted(names(tmp_path)) == ["10.csv", "2024/01/x.csv", "2024/may.csv", "a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in/*.csv", ["a.csv", "b.csv"]),
        ("in/?.csv", ["a.csv", "b.csv"]),
        ("in/[a].csv", ["a.csv"]),
        ("*/sub/*.csv", ["in/sub/c.csv"]),
        ("in/**/*.csv", ["a.csv", "b.csv", "sub/c.csv"]),
        ("in/*.tsv", []),
        ("other/*.csv", []),
    ],
)
def test_names_of_a_pattern_are_below_its_first_fixed_folder(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    fill(tmp_path, "in/a.csv", "in/b.csv", "in/sub/c.csv")
    assert names(tmp_path / pattern) == expected


def test_a_pattern_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fill(tmp_path, "a.csv", "b.tsv"))
    assert names("*.csv") == ["a.csv"]


@pytest.mark.parametrize("pattern", ["in/**.csv", "s3://bucket/in/**.csv"])
def test_what_is_no_pattern_is_refused(tmp_path: Path, pattern: str) -> None:
    fill(tmp_path, "in/a.csv")
    storage = ArrowStorage("s3://bucket/", Minio(), str(tmp_path)) if "://" in pattern else LocalStorage()
    with pytest.raises(
        FileError, match=r"in/\*\*\.csv: is no pattern .*; accepted: patterns such as 'in/\*\*/\*\.csv'"
    ):
        list(storage.find(pattern if "://" in pattern else str(tmp_path / pattern)))


def test_links_to_folders_are_followed_but_not_round_and_round(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.csv", "in/sub/b.csv", "elsewhere/c.csv")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "sub" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "elsewhere" / "itself").symlink_to(tmp_path / "elsewhere")
    assert sorted(names(tmp_path / "in")) == ["a.csv", "link/c.csv", "sub/b.csv"]
    assert sorted(names(tmp_path / "in/**/*.csv")) == ["a.csv", "link/c.csv", "sub/b.csv"]
    assert names(tmp_path / "in/*/c.csv") == ["link/c.csv"]


def test_a_link_that_leads_nowhere_is_named_unless_it_is_hidden_or_not_asked_for(tmp_path: Path) -> None:
    """Emacs locks a file by a link that is called .#a.csv and leads nowhere."""
    fill(tmp_path, "in/a.csv")
    (tmp_path / "in" / ".#a.csv").symlink_to("me@machine.1234:5")
    assert names(tmp_path / "in") == names(tmp_path / "in/*.csv") == ["a.csv"]
    (tmp_path / "in" / "b.csv").symlink_to(tmp_path / "gone")
    for path in ("in", "in/*.csv"):
        with pytest.raises(FileError, match=r"in/b\.csv: cannot be read \(it is a link that leads nowhere\)"):
            names(tmp_path / path)
    assert names(tmp_path / "in/a*.csv") == ["a.csv"]


@pytest.mark.skipif(sys.platform != "linux", reason="the length of a path is limited otherwise")
def test_a_folder_that_cannot_be_listed_is_named_unless_it_is_hidden(tmp_path: Path) -> None:
    """One whose path is too long, for the permissions of others do not hinder root."""
    fill(tmp_path, "in/a.csv")
    folder, part = os.open(fill(tmp_path, "in/.deep/b.csv") / "in" / ".deep", os.O_RDONLY), "x" * 250
    for _ in range(20):
        os.mkdir(part, dir_fd=folder)
        above, folder = folder, os.open(part, os.O_RDONLY, dir_fd=folder)
        os.close(above)
    os.close(folder)
    assert sorted(names(tmp_path / "in")) == [".deep/b.csv", "a.csv"]
    (tmp_path / "in" / ".deep").rename(tmp_path / "in" / "deep")
    for path in ("in", "in/**/*.csv"):
        with pytest.raises(FileError, match=r"xxx: cannot be read \(File name too long\)"):
            names(tmp_path / path)
    assert names(tmp_path / "in/*.csv") == ["a.csv"]


class Minio:
    """Files of this machine, told as MinIO does: those that are listed with milliseconds, a single one without."""

    def get_file_info(self, which: Any) -> list[fs.FileInfo]:
        infos: list[fs.FileInfo] = fs.LocalFileSystem().get_file_info(which)
        return infos if isinstance(which, fs.FileSelector) else [self._without_milliseconds(info) for info in infos]

    def _without_milliseconds(self, info: fs.FileInfo) -> fs.FileInfo:
        seconds = (info.mtime_ns or 0) // 10**9
        return fs.FileInfo(info.path, info.type, size=info.size, mtime_ns=seconds * 10**9)


def test_a_file_of_s3_is_the_same_whether_it_is_listed_or_named_alone(tmp_path: Path) -> None:
    os.utime(fill(tmp_path, "in/a.csv") / "in" / "a.csv", ns=(1, 1_700_000_006_821_000_000))
    storage = ArrowStorage("s3://bucket/", Minio(), str(tmp_path))
    (listed,), (matching,) = storage.find("s3://bucket/in"), storage.find("s3://bucket/in/*.csv")
    (alone,) = storage.find("s3://bucket/in/a.csv")
    assert listed == matching == alone == storage.stat("s3://bucket/in/a.csv")
    assert alone.modified == 1_700_000_006_000_000_000


def test_a_file_may_be_called_like_a_pattern(tmp_path: Path) -> None:
    fill(tmp_path, "a[1].csv", "a1.csv")
    assert names(tmp_path / "a[1].csv") == ["a[1].csv"]


@pytest.mark.parametrize(
    ("name", "is_hidden"),
    [("a.csv", False), (".a.csv", True), ("_m/a.csv", True), ("x/.git/a.csv", True), ("a_.csv", False)],
)
def test_what_is_hidden(name: str, is_hidden: bool) -> None:
    assert StoredFile(f"/in/{name}", name, 1, 1).is_hidden == is_hidden


def test_what_is_written_is_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.json"
    LocalStorage().write(str(path), b"{}")
    LocalStorage().write(str(path), b"{1}")
    assert path.read_bytes() == b"{1}"
    assert os.listdir(path.parent) == ["x.json"]  # noqa: PTH208


def test_an_attempt_sweeps_what_those_before_it_have_left_and_no_more(tmp_path: Path) -> None:
    fill(tmp_path, ".a.csv.k2j_9x.partial/a.csv", ".a.csv.gz.k2j_9x.partial/a.csv.gz", "b.csv")
    storage = LocalStorage()
    with storage.workplace(str(tmp_path / "a.csv")) as folder:
        (folder / "a.csv").write_bytes(b"text\n")
        storage.publish(folder / "a.csv", str(tmp_path / "a.csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.csv.gz.k2j_9x.partial", "a.csv", "b.csv"]


def test_an_attempt_that_is_interrupted_sweeps_too(tmp_path: Path) -> None:
    fill(tmp_path, ".a.csv.k2j_9x.partial/a.csv")
    with pytest.raises(KeyboardInterrupt), LocalStorage().workplace(str(tmp_path / "a.csv")):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_fault_names_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    storage, below = LocalStorage(), str(tmp_path / "file" / "a.csv")
    with pytest.raises(FileError, match=r"a\.csv: cannot be written"), storage.workplace(below):
        pass
    with pytest.raises(FileError, match=r"a\.csv: cannot be read"), storage.opened(below):
        pass
    with pytest.raises(FileError, match=r"a\.csv: cannot be removed"):
        storage.remove(below)
    storage.remove(str(tmp_path / "gone"))


@pytest.mark.parametrize("url", ["gs://bucket/in", "https://example.com/a.csv", "s3://", "s3://key:secret@bucket/in"])
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(FileError, match=r"accepted: files and folders of this machine, and s3://BUCKET/KEY") as refused:
        storage_of(url)
    assert "secret" not in str(refused.value)


def test_places(tmp_path: Path) -> None:
    assert joined("s3://bucket/out/", "a/b.csv") == "s3://bucket/out/a/b.csv"
    assert joined(str(tmp_path), "a/b.csv") == str(tmp_path / "a" / "b.csv")
    assert is_below(str(tmp_path / "a" / ".." / "b"), str(tmp_path / "b"))
    assert not is_below(str(tmp_path / "bc"), str(tmp_path / "b"))
    assert is_below("s3://bucket/out/a", "s3://bucket/out/")
    assert not is_below("s3://bucket/outer/a", "s3://bucket/out")
    assert not is_below(str(tmp_path), "s3://bucket/out")
