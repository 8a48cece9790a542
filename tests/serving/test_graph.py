import numpy as np
import onnxruntime
from onnx import TensorProto

from serving.graph import Graph


def test_the_mask_is_made_once_and_covers_the_text() -> None:
    graph = Graph()
    assert graph.mask() == graph.mask()
    shares = graph.node(
        "ReduceSum", graph.node("Cast", graph.mask(), to=TensorProto.FLOAT), graph.integers(2), keepdims=0
    )
    model = graph.model(graph.node("Transpose", shares, perm=[1, 0]), classes=4)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"ids": np.zeros((3, 4), np.int32), "lengths": np.array([1, 4, 2], np.int32)}
    (mask,) = session.run(None, feeds)
    assert np.asarray(mask).tolist() == [[1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]]


def test_a_constant_is_kept_once() -> None:
    graph = Graph()
    names = {graph.constant("table", np.ones(3, np.float32)) for _ in range(2)}
    assert names == {"table"}
    assert len(graph.model(graph.integers(1), classes=1).graph.initializer) == 2
