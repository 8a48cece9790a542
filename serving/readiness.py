"""Ready means that the predictor still gives its known answers and that the queue moves."""

import asyncio
import logging

from serving.batching import Batcher
from serving.errors import NotReady

_log = logging.getLogger(__name__)


class Readiness:
    """The service's self-test. Callers that ask while one runs share it, so that probes cannot pile up work.

    Args:
        batcher: runs the predictor's check in its own turn.
        timeout: seconds that a caller waits for the answer.
    """

    def __init__(self, batcher: Batcher, *, timeout: float = 3.0) -> None:
        self._batcher = batcher
        self._timeout = timeout
        self._test: asyncio.Task[bool] | None = None

    async def confirm(self) -> None:
        """Return where the service is ready. Raises NotReady where the test fails or takes too long."""
        if self._test is None or self._test.done():
            self._test = asyncio.create_task(self._passes())
        try:
            # Shielded: the others who wait for the same test keep it when this caller goes away.
            passed = await asyncio.wait_for(asyncio.shield(self._test), self._timeout)
        except TimeoutError:
            _log.warning("The self-test took longer than %g seconds", self._timeout)
            passed = False
        if not passed:
            raise NotReady("The service cannot answer predictions for now.", headers={"Retry-After": "5"})

    async def _passes(self) -> bool:
        try:
            await self._batcher.check()
        except NotReady:
            return False
        except Exception:
            _log.exception("The self-test failed")
            return False
        return True
