"""Operators that tell of shapes or give another one: reshapes, joins, cuts into parts, repetition."""

from __future__ import annotations

import numpy as np

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const, simplified
from graphc.lib import promote, shape
from graphc.lib.dims import dim_node, is_known, size, smaller
from graphc.lib.index import getitem
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import axes_in, axis_in, listed, picked, ramp
from graphc.onnx.registry import operator
from graphc.onnx.static import known_size
from graphc.onnx.values import Narrow, constant, node_of
from graphc.prims.table import apply

_ONE = {"value_float": np.float32, "value_int": np.int64}
_MANY = {"value_floats": np.float32, "value_ints": np.int64}


@operator("Constant")
def a_constant(call: Call):
    """The value in one of its attributes."""
    for name, kind in _ONE.items():
        if name in call.attributes:
            return const(kind(call.float(name) if kind is np.float32 else call.int(name)))
    for name, kind in _MANY.items():
        if name in call.attributes:
            return const(np.array(call.floats(name) if kind is np.float32 else call.ints(name), kind))
    if "value_string" in call.attributes:
        return constant(np.array(call.text("value_string").encode(), object))
    if "value_strings" in call.attributes:
        return constant(np.array([s.encode() for s in call.texts("value_strings")], object))
    if "sparse_value" in call.attributes:
        return constant(call.frame.tracer.file.array(call.attributes["sparse_value"].sparse_tensor))
    if "value" not in call.attributes:
        raise FormatError(f"Constant: none of its attributes is a value, only {', '.join(call.attributes) or 'nothing'}")
    return constant(call.tensor("value"))


@operator("Identity")
def identity(call: Call):
    """Its input, of whatever kind."""
    return call.value(0)


# ------------------------------------------------------------------------------------------------- shapes


@operator("Shape", moves=True)
def shape_of(call: Call):
    """The sizes of some axes, as int64."""
    found = shape.shape(call[0], dt.i64)
    rank = found.shape[0]
    first, last = (np.clip(v + rank if v < 0 else v, 0, rank) for v in (call.int("start", 0), call.int("end", rank)))
    return found if (first, last) == (0, rank) else getitem(found, slice(int(first), int(max(first, last))))


@operator("Size", moves=True)
def size_of(call: Call):
    """The number of elements, as int64."""
    return shape.size_of(call[0], dt.i64)


@operator("Reshape", moves=True)
def reshape(call: Call):
    """Other sizes: 0 keeps a size (unless ``allowzero``), -1 takes what is left."""
    x = call[0]
    wanted = call.ints("shape") if call.version < 5 else call.sizes(1, signed=True)
    if not call.int("allowzero", 0):
        wanted = [_kept(d, x.shape[k]) if k < len(x.shape) else d for k, d in enumerate(wanted)]
    return shape.reshape(x, wanted)


def _kept(d, n):
    """A wanted size, or that of the axis where it is 0."""
    if type(d) is int:
        return n if d == 0 else d
    if is_known(d):
        return d  # a size of another tensor: if that is 0, both have no elements
    number = dim_node(d)
    return apply("select", apply("eq", number, dim_node(0)), dim_node(n), number)


@operator("Flatten", moves=True)
def flatten(call: Call):
    """The axes before ``axis`` as one, and those from it on as another."""
    x, axis = call[0], call.int("axis", 1)
    rank = len(x.shape)
    if not -rank <= axis <= rank:
        raise call.wrong(f"axis {axis} is out of range for {rank} axes")
    axis += rank if axis < 0 else 0
    return apply("reshape", x, shape=(size(x.shape[:axis]), size(x.shape[axis:])))


@operator("Squeeze", moves=True)
def squeeze(call: Call):
    """Without axes of size 1: those named, or all."""
    x, axes = call[0], listed(call, "axes", 1, 13)
    if axes is not None:
        return shape.squeeze(x, axes_in(call, axes, len(x.shape))) if axes else x
    sizes = [known_size(d, f"Squeeze: the size of axis {k}, as no axes are named,") for k, d in enumerate(x.shape)]
    return shape.squeeze(shape.ensure_shape(x, sizes))


@operator("Unsqueeze", moves=True)
def unsqueeze(call: Call):
    """With new axes of size 1, whose numbers are those in the result."""
    x, axes = call[0], listed(call, "axes", 1, 13)
    if axes is None:
        raise FormatError("Unsqueeze: axes are missing")
    rank = len(x.shape) + len(axes)
    new, old = set(axes_in(call, axes, rank)), iter(x.shape)
    return apply("reshape", x, shape=tuple(1 if k in new else next(old) for k in range(rank))) if new else x


@operator("Transpose", moves=True)
def transpose(call: Call):
    """Axes in another order, turned round by default."""
    x = call[0]
    order = call.ints("perm", None)
    if order is not None and sorted(order) != list(range(len(x.shape))):
        raise call.wrong(f"perm {order} is no order of {len(x.shape)} axes")
    return shape.transpose(x, order)


# ------------------------------------------------------------------------------------------ joins and parts


@operator("Concat", moves=True)
def concat(call: Call):
    """Tensors joined along an axis."""
    xs = call.tensors()
    if not xs:
        raise FormatError("Concat: there are no inputs")
    for x in xs:
        if x.dtype is not xs[0].dtype or len(x.shape) != len(xs[0].shape):
            raise call.wrong("the inputs differ in type or number of axes")
    axis = axis_in(call, call.int("axis", 1) if call.version < 4 else call.int("axis"), len(xs[0].shape))
    return shape.concat(xs, axis)


@operator("Split", moves=True)
def split(call: Call):
    """Parts along an axis: of given sizes, or as many as there are outputs."""
    x = call[0]
    axis = axis_in(call, call.int("axis", 0), len(x.shape))
    count = len(call.outputs)
    sizes = call.ints("split", None) if call.version < 13 else call.sizes(1) if call.has(1) else None
    if sizes is None:
        return _even_parts(call, x, axis, count)
    if len(sizes) != count:
        raise call.wrong(f"{len(sizes)} sizes are given for {count} outputs")
    return shape.split(x, sizes, axis)


def _even_parts(call: Call, x: Node, axis: int, count: int) -> list[Node]:
    wanted = call.int("num_outputs", count)
    if wanted != count:
        raise call.wrong(f"num_outputs is {wanted}, but {count} outputs are named")
    n = x.shape[axis]
    if call.version < 18:
        if type(n) is int and n % count:
            raise call.wrong(f"{count} outputs do not share axis {axis} of size {n}")
        return shape.split(x, count, axis)
    chunk = simplified(-(-n // count) if type(n) is int else (n + (count - 1)) // count)
    cuts = [smaller(simplified(chunk * k), n) for k in range(count)] + [n]
    return [shape.part(x, axis, a, b) for a, b in zip(cuts, cuts[1:])]


# ----------------------------------------------------------------------------------------------- repetition


@operator("Expand", moves=True)
def expand(call: Call):
    """Repeated along axes of size 1, where the wanted size is another; a wanted size of 1 leaves an axis as it is."""
    x, wanted = call[0], call.sizes(1)
    rank = max(len(x.shape), len(wanted))
    have = [1] * (rank - len(x.shape)) + list(x.shape)
    wanted = [1] * (rank - len(wanted)) + list(wanted)
    if any(type(a) is type(b) is int and a != b and 1 not in (a, b) for a, b in zip(have, wanted)):
        raise call.wrong(f"it cannot have the shape {promote.shape_text(wanted)}")
    for k, (n, m) in enumerate(zip(have, wanted)):
        axis = k - rank + len(x.shape)
        if type(m) is int and m == 1:
            wanted[k] = n
        elif n is not m and n != m and not (type(n) is int and n == 1):  # only a run knows whether one of them is 1
            x, wanted[k] = _either(x, axis, n, m)
    return promote.broadcast_to(x, tuple(wanted))


def _either(x: Node, axis: int, n, m) -> tuple[Node, object]:
    """An axis of size ``n`` made one of size ``m``, where one of both may be 1; a run refuses other differences."""
    n_is_more, m_is_more = _is_more(n), _is_more(m)
    sure = simplified(n + n_is_more * m_is_more * (m - n))
    if sure is not n:
        x = apply("ensure", x, shape=(*x.shape[:axis], sure, *x.shape[axis + 1 :]))
    whole = simplified(n + (1 - n_is_more) * (m - n))
    places = apply("min", ramp((whole,), 0), promote.broadcast_to(dim_node(simplified(sure - 1)), (whole,)))
    return picked(x, places, axis), whole


def _is_more(n):
    """1 where a size is not 1, else 0."""
    if type(n) is int:
        return int(n != 1)
    return binary("min", binary("max", n - 1, 1 - n), 1)


@operator("Tile", moves=True)
def tile(call: Call):
    """Repeated whole along each axis."""
    x, counts = call[0], call.sizes(1)
    if len(counts) != len(x.shape):
        raise call.wrong(f"{len(counts)} repeats are given for {len(x.shape)} axes")
    return shape.tile(x, counts)


@operator("ConstantOfShape")
def constant_of_shape(call: Call):
    """One element in every place, float32 zeros by default."""
    value = constant(call.tensor("value")) if "value" in call.attributes else const(np.float32(0))
    node = node_of(value)
    if node.shape not in ((), (1,)):
        raise FormatError(f"ConstantOfShape: its value must be one element, it is {node.type}")
    filled = promote.broadcast_to(shape.reshape(node, ()), tuple(call.sizes(0)))
    return Narrow(filled, value.element) if isinstance(value, Narrow) else filled
