"""What happens often, and is said seldom."""

PAUSE = 1.0  # seconds


class Tally:
    """How often something happened since it was last said, which is at most once in PAUSE."""

    def __init__(self) -> None:
        self._unsaid, self._said = 0, float("-inf")

    def add(self, now: float) -> int:
        """Count one. Returns the number to be said, or 0 where it is too early for that."""
        self._unsaid += 1
        if now - self._said < PAUSE:
            return 0
        unsaid, self._unsaid, self._said = self._unsaid, 0, now
        return unsaid
