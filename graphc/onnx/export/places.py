"""Reading and writing at places given by data, and results whose size data tell, as ONNX's nodes."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, const_value
from graphc.ir.type import Type
from graphc.onnx.export.emitter import Emitter, Form, NoForm, Value, as_itself
from graphc.onnx.export.kinds import carrier
from graphc.onnx.export.ranges import interval
from graphc.prims.dims import as_node, zeros
from graphc.prims.leaf import iota
from graphc.prims.shape import (
    broadcast,
    concat,
    inverse,
    pad,
    reshape,
    slice_,
    transpose,
)
from graphc.prims.table import apply

_SCATTERS = {"set": ("none", 13), "add": ("add", 16), "mul": ("mul", 16), "max": ("max", 18), "min": ("min", 18)}


def _guarded(indices: Node) -> bool:
    """Whether a run has looked at the indices already, or refuses those out of range as ONNX does."""
    while indices.op in ("reshape", "cast", "broadcast", "transpose", "stop", "ensure"):
        indices = indices.inputs[0]
    if indices.op == "concat":
        return all(_guarded(x) for x in indices.inputs)
    return indices.op == "guard" and indices.attr("kind") == "index"


def _in_range(indices: Node, sizes: tuple) -> bool:
    """Whether indices are known to lie where there are elements."""
    if _guarded(indices):
        return True
    parts = _columns(indices, len(sizes))
    for part, n in zip(parts, sizes):
        low, high = interval(part)
        if low is None or low < 0:
            return False
        if not (type(n) is int and high is not None and high < n) and not _below(part, n):
            return False
    return True


def _columns(indices: Node, count: int) -> list[Node]:
    """The indices of each axis, where they were put together of parts."""
    last = len(indices.shape) - 1
    if indices.op == "concat" and indices.attr("axis") == last and all(x.shape[-1] == 1 for x in indices.inputs):
        return list(indices.inputs)
    return [indices] * count


def _below(indices: Node, n) -> bool:
    """Whether indices count the elements of an axis of ``n``, or are cut off there."""
    while indices.op in ("reshape", "cast", "broadcast", "transpose"):
        indices = indices.inputs[0]
    if indices.op == "iota":
        d = indices.shape[indices.attr("axis")]
        return d is n or d == n
    if indices.op == "min":
        return any(_is_last(x, n) for x in indices.inputs)
    if indices.op in ("max", "mod"):
        return any(_is_last(x, n) for x in indices.inputs) or any(
            x.op == "min" and _below(x, n) for x in indices.inputs
        )
    return False


def _is_last(x: Node, n) -> bool:
    while x.op in ("broadcast", "cast", "reshape"):
        x = x.inputs[0]
    value = const_value(x)
    if value is not None and type(n) is int:
        return value <= n - 1
    return isinstance(n, Node) and x is as_node(n - 1)


# ------------------------------------------------------------------------------------------------- gather


def plan_gather(e: Emitter, node: Node) -> Form:
    """``Gather`` or ``GatherND``; indices out of range, which these refuse, are looked at first: 0 stands there."""
    x, indices = node.inputs
    batch, depth = node.attr("batch"), indices.shape[-1]
    sizes = x.shape[batch : batch + depth]
    if depth == 0:
        places = indices.shape[batch:-1]
        axes = (*range(batch), *range(batch + len(places), len(node.shape)))
        return as_itself(broadcast(x, node.shape, axes))
    if not _in_range(indices, sizes):
        return _checked_gather(node, sizes)
    if depth == 1:
        line = _same_for_all(indices, batch)
        if line is not None:
            return Form((x, line), lambda e, _: _gather(e, node, x, line, batch))
    return Form(node.inputs, _gather_nd)


def _same_for_all(indices: Node, batch: int) -> Node | None:
    """The indices of one element of a batch, where all have the same."""
    if batch == 0:
        return reshape(indices, indices.shape[:-1])
    if indices.op == "reshape" and indices.shape[-1] == 1:
        inner = indices.inputs[0]
        if inner.op == "broadcast" and inner.shape == indices.shape[:-1]:
            indices, last = inner, len(inner.shape)
        else:
            return None
    else:
        last = len(indices.shape) - 1
    if indices.op != "broadcast" or any(a < batch for a in indices.attr("axes")):
        return None
    line, axes = indices.inputs[0], [a - batch for a in indices.attr("axes")]
    shape = indices.shape[batch:last]
    if last in indices.attr("axes"):
        line, axes = reshape(line, line.shape[:-1]), axes[:-1]
    return broadcast(line, shape, tuple(axes)) if line.type.rank == len(axes) else None


def _gather(e: Emitter, node: Node, x: Node, line: Node, axis: int) -> Value:
    value = e.found[x]
    if value.perm is not None and len(line.shape) == 1:
        stored = value.perm.index(axis)
        sizes = tuple([node.shape[p] for p in value.perm])
        return Value(e.op("Gather", [value.name, e.full(line)], axis=stored), sizes, value.perm)
    return Value(e.op("Gather", [e.full(x), e.full(line)], axis=axis), node.shape)


def _gather_nd(e: Emitter, node: Node) -> Value:
    x, indices = node.inputs
    places = e.cast(e.full(indices), indices.dtype, dt.i64)
    batch = {"batch_dims": node.attr("batch")} if node.attr("batch") else {}
    return Value(e.op("GatherND", [e.full(x), places], **batch), node.shape)


def _checked_gather(node: Node, sizes: tuple) -> Form:
    x, indices = node.inputs
    if any(type(n) is int and n == 0 for n in sizes):
        return as_itself(_blank(node.type))
    safe, valid = _limited(indices, sizes)
    if any(type(n) is not int for n in sizes):  # there may be no element to look up
        return as_itself(_from_wider(node, safe, valid, sizes))
    found = apply("gather", x, safe, batch=node.attr("batch"))
    wanted = broadcast(valid, node.shape, tuple(range(len(valid.shape))))
    return as_itself(apply("select", wanted, found, _blank(node.type)))


def _blank(type: Type) -> Node:
    """What stands where nothing is."""
    return const(b"" if type.dtype is dt.string else 0, type)


def _from_wider(node: Node, safe: Node, valid: Node, sizes: tuple) -> Node:
    """Looked up in a tensor that is one longer along each axis; what lies out of range is looked up at the end."""
    x, indices = node.inputs
    batch, rank, last = node.attr("batch"), len(node.inputs[0].shape), len(indices.shape) - 1
    more = [int(batch <= a < batch + len(sizes)) for a in range(rank)]
    wide = pad(x, _blank(Type(x.dtype, ())), [0] * rank, more)
    ends = [as_node(n) for n in sizes]
    ends = [apply("cast", v, dtype=indices.dtype) if indices.dtype is not dt.i64 else v for v in ends]
    end = concat(*[reshape(v, (1,)) for v in ends], axis=0)
    chosen = broadcast(valid, indices.shape, tuple(range(last)))
    places = apply("select", chosen, safe, broadcast(end, indices.shape, (last,)))
    limits = tuple([n + 1 for n in sizes])
    places = apply("guard", places, kind="index", limits=limits, what="gather", line="")
    return apply("gather", wide, places, batch=batch)


def _limited(indices: Node, sizes: tuple) -> tuple[Node, Node]:
    """Indices cut off at the limits, and whether they lay within, which is true of all axes of a place."""
    kind = Type(indices.dtype, indices.shape)
    tops = [as_node(n - 1) for n in sizes]
    if len(set(tops)) == 1:
        top = tops[0]
        top = apply("cast", top, dtype=kind.dtype) if kind.dtype is not dt.i64 else top
        most = const(const_value(top), kind) if const_value(top) is not None else broadcast(top, kind.shape, ())
    else:
        line = concat(*[reshape(t, (1,)) for t in tops], axis=0)
        line = apply("cast", line, dtype=kind.dtype) if kind.dtype is not dt.i64 else line
        most = broadcast(line, kind.shape, (len(kind.shape) - 1,))
    none = zeros(kind)
    valid = apply("and", apply("le", none, indices), apply("le", indices, most))
    valid = apply("reduce", valid, kind="all", axes=(len(kind.shape) - 1,)) if len(sizes) > 1 else \
        reshape(valid, valid.shape[:-1])  # fmt: skip
    inside = apply("max", apply("min", indices, most), none)
    return apply("guard", inside, kind="index", limits=tuple(sizes), what="gather", line=""), valid


# ------------------------------------------------------------------------------------------------ scatter


def plan_scatter(e: Emitter, node: Node) -> Form:
    """``ScatterND``; what lies out of range, which it refuses, goes to a row that is cut off afterwards."""
    x, indices, updates = node.inputs
    batch, depth, kind = node.attr("batch"), indices.shape[-1], node.attr("kind")
    reduction, since = _SCATTERS[kind]
    if e.opset < since:
        raise NoForm(f"scatter of kind {kind!r}, which opset {since} has")
    if depth == 0:
        raise NoForm("a scatter without indices")
    if batch:
        return as_itself(apply("scatter", x, _with_batch(indices, batch), updates, kind=kind, batch=0))
    sizes = x.shape[:depth]
    if not _in_range(indices, sizes):
        return as_itself(_with_spare(x, indices, updates, kind, sizes))
    return Form(node.inputs, lambda e, _: _scatter(e, node, reduction))


def _with_batch(indices: Node, batch: int) -> Node:
    """Indices with the places in the batch before them."""
    shape = (*indices.shape[:-1], 1)
    rows = [iota(shape, axis, indices.dtype) for axis in range(batch)]
    parts = [slice_(indices, [0] * len(shape[:-1]) + [k], [*shape[:-1], k + 1]) for k in range(indices.shape[-1])]
    return concat(*rows, *parts, axis=len(shape) - 1)


def _with_spare(x: Node, indices: Node, updates: Node, kind: str, sizes: tuple) -> Node:
    safe, valid = _limited(indices, sizes)
    rank, last = len(x.shape), len(indices.shape) - 1
    first = slice_(safe, [0] * (last + 1), [*indices.shape[:-1], 1])
    end = as_node(sizes[0])
    end = apply("cast", end, dtype=indices.dtype) if indices.dtype is not dt.i64 else end
    spare = const(const_value(end), first.type) if const_value(end) is not None else broadcast(end, first.shape, ())
    places = apply("select", reshape(valid, first.shape), first, spare)
    if len(sizes) > 1:
        rest = slice_(safe, [0] * last + [1], [*indices.shape[:-1], len(sizes)])
        places = concat(places, rest, axis=last)
    limits = (sizes[0] + 1, *sizes[1:])
    places = apply("guard", places, kind="index", limits=limits, what="scatter", line="")
    wide = pad(x, _blank(Type(x.dtype, ())), [0] * rank, [1] + [0] * (rank - 1))
    done = apply("scatter", wide, places, updates, kind=kind, batch=0)
    return slice_(done, [0] * rank, x.shape)


def _scatter(e: Emitter, node: Node, reduction: str) -> Value:
    x, indices, updates = node.inputs
    kind = node.dtype
    wide = kind if reduction == "none" else carrier("ScatterND", kind, e.opset)
    if reduction in ("max", "min") and kind.kind not in "iuf":
        raise NoForm(f"a scatter of {kind.name}")
    names = [
        e.cast(e.full(x), kind, wide),
        e.cast(e.full(indices), indices.dtype, dt.i64),
        e.cast(e.full(updates), kind, wide),
    ]
    made = e.op("ScatterND", names, **({"reduction": reduction} if reduction != "none" else {}))
    return Value(e.cast(made, wide, kind), node.shape)


def plan_unwindow(e: Emitter, node: Node) -> Form:
    """Along one axis after the other the elements of windows are added at their places."""
    x, axes = node.inputs[0], node.attr("axes")
    rank = len(node.shape)
    for k in reversed(range(len(axes))):
        x = _put_back(x, node, k, rank + k)
    return as_itself(x)


def _put_back(x: Node, node: Node, k: int, place: int) -> Node:
    axis, n = node.attr("axes")[k], node.shape[node.attr("axes")[k]]
    count, size = x.shape[axis], node.attr("size")[k]
    perm = (axis, place) + tuple([a for a in range(len(x.shape)) if a not in (axis, place)])
    moved = transpose(x, perm)
    rest = moved.shape[2:]
    stride, dilation = node.attr("stride")[k], node.attr("dilation")[k]
    rows, inner = iota((count, size), 0), iota((count, size), 1)
    places = rows * stride + inner * dilation
    places = apply("guard", reshape(places, (count, size, 1)), kind="index", limits=(n,), what="unwindow", line="")
    total = apply("scatter", zeros(Type(x.dtype, (n, *rest))), places, moved, kind="add", batch=0)
    left = (axis,) + tuple([a for a in range(len(x.shape)) if a not in (axis, place)])
    order = [a if a < place else a - 1 for a in left]
    return transpose(total, inverse(tuple(order)))


# ------------------------------------------------------------------------------------ sizes that data tell


def write_nonzero(e: Emitter, node: Node) -> Value:
    """``NonZero``, whose result has the axes first."""
    (mask,) = node.inputs
    if not mask.shape:
        name = e.op("NonZero", [e.op("Unsqueeze", [e.full(mask), e.ints(0)])])
        name = e.op("Slice", [e.op("Transpose", [name], perm=[1, 0]), e.ints(0), e.ints(0), e.ints(1)])
    else:
        name = e.op("Transpose", [e.op("NonZero", [e.full(mask)])], perm=[1, 0])
    e.told(node, name, node.shape)
    return Value(name, node.shape)


def write_unique(e: Emitter, source: Node, index: int) -> Value:
    """One result of ``Unique``: the slices, which of them each one is, or how often each occurs."""
    (x,) = source.inputs
    wide = dt.i64 if x.dtype.kind in "biu" else carrier("Unique", x.dtype, e.opset)
    axis = {"axis": source.attr("axis")} if len(x.shape) > 1 else {}
    names = e.ops("Unique", [e.cast(e.full(x), x.dtype, wide)], 4, sorted=0, **axis)
    types = source.type.items
    e.told(source, names[0], types[0].shape)
    name = names[(0, 2, 3)[index]]
    return Value(e.cast(name, wide, x.dtype) if index == 0 else name, types[index].shape)
