"""Conversion of Keras files to the `.h5` of a bundle, in a child process with limits of time and memory.

On a file with faults the HDF5 library can fail, run for ever or take all memory, and so can a network that was made for
it. Python cannot stop either.
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from serving import process
from serving.adopt.keras_files import KerasNetwork, read_keras_file, with_words, write_h5
from serving.errors import NetworkError
from serving.model.keras_h5 import MAX_WEIGHTS
from serving.model.network import Network
from serving.model.tokenizer import MAX_TOKENS

SECONDS = 60.0  # for reading one file: a hundred times what the largest take
# Bytes for reading one file: its weights, these once more as they are put together, and for all else half as many; its
# architecture, which may take thirty times its own bytes, needs the most of that.
MAX_MEMORY = MAX_WEIGHTS * 5 // 2

COPIES = 5  # of the weights, while a network is loaded
TRIED_TEXTS = 5  # as many as a bundle has known answers
TRIED_STEPS = 1024  # where a network takes any length: more than all windows of those of others

Converter = Callable[[Path, Path, Path | None], KerasNetwork]

_DAMAGED = "it was damaged, copy or download it again"


def convert(
    path: Path,
    output: Path,
    architecture: Path | None = None,
    *,
    seconds: float = SECONDS,
    max_memory: int = MAX_MEMORY,
) -> KerasNetwork:
    """Write a network of others as the `.h5` of a bundle.

    Args:
        path: as `read_keras_file` takes it.
        output: the file to write.
        architecture: what `model.to_json()` gave, for weights alone.
        seconds: that reading and running it may take.
        max_memory: bytes that reading it may take, on Linux; and running it, beside its weights.

    Returns:
        What was written, with the words of the file's TextVectorization.

    Raises:
        NetworkError: as `read_keras_file` raises it, or reading or running it fails or takes too much.
    """
    context: Any = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
    context.set_forkserver_preload([__name__])
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(
        target=_rewrite_in_child, args=(sender, max_memory, path, output, architecture), daemon=True
    )
    child.start()
    sender.close()
    try:
        too_slow = f"{path.name}: takes more than {seconds:g} s to read: {_DAMAGED}"
        sentence = receiver.recv_bytes().decode() if receiver.poll(seconds) else too_slow
    except EOFError:
        sentence = f"{path.name}: makes the HDF5 library fail: {_DAMAGED}"
    finally:
        child.kill()
        child.join()
    if sentence:
        raise NetworkError(sentence)
    return read_rewritten(path, output)


def _rewrite_in_child(sender: Connection, max_memory: int, path: Path, output: Path, architecture: Path | None) -> None:
    """What the child does: it sends the sentence of a refusal, or nothing."""
    process.limit_memory(max_memory)
    try:
        rewrite(path, output, architecture)
        process.limit_memory(max_memory + COPIES * output.stat().st_size)
        try_out(path, output)
        sender.send_bytes(b"")
    except NetworkError as error:
        sender.send_bytes(str(error).encode(errors="backslashreplace"))


def rewrite(path: Path, output: Path, architecture: Path | None = None) -> None:
    """Read a network, and write it as the `.h5` of a bundle; arguments and errors are those of `convert`."""
    try:
        network = read_keras_file(path, architecture)
        try:
            write_h5(network, output)
        except (ValueError, RuntimeError) as error:  # of h5py
            raise NetworkError(f"{path.name}: its layers have names that no .h5 can hold: {error}") from error
    except MemoryError as error:
        raise NetworkError(f"{path.name}: takes more memory to read than any network that is accepted") from error


def try_out(path: Path, output: Path) -> None:
    """Run what `rewrite` has written, as adoption will: a few layers can multiply a text's numbers without end.

    Raises:
        NetworkError: it cannot be run; the sentence names the file that it was read from.
    """
    try:
        network = Network(output)
        if network.numbers:
            raise NetworkError("takes numbers of fields, not texts; accepted: networks of token ids")
        texts, steps = (TRIED_TEXTS, network.steps) if network.steps else (1, TRIED_STEPS)
        if steps <= MAX_TOKENS:  # a longer one is refused for that
            network.run(np.ones((texts, steps), np.int32), np.full(texts, steps, np.int32))
    except NetworkError as error:
        raise NetworkError(f"{path.name}: {str(error).removeprefix(f'{output.name}: ')}") from error
    except Exception as error:  # ONNX Runtime's errors have no class in common
        raise NetworkError(f"{path.name}: its layers do not fit together, or take too much: {error}") from error


def read_rewritten(path: Path, output: Path) -> KerasNetwork:
    """What `rewrite` has written, with the words of the TextVectorization in the file that it has read."""
    return with_words(read_keras_file(output), path)


def load_network(path: Path, entry: Mapping[str, Any], *, seconds: float = SECONDS) -> Network:
    """A network that answers, of a file of others.

    Args:
        path: as `read_keras_file` takes it.
        entry: what is known of the file; `architecture_file` names the JSON beside it, for weights alone.
        seconds: that reading may take.

    Raises:
        NetworkError: it cannot be read or run.
    """
    name = entry.get("architecture_file")
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / f"{path.stem}.h5"
        convert(path, written, path.with_name(name) if name else None, seconds=seconds)
        return Network(written)
