"""Products, factorisations and systems of matrices under TensorFlow's names."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins, simplified
from graphc.lib.decompose import (  # noqa: F401  older names of this file
    cholesky, matrix_determinant, matrix_inverse, matrix_solve, self_adjoint_eig,
)  # fmt: skip
from graphc.lib.dims import axis_of, constant, integer, size
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to
from graphc.lib.shape import concat, ensure_shape, part, reshape, transpose
from graphc.prims.table import apply


def matmul(
    a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False, a_is_sparse=False, b_is_sparse=False,
    output_type=None, grad_a=False, grad_b=False,
) -> Node:  # fmt: skip
    """Matrix product over the last two axes; leading axes broadcast.

    Args:
        transpose_a, transpose_b: the last two axes of that operand are swapped.
        adjoint_a, adjoint_b: so they are, and complex numbers conjugated.
        a_is_sparse, b_is_sparse, grad_a, grad_b: without effect.
        output_type: the dtype in which the product is made, such as int32 for int8 operands.

    Raises:
        ShapeError: a rank below 2, or inner sizes that differ.
        DtypeError: the dtypes differ or are boolean.
        UsageError: an operand is to be transposed and adjoint.
    """
    if (transpose_a and adjoint_a) or (transpose_b and adjoint_b):
        raise UsageError(explain("matmul: an operand is either transposed or adjoint, not both"))
    x, y = _factors_of("matmul", a, b, output_type)
    if len(x.shape) < 2 or len(y.shape) < 2:
        raise ShapeError(explain(f"matmul: needs matrices, got {x.type} x {y.type}", origins(x=x, y=y)))
    x, y = (apply("conj", v) if flag and v.dtype.is_complex else v for v, flag in ((x, adjoint_a), (y, adjoint_b)))
    transpose_a, transpose_b = bool(transpose_a or adjoint_a), bool(transpose_b or adjoint_b)
    inner, other = x.shape[-2 if transpose_a else -1], y.shape[-1 if transpose_b else -2]
    if inner is not other and inner != other:
        if type(inner) is int and type(other) is int:
            what = f"matmul: inner sizes differ, {x.type} x {y.type} ({inner} != {other})"
            raise ShapeError(explain(what, origins(x=x, y=y)))
        x, y = _agreeing(x, y, -2 if transpose_a else -1, -1 if transpose_b else -2)
    if len(y.shape) == 2 and len(x.shape) > 2 and not transpose_a:  # one matrix for all rows of the batch
        rows = reshape(x, (size(x.shape[:-1]), x.shape[-1]))
        out = apply("dot", rows, y, transpose_x=False, transpose_y=transpose_b)
        return reshape(out, (*x.shape[:-1], out.shape[-1]))
    if x.shape[:-2] != y.shape[:-2]:
        batch = broadcast_shape("matmul", x, y, shapes=(x.shape[:-2], y.shape[:-2]))
        x, y = [broadcast_to(n, (*batch, *n.shape[-2:]), "matmul") for n in (x, y)]
    return apply("dot", x, y, transpose_x=transpose_a, transpose_y=transpose_b)


def _factors_of(op: str, a, b, output_type=None) -> list[Node]:
    """Two operands of one dtype with numbers."""
    if output_type is not None:
        kind = dt.as_dtype(output_type)
        a, b = (v if v.dtype is kind else apply("cast", v, dtype=kind) for v in map(as_node, (a, b)))
    x, y = adopt(op, a, b)
    if x.dtype.kind in "bs":
        raise DtypeError(explain(f"{op}: needs numbers, not {x.type}", origins(x=x, y=y)))
    return [x, y]


def _agreeing(x: Node, y: Node, at_x: int, at_y: int) -> tuple[Node, Node]:
    """Both operands with one common size at those axes, checked at entry."""
    d = x.shape[at_x] if type(x.shape[at_x]) is int else y.shape[at_y]
    return _sized(x, at_x, d), _sized(y, at_y, d)


def _sized(x: Node, at: int, d) -> Node:
    at %= len(x.shape)
    return ensure_shape(x, [d if k == at else None for k in range(len(x.shape))])


def tensordot(a, b, axes) -> Node:
    """The sum of products over pairs of axes: ``axes`` is a count, or lists of axes of ``a`` and of ``b``.

    Raises:
        ShapeError: an axis is out of range, or the sizes of a pair differ. UsageError: the lists differ in length.
    """
    x, y = _factors_of("tensordot", a, b)
    left, right = _pairs_of_axes(x, y, axes)
    for p, q in zip(left, right):
        if type(x.shape[p]) is int and type(y.shape[q]) is int and x.shape[p] != y.shape[q]:
            what = f"tensordot: axis {p} of {x.type} and axis {q} of {y.type} differ ({x.shape[p]} != {y.shape[q]})"
            raise ShapeError(explain(what, origins(x=x, y=y)))
        if isinstance(x.shape[p], Node) or isinstance(y.shape[q], Node):
            x, y = _agreeing(x, y, p, q)
    keep_x = [k for k in range(len(x.shape)) if k not in left]
    keep_y = [k for k in range(len(y.shape)) if k not in right]
    rows, columns = [x.shape[k] for k in keep_x], [y.shape[k] for k in keep_y]
    inner = size(x.shape[k] for k in left)
    matrix_x = reshape(transpose(x, keep_x + left), (size(rows), inner))
    matrix_y = reshape(transpose(y, right + keep_y), (size(y.shape[k] for k in right), size(columns)))
    return reshape(matmul(matrix_x, matrix_y), tuple(simplified(d) for d in rows + columns))


def _pairs_of_axes(x: Node, y: Node, axes) -> tuple[list[int], list[int]]:
    """The axes of each operand that are summed over."""
    if isinstance(axes, Node):
        axes = constant("tensordot", "axes", axes).tolist()
    axes = axes.tolist() if isinstance(axes, np.ndarray) else axes
    if isinstance(axes, (list, tuple)):
        if len(axes) != 2:
            raise UsageError(explain(f"tensordot: axes must be a count or two lists, got {axes!r}", origins(x=x, y=y)))
        left, right = ([v] if isinstance(v, int) else list(v) for v in axes)
    else:
        n = integer("tensordot", "axes", axes)
        if not 0 <= n <= min(len(x.shape), len(y.shape)):
            what = f"tensordot: axes = {n} is more than {x.type} or {y.type} have"
            raise ShapeError(explain(what, origins(x=x, y=y)))
        left, right = list(range(len(x.shape) - n, len(x.shape))), list(range(n))
    if len(left) != len(right):
        raise UsageError(explain(f"tensordot: {len(left)} axes of {x.type} for {len(right)} of {y.type}"))
    return [axis_of("tensordot", k, x) for k in left], [axis_of("tensordot", k, y) for k in right]


def matvec(a, b, transpose_a=False, adjoint_a=False, a_is_sparse=False, b_is_sparse=False) -> Node:
    """Matrix times vector over the last axes; leading axes broadcast. Arguments as those of ``matmul``."""
    x, y = _factors_of("matvec", a, b)
    if not y.shape:
        raise ShapeError(explain(f"matvec: needs a vector, not {y.type}", origins(a=x, b=y)))
    out = matmul(x, apply("reshape", y, shape=(*y.shape, 1)), transpose_a, adjoint_a=adjoint_a)
    return apply("reshape", out, shape=out.shape[:-1])


def matrix_transpose(a, conjugate=False) -> Node:
    """The last two axes swapped; ``conjugate`` also conjugates complex numbers."""
    x = as_node(a)
    n = len(x.shape)
    if n < 2:
        raise ShapeError(explain(f"matrix_transpose: needs a matrix, not {x.type}", origins(x=x)))
    return transpose(x, (*range(n - 2), n - 1, n - 2), conjugate)


def adjoint(matrix) -> Node:
    """The last two axes swapped, complex numbers conjugated."""
    return matrix_transpose(matrix, True)


def cross(a, b) -> Node:
    """The vector product along a last axis of size 3.

    Raises:
        ShapeError: the shapes differ, or the last size is not 3.
    """
    x, y = adopt("cross", a, b)
    fits = len(x.shape) == len(y.shape) and x.shape
    x, y = (ensure_shape(v, [*(None,) * (len(v.shape) - 1), 3]) if fits and isinstance(v.shape[-1], Node) else v
            for v in (x, y))  # fmt: skip
    fits = fits and x.shape[-1] == y.shape[-1] == 3
    if not fits or any(type(p) is int and type(q) is int and p != q for p, q in zip(x.shape, y.shape)):
        what = f"cross: needs two tensors of vectors of size 3, got {x.type} and {y.type}"
        raise ShapeError(explain(what, origins(a=x, b=y)))
    x, y = broadcast_to(x, broadcast_shape("cross", x, y)), broadcast_to(y, broadcast_shape("cross", x, y))
    k = len(x.shape) - 1

    def turned(v, by):
        return concat([part(v, k, by, 3), part(v, k, 0, by)], k)

    left = apply("mul", turned(x, 1), turned(y, 2))
    return apply("sub", left, apply("mul", turned(x, 2), turned(y, 1)))
