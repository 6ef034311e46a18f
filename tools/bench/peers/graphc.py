"""graphc, as its users write it: a ``tf.function`` over tensors; a session where NumPy arrays go in and come out."""

from __future__ import annotations

import graphc as tf
from graphc import v1

from ..workload import Workload
from .tensorflow_api import Ops, Program

VERSION = tf.version.VERSION


class Built(Program):
    """A workload as one ``tf.function``, or as a session."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        ops = Ops(tf)
        super().__init__(tf, workload, ops)
        if workload.numpy_io:
            self.numpy_call = _session(workload, ops)


def _session(workload: Workload, ops: Ops):
    """Calls of a session fed with NumPy arrays, made by a dictionary as TensorFlow 1's programs do it."""
    inputs, _ = workload.data()
    with v1.Graph().as_default():
        fed = [v1.placeholder(v1.as_dtype(a.dtype), a.shape) for a in inputs]
        result = workload.program(ops, fed, {})
        session = v1.Session()
    return lambda arrays: session.run(result, dict(zip(fed, arrays)))
