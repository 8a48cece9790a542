"""Translators of Keras layers into ONNX operators, by the kind of layer."""
