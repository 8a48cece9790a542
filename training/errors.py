"""Every error that training raises on purpose, in one small tree.

TrainingError
  RecipeError     a recipe's key is unknown, of the wrong type or out of range
  DataError       a data file cannot be used: column, encoding, labels, too few rows
  ResumeError     the state left by an interrupted run does not belong to this one, or cannot be read or written
  PublishError    the bundle could not be verified or may not replace what stands at its place, or another run writes it
  SignalError     the process that is to load a bundle is not there, or is no service
"""

from collections.abc import Mapping


class TrainingError(Exception):
    """Root of the tree. `str(error)` is a sentence or two, fit to be shown without a traceback."""


class RecipeError(TrainingError):
    """A recipe cannot be used. The sentence names the file, the key, what was found and what is accepted."""


class DataError(TrainingError):
    """A data file cannot be used. The sentence names the file, the column, what was found and what is accepted.

    Args:
        sentence: The sentence.
        cleaning: Rule -> rows that it dropped, where the rows had been cleaned before the fault was seen.
    """

    def __init__(self, sentence: str, cleaning: Mapping[str, int] | None = None) -> None:
        super().__init__(sentence)
        self.cleaning = cleaning


class ResumeError(TrainingError):
    """There is nothing to go on from, or the state of another run, or none can be kept."""


class PublishError(TrainingError):
    """A bundle failed its verification, or its folder holds something else or is taken. Nothing was replaced."""


class SignalError(TrainingError):
    """A process cannot be told to load a bundle. The sentence says whether one was replaced."""
