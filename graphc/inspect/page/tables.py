"""Graphs as columns of numbers, one entry for each value, with what they share in tables beside them."""

from __future__ import annotations

import json
import re

from graphc.errors import Location
from graphc.inspect.page.drawing import OPEN, Drawing, drawing, is_small
from graphc.inspect.sizes import Sizes
from graphc.inspect.work import family, flops
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.printer import Module, value_names
from graphc.ir.type import Type
from graphc.passes.nested import bodies

_NAME = re.compile(r'  %(?:([A-Za-z_][\w.]*)|("(?:[^"\\]|\\.)*")):')
_HEAD = re.compile(r'graph @(?:([A-Za-z_][\w.]*)|("(?:[^"\\]|\\.)*"))')


class Numbered:
    """Values that are written once, in the order in which they were met, and named by their numbers."""

    def __init__(self):
        self._numbers: dict = {}

    def __call__(self, value) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def __iter__(self):
        return iter(self._numbers)


class Tables:
    """The graphs of all stages as columns.

    Attributes:
        types, operations, scopes: text each. lines: (file, line) of the user's program.
        places: (label of the graph, name) -> number of the graph and of the value in the last stage that has it.
    """

    def __init__(self, sizes: Sizes):
        self._sizes = sizes
        self.types, self.operations, self.scopes, self.lines = Numbered(), Numbered(), Numbered(), Numbered()
        self.graphs: list[dict] = []
        self._flops: dict[Node, int] = {}  # the stages share most of their Nodes
        self._of_types: dict = {}  # type -> its text, its bytes
        self._inputs: dict[tuple[str, str], Location | None] = {}  # of the first stage: a pass that makes one anew gives it its own
        self.places: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, stage: str, graph: Graph, text: list[str]) -> None:
        """A Graph and those inside it, the outermost first.

        Args:
            text: the lines of the stage in the record, whose names it gets.
        """
        module = Module(None, False)
        module.add_graphs([graph])
        parts = dict(zip(reversed(module.labels), reversed(_sections(text))))
        labels = {inner: label for inner, (label, _) in parts.items()}
        for inner, (label, names) in parts.items():
            self.graphs.append(self._columns(stage, inner, label, names, labels, len(self.graphs)))

    def _columns(self, stage: str, graph: Graph, label: str, names: list[str], labels: dict, place: int) -> dict:
        nodes = list(dict.fromkeys((*graph.inputs, *graph.nodes)))
        inputs = set(graph.inputs)
        named = value_names(graph, ()) | dict(zip([n for n in nodes if n not in inputs], names))
        number = {n: k for k, n in enumerate(nodes)}
        if not self.graphs or self.graphs[0]["stage"] == stage:
            self._inputs.update({(label, named[x]): x.location for x in inputs})
        locations = [self._inputs.get((label, named[n])) if n in inputs else _location(n) for n in nodes]
        self.places.update({(label, named[n]): (place, k) for n, k in number.items()})
        types = [self._of_type(n.type)[0] for n in nodes]
        drawn = drawing(nodes, [(_label(n, named[n]), text) for n, text in zip(nodes, types)])
        return {
            "stage": stage,
            "label": label,
            "main": not self.graphs or self.graphs[-1]["stage"] != stage,
            "open": sum(row >= 0 for row in drawn.row) <= OPEN,
            "name": [named[n] for n in nodes],
            "shown": [_label(n, "") for n in nodes],
            "operation": [self.operations(n.op) for n in nodes],
            "type": [self.types(text) for text in types],
            "line": [-1 if at is None else self.lines((at.file, at.line)) for at in locations],
            "scope": [-1 if at is None or not at.scope else self.scopes(at.scope) for at in locations],
            "operands": [[number[x] for x in n.inputs] for n in nodes],
            "flops": [self._flops_of(n) for n in nodes],
            "bytes": [self._of_type(n.type)[1] for n in nodes],
            "value": {str(k): _number(n) for n, k in number.items() if n.op == "const" and is_small(n)},
            "bodies": {str(k): [labels[b] for b in bodies(n)] for n, k in number.items() if bodies(n)},
            "outputs": [[name, number[y]] for name, y in zip(graph.names, graph.outputs)],
            **_drawn(drawn),
        }

    def _flops_of(self, node: Node) -> int:
        if node not in self._flops:
            self._flops[node] = self._sizes.number(flops(node))
        return self._flops[node]

    def _of_type(self, type) -> tuple[str, int]:
        """The text of a type and its bytes; 0 for several results together, which are told one by one."""
        if type not in self._of_types:
            size = type.size * type.dtype.size if isinstance(type, Type) else 0
            self._of_types[type] = self._sizes.text(type), self._sizes.number(size)
        return self._of_types[type]


def operation_rows(operations: Numbered) -> list[list[str]]:
    """Each operation with its family; inputs, constants and what else has none are their own."""
    return [[op, family(op) or op] for op in operations]


def _location(node: Node) -> Location | None:
    """The user's line; that of a size is whatever met it first in this process, and tells nothing."""
    return None if node.op == "symbol" else node.location


def _drawn(drawn: Drawing) -> dict:
    return {
        "frames": [[f.name, f.parent, f.row, round(f.x), round(f.width)] for f in drawn.frames],
        "home": drawn.home,
        "row": drawn.row,
        "x": [round(x) for x in drawn.x],
        "width": [round(w) for w in drawn.width],
    }


def _number(node: Node) -> str:
    """What every element of a constant is, in as few digits as tell it."""
    return str(node.attr("value").array[()])


def _label(node: Node, name: str) -> str:
    detail = [v for k, v in node.attrs if k == "kind" and isinstance(v, str)]
    return " ".join([*([name] if name else []), *detail])


def _sections(text: list[str]) -> list[tuple[str, list[str]]]:
    """The label of each graph in the text of a stage, and the names of its values but for inputs, in order."""
    found: list[tuple[str, list[str]]] = []
    for line in text:
        if (name := _NAME.match(line)) is not None:
            found[-1][1].append(name[1] or json.loads(name[2]))
        elif (head := _HEAD.match(line)) is not None:
            found.append((head[1] or json.loads(head[2]), []))
    return found
