"""PyTorch on a CUDA device: eager (cuBLAS, cuDNN), compiled, and compiled with its calls recorded as CUDA graphs.

Products of float32 are those of float32: no TF32. Results keep the type of the inputs.
"""

from __future__ import annotations

import numpy as np
import torch

from ..workload import Workload
from . import torch as on_cpu

VERSION = torch.__version__


class Built(on_cpu.Built):
    """``variant`` is ``eager``, ``compile`` or ``graphs``."""

    device = "cuda"

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        super().__init__(workload, variant, threads, folder)

    def compiled(self, program: torch.nn.Module, variant: str):
        return torch.compile(program, dynamic=False, mode="reduce-overhead" if variant == "graphs" else None)

    def load(self, arrays):
        tensors = super().load(arrays)
        return [t.to(torch.bfloat16) for t in tensors] if self._workload.half else tensors

    def numpy(self, outputs) -> list[np.ndarray]:
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        return super().numpy(tuple([t.float() for t in outputs]))


class Clock:
    """Times on the device, between events of its stream."""

    def __init__(self):
        if not torch.cuda.is_available():
            raise RuntimeError(f"PyTorch {VERSION} finds no CUDA device")
        self.name = torch.cuda.get_device_name()

    def mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, first: torch.cuda.Event, last: torch.cuda.Event) -> float:
        last.synchronize()
        return first.elapsed_time(last) * 1e-3
