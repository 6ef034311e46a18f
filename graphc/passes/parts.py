"""Cut a graph whose values are made on several devices into parts, each a graph for one device, and copies between them.

``transfer`` Nodes say where what makes and what uses a value runs. Whatever they leave open runs where its operands are,
else where its users are, else on the device of the program. Inputs are given, and outputs wanted, wherever that is.
"""

from __future__ import annotations

from collections import Counter

from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.node import Node, make
from graphc.ir.parts import HOST, Copy, Parts, Run
from graphc.ir.printer import value_names
from graphc.ir.sizes import made_by
from graphc.passes.inline import inline_calls
from graphc.passes.nested import graphs_in


def cut(graph: Graph, device: str) -> Parts | None:
    """The parts of a graph; None where all of it runs on one device, that of the program.

    Sizes that only a run knows belong to what makes them: a graph that has such sizes runs on the device of the program.

    Args:
        device: of the program; what transfers call the empty name.
    """
    transfers = {one for one, nodes in graphs_in(graph) if any(n.op == "transfer" for n in nodes)}
    if transfers - {graph}:
        graph = inline_calls(graph)
    if not transfers or graph.measures or any(made_by(n) for n in graph.nodes):
        return None
    whole, places = _placed(graph, device)
    if all(place == device for place in places.values()):
        return None
    return _Cutter(whole, device, places).parts()


def _placed(graph: Graph, device: str) -> tuple[Graph, dict[Node, str]]:
    """The graph without transfers, and the device of each Node that is computed of inputs.

    What depends on no input is made anew wherever it is used.
    """
    nodes = graph.nodes
    plain: dict[Node, Node] = {}  # each Node -> the one without transfers
    pins: dict[Node, str] = {}  # by what takes the value away, before what brings operands
    for node in nodes:
        inputs = tuple([plain[x] for x in node.inputs])
        if node.op == "transfer":
            plain[node] = inputs[0]
            if node.inputs[0].op != "transfer":
                pins.setdefault(_maker(inputs[0]), node.attr("source") or device)
        else:
            plain[node] = node if inputs == node.inputs else make(node.op, inputs, node.attrs, node.type, node.location)
    brought: dict[Node, list[str]] = {}
    for node in nodes:
        if node.op != "transfer":
            found = [x.attr("device") or device for x in node.inputs if x.op == "transfer"]
            brought.setdefault(plain[node], []).extend(found)
    order: dict[Node, None] = {}
    for node in dict.fromkeys([plain[x] for x in nodes]):
        if any(x.op == "input" or x in order for x in node.inputs):
            order[node] = None
    places: dict[Node, str] = {}
    for node in order:
        if node.op == "item":
            found = [places[_maker(node)]] if _maker(node) in places else []
        elif node in pins:
            found = [pins[node]]
        else:
            found = brought.get(node) or [places[x] for x in node.inputs if x in places]
        if found:
            places[node] = next((d for d in found if d != device), device)
    users: dict[Node, list[Node]] = {}
    for node in order:
        for x in node.inputs:
            users.setdefault(x, []).append(node)
    for node in reversed(tuple(order)):
        if node not in places and node.op != "item":
            behind = [u for x in (node, *[u for u in users.get(node, ()) if u.op == "item"]) for u in users.get(x, ())]
            near = [places[u] for u in behind if u in places]
            places[node] = next((d for d in near if d != device), device)
    for node in order:
        places[node] = places[_maker(node)]
    return graph.with_roots([plain[x] for x in graph.roots]), places


def _maker(node: Node) -> Node:
    """What makes several results, of one of them; other Nodes as they are."""
    while node.op == "item":
        node = node.inputs[0]
    return node


class _Cutter:
    """One graph, being cut."""

    def __init__(self, whole: Graph, device: str, places: dict[Node, str]):
        self.whole, self.device, self.places = whole, device, places
        self.order = whole.nodes
        self.names = value_names(whole, self.order)
        self.stages = self._stages()

    def _stages(self) -> dict[Node, int]:
        """For each Node how many copies lie before it, one after the other; or more, where nobody needs it earlier."""
        stages: dict[Node, int] = {}
        nodes = [n for n in self.order if n in self.places and n.op != "item"]
        for node in nodes:
            here = self.places[node]
            before = [stages[x] + (self.places[x] != here) for x in map(_maker, node.inputs) if x in stages]
            stages[node] = max(before, default=0)
        latest: dict[Node, int] = {}
        for node in reversed(nodes):
            stages[node] = max(stages[node], latest.get(node, 0))
            for x in map(_maker, node.inputs):
                if x in stages:
                    at = stages[node] - (self.places[x] != self.places[node])
                    latest[x] = min(at, latest.get(x, at))
        return {n: stages[_maker(n)] for n in self.order if n in self.places}

    def parts(self) -> Parts:
        """The runs in the order of their stages, each after the copies of what it takes."""
        groups: dict[tuple[int, str], list[Node]] = {}
        for node, stage in self.stages.items():
            groups.setdefault((stage, self.places[node]), []).append(node)
        wanted = dict.fromkeys(self.whole.outputs)
        for node in self.order:
            for x in node.inputs:
                if x in self.stages and (node not in self.stages or self._group(x) != self._group(node)):
                    wanted[x] = None
        runs = [self._run(stage, place, nodes, wanted) for (stage, place), nodes in sorted(groups.items(), key=lambda g: g[0])]
        uses = Counter((x, run.device) for run, taken in runs for x in taken if x.op == "input")
        steps: list[Copy | Run] = []
        there = {(n, place) for n, place in self.places.items()}
        for run, taken in runs:
            for x in taken:
                is_given = x.op == "input"
                if (x, run.device) in there or (is_given and (run.device == HOST or uses[x, run.device] == 1)):
                    continue
                there.add((x, run.device))
                steps.append(Copy(self.names[x], "" if is_given else self.places[x], run.device))
            steps.append(run)
        results = tuple([self.names[n] for n in self.whole.outputs])
        made = {self.names[n]: place for n, place in self.places.items()}
        rest = tuple([n for n in wanted if n.op != "input" and n not in self.places])
        if rest:
            graph = Graph(f"{self.whole.name}_constants", (), rest)
            steps.append(Run(self.device, graph, (), tuple([self.names[n] for n in rest])))
        inputs = tuple([self.names[x] for x in self.whole.inputs])
        return Parts(self.whole, self.device, tuple(steps), inputs, results, made)

    def _group(self, node: Node) -> tuple[int, str]:
        return self.stages[node], self.places[node]

    def _run(self, stage: int, place: str, nodes: list[Node], wanted: dict) -> tuple[Run, list[Node]]:
        """One part, and the values that it takes."""
        makes = [n for n in nodes if n in wanted]
        members, memo, taken = set(nodes), {}, []
        for node in nodes:
            for x in node.inputs:
                if x in members or x in memo or (x.op != "input" and x not in self.places):
                    continue
                taken.append(x)
                memo[x] = input_node(self.names[x], x.type)
        outputs = tuple(rebuild(makes, lambda node, inputs: None, dict(memo)))
        name = f"{self.whole.name}_{place.partition(':')[0].replace('-', '_')}_{stage}"
        graph = Graph(name, tuple(memo.values()), outputs)
        return Run(place, graph, tuple([self.names[x] for x in taken]), tuple([self.names[n] for n in makes])), taken
