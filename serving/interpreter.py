"""What of Python itself is set otherwise, for the whole process."""

import gc
import sys

# Objects, of Python's 700. The requests that wait together have more than those, so that each batch set off several
# collections, and there was nothing to collect, for neither an answered request nor a closed connection leaves cycles
# behind. At twenty times as many, a collection that does come holds everything up for a tenth of a second.
_COLLECT_AFTER = 5_000


def switch_every(seconds: float) -> None:
    """Let a thread wait so long for another's Python (sys.setswitchinterval; Python's own is 0.005).

    For processes in which one thread computes batches, which takes milliseconds and leaves Python alone, while others
    have Python to run: it must not wait as long again, several times a batch, to go on.
    """
    sys.setswitchinterval(seconds)


def collect_seldom() -> None:
    """Look for cycles only where far more objects were made than freed (gc.set_threshold), and among those alone.

    To be called when all that stays is loaded: looking through it takes as long as a hundred answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
