"""graphc where the program is an ONNX model: loaded and run by ``tf.onnx``, NumPy arrays in and out."""

from __future__ import annotations

import numpy as np

import graphc as tf

from ..workload import Workload
from . import layout

VERSION = tf.version.VERSION


class Built:
    """A loaded model."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        self._model = tf.onnx.load(layout.path(folder, "graphc_model"))

    def load(self, arrays):
        return {f"x{k}": a for k, a in enumerate(layout.channels_first(arrays))}

    def call(self, inputs):
        return self._model.run(inputs)

    def finish(self, outputs):
        """Nothing: results are there when a call returns."""

    def first(self, outputs) -> list[np.ndarray]:
        return layout.channels_last(list(outputs))
