"""``tf.contrib.eager``: evaluation at once, and functions that answer with gradients."""

from graphc.v1.exports import members

__getattr__, __dir__ = members("contrib.eager")
