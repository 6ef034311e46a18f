"""How two models differ: inputs, weights, operations, outputs. Values are compared by what they are computed from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace

import numpy as np

from graphc.inspect.pairing import pairs
from graphc.inspect.show import columns
from graphc.ir.graph import Graph, substitute
from graphc.ir.node import Node
from graphc.ir.printer import Module, value_names
from graphc.ir.text import label_text
from graphc.options import Options
from graphc.passes.nested import bodies, graphs_in
from graphc.passes.specialise import with_symbols

_MOST = 40  # lines of one kind that are shown unless all are wanted


@dataclass
class Difference:
    """What two models have not in common; false if that is nothing.

    Attributes:
        same, changed, gone, new: how many operations and constants there are of each kind.
        settings: lines that tell how the models are compiled otherwise.
        frame: lines of inputs, requirements and outputs, with ``-`` and ``+`` in front.
        weights: (name, type, in how many elements they differ) of each constant that has other elements.
        lines: of operations, with ``-`` and ``+`` in front.
        counts: {operation: (how many in the first, in the second)} of those of which there are more or fewer.
    """

    same: int = 0
    changed: int = 0
    gone: int = 0
    new: int = 0
    settings: list[str] = field(default_factory=list)
    frame: list[str] = field(default_factory=list)
    weights: list[tuple[str, str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.new or self.settings or self.frame or self.weights)

    def text(self, every: bool = False, only_counts: bool = False) -> str:
        """The difference for people.

        Args:
            every: all lines, however many there are.
            only_counts: how many there are of each operation, instead of the lines of operations.
        """
        head = "1 value is the same" if self.same == 1 else f"{self.same} values are the same"
        if not self:
            return f"no difference: {head}"
        counted = [(op, str(x), str(y), f"{y - x:+d}") for op, (x, y) in self.counts.items()]
        parts = {
            "compiled": self.settings,
            "inputs and outputs": self.frame,
            "weights": columns(self.weights),
            "operations": columns(counted, right=(1, 2, 3)) if only_counts else self.lines,
        }
        text = [f"{head}, {len(self.weights)} have other elements, {self.changed} changed, {self.gone} gone, {self.new} new"]
        for title, lines in parts.items():
            left = 0 if every else len(lines) - _MOST
            shown = [*lines[:_MOST], f"  and {left} more lines; --all shows them"] if left > 0 else lines
            text += ["", title, *shown] if lines else []
        return "\n".join(text)


def compare(a: Graph, b: Graph) -> Difference:
    """How ``b`` differs from ``a``; names of graphs and of open sizes, and the lines of programs, do not count.

    Values of ``b`` have the names of those in ``a`` that they stand for, so that only what is different reads differently.
    Takes time linear in the number of values.
    """
    found, waiting, seen = Difference(), [("", a, b)], set()
    while waiting:
        where, x, y = waiting.pop(0)
        if (x, y) not in seen:
            seen.add((x, y))
            waiting += _Comparison(x, y, found, where).inner
    counts = [Counter(n.op for _, nodes in graphs_in(g) for n in nodes) for g in (a, b)]
    found.counts = {op: (counts[0][op], counts[1][op]) for op in sorted(counts[0] | counts[1]) if counts[0][op] != counts[1][op]}
    return found


def different_settings(a: Options, b: Options) -> list[str]:
    """What two models are compiled with that is not the same."""
    both = [(f.name, getattr(a, f.name), getattr(b, f.name)) for f in fields(Options)]
    return [f"  {name}: {_setting(x)} -> {_setting(y)}" for name, x, y in both if x != y]


def _setting(value) -> str:
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value) or "as it is"


class _Comparison:
    """Adds to a Difference what two graphs have not in common, but for graphs inside of them.

    Attributes:
        inner: (where it is, graph, graph) of graphs inside of both.
    """

    def __init__(self, a: Graph, b: Graph, found: Difference, where: str):
        self.inner: list[tuple[str, Graph, Graph]] = []
        self._found, self._where, self._module = found, where, Module(None, locations=False)
        own = [x.attr("name") for x in b.inputs]
        b = _renamed(a, b)
        partner = pairs(a, b, _input_pairs(a, b))
        self._names = value_names(a)
        self._other = _names(b, partner, self._names)
        self._label(partner)
        self._frame(_frame(a, [x.attr("name") for x in a.inputs], self._names, self._module),
                    _frame(b, own, self._other, self._module))  # fmt: skip
        lines: list[str] = []
        for x, y in _merged(a, b, partner):
            lines += self._pair(x, y)
        found.lines += [f"in {where}", *lines] if where and lines else lines

    def _label(self, partner: dict[Node, Node]) -> None:
        """Graphs inside of both that stand for each other print as one, as it is told elsewhere how they differ."""
        for y, x in partner.items():
            if x is not y and (x.attrs or y.attrs):
                for one, other in zip(bodies(x), bodies(y)):
                    name = self._module.labels.setdefault(one, one.name)
                    self._module.labels.setdefault(other, name)
                    if one != other:
                        self.inner.append((f"@{label_text(name)} of %{label_text(self._names[x])}", one, other))

    def _frame(self, a: list[str], b: list[str]) -> None:
        gone, new = [line for line in a if line not in set(b)], [line for line in b if line not in set(a)]
        place = f"   ({self._where})" if self._where else ""
        self._found.frame += [*(f"- {line}{place}" for line in gone), *(f"+ {line}{place}" for line in new)]
        if not gone and not new and a != b:
            self._found.frame.append(f"~ the same in another order: {', '.join(b)}{place}")

    def _pair(self, x: Node | None, y: Node | None) -> list[str]:
        """Counts a pair, or one Node without a partner; its lines if they are to be shown."""
        found = self._found
        if x is y:
            found.same += 1
            return []
        lines = [*(("- " + self._line(x, self._names),) if x is not None else ()),
                 *(("+ " + self._line(y, self._other),) if y is not None else ())]  # fmt: skip
        if x is None or y is None:
            found.gone, found.new = found.gone + (y is None), found.new + (x is None)
            return lines
        if lines[0][2:] == lines[1][2:]:
            found.same += 1
            return []
        if x.op == "const" and x.type == y.type:
            found.weights.append((f"%{label_text(self._names[x])}", str(x.type), _elements(x, y)))
            return []
        found.changed += 1
        return [line + ("" if n.location is None else f"  # {n.location}") for line, n in zip(lines, (x, y))]

    def _line(self, node: Node, names: dict[Node, str]) -> str:
        inside = ["%" + label_text(names[x]) for x in node.inputs] + self._module.attributes(node)
        return f"%{label_text(names[node])}: {node.type} = {node.op}({', '.join(inside)})"


def _input_pairs(a: Graph, b: Graph) -> dict[Node, Node]:
    """Which inputs stand for each other: of one name, else in order those of one element type and rank."""
    by_name = {x.attr("name"): x for x in a.inputs}
    found = {y: by_name[y.attr("name")] for y in b.inputs if y.attr("name") in by_name}
    taken = set(found.values())
    left = [x for x in a.inputs if x not in taken]
    for y, x in zip([y for y in b.inputs if y not in found], left):
        if (x.dtype, x.type.rank) == (y.dtype, y.type.rank):
            found[y] = x
    return found


def _renamed(a: Graph, b: Graph) -> Graph:
    """``b`` with the open sizes and the inputs of ``a`` in the places of those that stand for them."""
    sizes: dict[Node, Node] = {}
    for y, x in _input_pairs(a, b).items():
        for mine, other in zip(y.shape, x.shape):
            if all(isinstance(d, Node) and d.op == "symbol" for d in (mine, other)):
                sizes.setdefault(mine, other)
    kept = set(b.symbols) - sizes.keys()
    if any(s is not v for s, v in sizes.items()) and len({*sizes.values(), *kept}) == len(sizes) + len(kept):
        b = replace(with_symbols(b, sizes), requires=b.requires)
    same = {y: x for y, x in _input_pairs(a, b).items() if x.type == y.type and x is not y}
    if not same:
        return b
    return replace(b.with_roots(substitute(b.roots, same)), inputs=tuple([same.get(y, y) for y in b.inputs]))


def _names(b: Graph, partner: dict[Node, Node], known: dict[Node, str]) -> dict[Node, str]:
    """Names of the values of ``b``: those of their partners, and others that no value of ``a`` has."""
    taken, found = set(known.values()), {}
    for node, name in value_names(b).items():
        if node in partner:
            found[node] = known[partner[node]]
            continue
        number, stem = 0, name
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        found[node] = name
    return found


def _frame(graph: Graph, own: list[str], names: dict[Node, str], module: Module) -> list[str]:
    """What a caller sees of a graph; ``own``: the names of its inputs."""
    over = {out: f", written over {own[into]}" for out, into in graph.donated}
    lines = [f"input {name}: {x.type}" for name, x in zip(own, graph.inputs)]
    lines += [module.requirement("require", r).strip() for r in graph.requires]
    outputs = enumerate(zip(graph.names, graph.outputs))
    return [*lines, *(f"output {name} = %{label_text(names[y])}: {y.type}{over.get(k, '')}" for k, (name, y) in outputs)]


def _merged(a: Graph, b: Graph, partner: dict[Node, Node]) -> Iterator[tuple[Node | None, Node | None]]:
    """Pairs in the order of ``b``; what is gone comes before what is new in its place."""
    before = [n for n in a.nodes if n.op != "input"]
    place, paired, at = {n: k for k, n in enumerate(before)}, set(partner.values()), 0
    new: list[Node] = []
    for y in b.nodes:
        if y.op == "input":
            continue
        if (x := partner.get(y)) is None:
            new.append(y)
        else:
            yield from ((n, None) for n in before[at : place[x]] if n not in paired)
            yield from ((None, n) for n in new)
            yield x, y
            at, new = max(at, place[x]), []
    yield from ((n, None) for n in before[at:] if n not in paired)
    yield from ((None, n) for n in new)


def _elements(x: Node, y: Node) -> str:
    """How many elements of two constants of one type differ, and by how much at the most."""
    a, b = (np.broadcast_to(n.attr("value").array, n.shape) for n in (x, y))
    if a.dtype == object:
        return f"{int(np.sum(a != b))} of {a.size} elements differ"
    differ = (a != b) & ~((a != a) & (b != b))
    count = int(np.sum(differ))
    if not count:
        return "signs of zeros or bits of NaN differ"
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        far = np.abs(a[differ].astype(wide) - b[differ].astype(wide))
    far = far[far == far]
    return f"{count} of {a.size} elements differ" + (f", by {far.max():.4g} at the most" if far.size else "")
