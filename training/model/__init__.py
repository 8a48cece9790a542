"""The Keras network, its backend and the heads that it is trained with."""
