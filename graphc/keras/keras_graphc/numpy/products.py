"""Products of ``keras.ops.numpy``, and determinants."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor, shape as shape_of
from graphc.keras.keras_graphc.numpy.promotion import as_float, operand, pair, weak
from graphc.keras.keras_graphc.numpy.shaping import ravel


def _in_product(*xs) -> tuple[list, str]:
    """The operands in a dtype that products are computed in, and the dtype of the answer."""
    xs = [operand(x) for x in xs]
    names = [weak(x) for x in xs]
    if all(not isinstance(n, type) and standardize_dtype(n) == "int8" for n in names):
        return [cast(x, "int32") for x in xs], "int32"
    dtype = dtypes.result_type(*names)
    small, large = ("bool", "int8", "int16", "uint8", "uint16"), ("uint32", "uint64")
    inner = "int32" if dtype in small else "int64" if dtype in large else dtype
    return [convert_to_tensor(x, inner) for x in xs], dtype


def matmul(x1, x2):
    (x1, x2), dtype = _in_product(x1, x2)
    if len(x1.shape) == 1 and len(x2.shape) == 1:
        return cast(tf.reduce_sum(x1 * x2), dtype)
    if len(x1.shape) == 1:
        return cast(tf.squeeze(tf.matmul(x1[None, :], x2), -2), dtype)
    if len(x2.shape) == 1:
        return cast(tf.squeeze(tf.matmul(x1, x2[:, None]), -1), dtype)
    return cast(tf.matmul(x1, x2), dtype)


def dot(x1, x2):
    (x1, x2), dtype = _in_product(x1, x2)
    if not len(x1.shape) or not len(x2.shape):
        return cast(x1 * x2, dtype)
    return cast(tf.tensordot(x1, x2, [[len(x1.shape) - 1], [max(len(x2.shape) - 2, 0)]]), dtype)


def inner(x1, x2):
    (x1, x2), dtype = _in_product(x1, x2)
    if not len(x1.shape) or not len(x2.shape):
        return cast(x1 * x2, dtype)
    return cast(tf.tensordot(x1, x2, [[len(x1.shape) - 1], [len(x2.shape) - 1]]), dtype)


def vdot(x1, x2):
    (x1, x2), dtype = _in_product(x1, x2)
    return cast(tf.reduce_sum(ravel(tf.math.conj(x1) if x1.dtype.is_complex else x1) * ravel(x2)), dtype)


def outer(x1, x2):
    x1, x2 = pair(x1, x2)
    return ravel(x1)[:, None] * ravel(x2)[None, :]


def tensordot(x1, x2, axes=2):
    (x1, x2), dtype = _in_product(x1, x2)
    return cast(tf.tensordot(x1, x2, axes), dtype)


def einsum(subscripts, *operands, **kwargs):
    operands, dtype = _in_product(*operands)
    return cast(tf.einsum(subscripts, *operands), dtype)


def kron(x1, x2):
    x1, x2 = pair(x1, x2)
    rank = max(len(x1.shape), len(x2.shape))
    sizes = [[1] * (rank - len(x.shape)) + list(shape_of(x)) for x in (x1, x2)]
    spread = [tf.reshape(x, [v for size in own for v in ((size, 1) if first else (1, size))])
              for x, own, first in ((x1, sizes[0], True), (x2, sizes[1], False))]  # fmt: skip
    return tf.reshape(spread[0] * spread[1], [a * b for a, b in zip(*sizes)])


def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    x1, x2 = pair(x1, x2)
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    x1, x2 = (tf.unstack(x, axis=a) for x, a in ((x1, axisa), (x2, axisb)))
    if len(x1) == 2 and len(x2) == 2:
        return x1[0] * x2[1] - x1[1] * x2[0]
    a, b = ([*x, tf.zeros_like(x[0])] if len(x) == 2 else x for x in (x1, x2))
    parts = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    return tf.stack(parts, axis=axisc)


def correlate(x1, x2, mode="valid"):
    x1, x2 = pair(x1, x2)
    dtype = standardize_dtype(x1.dtype)
    dtype = "float64" if dtype == "int64" else dtype if dtype in ("bfloat16", "float16", "float64") else "float32"
    x1, x2 = cast(x1, dtype), cast(x2, dtype)
    long, short = x1.shape[0], x2.shape[0]
    turned = long < short
    if turned:
        x1, x2, long, short = x2, x1, short, long
    before = {"valid": (0, 0), "same": (short // 2, short - 1 - short // 2), "full": (short - 1, short - 1)}[mode]
    rows = tf.signal.frame(tf.pad(x1, [before]), short, 1)
    answer = tf.linalg.matvec(rows, x2)
    return tf.reverse(answer, [0]) if turned else answer


def slogdet(x):
    return tuple(tf.linalg.slogdet(as_float(x)))


def corrcoef(x):
    x = convert_to_tensor(x)
    dtype = dtypes.result_type(x.dtype, float)
    x = cast(x, dtype)
    x = x if len(x.shape) > 1 else x[None, :]
    centered = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    products = tf.matmul(centered, centered, transpose_b=True)
    norms = tf.sqrt(tf.linalg.diag_part(products))
    answer = tf.clip_by_value(products / norms[:, None] / norms[None, :], -1, 1)
    return tf.squeeze(answer) if answer.shape[0] == 1 else answer
