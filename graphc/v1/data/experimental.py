"""``tf.data.experimental`` of TensorFlow 1."""

from graphc.v1.exports import members

__getattr__, __dir__ = members("data.experimental")
