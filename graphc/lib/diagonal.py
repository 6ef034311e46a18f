"""Diagonals of matrices: building, reading, replacing, bands and traces, under TensorFlow's names."""

from __future__ import annotations

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const, const_value, origins, simplified
from graphc.lib.dims import constant, dim, integer, size
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.shape import filler, part, reshape, stack, zeros
from graphc.prims.table import apply

ALIGNMENTS = ("RIGHT_LEFT", "LEFT_RIGHT", "LEFT_LEFT", "RIGHT_RIGHT")


def _band(op: str, k, align: str) -> tuple[int, int]:
    """The lowest and the highest diagonal meant by ``k``."""
    values = constant(op, "k", k).tolist() if isinstance(k, Node) else np.asarray(k).tolist()
    values = [values] if isinstance(values, int) else values
    if align not in ALIGNMENTS:
        raise UsageError(explain(f"{op}: align {align!r} is none of {', '.join(ALIGNMENTS)}"))
    if not isinstance(values, list) or len(values) not in (1, 2) or not all(isinstance(v, int) for v in values):
        raise UsageError(explain(f"{op}: k must be an int or a pair of ints, got {k!r}"))
    if values[0] > values[-1]:
        raise UsageError(explain(f"{op}: k = {tuple(values)} does not increase"))
    return values[0], values[-1]


def _length(rows, columns, d: int):
    """How long diagonal ``d`` of a matrix is."""
    a, b = simplified(rows + min(d, 0)), simplified(columns - max(d, 0))
    if type(a) is int and type(b) is int:
        return min(a, b)
    return a if a is b else simplified(binary("min", a, b))


def _skipped(d: int, most, length, align: str):
    """Where diagonal ``d`` begins in a line that is as long as the longest one."""
    above, below = align.split("_")
    left = (d >= 0 and above == "LEFT") or (d <= 0 and below == "LEFT")
    return 0 if left else simplified(most - length)


def _require_matrix(op: str, x: Node) -> None:
    if len(x.shape) < 2:
        raise ShapeError(explain(f"{op}: needs a matrix, not {x.type}", origins(input=x)))


def _check_band(op: str, x, rows, columns, band: tuple) -> None:
    for d in band:
        n = _length(rows, columns, d)
        if type(n) is int and n < 0 or (type(n) is int and n == 0 and d != 0):
            raise ShapeError(explain(f"{op}: a matrix [{rows},{columns}] has no diagonal {d}", origins(input=x)))


def _places(shape: tuple) -> Node:
    """Column minus row: the number of the diagonal that each place of a matrix lies on."""
    rank = len(shape)
    i, j = (apply("iota", shape=shape, axis=rank - k, dtype=dt.i32) for k in (2, 1))
    return apply("sub", j, i)


def _laid(out: Node, diagonal: Node, band: tuple, align: str) -> Node:
    """``out`` with diagonals replaced by the lines of ``diagonal`` [..., (diagonals,) longest]."""
    (first, last), rows, columns, rank = band, *out.shape[-2:], len(out.shape)
    place, most = _places(out.shape), diagonal.shape[-1]
    for d in range(first, last + 1):
        line = diagonal if len(diagonal.shape) == rank - 1 else _line(diagonal, last - d)
        n = _length(rows, columns, d)
        skip = _skipped(d, most, n, align)
        line = part(line, rank - 2, skip, simplified(skip + n))
        low = max(d, 0)
        widths = ((0,) * (rank - 2) + (low,), (0,) * (rank - 2) + (simplified(columns - low - n),))
        line = apply("pad", line, zeros((), line.dtype), low=widths[0], high=widths[1])
        wide = apply("broadcast", line, shape=out.shape, axes=(*range(rank - 2), rank - 1))
        out = apply("select", apply("eq", place, const(d, place.type)), wide, out)
    return out


def _line(x: Node, k: int) -> Node:
    """Row ``k`` of the last but one axis."""
    rank = len(x.shape)
    return reshape(part(x, rank - 2, k, k + 1), (*x.shape[:-2], x.shape[-1]))


def diag(diagonal, k=0, num_rows=-1, num_cols=-1, padding_value=0, align="RIGHT_LEFT") -> Node:
    """Matrices with given diagonals and ``padding_value`` elsewhere.

    Args:
        diagonal: [..., length], or [..., diagonals, longest] from the highest to the lowest one.
        k: the diagonal (0: the main one, above it positive), or the lowest and the highest of a band.
        num_rows, num_cols: the size of the matrix; -1 for the least that the diagonals need.
        align: where shorter diagonals above and below the main one stand in their lines, such as ``RIGHT_LEFT``.

    Raises:
        ShapeError: the diagonals do not fit the matrix. UsageError: ``k`` or ``align`` means nothing.
    """
    x = as_node(diagonal)
    first, last = band = _band("diag", k, align)
    if len(x.shape) < (1 if first == last else 2):
        raise ShapeError(explain(f"diag: {last - first + 1} diagonals need more axes than {x.type}", origins(x=x)))
    count, most = last - first + 1, x.shape[-1]
    if count > 1 and type(x.shape[-2]) is int and x.shape[-2] != count:
        raise ShapeError(explain(f"diag: {count} diagonals are not the axis -2 of {x.type}", origins(diagonal=x)))
    rows, columns = _matrix_size(x, band, most, dim(num_rows, "diag"), dim(num_cols, "diag"))
    lead = x.shape[:-1] if count == 1 else x.shape[:-2]
    shape = (*lead, rows, columns)
    _check_band("diag", x, rows, columns, band)
    longest = _length(rows, columns, min(max(0, first), last))
    if type(longest) is int and type(most) is int and longest != most:
        what = f"diag: diagonals of {x.type} do not fit a matrix [{rows},{columns}] at k = {band}"
        raise ShapeError(explain(what, origins(diagonal=x)))
    return _laid(broadcast_to(filler(padding_value, x.dtype), shape), x, band, align)


def _matrix_size(x: Node, band: tuple, most, rows, columns) -> tuple:
    """The size of the matrix, where it is open the least one."""
    least_rows, least_columns = simplified(most - min(band[1], 0)), simplified(most + max(band[0], 0))
    no_rows, no_columns = (type(v) is int and v == -1 for v in (rows, columns))
    if no_rows and no_columns:
        if type(most) is int or least_rows is least_columns:
            side = max(least_rows, least_columns) if type(most) is int else least_rows
        else:
            side = simplified(most + max(-min(band[1], 0), max(band[0], 0)))
        return side, side
    return least_rows if no_rows else rows, least_columns if no_columns else columns


def diag_part(input, k=0, padding_value=0, align="RIGHT_LEFT") -> Node:  # noqa: A002  TensorFlow's argument
    """Diagonals of matrices over the last two axes.

    Args:
        k: the diagonal, or the lowest and the highest of a band, which are given from the highest to the lowest one.
        padding_value: fills the lines of shorter diagonals.
        align: where shorter diagonals above and below the main one stand in their lines, such as ``RIGHT_LEFT``.

    Raises:
        ShapeError: no matrix, or no such diagonal. UsageError: ``k`` or ``align`` means nothing.
    """
    x = as_node(input)
    _require_matrix("diag_part", x)
    first, last = band = _band("diag_part", k, align)
    _check_band("diag_part", x, *x.shape[-2:], band)
    if first == last:
        return _diagonal(x, first)
    most = _length(*x.shape[-2:], min(max(0, first), last))
    lines = []
    for d in range(last, first - 1, -1):
        line = _diagonal(x, d)
        n, rest = line.shape[-1], (0,) * (len(line.shape) - 1)
        skip = _skipped(d, most, n, align)
        after = simplified(most - n - skip)
        lines.append(apply("pad", line, filler(padding_value, x.dtype), low=(*rest, skip), high=(*rest, after)))
    return stack(lines, axis=len(x.shape) - 2)


def _diagonal(x: Node, d: int) -> Node:
    """One diagonal: every (columns + 1)-th element of the matrix written out."""
    rows, columns = x.shape[-2:]
    n = _length(rows, columns, d)
    lead = x.shape[:-2]
    if type(columns) is not int:
        return _diagonal_by_mask(x, d, n)
    start = max(d, 0) + max(-d, 0) * columns
    flat = reshape(x, (*lead, size((rows, columns))))
    if type(n) is int and n <= 0:
        return part(flat, len(lead), 0, 0)
    stop = simplified(start + (n - 1) * (columns + 1) + 1)
    if isinstance(n, Node):
        stop = simplified(binary("max", stop, start))
        stop = simplified(binary("min", stop, flat.shape[-1]))
    whole, zero = lead, (0,) * len(lead)
    cut = apply("slice", flat, start=(*zero, start), stop=(*whole, stop), step=(*(1,) * len(lead), columns + 1))
    return cut if cut.shape[-1] == n else apply("ensure", cut, shape=(*lead, n))


def _diagonal_by_mask(x: Node, d: int, n) -> Node:
    """One diagonal of a matrix whose number of columns is open: the sum over what remains in each row."""
    kept = apply("select", apply("eq", _places(x.shape), const(d, x.type.with_dtype(dt.i32))), x,
                 zeros(x.shape, x.dtype))  # fmt: skip
    rank = len(x.shape)
    if x.dtype is dt.b1:
        lines = apply("reduce", apply("and", kept, apply("eq", _places(x.shape), const(d, x.type.with_dtype(dt.i32)))),
                      kind="any", axes=(rank - 1,))  # fmt: skip
    else:
        lines = apply("reduce", kept, kind="sum", axes=(rank - 1,))
    start = max(-d, 0)
    return part(lines, rank - 2, start, simplified(start + n))


def set_diag(input, diagonal, k=0, align="RIGHT_LEFT") -> Node:  # noqa: A002
    """Matrices with diagonals replaced; arguments as those of ``diag_part`` and ``diag``.

    Raises:
        ShapeError: the diagonals do not fit. UsageError: ``k`` or ``align`` means nothing.
    """
    x = as_node(input)
    values = as_node(diagonal, x.dtype)
    _require_matrix("set_diag", x)
    first, last = band = _band("set_diag", k, align)
    _check_band("set_diag", x, *x.shape[-2:], band)
    most = _length(*x.shape[-2:], min(max(0, first), last))
    wanted = (*x.shape[:-2], *(() if first == last else (last - first + 1,)), most)
    fits = len(values.shape) == len(wanted) and not any(
        type(a) is int and type(b) is int and a != b for a, b in zip(values.shape, wanted)
    )
    if not fits:
        what = f"set_diag: {values.type} are not the diagonals {band} of {x.type}"
        raise ShapeError(explain(what, origins(input=x, diagonal=values)))
    values = values if values.shape == wanted else apply("ensure", values, shape=wanted)
    return _laid(x, values, band, align)


def tensor_diag(diagonal) -> Node:
    """``y[i..., i...] = diagonal[i...]`` with zeros elsewhere: twice as many axes."""
    x = as_node(diagonal)
    if not x.shape:
        raise ShapeError(explain(f"tensor_diag: needs rank 1 or more, not {x.type}", origins(diagonal=x)))
    return reshape(diag(reshape(x, (size(x.shape),))), (*x.shape, *x.shape))


def tensor_diag_part(input) -> Node:  # noqa: A002
    """``y[i...] = input[i..., i...]``: half as many axes.

    Raises:
        ShapeError: the first half of the axes does not have the sizes of the second.
    """
    x = as_node(input)
    half = len(x.shape) // 2
    first, second = x.shape[:half], x.shape[half:]
    if len(x.shape) % 2 or not half or any(type(a) is int and type(b) is int and a != b for a, b in zip(first, second)):
        raise ShapeError(explain(f"tensor_diag_part: needs sizes twice in a row, not {x.type}", origins(input=x)))
    n = size(first)
    return reshape(diag_part(reshape(x, (n, n))), first)


def band_part(input, num_lower, num_upper) -> Node:  # noqa: A002
    """The diagonals from ``num_lower`` below to ``num_upper`` above the main one; others become 0. -1 keeps all.

    Raises:
        ShapeError: no matrix.
    """
    x = as_node(input)
    _require_matrix("band_part", x)
    place = _places(x.shape)
    out = x
    for bound, distance in ((num_lower, apply("neg", place)), (num_upper, place)):
        out = _kept(out, distance, bound)
    return out


def _kept(x: Node, distance: Node, bound) -> Node:
    """``x`` where ``distance`` is at most ``bound``, which is no bound if negative."""
    zero = zeros(x.shape, x.dtype)
    value = const_value(bound) if isinstance(bound, Node) else integer("band_part", "a number of diagonals", bound)
    if value is not None:
        return x if value < 0 else apply("select", apply("le", distance, const(value, distance.type)), x, zero)
    limit = bound if bound.dtype is dt.i32 else apply("cast", bound, dtype=dt.i32)
    inside = apply("le", distance, broadcast_to(limit, x.shape))
    unlimited = broadcast_to(apply("lt", limit, const(0, limit.type)), x.shape)
    return apply("select", apply("or", inside, unlimited), x, zero)


def trace(x) -> Node:
    """The sum of the main diagonal of matrices over the last two axes."""
    line = diag_part(x)
    return apply("reduce", line, kind="sum", axes=(len(line.shape) - 1,))
