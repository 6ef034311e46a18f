"""Operations as nodes of a quantised ONNX model: bytes go between layers, their scales come from one run in float32.

The form is that of ONNX Runtime's static quantisation (QDQ, unsigned activations, signed weights with a scale for each
output channel), which its and OpenVINO's optimisers know.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from . import numpy as plain
from . import onnx_model

_FLOAT = plain.Ops()


class Value(onnx_model.Value):
    """A tensor with what it is for the sample; the scale of its bytes if it has been through bytes, itself after that."""

    def __init__(self, ops, name: str, rank: int, sample: np.ndarray, scale: np.float32 | None = None):
        super().__init__(ops, name, rank)
        self.sample, self.scale, self.through = sample, scale, None

    def __add__(self, other):
        return self.ops.made("Add", self.sample + other.sample, self, other)


class Ops(onnx_model.Ops):
    """The operations of quantised networks; each takes bytes, and what it gives becomes bytes where it is used."""

    def made(self, kind: str, sample: np.ndarray, *operands, **attributes) -> Value:
        operands = [self.quantised(x) if isinstance(x, Value) else x for x in operands]
        return self._float(kind, sample, *operands, **attributes)

    def _float(self, kind: str, sample, *operands, **attributes) -> Value:
        return Value(self, self.node(kind, *operands, **attributes).name, sample.ndim, sample)

    def quantised(self, x: Value) -> Value:
        if x.scale is not None:
            return x
        if x.through is not None:
            return x.through
        low, high = min(float(x.sample.min()), 0.0), max(float(x.sample.max()), 0.0)
        scale = np.float32((high - low) / 255)
        zero = self.constant(np.array(round(-low / scale), np.uint8))
        made = self.node("DequantizeLinear", self.node("QuantizeLinear", x, scale, zero), scale, zero)
        x.through = Value(self, made.name, x.rank, x.sample, scale)
        return x.through

    def relu(self, x):
        return self._float("Relu", _FLOAT.relu(x.sample), x)

    def max_pool(self, x, size, stride, padding=0):
        sample = _FLOAT.max_pool(x.sample, size, stride, padding)
        return self.made("MaxPool", sample, x, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[padding] * 4)

    def global_mean(self, x):
        pooled = self.made("GlobalAveragePool", x.sample.mean((1, 2), keepdims=True), x)
        return self.made("Flatten", x.sample.mean((1, 2)), pooled)

    def _weight(self, w: np.ndarray, axis: int) -> tuple[str, np.ndarray]:
        """Bytes of a weight as float32 again, and the scale of each output."""
        others = tuple(k for k in range(w.ndim) if k != axis)
        scale = (np.abs(w).max(others) / 127).astype(np.float32)
        shape = [-1 if k == axis else 1 for k in range(w.ndim)]
        whole = np.rint(w / scale.reshape(shape)).astype(np.int8)
        return self._dequantised(whole, scale, axis), scale

    def _dequantised(self, whole: np.ndarray, scale: np.ndarray, axis: int) -> str:
        zeros = self.constant(np.zeros(scale.shape, whole.dtype))
        return self.node("DequantizeLinear", self.constant(whole), self.constant(scale), zeros, axis=axis).name

    def _bias(self, b: np.ndarray, scale: np.ndarray) -> str:
        return self._dequantised(np.rint(b / scale).astype(np.int32), scale.astype(np.float32), 0)

    def conv(self, x, w, b=None, stride=1, padding=0):
        x = self.quantised(x)
        name, scale = self._weight(w.transpose(3, 2, 0, 1), 0)
        sample = _FLOAT.conv(x.sample, w, b, stride, padding)
        return self._float(
            "Conv",
            sample,
            x,
            name,
            self._bias(b, scale * x.scale),
            strides=[stride] * 2,
            pads=[padding] * 4,
            kernel_shape=w.shape[:2],
        )

    def dense(self, x, w, b=None):
        x = self.quantised(x)
        name, scale = self._weight(w, 1)
        return self._float("Gemm", x.sample @ w + b, x, name, self._bias(b, scale * x.scale))

    def product(self, a, b):
        y = self.node("MatMulInteger", a, self.constant(b))
        y.type = TensorProto.INT32
        return y

    def quantised_dense(self, x, w, scale, b, x_scale, y_scale, zero):
        zero = self.constant(np.array(zero, np.uint8))
        wide = self.node("DequantizeLinear", x, x_scale, zero)
        y = self.node("Gemm", wide, self._dequantised(w, scale, 1), self._bias(b, scale * np.float32(x_scale)))
        y = self.node("QuantizeLinear", y, y_scale, zero)
        y.type = TensorProto.UINT8
        return y
