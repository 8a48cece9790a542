"""Databases of both kinds, and stores in them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from serving.feedback.store import CorrectionStore

MakeStore = Callable[..., CorrectionStore]


@pytest.fixture
def open_store() -> Iterator[MakeStore]:
    """Stores in the database of a URL, closed at the test's end."""
    stores = []

    def open_one(url: str, **options: Any) -> CorrectionStore:
        stores.append(CorrectionStore(url, **({"timeout": 30.0, "pool_size": 2} | options)))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def make_store(open_store: MakeStore, url: str) -> MakeStore:
    """Stores in the test's database."""
    return partial(open_store, url)


@pytest.fixture
def store(make_store: MakeStore) -> CorrectionStore:
    return make_store()
