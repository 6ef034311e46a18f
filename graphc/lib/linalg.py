"""Products of matrices under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir.node import Node, origins, simplified
from graphc.lib.dims import axis_of, integer, size
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to
from graphc.lib.shape import ensure_shape, reshape, transpose
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
