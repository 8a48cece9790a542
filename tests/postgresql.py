"""A real PostgreSQL server, which a test may stop, start and pause."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

DATABASE = "shared"
USER = "tester"


@dataclass(frozen=True, slots=True)
class Postgresql:
    """One server: the folder of its programs, and the one of its socket. It listens on no port."""

    programs: Path
    folder: Path

    @property
    def url(self) -> str:
        """Of the tests' database. There is no password; one in a URL is passed over."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.folder))}"

    def initialize(self) -> None:
        self._run("initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        self._control("-o", f"-k {self.folder} -c listen_addresses= -F", "start")

    def stop(self) -> None:
        """As where it crashes: nobody is waited for."""
        self._control("-m", "immediate", "stop")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Its processes stand still, while the system goes on taking connections and data for them."""
        main = int((self.folder / "cluster" / "postmaster.pid").read_text(encoding="ascii").split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()
        everyone = [main, *map(int, children)]
        for process in everyone:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in everyone:
                os.kill(process, signal.SIGCONT)

    def create(self) -> None:
        """Make the tests' database."""
        self.administer(f"CREATE DATABASE {DATABASE}")

    def drop(self) -> None:
        """Remove it, with whoever uses it."""
        self.administer(f"DROP DATABASE {DATABASE} WITH (FORCE)")

    def administer(self, statement: str) -> None:
        options = ["-q", "-h", str(self.folder), "-U", USER, "-d", "postgres", "-c", statement]
        subprocess.run([self.programs / "psql", *options], check=True, stdout=subprocess.DEVNULL)

    def close_connections(self) -> None:
        """Those to the tests' database, from the server's side."""
        self.administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'")

    def _control(self, *options: str) -> None:
        self._run("pg_ctl", "-w", "-t", "120", "-l", str(self.folder / "log"), *options)

    def _run(self, name: str, *options: str) -> None:
        command: list[str | Path] = [self.programs / name, "-D", str(self.folder / "cluster"), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **unprivileged())


@contextmanager
def running_server(programs: Path) -> Iterator[Postgresql]:
    """A new server, gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        server = Postgresql(programs, Path(folder))
        if account := unprivileged():
            os.chown(folder, account["user"], account["group"])
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            server.stop()


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
