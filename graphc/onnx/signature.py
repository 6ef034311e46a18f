"""What a model takes and answers with: declared inputs and outputs, and the symbols that stand for their sizes."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from graphc.errors import FormatError
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.onnx.values import ELEMENTS, Element

_NAME = re.compile(r"[A-Za-z_][\w.:/ ]*")


@dataclass(frozen=True)
class Declared:
    """An input or output of a model.

    Attributes:
        name: its name.
        kind: ``tensor``, ``sequence``, ``optional`` (of a tensor, unless ``inner`` says sequence), or ``maps``, a list of
            dictionaries, which only outputs are.
        element: type of the elements; None where the model does not say.
        shape: sizes: ints, names, or None for an unknown one; None for an unknown rank.
        inner: for an optional, what it holds: ``tensor`` or ``sequence``.
    """

    name: str
    kind: str
    element: Element | None
    shape: tuple | None
    inner: str = "tensor"

    @property
    def dtype(self) -> str:
        """The name of the element type, such as ``float32``."""
        return self.element.name if self.element is not None else "unknown"

    def __str__(self) -> str:
        sizes = "?" if self.shape is None else ", ".join("?" if d is None else str(d) for d in self.shape)
        text = f"{self.dtype}[{sizes}]"
        if self.kind == "maps":
            return f"{self.name}: sequence(map of {self.dtype})"
        for kind in (self.inner if self.kind == "optional" else "tensor", self.kind):
            text = text if kind == "tensor" else f"{kind}({text})"
        return f"{self.name}: {text}"


@dataclass(frozen=True)
class Signature:
    """All that a model takes and answers with.

    Attributes:
        inputs: those that must be given. overridable: those that have initialisers. outputs: in order.
    """

    inputs: tuple[Declared, ...]
    overridable: tuple[Declared, ...]
    outputs: tuple[Declared, ...]

    @functools.cached_property
    def by_name(self) -> dict[str, Declared]:
        """All that can be given."""
        return {item.name: item for item in (*self.inputs, *self.overridable)}


def signature_of(graph) -> Signature:
    """What a GraphProto declares.

    Raises:
        FormatError: see ``declared``.
    """
    defaults = {t.name for t in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    inputs = [declared(v) for v in graph.input]
    required = tuple(i for i in inputs if i.name not in defaults)
    overridable = tuple(i for i in inputs if i.name in defaults)
    return Signature(required, overridable, tuple(declared(v) for v in graph.output))


def declared(info) -> Declared:
    """A ValueInfoProto as data.

    Raises:
        FormatError: it is of a kind that no value has here (a map, an opaque type), or names no element type.
    """
    kind, inner, type = "tensor", "tensor", info.type
    which = type.WhichOneof("value")
    if which == "optional_type":
        kind, type = "optional", type.optional_type.elem_type
        which = type.WhichOneof("value")
    if which == "sequence_type":
        kind, inner = ("sequence", "tensor") if kind == "tensor" else (kind, "sequence")
        type = type.sequence_type.elem_type
        which = type.WhichOneof("value")
    if which is None:
        return Declared(info.name, kind, None, None, inner)
    if which == "map_type" and kind == "sequence":
        return Declared(info.name, "maps", ELEMENTS.get(type.map_type.value_type.tensor_type.elem_type), None)
    if which != "tensor_type":
        raise FormatError(f"{info.name}: values of kind {which.removesuffix('_type')} are not supported")
    tensor = type.tensor_type
    if tensor.elem_type not in ELEMENTS and tensor.elem_type:
        raise FormatError(f"{info.name}: {tensor.elem_type} is no element type")
    shape = tuple(_size(info.name, d) for d in tensor.shape.dim) if tensor.HasField("shape") else None
    return Declared(info.name, kind, ELEMENTS.get(tensor.elem_type), shape, inner)


def _size(name: str, dim):
    which = dim.WhichOneof("value")
    if which == "dim_value":
        if dim.dim_value >= 1 << 47:
            raise FormatError(f"{name}: a size of {dim.dim_value} is not possible")
        return dim.dim_value if dim.dim_value > 0 else None  # some exporters write 0 or -1 for an unknown size
    if which == "dim_param" and _NAME.fullmatch(dim.dim_param) and not dim.dim_param.startswith("unk__"):
        return dim.dim_param
    return None


def type_of(item: Declared, element: Element, shape: tuple) -> Type:
    """The Type of a tensor: names become symbols, the same one for the same name; unknown sizes symbols of their own."""
    names = symbols_of(item, shape)
    return Type(element.carrier, tuple([d if isinstance(d, int) else symbol(names[k]) for k, d in enumerate(shape)]))


def symbols_of(item: Declared, shape: tuple) -> dict[int, str]:
    """The names of the symbols that stand for sizes, by axis."""
    return {k: _identifier(f"{item.name}.{k}" if d is None else d) for k, d in enumerate(shape) if not isinstance(d, int)}


def _identifier(name: str) -> str:
    """A name that IR text may have."""
    found = re.sub(r"\W", "_", name, flags=re.ASCII)
    return found if found[:1].isalpha() else f"d_{found}"
