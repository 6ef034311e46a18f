"""What a tape recorded, and derivatives of it: found by the structure of the record, so that each is built once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.eager import EAGER
from graphc.api.learnt import Learnt, Library
from graphc.api.tensor import EagerTensor
from graphc.api.values import GRADIENT, Entry, Value, inlined
from graphc.errors import located
from graphc.ir.graph import input_node, needed, substitute
from graphc.ir.node import Node, binary, make

_WATCHED, _WATCHED_LATE, _GIVEN = -1, -2, -3
_KNOWN = Library(1024)


class History:
    """The operations that depend on watched values, as far as a tape was recording.

    Attributes:
        values: the values that are concerned, and numbers, in the order of their places.
        places: Value -> its place.
        active: those that depend on watched ones.
        key: equal for two histories of the same structure.
        steps: ``(place, entry, places of its operands)`` of every operation.
    """

    def __init__(self, records: Sequence[tuple]):
        self.values: list = []
        self.places: dict[Value, int] = {}
        self.active: set[Value] = set()
        self.steps: list[tuple] = []
        key: list = []
        values, places, active, steps = self.values, self.places, self.active, self.steps
        for value, entry, operands in records:
            if operands is None:
                if value not in places:
                    places[value] = len(values)
                    values.append(value)
                    key += (_WATCHED, value.kind)
                elif value not in active:
                    key += (_WATCHED_LATE, places[value])
                active.add(value)
                continue
            for o in operands:
                if o in active:
                    break
            else:
                continue
            row = []
            for o in operands:
                place = places.get(o)
                if place is None:
                    place = len(values)
                    values.append(o)
                    key.append(_GIVEN)
                    if type(o) is Value:
                        places[o] = place
                row.append(place)
            key.append(entry.number)
            key += row
            if value in places:
                continue  # it was given to an operation before it was watched
            places[value] = len(values)
            steps.append((len(values), entry, row))
            values.append(value)
            active.add(value)
        self.key = tuple(key)

    def place(self, value: Value) -> int | None:
        """The place of a value that depends on watched ones; None for another."""
        return self.places[value] if value in self.active else None


class _Forward:
    """A history as Nodes, in which every value is told from equal ones.

    Attributes:
        nodes: place -> Node.
        deltas: place -> what to differentiate by, to differentiate by the value.
        known: Node of a computed value -> the input that stands for the value.
    """

    def __init__(self, history: History):
        self.nodes: dict[int, Node] = {}
        self.deltas: dict[int, Node] = {}
        self.known: dict[Node, Node] = {}
        computed = {place for place, _, _ in history.steps}
        for place, value in enumerate(history.values):
            if type(value) is Value and place not in computed:
                self.nodes[place] = self.deltas[place] = input_node(f"v{place}", value.kind.type)
        for place, entry, operands in history.steps:
            self._compute(place, entry, operands, history.values[place])

    def _compute(self, place: int, entry: Entry, operands: Sequence[int], value: Value) -> None:
        given = []
        for o, x in zip(operands, entry.inputs):
            if o not in self.nodes:  # a number
                self.nodes[o] = input_node(f"v{o}", x.type)
            given.append(self.nodes[o])
        node = inlined(entry, given, value.line)
        if node.type != value.kind.type:  # it has sizes that only a run told
            node = make("ensure", (node,), (("shape", value.kind.type.shape),), value.kind.type)
        stands = input_node(f"v{place}", node.type)
        if node.dtype.is_inexact:
            delta = self.deltas[place] = input_node(f"d{place}", node.type)
            node = make("add", (node, delta), (), node.type)
            self.known[node] = stands
        self.nodes[place] = node


def derived(history: History, what: tuple, given: Sequence[Value], targets: Sequence[int], sources: Sequence[tuple],
            derive: Callable) -> list[EagerTensor | None]:  # fmt: skip
    """Derivatives of what a tape recorded, as tensors.

    Args:
        what: the kind of derivative, for the key.
        given: further values that it depends on, such as cotangents.
        targets: places of what is differentiated.
        sources: for each result, places that stand for what it is differentiated by; their derivatives are added.
        derive: from Nodes of the targets, of what to differentiate by, and of what is given, to a Node or None for each
            of the second.
    """
    key = history.key, what, tuple([v.kind for v in given]), tuple(targets), tuple(sources)
    found = _KNOWN.get(key)
    if found is None:
        found = _derivatives(history, given, targets, sources, derive)
        _KNOWN.put(key, found)
    values, answers = history.values, []
    for one in found:
        if one is None:
            answers.append(None)
            continue
        learnt, places = one
        operands = tuple([values[p] if p >= 0 else given[~p] for p in places])
        answers.append((EAGER.record_now if learnt.entries[0].is_open else EAGER.record)(learnt, operands))
    return answers


def _derivatives(history, given, targets, sources, derive) -> list[tuple | None]:
    forward = _Forward(history)
    extras = [input_node(f"s{k}", v.kind.type) for k, v in enumerate(given)]
    flat = [p for places in sources for p in places]
    by = [forward.deltas.get(p) for p in flat]
    found = iter(derive([forward.nodes[p] for p in targets], [x for x in by if x is not None], extras))
    each = iter([None if x is None else next(found) for x in by])
    sums = []
    for places in sources:
        parts = [n for n in [next(each) for _ in places] if n is not None]
        total = parts[0] if parts else None
        for part in parts[1:]:
            total = binary("add", total, part)
        sums.append(total)
    answers: list[tuple | None] = []
    for node in sums:
        if node is None:
            answers.append(None)
            continue
        with located(None):
            (node,) = substitute([node], forward.known)
        used = {n: None for n in needed([node]) if n.op == "input"}
        stands = {x: p for p, x in forward.nodes.items() if x.op == "input"}
        stands |= {x: _named_place(x) for x in forward.known.values()}
        stands |= {x: ~k for k, x in enumerate(extras)}
        inputs = tuple(used)
        has_numbers = any(stands[x] >= 0 and type(history.values[stands[x]]) is not Value for x in inputs)
        learnt = Learnt((Entry(inputs, node, GRADIENT, has_numbers),))
        answers.append((learnt, tuple([stands[x] for x in inputs])))
    return answers


def _named_place(node: Node) -> int:
    """The place that the name of an input Node says."""
    return int(node.attr("name")[1:])
