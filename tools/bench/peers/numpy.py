"""NumPy, and in float64 the reference that all results are checked against."""

from __future__ import annotations

import math

import numpy as np

from ..workload import Workload, as_tuple

VERSION = np.__version__
_erf = np.vectorize(math.erf, otypes=[float])


class Ops:
    """The operations by NumPy; arrays are [batch, height, width, channels] where they are images."""

    tanh, exp, sqrt, abs, sin = np.tanh, np.exp, np.sqrt, np.abs, np.sin

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-x))

    def relu(self, x):
        return np.maximum(x, 0)

    def relu6(self, x):
        return np.minimum(np.maximum(x, 0), 6)

    def gelu(self, x):
        return (0.5 * x * (1 + _erf(x * 0.5**0.5))).astype(x.dtype)

    def softmax(self, x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def layer_norm(self, x, gamma, beta, epsilon=1e-5):
        d = x - x.mean(-1, keepdims=True)
        return d / np.sqrt((d * d).mean(-1, keepdims=True) + epsilon) * gamma + beta

    def sum(self, x, axis=None):
        return x.sum(axis)

    def mean(self, x):
        return x.mean()

    def square(self, x):
        return x * x

    def transpose(self, x):
        return np.ascontiguousarray(x.T)

    def matmul(self, a, b):
        return a @ b

    def dense(self, x, w, b=None):
        return x @ w if b is None else x @ w + b

    def flatten(self, x):
        return x.reshape(len(x), -1)

    def cross_entropy(self, logits, labels):
        """Mean over the rows, of labels that are probabilities."""
        z = logits - logits.max(-1, keepdims=True)
        return (labels * (np.log(np.exp(z).sum(-1, keepdims=True)) - z)).sum(-1).mean()

    def batch_norm(self, x, scale, offset, mean, variance, epsilon=1e-3):
        return (x - mean) / np.sqrt(variance + epsilon) * scale + offset

    def conv(self, x, w, b=None, stride=1, padding=0):
        y = np.tensordot(_windows(x, w.shape[0], stride, padding), w, ((3, 4, 5), (2, 0, 1)))
        return y if b is None else y + b

    def depthwise(self, x, w, b=None, stride=1, padding=0):
        y = np.einsum("nhwcij,ijc->nhwc", _windows(x, w.shape[0], stride, padding), w[..., 0], optimize=True)
        return y if b is None else y + b

    def max_pool(self, x, size, stride, padding=0):
        return _windows(x, size, stride, padding, -np.inf).max((-2, -1))

    def global_mean(self, x):
        return x.mean((1, 2))

    def attention(self, q, k, v, heads):
        """Of ``[batch, steps, heads * size]``, each row over all rows."""
        q, k, v = (np.swapaxes(a.reshape(*a.shape[:2], heads, -1), 1, 2) for a in (q, k, v))
        weights = self.softmax(q @ np.swapaxes(k, 2, 3) * q.shape[-1] ** -0.5)
        mixed = np.swapaxes(weights @ v, 1, 2)
        return mixed.reshape(*mixed.shape[:2], -1)

    def lstm(self, x, w, r, b):
        """All outputs for ``[steps, batch, size]``, from zeros; gates in the order of ``Weight``."""
        z, units = x @ w + b, r.shape[0]
        h = c = np.zeros((x.shape[1], units), x.dtype)
        found = []
        for row in z:
            i, f, g, o = np.split(row + h @ r, 4, axis=1)
            c = self.sigmoid(f) * c + self.sigmoid(i) * np.tanh(g)
            h = self.sigmoid(o) * np.tanh(c)
            found.append(h)
        return np.stack(found)

    def product(self, a, b):
        """Of unsigned bytes and signed ones, in int32."""
        return np.asarray(a.astype(np.float64) @ b.astype(np.float64), np.int32)

    def quantised_dense(self, x, w, scale, b, x_scale, y_scale, zero):
        """Of bytes, to bytes."""
        y = (x.astype(np.float64) - zero) * x_scale @ (w * scale.astype(np.float64)) + b
        return np.clip(np.rint(y / y_scale) + zero, 0, 255).astype(np.uint8)


def _windows(x, size: int, stride: int, padding: int, value: float = 0.0):
    if padding:
        x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=value)
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))[:, ::stride, ::stride]


class Built:
    """A workload in float32, as a user of NumPy would write it."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        self._workload = workload
        _, weights = workload.data()
        self._constants = {k: w.array for k, w in weights.items()}
        self._ops = Ops()

    def load(self, arrays):
        return arrays

    def call(self, inputs):
        if self._workload.reference:
            return self._workload.reference(inputs, self._constants)
        return self._workload.program(self._ops, inputs, self._constants)

    def finish(self, outputs):
        """Nothing: results are there when a call returns."""

    def first(self, outputs) -> list[np.ndarray]:
        return [np.asarray(f) for f in as_tuple(outputs)]

    def numpy_call(self, arrays):
        return self.call(arrays)
