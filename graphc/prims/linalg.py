"""Linear algebra on the last two axes: factorisations and triangular systems, run on the host."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, GraphError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import real_of
from graphc.ir.node import Node, binary, compare, simplified
from graphc.ir.type import TupleType, Type
from graphc.prims.contract import dot
from graphc.prims.dims import as_node, highest, lowest, ones, zeros
from graphc.prims.index import scatter
from graphc.prims.leaf import iota
from graphc.prims.order import item
from graphc.prims.shape import broadcast, concat, reshape, slice_, transpose
from graphc.prims.table import Prim, apply, declare

# --------------------------------------------------------------------------------------------- type rules


def _matrix(op: str, x: Type, square: bool) -> None:
    if x.dtype not in (dt.f32, dt.f64, dt.c64, dt.c128):
        raise DtypeError(f"{op}: not defined for {x}")
    if x.rank < 2:
        raise ShapeError(f"{op}: {x} is no matrix")
    if square and x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{op}: the matrices of {x} are not square")


def _cholesky_type(x: Type) -> Type:
    _matrix("cholesky", x, True)
    return x


def _solve_type(a: Type, b: Type, lower: bool, adjoint: bool) -> Type:
    _matrix("triangular_solve", a, True)
    if b.dtype is not a.dtype:
        raise DtypeError(f"triangular_solve: operands differ in dtype, {a} and {b}")
    if b.rank != a.rank or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(f"triangular_solve: the right-hand sides {b} do not fit {a}")
    return b


def _lu_type(x: Type) -> TupleType:
    _matrix("lu", x, True)
    return TupleType((x, Type(dt.i32, x.shape[:-1])))


def _smaller(x: Type):
    m, n = x.shape[-2:]
    return m if m == n else simplified(binary("min", as_node(m), n))


def _qr_type(x: Type) -> TupleType:
    _matrix("qr", x, False)
    k, batch = _smaller(x), x.shape[:-2]
    return TupleType((x.with_shape(batch + (x.shape[-2], k)), x.with_shape(batch + (k, x.shape[-1]))))


def _eigh_type(x: Type) -> TupleType:
    _matrix("eigh", x, True)
    return TupleType((Type(real_of(x.dtype), x.shape[:-1]), x))


def _svd_type(x: Type) -> TupleType:
    _matrix("svd", x, False)
    k, batch = _smaller(x), x.shape[:-2]
    return TupleType((Type(real_of(x.dtype), batch + (k,)), x.with_shape(batch + (x.shape[-2], k)),
                      x.with_shape(batch + (k, x.shape[-1]))))  # fmt: skip


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


def _lu_line(a):
    a, perm = a.copy(), np.arange(len(a), dtype=np.int32)
    for k in range(len(a)):
        best = k + int(np.argmax(np.abs(a[k:, k])))
        if best != k:
            a[[k, best]], perm[[k, best]] = a[[best, k]], perm[[best, k]]
        if a[k, k] != 0:
            a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a, perm


def _lu_array(x):
    if not x.size:
        return x.copy(), np.zeros(x.shape[:-1], np.int32)
    return _stack([_lu_line(a) for a in x.reshape(-1, *x.shape[-2:])], x.shape[:-2])


def _eigh(x):
    w, v = np.linalg.eigh(x)
    return w, v


def _svd(x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return s, u, vh


# --------------------------------------------------------------------------------------------- gradients


def _turned(x: Node) -> Node:
    rank = x.type.rank
    return transpose(x, tuple(range(rank - 2)) + (rank - 1, rank - 2))


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
    """``s`` [..., k] repeated so that it scales the columns of ``like`` [..., m, k]."""
    rank = like.type.rank
    return broadcast(s, like.shape, tuple(range(rank - 2)) + (rank - 1,))


def _right_solve(x: Node, triangle: Node, lower: bool, adjoint: bool) -> Node:
    """``x @ inverse(op(triangle))``."""
    return _turned(triangular_solve(triangle, _turned(x), lower, not adjoint))


def _cholesky_vjp(g, out, x):
    middle = dot(out, g, transpose_x=True)
    middle = _strict_lower(middle) + _at(middle, "eq") * 0.5
    inner = triangular_solve(out, middle, True, True)
    full = _right_solve(inner, out, True, False)
    return ((full + _turned(full)) * 0.5,)


def _solve_vjp(g, out, a, b, lower, adjoint):
    gb = triangular_solve(a, g, lower, not adjoint)
    ga = -dot(out, gb, transpose_y=True) if adjoint else -dot(gb, out, transpose_y=True)
    return (_strict_lower(ga) + _at(ga, "eq") if lower else _upper(ga)), gb


def _lu_vjp(g, out, x):
    if g[0] is None:
        return (None,)
    packed, perm = item(out, 0), item(out, 1)
    low, up = _strict_lower(packed) + _at(ones(packed.type), "eq"), _upper(packed)
    g_low, g_up = _strict_lower(g[0]), _upper(g[0])
    middle = _strict_lower(dot(low, g_low, transpose_x=True)) + _upper(dot(g_up, up, transpose_y=True))
    rows = _right_solve(triangular_solve(low, middle, True, True), up, False, True)
    places = reshape(perm, perm.shape + (1,))
    return (scatter(zeros(x.type), places, rows, "add", x.type.rank - 2),)


def _tall_qr(g_q: Node, g_r: Node, q: Node, r: Node) -> Node:
    middle = dot(r, g_r, transpose_y=True) - dot(g_q, q, transpose_x=True)
    low = _strict_lower(middle)
    symmetric = low + _turned(low) + _at(middle, "eq")
    return _right_solve(g_q + dot(q, symmetric), r, False, True)


def _tall(op: str, x: Node) -> bool:
    gap = simplified(x.shape[-2] - x.shape[-1])
    if lowest(gap) is not None and lowest(gap) >= 0:
        return True
    if highest(gap) is not None and highest(gap) <= 0:
        return False
    raise GraphError(explain(f"{op}: the gradient needs to know which side of {x.type} is longer"))


def _columns_of(x: Node, start, stop) -> Node:
    rank = x.type.rank
    return slice_(x, (0,) * (rank - 1) + (start,), x.shape[:-1] + (stop,))


def _qr_vjp(g, out, x):
    q, r = item(out, 0), item(out, 1)
    g_q, g_r = (zeros(v.type) if c is None else c for c, v in zip(g, (q, r)))
    g_r = _upper(g_r)
    if _tall("qr", x):
        return (_tall_qr(g_q, g_r, q, r),)
    m, n = x.shape[-2:]
    y, g_u, g_v = _columns_of(x, m, n), _columns_of(g_r, 0, m), _columns_of(g_r, m, n)
    left = _tall_qr(g_q + dot(y, g_v, transpose_y=True), g_u, q, _columns_of(r, 0, m))
    return (concat(left, dot(q, g_v), axis=x.type.rank - 1),)


def _gaps(w: Node, type: Type) -> Node:
    """1 / (w[j] - w[i]), and 0 on the diagonal."""
    rank = type.rank
    gap = _columns(w, ones(type)) - broadcast(w, type.shape, tuple(range(rank - 1)))
    same = compare("eq", gap, 0)
    return _select(apply("not", same), ones(type) / apply("select", same, ones(type), gap))


def _eigh_vjp(g, out, x):
    """Only the lower triangle of ``x`` is read, so only it has a gradient (as TensorFlow)."""
    w, v = item(out, 0), item(out, 1)
    inner = zeros(x.type) if g[0] is None else _diagonal(g[0], x.type)
    if g[1] is not None:
        inner = inner + _gaps(w, x.type) * dot(v, g[1], transpose_x=True)
    full = dot(dot(v, inner), v, transpose_y=True)
    return (_strict_lower(full + _turned(full)) + _at(full, "eq"),)


def _svd_vjp(g, out, x):
    s, u, vh = item(out, 0), item(out, 1), item(out, 2)
    square = Type(s.dtype, s.shape + s.shape[-1:])
    gaps = _gaps(s * s, square)
    inner = zeros(square) if g[0] is None else _diagonal(g[0], square)
    extra = zeros(x.type)
    if g[1] is not None:
        turn = dot(u, g[1], transpose_x=True)
        inner = inner + gaps * (turn - _turned(turn)) * _columns(s, turn)
        rest = g[1] - dot(u, turn)
        extra = extra + dot(rest / _columns(s, rest), vh)
    if g[2] is not None:
        turn = dot(vh, g[2], transpose_y=True)
        rows = tuple(range(square.rank - 1))
        inner = inner + broadcast(s, square.shape, rows) * gaps * (turn - _turned(turn))
        rest = g[2] - dot(turn, vh, transpose_x=True)
        extra = extra + dot(u / _columns(s, u), rest)
    return (dot(dot(u, inner), vh) + extra,)


# -------------------------------------------------------------------------------------------------- rows

declare(Prim("cholesky", _cholesky_type, _guarded(np.linalg.cholesky), _cholesky_vjp, native=False, cost=100))
declare(Prim("triangular_solve", _solve_type, _solve_array, _solve_vjp, native=False, cost=100))
declare(Prim("lu", _lu_type, _lu_array, _lu_vjp, native=False, cost=100))
declare(Prim("qr", _qr_type, lambda x: tuple(np.linalg.qr(x)), _qr_vjp, native=False, cost=100))
declare(Prim("eigh", _eigh_type, _guarded(_eigh), _eigh_vjp, native=False, cost=100))
declare(Prim("svd", _svd_type, _guarded(_svd), _svd_vjp, native=False, cost=100))


def cholesky(x: Node) -> Node:
    """The lower triangle L with L @ L^H = x; NaN where ``x`` is not positive definite."""
    return apply("cholesky", x)


def triangular_solve(a: Node, b: Node, lower: bool = True, adjoint: bool = False) -> Node:
    """x with op(a) @ x = b, reading only one triangle of ``a``; op is the adjoint if asked for."""
    return apply("triangular_solve", a, b, lower=bool(lower), adjoint=bool(adjoint))


def lu(x: Node) -> Node:
    """The tuple (L and U packed into one matrix, i32 rows) with x[rows] = L @ U."""
    return apply("lu", x)


def qr(x: Node) -> Node:
    """The tuple (q, r), reduced."""
    return apply("qr", x)


def eigh(x: Node) -> Node:
    """The tuple (w, v): ascending eigenvalues and eigenvectors of symmetric matrices, whose lower half is read."""
    return apply("eigh", x)


def svd(x: Node) -> Node:
    """The tuple (s, u, vh), reduced, with x = u @ diag(s) @ vh."""
    return apply("svd", x)
