"""``tf.summary`` of TensorFlow 1: operations that make serialized summaries, and writers of event files."""

from graphc.v1.exports import members

__getattr__, __dir__ = members("summary")
