"""How much may wait or be in work at once."""

from collections.abc import Callable
from threading import Lock

from serving.errors import Overloaded

_LATER = {"Retry-After": "1"}


class Admission:
    """Counts texts, wherever they come from, and refuses those that do not fit under `limit`. Safe in any thread.

    `on_release`: told what is left in work, each time that some of it is done or dropped, in the order in which it is.
    """

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
        """What a caller is told for whom no place is left."""
        return Overloaded(
            f"The queue is full: {self.limit:,} texts wait or are in work, the most that are accepted at once. "
            "Try again shortly.",
            headers=_LATER,
        )

    def admit(self, items: int) -> None:
        """Count `items` texts. Raises Overloaded where they do not fit; none of them is then counted."""
        with self._lock:
            if self._load >= self.limit and items:
                raise self.refused()
            if self._load + items > self.limit:
                raise Overloaded(
                    f"The queue is full: {self._load:,} texts wait or are in work and {items:,} more were sent; "
                    f"at most {self.limit:,} are accepted at once. Try again shortly.",
                    headers=_LATER,
                )
            self._load += items

    def release(self, items: int) -> None:
        """Give the places of `items` texts back."""
        with self._lock:
            self._load -= items
            self._on_release(self._load)
