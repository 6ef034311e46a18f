"""What eager evaluation records: values, and which operation on which others makes each of them."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence

import numpy as np

from graphc.errors import Location, located
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node, needed, substitute
from graphc.ir.node import Node, const, make
from graphc.ir.order import toposort
from graphc.ir.sizes import any_sizes, made_by
from graphc.ir.type import Type
from graphc.prims.guard import at_line, line_text
from graphc.prims.table import apply
from graphc.runtime.resident import Resident

_numbers = itertools.count(1)
_leaf_numbers = itertools.count()
_KINDS_KEPT = 1 << 16
GRADIENT = "gradient"  # the label of derivatives
NUMBERS = frozenset({bool, int, float, complex})  # what may be an operand as it is


class Kind:
    """The type of an array as a key that is compared by identity."""

    __slots__ = ("type",)

    def __init__(self, type: Type):
        self.type = type


_kinds: dict[tuple, Kind] = {}


def kind_of(array: np.ndarray | Resident) -> Kind:
    """The Kind of an array."""
    found = _kinds.get((array.dtype, array.shape))
    if found is None:
        found = _kind(array.dtype, Type(dt.as_dtype(array.dtype), array.shape))
    return found


def kind_of_type(type: Type) -> Kind:
    """The Kind of what has this type; its sizes are ints."""
    return _kinds.get((type.dtype.numpy, type.shape)) or _kind(np.dtype(type.dtype.numpy), type)


def _kind(dtype: np.dtype, type: Type) -> Kind:
    if len(_kinds) >= _KINDS_KEPT:
        _kinds.clear()
    return _kinds.setdefault((dtype, type.shape), Kind(type))


class Entry:
    """One result of an operation on operands of certain types.

    Attributes:
        number: what stands for it in keys; never used again.
        inputs: an input Node for each operand.
        result: what it computes from these.
        label: what messages call the operation.
        has_numbers: whether an operand is a number instead of a value.
        is_scalar: whether it is one floating number.
        is_open: whether there are sizes in it that only a run knows.
        kind: of the result; None where it has such a size.
    """

    __slots__ = ("number", "inputs", "result", "label", "has_numbers", "is_scalar", "is_open", "kind")

    def __init__(self, inputs: tuple[Node, ...], result: Node, label: str, has_numbers: bool = False):
        self.number, self.inputs, self.result, self.label = next(_numbers), inputs, result, label
        self.has_numbers = has_numbers
        type = result.type
        self.kind = kind_of_type(type) if type.is_static else None
        self.is_open = self.kind is None or any_sizes() and any(made_by(n) for n in needed((result,)))
        self.is_scalar = not type.shape and type.dtype.is_inexact


class Value:
    """One value: an array, or an operation that was recorded and not carried out yet.

    Attributes:
        entry: the operation; None for what was given.
        operands: its operands, Values and numbers; None once they are not needed any more.
        array: the value on the host, or None.
        held: the value on a device, or None.
        line: file and line of the program that made it, or a Location, or None.
        depth: how many operations follow each other up to here that were not carried out.
        taped: how many tapes took it down.
    """

    __slots__ = ("entry", "operands", "array", "held", "line", "depth", "taped", "_kind", "_node", "__weakref__")

    def __init__(self, entry: Entry | None, operands: tuple | None, array: np.ndarray | None, line=None, depth=0):
        self.entry, self.operands, self.array, self.line, self.depth = entry, operands, array, line, depth
        self.taped, self.held = 0, None
        self._kind = self._node = None

    @property
    def kind(self) -> Kind:
        """Type of the value."""
        found = self._kind
        if found is None:
            array = self.held or self.array
            found = self._kind = self.entry.kind if array is None else kind_of(array)
        return found

    @property
    def is_there(self) -> bool:
        """Whether nothing must be computed: the value is on the host or on a device."""
        return self.array is not None or self.held is not None

    def settle(self, array: np.ndarray | Resident) -> None:
        """Take ``array`` for the value and forget how it is computed."""
        if type(array) is Resident:
            self.held = array
        else:
            array = array.view()
            array.flags.writeable = False
            self.array = array  # before the operands go: another thread looks at them in the other order
        self.operands = self._node = None
        self.depth = 0

    def fetch(self) -> np.ndarray | None:
        """The value on the host, of one that is there; None of others."""
        if self.array is None and self.held is not None:
            self.array = self.held.array()
        return self.array

    def keep(self) -> None:
        """Hold a copy of the array, as its memory is about to be written to."""
        array = self.array.copy()
        array.flags.writeable = False
        self.array = array
        if self._node is not None and self._node in _LEAVES:
            _LEAVES[self._node] = array

    @property
    def node(self) -> Node:
        """The value as a Node: recorded operations, down to input Nodes that stand for arrays."""
        if self._node is None:
            self._node = self._made_of()
        return self._node

    def _made_of(self) -> Node:
        if self.is_there:
            return leaf(self.fetch())
        stack = [self]
        while stack:
            value = stack[-1]
            if value._node is None and value.is_there:
                value._node = leaf(value.fetch())
            operands = value.operands or ()
            waiting = [o for o in operands if type(o) is Value and o._node is None] if value._node is None else ()
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if value._node is None:
                entry = value.entry
                nodes = [o._node if type(o) is Value else number(o, x) for o, x in zip(operands, entry.inputs)]
                value._node = inlined(entry, nodes, value.line)
        return self._node


def location_of(line) -> Location | None:
    """The line of a Value as a Location."""
    return Location(*line) if type(line) is tuple else line


def number(value, like: Node) -> Node:
    """A number as a constant of the type of an input."""
    return const(np.asarray(value, like.dtype.numpy), Type(like.dtype, ()))


def inlined(entry: Entry, nodes: Sequence[Node], line=None, mark: str | None = None) -> Node:
    """What an Entry computes from these Nodes; made at ``line``, which is what guards name.

    Args:
        mark: what guards name instead.
    """
    memo = {}
    for x, node in zip(entry.inputs, nodes):
        if node.type != x.type:
            node = apply("ensure", node, shape=x.type.shape)
        memo[x] = node
    if entry.is_open:  # guards keep the line that recorded the operation first
        return substitute([entry.result], memo)[0]
    location = location_of(line)
    told = None if entry.label == GRADIENT else mark or line_text(location)  # a gradient's are those of what it is of

    def renamed(node: Node, inputs: tuple) -> Node | None:
        return at_line(node, inputs, told) if node.op == "guard" and told else None

    with located(location):
        for node in toposort((entry.result,), memo):
            inputs = tuple([memo[x] for x in node.inputs])
            found = renamed(node, inputs)
            if found is None:
                found = node if inputs == node.inputs else make(node.op, inputs, node.attrs, node.type, location)
            memo[node] = found
    return memo[entry.result]


# ------------------------------------------------------------------------------------------------ leaves

_LEAVES: "weakref.WeakKeyDictionary[Node, np.ndarray]" = weakref.WeakKeyDictionary()


def leaf(array: np.ndarray) -> Node:
    """A new input Node that stands for an array."""
    node = input_node(f"value{next(_leaf_numbers)}", Type(dt.as_dtype(array.dtype), array.shape))
    _LEAVES[node] = array
    return node


def value_of_leaf(leaf: Node) -> np.ndarray:
    """The array that an input Node of eager evaluation stands for."""
    return _LEAVES[leaf]


def given(array: np.ndarray, line=None) -> Value:
    """An array that nobody writes to as a Value."""
    return Value(None, None, array, line)


def of_array(array: np.ndarray | Resident) -> Value:
    """An array that nobody writes to, on the host or on a device, as a Value."""
    if type(array) is not Resident:
        return Value(None, None, array)
    value = Value(None, None, None)
    value.held = array
    return value


def value_of_node(node: Node, line=None) -> Value:
    """A Node of eager evaluation as a Value."""
    if node.op == "input":
        value = given(value_of_leaf(node), line)
        value._node = node
        return value
    inputs = tuple([x for x in needed([node]) if x.op == "input"])
    return Value(Entry(inputs, node, "tensor"), tuple([value_of_node(x) for x in inputs]), None, line, 1)


_same: dict[Kind, Entry] = {}


def alias(value: Value) -> Value:
    """Another Value that will have the same array."""
    if value.held is not None:
        again = Value(value.entry, None, value.array, value.line)
        again.held = value.held
        return again
    if value.array is not None:
        return given(value.array, value.line)
    entry = _same.get(value.kind)
    if entry is None:
        if len(_same) >= _KINDS_KEPT:
            _same.clear()
        x = input_node("operand0", value.kind.type)
        entry = _same[value.kind] = Entry((x,), x, value.entry.label)
    return Value(entry, (value,), None, value.line, value.depth)
