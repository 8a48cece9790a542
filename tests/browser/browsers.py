"""The browsers of a module's tests, one after the other."""

from collections.abc import Callable

from playwright.sync_api import Browser


class Browsers:
    """One browser at a time: a crash costs the test that it came in, not all the tests after it."""

    def __init__(self, launch: Callable[[], Browser]) -> None:
        self._launch = launch
        self._browser: Browser | None = None

    def living(self) -> Browser:
        """The browser, or a new one where there is none, or none any more."""
        if not (self._browser and self._browser.is_connected()):
            self._browser = self._launch()
        return self._browser

    def close(self) -> None:
        """End the one that is left."""
        if self._browser:
            self._browser.close()
