"""ONNX in and out: ``load`` makes a model of a file, ``export`` a file of a function or model."""

from graphc.onnx.model import Model, load

__all__ = ["Model", "load"]
