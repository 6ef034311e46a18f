"""Support vector machines: kernels against all support vectors at once, votes of pairs, and probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.lib import control, linalg, math, promote, reduction, shape
from graphc.onnx.call import Call
from graphc.onnx.ops.ml import TRANSFORMS, labels_of, named, rows_of, transformed, two_sided
from graphc.onnx.registry import ML, operator
from graphc.prims.table import apply

_ROUNDS = 100  # of finding probabilities, at most
_MANY = 64  # classes with probabilities
_SURE = 1e-7


@dataclass(frozen=True)
class _Kernel:
    """How alike two rows are: gamma, coef0 and degree mean what the standard says."""

    kind: str
    gamma: float
    coef0: float
    degree: float

    def __call__(self, x: Node, vectors: np.ndarray) -> Node:
        """Of rows [n, features] and support vectors [m, features]: [n, m]."""
        x = shape.ensure_shape(x, (None, vectors.shape[1]))
        inner = linalg.matmul(x, const(vectors.T.copy()))
        match self.kind:
            case "POLY":
                return math.pow(self._moved(inner), float(self.degree))
            case "SIGMOID":
                return math.tanh(self._moved(inner))
            case "RBF":
                full = (x.shape[0], *vectors.shape)
                gap = apply("sub", apply("broadcast", x, shape=full, axes=(0, 2)),
                            apply("broadcast", const(vectors), shape=full, axes=(1, 2)))  # fmt: skip
                return math.exp(math.multiply(reduction.reduce_sum(math.multiply(gap, gap), 2), -float(self.gamma)))
        return inner

    def _moved(self, inner: Node) -> Node:
        return math.add(math.multiply(inner, float(self.gamma)), float(self.coef0))


def _kernel(call: Call) -> _Kernel:
    numbers = call.floats("kernel_params", None) or [0.0, 0.0, 0.0]
    if len(numbers) != 3:
        raise FormatError(f"{call.op}: kernel_params are {len(numbers)} numbers instead of gamma, coef0 and degree")
    return _Kernel(call.choice("kernel_type", "LINEAR", "POLY", "RBF", "SIGMOID"), *numbers)


def _matrix(call: Call, name: str, rows: int) -> np.ndarray:
    found = np.array(call.floats(name), np.float32)
    if rows < 1 or len(found) % rows or not len(found):
        raise FormatError(f"{call.op}: {len(found)} {name} are not for {rows} rows")
    return found.reshape(rows, -1)


@operator("SVMRegressor", domain=ML)
def regressor(call: Call):
    """A weighted sum of kernels; its sign for one class."""
    x = rows_of(math.cast(call[0], dt.f32))
    count, rho = call.int("n_supports", 0), _matrix(call, "rho", 1)[0, 0]
    if count > 0:
        alike = _kernel(call)(x, _matrix(call, "support_vectors", count))
        weights = _matrix(call, "coefficients", count)
    else:
        alike, weights = x, _matrix(call, "coefficients", 1).T
    found = math.add(linalg.matmul(alike, const(weights.copy())), float(rho))
    if call.int("one_class", 0):
        found = math.where(math.greater(found, 0.0), 1.0, -1.0)
    return transformed(math.cast(found, dt.f32), call.choice("post_transform", *TRANSFORMS))


@operator("SVMClassifier", domain=ML)
def classifier(call: Call):
    """The label of a row, and scores: of pairs of classes, of classes, or probabilities."""
    labels = labels_of(call, "classlabels_ints")
    x = rows_of(math.cast(call[0], dt.f32))
    sizes, how = call.ints("vectors_per_class", None), call.choice("post_transform", *TRANSFORMS)
    rho = np.array(call.floats("rho"), np.float32)
    if not sizes or not sum(sizes):
        found = math.add(linalg.matmul(x, const(_matrix(call, "coefficients", len(labels)).T.copy())), float(rho[0]))
        return [named(labels, reduction.argmax(found, 1, dt.i64)), transformed(found, how)]
    if len(sizes) != len(labels):
        raise FormatError(f"SVMClassifier: {len(sizes)} vectors_per_class for {len(labels)} labels")
    pairs = [(i, j) for i in range(len(labels)) for j in range(i + 1, len(labels))]
    if len(rho) != len(pairs):
        raise FormatError(f"SVMClassifier: {len(rho)} rho for {len(pairs)} pairs of classes")
    alike = _kernel(call)(x, _matrix(call, "support_vectors", sum(sizes)))
    found = math.add(linalg.matmul(alike, const(_weights(call, sizes, pairs))), const(rho))
    chosen = reduction.argmax(_votes(found, pairs, len(labels)), 1, dt.i64)
    if call.floats("prob_a", None):
        return [named(labels, chosen), transformed(_probabilities(call, found, pairs, len(labels)), how)]
    if len(pairs) == 1:
        return [named(labels, chosen), two_sided(found, how, False)]
    return [named(labels, chosen), transformed(found, how)]


def _weights(call: Call, sizes: list[int], pairs: list[tuple[int, int]]) -> np.ndarray:
    """What each support vector counts in each pair of classes, [vectors, pairs]."""
    total = sum(sizes)
    own = _matrix(call, "coefficients", len(sizes) - 1)
    if own.shape[1] != total:
        raise FormatError(f"SVMClassifier: {own.shape[1]} coefficients of each row for {total} support vectors")
    ends = np.cumsum([0, *sizes])
    found = np.zeros((total, len(pairs)), np.float32)
    for k, (i, j) in enumerate(pairs):
        found[ends[i] : ends[i + 1], k] = own[j - 1, ends[i] : ends[i + 1]]
        found[ends[j] : ends[j + 1], k] = own[i, ends[j] : ends[j + 1]]
    return found


def _votes(found: Node, pairs: list[tuple[int, int]], count: int) -> Node:
    first, second = np.zeros((2, len(pairs), count), np.float32)
    for k, (i, j) in enumerate(pairs):
        first[k, i] = second[k, j] = 1
    wins = math.cast(math.greater(found, 0.0), dt.f32)
    return math.add(linalg.matmul(wins, const(first)), linalg.matmul(math.subtract(1.0, wins), const(second)))


def _probabilities(call: Call, found: Node, pairs: list[tuple[int, int]], count: int) -> Node:
    """The probability of each class from those of pairs, by rounds that bring them closer to each other."""
    if count > _MANY:
        raise call.refuse(f"probabilities of {count} classes")
    a, b = (_matrix(call, n, 1)[0] for n in ("prob_a", "prob_b"))
    share = math.subtract(1.0, math.sigmoid(math.add(math.multiply(found, const(a)), const(b))))
    share = math.minimum(math.maximum(share, float(np.float32(_SURE))), float(np.float32(1 - _SURE)))
    beats = {}
    for k, (i, j) in enumerate(pairs):
        one = shape.reshape(shape.part(share, 1, k, k + 1), (-1,))
        beats[i, j], beats[j, i] = one, math.subtract(1.0, one)
    rows = []
    for t in range(count):
        own = [math.multiply(beats[j, t], beats[j, t]) for j in range(count) if j != t]
        rows.append([sum(own[1:], own[0]) if j == t else math.negative(math.multiply(beats[j, t], beats[t, j]))
                     for j in range(count)])  # fmt: skip
    q = shape.stack([shape.stack(r, 1) for r in rows], 1)
    start = promote.broadcast_to(const(np.float32(1 / count)), (found.shape[0], count))
    near = 0.005 / count

    def round_(_, carries, rows, operands):
        (p,), (q,) = carries, operands
        qp = reduction.reduce_sum(math.multiply(q, shape.expand_dims(p, 1)), 2)
        pqp = reduction.reduce_sum(math.multiply(p, qp), 1, keepdims=True)
        done = math.less(reduction.reduce_max(math.abs(math.subtract(qp, pqp)), 1, keepdims=True), near)
        new = p
        for t in range(count):
            own = shape.reshape(shape.part(shape.part(q, 1, t, t + 1), 2, t, t + 1), (-1, 1))
            line = shape.part(qp, 1, t, t + 1)
            diff = math.divide(math.subtract(pqp, line), own)
            more = math.add(diff, 1.0)
            pqp = math.divide(math.add(pqp, math.multiply(diff, math.add(math.multiply(diff, own), math.multiply(line, 2.0)))),
                              math.multiply(more, more))  # fmt: skip
            unit = const(np.eye(count, dtype=np.float32)[t])
            new = math.divide(math.add(new, math.multiply(diff, unit)), more)
            column = shape.reshape(shape.part(q, 1, t, t + 1), (-1, count))
            qp = math.divide(math.add(qp, math.multiply(diff, column)), more)
        return [math.where(done, p, new)], []

    return control.steps(round_, [start], [], [q], max(_ROUNDS, count), op="SVMClassifier")[0][0]
