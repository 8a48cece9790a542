import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pydantic import SecretStr

from serving.errors import DatabaseError, FeedbackUnavailable, InvalidCursor, SettingsError
from serving.feedback.corrections import Correction
from serving.feedback.service import Feedback
from serving.feedback.store import CorrectionStore
from serving.settings import Settings
from tests.postgresql import Postgresql
from tests.serving.fakes import FakeStore, fake_feedback
from tests.serving.feedback.conftest import MakeStore

pytestmark = pytest.mark.anyio

GIVEN = Correction("so good", "negative", "positive", "0123456789ab", "irony")


@asynccontextmanager
async def opened(store: CorrectionStore, **options: Any) -> AsyncIterator[Feedback]:
    feedback = Feedback(store, **({"timeout": 30.0} | options))
    try:
        yield feedback
    finally:
        await feedback.aclose()


class GatedStore(CorrectionStore):
    """Waits in each `add` until its gate is open."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"sqlite:///{folder / 'feedback.db'}", timeout=30, pool_size=2)
        self.gate = Event()
        self.started: list[str] = []

    def add(self, correction: Correction) -> str:
        self.started.append(correction.text)
        assert self.gate.wait(timeout=60)
        return super().add(correction)


@pytest.fixture
def gated(tmp_path: Path) -> GatedStore:
    return GatedStore(tmp_path)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_it_keeps_shows_and_deletes(store: CorrectionStore) -> None:
    async with opened(store) as feedback:
        assert feedback.available is None
        id = await feedback.add(GIVEN)
        assert feedback.available
        assert await feedback.add(GIVEN) == id
        (stored,) = await feedback.page(10)
        assert (stored.id, stored.correct) == (id, "positive")
        assert await feedback.page(10, stored.cursor) == []
        assert await feedback.delete(id)
        assert not await feedback.delete(id)


async def test_what_is_no_cursor_says_nothing_of_the_database(store: CorrectionStore) -> None:
    async with opened(store) as feedback:
        with pytest.raises(InvalidCursor):
            await feedback.page(10, "nonsense")
        assert feedback.available is None


async def test_a_database_that_is_stopped_and_started(
    database: str, postgresql: Postgresql, open_store: MakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "serving.feedback")
    async with opened(open_store(database)) as feedback:
        for _ in range(2):
            await feedback.add(GIVEN)
            with postgresql.stopped():
                for _ in range(2):
                    with pytest.raises(FeedbackUnavailable) as caught:
                        await feedback.add(GIVEN)
                assert feedback.available is False
        await feedback.add(GIVEN)
        assert feedback.available
    assert (caught.value.status, caught.value.error_code) == (503, "feedback_unavailable")
    assert int(caught.value.headers["Retry-After"]) > 0
    assert "tester" not in caught.value.detail, "how and where it is kept is for the log"
    lines = [record.getMessage().partition(".")[0] for record in caplog.records]
    kept = "Corrections are kept in postgresql+psycopg://tester@/shared"
    assert lines == [kept, "Corrections cannot be kept", kept, "Corrections cannot be kept", kept]


async def test_a_database_that_is_down_at_the_start(
    database: str, postgresql: Postgresql, open_store: MakeStore
) -> None:
    async with opened(open_store(database)) as feedback:
        with postgresql.stopped():
            retention = asyncio.create_task(feedback.run_retention(retry=0.05))
            await until(lambda: feedback.available is False)
        await until(lambda: feedback.available is True)
        retention.cancel()
        assert await feedback.page(10) == []


async def test_a_database_that_fails_later_is_asked_again_soon() -> None:
    store = FakeStore()
    feedback = fake_feedback(store)
    retention = asyncio.create_task(feedback.run_retention(retry=0.05))
    for _ in range(2):
        await until(lambda: feedback.available is True)
        store.fault = DatabaseError("memory: forgotten")
        with pytest.raises(FeedbackUnavailable):
            await feedback.add(GIVEN)
        store.fault = None
    await until(lambda: feedback.available is True)
    retention.cancel()
    await feedback.aclose()


async def test_more_than_may_wait_are_refused_at_once(gated: GatedStore) -> None:
    async with opened(gated, threads=1, limit=2) as feedback:
        waiting = [asyncio.create_task(feedback.add(GIVEN)) for _ in range(2)]
        await until(lambda: len(gated.started) == 1)
        with pytest.raises(FeedbackUnavailable, match="2 requests wait"):
            await feedback.add(GIVEN)
        gated.gate.set()
        await asyncio.gather(*waiting)
        assert await feedback.add(GIVEN) == GIVEN.id, "their places are free again"


async def test_one_that_takes_too_long_is_given_up_while_the_loop_goes_on(gated: GatedStore) -> None:
    async with opened(gated, threads=1, limit=2, timeout=0.2) as feedback:
        slow = asyncio.create_task(feedback.add(GIVEN))
        turns = 0
        while not slow.done():
            await asyncio.sleep(0)
            turns += 1
        with pytest.raises(FeedbackUnavailable):
            await slow
        assert turns > 100
        assert feedback.available is False
        gated.gate.set()
        with suppress(FeedbackUnavailable):  # its thread may not be back yet
            await feedback.add(GIVEN)
        await until(lambda: len(gated.page(10)) == 1)


async def test_one_that_was_given_up_before_its_turn_is_never_started(gated: GatedStore) -> None:
    async with opened(gated, threads=1, timeout=0.2) as feedback:
        given_up = [feedback.add(Correction(text, "a", "b")) for text in ("first", "second")]
        results = await asyncio.gather(*given_up, return_exceptions=True)
        assert [type(result) for result in results] == [FeedbackUnavailable] * 2
        gated.gate.set()
    assert gated.started == ["first"]


async def test_a_caller_that_goes_away_gives_its_place_back(gated: GatedStore) -> None:
    async with opened(gated, threads=1, limit=2) as feedback:
        first, second = (asyncio.create_task(feedback.add(GIVEN)) for _ in range(2))
        await until(lambda: len(gated.started) == 1)
        second.cancel()
        await asyncio.wait([second])
        third = asyncio.create_task(feedback.add(GIVEN))
        gated.gate.set()
        assert await first == await third == GIVEN.id


async def test_it_ends_in_time_while_the_database_is_paused(
    database: str, postgresql: Postgresql, open_store: MakeStore
) -> None:
    feedback = Feedback(open_store(database, timeout=1.0), timeout=1.0)
    await feedback.add(GIVEN)
    with postgresql.paused():
        asked = [asyncio.create_task(feedback.add(Correction(f"{n}", "a", "b"))) for n in range(10)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(result) for result in results} == {FeedbackUnavailable}
        began = time.monotonic()
        await feedback.aclose()
        assert time.monotonic() - began < 15


async def test_what_is_too_old_is_deleted_again_and_again(open_store: MakeStore, url: str) -> None:
    times = [datetime.now(UTC)]
    store = open_store(url, clock=lambda: times[-1])
    for number in range(3):
        store.add(Correction(f"{number}", "a", "b"))
    async with opened(store, days=30) as feedback:
        retention = asyncio.create_task(feedback.run_retention(interval=0.01))
        await until(lambda: feedback.available is True)
        assert len(await feedback.page(10)) == 3
        times.append(times[-1] + timedelta(days=31))
        await until(lambda: store.page(10) == [])
        retention.cancel()


async def test_without_days_all_are_kept(open_store: MakeStore, url: str) -> None:
    store = open_store(url, clock=lambda: datetime(1990, 1, 1, tzinfo=UTC))
    store.add(GIVEN)
    async with opened(store) as feedback:
        retention = asyncio.create_task(feedback.run_retention(interval=0.001))
        await until(lambda: feedback.available is True)
        await asyncio.sleep(0.05)
        assert len(await feedback.page(10)) == 1
        retention.cancel()


async def test_as_settings_say(url: str) -> None:
    feedback = Feedback.of(Settings(database_url=SecretStr(url)))
    assert feedback.available is None
    await feedback.add(GIVEN)
    await feedback.aclose()


def test_settings_that_cannot_be_used() -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL is 'mysql://me:\*\*\*@host/x'; accepted is sqlite"):
        Feedback.of(Settings(database_url=SecretStr("mysql://me:hidden@host/x")))


@pytest.mark.parametrize("package", ["sqlalchemy", "psycopg"])
def test_without_its_packages(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "serving.feedback.store")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SettingsError, match=r"^FEEDBACK needs a package .* -r requirements-feedback.txt$"):
        Feedback.of(Settings(database_url=SecretStr("postgresql://me@host/x")))


IMPORTS = """
import sys
import serving.__main__, serving.server.__main__, serving.web.app, serving.feedback.service
from serving.settings import Settings
from serving.web.app import create_app
from tests.serving.fakes import FakePredictor
create_app(Settings(), FakePredictor())
print(sorted({"sqlalchemy", "psycopg", "serving.feedback.store"} & set(sys.modules)))
"""


def test_nothing_of_a_database_is_imported_where_it_is_off() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
