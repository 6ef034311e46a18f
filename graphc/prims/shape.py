"""Movement of elements: every row says, for one element of its result, where that element comes from."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, compare, const, simplified
from graphc.ir.type import Type
from graphc.prims.dims import as_node, axes_of, axis_of, dim, dims, integer, integers, never_negative, size_of, zeros
from graphc.prims.table import Piece, Prim, apply, declare


def _nodes(index) -> tuple:
    return tuple([as_node(i) for i in index])


def _always(index, input: int = 0) -> tuple:
    return (Piece(None, input, _nodes(index)),)


def _inside(guard, i, low, high):
    """``guard and low <= i < high``; bounds that are None are not tested."""
    tests = [] if low is None else [compare("le", as_node(low), i)]
    tests += [] if high is None else [compare("lt", i, as_node(high))]
    for test in tests:
        guard = test if guard is None else apply("and", guard, test)
    return guard


# ---------------------------------------------------------------------------------------------- reshape


def _reshape_type(x: Type, shape: tuple) -> Type:
    if size_of(x.shape) != size_of(shape):
        target = Type(x.dtype, shape)
        raise ShapeError(f"reshape: {x} has {size_of(x.shape)} elements, {target} has {size_of(shape)}")
    return x.with_shape(shape)


def axis_groups(old: tuple, new: tuple) -> list[tuple[tuple, tuple]]:
    """Pairs of axes ``(of old, of new)`` with equal products, as small as can be; axes of size 1 stand in none."""
    left = [a for a, d in enumerate(old) if d != 1]
    right = [a for a, d in enumerate(new) if d != 1]
    groups, p, q = [], 0, 0
    while p < len(left) or q < len(right):
        a, b = _shortest([old[k] for k in left[p:]], [new[k] for k in right[q:]])
        groups.append((tuple(left[p : p + a]), tuple(right[q : q + b])))
        p, q = p + a, q + b
    return groups


def _shortest(old: list, new: list) -> tuple[int, int]:
    """Lengths of the shortest runs at the front with equal products; everything where there are none."""
    products = {}
    for count in range(1, len(new) + 1):
        products.setdefault(size_of(new[:count]), count)
    for count in range(1, len(old) + 1):
        match = products.get(size_of(old[:count]))
        if match is not None and (count == len(old)) == (match == len(new)):
            return count, match
    return len(old), len(new)


def _ravel(index, sizes):
    flat = 0
    for i, d in zip(index, sizes):
        flat = flat * d + i
    return flat


def _unravel(flat, sizes) -> list:
    """Coordinates of a flat index; the outermost needs no remainder."""
    index = []
    for d in reversed(sizes[1:]):
        index.append(binary("mod", flat, d) if isinstance(flat, Node) else flat % d if isinstance(d, int) else flat)
        flat = flat // d if isinstance(flat, Node) else flat // d if isinstance(d, int) else 0
    return [flat] + index[::-1]


def _reshape_index(i, out, x, shape):
    index = [0] * x.rank
    for left, right in axis_groups(x.shape, shape):
        if not left or not right:  # possible only where there are no elements at all
            continue
        flat = _ravel([i[k] for k in right], [shape[k] for k in right])
        for k, value in zip(left, _unravel(flat, [x.shape[k] for k in left])):
            index[k] = value
    return _always(index)


declare(Prim("reshape", _reshape_type, lambda x, shape: np.reshape(x, shape),
             lambda g, out, x, shape: (reshape(g, x.shape),), index=_reshape_index))  # fmt: skip


def reshape(x: Node, shape) -> Node:
    """The elements of ``x`` in row-major order under another shape with the same product."""
    shape = dims(shape)
    return x if shape == x.shape else apply("reshape", x, shape=shape)


# ------------------------------------------------------------------------------------ broadcast, transpose


def _broadcast_type(x: Type, shape: tuple, axes: tuple) -> Type:
    target = Type(x.dtype, shape)
    if len(axes) != x.rank:
        raise ShapeError(f"broadcast: {len(axes)} axes for {x}")
    if any(a >= b for a, b in zip(axes, axes[1:])):
        raise ShapeError(f"broadcast: axes {axes} do not increase")
    axes_of(axes, len(shape), "broadcast")
    for k, a in enumerate(axes):
        if x.shape[k] != shape[a]:
            raise ShapeError(f"broadcast: axis {k} of {x} does not fit axis {a} of {target}")
    return target


def _broadcast_array(x, shape, axes):
    lifted = np.reshape(x, [shape[a] if a in axes else 1 for a in range(len(shape))])
    return np.broadcast_to(lifted, shape).copy()


def _broadcast_vjp(g, out, x, shape, axes):
    others = tuple([a for a in range(len(shape)) if a not in axes])
    return (apply("reduce", g, kind="sum", axes=others) if others else g,)


declare(Prim("broadcast", _broadcast_type, _broadcast_array, _broadcast_vjp,
             index=lambda i, out, x, shape, axes: _always([i[a] for a in axes])))  # fmt: skip


def broadcast(x: Node, shape, axes=()) -> Node:
    """``x`` repeated along new axes; ``axes[k]`` is the axis of the result where axis k of ``x`` went."""
    shape, axes = dims(shape), integers(axes, "broadcast: axes")
    if shape == x.shape and axes == tuple(range(x.type.rank)):
        return x
    return apply("broadcast", x, shape=shape, axes=axes)


def _transpose_type(x: Type, perm: tuple) -> Type:
    if sorted(perm) != list(range(x.rank)):
        raise ShapeError(f"transpose: {perm} is no permutation of the axes of {x}")
    return x.with_shape([x.shape[p] for p in perm])


def inverse(perm: tuple) -> tuple:
    """The permutation that undoes ``perm``."""
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


declare(Prim("transpose", _transpose_type, lambda x, perm: np.ascontiguousarray(np.transpose(x, perm)).reshape(
                 [x.shape[p] for p in perm]),
             lambda g, out, x, perm: (transpose(g, inverse(perm)),),
             index=lambda i, out, x, perm: _always([i[k] for k in inverse(perm)])))  # fmt: skip


def transpose(x: Node, perm) -> Node:
    """Axis k of the result is axis ``perm[k]`` of ``x``."""
    perm = integers(perm, "transpose: perm")
    return x if perm == tuple(range(x.type.rank)) else apply("transpose", x, perm=perm)


# ----------------------------------------------------------------------------------- slice, pad, reverse


def _slice_type(x: Type, start: tuple, stop: tuple, step: tuple) -> Type:
    if not len(start) == len(stop) == len(step) == x.rank:
        raise ShapeError(f"slice: {len(start)} starts, {len(stop)} stops and {len(step)} steps for {x}")
    shape = []
    for k, (n, a, b, s) in enumerate(zip(x.shape, start, stop, step)):
        if s < 1:
            raise ShapeError(f"slice: step {s} of axis {k} is below 1")
        message = f"slice: {a}:{b} does not lie within axis {k} of {x}"
        for room in (a, b - a, n - b):
            never_negative(room, message)
        shape.append(simplified(b - a if s == 1 else (b - a + (s - 1)) // s))
    return x.with_shape(shape)


def _slice_array(x, start, stop, step):
    return x[tuple(slice(a, b, s) for a, b, s in zip(start, stop, step))].copy()


def _dilate_axis(g: Node, axis: int, step: int) -> Node:
    """``step - 1`` zeros after every element of an axis."""
    shape = g.shape
    wide = reshape(g, shape[: axis + 1] + (1,) + shape[axis + 1 :])
    high = [0] * len(wide.shape)
    high[axis + 1] = step - 1
    wide = pad(wide, zeros(Type(g.dtype, ())), [0] * len(high), high)
    return reshape(wide, shape[:axis] + (shape[axis] * step,) + shape[axis + 1 :])


def _slice_vjp(g, out, x, start, stop, step):
    for axis, s in enumerate(step):
        if s > 1:
            g = _dilate_axis(g, axis, s)
    high = [n - b for n, b in zip(x.shape, stop)]  # after dilation the part may be longer than stop-start: cut again
    g = pad(g, zeros(Type(g.dtype, ())), start, high)
    return (slice_(g, [0] * len(start), x.shape),)


declare(Prim("slice", _slice_type, _slice_array, _slice_vjp,
             index=lambda i, out, x, start, stop, step: _always(
                 [a + k * s for k, a, s in zip(i, start, step)])))  # fmt: skip


def slice_(x: Node, start, stop, step=None) -> Node:
    """Every ``step``-th element from ``start`` up to ``stop`` of each axis; 0 <= start <= stop <= size, step >= 1."""
    start, stop = dims(start, "slice: start"), dims(stop, "slice: stop")
    step = (1,) * len(start) if step is None else integers(step, "slice: step")
    if stop == x.shape and not any(a != 0 for a in start) and not any(s != 1 for s in step):
        return x
    return apply("slice", x, start=start, stop=stop, step=step)


def _pad_type(x: Type, value: Type, low: tuple, high: tuple) -> Type:
    if value.dtype is not x.dtype or value.rank:
        raise DtypeError(f"pad: the value is {value} instead of {x.dtype.short}[]")
    if not len(low) == len(high) == x.rank:
        raise ShapeError(f"pad: {len(low)} low and {len(high)} high amounts for {x}")
    for k, amount in enumerate(low + high):
        never_negative(amount, f"pad: negative amount {amount} for axis {k % x.rank if x.rank else 0} of {x}")
    return x.with_shape([simplified(a + n + b) for n, a, b in zip(x.shape, low, high)])


def _pad_array(x, value, low, high):
    if min((*low, *high), default=0) < 0:
        raise ShapeError(f"pad: negative amount in {low} before and {high} after the axes of shape {list(x.shape)}")
    out = np.full([a + n + b for n, a, b in zip(x.shape, low, high)], value, dtype=x.dtype)
    out[tuple(slice(a, a + n) for n, a in zip(x.shape, low))] = x
    return out


def _pad_vjp(g, out, x, value, low, high):
    gx = slice_(g, low, [a + n for a, n in zip(low, x.shape)])
    inner = const(False, Type(dt.b1, x.shape))
    border = apply("pad", inner, const(True, Type(dt.b1, ())), low=low, high=high)
    outside = apply("select", border, g, zeros(g.type))
    return gx, apply("reduce", outside, kind="sum", axes=tuple(range(g.type.rank)))


def _pad_index(i, out, x, value, low, high):
    guard = None
    for k, n, a, b in zip(i, x.shape, low, high):
        guard = _inside(guard, k, None if a == 0 else a, None if b == 0 else a + n)
    inner = _nodes([k - a for k, a in zip(i, low)])
    return (Piece(guard, 0, inner),) if guard is None else (Piece(guard, 0, inner), Piece(None, 1, ()))


declare(Prim("pad", _pad_type, _pad_array, _pad_vjp, index=_pad_index))


def pad(x: Node, value: Node, low, high) -> Node:
    """``x`` with ``low`` elements of the rank-0 ``value`` before and ``high`` after, per axis; amounts >= 0."""
    low, high = dims(low, "pad: low"), dims(high, "pad: high")
    return x if not any(a != 0 for a in low + high) else apply("pad", x, value, low=low, high=high)


def _reverse_type(x: Type, axes: tuple) -> Type:
    axes_of(axes, x.rank, "reverse")
    return x


declare(Prim("reverse", _reverse_type, lambda x, axes: np.flip(x, axes).copy(),
             lambda g, out, x, axes: (reverse(g, axes),),
             index=lambda i, out, x, axes: _always(
                 [x.shape[a] - 1 - k if a in axes else k for a, k in enumerate(i)])))  # fmt: skip


def reverse(x: Node, axes) -> Node:
    """``x`` read backwards along ``axes``."""
    axes = integers(axes, "reverse: axes")
    return apply("reverse", x, axes=axes) if axes else x


# ----------------------------------------------------------------------------------------------- concat


def _concat_type(*xs: Type, axis: int) -> Type:
    if not xs:
        raise ShapeError("concat: no operands")
    first = xs[0]
    axis_of(axis, first.rank, "concat")
    total = 0
    for x in xs:
        if x.dtype is not first.dtype:
            raise DtypeError(f"concat: operands differ in dtype, {first} and {x}")
        if x.rank != first.rank or x.shape[:axis] + x.shape[axis + 1 :] != first.shape[:axis] + first.shape[axis + 1 :]:
            raise ShapeError(f"concat: {first} and {x} differ outside axis {axis}")
        total = total + x.shape[axis]
    return first.with_shape(first.shape[:axis] + (simplified(total),) + first.shape[axis + 1 :])


def _offsets(sizes) -> list:
    offsets = [0]
    for n in sizes:
        offsets.append(simplified(offsets[-1] + n))
    return offsets


def _concat_vjp(g, out, *xs, axis):
    offsets = _offsets([x.shape[axis] for x in xs])
    parts = []
    for x, a, b in zip(xs, offsets, offsets[1:]):
        start, stop = [0] * g.type.rank, list(g.shape)
        start[axis], stop[axis] = a, b
        parts.append(slice_(g, start, stop))
    return tuple(parts)


def _concat_index(i, out, *xs, axis):
    offsets = _offsets([x.shape[axis] for x in xs])
    pieces = []
    for k, (a, b) in enumerate(zip(offsets, offsets[1:])):  # both bounds: an operand is read nowhere but inside of it
        guard = _inside(None, i[axis], a if k else None, b if k < len(xs) - 1 else None)
        pieces.append(Piece(guard, k, _nodes(i[:axis] + (i[axis] - a,) + i[axis + 1 :])))
    return tuple(pieces)


declare(Prim("concat", _concat_type, lambda *xs, axis: np.concatenate(xs, axis), _concat_vjp, index=_concat_index))


WIDE = 12  # parts from which on a concatenation is an array of its own, not computed where it is read


def concat(*xs: Node, axis: int = 0) -> Node:
    """The operands one after another along ``axis``."""
    return xs[0] if len(xs) == 1 else apply("concat", *xs, axis=integer(axis, "concat: axis"))


# ------------------------------------------------------------------------------- ensure, stop, transfer


def _ensure_type(x: Type, shape: tuple) -> Type:
    if len(shape) != x.rank:
        raise ShapeError(f"ensure: {x} has not the rank of {Type(x.dtype, shape)}")
    for a, b in zip(x.shape, shape):
        if type(a) is int and type(b) is int and a != b:
            raise ShapeError(f"ensure: {x} is not {Type(x.dtype, shape)}")
    return x.with_shape(shape)


def _ensure_array(x, shape):
    if tuple(x.shape) != tuple(shape):
        raise ShapeError(f"ensure: the shape is {tuple(x.shape)} instead of {tuple(shape)}")
    return x


declare(Prim("ensure", _ensure_type, _ensure_array, lambda g, out, x, shape: (ensure(g, x.shape),),
             index=lambda i, out, x, shape: _always(i)))  # fmt: skip
declare(Prim("stop", lambda x: x, lambda x: x, lambda g, out, x: (None,), index=lambda i, out, x: _always(i)))

declare(Prim("transfer", lambda x, source, device: x, lambda x, source, device: x,
             lambda g, out, x, source, device: (transfer(g, device, source),),
             index=lambda i, out, x, source, device: _always(i)))  # fmt: skip


def ensure(x: Node, shape) -> Node:
    """``x`` under dimensions that the caller knows to be equal; checked when a run is entered."""
    shape = tuple([dim(d, "ensure: shape") for d in shape])
    return x if shape == x.shape else apply("ensure", x, shape=shape)


def stop(x: Node) -> Node:
    """``x`` itself, through which no gradient flows."""
    return apply("stop", x)


def transfer(x: Node, source: str, device: str) -> Node:
    """``x``, made on one device, for users on another: names such as ``cuda:0``, empty for the device of the program.

    It says where what makes and what uses ``x`` runs; ``passes.parts`` reads it. Anywhere else it is ``x`` itself.
    """
    return x if source == device else apply("transfer", x, source=source, device=device)
