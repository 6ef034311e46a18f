"""Factorisations of matrices on the last two axes, and triangular systems; run on the host.

Gradients follow TensorFlow's convention for complex values: see ``prims.complex``.
"""

from __future__ import annotations

import math

import numpy as np

from graphc.errors import DtypeError, GraphError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import real_of
from graphc.ir.node import Node, binary, compare, simplified
from graphc.ir.type import TupleType, Type
from graphc.prims.cast import cast
from graphc.prims.complex import COMPLEX_OF, conj, real
from graphc.prims.contract import dot
from graphc.prims.dims import as_node, highest, lowest, ones, zeros
from graphc.prims.index import scatter
from graphc.prims.leaf import iota
from graphc.prims.order import item
from graphc.prims.shape import broadcast, concat, reshape, slice_, transpose
from graphc.prims.table import Prim, apply, declare

# --------------------------------------------------------------------------------------------- type rules


def matrix_type(op: str, x: Type, square: bool) -> None:
    """Refuse what is no stack of matrices, or none of square ones."""
    if x.dtype not in (dt.f32, dt.f64, dt.c64, dt.c128):
        raise DtypeError(f"{op}: not defined for {x}")
    if x.rank < 2:
        raise ShapeError(f"{op}: {x} is no matrix")
    if square and x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{op}: the matrices of {x} are not square")


def _cholesky_type(x: Type) -> Type:
    matrix_type("cholesky", x, True)
    return x


def _solve_type(a: Type, b: Type, lower: bool, adjoint: bool) -> Type:
    matrix_type("triangular_solve", a, True)
    if b.dtype is not a.dtype:
        raise DtypeError(f"triangular_solve: operands differ in dtype, {a} and {b}")
    if b.rank != a.rank or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(f"triangular_solve: the right-hand sides {b} do not fit {a}")
    return b


def _smaller(x: Type):
    m, n = x.shape[-2:]
    return m if m == n else simplified(binary("min", as_node(m), n))


def _lu_type(x: Type, exchanges: bool = False) -> TupleType:
    matrix_type("lu", x, not exchanges)
    rows = (x, Type(dt.i32, x.shape[:-1]))
    return TupleType((*rows, Type(dt.i32, (*x.shape[:-2], _smaller(x)))) if exchanges else rows)


def _qr_type(x: Type, full: bool = False) -> TupleType:
    matrix_type("qr", x, False)
    k, batch = x.shape[-2] if full else _smaller(x), x.shape[:-2]
    return TupleType((x.with_shape(batch + (x.shape[-2], k)), x.with_shape(batch + (k, x.shape[-1]))))


def _eigh_type(x: Type) -> TupleType:
    matrix_type("eigh", x, True)
    return TupleType((Type(real_of(x.dtype), x.shape[:-1]), x))


def _eig_type(x: Type) -> TupleType:
    matrix_type("eig", x, True)
    kind = COMPLEX_OF.get(x.dtype, x.dtype)
    return TupleType((Type(kind, x.shape[:-1]), Type(kind, x.shape)))


def _svd_type(x: Type, full: bool = False) -> TupleType:
    matrix_type("svd", x, False)
    k, (m, n), batch = _smaller(x), x.shape[-2:], x.shape[:-2]
    return TupleType((Type(real_of(x.dtype), batch + (k,)), x.with_shape(batch + (m, m if full else k)),
                      x.with_shape(batch + (n if full else k, n))))  # fmt: skip


# ----------------------------------------------------------------------------------------- numpy meanings


def _guarded(function):
    """NaN for matrices that have no factorisation, instead of an exception for the whole batch."""

    def run(x):
        try:
            return function(x)
        except np.linalg.LinAlgError:
            lines = x.reshape(-1, *x.shape[-2:])
            return _stack([_one(function, a) for a in lines], x.shape[:-2])

    return run


def _one(function, a):
    try:
        return function(a)
    except np.linalg.LinAlgError:
        model = function(np.eye(*a.shape, dtype=a.dtype))
        parts = model if isinstance(model, tuple) else (model,)
        parts = tuple([np.full_like(p, np.nan) for p in parts])
        return parts if isinstance(model, tuple) else parts[0]


def _stack(results, batch):
    if isinstance(results[0], tuple):
        return tuple([np.stack(p).reshape(batch + p[0].shape) for p in zip(*results)])
    return np.stack(results).reshape(batch + results[0].shape)


def _solve_array(a, b, lower, adjoint):
    n = a.shape[-1]
    if adjoint:
        a, lower = np.conj(np.swapaxes(a, -1, -2)), not lower
    x = b.copy()
    for k in range(n) if lower else range(n - 1, -1, -1):
        known = slice(0, k) if lower else slice(k + 1, n)
        x[..., k, :] -= (a[..., k, None, known] @ x[..., known, :])[..., 0, :]
        x[..., k, :] /= a[..., k, k, None]
    return x


def _lu_array(x, exchanges=False):
    """Gaussian elimination with row exchanges, all matrices of the stack at once."""
    m, n = x.shape[-2:]
    batch = x.shape[:-2]
    a = x.reshape(math.prod(batch), m, n).copy()
    lines, steps = np.arange(len(a)), min(m, n)
    perm, exchanged = np.tile(np.arange(m, dtype=np.int32), (len(a), 1)), np.zeros((len(a), steps), np.int32)
    for k in range(steps):
        best = exchanged[:, k] = k + np.argmax(np.abs(a[:, k:, k]), 1)
        for rows in (a, perm):
            rows[lines, best], rows[:, k] = rows[:, k].copy(), rows[lines, best]
        pivot = a[:, k, None, k]
        if not exchanges and (pivot == 0).any():
            raise UsageError(explain("lu: the input is not invertible"))
        a[:, k + 1 :, k] /= np.where(pivot == 0, 1, pivot)
        a[:, k + 1 :, k + 1 :] -= a[:, k + 1 :, k, None] * a[:, k, None, k + 1 :]
    found = a.reshape(x.shape), perm.reshape(*batch, m), exchanged.reshape(*batch, steps)
    return found if exchanges else found[:2]


def _qr(x, full=False):
    return tuple(np.linalg.qr(x, "complete" if full else "reduced"))


def _eigh(x):
    return tuple(np.linalg.eigh(x))


def _eig(x):
    w, v = np.linalg.eig(x)
    kind = np.result_type(x.dtype, np.complex64)
    return w.astype(kind), v.astype(kind)


def _svd(x, full=False):
    def split(a):
        u, s, vh = np.linalg.svd(a, full_matrices=full)
        return s, u, vh

    return _guarded(split)(x)


# --------------------------------------------------------------------------------------------- gradients


def adjoint_of(x: Node) -> Node:
    """The last two axes swapped, and conjugates taken."""
    rank = x.type.rank
    return conj(transpose(x, tuple(range(rank - 2)) + (rank - 1, rank - 2)))


def left_adjoint(x: Node, y: Node) -> Node:
    """``x^H @ y``."""
    return dot(conj(x), y, transpose_x=True)


def right_adjoint(x: Node, y: Node) -> Node:
    """``x @ y^H``."""
    return dot(x, conj(y), transpose_y=True)


def _select(mask: Node, x: Node) -> Node:
    return apply("select", mask, x, zeros(x.type))


def _at(x: Node, op: str) -> Node:
    """Elements where (row op column); the rest 0."""
    rank = x.type.rank
    return _select(compare(op, iota(x.shape, rank - 2), iota(x.shape, rank - 1)), x)


def _strict_lower(x: Node) -> Node:
    rank = x.type.rank
    return _select(compare("lt", iota(x.shape, rank - 1), iota(x.shape, rank - 2)), x)


def _upper(x: Node) -> Node:
    return _at(x, "le")


def _diagonal(d: Node, type: Type) -> Node:
    """Square matrices with ``d`` on the diagonal."""
    return _at(broadcast(d, type.shape, tuple(range(type.rank - 1))), "eq")


def _columns(s: Node, like: Node) -> Node:
    """``s`` [..., k] repeated so that it scales the columns of ``like`` [..., m, k], in its dtype."""
    rank = like.type.rank
    return broadcast(cast(s, like.dtype), like.shape, tuple(range(rank - 2)) + (rank - 1,))


def _rows(s: Node, like: Node) -> Node:
    """``s`` [..., k] repeated so that it scales the rows of ``like`` [..., k, n], in its dtype."""
    return broadcast(cast(s, like.dtype), like.shape, tuple(range(like.type.rank - 1)))


def _right_solve(x: Node, triangle: Node, lower: bool, adjoint: bool) -> Node:
    """``x @ inverse(op(triangle))``."""
    return adjoint_of(triangular_solve(triangle, adjoint_of(x), lower, not adjoint))


def _cholesky_vjp(g, out, x):
    middle = left_adjoint(out, g)
    middle = _strict_lower(middle) + _at(middle, "eq") * 0.5
    inner = triangular_solve(out, middle, True, True)
    full = _right_solve(inner, out, True, False)
    return ((full + adjoint_of(full)) * 0.5,)


def _solve_vjp(g, out, a, b, lower, adjoint):
    gb = triangular_solve(a, g, lower, not adjoint)
    ga = -right_adjoint(out, gb) if adjoint else -right_adjoint(gb, out)
    return (_strict_lower(ga) + _at(ga, "eq") if lower else _upper(ga)), gb


def _lu_vjp(g, out, x, exchanges=False):
    if g[0] is None:
        return (None,)
    if not _is_square(x):
        raise GraphError(explain(f"lu: no gradient for matrices that are not square, {x.type}", location=out.location))
    packed, perm = item(out, 0), item(out, 1)
    low, up = _strict_lower(packed) + _at(ones(packed.type), "eq"), _upper(packed)
    g_low, g_up = _strict_lower(g[0]), _upper(g[0])
    middle = _strict_lower(left_adjoint(low, g_low)) + _upper(right_adjoint(g_up, up))
    rows = _right_solve(triangular_solve(low, middle, True, True), up, False, True)
    places = reshape(perm, perm.shape + (1,))
    return (scatter(zeros(x.type), places, rows, "add", x.type.rank - 2),)


def _tall_qr(g_q: Node, g_r: Node, q: Node, r: Node) -> Node:
    middle = right_adjoint(r, g_r) - left_adjoint(g_q, q)
    low = _strict_lower(middle)
    symmetric = low + adjoint_of(low) + _at(middle, "eq")
    return _right_solve(g_q + dot(q, symmetric), r, False, True)


def _tall(op: str, x: Node) -> bool:
    gap = simplified(x.shape[-2] - x.shape[-1])
    if lowest(gap) is not None and lowest(gap) >= 0:
        return True
    if highest(gap) is not None and highest(gap) <= 0:
        return False
    raise GraphError(explain(f"{op}: the gradient needs to know which side of {x.type} is longer"))


def _is_square(x: Node) -> bool:
    return x.shape[-1] is x.shape[-2] or x.shape[-1] == x.shape[-2]


def _columns_of(x: Node, start, stop) -> Node:
    rank = x.type.rank
    return slice_(x, (0,) * (rank - 1) + (start,), x.shape[:-1] + (stop,))


def _qr_vjp(g, out, x, full=False):
    q, r = item(out, 0), item(out, 1)
    g_q, g_r = (zeros(v.type) if c is None else c for c, v in zip(g, (q, r)))
    g_r = _upper(g_r)
    if _tall("qr", x):
        if full and not _is_square(x):
            what = f"qr: no gradient for full matrices where there are more rows than columns, {x.type}"
            raise GraphError(explain(what, location=out.location))
        return (_tall_qr(g_q, g_r, q, r),)
    m, n = x.shape[-2:]
    y, g_u, g_v = _columns_of(x, m, n), _columns_of(g_r, 0, m), _columns_of(g_r, m, n)
    left = _tall_qr(g_q + right_adjoint(y, g_v), g_u, q, _columns_of(r, 0, m))
    return (concat(left, dot(q, g_v), axis=x.type.rank - 1),)


def _gaps(w: Node, type: Type) -> Node:
    """1 / (w[j] - w[i]), and 0 where they are equal."""
    rank = type.rank
    gap = _columns(w, ones(type)) - broadcast(w, type.shape, tuple(range(rank - 1)))
    same = compare("eq", gap, 0)
    return _select(apply("not", same), ones(type) / apply("select", same, ones(type), gap))


def _eigh_vjp(g, out, x):
    """Only the lower triangle of ``x`` is read, so only it has a gradient (as TensorFlow)."""
    w, v = item(out, 0), item(out, 1)
    inner = zeros(x.type) if g[0] is None else _diagonal(cast(g[0], x.dtype), x.type)
    if g[1] is not None:
        gaps = _gaps(w, x.type.with_dtype(w.dtype))
        inner = inner + cast(gaps, x.dtype) * left_adjoint(v, g[1])
    full = right_adjoint(dot(v, inner), v)
    return (_strict_lower(full + adjoint_of(full)) + _at(full, "eq"),)


def _eig_vjp(g, out, x):
    """For vectors of length 1; their phase is taken to be fixed."""
    w, v = item(out, 0), item(out, 1)
    inner = zeros(v.type) if g[0] is None else _diagonal(g[0], v.type)
    if g[1] is not None:
        turn = left_adjoint(v, g[1])
        kept = cast(real(_at(turn, "eq")), v.dtype)
        inner = inner + conj(_gaps(w, v.type)) * (turn - dot(left_adjoint(v, v), kept))
    found = apply("solve", v, right_adjoint(inner, v), adjoint=True)
    return (found if x.dtype.is_complex else real(found),)


def _svd_parts(g, out, x, full):
    """The reduced factors, and their cotangents."""
    s, u, vh = item(out, 0), item(out, 1), item(out, 2)
    if not full or _is_square(x):
        return g, s, u, vh
    if g[1] is not None or g[2] is not None:
        what = f"svd: no gradient through full matrices of vectors, unless {x.type} were square"
        raise GraphError(explain(what, location=out.location))
    rank, k = x.type.rank, s.shape[-1]
    rows = slice_(vh, (0,) * rank, x.shape[:-2] + (k, x.shape[-1]))
    return g, s, _columns_of(u, 0, k), rows


def _svd_vjp(g, out, x, full=False):
    g, s, u, vh = _svd_parts(g, out, x, full)
    square = Type(x.dtype, s.shape + s.shape[-1:])
    inner = zeros(square) if g[0] is None else _diagonal(cast(g[0], x.dtype), square)
    if g[1] is None and g[2] is None:
        return (dot(dot(u, inner), vh),)
    gaps = cast(_gaps(s * s, square.with_dtype(s.dtype)), x.dtype)
    extra = zeros(x.type)
    if g[1] is not None:
        turn = left_adjoint(u, g[1])
        inner = inner + gaps * (turn - adjoint_of(turn)) * _columns(s, turn)
        rest = g[1] - dot(u, turn)
        extra = extra + dot(rest / _columns(s, rest), vh)
    if g[2] is not None:
        turn = right_adjoint(vh, g[2])
        inner = inner + _rows(s, turn) * gaps * (turn - adjoint_of(turn))
        if x.dtype.is_complex:  # the phase of the vectors is that which leaves u as it is
            phase = _at(turn, "eq")
            inner = inner + (conj(phase) - phase) * 0.5 / _columns(s, turn)
        rest = g[2] - left_adjoint(turn, vh)
        extra = extra + dot(u / _columns(s, u), rest)
    return (dot(dot(u, inner), vh) + extra,)


# -------------------------------------------------------------------------------------------------- rows

declare(Prim("cholesky", _cholesky_type, _guarded(np.linalg.cholesky), _cholesky_vjp, native=False, cost=100))
declare(Prim("triangular_solve", _solve_type, _solve_array, _solve_vjp, native=False, cost=100))
declare(Prim("lu", _lu_type, _lu_array, _lu_vjp, native=False, cost=100))
declare(Prim("qr", _qr_type, _qr, _qr_vjp, native=False, cost=100))
declare(Prim("eigh", _eigh_type, _guarded(_eigh), _eigh_vjp, native=False, cost=100))
declare(Prim("eig", _eig_type, _guarded(_eig), _eig_vjp, native=False, cost=100))
declare(Prim("svd", _svd_type, _svd, _svd_vjp, native=False, cost=100))


def cholesky(x: Node) -> Node:
    """The lower triangle L with L @ L^H = x; NaN where ``x`` is not positive definite."""
    return apply("cholesky", x)


def triangular_solve(a: Node, b: Node, lower: bool = True, adjoint: bool = False) -> Node:
    """x with op(a) @ x = b, reading only one triangle of ``a``; op is the adjoint if asked for."""
    return apply("triangular_solve", a, b, lower=bool(lower), adjoint=bool(adjoint))


def lu(x: Node, exchanges: bool = False) -> Node:
    """The tuple (L and U packed into one matrix, i32 rows) with x[rows] = L @ U; refuses singular matrices when run.

    Args:
        exchanges: matrices may be singular and of any shape; a third part says with which row each was exchanged.
    """
    return apply("lu", x, exchanges=True) if exchanges else apply("lu", x)


def qr(x: Node, full: bool = False) -> Node:
    """The tuple (q, r), reduced unless ``full``."""
    return apply("qr", x, full=bool(full))


def eigh(x: Node) -> Node:
    """The tuple (w, v): ascending eigenvalues and eigenvectors of symmetric matrices, whose lower half is read."""
    return apply("eigh", x)


def eig(x: Node) -> Node:
    """The complex tuple (w, v): eigenvalues in no order, and eigenvectors of length 1 as columns."""
    return apply("eig", x)


def svd(x: Node, full: bool = False) -> Node:
    """The tuple (s, u, vh) with x = u @ diag(s) @ vh, reduced unless ``full``."""
    return apply("svd", x, full=bool(full))
