"""The service's own log: one line a message, on stderr."""

import logging


def configure(level: str) -> None:
    """Set the level of the service's messages, and give them a handler where the process has none for them."""
    logger = logging.getLogger("serving")
    logger.setLevel(level.upper())
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s:     %(name)s: %(message)s"))
        logger.addHandler(handler)
