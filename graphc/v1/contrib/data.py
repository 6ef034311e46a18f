"""``tf.contrib.data``: transformations that are methods of datasets now."""

from graphc.v1.exports import members

__getattr__, __dir__ = members("contrib.data")
