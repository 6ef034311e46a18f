"""OpenVINO in float32, tuned for latency; inputs and outputs are its own tensors, so that nothing is copied."""

from __future__ import annotations

import numpy as np
import openvino as ov

from ..workload import Workload
from . import layout

VERSION = ov.__version__


class Built:
    """A compiled model with one request."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        path = layout.path(folder, "openvino")
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        self._compiled = ov.Core().compile_model(path, "CPU", settings)
        self._request = self._compiled.create_infer_request()

    def load(self, arrays):
        return [ov.Tensor(a, shared_memory=True) for a in layout.channels_first(arrays)]

    def call(self, tensors):
        request = self._request
        for k, t in enumerate(tensors):
            request.set_input_tensor(k, t)
        request.infer(share_outputs=True)
        return request

    def numpy_call(self, arrays):
        """Of arrays, to an array."""
        return self._request.infer(arrays, share_inputs=True)[0]

    def finish(self, outputs):
        """Nothing: results are there when a call returns."""

    def numpy(self, outputs) -> list[np.ndarray]:
        return layout.channels_last([np.array(t.data) for t in outputs.output_tensors])

    def first(self, outputs) -> list[np.ndarray]:
        return self.numpy(outputs)
