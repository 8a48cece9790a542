"""Memory for what is received: how much of it all requests together may have taken."""

from types import TracebackType
from typing import Self

from serving.errors import Overloaded

BUDGET = 32 * 1024 * 1024

FREE = 32 * 1024
"""Bytes of each body that are not counted: a request of usual size is never refused for the large ones of others."""


class Budget:
    """At most so many bytes of the bodies that have begun to come and are not whole, over all connections of a process.

    What has come is counted, not what a `Content-Length` says: a client that announces much has taken nothing yet. A
    body that comes whole needs no budget.
    """

    def __init__(self, limit: int = BUDGET) -> None:
        self._limit = limit
        self.taken = 0

    def take(self, size: int) -> None:
        """Count so many bytes more. Raises Overloaded where they do not fit; none of them is then counted."""
        if self.taken + size > self._limit:
            raise Overloaded(
                "The service is receiving as many other large requests as it takes at once. Try again shortly.",
                headers={"Retry-After": "1", "Connection": "close"},
            )
        self.taken += size

    def give_back(self, size: int) -> None:
        self.taken -= size


class Share:
    """What one body takes of a budget, until the block ends."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.give_back(self._taken)

    def grow_to(self, size: int) -> None:
        """The body has so many bytes by now. Raises Overloaded."""
        more = size - FREE - self._taken
        if more > 0:
            self._budget.take(more)
            self._taken += more
