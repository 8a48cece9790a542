from pathlib import Path

import h5py
import numpy as np
import pytest

from serving.errors import NetworkError
from serving.model.keras_h5 import read_layers


@pytest.fixture
def file(bundle: Path) -> Path:
    return bundle / "sentiment.h5"


def test_layers_come_in_order_with_their_weights(file: Path) -> None:
    layers = read_layers(file)
    assert [layer.kind for layer in layers] == [
        "InputLayer", "Embedding", "SpatialDropout1D", "LSTM", "tweets>Pooling1D", "Dropout", "Dense",
    ]  # fmt: skip
    assert [len(layer.weights) for layer in layers] == [0, 1, 0, 3, 0, 0, 2]
    assert layers[3].inputs == [layers[2].name]


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"sentiment\.h5: is missing"):
        read_layers(tmp_path / "sentiment.h5")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_cut_off(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(NetworkError, match="cut off"):
        read_layers(file)


def test_weights_alone(file: Path) -> None:
    with h5py.File(file, "a") as content:
        del content.attrs["model_config"]
    with pytest.raises(NetworkError, match="no architecture"):
        read_layers(file)


@pytest.mark.parametrize("version", ["4.0.0", "theano"])
def test_another_keras(file: Path, version: str) -> None:
    with h5py.File(file, "a") as content:
        content.attrs["keras_version"] = version
    with pytest.raises(NetworkError, match=rf"saved by Keras {version}; accepted: 1 to 3"):
        read_layers(file)


def _replace_embedding(file: Path, **options: object) -> None:
    with h5py.File(file, "a") as content:
        group = content["model_weights/embedding"]
        name = group.attrs["weight_names"][0]
        del group[name]
        group.create_dataset(name, **options)


def test_values_that_are_not_finite(file: Path) -> None:
    _replace_embedding(file, data=np.full((4, 8), np.nan, np.float32))
    with pytest.raises(NetworkError, match="not finite"):
        read_layers(file)


def test_another_type(file: Path) -> None:
    _replace_embedding(file, data=np.zeros((4, 8), np.float64))
    with pytest.raises(NetworkError, match="not a float32 array"):
        read_layers(file)


def test_a_huge_array_that_is_not_there(file: Path) -> None:
    _replace_embedding(file, shape=(1_000_000, 1_000_000), dtype=np.float32, chunks=(1000, 1000))
    with pytest.raises(NetworkError, match="more than the file holds"):
        read_layers(file)
