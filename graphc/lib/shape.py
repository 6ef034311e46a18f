"""Making and moving: constants of a shape, reshapes, joins, splits, padding, under TensorFlow's names."""

from __future__ import annotations

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const, origins, simplified
from graphc.ir.type import Type
from graphc.lib import promote
from graphc.lib.dims import (
    DataDependent, as_dims, axes_of, axis_of, constant, dim, dim_node, integer, is_known, known_dim, listed, measured,
    shape_of, size, sized, with_unknown,
)  # fmt: skip
from graphc.lib.promote import adopt, as_node, shape_text
from graphc.prims.table import apply

FEW = 4  # elements of a mirrored border that are moved one by one
PIECES = 96  # of a mirrored tensor: those of its axes multiply, and a kernel reads each with code of its own


def zeros_like(input, dtype=None) -> Node:  # noqa: A002
    """Zeros (False, empty strings) of ``input``'s shape, and of its dtype unless another is named."""
    x = as_node(input)
    return zeros(x.shape, x.dtype if dtype is None else dtype)


def ones_like(input, dtype=None) -> Node:  # noqa: A002
    """Ones (True) of ``input``'s shape, and of its dtype unless another is named."""
    x = as_node(input)
    return ones(x.shape, x.dtype if dtype is None else dtype)


def fill(dims, value) -> Node:
    """A tensor of one repeated scalar."""
    x = as_node(value)
    if x.shape:
        raise ShapeError(explain(f"fill: the value must be a scalar, not {x.type}", origins(value=x)))
    return promote.broadcast_to(x, shape_of(dims, "fill"), "fill")


def zeros(shape, dtype=dt.f32) -> Node:
    """Zeros (False, empty strings)."""
    kind = dt.as_dtype(dtype)
    return const(b"" if kind is dt.string else kind.numpy.type(0), Type(kind, shape_of(shape, "zeros")))


def ones(shape, dtype=dt.f32) -> Node:
    """Ones (True)."""
    kind = dt.as_dtype(dtype)
    return const(kind.numpy.type(1), Type(kind, shape_of(shape, "ones")))


def shape(input, out_type=dt.i32) -> Node:  # noqa: A002  TensorFlow's argument
    """The sizes of a tensor as an integer vector."""
    x, kind = as_node(input), dt.i32 if out_type is None else dt.as_dtype(out_type)
    if x.type.is_static:
        return const(np.array(x.shape, kind.numpy))
    parts = [apply("reshape", dim_node(d, kind), shape=(1,)) for d in x.shape]
    return parts[0] if len(parts) == 1 else apply("concat", *parts, axis=0)


def shape_n(input, out_type=dt.i32) -> list[Node]:  # noqa: A002
    """The sizes of each tensor of a list."""
    return [shape(x, out_type) for x in listed("shape_n", "input", input)]


def size_of(input, out_type=dt.i32) -> Node:  # noqa: A002
    """The number of elements as a scalar tensor."""
    return dim_node(size(as_node(input).shape), dt.i32 if out_type is None else dt.as_dtype(out_type))


def rank(input) -> Node:  # noqa: A002
    """The number of axes as a scalar tensor."""
    return const(np.int32(len(as_node(input).shape)))


def reshape(tensor, shape) -> Node:
    """The same elements in row-major order under another shape; one size may be -1.

    Raises:
        ShapeError: the number of elements differs.
    """
    x = as_node(tensor)
    wanted = with_unknown("reshape", shape_of(shape, "reshape", True), x)
    if wanted == x.shape:
        return x
    have, need = size(x.shape), size(wanted)
    if have is not need and have != need and (isinstance(have, Node) or isinstance(need, Node)):
        x = _promised(x, have, need)
    return apply("reshape", x, shape=wanted)


def _promised(x: Node, have, need) -> Node:
    """``x`` with the promise, checked at entry, that it has as many elements as are needed."""
    unknown = [k for k, d in enumerate(x.shape) if isinstance(d, Node)]
    if type(need) is int and len(unknown) == 1:
        rest = size(d for k, d in enumerate(x.shape) if k != unknown[0])
        if rest and need % rest == 0:
            return apply(
                "ensure", x, shape=tuple(need // rest if k == unknown[0] else d for k, d in enumerate(x.shape))
            )
    return apply("ensure", apply("reshape", x, shape=(have,)), shape=(need,))


def expand_dims(input, axis) -> Node:  # noqa: A002
    """A new axis of size 1 at ``axis``."""
    x = as_node(input)
    k = axis_of("expand_dims", axis, x, extra=1)
    return apply("reshape", x, shape=(*x.shape[:k], 1, *x.shape[k:]))


def squeeze(input, axis=None) -> Node:  # noqa: A002
    """Without axes of size 1 (all of them, or those named).

    Raises:
        ShapeError: a named axis has another size.
    """
    x = as_node(input)
    if axis is None or (isinstance(axis, (list, tuple)) and not axis):
        axes = tuple(k for k, d in enumerate(x.shape) if type(d) is int and d == 1)
    else:
        axes = axes_of("squeeze", axis, x)
    for k in axes:
        if type(x.shape[k]) is int and x.shape[k] != 1:
            raise ShapeError(explain(f"squeeze: axis {k} of {x.type} has size {x.shape[k]}, not 1", origins(x=x)))
    sure = tuple(1 if k in axes else d for k, d in enumerate(x.shape))
    x = x if sure == x.shape else apply("ensure", x, shape=sure)
    return apply("reshape", x, shape=tuple(d for k, d in enumerate(x.shape) if k not in axes)) if axes else x


def broadcast_to(input, shape) -> Node:  # noqa: A002
    """``input`` repeated to ``shape`` by NumPy's rule."""
    return promote.broadcast_to(as_node(input), shape_of(shape, "broadcast_to"))


def broadcast_dynamic_shape(shape_x, shape_y) -> Node:
    """The shape, as an integer vector, that two shapes broadcast to."""
    x, y = adopt("broadcast_dynamic_shape", shape_x, shape_y)
    try:
        sizes = promote.broadcast_shape("broadcast_dynamic_shape", x, y, shapes=(as_dims(x), as_dims(y)))
        return stack([dim_node(d, x.dtype) for d in sizes]) if sizes else const(np.zeros(0, x.dtype.numpy))
    except DataDependent:
        pass  # sizes that only a run knows are compared by the run
    n = max(int(v.shape[0]) for v in (x, y))
    x, y = (concat([ones([n - v.shape[0]], v.dtype), v], 0) for v in (x, y))
    return apply("select", apply("eq", x, ones([n], x.dtype)), y, x)


def ensure_shape(x, shape) -> Node:
    """``x``, whose sizes are promised (None: not known) and checked at entry."""
    x = as_node(x)
    if shape is None:
        return x
    if len(shape) != len(x.shape):
        raise ShapeError(explain(f"ensure_shape: {x.type} has rank {len(x.shape)}, not {len(shape)}", origins(x=x)))
    sure = []
    for k, (known, wanted) in enumerate(zip(x.shape, shape)):
        wanted = None if wanted is None else dim(wanted, "ensure_shape")
        if type(wanted) is int and type(known) is int and known != wanted:
            what = f"ensure_shape: axis {k} of {x.type} has size {known}, not {wanted}"
            raise ShapeError(explain(what, origins(x=x)))
        sure.append(known if wanted is None else wanted)
    return x if tuple(sure) == x.shape else apply("ensure", x, shape=tuple(sure))


def transpose(a, perm=None, conjugate=False) -> Node:
    """Axes in another order; reversed if ``perm`` is None; ``conjugate`` also conjugates complex numbers.

    Raises:
        ShapeError: ``perm`` is no permutation of ``a``'s axes.
    """
    x = as_node(a)
    x = apply("conj", x) if conjugate and x.dtype.is_complex else x
    if perm is None:
        order = tuple(reversed(range(len(x.shape))))
    else:
        perm = constant("transpose", "perm", perm).tolist() if isinstance(perm, Node) else perm
        order = tuple(axis_of("transpose", p, x) for p in listed("transpose", "perm", perm))
    if sorted(order) != list(range(len(x.shape))):
        raise ShapeError(explain(f"transpose: perm {order} is no permutation of the axes of {x.type}", origins(x=x)))
    return x if order == tuple(range(len(order))) else apply("transpose", x, perm=order)


def concat(values, axis) -> Node:
    """Tensors joined along an existing axis; the other sizes are equal."""
    xs = adopt("concat", *values) if isinstance(values, (list, tuple)) and len(values) else [as_node(values)]
    k = axis_of("concat", axis, xs[0])
    for x in xs[1:]:
        if len(x.shape) != len(xs[0].shape):
            raise ShapeError(explain(f"concat: ranks differ, {xs[0].type} and {x.type}", origins(x=xs[0], y=x)))
    if len(xs) == 1:
        return xs[0]
    return apply("concat", *_aligned(xs, k), axis=k)


def _aligned(xs: list[Node], axis: int) -> list[Node]:
    """The tensors with equal sizes everywhere but at ``axis``: an int wins over a symbol, and is checked at entry."""
    sizes = [
        next((x.shape[k] for x in xs if type(x.shape[k]) is int), xs[0].shape[k]) for k, _ in enumerate(xs[0].shape)
    ]
    out = []
    for x in xs:
        wanted = tuple(x.shape[axis] if k == axis else d for k, d in enumerate(sizes))
        if any(type(a) is int and type(b) is int and a != b for a, b in zip(x.shape, wanted)):
            what = f"concat: sizes differ outside axis {axis}, {xs[0].type} and {x.type}"
            raise ShapeError(explain(what, origins(x=xs[0], y=x)))
        out.append(x if x.shape == wanted else apply("ensure", x, shape=wanted))
    return out


def stack(values, axis=0) -> Node:
    """Tensors of one shape joined along a new axis."""
    xs = adopt("stack", *(values if isinstance(values, (list, tuple)) else unstack(values)))
    k = axis_of("stack", axis, xs[0], extra=1)
    return concat([apply("reshape", x, shape=(*x.shape[:k], 1, *x.shape[k:])) for x in xs], k)


def parallel_stack(values) -> Node:
    """Tensors of one shape joined along a new first axis."""
    return stack(values)


def unstack(value, num=None, axis=0) -> list[Node]:
    """The slices along an axis of known size.

    Raises:
        ShapeError: the size is symbolic and ``num`` is not given.
    """
    x = as_node(value)
    k = axis_of("unstack", axis, x)
    n = x.shape[k] if num is None else integer("unstack", "num", num)
    if type(n) is not int:
        raise ShapeError(explain(f"unstack: axis {k} of {x.type} has no known size; pass num", origins(x=x)))
    if x.shape[k] is not n and x.shape[k] != n:
        x = ensure_shape(x, [n if a == k else None for a in range(len(x.shape))])
    rest = x.shape[:k] + x.shape[k + 1 :]
    return [apply("reshape", part(x, k, j, j + 1), shape=rest) for j in range(n)]


def part(x: Node, axis: int, start, stop) -> Node:
    """Elements ``start`` to ``stop`` along one axis."""
    if type(start) is int and start == 0 and (stop is x.shape[axis] or stop == x.shape[axis]):
        return x
    low = tuple(start if k == axis else 0 for k in range(len(x.shape)))
    high = tuple(stop if k == axis else d for k, d in enumerate(x.shape))
    return apply("slice", x, start=low, stop=high, step=(1,) * len(x.shape))


def split(value, num_or_size_splits, axis=0, num=None) -> list[Node]:
    """A tensor cut along an axis into equal parts or parts of given sizes."""
    x = as_node(value)
    k = axis_of("split", axis, x)
    given = num_or_size_splits
    whole = x.shape[k]
    if isinstance(given, Node) and not given.shape:
        given = integer("split", "num_or_size_splits", given)
    if isinstance(given, (int, np.integer)):
        if given < 1:
            raise UsageError(explain(f"split: the number of parts must be positive, got {given}", origins(x=x)))
        if type(whole) is int and whole % given:
            what = f"split: axis {k} of {x.type} has size {whole}, which {given} parts do not share"
            raise ShapeError(explain(what, origins(x=x)))
        sizes = [simplified(whole // int(given))] * int(given)
    else:
        sizes = _split_sizes(x, k, list(shape_of(given, "split", True)))
    total = simplified(sum(sizes, 0))
    if total is not whole and total != whole:  # a promise, checked at entry
        x = apply("ensure", x, shape=(*x.shape[:k], total, *x.shape[k + 1 :]))
    parts, at = [], 0
    for s in sizes:
        parts.append(part(x, k, at, simplified(at + s)))
        at = simplified(at + s)
    return parts


def _split_sizes(x: Node, axis: int, sizes: list) -> list:
    if not all(map(is_known, sizes)):
        return _split_by_data(x.shape[axis], [dim_node(s) for s in sizes])
    open_ones = [k for k, s in enumerate(sizes) if type(s) is int and s == -1]
    if len(open_ones) == 1:
        known = sum((s for k, s in enumerate(sizes) if k != open_ones[0]), 0)
        sizes[open_ones[0]] = simplified(x.shape[axis] - known)
    total = simplified(sum(sizes, 0))
    if type(total) is int and type(x.shape[axis]) is int and total != x.shape[axis]:
        what = f"split: sizes {shape_text(sizes)} do not add up to axis {axis} of {x.type}"
        raise ShapeError(explain(what, origins(x=x)))
    return sizes


def _split_by_data(whole, sizes: list[Node]) -> list:
    """Sizes that only a run knows; the one that is -1 becomes what the others leave."""
    minus, zero = dim_node(-1), dim_node(0)
    is_open = [apply("eq", s, minus) for s in sizes]
    rest = dim_node(whole)
    for s, o in zip(sizes, is_open):
        rest = apply("sub", rest, apply("select", o, zero, s))
    return [measured(apply("select", o, rest, s)) for s, o in zip(sizes, is_open)]


def roll(input, shift, axis) -> Node:  # noqa: A002
    """Elements moved by ``shift`` places along each axis; what leaves at the end enters at the front.

    Raises:
        ShapeError: an axis is out of range, or shifts and axes differ in number.
    """
    x = as_node(input)
    axes = constant("roll", "axis", axis).tolist() if isinstance(axis, Node) else axis
    axes = np.asarray(axes, np.int64).reshape(-1).tolist()
    shifts = _scalars(shift)
    if len(shifts) != len(axes):
        raise ShapeError(explain(f"roll: {len(shifts)} shifts for {len(axes)} axes of {x.type}", origins(input=x)))
    for by, k in zip(shifts, axes):
        x = _rolled(x, axis_of("roll", k, x), by)
    return x


def _scalars(value) -> list:
    """The numbers of a scalar, list or vector, one by one."""
    if isinstance(value, Node):
        return unstack(value) if value.shape else [value]
    return list(value) if isinstance(value, (list, tuple)) else np.asarray(value).reshape(-1).tolist()


def _rolled(x: Node, axis: int, shift) -> Node:
    n = x.shape[axis]
    if n == 0:
        return x
    try:
        by = known_dim(shift, "roll")
    except DataDependent:
        return _rolled_by_data(x, axis, shift)
    by = simplified(by % (n if type(n) is int else binary("max", n, 1)))
    if type(by) is int and by == 0:
        return x
    cut = simplified(n - by)
    return concat([part(x, axis, cut, n), part(x, axis, 0, cut)], axis)


def _rolled_by_data(x: Node, axis: int, shift: Node) -> Node:
    """A shift that only a run knows: every place is read from where it comes from."""
    n = x.shape[axis]
    order = (axis, *(k for k in range(len(x.shape)) if k != axis))
    ramp = apply("iota", shape=(n,), axis=0, dtype=dt.i64)
    by = promote.broadcast_to(apply("cast", shift, dtype=dt.i64) if shift.dtype is not dt.i64 else shift, (n,))
    source = promote.elementwise("mod", apply("sub", ramp, by), dim_node(n))
    moved = apply("gather", transpose(x, order), apply("reshape", source, shape=(n, 1)), batch=0)
    return transpose(moved, tuple(sorted(range(len(order)), key=order.__getitem__)))


def tile(input, multiples) -> Node:  # noqa: A002
    """``input`` repeated whole along each axis."""
    x = as_node(input)
    counts = shape_of(multiples, "tile")
    if len(counts) != len(x.shape):
        what = f"tile: {len(counts)} multiples for {x.type} of rank {len(x.shape)}"
        raise ShapeError(explain(what, origins(x=x)))
    if all(type(c) is int and c == 1 for c in counts):
        return x
    wide = tuple(v for c, d in zip(counts, x.shape) for v in (c, d))
    out = apply("broadcast", x, shape=wide, axes=tuple(range(1, 2 * len(counts), 2)))
    return apply("reshape", out, shape=tuple(simplified(c * d) for c, d in zip(counts, x.shape)))


def repeat(input, repeats, axis=None) -> Node:  # noqa: A002
    """Each element repeated the same number of times along ``axis``."""
    x = as_node(input)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    k, n = axis_of("repeat", axis, x), dim(repeats, "repeat")
    if type(n) is int and n < 0:
        raise ShapeError(explain(f"repeat: repeats must not be negative, got {n}", origins(x=x)))
    wide = (*x.shape[: k + 1], n, *x.shape[k + 1 :])
    axes = tuple(a for a in range(len(wide)) if a != k + 1)
    out = apply("broadcast", x, shape=wide, axes=axes)
    return apply("reshape", out, shape=(*x.shape[:k], simplified(x.shape[k] * n), *x.shape[k + 1 :]))


def reverse(tensor, axis) -> Node:
    """Back to front along the named axes."""
    x = as_node(tensor)
    axes = axes_of("reverse", axis, x)
    return apply("reverse", x, axes=axes) if axes else x


def pad(tensor, paddings, mode="CONSTANT", constant_values=0) -> Node:
    """Elements added before and after each axis: a constant, a reflection, or a symmetric reflection.

    Raises:
        ShapeError: not one pair per axis, a negative amount, or a reflection longer than the axis.
        UsageError: unknown mode.
    """
    x = as_node(tensor)
    pairs = pairs_of("pad", paddings)
    if len(pairs) != len(x.shape) or any(len(p) != 2 for p in pairs):
        raise ShapeError(explain(f"pad: paddings need one pair for each axis of {x.type}, got {pairs}", origins(x=x)))
    if any(type(v) is int and v < 0 for p in pairs for v in p):
        raise ShapeError(explain(f"pad: an amount is negative in {pairs} for {x.type}", origins(x=x)))
    match mode.upper():
        case "CONSTANT":
            value = filler(constant_values, x.dtype)
            low, high = tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)
            return apply("pad", x, value, low=low, high=high)
        case "REFLECT" | "SYMMETRIC":
            skip = 1 if mode.upper() == "REFLECT" else 0
            cut = _cut_axes(pairs)
            for k, (low, high) in enumerate(pairs):
                x = _mirrored(x, k, low, high, skip, k in cut)
            return x
        case "EDGE":
            for k, (low, high) in enumerate(pairs):
                x = _extended(x, k, low, high)
            return x
    raise UsageError(explain(f"pad: mode {mode!r} is not CONSTANT, REFLECT or SYMMETRIC"))


def filler(value, kind) -> Node:
    """What fills a border, a scalar of dtype ``kind``; the literal 0 stands for False and for the empty string too."""
    if not isinstance(value, Node) and np.asarray(value).dtype.kind == "i" and not np.any(value):
        return zeros((), kind)
    return as_node(value, kind)


def pairs_of(op: str, paddings) -> list[tuple]:
    """Pairs of amounts, given as nested lists of ints and scalars, or as a tensor [axes, 2]."""
    if isinstance(paddings, Node):
        if len(paddings.shape) != 2 or paddings.shape[1] != 2:
            raise ShapeError(explain(f"{op}: paddings must be [axes, 2], not {paddings.type}"))
        flat = shape_of(apply("reshape", paddings, shape=(2 * paddings.shape[0],)), op, True)
        return list(zip(map(sized, flat[::2]), map(sized, flat[1::2])))
    rows = [p if isinstance(p, Node) else listed(op, "a padding", p) for p in listed(op, "paddings", paddings)]
    return [tuple(map(sized, shape_of(p, op, True))) for p in rows]


def _extended(x: Node, axis: int, low, high) -> Node:
    """The first element of an axis repeated ``low`` times before it, the last one ``high`` times after it."""
    n = x.shape[axis]
    before = [tile(part(x, axis, 0, 1), [low if k == axis else 1 for k in range(len(x.shape))])] if low else []
    last = part(x, axis, simplified(n - 1), n)
    after = [tile(last, [high if k == axis else 1 for k in range(len(x.shape))])] if high else []
    return concat([*before, x, *after], axis)


def _cut_axes(pairs) -> set[int]:
    """The axes, from the last on, that are mirrored by joining pieces: as long as not too many pieces come together."""
    cut, total = set(), 1
    for k in reversed(range(len(pairs))):
        total *= 1 + sum(v if type(v) is int and v <= FEW else 1 for v in pairs[k])
        if total > PIECES:
            break
        cut.add(k)
    return cut


def _mirrored(x: Node, axis: int, low, high, skip: int, in_pieces: bool) -> Node:
    n = x.shape[axis]
    if all(type(v) is int and v == 0 for v in (low, high)):
        return x
    if type(n) is int and all(type(v) is int for v in (low, high)) and max(low, high) > n - skip:
        what = f"pad: reflection of {max(low, high)} does not fit axis {axis} of {x.type}"
        raise ShapeError(explain(what, origins(x=x)))
    if not in_pieces:
        return _mirrored_by_place(x, axis, low, high, skip)
    before = _turned(x, axis, skip, simplified(low + skip), low)
    after = _turned(x, axis, simplified(n - high - skip), simplified(n - skip), high)
    return concat([*before, x, *after], axis)


def _mirrored_by_place(x: Node, axis: int, low, high, skip: int) -> Node:
    """Every place is read from where it comes from: its distance from the first element, then from the last one."""
    full = simplified(x.shape[axis] + low + high)
    n, before = (promote.broadcast_to(dim_node(v), (full,)) for v in (x.shape[axis], low))
    one = const(1, Type(dt.i64, (full,)))
    edge = const(skip, one.type)
    place = apply("sub", apply("iota", shape=(full,), axis=0, dtype=dt.i64), before)
    place = apply("max", place, apply("sub", apply("sub", edge, one), place))
    last = apply("sub", apply("sub", apply("add", n, n), one), edge)
    source = apply("min", place, apply("sub", last, place))
    order = (axis, *(k for k in range(len(x.shape)) if k != axis))
    moved = apply("gather", transpose(x, order), apply("reshape", source, shape=(full, 1)), batch=0)
    return transpose(moved, tuple(sorted(range(len(order)), key=order.__getitem__)))


def _turned(x: Node, axis: int, start, stop, count) -> list[Node]:
    """``count`` elements of an axis back to front; a few of them one by one, as code then reads whole vectors."""
    if type(count) is int and count <= FEW:
        return [part(x, axis, at, simplified(at + 1)) for at in (simplified(stop - 1 - k) for k in range(count))]
    return [apply("reverse", part(x, axis, start, stop), axes=(axis,))]


def reverse_sequence(input, seq_lengths, seq_axis=None, batch_axis=None) -> Node:  # noqa: A002
    """For each place of ``batch_axis``, the first elements along ``seq_axis`` back to front, the rest as they are.

    Args:
        seq_lengths: how many elements are turned round, one number for each place of ``batch_axis`` (default 0).

    Raises:
        UsageError: ``seq_axis`` is missing. ShapeError: axes out of range or equal, or lengths of another shape.
    """
    x, lengths = as_node(input), as_node(seq_lengths)
    if seq_axis is None:
        raise UsageError(explain("reverse_sequence: seq_axis is missing"))
    s = axis_of("reverse_sequence", seq_axis, x)
    b = axis_of("reverse_sequence", 0 if batch_axis is None else batch_axis, x)
    if s == b:
        raise ShapeError(explain(f"reverse_sequence: seq_axis and batch_axis are both {s}", origins(input=x)))
    if len(lengths.shape) != 1 or not lengths.dtype.is_integer:
        what = f"reverse_sequence: seq_lengths must be an integer vector, not {lengths.type}"
        raise ShapeError(explain(what, origins(seq_lengths=lengths)))
    lengths = ensure_shape(lengths, [x.shape[b]])
    order = (b, s, *(k for k in range(len(x.shape)) if k not in (b, s)))
    moved = transpose(x, order)
    grid = moved.shape[:2]
    at = apply("iota", shape=grid, axis=1, dtype=dt.i64)
    ends = apply("cast", lengths, dtype=dt.i64) if lengths.dtype is not dt.i64 else lengths
    ends = apply("broadcast", ends, shape=grid, axes=(0,))
    turned = apply("sub", apply("sub", ends, at), const(1, at.type))
    source = apply("select", apply("lt", at, ends), turned, at)
    out = apply("gather", moved, apply("reshape", source, shape=(*grid, 1)), batch=1)
    return transpose(out, tuple(sorted(range(len(order)), key=order.__getitem__)))
