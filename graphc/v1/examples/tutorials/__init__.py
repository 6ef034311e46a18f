"""The tutorials' helpers: ``tf.examples.tutorials.mnist``."""

from graphc.v1.examples.tutorials import mnist  # noqa: F401  tf.examples.tutorials.mnist
