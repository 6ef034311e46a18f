"""The functions of a SavedModel's library, prepared for being carried out."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from graphc.api.function.definition import has_graph
from graphc.api.node_def import make
from graphc.api.node_def.table import OUTPUTS
from graphc.errors import DataLossError, GraphError, explain

CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_OPTIONALS = ("OptionalFromValue", "OptionalNone")  # make what only gradients of branches use
_SHOWN = 12


@dataclass(frozen=True)
class Step:
    """A node with the places of what it takes.

    Attributes:
        inputs: pairs of node (or argument) name and number of output.
    """

    node: object
    inputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Body:
    """Nodes in an order in which they can be carried out.

    Attributes:
        arguments: names; results: places, as in a Step, or None for what is not computed.
    """

    name: str
    arguments: tuple[str, ...]
    steps: tuple[Step, ...]
    results: tuple[tuple[str, int] | None, ...]

    def passed_through(self, k: int) -> bool:
        """Whether result k is argument k unchanged."""
        makers = {s.node.name: s for s in self.steps}
        if self.results[k] is None:
            return False
        name, _ = self.results[k]
        for _ in range(len(self.steps)):
            step = makers.get(name)
            if step is None or step.node.op != "Identity":
                break
            name, _ = step.inputs[0]
        return name == self.arguments[k] if k < len(self.arguments) else False


class Library:
    """The functions of a GraphDef by name.

    Args:
        is_known: whether nodes of a type can be carried out besides those of the table.
    """

    def __init__(self, graph_def, is_known: Callable[[str], bool]):
        self._functions = {f.signature.name: f for f in graph_def.library.function}
        self._is_known = is_known
        self._bodies: dict[str, Body] = {}
        self._checked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    @property
    def names(self) -> set[str]:
        """Those of all functions."""
        return set(self._functions)

    def function_def(self, name: str):
        """The FunctionDef of that name.

        Raises:
            DataLossError: there is none.
        """
        found = self._functions.get(name)
        if found is None:
            raise DataLossError(explain(f"the SavedModel is damaged: it has no function {name!r}"))
        return found

    def body(self, name: str) -> Body:
        """A function prepared.

        Raises:
            DataLossError: there is none, or it makes no sense.
        """
        if name not in self._bodies:
            f = self.function_def(name)
            arguments = tuple([a.name for a in f.signature.input_arg])
            makers = {n.name: n.op for n in f.node_def}
            wanted = [f.ret[a.name] for a in f.signature.output_arg]
            wanted = [None if makers.get(w.partition(":")[0]) in _OPTIONALS else w for w in wanted]
            self._bodies[name] = body_of(name, f.node_def, arguments, wanted, f.control_ret.values())
        return self._bodies[name]

    def check(self, name: str) -> None:
        """Refuse a function if there are types of nodes in it, or in what it calls, that do not exist here.

        Raises:
            GraphError: the message counts them. DataLossError: functions call themselves.
        """
        if name not in self._checked and not has_graph(self.function_def(name)):
            self.check_nodes(name, [s.node for s in self.body(name).steps])
            self._checked.add(name)

    def check_nodes(self, what: str, nodes: Iterable) -> None:
        """The same for nodes."""
        unknown: Counter[str] = Counter()
        waiting, seen = list(nodes), set()
        calls: dict[str, set[str]] = {}
        while waiting:
            node = waiting.pop()
            called = self.called(node)
            for inner in called - seen:
                seen.add(inner)
                if has_graph(self.function_def(inner)):
                    continue  # it need not be carried out node by node
                steps = self.body(inner).steps
                calls[inner] = set().union(*[self.called(s.node) for s in steps])
                waiting.extend(s.node for s in steps)
            if not called and not self._is_known(node.op) and not make.is_known(node.op):
                unknown[node.op] += 1
        _refuse_circles(calls)
        if unknown:
            listed = [f"{kind} ({count})" for kind, count in sorted(unknown.items())]
            more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
            count = f"{len(listed)} types of operations" if len(listed) > 1 else "a type of operation"
            told = f"function {what!r} of the SavedModel needs {count} that do not exist here"
            raise GraphError(explain(f"{told}: {', '.join(listed[:_SHOWN])}{more}; variables can be used all the same"))

    def called(self, node) -> set[str]:
        """The functions that a node calls."""
        found = {node.op} if node.op in self._functions else set()
        for attr in node.attr.values():
            if attr.WhichOneof("value") == "func":
                found.add(attr.func.name)
            elif attr.WhichOneof("value") == "list":
                found.update(f.name for f in attr.list.func)
        return found


def _refuse_circles(calls: dict[str, set[str]]) -> None:
    left = dict(calls)
    while left:
        free = [name for name, inner in left.items() if not inner & left.keys()]
        if not free:
            raise DataLossError(explain(f"functions of the SavedModel call themselves: {sorted(left)[:_SHOWN]}"))
        for name in free:
            del left[name]


def body_of(
    name: str, nodes, arguments: tuple[str, ...], wanted: Iterable[str | None], also: Iterable[str] = ()
) -> Body:
    """Those of the nodes that are needed, in order.

    Args:
        wanted: what the results are, as inputs of nodes are written, or None.
        also: names of nodes to be carried out besides.

    Raises:
        DataLossError: a node is missing, or nodes need each other.
    """
    by_name = {n.name: n for n in nodes}
    given = set(arguments)
    places = {n.name: k for k, n in enumerate(nodes)}
    results = tuple([None if r is None else _place(r, by_name, given) for r in wanted])
    needs: dict[str, set[str]] = {}
    waiting = [place[0] for place in results if place is not None] + list(also)
    while waiting:
        current = waiting.pop()
        if current in given or current in needs:
            continue
        if current not in by_name:
            raise DataLossError(explain(f"function {name!r} of the SavedModel is damaged: it has no node {current!r}"))
        needs[current] = {i.removeprefix("^").partition(":")[0] for i in by_name[current].input} - given
        waiting.extend(needs[current])
    steps = []
    for current in _ordered(name, needs, places):
        node = by_name[current]
        inputs = [_place(i, by_name, given) for i in node.input if not i.startswith("^")]
        steps.append(Step(node, tuple(inputs)))
    return Body(name, arguments, tuple(steps), results)


def _ordered(name: str, needs: dict[str, set[str]], places: dict[str, int]) -> list[str]:
    """The nodes, each after those that it needs; otherwise in the order of the file."""
    users: dict[str, list[str]] = {}
    left = {node: len(inner) for node, inner in needs.items()}
    for node, inner in needs.items():
        for other in inner:
            users.setdefault(other, []).append(node)
    ready = [(places[n], n) for n, count in left.items() if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        _, node = heapq.heappop(ready)
        order.append(node)
        for user in users.get(node, ()):
            left[user] -= 1
            if not left[user]:
                heapq.heappush(ready, (places[user], user))
    if len(order) < len(needs):
        loop = sorted(n for n, count in left.items() if count)[:3]
        raise GraphError(explain(f"{name!r}: nodes need each other, which only loops of TensorFlow 1 do: {loop}"))
    return order


def _place(text: str, nodes: dict, given: set[str]) -> tuple[str, int]:
    """An input such as ``x``, ``node:1`` or ``node:output:0``."""
    name, _, rest = text.partition(":")
    if name in given:
        return name, 0
    output, _, index = rest.partition(":")
    if output.isdigit():
        return name, int(output)
    names = OUTPUTS.get(nodes[name].op, "").split() if name in nodes else []
    return name, names.index(output) if output in names else int(index or 0)
