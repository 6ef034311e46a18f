"""``tf.contrib.slim``: layers with ``arg_scope``; names that live elsewhere, too."""

from graphc.v1.exports import members

__getattr__, __dir__ = members("contrib.slim")
