"""``tf.saved_model`` of TensorFlow 1: graphs with their variables in folders, for programs that only use them."""

from graphc.v1.exports import members
from graphc.v1.saved_model import (  # noqa: F401  tf.saved_model.builder, ...
    builder, constants, loader, main_op, signature_constants, tag_constants,
)  # fmt: skip
from graphc.v1.saved_model import signatures as signature_def_utils  # noqa: F401
from graphc.v1.saved_model import tensor_info as utils  # noqa: F401

__getattr__, __dir__ = members("saved_model")
