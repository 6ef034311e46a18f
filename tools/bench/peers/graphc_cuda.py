"""graphc on a CUDA device, or on the emulated one: the same ``tf.function``, its arguments and results on the device.

The environment variable ``GRAPHC_DEVICE`` of the process says which one.
"""

from __future__ import annotations

import os
import time

import gpu_facts
import numpy as np

import graphc as tf
from graphc.compile import device_at
from graphc.options import Options
from graphc.runtime.cuda.images import compile_image

from ..workload import Workload, as_tuple
from . import graphc as on_cpu

VERSION = on_cpu.VERSION
_ROOF = 1 << 30  # bytes that are copied


class Built(on_cpu.Built):
    """A workload as one ``tf.function``."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        super().__init__(workload, variant, threads, folder)
        self._half = workload.half

    def load(self, arrays):
        """Tensors that were made on the device: one of the host is brought there for every call."""
        return [tf.cast(t, tf.bfloat16) if self._half else t * 1.0 for t in super().load(arrays)]

    def numpy(self, outputs) -> list[np.ndarray]:
        return [np.asarray(t.numpy(), np.float32) for t in as_tuple(outputs)]


class Clock:
    """Times on the device, between events of its stream; of the host, which mean nothing, on the emulated one."""

    def __init__(self):
        self._device = device_at(Options(target=os.environ["GRAPHC_DEVICE"]))
        self._emulated = self._device.gpu.is_emulated
        self.name = self._device.name if self._emulated else self._device.facts.name

    def mark(self):
        return time.perf_counter() if self._emulated else self._device.mark()

    def seconds(self, first, last) -> float:
        return last - first if self._emulated else self._device.seconds_between(first, last)

    def roof(self) -> float | None:
        """Bytes a second that copying reaches, reads and writes together; None on the emulated device."""
        if self._emulated:
            return None
        image = compile_image(gpu_facts.SOURCE, self._device.gpu.arch, "facts").data
        found = gpu_facts.measure(self._device, image, _ROOF)
        return max(found["copy by the driver, GB/s"], found["copy by a kernel, GB/s"]) * 1e9
