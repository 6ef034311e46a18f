"""TensorFlow 1's ``tf.examples``: what its tutorials import."""

from graphc.v1.examples import tutorials  # noqa: F401  tf.examples.tutorials
