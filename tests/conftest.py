"""Fixtures that several packages' tests share."""

import shutil
from pathlib import Path

import pytest

from tests.bundles import write_bundle


@pytest.fixture(scope="session")
def pristine_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small whole bundle; read only."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_bundle(folder)
    return folder


@pytest.fixture
def bundle(pristine_bundle: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    return Path(shutil.copytree(pristine_bundle, tmp_path / "bundle"))
