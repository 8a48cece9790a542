"""Admission control: how much may wait or be in work at once."""

from collections.abc import Callable
from threading import Lock

from serving.errors import Overloaded

_RETRY_LATER = {"Retry-After": "1"}


class Admission:
    """Counts texts, wherever they come from, and refuses those that do not fit under `limit`. Safe in any thread.

    Args:
        limit: texts that may wait or be in work at once.
        on_release: is told the load each time that some of it is done or dropped, in the order in which it is.

    Attributes:
        noun: what a sentence calls them: texts, or rows.
    """

    noun = "texts"

    def __init__(self, limit: int, on_release: Callable[[int], None] = lambda _: None) -> None:
        self.limit = limit
        self._on_release = on_release
        self._load = 0
        self._lock = Lock()

    @property
    def load(self) -> int:
        """Texts that wait or are in work."""
        return self._load

    @property
    def full(self) -> bool:
        """Whether not even one text more would fit."""
        return self._load >= self.limit

    def refused(self) -> Overloaded:
        """The answer to a caller for whom no place is left."""
        return Overloaded(
            f"The queue is full: {self.limit:,} {self.noun} wait or are in work, the most that are accepted at once. "
            "Try again shortly.",
            headers=_RETRY_LATER,
        )

    def admit(self, texts: int) -> None:
        """Count so many texts.

        Raises:
            Overloaded: they do not fit; none of them is then counted.
        """
        with self._lock:
            if self._load >= self.limit and texts:
                raise self.refused()
            if self._load + texts > self.limit:
                raise Overloaded(
                    f"The queue is full: {self._load:,} {self.noun} wait or are in work and {texts:,} more were sent; "
                    f"at most {self.limit:,} are accepted at once. Try again shortly.",
                    headers=_RETRY_LATER,
                )
            self._load += texts

    def release(self, texts: int) -> None:
        """Give the places of so many texts back."""
        with self._lock:
            self._load -= texts
            self._on_release(self._load)
