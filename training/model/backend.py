"""Keras backend settings: quiet logs, threads, seeds, repeatable operations."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version

# Read by TensorFlow when it is imported, which is why keras is taken from this module everywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def held_back_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, and write it after all when the block raises.

    TensorFlow's C++ greets with half a dozen lines before any log level is in force, which a user takes for faults.
    """
    if sys.stderr:
        sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            file.seek(0)
            os.write(stderr, file.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


with held_back_stderr():
    import keras


def _share_cores() -> None:
    """Two operations at a time, each on half of the cores: the two directions of an LSTM run side by side.

    On two cores that trains a sixth faster than TensorFlow's own choice, which splits every small product in two.
    """
    if keras.backend.backend() == "tensorflow" and "TF_NUM_INTEROP_THREADS" not in os.environ:
        import tensorflow as tf

        with suppress(RuntimeError):  # who has computed before the import, as in a notebook, keeps TensorFlow's choice
            tf.config.threading.set_inter_op_parallelism_threads(2)
            tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 2) // 2))


_share_cores()

__all__ = ["device", "held_back_stderr", "keras", "library_versions", "make_repeatable"]

LIBRARIES = (
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "jax",
    "torch",
    "numpy",
    "tokenizers",
    "h5py",
    "onnxruntime",
    "scikit-learn",
)


def make_repeatable(seed: int) -> None:
    """Seed Python, NumPy and Keras, and choose operations that give the same result every time."""
    keras.utils.set_random_seed(seed)
    logging.getLogger("absl").setLevel(logging.ERROR)  # Keras warns of .h5 at each save; the format is our contract
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        # TensorFloat-32 keeps 10 bits of a product's precision: serving could not be held to such answers.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)


def device() -> str:
    """Where training runs, for people: 'cpu:0', 'gpu:0, gpu:1'."""
    try:
        return ", ".join(keras.distribution.list_devices())  # JAX raises where a kind that is asked for is not there
    except AttributeError:  # a backend for which Keras has no list
        return str(keras.backend.backend())


def library_versions() -> dict[str, str]:
    """Name -> version of the libraries that shape a model, those of them that are installed."""
    versions = {}
    for name in LIBRARIES:
        with suppress(ModuleNotFoundError):
            versions[name] = version(name)
    return {**versions, "backend": keras.backend.backend()}
