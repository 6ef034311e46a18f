"""ONNX Runtime with all of its optimisations; inputs and outputs are bound, so that nothing is copied."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from ..workload import Workload
from . import layout

VERSION = ort.__version__


class Built:
    """A session over the workload's model."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        path = layout.path(folder, "onnxruntime")
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self._session = session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._inputs = [i.name for i in session.get_inputs()]
        self._outputs = [o.name for o in session.get_outputs()]

    def load(self, arrays):
        binding = self._session.io_binding()
        for name, array in zip(self._inputs, layout.channels_first(arrays)):
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
        for name in self._outputs:
            binding.bind_output(name)
        return binding

    def call(self, binding):
        self._session.run_with_iobinding(binding)
        return binding

    def numpy_call(self, arrays):
        """Of arrays, to an array."""
        return self._session.run(None, dict(zip(self._inputs, arrays)))[0]

    def finish(self, outputs):
        """Nothing: results are there when a call returns."""

    def numpy(self, outputs) -> list[np.ndarray]:
        return layout.channels_last([v.numpy() for v in outputs.get_outputs()])

    def first(self, outputs) -> list[np.ndarray]:
        return self.numpy(outputs)
