"""``keras.ops.linalg`` by graphc's operations: factorisations, systems of equations, norms and slopes forward."""

from __future__ import annotations

import graphc as tf
import numpy as np
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.lib import decompose
from keras.src import tree
from keras.src.backend.common import standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor
from graphc.keras.keras_graphc.numpy.promotion import as_float, pair

_lu_factor = lift(Op("keras.ops.lu_factor", "lu_factor", decompose.lu_factor, "a"), eager)
_HALF = ("float16", "bfloat16")


def _widened(x):
    """Floating numbers that factorisations are made in; half precision is computed in single."""
    x = as_float(x)
    return cast(x, "float32") if standardize_dtype(x.dtype) in _HALF else x


def in_width(function, *operands):
    """What the function of matrices answers, in the dtype in which the operands (one or two) meet."""
    operands = pair(*operands, float) if len(operands) == 2 else (as_float(*operands),)
    dtype = standardize_dtype(operands[0].dtype)
    found = function(*(_widened(x) for x in operands))
    if dtype not in _HALF:
        return found
    return tree.map_structure(lambda x: cast(x, dtype) if x.dtype.is_floating else x, found)


# ---------------------------------------------------------------------------------------- factorisations


def cholesky(a, upper=False):
    """The factor of positive definite matrices; of others NaN inside a function.

    Raises:
        ValueError: outside of functions, a matrix is not positive definite.
    """
    found = in_width(tf.linalg.cholesky, a)
    if not tf.is_symbolic_tensor(found) and np.isnan(found.numpy()).any():
        raise ValueError("Cholesky decomposition failed: the input might not be a valid positive definite matrix.")
    return tf.linalg.adjoint(found) if upper else found


def cholesky_inverse(a, upper=False):
    """The inverse of the matrices that these are the factors of."""

    def inverse(factor):
        unit = tf.eye(tf.shape(factor)[-1], dtype=factor.dtype)
        undone = tf.linalg.triangular_solve(factor, unit, lower=not upper)
        return tf.matmul(undone, undone, adjoint_a=not upper, adjoint_b=upper)

    return in_width(inverse, a)


def det(a):
    return in_width(tf.linalg.det, a)


def eig(a):
    return tuple(tf.linalg.eig(_widened(a)))


def eigh(a):
    return tuple(in_width(tf.linalg.eigh, a))


def inv(a):
    return in_width(tf.linalg.inv, a)


def lu_factor(a):
    return in_width(_lu_factor, a)


def qr(x, mode="reduced"):
    if mode not in ("reduced", "complete"):
        raise ValueError(
            f"`mode` argument value not supported. Expected one of {{'reduced', 'complete'}}. Received: mode={mode}"
        )
    return tuple(in_width(lambda x: tuple(tf.linalg.qr(x, full_matrices=mode == "complete")), x))


def svd(x, full_matrices=True, compute_uv=True):
    def parts(x):
        if not compute_uv:
            return tf.linalg.svd(x, compute_uv=False)
        s, u, v = tf.linalg.svd(x, full_matrices=full_matrices)
        return u, s, tf.linalg.adjoint(v)

    return in_width(parts, x)


# ------------------------------------------------------------------------------------- systems and ranks


def _solved(solver, a, b):
    """The solutions of systems whose right-hand sides are vectors or matrices."""
    if b.shape.rank == a.shape.rank - 1:
        return tf.squeeze(solver(a, tf.expand_dims(b, -1)), -1)
    return solver(a, b)


def solve(a, b):
    return in_width(lambda a, b: _solved(tf.linalg.solve, a, b), a, b)


def solve_triangular(a, b, lower=False):
    return in_width(lambda a, b: _solved(lambda a, b: tf.linalg.triangular_solve(a, b, lower=lower), a, b), a, b)


def lstsq(a, b, rcond=None):
    """The shortest of the best solutions; singular values up to ``rcond`` times the largest count as 0.

    Raises:
        TypeError: ``a`` is no matrix, or ``b`` neither a vector nor a matrix. ValueError: their rows differ.
    """
    a, b = pair(a, b, float)
    if a.shape.rank != 2 or b.shape.rank not in (1, 2):
        raise TypeError(f"`lstsq` needs a matrix, and a vector or matrix. Received shapes: {a.shape} and {b.shape}")
    if None not in (a.shape[0], b.shape[0]) and a.shape[0] != b.shape[0]:
        raise ValueError(f"Leading dimensions of input arrays must match. Received shapes: {a.shape} and {b.shape}")
    if rcond is None:
        rcond = _precision(a) * cast(tf.reduce_max(tf.shape(a)), tf.math.real(a).dtype)
    elif isinstance(rcond, (int, float)) and rcond < 0:
        rcond = _precision(a)
    return in_width(lambda a, b: _solved(lambda a, b: tf.matmul(tf.linalg.pinv(a, rcond), b), a, b), a, b)


def _precision(x) -> float:
    """The distance from 1 to the next number."""
    return float(np.finfo(x.dtype.as_numpy_dtype).eps) if standardize_dtype(x.dtype) not in _HALF else 2.0**-23


def _with_matrices(x):
    """A tensor of at least two axes.

    Raises:
        ValueError: it has fewer.
    """
    x = convert_to_tensor(x)
    if x.shape.rank < 2:
        raise ValueError(f"Expected input to have rank >= 2. Received input with shape {x.shape}.")
    return x


def matrix_rank(x, tol=None):
    return tf.linalg.matrix_rank(_widened(_with_matrices(x)), tol)


def pinv(x, rcond=None):
    return in_width(lambda x: tf.linalg.pinv(x, rcond), _with_matrices(x))


# ------------------------------------------------------------------------------------------------- norms


def norm(x, ord=None, axis=None, keepdims=False):
    """Norms of vectors (one axis) or matrices (two), or of all elements (``ord`` and ``axis`` None).

    Raises:
        ValueError: the axes are no axes of ``x``, or ``ord`` is none of such norms.
    """
    x = as_float(x)
    rank = x.shape.rank
    axes = tuple(range(rank)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(not -rank <= a < rank for a in axes):
        raise ValueError(
            f"All `axis` values must be in the range [-ndim, ndim). Received inputs with ndim={rank}, while axis={axis}"
        )
    axes = tuple(a % rank for a in axes)
    if ord is None and (axis is None or len(axes) <= 2):
        return _euclidean(x, axes, keepdims)
    if len(axes) == 1:
        return _norm_of_vectors(x, ord, axes[0], keepdims)
    if len(axes) == 2:
        return _norm_of_matrices(x, ord, axes, keepdims)
    raise ValueError(f"A norm is of one or two axes. Received: axis={axis} for an input of shape {x.shape}, ord={ord}")


def _euclidean(x, axes: tuple, keepdims: bool):
    size = tf.abs(x) if x.dtype.is_complex else x
    return tf.sqrt(tf.reduce_sum(tf.square(size), axes, keepdims))


def _norm_of_vectors(x, ord, axis: int, keepdims: bool):
    if isinstance(ord, str):
        raise ValueError(f"Invalid `ord` argument for vector norm. Received: ord={ord}")
    if ord == 2:
        return _euclidean(x, (axis,), keepdims)
    size = tf.abs(x)
    if ord in (np.inf, -np.inf):
        return (tf.reduce_max if ord > 0 else tf.reduce_min)(size, axis, keepdims)
    if ord == 0:
        return tf.reduce_sum(cast(tf.not_equal(size, 0), size.dtype), axis, keepdims)
    if ord == 1:
        return tf.reduce_sum(size, axis, keepdims)
    return tf.reduce_sum(size**ord, axis, keepdims) ** (1.0 / ord)


_OF_SUMS = {1: (0, tf.reduce_max), -1: (0, tf.reduce_min), np.inf: (1, tf.reduce_max), -np.inf: (1, tf.reduce_min)}
_OF_SINGULAR_VALUES = {"nuc": tf.reduce_sum, 2: tf.reduce_max, -2: tf.reduce_min}


def _norm_of_matrices(x, ord, axes: tuple, keepdims: bool):
    if ord == "fro":
        return _euclidean(x, axes, keepdims)
    if ord in _OF_SUMS:
        summed, extreme = _OF_SUMS[ord]
        sums = tf.reduce_sum(tf.abs(x), axes[summed], keepdims=True)
        found = extreme(sums, axes[1 - summed], keepdims=True)
    elif ord in _OF_SINGULAR_VALUES:
        others = [a for a in range(x.shape.rank) if a not in axes]
        values = svd(tf.transpose(x, [*others, *axes]), compute_uv=False)
        found = _OF_SINGULAR_VALUES[ord](values, -1)
        for a in sorted(axes):
            found = tf.expand_dims(found, a)
    else:
        raise ValueError(f"Invalid `ord` argument for matrix norm. Received: ord={ord}")
    return found if keepdims else tf.squeeze(found, list(axes))


# ------------------------------------------------------------------------------------------------ slopes


def jvp(fun, primals, tangents, has_aux=False):
    """What ``fun`` answers, and how that moves as ``primals`` move along ``tangents``: (answer, movement[, more])."""
    primals = tree.map_structure(convert_to_tensor, tuple(primals))
    flat = tree.flatten(primals)
    moved = [convert_to_tensor(t, p.dtype) for t, p in zip(tree.flatten(tuple(tangents)), flat)]
    with tf.autodiff.ForwardAccumulator(flat, moved) as accumulator:
        answer, *more = fun(*primals) if has_aux else (fun(*primals),)
        slopes = [accumulator.jvp(y, "zero") for y in tree.flatten(answer)]
    return answer, tree.pack_sequence_as(answer, slopes), *more
