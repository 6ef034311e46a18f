"""Matrices with few diagonals under TensorFlow's names: products, systems and eigenvalues."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, Node, const, origins, simplified
from graphc.ir.type import Type
from graphc.lib.complex import absolute
from graphc.lib.decompose import eigh, matrices, squared, triangular_solve
from graphc.lib.dims import integer, listed
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to
from graphc.lib.shape import concat, ensure_shape, part, reshape, stack, transpose, zeros
from graphc.prims.table import apply

FORMATS = ("compact", "sequence", "matrix")


# ------------------------------------------------------------------------------------------- the diagonals


def _three(op: str, diagonals, layout: str) -> list[Node]:
    """Upper, main and lower diagonal, each [..., n]: element i stands in row i; last upper, first lower are unused.

    Raises:
        UsageError: the layout does not exist. ShapeError: the diagonals do not have it.
    """
    if layout not in FORMATS:
        raise UsageError(explain(f"{op}: diagonals_format must be one of {', '.join(FORMATS)}, got {layout!r}"))
    if layout == "sequence":
        given = diagonals if isinstance(diagonals, (list, tuple)) else _unstacked(op, diagonals)
        if len(given) != 3:
            raise ShapeError(explain(f"{op}: needs upper, main and lower diagonal, got {len(given)} of them"))
        upper, main, lower = adopt(op, *given)
        n = main.shape[-1]
        return [_sized(upper, n, False), main, _sized(lower, n, True)]
    if isinstance(diagonals, (list, tuple)) and any(isinstance(d, Node) for d in diagonals):
        diagonals = stack(list(diagonals))
    x = matrices(op, diagonals)
    k = len(x.shape) - 2
    if layout == "compact":
        if isinstance(x.shape[k], Node):
            x = ensure_shape(x, [3 if a == k else None for a in range(len(x.shape))])
        if x.shape[k] != 3:
            raise ShapeError(explain(f"{op}: compact diagonals are [..., 3, n], not {x.type}", origins(diagonals=x)))
        return [_row(x, k, j) for j in range(3)]
    x = squared(op, x)
    return [_diagonal(x, offset) for offset in (1, 0, -1)]


def _unstacked(op: str, diagonals) -> list[Node]:
    x = as_node(diagonals)
    if not x.shape or x.shape[0] != 3:
        raise ShapeError(explain(f"{op}: needs upper, main and lower diagonal, not {x.type}", origins(diagonals=x)))
    return [reshape(part(x, 0, j, j + 1), x.shape[1:]) for j in range(3)]


def _row(x: Node, axis: int, j: int) -> Node:
    return reshape(part(x, axis, j, j + 1), x.shape[:axis] + x.shape[axis + 1 :])


def _sized(x: Node, n, in_front: bool) -> Node:
    """A side diagonal with ``n`` elements; one of n - 1 gets an unused 0 where it is missing."""
    if x.shape[-1] is n or x.shape[-1] == n or simplified(x.shape[-1] + 1) != n:
        return x
    hole = zeros((*x.shape[:-1], 1), x.dtype)
    return concat([hole, x] if in_front else [x, hole], -1)


def _diagonal(x: Node, offset: int) -> Node:
    """Element (i, i + offset) of every row i, 0 where there is none."""
    rank = len(x.shape)
    i, j = [apply("iota", shape=x.shape, axis=k, dtype=dt.i64) for k in (rank - 2, rank - 1)]
    there = apply("eq", apply("sub", j, i), const(offset, i.type))
    return apply("reduce", apply("select", there, x, const(0, x.type)), kind="sum", axes=(rank - 1,))


def _shifted(x: Node, axis: int, by: int) -> Node:
    """Element i + by of an axis at place i, 0 beyond the ends."""
    n = x.shape[axis]
    hole = zeros(tuple(1 if k == axis else d for k, d in enumerate(x.shape)), x.dtype)
    if by > 0:
        return part(concat([x, hole], axis), axis, 1, simplified(n + 1))
    return part(concat([hole, x], axis), axis, 0, n)


def _scaled_rows(x: Node, d: Node) -> Node:
    return apply("mul", x, apply("broadcast", d, shape=x.shape, axes=tuple(range(len(x.shape) - 1))))


def _fitting(op: str, diagonals: list[Node], rhs: Node) -> tuple[list[Node], Node]:
    """Diagonals and right-hand sides [..., n, k] of one batch."""
    n, rows = diagonals[1].shape[-1], rhs.shape[-2]
    if type(n) is int and type(rows) is int and n != rows:
        what = f"{op}: diagonals of {n} elements do not fit the rows of {rhs.type}"
        raise ShapeError(explain(what, origins(rhs=rhs)))
    n = n if type(n) is int else rows
    batch = broadcast_shape(op, *diagonals, rhs, shapes=[*(d.shape[:-1] for d in diagonals), rhs.shape[:-2]])
    return [broadcast_to(d, (*batch, n), op) for d in diagonals], broadcast_to(rhs, (*batch, n, rhs.shape[-1]), op)


# ----------------------------------------------------------------------------------------------- products


def tridiagonal_matmul(diagonals, rhs, diagonals_format="compact") -> Node:
    """Tridiagonal matrices times matrices [..., n, k].

    Args:
        diagonals: ``compact``: [..., 3, n] with upper, main and lower diagonal, element i of each in row i;
            ``sequence``: the three of them; ``matrix``: [..., n, n], of which the rest is not read.
    """
    three = _three("tridiagonal_matmul", diagonals, diagonals_format)
    x = matrices("tridiagonal_matmul", as_node(rhs) if isinstance(rhs, Node) else as_node(rhs, three[1].dtype))
    (upper, main, lower), x = _fitting("tridiagonal_matmul", adopt("tridiagonal_matmul", *three, x)[:3], x)
    k = len(x.shape) - 2
    total = apply("add", _scaled_rows(x, main), _scaled_rows(_shifted(x, k, 1), upper))
    return apply("add", total, _scaled_rows(_shifted(x, k, -1), lower))


# ------------------------------------------------------------------------------------------------ systems


def tridiagonal_solve(diagonals, rhs, diagonals_format="compact", transpose_rhs=False, conjugate_rhs=False,
                      partial_pivoting=True, perturb_singular=False) -> Node:  # fmt: skip
    """``x`` with ``A @ x = rhs`` for tridiagonal A, by native elimination; a singular A gives no finite numbers.

    Args:
        diagonals: as in ``tridiagonal_matmul``.
        rhs: [..., n], or [..., n, k].
        transpose_rhs: ``rhs`` is [..., k, n]; the result is [..., n, k] all the same.
        conjugate_rhs: complex right-hand sides are conjugated first.
        partial_pivoting: rows are exchanged where that keeps numbers small.

    Raises:
        UsageError: ``perturb_singular``, which exists on GPUs only.
    """
    op = "tridiagonal_solve"
    if perturb_singular:
        raise UsageError(explain(f"{op}: perturb_singular is not supported"))
    three = _three(op, diagonals, diagonals_format)
    *three, x = adopt(op, *three, rhs)
    if x.dtype not in (dt.f32, dt.f64, dt.c64, dt.c128):
        raise DtypeError(explain(f"{op}: needs floating or complex operands, not {x.type}", origins(rhs=x)))
    is_vector = len(x.shape) == len(three[1].shape)
    if conjugate_rhs and x.dtype.is_complex:
        x = apply("conj", x)
    if is_vector:
        x = reshape(x, (*x.shape, 1))
    elif transpose_rhs:
        x = _turned(x)
    three, x = _fitting(op, three, x)
    found = _eliminated(three, x, bool(partial_pivoting))
    return reshape(found, found.shape[:-1]) if is_vector else found


def _turned(x: Node) -> Node:
    n = len(x.shape)
    return transpose(x, (*range(n - 2), n - 1, n - 2))


def _eliminated(three: list[Node], rhs: Node, pivoting: bool) -> Node:
    """Forward elimination down the rows, then substitution up; rows come first, so that loops can scan them.

    Of the row that waits to be eliminated, the two elements from the diagonal on and the right-hand side are carried;
    done with, it has up to three elements from its diagonal on.
    """
    n, rank = rhs.shape[-2], len(rhs.shape)
    if type(n) is int and n == 0:
        return rhs
    first = lambda v, k: transpose(v, (k, *(a for a in range(len(v.shape)) if a != k)))  # noqa: E731
    upper, main, lower = [first(d, rank - 2) for d in three]
    right = first(rhs, rank - 2)
    row, line = Type(rhs.dtype, main.shape[1:]), Type(rhs.dtype, right.shape[1:])
    head = [reshape(part(v, 0, 0, 1), v.shape[1:]) for v in (main, upper, right)]
    rest = [part(v, 0, 1, n) for v in (lower, main, upper, right)]
    steps = simplified(n - 1)
    down = apply("loop", *head, *rest, count=steps, carries=3, scanned=4, body=_down(row, line, pivoting))
    last = [apply("item", down, index=k) for k in range(3)]
    done = [apply("item", down, index=k) for k in range(3, 7)]
    bottom = _over(last[2], last[0])
    flipped = [apply("reverse", v, axes=(0,)) for v in done]
    start = (bottom, zeros(line.shape, line.dtype))
    up = apply("loop", *start, *flipped, count=steps, carries=2, scanned=4, body=_up(row, line))
    above = apply("reverse", apply("item", up, index=2), axes=(0,))
    whole = concat([above, reshape(bottom, (1, *bottom.shape))], 0)
    return transpose(whole, (*range(1, rank - 1), 0, rank - 1))


def _wide(d: Node, line: Type) -> Node:
    return apply("broadcast", d, shape=line.shape, axes=tuple(range(len(d.shape))))


def _over(x: Node, d: Node) -> Node:
    return apply("div", x, _wide(d, x.type))


def _down(row: Type, line: Type, pivoting: bool) -> Graph:
    """(a, b, r) waits; (l, d, u, s) is the next row. One of them is done with, the other loses its first element."""
    step = input_node("step", INDEX)
    a, b, l, d, u = [input_node(name, row) for name in ("a", "b", "l", "d", "u")]
    r, s = [input_node(name, line) for name in ("r", "s")]
    none = zeros(row.shape, row.dtype)
    if pivoting:
        keep = apply("le", absolute(l), absolute(a))
    else:
        keep = const(True, Type(dt.b1, row.shape))
    pick = lambda x, y: apply("select", keep, x, y)  # noqa: E731
    wide = apply("broadcast", keep, shape=line.shape, axes=tuple(range(len(row.shape))))
    top = (pick(a, l), pick(b, d), pick(none, u))
    low = (pick(l, a), pick(d, b), pick(u, none))
    right, other = apply("select", wide, r, s), apply("select", wide, s, r)
    factor = apply("div", low[0], top[0])
    new_a = apply("sub", low[1], apply("mul", factor, top[1]))
    new_b = apply("sub", low[2], apply("mul", factor, top[2]))
    new_r = apply("sub", other, apply("mul", _wide(factor, line), right))
    return Graph("tridiagonal_down", (step, a, b, r, l, d, u, s), (new_a, new_b, new_r, *top, right))


def _up(row: Type, line: Type) -> Graph:
    """Values of the two rows below, and a row that is done with -> its value."""
    step = input_node("step", INDEX)
    below, second = [input_node(name, line) for name in ("below", "second")]
    a, b, c = [input_node(name, row) for name in ("a", "b", "c")]
    r = input_node("r", line)
    known = apply("add", apply("mul", _wide(b, line), below), apply("mul", _wide(c, line), second))
    found = _over(apply("sub", r, known), a)
    return Graph("tridiagonal_up", (step, below, second, a, b, c, r), (found, below, found))


# --------------------------------------------------------------------------------------- banded, eigenvalues


def banded_triangular_solve(bands, rhs, lower=True, adjoint=False) -> Node:
    """``x`` with ``op(A) @ x = rhs`` for triangular A given by its bands [..., k, n]; runs on the host.

    Element i of a band stands in row i. The main diagonal comes first for lower triangles, then those below it; it
    comes last for upper ones, after those above it, the farthest first.
    """
    op = "banded_triangular_solve"
    x, b = adopt(op, bands, rhs)
    x, b = matrices(op, x), matrices(op, b)
    count, n = x.shape[-2:]
    if isinstance(count, Node):
        raise ShapeError(explain(f"{op}: the number of bands of {x.type} must be known", origins(bands=x)))
    whole = (*x.shape[:-2], n, n)
    rank = len(whole)
    i, j = [apply("iota", shape=whole, axis=k, dtype=dt.i64) for k in (rank - 2, rank - 1)]
    distance = apply("sub", i, j) if lower else apply("sub", j, i)
    total = zeros(whole, x.dtype)
    for k in range(count):
        band = _row(x, rank - 2, k if lower else count - 1 - k)
        rows = apply("broadcast", band, shape=whole, axes=tuple(range(rank - 1)))
        total = apply("select", apply("eq", distance, const(k, distance.type)), rows, total)
    return triangular_solve(total, b, lower, adjoint)


def eigh_tridiagonal(alpha, beta, eigvals_only=True, select="a", select_range=None, tol=None):
    """Eigenvalues, ascending, of the symmetric matrices with diagonal ``alpha`` and off-diagonal ``beta``; on the host.

    Args:
        eigvals_only: False answers with (eigenvalues, eigenvectors as columns).
        select: ``a`` for all, ``i`` for those from number ``select_range[0]`` to number ``select_range[1]``.
        tol: without effect; eigenvalues are as exact as the dtype allows.

    Raises:
        UsageError: ``select="v"``, whose number of results would depend on data.
    """
    op = "eigh_tridiagonal"
    a, b = adopt(op, alpha, beta)
    if len(a.shape) < 1 or len(b.shape) != len(a.shape):
        what = f"{op}: alpha and beta differ in rank, {a.type} and {b.type}"
        raise ShapeError(explain(what, origins(alpha=a, beta=b)))
    if select not in ("a", "i"):
        raise UsageError(explain(f"{op}: select must be 'a' or 'i', got {select!r}"))
    n = a.shape[-1]
    lower = _sized(b, n, True)
    if lower.shape != a.shape:
        lower = ensure_shape(concat([zeros((*b.shape[:-1], 1), b.dtype), b], -1), a.shape)
    whole = (*a.shape, n)
    rank = len(whole)
    i, j = [apply("iota", shape=whole, axis=k, dtype=dt.i64) for k in (rank - 2, rank - 1)]
    spread = [apply("broadcast", v, shape=whole, axes=tuple(range(rank - 1))) for v in (a, lower)]
    below = apply("eq", apply("sub", i, j), const(1, i.type))
    matrix = apply("select", apply("eq", i, j), spread[0], apply("select", below, spread[1], const(0, spread[1].type)))
    values, vectors = eigh(matrix)
    if values.dtype.is_complex:
        values = apply("real", values)
    if select == "i":
        low, high = [integer(op, "select_range", v) for v in listed(op, "select_range", select_range)]
        if not 0 <= low <= high or (type(n) is int and high >= n):
            raise UsageError(explain(f"{op}: select_range {low, high} is not within the {n} eigenvalues"))
        values, vectors = [part(v, len(v.shape) - 1, low, high + 1) for v in (values, vectors)]
    return values if eigvals_only else (values, vectors)
