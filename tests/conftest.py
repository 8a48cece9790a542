"""Fixtures that several packages' tests share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import TINY
from tests.postgresql import Postgresql, postgresql_programs, running_server


@pytest.fixture(scope="session")
def pristine_bundle() -> Path:
    """The committed tiny bundle; read only."""
    return TINY


WITH_RAY = {"test_cluster.py", "test_ray_pool.py", "test_s3.py"}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of it to break."""
    return Path(shutil.copytree(TINY, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A real server, for all tests of one process."""
    programs = postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed; on Debian, `apt install postgresql` brings it")
    with running_server(programs) as server:
        yield server


@pytest.fixture
def database(postgresql: Postgresql) -> Iterator[str]:
    """The URL of a new database."""
    postgresql.create()
    yield postgresql.url
    postgresql.drop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a new database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'feedback.db'}"
    return str(request.getfixturevalue("database"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each file's tests in one process of pytest-xdist, as they share trainings, browsers and servers.

    Those of serving share nothing that is dear, and some files of theirs mostly wait, so they go wherever is room. All
    with Ray are one after the other: a test that kills one of its workers must find none of another's.
    """
    for item in items:
        if item.path.name in WITH_RAY:
            item.add_marker(pytest.mark.xdist_group("ray"))
        elif "tests/serving" not in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group(item.path.as_posix()))
