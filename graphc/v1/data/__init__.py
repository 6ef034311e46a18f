"""``tf.data`` of TensorFlow 1: datasets, and the iterators that graphs have for them."""

from graphc.v1.data import experimental  # noqa: F401  a name of tf.data
from graphc.v1.exports import members

__getattr__, __dir__ = members("data")
