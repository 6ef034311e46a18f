"""The operators of ONNX, one module for each topic; importing this package fills the registry."""

from graphc.onnx.ops import elementwise, shapes  # noqa: F401
