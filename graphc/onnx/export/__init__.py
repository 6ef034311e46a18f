"""ONNX out: a function, model or Graph as an ONNX model."""

from graphc.onnx.export.entry import export

__all__ = ["export"]
