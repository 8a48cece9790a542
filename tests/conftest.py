"""Fixtures that several packages' tests share."""

import shutil
from pathlib import Path

import pytest

from tests.bundles import TINY


@pytest.fixture(scope="session")
def pristine_bundle() -> Path:
    """The committed tiny bundle; read only."""
    return TINY


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of it to break."""
    return Path(shutil.copytree(TINY, tmp_path / "bundle"))
