"""A workload as an ONNX model, for the peers that run such files; images are NCHW, as in most of them."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OURS = "com.microsoft"


class Value:
    """A tensor of the model."""

    def __init__(self, ops: Ops, name: str, rank: int):
        self.ops, self.name, self.rank = ops, name, rank
        self.type, self.width = TensorProto.FLOAT, None  # the width is known of products

    def __add__(self, other):
        return self.ops.node("Add", self, other)

    def __mul__(self, other):
        return self.ops.node("Mul", self, other)

    def __sub__(self, other):
        return self.ops.node("Sub", self, other)

    def __neg__(self):
        return self.ops.node("Neg", self)


class Ops:
    """The operations as nodes of a model.

    Args:
        fused_attention: whether ONNX Runtime's own operation for attention may be used.
    """

    def __init__(self, fused_attention: bool):
        self.nodes: list = []
        self.initializers: list = []
        self._fused_attention, self._names = fused_attention, 0

    def _name(self) -> str:
        self._names += 1
        return f"t{self._names}"

    def constant(self, array) -> str:
        name = self._name()
        self.initializers.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def node(self, kind: str, *operands, rank: int | None = None, outputs: int = 1, **attributes):
        """Append a node; operands that are no values are float32 constants, names stand for themselves."""
        names = []
        for x in operands:
            if isinstance(x, Value):
                names.append(x.name)
            else:
                names.append(x if isinstance(x, str) else self.constant(np.asarray(x, np.float32)))
        made = [self._name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, names, made, **attributes))
        ranks = [x.rank for x in operands if isinstance(x, Value)]
        return Value(self, made[0], max(ranks, default=0) if rank is None else rank)

    def tanh(self, x):
        return self.node("Tanh", x)

    def exp(self, x):
        return self.node("Exp", x)

    def sqrt(self, x):
        return self.node("Sqrt", x)

    def abs(self, x):
        return self.node("Abs", x)

    def sin(self, x):
        return self.node("Sin", x)

    def sigmoid(self, x):
        return self.node("Sigmoid", x)

    def relu(self, x):
        return self.node("Relu", x)

    def relu6(self, x):
        return self.node("Clip", x, 0.0, 6.0)

    def gelu(self, x):
        return self.node("Gelu", x)

    def softmax(self, x):
        return self.node("Softmax", x, axis=-1)

    def layer_norm(self, x, gamma, beta, epsilon=1e-5):
        return self.node("LayerNormalization", x, gamma, beta, epsilon=epsilon)

    def sum(self, x, axis=None):
        axes = self.constant(np.array(range(x.rank) if axis is None else [axis], np.int64))
        return self.node("ReduceSum", x, axes, keepdims=0, rank=0 if axis is None else x.rank - 1)

    def transpose(self, x):
        return self.node("Transpose", x)

    def matmul(self, a, b):
        return self.node("MatMul", a, b)

    def dense(self, x, w, b=None):
        if x.rank == 2 and b is not None:
            y = self.node("Gemm", x, w, b)
        else:
            y = self.node("MatMul", x, w)
            y = y if b is None else y + b
        y.width = w.shape[1]
        return y

    def flatten(self, x):
        return self.node("Flatten", self.node("Transpose", x, perm=[0, 2, 3, 1]), rank=2)

    def batch_norm(self, x, scale, offset, mean, variance, epsilon=1e-3):
        return self.node("BatchNormalization", x, scale, offset, mean, variance, epsilon=epsilon)

    def conv(self, x, w, b=None, stride=1, padding=0):
        return self._conv(x, w.transpose(3, 2, 0, 1), b, stride, padding, 1)

    def depthwise(self, x, w, b=None, stride=1, padding=0):
        return self._conv(x, w.transpose(2, 3, 0, 1), b, stride, padding, w.shape[2])

    def _conv(self, x, w, b, stride, padding, groups):
        operands = [x, w] if b is None else [x, w, b]
        return self.node(
            "Conv", *operands, strides=[stride] * 2, pads=[padding] * 4, group=groups, kernel_shape=w.shape[2:]
        )

    def max_pool(self, x, size, stride, padding=0):
        return self.node("MaxPool", x, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[padding] * 4)

    def global_mean(self, x):
        return self.node("Flatten", self.node("GlobalAveragePool", x), rank=2)

    def attention(self, q, k, v, heads):
        if self._fused_attention:
            return self.node("MultiHeadAttention", q, k, v, num_heads=heads, domain=OURS)
        scale = (q.width // heads) ** -0.5
        split = self.constant(np.array([0, 0, heads, -1], np.int64))
        q, v = (self.node("Transpose", self.node("Reshape", a, split, rank=4), perm=[0, 2, 1, 3]) for a in (q, v))
        k = self.node("Transpose", self.node("Reshape", k, split, rank=4), perm=[0, 2, 3, 1])
        weights = self.softmax(self.matmul(q, k) * scale)
        mixed = self.node("Transpose", self.matmul(weights, v), perm=[0, 2, 1, 3])
        return self.node("Reshape", mixed, self.constant(np.array([0, 0, -1], np.int64)), rank=3)

    def lstm(self, x, w, r, b):
        units = r.shape[0]
        i, f, g, o = (np.arange(k, k + units) for k in range(0, 4 * units, units))
        order = np.concatenate([i, o, f, g])
        w, r, b = w[:, order].T[None], r[:, order].T[None], np.concatenate([b[order], np.zeros_like(b)])[None]
        y = self.node("LSTM", x, w, r, b, hidden_size=units, rank=4)
        return self.node("Squeeze", y, self.constant(np.array([1], np.int64)), rank=3)
