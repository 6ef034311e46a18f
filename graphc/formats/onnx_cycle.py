"""Orders and cycles among the nodes of a graph and among functions, found without recursion."""

from __future__ import annotations

from collections.abc import Hashable


def cycle_of(nodes, made: dict[str, int]) -> list[int]:
    """Nodes of a graph each of which makes what the next one needs, and the last what the first needs.

    Args:
        nodes: NodeProtos. made: of the name of a value, the place of the node that makes it, negative for none.

    Returns:
        Places of nodes; empty if there is no cycle.
    """
    needs = {}
    for k, node in enumerate(nodes):
        names = [*node.input, *(name for a in node.attribute for name in _used_inside(a))]
        needs[k] = [made[name] for name in names if made.get(name, -1) >= 0]
    cycle = order_of(needs)[1][::-1]
    first = cycle.index(min(cycle)) if cycle else 0
    return cycle[first:] + cycle[:first]


def _used_inside(attribute) -> list[str]:
    """Names that the graphs of an attribute use and do not make themselves."""
    used, waiting = [], [attribute.g, *attribute.graphs] if attribute.HasField("g") else list(attribute.graphs)
    own = set()
    while waiting:
        graph = waiting.pop()
        own.update(v.name for v in graph.input)
        for node in graph.node:
            used.extend(node.input)
            own.update(node.output)
            for inner in node.attribute:
                waiting.extend(inner.graphs)
                if inner.HasField("g"):
                    waiting.append(inner.g)
        used.extend(v.name for v in graph.output)
    return [name for name in used if name not in own]


def order_of(needs: dict[Hashable, list]) -> tuple[list, list]:
    """What to do before what.

    Args:
        needs: of each item, the items that it needs.

    Returns:
        All items, each after those that it needs, and an empty list; or an empty list, and items of which each needs
        the next one and the last the first.
    """
    order, state = [], {}
    for first, needed in needs.items():
        if first in state:
            continue
        path, iterators = [first], [iter(needed)]
        state[first] = "open"
        while path:
            for item in iterators[-1]:
                if state.get(item) == "open":
                    return [], path[path.index(item) :]
                if item not in state:
                    state[item] = "open"
                    path.append(item)
                    iterators.append(iter(needs[item]))
                    break
            else:
                state[path[-1]] = "done"
                order.append(path.pop())
                iterators.pop()
    return order, []
