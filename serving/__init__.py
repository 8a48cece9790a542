"""From a bundle on disk to predictions over HTTP. Never imports training, TensorFlow, Keras or pandas."""

__version__ = "0.1.0"
