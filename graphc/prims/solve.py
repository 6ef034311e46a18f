"""Systems of linear equations, inverses, determinants and functions of square matrices; run on the host."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir.dtype import real_of
from graphc.ir.node import Node
from graphc.ir.type import TupleType, Type
from graphc.prims.cast import cast
from graphc.prims.complex import complex_, conj, imag
from graphc.prims.contract import dot
from graphc.prims.dims import zeros
from graphc.prims.linalg import adjoint_of, matrix_type, right_adjoint
from graphc.prims.order import item
from graphc.prims.shape import broadcast, concat, slice_
from graphc.prims.table import Prim, apply, declare

# ------------------------------------------------------------------------------------------------ systems


def _invertible(op: str, function):
    """``function`` of arrays, refusing singular matrices by a message of ours."""

    def run(*arrays, **attrs):
        try:
            return function(*arrays, **attrs)
        except np.linalg.LinAlgError:
            what = f"{op}: the input matrix of shape {list(arrays[0].shape)} is not invertible"
            raise UsageError(explain(what)) from None

    return run


def _solve_type(a: Type, b: Type, adjoint: bool) -> Type:
    matrix_type("solve", a, True)
    if b.dtype is not a.dtype:
        raise DtypeError(f"solve: operands differ in dtype, {a} and {b}")
    if b.rank != a.rank or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(f"solve: the right-hand sides {b} do not fit {a}")
    return b


def _solve_array(a, b, adjoint):
    a = np.conj(np.swapaxes(a, -1, -2)) if adjoint else a
    return np.linalg.solve(a, b).astype(b.dtype, copy=False)


def _solve_vjp(g, out, a, b, adjoint):
    gb = solve(a, g, not adjoint)
    return (-right_adjoint(out, gb) if adjoint else -right_adjoint(gb, out)), gb


def _square_type(op: str):
    def rule(x: Type) -> Type:
        matrix_type(op, x, True)
        return x

    return rule


def _inverse_vjp(g, out, x):
    turned = adjoint_of(out)
    return (-dot(dot(turned, g), turned),)


declare(Prim("solve", _solve_type, _invertible("solve", _solve_array), _solve_vjp, native=False, cost=100))
declare(Prim("inverse", _square_type("inverse"), _invertible("inverse", np.linalg.inv), _inverse_vjp, native=False,
             cost=100))  # fmt: skip


def solve(a: Node, b: Node, adjoint: bool = False) -> Node:
    """x with op(a) @ x = b for square matrices; op is the adjoint if asked for. Refuses singular matrices when run."""
    return apply("solve", a, b, adjoint=bool(adjoint))


def inverse(x: Node) -> Node:
    """The inverse of square matrices; refuses singular ones when run."""
    return apply("inverse", x)


# ------------------------------------------------------------------------------------------- determinants


def _det_type(x: Type) -> Type:
    matrix_type("det", x, True)
    return x.with_shape(x.shape[:-2])


def _slogdet_type(x: Type) -> TupleType:
    matrix_type("slogdet", x, True)
    return TupleType((x.with_shape(x.shape[:-2]), Type(real_of(x.dtype), x.shape[:-2])))


def _slogdet(x):
    sign, size = np.linalg.slogdet(x)
    return np.asarray(sign, x.dtype), np.asarray(size, x.real.dtype)


def _spread(g: Node, x: Node) -> Node:
    return broadcast(g, x.shape, tuple(range(x.type.rank - 2)))


def _det_vjp(g, out, x):
    return (_spread(g * conj(out), x) * adjoint_of(inverse(x)),)


def _slogdet_vjp(g, out, x):
    """Of a complex sign only the angle can change; of a real one, nothing."""
    factor = zeros(out.type.items[0]) if g[1] is None else cast(g[1], x.dtype)
    if g[0] is not None and x.dtype.is_complex:
        turn = imag(g[0] * conj(item(out, 0)))
        factor = factor + complex_(zeros(turn.type), turn)
    return (_spread(factor, x) * adjoint_of(inverse(x)),)


declare(Prim("det", _det_type, lambda x: np.asarray(np.linalg.det(x), x.dtype), _det_vjp, native=False, cost=100))
declare(Prim("slogdet", _slogdet_type, _slogdet, _slogdet_vjp, native=False, cost=100))


def det(x: Node) -> Node:
    """Determinants of square matrices."""
    return apply("det", x)


def slogdet(x: Node) -> Node:
    """The tuple (sign, logarithm of the magnitude) of determinants; the sign of complex ones has magnitude 1."""
    return apply("slogdet", x)


# -------------------------------------------------------------------------------------- matrix functions

_PADE = (64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
         670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1)  # fmt: skip


def _expm(a):
    """Padé's quotient of degree 13 of a scaled matrix, squared again as often as it was halved (Higham 2005)."""
    norm = np.abs(a).sum(-2).max(initial=0.0)
    if not np.isfinite(norm):
        return np.full_like(a, np.nan)
    halvings = max(0, int(np.ceil(np.log2(norm / 5.371920351148152)))) if norm > 0 else 0
    a = a / 2.0**halvings
    one = np.eye(a.shape[-1], dtype=a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    b = _PADE
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    out = np.linalg.solve(even - odd, even + odd)
    for _ in range(halvings):
        out = out @ out
    return out


def _sqrtm(a):
    """The principal root by Denman and Beavers' iteration with determinant scaling; NaN where there is none."""
    n = a.shape[-1]
    y, z = a, np.eye(n, dtype=a.dtype)
    for step in range(100):
        factor = np.abs(np.linalg.det(y) * np.linalg.det(z)) ** (-0.5 / n) if step < 8 else 1.0
        if not np.isfinite(factor) or factor <= 0:
            factor = 1.0
        try:
            new_y = 0.5 * (factor * y + np.linalg.inv(z) / factor)
            z = 0.5 * (factor * z + np.linalg.inv(y) / factor)
        except np.linalg.LinAlgError:
            break
        change = np.abs(new_y - y).max()
        y = new_y
        if change <= 4 * np.finfo(a.dtype).eps * np.abs(y).max():
            break
    error = np.abs(y @ y - a).max()
    return y if error <= 1e-6 * np.abs(a).max() else _root_by_eigenvalues(a)


def _root_by_eigenvalues(a):
    """The root of a singular matrix that has a basis of eigenvectors; NaN where a real matrix has no real root."""
    w, v = np.linalg.eig(a)
    w = np.where(np.abs(w) <= 1e-14 * np.abs(w).max(initial=0.0), 0, w).astype(np.complex128)
    try:
        root = (v * np.sqrt(w)[None, :]) @ np.linalg.inv(v)
    except np.linalg.LinAlgError:
        return np.full_like(a, np.nan)
    good = np.abs(root @ root - a).max(initial=0.0) <= 1e-6 * max(np.abs(a).max(initial=0.0), 1e-300)
    if a.dtype.kind != "c":
        good = good and np.abs(root.imag).max(initial=0.0) <= 1e-7 * max(np.abs(root).max(initial=0.0), 1e-300)
        root = root.real
    return root if good else np.full_like(a, np.nan)


def _logm(a):
    """Roots until the matrix is close to 1, then Gauss and Legendre's partial fractions of the logarithm."""
    one, roots = np.eye(a.shape[-1], dtype=a.dtype), 0
    while np.abs(a - one).sum(-2).max(initial=0.0) > 0.25 and roots < 64:
        a, roots = _sqrtm(a), roots + 1
    places, weights = np.polynomial.legendre.leggauss(8)
    x = a - one
    total = np.zeros_like(a)
    for place, weight in zip((places + 1) / 2, weights / 2):
        total = total + weight * np.linalg.solve(one + place * x, x)
    return total * 2.0**roots


KINDS = {"exp": _expm, "log": _logm, "sqrt": _sqrtm}


def _function_type(x: Type, kind: str) -> Type:
    if kind not in KINDS:
        raise UsageError(f"matrix_function: kind {kind!r} is none of {', '.join(KINDS)}")
    matrix_type(f"matrix {kind}", x, True)
    return x


def _function_array(x, kind):
    """Each matrix by itself, in double precision."""
    if not x.size:
        return x.copy()
    wide = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64).reshape(-1, *x.shape[-2:])
    return np.stack([_or_nan(KINDS[kind], a) for a in wide]).reshape(x.shape).astype(x.dtype)


def _or_nan(function, a):
    try:
        return function(a)
    except np.linalg.LinAlgError:
        return np.full_like(a, np.nan)


def _function_vjp(g, out, x, kind):
    """The derivative of f at A along E is the corner of f([[A, E], [0, A]]); the adjoint of it is that of A^H."""
    n, rank = x.shape[-1], x.type.rank
    turned = adjoint_of(x)
    block = concat(concat(turned, g, axis=rank - 1), concat(zeros(x.type), turned, axis=rank - 1), axis=rank - 2)
    found = matrix_function(block, kind)
    start = (0,) * (rank - 1) + (n,)
    return (slice_(found, start, x.shape[:-2] + (n, block.shape[-1])),)


declare(Prim("matrix_function", _function_type, _function_array, _function_vjp, native=False, cost=100))


def matrix_function(x: Node, kind: str) -> Node:
    """The exponential, logarithm or principal root (``exp``, ``log``, ``sqrt``) of square matrices; NaN without one."""
    return apply("matrix_function", x, kind=kind)
