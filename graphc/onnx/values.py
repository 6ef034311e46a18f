"""What a name of an ONNX graph stands for while it is traced: Nodes, narrow numbers, sequences, optional values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graphc.formats import onnx_elements
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, const


@dataclass(frozen=True)
class Element:
    """An element type of ONNX.

    Attributes:
        number: of ``TensorProto.DataType``. name: as the standard writes it, such as ``float8e4m3fn``.
        numpy: the dtype of arrays that users give and get; ``object`` for strings.
        carrier: the dtype of the Nodes that hold it. A narrow type is carried as its bits (small floats, as u8) or as
            its value (4 and 2 bit integers, as i8 or u8).
        bits: width of one element; 0 for strings.
    """

    number: int
    name: str
    numpy: np.dtype
    carrier: DType
    bits: int

    @property
    def is_narrow(self) -> bool:
        """Whether Nodes hold it in another type."""
        return self.carrier.numpy != self.numpy

    @property
    def is_small_float(self) -> bool:
        """Whether it is a float of 8 bits or fewer, which Nodes hold as its bits."""
        return self.is_narrow and self.name.startswith("float")

    @property
    def is_signed(self) -> bool:
        """Whether it has negative numbers."""
        return not self.name.startswith("u")

    def __str__(self) -> str:
        return self.name


_NATIVE = {
    1: dt.f32, 2: dt.u8, 3: dt.i8, 4: dt.u16, 5: dt.i16, 6: dt.i32, 7: dt.i64, 8: dt.string, 9: dt.b1, 10: dt.f16,
    11: dt.f64, 12: dt.u32, 13: dt.u64, 14: dt.c64, 15: dt.c128, 16: dt.bf16,
}  # fmt: skip


def _element(number: int) -> Element:
    stored, native = onnx_elements.ELEMENTS[number], _NATIVE.get(number)
    if native is not None:
        return Element(number, native.name, stored.dtype, native, stored.bits)
    return Element(number, stored.name, stored.dtype, dt.i8 if stored.name.startswith("int") else dt.u8, stored.bits)


ELEMENTS = {number: _element(number) for number in onnx_elements.ELEMENTS}
_OF_CARRIER = {d: ELEMENTS[n] for n, d in _NATIVE.items()}
_OF_NUMPY = {e.numpy: e for e in ELEMENTS.values()}


def element_of(dtype) -> Element:
    """The element type of a DType or of a NumPy dtype; KeyError if ONNX has none."""
    return _OF_CARRIER[dtype] if isinstance(dtype, DType) else _OF_NUMPY[np.dtype(dtype)]


@dataclass(frozen=True)
class Narrow:
    """A tensor of a type that no register holds, as a Node of its carrier."""

    node: Node
    element: Element

    @property
    def shape(self) -> tuple:
        """The sizes, which are those of the Node."""
        return self.node.shape


@dataclass(frozen=True)
class Sequence:
    """A list of values whose number is known while tracing; ``element`` says of what type, where that is known."""

    items: tuple
    element: Element | None = None


@dataclass(frozen=True)
class Optional:
    """An optional value: ``value`` is None where there is none."""

    value: object
    element: Element | None = None


@dataclass(frozen=True)
class Maps:
    """A list of dictionaries, as classifiers answer with: one for each row of ``node``, with the same keys.

    It exists only where it leaves a model; no operator takes one.
    """

    node: Node
    keys: tuple


class Unknown:
    """The result of a node that cannot be traced, so that the nodes after it can be looked at all the same."""


UNKNOWN = Unknown()


def carried(array: np.ndarray, element: Element) -> np.ndarray:
    """An array of an element type as an array of its carrier."""
    if not element.is_narrow:
        return array
    if element.is_small_float:
        return array.view(np.uint8)
    return array.astype(element.carrier.numpy)


def uncarried(array: np.ndarray, element: Element) -> np.ndarray:
    """An array of a carrier as users get it."""
    if not element.is_narrow:
        return array
    return array.view(element.numpy) if element.is_small_float else array.astype(element.numpy)


def constant(array: np.ndarray) -> Node | Narrow:
    """A constant of any element type that NumPy and ml_dtypes have."""
    element = element_of(dt.string if array.dtype.kind in "OSU" else array.dtype)
    node = const(carried(array, element))
    return Narrow(node, element) if element.is_narrow else node


def typed(node: Node, element: Element) -> Node | Narrow:
    """A Node of a carrier as a value of the element type."""
    return Narrow(node, element) if element.is_narrow else node


def node_of(value: Node | Narrow) -> Node:
    """The Node of a tensor; of one of a narrow type that of its carrier."""
    return value.node if isinstance(value, Narrow) else value


def parts_of(value) -> list[Node]:
    """The Nodes that a value is made of."""
    found, stack = [], [value]
    while stack:
        match stack.pop():
            case Node() as node:
                found.append(node)
            case Narrow() as narrow:
                found.append(narrow.node)
            case Sequence() as sequence:
                stack.extend(reversed(sequence.items))
            case Optional() as optional:
                stack.append(optional.value)
    return found


def with_parts(value, nodes: Iterator[Node]):
    """A value like another one, made of other Nodes."""
    match value:
        case Node():
            return next(nodes)
        case Narrow():
            return Narrow(next(nodes), value.element)
        case Sequence():
            return Sequence(tuple([with_parts(v, nodes) for v in value.items]), value.element)
        case Optional():
            return Optional(with_parts(value.value, nodes), value.element)
    return value


def describe(value) -> str:
    """The type of a value, for messages: ``float32[n,3]``, ``sequence(2)``."""
    match value:
        case None:
            return "nothing"
        case Node():
            return str(value.type)
        case Narrow():
            return f"{value.element}[{','.join(map(str, value.shape))}]"
        case Sequence():
            return f"a sequence of {len(value.items)}"
        case Optional():
            return "an empty optional" if value.value is None else f"an optional {describe(value.value)}"
        case Maps():
            return f"a list of dictionaries of {len(value.keys)} keys"
    return "something unsupported"
