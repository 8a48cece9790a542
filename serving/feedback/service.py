"""Corrections on the event loop: a store that is asked in threads of its own, within limits of number and time."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Semaphore
from typing import TYPE_CHECKING, Self, TypeVar

from serving.errors import DatabaseError, FeedbackUnavailable, SettingsError, package_missing
from serving.feedback.corrections import Correction, StoredCorrection
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.feedback.store import CorrectionStore  # whose packages only those have who switch it on

T = TypeVar("T")

TIMEOUT = 5.0  # seconds; a database that is well answers within some milliseconds
THREADS = 2  # and connections of each process, of which Heroku's smallest database takes 20 in all
MOST_WAITING = 64  # which a database that is well has done long before the last of them is given up

RETENTION_INTERVAL = 3600.0  # seconds
RETRY_INTERVAL = 30.0  # seconds until a database that failed is asked whether it is back

_AGAIN = "Try again shortly; the same correction sent again is kept once."

_log = logging.getLogger(__name__)


class Feedback:
    """Corrections, for handlers on the event loop, which no database ever blocks.

    Args:
        store: where they are kept.
        days: after which they are deleted; None keeps them.
        timeout: seconds until a caller is answered that the database is too slow.
        threads: that ask the store.
        limit: of what is in work or waits for a thread; more is refused at once.

    Attributes:
        available: whether the database answered when it was last asked; None before it was.
        on_answer: is told that, on the event loop, each time.
    """

    def __init__(
        self,
        store: "CorrectionStore",
        *,
        days: int | None = None,
        timeout: float = TIMEOUT,
        threads: int = THREADS,
        limit: int = MOST_WAITING,
    ) -> None:
        self.available: bool | None = None
        self.on_answer: Callable[[bool], None] = lambda _: None
        self._store = store
        self._days = days
        self._timeout = timeout
        self._limit = limit
        self._places = Semaphore(limit)
        self._executor = ThreadPoolExecutor(threads, "feedback")
        self._fails = asyncio.Event()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What these settings ask for. Nothing is asked of the database yet: it may be down when the service starts.

        Raises:
            SettingsError: the packages of requirements-feedback.txt are missing, or DATABASE_URL cannot be used.
        """
        try:
            from serving.feedback.store import CorrectionStore

            store = CorrectionStore(settings.database_url.get_secret_value(), timeout=TIMEOUT, pool_size=THREADS)
        except ImportError:
            raise SettingsError(package_missing("FEEDBACK", "-r requirements-feedback.txt")) from None
        return cls(store, days=settings.feedback_days)

    async def add(self, correction: Correction) -> str:
        """Keep a correction. Returns its id once it is committed; the same correction again is kept once.

        Raises:
            FeedbackUnavailable: the database failed or is too slow, or too many wait. Where it was slow, the correction
                may have been kept.
        """
        return await self._ask(partial(self._store.add, correction))

    async def page(self, limit: int, after: str | None = None) -> list[StoredCorrection]:
        """Some corrections, the oldest first.

        Args:
            limit: how many at most. Fewer mean that there are no more.
            after: the `cursor` of the last one of the page before.

        Raises:
            InvalidCursor: `after` is none.
            FeedbackUnavailable: see `add`.
        """
        return await self._ask(partial(self._store.page, limit, after))

    async def delete(self, id: str) -> bool:
        """Delete a correction. Returns whether there was such a one.

        Raises:
            FeedbackUnavailable: see `add`.
        """
        return await self._ask(partial(self._store.delete, id))

    async def run_retention(self, *, interval: float = RETENTION_INTERVAL, retry: float = RETRY_INTERVAL) -> None:
        """Make the table, and delete what is older than FEEDBACK_DAYS, now and every hour, until it is cancelled.

        To be run as a task of the app's lifespan. Where the database fails, whoever asked it, it is asked again soon,
        so that `available` does not wait for a user.

        Args:
            interval: seconds between two times.
            retry: seconds from when the database fails.
        """
        while True:
            with suppress(FeedbackUnavailable):
                await self._retain()
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._fails.wait()
                    await asyncio.sleep(retry)

    async def aclose(self) -> None:
        """Take nothing more, and let go of the database.

        In bounded time, also where that hangs: what a store is asked ends by itself.
        """
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        self._store.close()

    async def _ask(self, ask: Callable[[], T]) -> T:
        """Ask the store in a thread. What is given up there goes on, but its answer is heard by nobody."""
        if not self._places.acquire(blocking=False):
            raise FeedbackUnavailable(f"{self._limit} requests wait for the database of corrections already. {_AGAIN}")
        future = self._executor.submit(ask)
        future.add_done_callback(lambda _: self._places.release())
        try:
            async with asyncio.timeout(self._timeout):
                answer = await asyncio.wrap_future(future)
        except TimeoutError:
            self._tell(f"{self._store.name}: no answer within {self._timeout:g} seconds")
        except DatabaseError as error:
            self._tell(str(error))
        else:
            self._tell("")
            return answer
        raise FeedbackUnavailable(f"Corrections cannot be read or kept for now. {_AGAIN}")

    async def _retain(self) -> None:
        await self._ask(self._store.prepare)
        if self._days is None:
            return
        deleted = 0
        while count := await self._ask(partial(self._store.delete_older_than, self._days)):
            deleted += count
        if deleted:
            _log.info("%d corrections were older than %d days and are deleted", deleted, self._days)

    def _tell(self, fault: str) -> None:
        """Remember whether the database answered, and log it where that is new."""
        is_new, self.available = self.available is not (not fault), not fault
        if fault:
            self._fails.set()
        else:
            self._fails.clear()
        self.on_answer(self.available)
        if is_new and fault:
            _log.warning("Corrections cannot be kept. %s", fault)
        elif is_new:
            _log.info("Corrections are kept in %s", self._store.name)
