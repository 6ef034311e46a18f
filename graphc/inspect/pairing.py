"""Which Node of one graph stands for which of another: equal ones first, then those in the same place, then those alike.

A pair is a guess that makes a comparison short; whether its two Nodes do the same is for the comparison to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.order import users

_MOST_USERS = 16  # of a Node that tells something of those who use it


def pairs(a: Graph, b: Graph, inputs: dict[Node, Node]) -> dict[Node, Node]:
    """{Node of ``b``: Node of ``a``}, each in one pair at the most; in time linear in the number of Nodes.

    Args:
        inputs: which inputs are pairs.
    """
    found = _Pairing(a, b)
    for y, x in inputs.items():
        found.add(y, x)
    found.equal()
    by_name = dict(zip(a.names, a.outputs))
    for k, (name, y) in enumerate(zip(b.names, b.outputs)):
        x = by_name.get(name, a.outputs[k] if k < len(a.outputs) else None)
        found.try_add(y, x)
    found.spread()
    for key in (_alike_there, _alike, _same_type, lambda node: node.op):
        found.one_by_one(key, only_single=True)
        found.spread()
    for key in (_alike, _same_type):
        found.one_by_one(key, only_single=False)
        found.spread()
    return found.pairs


def described(node: Node) -> tuple:
    """The attributes of a Node but for the contents of constants and the graphs in it."""
    return () if node.op == "const" else tuple([(k, v) for k, v in node.attrs if not isinstance(v, Graph)])


def _alike_there(node: Node) -> tuple:
    return node.op, node.type, str(described(node)), str(node.location)


def _alike(node: Node) -> tuple:
    return node.op, node.type, str(described(node))


def _same_type(node: Node) -> tuple:
    return node.op, node.type


class _Pairing:
    """Pairs so far, and those whose neighbours have not been looked at."""

    def __init__(self, a: Graph, b: Graph):
        self.nodes = [n for n in a.nodes if n.op != "input"], [n for n in b.nodes if n.op != "input"]
        self.users = users(a.roots), users(b.roots)
        self.pairs: dict[Node, Node] = {}
        self._taken: set[Node] = set()
        self._new: list[tuple[Node, Node]] = []

    def add(self, y: Node, x: Node) -> None:
        self.pairs[y] = x
        self._taken.add(x)
        self._new.append((y, x))

    def try_add(self, y: Node, x: Node | None) -> None:
        """Make a pair of two that are free, if they are of one operation."""
        if x is not None and x.op == y.op and y not in self.pairs and x not in self._taken and y.op != "input":
            self.add(y, x)

    def equal(self) -> None:
        """Pairs of what is the same Node, and of what is the same but for the contents of constants."""
        there = set(self.nodes[0])
        for node in self.nodes[1]:
            if node in there:
                self.add(node, node)
        ids: dict[tuple, int] = {}
        shapes = [self._shapes(k, ids) for k in (0, 1)]
        self._in_order(shapes[0].__getitem__, shapes[1].__getitem__, False)

    def _shapes(self, side: int, ids: dict[tuple, int]) -> dict[Node, int]:
        """For every Node a number that those have which compute the same of the same inputs, were it not for constants."""
        known: dict[Node, int] = {y if side else x: ids.setdefault((x,), len(ids)) for y, x in self.pairs.items() if y.op == "input"}
        for node in self.nodes[side]:
            # an input without a partner is like none
            operands = tuple([known[x] if x in known else ids.setdefault((side, x), len(ids)) for x in node.inputs])
            known[node] = ids.setdefault((node.op, node.type, str(described(node)), operands), len(ids))
        return known

    def one_by_one(self, key: Callable[[Node], object], only_single: bool) -> None:
        """Pairs of what has the same key: the only ones of it, or the first with the first and so on."""
        self._in_order(key, key, only_single)

    def _in_order(self, key_a: Callable, key_b: Callable, only_single: bool) -> None:
        left: dict[object, list[Node]] = defaultdict(list)
        for x in self.nodes[0]:
            if x not in self._taken:
                left[key_a(x)].append(x)
        mine: dict[object, list[Node]] = defaultdict(list)
        for y in self.nodes[1]:
            if y not in self.pairs:
                mine[key_b(y)].append(y)
        for key, ys in mine.items():
            xs = left.get(key, [])
            if not only_single or len(xs) == len(ys) == 1:
                for y, x in zip(ys, xs):
                    self.add(y, x)

    def spread(self) -> None:
        """From each pair to operands in the same place, and to the only user of its kind."""
        while self._new:
            y, x = self._new.pop()
            if y is x:
                self._through_users(y, x)
                continue
            for below, other in zip(y.inputs, x.inputs):
                self.try_add(below, other)
            self._through_users(y, x)

    def _through_users(self, y: Node, x: Node) -> None:
        above, others = self.users[1].get(y, ()), self.users[0].get(x, ())
        if 0 < len(above) <= _MOST_USERS and 0 < len(others) <= _MOST_USERS:
            left = _single(((n.op, n.inputs.index(x)), n) for n in others if n not in self._taken)
            for key, node in _single(((n.op, n.inputs.index(y)), n) for n in above if n not in self.pairs).items():
                self.try_add(node, left.get(key))


def _single(found: Iterable[tuple[tuple, Node]]) -> dict[tuple, Node]:
    """What is the only one of its key."""
    every: dict[tuple, Node | None] = {}
    for key, node in found:
        every[key] = node if every.get(key, node) is node else None
    return {key: node for key, node in every.items() if node is not None}
