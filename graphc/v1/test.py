"""``tf.test`` of TensorFlow 1: test cases, and questions about the machine."""

from graphc.v1.exports import members

__getattr__, __dir__ = members("test")
