"""A GraphProto as it is written: names, nodes that are there once, and initialisers of the model around."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import ChainMap

import numpy as np

from graphc.errors import Location
from graphc.formats import onnx_protos as protos
from graphc.formats.onnx_elements import element_of
from graphc.formats.onnx_write import tensor_proto

_ALONE = frozenset(
    {"If", "Loop", "Scan", "RandomUniform", "RandomUniformLike", "RandomNormal"}
)  # never taken for one that is there


class Writer:
    """Writes into one graph.

    Args:
        around: the Writer of the graph around, whose values may be used here.
        labels: names of constants, by their ``content``.

    Attributes:
        graph: the message. domains: of operators beside the standard's.
        arrays: the model's initialisers, whether they are used or not.
        unnamed: those that are constants of the program. derived: those that are a parameter in another
            layout, and which.
    """

    def __init__(self, name: str, around: Writer | None = None, labels: dict[tuple, str] | None = None):
        self.graph = protos.GraphProto(name=name)
        self.around = around
        root = around.root if around is not None else self
        self.root = root
        self._made = ChainMap({}, *(around._made.maps if around is not None else ()))
        if around is None:
            self.names: dict[str, int] = {}
            self.unnamed: set[str] = set()
            self.labels = labels or {}
            self.domains: set[str] = set()
            self.derived: dict[str, str] = {}
            self.arrays: dict[str, np.ndarray] = {}
            self._constants: dict[tuple, str] = {}
            self.location: Location | None = None

    # -------------------------------------------------------------------------------------------- names

    def fresh(self, wanted: str) -> str:
        """A name that nothing in the model has, near to the wanted one."""
        names = self.root.names
        if wanted not in names:
            names[wanted] = 0
            return wanted
        while True:
            names[wanted] += 1
            name = f"{wanted}_{names[wanted]}"
            if name not in names:
                names[name] = 0
                return name

    @contextlib.contextmanager
    def at(self, location: Location | None):
        """Nodes made inside are of this line."""
        root, before = self.root, self.root.location
        root.location = location or before
        try:
            yield
        finally:
            root.location = before

    def _scope(self, inputs) -> str:
        """Where a node belongs: the scope of a parameter among its inputs, or the user's line."""
        for name in inputs:
            if name in self.root.arrays and "/" in name:
                return name.rpartition("/")[0]
        location = self.root.location
        if location is None:
            return ""
        stem = re.sub(r"\W+", "_", location.file.rpartition("/")[2].removesuffix(".py")).strip("_")
        return f"{stem or 'line'}_{location.line}"

    # -------------------------------------------------------------------------------------------- nodes

    def node(self, kind: str, inputs, **attrs) -> str:
        """A node with one output, or the one like it that is there."""
        return self.nodes(kind, inputs, 1, **attrs)[0]

    def nodes(self, kind: str, inputs, outputs: int, domain: str = "", **attrs) -> list[str]:
        """A node; the names of its outputs."""
        inputs = tuple(inputs)
        key = None
        if kind not in _ALONE:
            key = (kind, domain, inputs, outputs, repr(sorted(attrs.items())))
            if key in self._made:
                return self._made[key]
        scope = self._scope(inputs)
        name = self.fresh(f"{scope}/{kind}" if scope else kind)
        names = [name] if outputs == 1 else [self.fresh(f"{name}:{k}") for k in range(outputs)]
        made = self.graph.node.add(op_type=kind, name=name, input=inputs, output=names)
        if domain:
            made.domain = domain
            self.root.domains.add(domain)
        location = self.root.location
        if location is not None:
            source = location.source
            made.doc_string = f"{location}: {source}" if source else str(location)
        for attribute, value in attrs.items():
            if value is not None:
                set_attribute(made.attribute.add(name=attribute), value)
        if key is not None:
            self._made[key] = names
        return names

    def alone(self, kind: str, inputs) -> str:
        """A node of its own, whatever there is."""
        name = self.fresh(kind)
        self.graph.node.add(op_type=kind, name=name, input=inputs, output=[name])
        return name

    # ------------------------------------------------------------------------------------- initialisers

    def const(self, array: np.ndarray, like: str | None = None) -> str:
        """An initialiser with this value, shared by all who want it; ``like``: what it was made of."""
        array = np.asarray(array)
        key, root = content(array), self.root
        if key not in root._constants:
            title = f"{like}_{_form(array)}" if like else root.labels.get(key) or _title(array)
            made = root._constants[key] = self.parameter(title, array)
            if (like is None and key not in root.labels) or like in root.unnamed:
                root.unnamed.add(made)
            elif like is not None:
                root.derived[made] = root.derived.get(like, like)
        return root._constants[key]

    def parameter(self, name: str, array: np.ndarray) -> str:
        """An initialiser of its own with this name; the name it got."""
        name = self.fresh(name)
        self.root.arrays[name] = array
        return name

    def constant(self, name: str) -> np.ndarray | None:
        """The value of an initialiser that nobody gave a name to; None for everything else."""
        return self.root.arrays[name] if name in self.root.unnamed else None

    def array(self, name: str) -> np.ndarray | None:
        """The value of an initialiser; None for everything else."""
        return self.root.arrays.get(name)


def set_attribute(attribute, value) -> None:
    """Give an AttributeProto a value: an int, float, text, array, graph, or a list of one of the first three."""
    kinds = protos.AttributeProto
    if isinstance(value, (bool, int, np.integer)):
        attribute.type, attribute.i = kinds.INT, int(value)
    elif isinstance(value, float):
        attribute.type, attribute.f = kinds.FLOAT, value
    elif isinstance(value, (str, bytes)):
        attribute.type, attribute.s = kinds.STRING, value.encode() if isinstance(value, str) else value
    elif isinstance(value, np.ndarray):
        attribute.type = kinds.TENSOR
        attribute.t.CopyFrom(tensor_proto(value))
    elif isinstance(value, (list, tuple)):
        if value and isinstance(value[0], (str, bytes)):
            attribute.type = kinds.STRINGS
            attribute.strings.extend([v.encode() if isinstance(v, str) else v for v in value])
        elif value and isinstance(value[0], float):
            attribute.type = kinds.FLOATS
            attribute.floats.extend(value)
        else:
            attribute.type = kinds.INTS
            attribute.ints.extend([int(v) for v in value])
    else:
        attribute.type = kinds.GRAPH
        attribute.g.CopyFrom(value)


def content(array: np.ndarray) -> tuple:
    """What equal arrays have in common."""
    data = repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).tobytes()
    return str(array.dtype), array.shape, data if len(data) <= 64 else hashlib.sha256(data).digest()


def _form(array: np.ndarray) -> str:
    return "x".join(map(str, array.shape)) or "scalar"


def _title(array: np.ndarray) -> str:
    """A name that says what a constant is: its type, and its value or its shape."""
    kind = element_of(array.dtype).name
    if array.ndim <= 1 and 0 < array.size <= 4 and array.dtype != object:
        shown = "_".join(f"{v:.6g}" if isinstance(v, float) else str(v) for v in array.reshape(-1).tolist())
        return f"{kind}_{shown}" if array.ndim == 0 else f"{kind}s_{shown}"
    return f"{kind}_{_form(array)}"
