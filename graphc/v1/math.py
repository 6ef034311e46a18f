"""``tf.math`` of TensorFlow 1: the catalogue."""

from graphc.v1.catalogue import listed, members_of

__getattr__, __dir__ = members_of("math"), listed("math", [])
