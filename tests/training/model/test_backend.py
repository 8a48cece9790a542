import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from serving.model.bundle import NETWORK, Bundle
from training.model import backend

ROOT = Path(__file__).parents[3]


def test_the_same_seed_draws_the_same() -> None:
    import keras

    def draw() -> list[float]:
        backend.make_repeatable(3)
        return [float(np.random.rand()), float(keras.random.normal((1,))[0])]

    assert draw() == draw()


def test_versions_name_the_backend_and_what_is_installed() -> None:
    versions = backend.library_versions()
    assert versions["backend"] == "tensorflow"
    assert {"keras", "numpy", "tokenizers", "onnxruntime"} <= versions.keys()
    assert versions.keys() & {"tensorflow", "tensorflow-cpu"}


def test_the_device_is_told() -> None:
    assert backend.device().startswith(("cpu", "gpu"))


def test_the_device_is_told_where_asking_for_one_that_is_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_jax(kind: str | None = None) -> list[str]:
        if kind == "gpu":
            raise RuntimeError("Unknown backend: 'gpu' requested")
        return ["cpu:0"]

    monkeypatch.setattr(backend.keras.distribution, "list_devices", of_jax)
    assert backend.device() == "cpu:0"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_start_is_quiet() -> None:
    done = run("import training.model.backend")
    assert (done.returncode, done.stderr) == (0, "")


def test_keras_alone_loads_a_bundles_network_once_the_module_is_imported_that_the_bundle_names() -> None:
    """Also where it was tried before, as in a notebook."""
    load = f"keras.models.load_model({str(ROOT / 'artifacts' / NETWORK)!r})"
    module = Bundle.read(ROOT / "artifacts").metadata.keras_import
    attempt = f"try:\n    {load}\nexcept Exception as error:\n    print(error)"
    done = run(f"import keras\n{attempt}\nimport {module}\nprint({load}.output_shape)")
    unknown, shape = done.stdout.strip().split("\n")[0], done.stdout.strip().split("\n")[-1]
    assert "Unknown layer: 'tweets>Pooling1D'" in unknown
    assert shape == "(None, 3)"


def test_a_failing_import_keeps_its_words(capfd: pytest.CaptureFixture[str]) -> None:
    def start() -> None:
        with backend.held_back_stderr():
            os.write(2, b"why")
            raise ImportError("x")

    with pytest.raises(ImportError, match="x"):
        start()
    assert capfd.readouterr().err == "why"


def test_evaluating_needs_no_keras() -> None:
    done = run("import sys, training.evaluation.evaluate, training.console; print('keras' in sys.modules)")
    assert done.stdout == "False\n"
