import numpy as np

from training import runtime


def test_the_same_seed_draws_the_same() -> None:
    import keras

    def draw() -> list[float]:
        runtime.make_repeatable(3)
        return [float(np.random.rand()), float(keras.random.normal((1,))[0])]

    assert draw() == draw()


def test_versions_name_the_backend_and_what_is_installed() -> None:
    versions = runtime.library_versions()
    assert versions["backend"] == "tensorflow"
    assert {"keras", "numpy", "tokenizers", "onnxruntime"} <= versions.keys()
    assert versions.keys() & {"tensorflow", "tensorflow-cpu"}


def test_the_device_is_told() -> None:
    assert runtime.device().startswith(("cpu", "gpu"))
