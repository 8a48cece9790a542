"""Corrections on the event loop: a store that is asked in threads of its own, within limits of number and time."""

from typing import Self

from serving.feedback.corrections import Correction, StoredCorrection
from serving.settings import Settings


class Feedback:
    """Corrections, for handlers on the event loop, which no database ever blocks.

    Attributes:
        available: whether the database answered when it was last asked; None before it was.
    """

    available: bool | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What these settings ask for. Nothing is asked of the database yet: it may be down when the service starts.

        Raises:
            SettingsError: the packages of requirements-feedback.txt are missing, or DATABASE_URL cannot be used.
        """
        raise NotImplementedError

    async def add(self, correction: Correction) -> str:
        """Keep a correction. Returns its id once it is committed; the same correction again is kept once.

        Raises:
            FeedbackUnavailable: the database failed or is too slow, or too many wait. Where it was slow, the correction
                may have been kept.
        """
        raise NotImplementedError

    async def page(self, limit: int, after: str | None = None) -> list[StoredCorrection]:
        """Some corrections, the oldest first.

        Args:
            limit: how many at most. Fewer mean that there are no more.
            after: the `cursor` of the last one of the page before.

        Raises:
            InvalidCursor: `after` is none.
            FeedbackUnavailable: see `add`.
        """
        raise NotImplementedError

    async def delete(self, id: str) -> bool:
        """Delete a correction. Returns whether there was such a one.

        Raises:
            FeedbackUnavailable: see `add`.
        """
        raise NotImplementedError

    async def run_retention(self) -> None:
        """Make the table, and delete what is older than FEEDBACK_DAYS, now and every hour, until it is cancelled.

        To be run as a task of the app's lifespan. Never raises where the database fails: it tries again.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Take nothing more, and let go of the database; in bounded time, also where that hangs."""
        raise NotImplementedError
