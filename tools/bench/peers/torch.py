"""PyTorch, eager and compiled: images channels last, weights frozen, no gradients where none are wanted."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
import torch._inductor.config
import torch.nn.functional as F

from ..workload import Workload, as_tuple

VERSION = torch.__version__
_MODE = contextlib.ExitStack()  # no gradients, while a program without any is there


class Ops:
    """The operations on tensors; images are NCHW in a channels-last layout."""

    tanh, exp, sqrt, abs, sin = map(staticmethod, (torch.tanh, torch.exp, torch.sqrt, torch.abs, torch.sin))
    sigmoid, relu, relu6, gelu, square = map(staticmethod, (torch.sigmoid, F.relu, F.relu6, F.gelu, torch.square))
    matmul, cross_entropy = map(staticmethod, (torch.matmul, F.cross_entropy))

    def softmax(self, x):
        return F.softmax(x, -1)

    def layer_norm(self, x, gamma, beta, epsilon=1e-5):
        return F.layer_norm(x, gamma.shape, gamma, beta, epsilon)

    def sum(self, x, axis=None):
        return x.sum() if axis is None else x.sum(axis)

    def mean(self, x):
        return x.mean()

    def transpose(self, x):
        return x.t().contiguous()

    def dense(self, x, w, b=None):
        return F.linear(x, w, b)

    def flatten(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)

    def batch_norm(self, x, scale, offset, mean, variance, epsilon=1e-3):
        return F.batch_norm(x, mean, variance, scale, offset, False, 0.0, epsilon)

    def conv(self, x, w, b=None, stride=1, padding=0):
        return F.conv2d(x, w, b, stride, padding)

    def depthwise(self, x, w, b=None, stride=1, padding=0):
        return F.conv2d(x, w, b, stride, padding, groups=w.shape[0])

    def max_pool(self, x, size, stride, padding=0):
        return F.max_pool2d(x, size, stride, padding)

    def global_mean(self, x):
        return x.mean((2, 3))

    def attention(self, q, k, v, heads):
        q, k, v = (a.unflatten(-1, (heads, -1)).transpose(1, 2) for a in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)

    def lstm(self, x, w, r, b):
        zero = x.new_zeros(1, x.shape[1], r.shape[1])
        return torch.lstm(x, (zero, zero), [w, r, b, torch.zeros_like(b)], True, 1, 0.0, False, False, False)[0]

    def product(self, a, b):
        raise NotImplementedError("no product of u8 and s8")


def _weight(kind: str, array: np.ndarray) -> torch.Tensor:
    if kind in ("dense", "gates"):
        array = array.T
    elif kind == "filter":
        return torch.from_numpy(array.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=torch.channels_last)
    elif kind == "depthwise":
        return torch.from_numpy(array.transpose(2, 3, 0, 1).copy()).contiguous(memory_format=torch.channels_last)
    return torch.from_numpy(np.array(array, order="C"))


class Program(torch.nn.Module):
    """A workload with its constants as parameters, on a device."""

    def __init__(self, workload: Workload, device: str):
        super().__init__()
        self._workload, self._ops = workload, Ops()
        _, weights = workload.data()
        self.kinds = {k: w.kind for k, w in weights.items()}
        for k, w in weights.items():
            value = _weight(w.kind, w.array).to(device)
            self.register_parameter(k, torch.nn.Parameter(value, requires_grad=workload.training is not None))

    def forward(self, *inputs):
        return self._workload.program(self._ops, inputs, {k: getattr(self, k) for k in self.kinds})


class Built:
    """``variant`` is ``eager`` or ``compile``."""

    device = "cpu"

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        torch.set_num_threads(threads)
        _MODE.close()
        self._workload = workload
        self._module = program = Program(workload, self.device)
        compiled = variant != "eager"
        differentiates = bool(workload.gradient or workload.training)
        if not differentiates:
            program.eval()
            _MODE.enter_context(torch.inference_mode())
        if compiled:
            torch._inductor.config.freezing = not differentiates
            program = self.compiled(program, variant)
        self._program = program
        if workload.gradient:
            self.call = self._gradient
        elif workload.training:
            kind, rate = workload.training
            parameters = list(self._module.parameters())
            adam = kind == "adam"
            self._optimizer = (
                torch.optim.Adam(parameters, rate, fused=True)
                if adam
                else torch.optim.SGD(parameters, rate, fused=True)
            )
            self.call = self._step

    def compiled(self, program: torch.nn.Module, variant: str):
        """A program as the variant compiles it."""
        return torch.compile(program, dynamic=False)

    def load(self, arrays):
        tensors = [torch.from_numpy(a).to(self.device) for a in arrays]
        tensors = [t.permute(0, 3, 1, 2) if t.ndim == 4 else t for t in tensors]
        for k in self._workload.gradient:
            tensors[k].requires_grad_(True)
        return tensors

    def call(self, inputs):
        return self._program(*inputs)

    def numpy_call(self, arrays):
        """Of arrays, to an array."""
        return self._program(*map(torch.from_numpy, arrays)).numpy()

    def _gradient(self, inputs):
        value = self._program(*inputs[:-1])
        return torch.autograd.grad(value, [inputs[k] for k in self._workload.gradient], inputs[-1])

    def _step(self, inputs):
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._program(*inputs)
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def finish(self, outputs):
        """Nothing: results are there when a call returns."""

    def numpy(self, outputs) -> list[np.ndarray]:
        found = [t.detach().cpu() for t in as_tuple(outputs)]
        return [(t.permute(0, 2, 3, 1) if t.ndim == 4 else t).numpy() for t in found]

    def first(self, outputs) -> list[np.ndarray]:
        """What is checked: the results, and after a step the constants."""
        found = self.numpy(outputs)
        if self._workload.training:
            for k, p in self._module.named_parameters():
                a, kind = p.detach().cpu().numpy(), self._module.kinds[k]
                a = a.T if kind in ("dense", "gates") else a.transpose(2, 3, 1, 0) if kind == "filter" else a
                found.append(a.copy())
        return found
