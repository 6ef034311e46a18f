"""Sequences and optional values: lists whose length is known while tracing, and values that are there or not."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, FormatError
from graphc.ir.node import const
from graphc.lib import shape
from graphc.onnx.call import Call, element_of_value
from graphc.onnx.limits import MOST_ITEMS
from graphc.onnx.ops.axes import axis_in
from graphc.onnx.registry import operator
from graphc.onnx.signature import declared
from graphc.onnx.static import known_size
from graphc.onnx.values import (
    ELEMENTS,
    UNKNOWN,
    Optional,
    Sequence,
    describe,
    parts_of,
    with_parts,
)


def sequence_of(call: Call, k: int) -> Sequence:
    """Input ``k``, which must be a sequence."""
    found = call.value(k)
    if isinstance(found, Optional) and isinstance(found.value, Sequence):
        found = found.value
    if not isinstance(found, Sequence):
        raise DtypeError(f"{call.op}: input {k} must be a sequence, got {describe(found)}")
    return found


def _place(call: Call, k: int, count: int, default: int) -> int:
    """A position, which may count from the end, in a list of ``count`` places."""
    if not call.has(k):
        return default
    given = call.static(k)
    if given.size != 1 or given.dtype.kind not in "iu":
        raise call.wrong("a position must be one integer")
    place = int(given.reshape(()))
    if not -count <= place < count:
        raise call.wrong(f"position {place} is out of range for {count} places")
    return place % count


# ----------------------------------------------------------------------------------------------- sequences


@operator("SequenceConstruct")
def construct(call: Call):
    """A sequence of its inputs."""
    items = tuple([call.carried(k) for k in range(len(call))])
    if len({element_of_value(v) for v in items}) > 1:
        raise call.wrong("the items differ in type")
    return Sequence(items, element_of_value(items[0]) if items else None)


@operator("SequenceEmpty")
def empty(call: Call):
    """A sequence of nothing."""
    return Sequence((), call.element("dtype", ELEMENTS[1]))


@operator("SequenceAt")
def at(call: Call):
    """One item."""
    items = sequence_of(call, 0).items
    return items[_place(call, 1, len(items), 0)]


@operator("SequenceInsert")
def insert(call: Call):
    """A sequence with one item more: before a position, or at the end."""
    found, item = sequence_of(call, 0), call.carried(1)
    if found.items and element_of_value(found.items[0]) is not element_of_value(item):
        raise call.wrong("the item has another type than those of the sequence")
    count = len(found.items)
    if call.has(2) and int(call.static(2).reshape(-1)[0]) == count:
        place = count
    else:
        place = _place(call, 2, count, count)
    return Sequence((*found.items[:place], item, *found.items[place:]), element_of_value(item))


@operator("SequenceErase")
def erase(call: Call):
    """A sequence without one item, the last by default."""
    found = sequence_of(call, 0)
    if not found.items:
        raise call.wrong("there is no item in an empty sequence")
    place = _place(call, 1, len(found.items), len(found.items) - 1)
    return Sequence(found.items[:place] + found.items[place + 1 :], found.element)


@operator("SequenceLength")
def length(call: Call):
    """The number of items, as int64."""
    return const(np.int64(len(sequence_of(call, 0).items)))


@operator("ConcatFromSequence")
def concat_from(call: Call):
    """The items joined along an axis, or along a new one."""
    items = sequence_of(call, 0).items
    if not items:
        raise call.wrong("there are no items to join")
    nodes = [parts_of(v)[0] for v in items]
    is_new = call.int("new_axis", 0)
    if any(len(n.shape) != len(nodes[0].shape) for n in nodes):
        raise call.wrong("the items differ in the number of axes")
    axis = axis_in(call, call.int("axis"), len(nodes[0].shape) + is_new)
    return with_parts(items[0], iter([shape.stack(nodes, axis) if is_new else shape.concat(nodes, axis)]))


@operator("SplitToSequence", moves=True)
def split_to(call: Call):
    """Parts along an axis: of one element each, of a size (the last may be smaller), or of several sizes."""
    x = call[0]
    axis = axis_in(call, call.int("axis", 0), len(x.shape))
    if call.has(1) and call[1].shape:
        sizes = call.static_ints(1)
        return Sequence(tuple(shape.split(x, sizes, axis)), element_of_value(x))
    n = known_size(x.shape[axis], f"SplitToSequence: the size of axis {axis}")
    chunk = call.static_ints(1)[0] if call.has(1) else 1
    if chunk < 1:
        raise call.wrong(f"parts of {chunk} elements are not possible")
    if n > chunk * MOST_ITEMS:
        raise call.refuse(f"a sequence of {-(-n // chunk)} tensors; at most {MOST_ITEMS} are possible")
    parts = [shape.part(x, axis, k, min(k + chunk, n)) for k in range(0, n, chunk)]
    if not call.has(1) and not call.int("keepdims", 1):
        parts = [shape.squeeze(p, [axis]) for p in parts]
    return Sequence(tuple(parts), element_of_value(x))


@operator("SequenceMap")
def sequence_map(call: Call):
    """A graph for every item of a sequence (and of further ones), and with further tensors."""
    body, first = call.body("body"), sequence_of(call, 0)
    given = [call.value(k) for k in range(len(call))]
    if any(isinstance(v, Sequence) and len(v.items) != len(first.items) for v in given):
        raise call.wrong("the sequences differ in length")
    rows = []
    for k in range(len(first.items)):
        rows.append(body(*[v.items[k] if isinstance(v, Sequence) else v for v in given]))
        if any(v is UNKNOWN for v in rows[-1]):
            return [UNKNOWN] * len(call.outputs)
    if not rows:
        return [Sequence((), declared(o).element) for o in body.outputs]
    return [Sequence(tuple(column), element_of_value(column[0])) for column in zip(*rows)]


# --------------------------------------------------------------------------------------------- optional values


@operator("Optional")
def optional(call: Call):
    """A value that is there, or, without an input, one that is not."""
    if not call.has(0):
        if "type" not in call.attributes:
            raise FormatError("Optional: it has neither a value nor a type")
        return Optional(None)
    return Optional(call.value(0))


@operator("OptionalHasElement")
def has_element(call: Call):
    """Whether there is a value."""
    found = call.inputs[0] if len(call) else None
    return const(np.bool_(found is not None and not (isinstance(found, Optional) and found.value is None)))


@operator("OptionalGetElement")
def get_element(call: Call):
    """The value, which must be there."""
    found = call.value(0)
    if not isinstance(found, Optional):
        return found
    if found.value is None:
        raise call.wrong("there is no value")
    return found.value
