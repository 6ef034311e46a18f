"""Modules that TensorFlow's programs find in ``tf.train``."""

from graphc.v1 import queue_runner  # noqa: F401  also found here
