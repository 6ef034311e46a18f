"""graphc, as its users write it: a ``tf.function``, over tensors or over NumPy arrays."""

from __future__ import annotations

import graphc as tf

from ..workload import Workload
from .tensorflow_api import Ops, Program

VERSION = tf.version.VERSION


class Built(Program):
    """A workload as one ``tf.function``."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        super().__init__(tf, workload, Ops(tf))

    def numpy_call(self, arrays):
        """Of arrays, to an array."""
        return self._call(*arrays).numpy()
