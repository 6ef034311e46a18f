"""ONNX in and out: ``load`` makes a model of a file, ``export`` a file of a function or model."""

from graphc.onnx.doctor import examine
from graphc.onnx.export.entry import export
from graphc.onnx.model import Model, load

__all__ = ["Model", "examine", "export", "load"]
