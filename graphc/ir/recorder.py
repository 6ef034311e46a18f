"""Writes the record of a compilation: for each pass the lines of the graph's text that it made different, then what lowering decided.

A Node whose operand was replaced is another Node, and so is all that follows. In the record it keeps its name, and a line
is written for a name only where the line reads differently: what follows a replaced operand does not show. ``ir.record``
reads it back.
"""

from __future__ import annotations

import functools
import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from graphc.ir.node import Node
from graphc.ir.notes import Fusion, Notes
from graphc.ir.printer import Module, value_names
from graphc.ir.program import Program
from graphc.ir.record import FORMAT, LOWERED, NESTED, TRACED
from graphc.ir.text import label_text

_LEVEL = 5  # of compression: level 6 takes half as long again for 2 % less


@dataclass
class _Known:
    """One graph as it was after the last pass: the names of its Nodes, and what their lines say.

    Attributes:
        lines: Node -> (name, op, type, attributes, labels of graphs in them, names of operands).
        frame: what the text has around the operations.
    """

    graph: object = None
    names: dict[Node, str] = field(default_factory=dict)
    lines: dict[Node, tuple] = field(default_factory=dict)
    frame: dict = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)  # names that were ever given
    counts: dict[str, int] = field(default_factory=dict)


class Recorder:
    """Notes one pass after the other; costs time for what a pass changed, and the order of the nodes it left."""

    def __init__(self):
        self._module = _Writer()
        self._known: dict[str, _Known] = {}  # by label
        self._labels: dict = {}  # of the graphs there are now
        self._used_labels: set[str] = set()
        self._found: dict = {}  # Graph -> its Nodes in order, the graphs in them
        self._attributes: dict[int, tuple] = {}  # by the id of a Node's: they, their text, and the graphs in them
        self._types: dict[str, int] = {}
        self._comments: dict[str, int] = {}
        self._rules: dict[str, int] = {}
        self._stages: list[dict] = []
        self._lowering: dict = {}
        self._times: list[float] = []
        self._runs: dict[str, int] = {}
        self._graph = None
        self._replaced: Mapping = {}
        self._last = time.perf_counter()

    @property
    def times(self) -> tuple[float, ...]:
        """Milliseconds of each pass. They are no part of the record, so that a model compiled twice has one record."""
        return tuple(self._times)

    def note(self, name: str, before, after, replaced: Mapping = MappingProxyType({})) -> None:
        """What one pass made of a Graph. A second run of ``simplify`` is called ``simplify.2``.

        Args:
            replaced: Nodes that rules replaced: what stands in their place, and the name of the rule (see ``rewrite.driver``).
        """
        self._times.append(round((time.perf_counter() - self._last) * 1e3, 3))
        if self._graph is None:
            self._note(TRACED, before)
        run = self._runs[name] = self._runs.get(name, 0) + 1
        self._replaced = replaced
        self._note(name if run == 1 else f"{name}.{run}", after)
        self._last = time.perf_counter()

    def note_lowering(self, notes: Notes, program: Program) -> None:
        """What lowering made of the graph after the last pass; for another target, in place of what was noted before."""
        self._replaced = {}
        if self._stages[-1]["name"] != LOWERED:
            self._note(LOWERED, notes.graph)
        names = {g: self._known[label].names for g, label in self._labels.items()}
        there = {b.name for b in program.buffers}
        memory, separate = ({p: why for p, why in found.items() if there.issuperset(p)} for found in (notes.memory, notes.separate))
        holds = sorted((name, held) for name, held in notes.holds.items() if name in there)
        reasons = _Reasons()
        self._lowering = {
            "graphs": {self._labels[g]: reasons.of_graph(fusion, names[g]) for g, fusion in notes.fusions.items()},
            "launches": [[x.kernel, self._labels[x.graph], *[names[x.graph][n] for n in x.nodes]] for x in notes.launches],
            "holds": [[name, self._labels[g], names[g][n]] for name, (g, n) in holds],
            "memory": reasons.of_pairs(memory),
            "separate": reasons.of_pairs(separate),
            **({"schedules": reasons.of_names(notes.schedules)} if notes.schedules else {}),
            "reasons": list(reasons.numbers),
        }

    def encoded(self) -> bytes:
        """The record as the content of a section."""
        content = {
            "format": FORMAT,
            "stages": self._stages,
            "types": list(self._types),
            "comments": list(self._comments),
            "rules": list(self._rules),
            **({"lowering": self._lowering} if self._lowering else {}),
        }
        return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), _LEVEL)

    def _note(self, name: str, graph) -> None:
        changes: dict[str, dict] = {}
        stage = {"name": name}
        if graph is not self._graph:
            present = self._present(graph)
            last, self._graph = self._labels.get(self._graph), graph
            self._labels = {g: label for g, label in self._labels.items() if g in present}
            if graph not in self._labels:
                self._settle(graph, last, changes)
            stage["main"] = self._labels[graph]
            self._known = {label: self._known[label] for label in self._labels.values()}
            self._found = {g: found for g, found in self._found.items() if g in present}
        if changes:
            stage["graphs"] = changes
        self._stages.append(stage)

    def _present(self, graph) -> set:
        """A Graph and all inside it."""
        present, stack = set(), [graph]
        while stack:
            one = stack.pop()
            if one in present:
                continue
            present.add(one)
            if one not in self._found:
                nodes = one.nodes
                self._found[one] = nodes, self._inside(nodes)
            stack += self._found[one][1]
        return present

    def _inside(self, nodes: list[Node]) -> list:
        """The graphs in attributes."""
        found = {}
        for node in nodes:
            if node.attrs and node.op != "const":
                found.update(dict.fromkeys(self.attributes(node)[1]))
        return list(found)

    def attributes(self, node: Node) -> tuple[str, list]:
        """The text of a Node's attributes, with marks in the place of graphs; and these, in their order."""
        attrs = node.attrs
        _, text, nested = self._attributes.get(id(attrs), (None, None, None))
        if text is None:
            module = self._module
            text, nested = ", ".join(module.attributes(node)), module.nested
            module.nested = []
            if node.op != "const":  # whose text depends on its type
                self._attributes[id(attrs)] = attrs, text, nested  # holding them, no others have their number
        return text, nested

    def _settle(self, graph, last: str | None, changes: dict) -> None:
        """Give a Graph a label, that of the one it stands in the place of if it can be had, and note what is different."""
        if last is None or last in self._labels.values():
            label, number = graph.name, 0
            while label in self._used_labels:
                number += 1
                label = f"{graph.name}_{number}"
            self._used_labels.add(label)
            self._known[label] = _Known()
        else:
            label = last
        self._labels[graph] = label
        known = self._known[label]
        inputs = value_names(graph, ())
        if known.graph is not None and _clash(known, graph, inputs):
            known = self._known[label] = _Known()
        change = _Change(self, known, graph, inputs, changes)
        nodes = change.nodes()
        frame = self._frame(graph, label, known.names)
        different = {key: value for key, value in frame.items() if known.frame.get(key) != value}
        if nodes or different:
            rules = change.rules()
            changes[label] = {**different, **({"nodes": nodes} if nodes else {}), **({"rules": rules} if rules else {})}
        known.graph, known.frame = graph, frame

    def _frame(self, graph, label: str, names: dict[Node, str]) -> dict:
        shown = {x: "%" + label_text(names[x]) for x in (*graph.inputs, *graph.roots)}
        head, tail = self._module.head(graph, label, shown), self._module.tail(graph, shown)
        inputs, roots = [names[x] for x in graph.inputs], [names[x] for x in graph.roots]
        return {"head": head, "inputs": inputs, "tail": tail, "roots": roots, "names": list(graph.names)}


class _Change:
    """What one pass did to one graph: which of its new Nodes carry on the names of Nodes that are gone."""

    def __init__(self, recorder: Recorder, known: _Known, graph, inputs: dict[Node, str], changes: dict):
        self._recorder, self._known, self._graph, self._changes = recorder, known, graph, changes
        self._order = recorder._found[graph][0]
        here = {*self._order, *inputs}
        self._gone = {n: line for n, line in known.lines.items() if n not in here}
        known.names = {n: name for n, name in known.names.items() if n in here}
        known.names.update(inputs)
        known.taken.update(inputs.values())
        self._new = [n for n in self._order if n not in known.names]
        self._inside: dict[Node, list] = {}  # the graphs in attributes, in their order
        self._parts = {n: self._described(n) for n in self._new}

    def _described(self, node: Node) -> tuple[str, str, str]:
        text, nested = self._recorder.attributes(node)
        if nested:
            self._inside[node] = nested
        return node.op, self._recorder._module.type_text(node.type), text

    def nodes(self) -> list[list]:
        """The lines that are new or read differently; all names are known then."""
        known, found = self._known, []
        if self._gone:
            self._match_equal()
        partners = self._match_places() if self._gone else {}
        taken = set(partners.values())
        for node in self._new:
            if node in known.names:
                continue
            old = partners.get(node) or (self._resembling(node, taken) if self._gone else None)
            taken.add(old)
            known.names[node] = self._gone[old][0] if old is not None else self._unused(node)
            labels = self._nested(node, old)
            line = known.lines[node] = (known.names[node], *self._parts[node], labels, self._operands(node))
            if old is None or line != self._gone[old]:
                found.append(self._written(node, line))
        for node in self._gone:
            del known.lines[node]
        return found

    def rules(self) -> list[list]:
        """For each name that a rule replaced, what stands in its place, and the numbers of the rules that led there."""
        found, numbers = [], self._recorder._rules
        for node, (last, rules) in self._instead.items():
            if rules and last in self._known.names:
                used = [numbers.setdefault(rule, len(numbers)) for rule in dict.fromkeys(rules)]
                found.append([self._gone[node][0], self._known.names[last], *used])
        return found

    @functools.cached_property
    def _instead(self) -> dict[Node, tuple[Node, list[str]]]:
        """What rewriting put in the places of Nodes that are gone, and the rules that led there."""
        found, replaced = {}, self._recorder._replaced
        for node in self._gone if replaced else ():
            rules, last = [], node
            for _ in replaced:  # more steps there cannot be
                if last not in replaced:
                    break
                last, rule = replaced[last]
                rules += [rule] if rule else []
            found[node] = last, rules
        return found

    def _match_equal(self) -> None:
        """Names of gone Nodes for new ones whose line is the same."""
        known = self._known
        same = {line[1:]: node for node, line in self._gone.items()}
        for node in self._new:
            labels = tuple([self._recorder._labels.get(g) for g in self._inside.get(node, ())])
            operands = self._operands(node)
            if None in operands or None in labels:
                continue
            old = same.pop((*self._parts[node], labels, operands), None)
            if old is not None:
                known.lines[node] = self._gone.pop(old)
                known.names[node] = known.lines[node][0]
                del known.lines[old]

    def _match_places(self) -> dict[Node, Node]:
        """New Node -> the gone one whose place it has: rewriting put it there, or both are reached from the outputs by the same operands."""
        before, after = self._known.graph, self._graph
        partners, taken, seen = {}, set(), set()
        for old, (new, _) in self._instead.items():
            if new in self._parts and new not in self._known.names and new not in partners and _alike(self._parts[new], self._gone[old]):
                partners[new] = old
                taken.add(old)
        stack = [*zip(before.measures, after.measures), *zip(before.outputs, after.outputs)]
        while stack:
            old, new = pair = stack.pop()
            if pair in seen or new in self._known.names or old not in self._gone:
                continue
            seen.add(pair)
            if new not in partners and old not in taken and _alike(self._parts[new], self._gone[old]):
                partners[new] = old
                taken.add(old)
            if len(old.inputs) == len(new.inputs):
                stack += zip(old.inputs, new.inputs)
        return partners

    @functools.cached_property
    def _left(self) -> dict[tuple, list[Node]]:
        """By what they did, and each name of an operand with its position: the Nodes that are gone, the first of them last."""
        left: dict[tuple, list[Node]] = {}
        for node, line in reversed(self._gone.items()):
            for place in enumerate(line[5]):
                left.setdefault((line[1:4], place), []).append(node)
        return left

    def _resembling(self, node: Node, taken: set) -> Node | None:
        """A gone Node that did the same with one operand of the same name in the same position."""
        for place in enumerate(self._operands(node)):
            candidates = self._left.get((self._parts[node], place), [])
            while candidates:
                if (old := candidates.pop()) not in taken:
                    return old
        return None

    def _operands(self, node: Node) -> tuple:
        return tuple([self._known.names.get(x) for x in node.inputs])

    def _nested(self, node: Node, old: Node | None) -> tuple[str, ...]:
        """The labels of the graphs in a Node; those in the gone one are carried on."""
        graphs = self._inside.get(node, ())
        if not graphs:
            return ()
        before = self._gone[old][4] if old is not None else ()
        before = before if len(before) == len(graphs) else (None,) * len(graphs)
        for graph, last in zip(graphs, before):
            if graph not in self._recorder._labels:
                self._recorder._settle(graph, last if last in self._recorder._known else None, self._changes)
        return tuple([self._recorder._labels[g] for g in graphs])

    def _unused(self, node: Node) -> str:
        known = self._known
        stem = node.op + "_" if node.op[-1].isdigit() else node.op  # as ``value_names`` does
        number = known.counts.get(stem, 0)
        while (name := f"{stem}{number}") in known.taken:
            number += 1
        known.counts[stem] = number + 1
        known.taken.add(name)
        return name

    def _written(self, node: Node, line: tuple) -> list:
        recorder = self._recorder
        name, op, type, attributes, labels, operands = line
        comment = recorder._module.comment(node.location)
        types, comments = recorder._types, recorder._comments
        numbers = types.setdefault(type, len(types)), comments.setdefault(comment, len(comments))
        return [name, op, *numbers, attributes, list(labels), *operands]


class _Reasons:
    """Decisions of lowering as lists of names, sorted so that one graph has one record; each begins with the number of its reason."""

    def __init__(self):
        self.numbers: dict[str, int] = {}

    def of_graph(self, fusion: Fusion, names: dict[Node, str]) -> dict:
        """What became of the Nodes of one graph."""
        apart = {(names[a], names[b]): why for (a, b), why in fusion.apart.items()}
        return {"arrays": self._grouped(fusion.arrays, names), "inline": self._grouped(fusion.inline, names), "apart": self.of_pairs(apart)}

    def of_pairs(self, found: dict[tuple[str, str], str]) -> list[list]:
        """A list for each pair."""
        return [[self._number(why), a, b] for why, a, b in sorted((why, a, b) for (a, b), why in found.items())]

    def of_names(self, found: dict[str, str]) -> list[list]:
        """A list for each reason: the names that have it."""
        grouped: dict[str, list[str]] = {}
        for why, name in sorted((why, name) for name, why in found.items()):
            grouped.setdefault(why, []).append(name)
        return [[self._number(why), *of] for why, of in grouped.items()]

    def _grouped(self, found: dict[Node, str], names: dict[Node, str]) -> list[list]:
        return self.of_names({names[n]: why for n, why in found.items()})

    def _number(self, why: str) -> int:
        return self.numbers.setdefault(why, len(self.numbers))


class _Writer(Module):
    """Writes the parts of lines, with a mark in place of each graph in attributes."""

    def __init__(self):
        super().__init__(None, True)
        self.nested: list = []  # the graphs that marks were written for

    def special(self, value) -> str:
        """A mark for a graph, whose label the record has beside it."""
        if type(value).__name__ != "Graph":
            return super().special(value)
        self.nested.append(value)
        return NESTED


def _alike(parts: tuple[str, str, str], line: tuple) -> bool:
    """Whether a Node in the place of another does the same, if perhaps for other sizes or with other numbers."""
    return parts[0] == line[1] and (parts[1] == line[2] or parts[2] == line[3])


def _clash(known: _Known, graph, inputs: dict[Node, str]) -> bool:
    """Whether a new input has the name of another value, so that names cannot be carried on."""
    names, own = set(inputs.values()), set(known.frame["inputs"])
    return not (names & known.taken) <= own
