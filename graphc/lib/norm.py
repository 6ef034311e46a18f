"""Lengths of vectors and matrices under TensorFlow's names."""

from __future__ import annotations

import math

from graphc.errors import DtypeError, UsageError, explain
from graphc.ir.node import Node, const, origins
from graphc.lib.complex import absolute
from graphc.lib.decompose import svd
from graphc.lib.dims import axes_of, axis_of
from graphc.lib.promote import as_node, together
from graphc.lib.shape import transpose
from graphc.prims.table import apply

MATRIX_NORMS = ("euclidean", "fro", 1, 2, math.inf)


def norm(tensor, ord="euclidean", axis=None, keepdims=None) -> Node:  # noqa: A002  TensorFlow's argument
    """The norm of vectors along an axis, of matrices in two axes, or of all elements as one vector (no axis).

    Args:
        ord: of vectors ``euclidean`` (2), infinity or any p > 0; of matrices ``fro`` (``euclidean``), 1, 2 or infinity.
        axis: None, one axis, or a pair of axes.
        keepdims: keep the axes, with size 1.

    Returns:
        The dtype of ``tensor``; for complex tensors and other norms than the euclidean one, that of their parts.

    Raises:
        UsageError: another ``ord``, or more than two axes. DtypeError: ``tensor`` is not floating or complex.
    """
    x = as_node(tensor)
    if not x.dtype.is_inexact:
        raise DtypeError(explain(f"norm: needs a floating operand, not {x.type}", origins(x=x)))
    is_matrix = isinstance(axis, (list, tuple)) and len(axis) == 2
    if isinstance(axis, (list, tuple)) and len(axis) == 1:
        axis = axis[0]
    if isinstance(axis, (list, tuple)) and not is_matrix:
        raise UsageError(explain(f"norm: axis must be None, an int or a pair of ints, got {axis!r}", origins(x=x)))
    _check_order(x, ord, is_matrix)
    if is_matrix:
        pair = tuple(axis_of("norm", a, x) for a in axis)
        axes_of("norm", pair, x)  # refuses the same axis twice
        found = _of_matrices(x, ord, pair)
    else:
        pair = axes_of("norm", axis, x)
        found = _of_vectors(x, ord, pair)
    kept = tuple(1 if k in pair else d for k, d in enumerate(x.shape))
    return apply("reshape", found, shape=kept) if keepdims else found


def _check_order(x: Node, order, is_matrix: bool) -> None:
    if is_matrix and order not in MATRIX_NORMS:
        what = f"norm: ord must be one of {', '.join(map(str, MATRIX_NORMS))} for matrices, got {order!r}"
        raise UsageError(explain(what, origins(x=x)))
    number = isinstance(order, (int, float)) and not isinstance(order, bool) and order > 0
    if not is_matrix and order != "euclidean" and not number:
        raise UsageError(explain(f"norm: ord must be 'euclidean' or a positive number, got {order!r}", origins(x=x)))


def _reduced(kind: str, x: Node, axes: tuple) -> Node:
    return apply("reduce", x, kind=kind, axes=tuple(sorted(axes))) if axes else x


def _greatest(x: Node, axes: tuple) -> Node:
    return _reduced("max", x, axes)


def _of_vectors(x: Node, order, axes: tuple) -> Node:
    if order in ("euclidean", 2):
        other = apply("conj", x) if x.dtype.is_complex else x
        return apply("sqrt", _reduced("sum", apply("mul", x, other), axes))
    size = absolute(x)
    if order == math.inf:
        return _greatest(size, axes)
    if order == 1:
        return _reduced("sum", size, axes)
    total = _reduced("sum", apply("pow", size, const(float(order), size.type)), axes)
    return apply("pow", total, const(1.0 / order, total.type))


def _of_matrices(x: Node, order, pair: tuple) -> Node:
    if order in ("euclidean", "fro"):
        return _of_vectors(x, "euclidean", pair)
    rows, columns = pair
    if order == 2:
        rest = [k for k in range(len(x.shape)) if k not in pair]
        found = svd(transpose(x, (*rest, rows, columns)), compute_uv=False)
        return _greatest(found, (len(found.shape) - 1,))
    first, second = (rows, columns) if order == 1 else (columns, rows)
    sums = _reduced("sum", absolute(x), (first,))
    return _greatest(sums, (second - (second > first),))


def normalize(tensor, ord="euclidean", axis=None) -> tuple[Node, Node]:  # noqa: A002
    """``tensor`` divided by its norm, and the norm with its axes kept; arguments as those of ``norm``."""
    x = as_node(tensor)
    length = norm(x, ord, axis, True)
    whole = length if length.dtype is x.dtype else apply("cast", length, dtype=x.dtype)
    return apply("div", *together("normalize", x, whole)), length
