"""Which frames values are drawn in: their name scopes, in parts where a scope is left and entered again."""

from __future__ import annotations

from graphc.ir.node import Node

Path = tuple[str, ...]
_MOST = 2_000_000  # values times frames that are looked at to part the frames of one circle
_LEAVES = ("input", "const")


def paths(nodes: list[Node], shown: list[int], by_line: bool) -> dict[int, Path]:
    """The frames around each value, by position, from the outermost; no frame has a single value.

    Values are framed by their scopes. What a scope computes after others have used and changed what it computed before, as
    gradients do, gets a frame ``name (2)`` of its own, so that arrows can point down. Inputs and constants go to their users.

    Args:
        shown: positions of those that are drawn, operands first.
        by_line: frame what has no scope by its line.
    """
    number = {nodes[k]: k for k in shown}
    operands = {k: [number[x] for x in nodes[k].inputs if x in number] for k in shown}
    inner = [k for k in shown if nodes[k].op not in _LEAVES]
    found = {k: _scope(nodes[k], by_line) for k in inner}
    _part(found, {k: [x for x in operands[k] if x in found] for k in inner})
    scoped = {k for k in shown if k not in found and nodes[k].location is not None and nodes[k].location.scope}
    users: dict[int, Path] = {}
    for k in inner:
        for x in operands[k]:
            if x not in found:
                users[x] = found[k] if x not in users else users[x] if x in scoped else common(users[x], found[k])
    every = {k: found[k] if k in found else users.get(k, ()) for k in shown}
    return _without_single(every)


def common(a: Path, b: Path) -> Path:
    """What two paths begin with."""
    count = next((k for k, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return a[:count]


def _scope(node: Node, by_line: bool) -> Path:
    at = node.location
    if at is None:
        return ()
    return tuple(at.scope.split("/")) if at.scope else (str(at),) if by_line else ()


def _part(found: dict[int, Path], operands: dict[int, list[int]]) -> None:
    """Part the frames that lie on circles, level by level from the outermost."""
    waiting = [(0, list(found))]
    while waiting:
        depth, values = waiting.pop()
        if not any(len(found[k]) > depth for k in values):
            continue
        items = {k: found[k][depth] if len(found[k]) > depth else k for k in values}
        for circle in _circles(items, operands):
            _part_circle(found, operands, depth, [k for k in values if items[k] in circle], [f for f in circle if isinstance(f, str)])
        inside: dict[str, list[int]] = {}
        for k in values:
            if len(found[k]) > depth:
                inside.setdefault(found[k][depth], []).append(k)
        waiting += [(depth + 1, group) for group in inside.values()]


def _part_circle(found: dict[int, Path], operands: dict[int, list[int]], depth: int, values: list[int], frames: list[str]) -> None:
    """Number the values of each frame by how often their operands have left it and come back."""
    if len(values) * len(frames) > _MOST:
        return
    changed: dict[int, Path] = {}
    for frame in frames:
        rounds: dict[int, int] = {}  # inside: of the value; outside: of the last that it depends on, -1 for none
        for k in values:
            is_inside = found[k][depth : depth + 1] == (frame,)
            known = [(rounds[x], found[x][depth : depth + 1] == (frame,)) for x in operands[k] if x in rounds]
            rounds[k] = max([n + (is_inside and not was and n >= 0) for n, was in known], default=-1)
            if is_inside:
                rounds[k] = max(rounds[k], 0)
                if rounds[k]:
                    changed[k] = (*found[k][:depth], f"{frame} ({rounds[k] + 1})", *found[k][depth + 1 :])
    found.update(changed)


def _circles(items: dict, operands: dict[int, list[int]]) -> list[set]:
    """Sets of more than one item of which each depends on each (Tarjan's strongly connected components)."""
    edges: dict = {item: {} for item in items.values()}
    for k, item in items.items():
        for x in operands[k]:
            if x in items and items[x] != item:
                edges[item][items[x]] = None
    index: dict = {}
    low: dict = {}
    stack, on_stack, found = [], set(), []
    for start in edges:
        work = [(start, iter(edges[start]))] if start not in index else []
        while work:
            item, left = work[-1]
            if item not in index:
                index[item] = low[item] = len(index)
                stack.append(item)
                on_stack.add(item)
            below = next((x for x in left if x not in index or x in on_stack), None)
            if below is not None:
                if below in index:
                    low[item] = min(low[item], index[below])
                else:
                    work.append((below, iter(edges[below])))
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[item])
            if low[item] == index[item]:
                circle = set(stack[stack.index(item) :]) if stack[-1] != item else {item}
                del stack[-len(circle) :]
                on_stack -= circle
                if len(circle) > 1:
                    found.append(circle)
    return found


def _without_single(found: dict[int, Path]) -> dict[int, Path]:
    count: dict[Path, int] = {}
    for path in found.values():
        for k in range(1, len(path) + 1):
            count[path[:k]] = count.get(path[:k], 0) + 1
    return {k: path[: sum(count[path[:n]] > 1 for n in range(1, len(path) + 1))] for k, path in found.items()}
