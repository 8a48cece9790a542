"""Checkpoint of a run: one file of arrays and JSON, replaced in one step, never pickled."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import ResumeError

Arrays = list[npt.NDArray[Any]]
STATE = "state.npz"


class Checkpoint:
    """Named lists of arrays and a JSON state, bound to one run.

    Args:
        folder: Where the file stands.
        identity: JSON that must be equal for a run to go on from the state: recipe, data, libraries.
        name: Of the file.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], name: str = STATE) -> None:
        self.path = folder / name
        self._identity = json.dumps(identity, sort_keys=True)

    def save(self, state: Mapping[str, Any], arrays: Mapping[str, Arrays]) -> None:
        """Replace the file in one step: a kill leaves the old state or the new one.

        Raises:
            ResumeError: The file cannot be written.
        """
        content: dict[str, Any] = {f"{name}/{i:04}": a for name, items in arrays.items() for i, a in enumerate(items)}
        content |= {"state": json.dumps(state), "identity": self._identity}
        partial = self.path.with_suffix(f".{os.getpid()}.partial")  # two runs may write one body
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(file, **content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise ResumeError(f"{self.path}: the state cannot be written ({error.strerror})") from error

    def load(self) -> tuple[dict[str, Any], dict[str, Arrays]]:
        """The state and the lists of arrays.

        Raises:
            ResumeError: There is no state, or it is broken or of another run.
        """
        try:
            # Opened here: NumPy leaves its own file open where the zip in it is broken.
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as content:
                entries = {name: content[name] for name in content.files}
            state, identity = json.loads(str(entries.pop("state"))), str(entries.pop("identity"))
        except FileNotFoundError as error:
            raise ResumeError(f"{self.path}: nothing to resume; run without --resume") from error
        except Exception as error:  # NumPy answers a broken zip with many kinds
            raise ResumeError(f"{self.path}: is not a state that can be resumed: {error}") from error
        self._check(identity)
        arrays: dict[str, Arrays] = {}
        for name in sorted(entries):
            arrays.setdefault(name.rpartition("/")[0], []).append(entries[name])
        return state, arrays

    def _check(self, identity: str) -> None:
        if identity == self._identity:
            return
        current, saved = json.loads(self._identity), json.loads(identity)
        changed = [key for key in current.keys() | saved.keys() if current.get(key) != saved.get(key)]
        raise ResumeError(
            f"{self.path}: holds the state of another run, which differs in {sorted(changed)}; run without --resume"
        )
