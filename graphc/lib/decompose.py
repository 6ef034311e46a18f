"""Factorisations, systems of equations and functions of matrices under TensorFlow's names; they run on the host."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import real_of
from graphc.ir.node import Node, binary, bounds, const, origins, simplified
from graphc.ir.type import Type
from graphc.lib.dims import dim_node
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to
from graphc.lib.shape import ensure_shape, transpose
from graphc.prims.table import apply

Lu = namedtuple("Lu", "lu p")
SignAndLog = namedtuple("LogMatrixDeterminant", "sign log_abs_determinant")
Qr = namedtuple("Qr", "q r")
_HALF = (dt.f16, dt.bf16)

# ----------------------------------------------------------------------------------------------- operands


def matrices(op: str, value, square: bool = False) -> Node:
    """A stack of matrices of floats or complex numbers.

    Raises:
        DtypeError: other elements. ShapeError: fewer than two axes, or matrices that are not square.
    """
    x = as_node(value)
    if x.dtype not in (dt.f32, dt.f64, dt.c64, dt.c128):
        what = f"{op}: needs float32, float64, complex64 or complex128, not {x.type}"
        raise DtypeError(explain(what, origins(x=x)))
    if len(x.shape) < 2:
        raise ShapeError(explain(f"{op}: needs matrices, not {x.type}", origins(x=x)))
    return squared(op, x) if square else x


def squared(op: str, x: Node) -> Node:
    """``x`` with equal last sizes; where one is symbolic, that is checked at entry."""
    m, n = x.shape[-2:]
    if m is n or m == n:
        return x
    if type(m) is int and type(n) is int:
        raise ShapeError(explain(f"{op}: needs square matrices, not {x.type} ({m} != {n})", origins(x=x)))
    n = m if type(m) is int else n
    return ensure_shape(x, [*(None,) * (len(x.shape) - 2), n, n])


def matching(op: str, a: Node, b: Node) -> tuple[Node, Node]:
    """Square matrices and right-hand sides with as many rows; batches broadcast.

    Raises:
        ShapeError: they do not fit.
    """
    n, rows = a.shape[-1], b.shape[-2]
    if type(n) is int and type(rows) is int and n != rows:
        what = f"{op}: {b.type} has not as many rows as {a.type} ({rows} != {n})"
        raise ShapeError(explain(what, origins(matrix=a, rhs=b)))
    if not (n is rows or n == rows):
        if type(rows) is int:
            a = ensure_shape(a, [*(None,) * (len(a.shape) - 2), rows, rows])
        else:
            b = ensure_shape(b, [*(None,) * (len(b.shape) - 2), n, None])
    if a.shape[:-2] == b.shape[:-2]:
        return a, b
    batch = broadcast_shape(op, a, b, shapes=(a.shape[:-2], b.shape[:-2]))
    return broadcast_to(a, (*batch, *a.shape[-2:]), op), broadcast_to(b, (*batch, *b.shape[-2:]), op)


def _system(op: str, left, right) -> tuple[Node, Node]:
    a, b = adopt(op, left, right)
    return matching(op, matrices(op, a, True), matrices(op, b))


def product(x: Node, y: Node, adjoint_x=False, adjoint_y=False) -> Node:
    """``x @ y`` of stacks of one batch, with adjoints where asked for."""
    x, y = [apply("conj", v) if flag and v.dtype.is_complex else v for v, flag in ((x, adjoint_x), (y, adjoint_y))]
    return apply("dot", x, y, transpose_x=bool(adjoint_x), transpose_y=bool(adjoint_y))


def adjoint_of(x: Node) -> Node:
    """The last two axes swapped, complex numbers conjugated."""
    n = len(x.shape)
    return transpose(x, (*range(n - 2), n - 1, n - 2), True)


def items(node: Node, count: int) -> list[Node]:
    """The results of an operation with several."""
    return [apply("item", node, index=k) for k in range(count)]


def _places(x: Node) -> tuple[Node, Node]:
    """Row and column number of every element."""
    n = len(x.shape)
    return tuple(apply("iota", shape=x.shape, axis=k, dtype=dt.i64) for k in (n - 2, n - 1))


def lower_part(x: Node, unit: bool = False) -> Node:
    """The lower triangle, 0 above; ``unit``: with 1 on the diagonal."""
    i, j = _places(x)
    zero = const(0, x.type)
    kept = apply("select", apply("lt" if unit else "le", j, i), x, zero)
    return apply("select", apply("eq", i, j), const(1, x.type), kept) if unit else kept


def upper_part(x: Node) -> Node:
    """The upper triangle, 0 below."""
    i, j = _places(x)
    return apply("select", apply("le", i, j), x, const(0, x.type))


def unit_matrix(like: Node, scale=1) -> Node:
    """Unit matrices of the type of square ``like``, times a number."""
    i, j = _places(like)
    return apply("select", apply("eq", i, j), const(scale, like.type), const(0, like.type))


def columns_scaled(x: Node, s: Node, op: str = "mul") -> Node:
    """The columns of ``x`` times (or by another ``op``) the elements of ``s`` [..., columns], in ``x``'s dtype."""
    s = s if s.dtype is x.dtype else apply("cast", s, dtype=x.dtype)
    n = len(x.shape)
    return apply(op, x, apply("broadcast", s, shape=x.shape, axes=(*range(n - 2), n - 1)))


# ----------------------------------------------------------------------------------------------- cholesky


def cholesky(input) -> Node:  # noqa: A002  TensorFlow's argument
    """Lower triangular ``c`` with ``c @ c^H`` equal to a positive definite matrix; NaN for others. Runs on the host."""
    return apply("cholesky", matrices("cholesky", input, True))


def cholesky_solve(chol, rhs) -> Node:
    """``x`` with ``a @ x = rhs``, given the Cholesky factor of ``a``; runs on the host."""
    c, b = _system("cholesky_solve", chol, rhs)
    below = apply("triangular_solve", c, b, lower=True, adjoint=False)
    return apply("triangular_solve", c, below, lower=True, adjoint=True)


def triangular_solve(matrix, rhs, lower=True, adjoint=False) -> Node:
    """``x`` with ``op(matrix) @ x = rhs``, reading one triangle only; op is the adjoint if asked for.

    Batches broadcast; a 0 on the diagonal gives infinities. Runs on the host.

    Raises:
        ShapeError: no square matrices, or other right-hand sides.
    """
    a, b = _system("triangular_solve", matrix, rhs)
    return apply("triangular_solve", a, b, lower=bool(lower), adjoint=bool(adjoint))


# ----------------------------------------------------------------------------------------------- QR and SVD


def qr(input, full_matrices=False) -> Qr:  # noqa: A002
    """Matrices as ``q @ r``, q with orthonormal columns, r upper triangular; runs on the host.

    Args:
        full_matrices: q is square.
    """
    return Qr(*items(apply("qr", matrices("qr", input), full=bool(full_matrices)), 2))


def svd(tensor, full_matrices=False, compute_uv=True):
    """Singular values in descending order, then left and right singular vectors as columns; runs on the host.

    Args:
        full_matrices: u and v are square.
        compute_uv: False answers with the singular values alone.
    """
    x = matrices("svd", tensor)
    s, u, vh = items(apply("svd", x, full=bool(full_matrices and compute_uv)), 3)
    return (s, u, adjoint_of(vh)) if compute_uv else s


def pinv(a, rcond=None, validate_args=False) -> Node:
    """The Moore-Penrose inverse; singular values up to ``rcond`` times the largest count as 0. Runs on the host.

    ``rcond`` is by default 10 times the larger side times the precision of the dtype.
    """
    x = matrices("pinv", a)
    s, u, v = svd(x)
    if rcond is None:
        cutoff = _precision(x, 10.0)
    else:
        cutoff = as_node(rcond)
        cutoff = cutoff if cutoff.dtype is s.dtype else apply("cast", cutoff, dtype=s.dtype)
        cutoff = apply("reshape", cutoff, shape=(*cutoff.shape, 1)) if cutoff.shape else cutoff
    limit = apply("mul", broadcast_to(cutoff, s.shape, "pinv"), _largest(s))
    used = apply("select", apply("lt", limit, s), s, const(np.inf, s.type))
    return product(columns_scaled(v, used, "div"), u, adjoint_y=True)


def _largest(s: Node) -> Node:
    """The largest along the last axis, repeated; 0 where there is none."""
    k = len(s.shape) - 1
    top = apply("max", apply("reduce", s, kind="max", axes=(k,)), const(0, s.type.with_shape(s.shape[:-1])))
    return apply("broadcast", top, shape=s.shape, axes=tuple(range(k)))


def _precision(x: Node, factor: float) -> Node:
    """``factor`` times the larger side of the matrices times the distance from 1 to the next number, as a scalar."""
    kind = real_of(x.dtype)
    m, n = x.shape[-2:]
    longer = max(m, n) if type(m) is type(n) is int else binary("max", m if isinstance(m, Node) else n, n)
    eps = const(factor * float(np.finfo(kind.numpy).eps), Type(kind, ()))
    return apply("mul", eps, dim_node(simplified(longer), kind))


def matrix_rank(a, tol=None, validate_args=False) -> Node:
    """How many singular values exceed ``tol`` (default: precision times the larger side times the largest of them)."""
    x = matrices("matrix_rank", a)
    s = svd(x, compute_uv=False)
    if tol is None:
        limit = apply("mul", broadcast_to(_precision(x, 1.0), s.shape, "matrix_rank"), _largest(s))
    else:
        limit = as_node(tol)
        limit = limit if limit.dtype is s.dtype else apply("cast", limit, dtype=s.dtype)
        limit = apply("reshape", limit, shape=(*limit.shape, 1)) if limit.shape else limit
        limit = broadcast_to(limit, s.shape, "matrix_rank")
    counted = apply("cast", apply("lt", limit, s), dtype=dt.i32)
    return apply("reduce", counted, kind="sum", axes=(len(s.shape) - 1,))


# ----------------------------------------------------------------------------------------------- eigenvalues


def eigh(tensor) -> tuple[Node, Node]:
    """Eigenvalues of symmetric matrices in ascending order, and eigenvectors as columns; reads the lower triangle.

    Eigenvalues have TensorFlow's dtype, that of the matrix. Runs on the host.
    """
    w, v = items(apply("eigh", matrices("eigh", tensor, True)), 2)
    return (w if w.dtype is v.dtype else apply("cast", w, dtype=v.dtype)), v


def eigvalsh(tensor) -> Node:
    """Eigenvalues of symmetric matrices in ascending order."""
    return eigh(tensor)[0]


def eig(tensor) -> tuple[Node, Node]:
    """Complex eigenvalues of square matrices in no order, and eigenvectors of length 1 as columns; runs on the host."""
    return tuple(items(apply("eig", matrices("eig", tensor, True)), 2))


def eigvals(tensor) -> Node:
    """Complex eigenvalues of square matrices, in no order."""
    return eig(tensor)[0]


def self_adjoint_eig(a) -> tuple[Node, Node]:
    """Eigenvalues of symmetric matrices in ascending order, and eigenvectors as columns."""
    return eigh(a)


# -------------------------------------------------------------------------------------------------- systems


def matrix_solve(matrix, rhs, adjoint=False) -> Node:
    """``x`` with ``op(matrix) @ x = rhs`` for square matrices of one batch; op is the adjoint if asked for.

    Runs on the host, where a singular matrix is refused.

    Raises:
        ShapeError: no square matrices, or other right-hand sides.
    """
    a, b = adopt("matrix_solve", matrix, rhs)
    if len(a.shape) != len(b.shape):
        what = f"matrix_solve: needs matrices of one rank, got {a.type} and {b.type}"
        raise ShapeError(explain(what, origins(matrix=a, rhs=b)))
    a, b = _system("matrix_solve", a, b)
    return apply("solve", a, b, adjoint=bool(adjoint))


def matrix_inverse(input, adjoint=False) -> Node:  # noqa: A002
    """The inverse of square matrices (of their adjoints, if asked for); singular ones are refused when run."""
    x = as_node(input)
    if x.dtype in _HALF:
        wide = apply("inverse", matrices("matrix_inverse", apply("cast", x, dtype=dt.f32), True))
        found = apply("cast", wide, dtype=x.dtype)
    else:
        found = apply("inverse", matrices("matrix_inverse", x, True))
    return adjoint_of(found) if adjoint else found


def matrix_determinant(input) -> Node:  # noqa: A002
    """The determinants of square matrices; runs on the host."""
    return apply("det", matrices("matrix_determinant", input, True))


def slogdet(input) -> SignAndLog:  # noqa: A002
    """Sign and logarithm of the magnitude of determinants, both of the dtype of the matrices."""
    x = matrices("slogdet", input, True)
    sign, size = items(apply("slogdet", x), 2)
    return SignAndLog(sign, size if size.dtype is x.dtype else apply("cast", size, dtype=x.dtype))


def logdet(matrix) -> Node:
    """The logarithm of the determinants of positive definite matrices; NaN for others."""
    factor = cholesky(matrix)
    n = len(factor.shape)
    i, j = _places(factor)
    one = const(1, factor.type)
    diagonal = apply("select", apply("eq", i, j), factor, one)
    if factor.dtype.is_complex:
        diagonal = apply("real", diagonal)
    return apply("reduce", apply("log", diagonal), kind="sum", axes=(n - 2, n - 1)) * 2.0


def lstsq(matrix, rhs, l2_regularizer=0.0, fast=True) -> Node:
    """``x`` that minimises ``|matrix @ x - rhs|^2 + l2_regularizer |x|^2``; of several, the shortest. Runs on the host.

    Args:
        fast: by the Cholesky factor of the smaller product of the matrix with itself, which must have full rank;
            otherwise by singular values, without a regularizer.

    Raises:
        ShapeError: it cannot be told which side of the matrices is longer.
    """
    a, b = adopt("lstsq", matrix, rhs)
    a, b = matrices("lstsq", a), matrices("lstsq", b)
    m, n = a.shape[-2:]
    rows = m if type(m) is int else b.shape[-2]
    if type(rows) is int:
        a, b = [ensure_shape(v, [*(None,) * (len(v.shape) - 2), rows, None]) for v in (a, b)]
    if a.shape[:-2] != b.shape[:-2]:
        batch = broadcast_shape("lstsq", a, b, shapes=(a.shape[:-2], b.shape[:-2]))
        a, b = [broadcast_to(v, (*batch, *v.shape[-2:]), "lstsq") for v in (a, b)]
    if not fast:
        return product(pinv(a), b)
    if _is_tall("lstsq", a):
        return _by_normal_equations(product(a, a, adjoint_x=True), product(a, b, adjoint_x=True), l2_regularizer)
    return product(a, _by_normal_equations(product(a, a, adjoint_y=True), b, l2_regularizer), adjoint_x=True)


def _is_tall(op: str, x: Node) -> bool:
    """Whether the matrices have at least as many rows as columns."""
    low, high = bounds(x.shape[-2] - x.shape[-1]) if any(isinstance(d, Node) for d in x.shape[-2:]) else (
        (x.shape[-2] - x.shape[-1],) * 2)  # fmt: skip
    if low is not None and low >= 0:
        return True
    if high is not None and high <= 0:
        return False
    raise ShapeError(explain(f"{op}: it must be known which side of {x.type} is longer", origins(matrix=x)))


def _by_normal_equations(gram: Node, right: Node, regularizer) -> Node:
    if not (isinstance(regularizer, (int, float)) and regularizer == 0):
        weight = as_node(regularizer)
        weight = weight if weight.dtype is gram.dtype else apply("cast", weight, dtype=gram.dtype)
        gram = apply("add", gram, apply("mul", unit_matrix(gram), broadcast_to(weight, gram.shape, "lstsq")))
    return cholesky_solve(cholesky(gram), right)


# ------------------------------------------------------------------------------------------------------- LU


def lu(input, output_idx_type=dt.i32) -> Lu:  # noqa: A002
    """Matrices as ``P @ L @ U``: both triangles packed into one matrix, and the row that each row comes from.

    Runs on the host, where a singular matrix is refused.
    """
    packed, rows = items(apply("lu", matrices("lu", input, True)), 2)
    kind = dt.as_dtype(output_idx_type)
    if kind not in (dt.i32, dt.i64):
        raise DtypeError(explain(f"lu: output_idx_type must be int32 or int64, not {kind.name}"))
    return Lu(packed, rows if kind is dt.i32 else apply("cast", rows, dtype=kind))


def lu_factor(a) -> tuple[Node, Node]:
    """Matrices of any shape as ``P @ L @ U``, packed into one, and with which row each of the first was exchanged.

    As LAPACK (getrf) has them; a singular matrix has a 0 on the diagonal of U. Runs on the host.
    """
    packed, _, exchanged = items(apply("lu", matrices("lu_factor", a), exchanges=True), 3)
    return packed, exchanged


def _exchanges(op: str, lower_upper, perm) -> tuple[Node, Node]:
    """Packed factors, and the order of rows."""
    packed, rows = matrices(op, lower_upper, True), as_node(perm)
    if rows.dtype not in (dt.i32, dt.i64) or len(rows.shape) != len(packed.shape) - 1:
        what = f"{op}: perm must be row numbers for {packed.type}, not {rows.type}"
        raise ShapeError(explain(what, origins(lower_upper=packed, perm=rows)))
    if rows.shape != packed.shape[:-1]:
        rows = ensure_shape(rows, packed.shape[:-1])
    return packed, rows


def _rows_taken(x: Node, rows: Node) -> Node:
    return apply("gather", x, apply("reshape", rows, shape=(*rows.shape, 1)), batch=len(rows.shape) - 1)


def lu_solve(lower_upper, perm, rhs, validate_args=False) -> Node:
    """``x`` with ``a @ x = rhs``, given ``lu(a)``; runs on the host."""
    packed, rows = _exchanges("lu_solve", lower_upper, perm)
    packed, b = _system("lu_solve", packed, as_node(rhs, packed.dtype))
    rows = broadcast_to(rows, packed.shape[:-1], "lu_solve")
    below = apply("triangular_solve", lower_part(packed, True), _rows_taken(b, rows), lower=True, adjoint=False)
    return apply("triangular_solve", packed, below, lower=False, adjoint=False)


def _inverse_order(rows: Node) -> Node:
    """The order of rows that undoes ``rows``."""
    k = len(rows.shape) - 1
    return apply("item", apply("sort", rows, axis=k, descending=False), index=1)


def lu_reconstruct(lower_upper, perm, validate_args=False) -> Node:
    """The matrices that ``lu`` took apart."""
    packed, rows = _exchanges("lu_reconstruct", lower_upper, perm)
    return _rows_taken(product(lower_part(packed, True), upper_part(packed)), _inverse_order(rows))


def lu_matrix_inverse(lower_upper, perm, validate_args=False) -> Node:
    """The inverses of the matrices that ``lu`` took apart."""
    packed, rows = _exchanges("lu_matrix_inverse", lower_upper, perm)
    return lu_solve(packed, rows, unit_matrix(packed))


# ---------------------------------------------------------------------------------------- matrix functions


def _function(op: str, kind: str, input) -> Node:  # noqa: A002
    return apply("matrix_function", matrices(op, input, True), kind=kind)


def expm(input) -> Node:  # noqa: A002
    """The exponential of square matrices; runs on the host."""
    return _function("expm", "exp", input)


def logm(input) -> Node:  # noqa: A002
    """The principal logarithm of square complex matrices; runs on the host.

    Raises:
        DtypeError: real matrices, whose logarithm may be complex.
    """
    x = matrices("logm", input, True)
    if not x.dtype.is_complex:
        raise DtypeError(explain(f"logm: needs complex64 or complex128, not {x.type}", origins(input=x)))
    return _function("logm", "log", x)


def sqrtm(input) -> Node:  # noqa: A002
    """The principal square root of square matrices; NaN where a real matrix has none. Runs on the host."""
    return _function("sqrtm", "sqrt", input)
