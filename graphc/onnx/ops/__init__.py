"""The operators of ONNX, one module for each topic; importing this package fills the registry."""

from graphc.onnx.ops import (  # noqa: F401
    attention, casts, elementwise, shapes,
)  # fmt: skip
