"""``tf.io`` of TensorFlow 1: files, records and parsing, and graphs in files."""

from graphc.v1.exports import members

__getattr__, __dir__ = members("io")
