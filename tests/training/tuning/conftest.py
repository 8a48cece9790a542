"""Data for a search, and storages that several processes can share."""

import csv
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "d.csv"
    rows = [(f"{word} {noun} {i}", word) for i in range(8) for word in ("good", "bad") for noun in ("show", "tea")]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture(params=["journal", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty one of each kind."""
    if request.param == "journal":
        return f"journal:{tmp_path / 'shared' / 'trials.log'}"
    return str(request.getfixturevalue("database"))


@pytest.fixture
def database(postgresql: tuple[Path, Path]) -> Iterator[str]:
    """The URL of a new database."""
    programs, folder = postgresql
    options = ["-h", str(folder), "-U", "search", "trials"]
    subprocess.run([programs / "createdb", *options], check=True)
    yield f"postgresql://search@/trials?host={quote(str(folder))}"
    subprocess.run([programs / "dropdb", "--force", *options], check=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[tuple[Path, Path]]:
    """A real PostgreSQL server, as the folders of its programs and of its socket. It listens on no port."""
    programs = postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed; on Debian, `apt install postgresql` brings it")
    with tempfile.TemporaryDirectory() as place:
        folder, account = Path(place), unprivileged()
        if account:
            os.chown(folder, account["user"], account["group"])

        def run(name: str, *options: str) -> None:
            arguments = ["-D", str(folder / "cluster"), *options]
            subprocess.run([programs / name, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=folder, **account)

        run("initdb", "-U", "search", "-A", "trust", "-E", "UTF8", "--no-sync")
        wait = ("-w", "-t", "120", "-l", str(folder / "log"))
        run("pg_ctl", *wait, "-o", f"-k {folder} -c listen_addresses= -F", "start")
        try:
            yield programs, folder
        finally:
            run("pg_ctl", *wait, "-m", "immediate", "stop")


def postgresql_programs() -> Path | None:
    """Debian keeps them out of the path, by version."""
    found = shutil.which("initdb") or next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    return Path(found).resolve().parent if found else None


def unprivileged() -> dict[str, Any]:
    """The account to run the server as, which refuses to run as root."""
    if os.getuid():
        return {}
    import pwd  # which Windows lacks

    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
