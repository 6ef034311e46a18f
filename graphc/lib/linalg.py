"""Products, factorisations and systems of matrices under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins, simplified
from graphc.lib.dims import axis_of, integer, size
from graphc.lib.grid import diag_part, eye
from graphc.lib.math import full_like
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to
from graphc.lib.shape import concat, ensure_shape, ones, part, reshape, transpose, zeros
from graphc.prims.table import apply


def matmul(a, b, transpose_a=False, transpose_b=False) -> Node:
    """Matrix product over the last two axes; leading axes broadcast.

    Raises:
        ShapeError: a rank below 2, or inner sizes that differ.
        DtypeError: the dtypes differ or are boolean.
    """
    x, y = adopt("matmul", a, b)
    if x.dtype.kind in "bs":
        raise DtypeError(explain(f"matmul: needs numbers, not {x.type}", origins(x=x, y=y)))
    if len(x.shape) < 2 or len(y.shape) < 2:
        raise ShapeError(explain(f"matmul: needs matrices, got {x.type} x {y.type}", origins(x=x, y=y)))
    inner, other = x.shape[-2 if transpose_a else -1], y.shape[-1 if transpose_b else -2]
    if inner is not other and inner != other:
        if type(inner) is int and type(other) is int:
            what = f"matmul: inner sizes differ, {x.type} x {y.type} ({inner} != {other})"
            raise ShapeError(explain(what, origins(x=x, y=y)))
        x, y = _agreeing(x, y, -2 if transpose_a else -1, -1 if transpose_b else -2)
    if x.shape[:-2] != y.shape[:-2]:
        batch = broadcast_shape("matmul", x, y, shapes=(x.shape[:-2], y.shape[:-2]))
        x, y = [broadcast_to(n, (*batch, *n.shape[-2:]), "matmul") for n in (x, y)]
    return apply("dot", x, y, transpose_x=bool(transpose_a), transpose_y=bool(transpose_b))


def _agreeing(x: Node, y: Node, at_x: int, at_y: int) -> tuple[Node, Node]:
    """Both operands with one common size at those axes, checked at entry."""
    d = x.shape[at_x] if type(x.shape[at_x]) is int else y.shape[at_y]
    return _sized(x, at_x, d), _sized(y, at_y, d)


def _sized(x: Node, at: int, d) -> Node:
    at %= len(x.shape)
    return ensure_shape(x, [d if k == at else None for k in range(len(x.shape))])


def tensordot(a, b, axes) -> Node:
    """The sum of products over pairs of axes: ``axes`` is a count, or lists of axes of ``a`` and of ``b``."""
    x, y = adopt("tensordot", a, b)
    if isinstance(axes, (list, tuple)):
        left, right = [[v] if isinstance(v, int) else list(v) for v in axes]
    else:
        n = integer("tensordot", "axes", axes)
        left, right = list(range(len(x.shape) - n, len(x.shape))), list(range(n))
    left, right = [axis_of("tensordot", k, x) for k in left], [axis_of("tensordot", k, y) for k in right]
    for p, q in zip(left, right):
        if type(x.shape[p]) is int and type(y.shape[q]) is int and x.shape[p] != y.shape[q]:
            what = f"tensordot: axis {p} of {x.type} and axis {q} of {y.type} differ ({x.shape[p]} != {y.shape[q]})"
            raise ShapeError(explain(what, origins(x=x, y=y)))
    keep_x = [k for k in range(len(x.shape)) if k not in left]
    keep_y = [k for k in range(len(y.shape)) if k not in right]
    rows, columns = [x.shape[k] for k in keep_x], [y.shape[k] for k in keep_y]
    inner = size(x.shape[k] for k in left)
    matrix_x = reshape(transpose(x, keep_x + left), (size(rows), inner))
    matrix_y = reshape(transpose(y, right + keep_y), (size(y.shape[k] for k in right), size(columns)))
    return reshape(matmul(matrix_x, matrix_y), tuple(simplified(d) for d in rows + columns))


def matvec(a, b, transpose_a=False) -> Node:
    """Matrix times vector over the last axes."""
    x, y = adopt("matvec", a, b)
    out = matmul(x, apply("reshape", y, shape=(*y.shape, 1)), transpose_a)
    return apply("reshape", out, shape=out.shape[:-1])


def matrix_transpose(a) -> Node:
    """The last two axes swapped."""
    x = as_node(a)
    n = len(x.shape)
    if n < 2:
        raise ShapeError(explain(f"matrix_transpose: needs a matrix, not {x.type}", origins(x=x)))
    return transpose(x, (*range(n - 2), n - 1, n - 2))


# -------------------------------------------------------------------------------- factorisations, on the host


def cholesky(a) -> Node:
    """Lower triangular ``c`` with ``c @ c^T`` equal to a positive definite matrix; NaN for others."""
    return apply("cholesky", as_node(a))


def self_adjoint_eig(a) -> tuple[Node, Node]:
    """Eigenvalues of symmetric matrices in ascending order, and eigenvectors as columns."""
    both = apply("eigh", as_node(a))
    return apply("item", both, index=0), apply("item", both, index=1)


def _factors(a: Node) -> tuple[Node, Node, Node]:
    """Unit lower and upper triangular factors, and the order of rows they stand for."""
    both = apply("lu", a)
    packed, order = apply("item", both, index=0), apply("item", both, index=1)
    i, j = (apply("iota", shape=a.shape, axis=len(a.shape) - k, dtype=dt.i32) for k in (2, 1))
    zero, one = zeros(a.shape, a.dtype), ones(a.shape, a.dtype)
    lower = apply("select", apply("lt", j, i), packed, apply("select", apply("eq", i, j), one, zero))
    return lower, apply("select", apply("le", i, j), packed, zero), order


def matrix_solve(matrix, rhs, adjoint=False) -> Node:
    """``x`` with ``matrix @ x = rhs`` for square matrices and matrices of right-hand sides.

    Raises:
        ShapeError: no square matrix, or other right-hand sides.
    """
    a, b = adopt("matrix_solve", matrix, rhs)
    if len(a.shape) < 2 or len(b.shape) != len(a.shape):
        what = f"matrix_solve: needs matrices of one rank, got {a.type} and {b.type}"
        raise ShapeError(explain(what, origins(matrix=a, rhs=b)))
    a, b = matrix_transpose(a) if adjoint else a, ensure_shape(b, [*a.shape[:-1], None])
    lower, upper, order = _factors(a)
    rows = apply("gather", b, apply("reshape", order, shape=(*order.shape, 1)), batch=len(order.shape) - 1)
    below = apply("triangular_solve", lower, rows, lower=True, adjoint=False)
    return apply("triangular_solve", upper, below, lower=False, adjoint=False)


def matrix_inverse(input, adjoint=False) -> Node:  # noqa: A002
    """The inverse of square matrices; NaN or infinite where there is none."""
    a = as_node(input)
    if len(a.shape) < 2:
        raise ShapeError(explain(f"matrix_inverse: needs a matrix, not {a.type}", origins(input=a)))
    return matrix_solve(a, broadcast_to(eye(a.shape[-1], dtype=a.dtype), a.shape), adjoint)


def matrix_determinant(input) -> Node:  # noqa: A002
    """The determinant of square matrices."""
    _, upper, order = _factors(as_node(input))
    n = len(order.shape)
    wide = (*order.shape, order.shape[-1])
    earlier, later = (apply("broadcast", order, shape=wide, axes=(*range(n - 1), k)) for k in (n - 1, n))
    i, j = (apply("iota", shape=wide, axis=k, dtype=dt.i32) for k in (n - 1, n))
    swapped = apply("and", apply("lt", i, j), apply("lt", later, earlier))
    one = ones(wide, upper.dtype)
    sign = apply("select", swapped, full_like(one, -1), one)
    parity = apply("reduce", sign, kind="prod", axes=(n - 1, n))
    return apply("mul", apply("reduce", diag_part(upper), kind="prod", axes=(n - 1,)), parity)


def cross(a, b) -> Node:
    """The vector product along a last axis of size 3.

    Raises:
        ShapeError: the shapes differ, or the last size is not 3.
    """
    x, y = adopt("cross", a, b)
    if x.shape != y.shape or not x.shape or x.shape[-1] != 3:
        raise ShapeError(explain(f"cross: needs two tensors of vectors of size 3, got {x.type} and {y.type}"))
    k = len(x.shape) - 1

    def turned(v, by):
        return concat([part(v, k, by, 3), part(v, k, 0, by)], k)

    left = apply("mul", turned(x, 1), turned(y, 2))
    return apply("sub", left, apply("mul", turned(x, 2), turned(y, 1)))
