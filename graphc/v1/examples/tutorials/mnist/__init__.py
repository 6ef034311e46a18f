"""Handwritten digits for the tutorials: ``from graphc.v1.examples.tutorials.mnist import input_data``."""

from graphc.v1.examples.tutorials.mnist import input_data  # noqa: F401  tf.examples.tutorials.mnist.input_data
