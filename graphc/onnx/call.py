"""One node of an ONNX graph as its handler sees it: operands, attributes, what is known of them while tracing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from graphc.errors import DtypeError, FormatError, ShapeError, UnimplementedError
from graphc.ir.node import Node
from graphc.lib.dims import DataDependent, as_dims, shape_of, sized
from graphc.onnx.static import static_value
from graphc.onnx.values import ELEMENTS, Element, Narrow, describe, element_of, node_of, uncarried

_KINDS = {1: "a float", 2: "an int", 3: "a string", 4: "a tensor", 5: "a graph", 6: "floats", 7: "ints", 8: "strings",
          9: "tensors", 10: "graphs", 11: "a sparse tensor", 12: "sparse tensors", 13: "a type", 14: "types"}  # fmt: skip
_MISSING = object()


class Scope(Protocol):
    """The graph or function that a node is in."""

    tracer: object

    def subgraph(self, graph) -> Callable:
        """A GraphProto inside a node, to be called with the values of its inputs."""


@dataclass(frozen=True, eq=False)
class Call:
    """A node with the values of its inputs.

    Attributes:
        op, domain: of the operator. name: of the node, maybe empty.
        version: of the operator's domain that the model (or function) imports.
        inputs: a value (see ``graphc.onnx.values``) for each input; None for one that is left out.
        outputs: names of the outputs; empty for one that is not wanted.
        attributes: AttributeProtos by name.
        frame: the graph or function that the node is in.
    """

    op: str
    domain: str
    name: str
    version: int
    inputs: tuple
    outputs: tuple[str, ...]
    attributes: dict
    frame: Scope

    # ------------------------------------------------------------------------------------------ operands

    def __len__(self) -> int:
        return len(self.inputs)

    def has(self, k: int) -> bool:
        """Whether input ``k`` is given."""
        return k < len(self.inputs) and self.inputs[k] is not None

    def value(self, k: int):
        """Input ``k``, of whatever kind.

        Raises:
            FormatError: it is missing.
        """
        if not self.has(k):
            raise FormatError(f"{self.op}: input {k} is missing ({len(self.inputs)} are given)")
        return self.inputs[k]

    def __getitem__(self, k: int) -> Node:
        """Input ``k``, which must be a tensor of an ordinary type.

        Raises:
            FormatError: it is missing. DtypeError: it is something else.
        """
        found = self.value(k)
        if not isinstance(found, Node):
            raise DtypeError(f"{self.op}: input {k} must be a tensor of an ordinary type, got {describe(found)}")
        return found

    def carried(self, k: int) -> Node | Narrow:
        """Input ``k``, which must be a tensor, of any element type.

        Raises:
            FormatError: it is missing. DtypeError: it is no tensor.
        """
        found = self.value(k)
        if not isinstance(found, (Node, Narrow)):
            raise DtypeError(f"{self.op}: input {k} must be a tensor, got {describe(found)}")
        return found

    def get(self, k: int) -> Node | None:
        """Input ``k`` as with ``[k]``, None where it is left out."""
        return self[k] if self.has(k) else None

    def tensors(self, first: int = 0) -> list[Node]:
        """All inputs from ``first`` on, which must be tensors."""
        return [self[k] for k in range(first, len(self.inputs))]

    def wants(self, k: int) -> bool:
        """Whether output ``k`` is used by anybody."""
        return k < len(self.outputs) and bool(self.outputs[k])

    # --------------------------------------------------------------------------------- values while tracing

    def static(self, k: int) -> np.ndarray:
        """The value of input ``k``, which must be known while tracing.

        Where it depends on inputs of the model, the model is traced again with their values as constants.

        Raises:
            UnimplementedError: it depends on what cannot be known before running.
        """
        found = self.value(k)
        if isinstance(found, Narrow):
            return uncarried(static_value(found.node, f"{self.op}: input {k}"), found.element)
        return static_value(self[k], f"{self.op}: input {k}")

    def known(self, k: int) -> np.ndarray | None:
        """The value of input ``k`` where it follows from constants, None elsewhere and where it is left out."""
        if not self.has(k):
            return None
        return static_value(node_of(self.carried(k)), None)

    def static_ints(self, k: int) -> list[int]:
        """``static`` of an integer vector or scalar, as a list."""
        return self._integers(k, self.static(k))

    def _integers(self, k: int, array: np.ndarray) -> list[int]:
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise DtypeError(f"{self.op}: input {k} must be a vector of integers, got {describe(self.inputs[k])}")
        return [int(v) for v in array.reshape(-1)]

    def sizes(self, k: int, signed: bool = False) -> list:
        """The elements of an integer vector as sizes: ints, and Nodes where they depend on sizes or data.

        Args:
            signed: leave numbers from data as they are: they may be negative and mean something special.

        Raises:
            UnimplementedError: how many there are depends on data.
        """
        x = self[k]
        try:
            return as_dims(x, self.op)
        except DataDependent:
            pass
        found = static_value(x, None)
        if found is not None:
            return self._integers(k, found)
        if not x.dtype.is_integer:
            raise DtypeError(f"{self.op}: input {k} must be integers, got {x.type}")
        if x.shape and type(x.shape[0]) is not int:
            return self.static_ints(k)
        return list(shape_of(x, self.op, open_sizes=True)) if signed else [sized(d) for d in shape_of(x, self.op, True)]

    # ----------------------------------------------------------------------------------------- attributes

    def _attribute(self, name: str, kind: int, default):
        """The AttributeProto of a name.

        Raises:
            FormatError: it is missing without a default, or of another kind.
        """
        found = self.attributes.get(name)
        if found is None:
            if default is _MISSING:
                raise FormatError(f"{self.op}: attribute {name!r} is missing")
            return default
        if found.type != kind:
            given = _KINDS.get(found.type, f"of unknown kind {found.type}")
            raise FormatError(f"{self.op}: attribute {name!r} must be {_KINDS[kind]}, it is {given}")
        return found

    def int(self, name: str, default=_MISSING) -> int:
        """An attribute that is an integer; ``default`` where it is left out."""
        found = self._attribute(name, 2, default)
        return found if found is default else found.i

    def float(self, name: str, default=_MISSING) -> float:
        """An attribute that is a float; ``default`` where it is left out."""
        found = self._attribute(name, 1, default)
        return found if found is default else found.f

    def text(self, name: str, default=_MISSING) -> str:
        """A string attribute.

        Raises:
            FormatError: it is not UTF-8, of another kind, or missing.
        """
        found = self._attribute(name, 3, default)
        return found if found is default else self._decoded(name, found.s)

    def _decoded(self, name: str, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise FormatError(f"{self.op}: attribute {name!r} is not UTF-8: {error}") from None

    def ints(self, name: str, default=_MISSING) -> list:
        """An attribute that is a list of integers; ``default`` where it is left out."""
        found = self._attribute(name, 7, default)
        return found if found is default else list(found.ints)

    def floats(self, name: str, default=_MISSING) -> list:
        """An attribute that is a list of floats; ``default`` where it is left out."""
        found = self._attribute(name, 6, default)
        return found if found is default else list(found.floats)

    def texts(self, name: str, default=_MISSING) -> list:
        """An attribute that is a list of strings; ``default`` where it is left out."""
        found = self._attribute(name, 8, default)
        return found if found is default else [self._decoded(name, s) for s in found.strings]

    def tensor(self, name: str, default=_MISSING) -> np.ndarray:
        """An attribute that is a tensor, as an array; ``default`` where it is left out."""
        found = self._attribute(name, 4, default)
        return found if found is default else self.frame.tracer.file.array(found.t)

    def choice(self, name: str, default: str, *others: str) -> str:
        """A string attribute that must be one of several.

        Raises:
            FormatError: it is another.
        """
        found = self.text(name, default)
        if found not in (default, *others):
            raise FormatError(f"{self.op}: attribute {name!r} is {found!r}, not one of {', '.join((default, *others))}")
        return found

    def element(self, name: str, default=_MISSING) -> Element:
        """An attribute that holds the number of an element type, as that type.

        Args:
            default: what stands for it where it is left out, or 0, which is no type.

        Raises:
            FormatError: it is no number of a type, or missing without a default.
        """
        number = self.int(name, default)
        if default is not _MISSING and (number is default or number == 0):
            return default
        if number not in ELEMENTS:
            raise FormatError(f"{self.op}: attribute {name!r} is {number}, which is no element type")
        return ELEMENTS[number]

    def body(self, name: str) -> Callable:
        """A graph attribute."""
        return self.frame.subgraph(self._attribute(name, 5, _MISSING).g)

    # -------------------------------------------------------------------------------------------- refusals

    def refuse(self, why: str) -> UnimplementedError:
        """The error for what the standard allows and graphc does not do; collected into one report. To be raised."""
        return UnimplementedError(f"{self.op}: {why}")

    def wrong(self, why: str) -> ShapeError:
        """The error for operands that do not fit. To be raised."""
        types = ", ".join(describe(x) for x in self.inputs)
        return ShapeError(f"{self.op}: {why} (inputs: {types})")


def element_of_value(x) -> Element:
    """The element type of a tensor."""
    return x.element if isinstance(x, Narrow) else element_of(x.dtype)
