"""SIGHUP exchanges the model for the one that is now on disk, between two requests."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable

from serving import process
from serving.errors import BundleError
from serving.model.predictor import PredictorLike

_log = logging.getLogger(__name__)


class Reloader:
    """Loads a new model beside the old one and hands it over once it has shown that it works.

    A request is answered whole by the model that it met, and so is a file, however long that takes. A model that cannot
    be served is refused with a line in the log, and the old one stays. A second signal while one is heeded loads once
    more after it.

    Args:
        load: reads and checks the bundle; raises BundleError. Runs in a thread.
        take_up: is given the new predictor, on the event loop.
        settle: seconds after which no request but a long file's can still use the old one, so that its memory can go.
    """

    def __init__(
        self, load: Callable[[], PredictorLike], take_up: Callable[[PredictorLike], None], *, settle: float
    ) -> None:
        self._load, self._take_up, self._settle = load, take_up, settle
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self) -> None:
        """Heed SIGHUP from now on, where this process and thread can."""
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_signal)
            process.unblock_sighup()

    async def reload(self) -> None:
        """Exchange the model. Raises nothing: what went wrong is in the log."""
        async with self._lock:
            try:
                predictor = await asyncio.to_thread(self._load)
            except BundleError as error:
                _log.error("The new model is refused and the old one stays: %s", error)
            except Exception:
                _log.exception("The new model cannot be loaded and the old one stays")
            else:
                self._take_up(predictor)
                _log.info("The model is now %s %s", predictor.metadata.name, predictor.metadata.model_version)
                asyncio.get_running_loop().call_later(self._settle, process.release)

    def _on_signal(self) -> None:
        task = asyncio.get_running_loop().create_task(self.reload())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
