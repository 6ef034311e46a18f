"""Graphs in notebooks: which boxes a picture has, and the summary as text."""

from __future__ import annotations

from collections import Counter

from graphc.ir.picture import BOXES, Box, drawing

_LIST = 12  # scopes of a summary


def _level(operations, limit: int) -> int:
    """How many parts of names may be shown so that there are few enough boxes; at least one."""
    deepest = max((op.name.count("/") for op in operations), default=0) + 1
    for level in range(deepest, 1, -1):
        if len({_key(op.name, level) for op in operations}) <= limit:
            return level
    return 1


def _key(name: str, level: int) -> str:
    return "/".join(name.split("/")[:level])


def boxes_of(operations, limit: int = BOXES) -> tuple[list[Box], int]:
    """The boxes of a picture, in the order of the operations, and how many more there would be.

    Scopes are opened as far as there are at most ``limit`` boxes; a variable is one box with all of its operations.
    """
    operations = list(operations)
    names = {op.name for op in operations}
    variables = {op.name for op in operations if op.type == "VariableV2"}
    level, home, found = _level(operations, limit), {}, {}
    for op in operations:
        key = _key(op.name, level)
        parts = op.name.split("/")
        owner = next(("/".join(parts[:k]) for k in range(1, len(parts)) if "/".join(parts[:k]) in variables), None)
        key = owner if owner is not None and len(owner) <= len(key) else key
        home[op] = key
        box = found.get(key)
        if box is None:
            box = found[key] = Box(key, "scope" if key not in names else "")
        box.count += 1
        if op.name == key:
            box.kind = op.type
    for op in operations:
        for tensor in op.operands:
            source = home.get(tensor.op)
            if source not in (None, home[op]):
                found[home[op]].before.setdefault(source, f"{tensor.dtype.name}{_shape(tensor)}")
    kept = list(found.values())[:limit]
    return kept, len(found) - len(kept)


def _shape(tensor) -> str:
    return " ?" if tensor.node is None else f" {tensor.shape}"


def picture(graph, limit: int = BOXES) -> str:
    """The graph as HTML: boxes for name scopes, variables and operations, and arrows for what flows between them."""
    boxes, more = boxes_of(graph.get_operations(), limit)
    return drawing(boxes, summary(graph).split("\n")[0], more)


def summary(graph) -> str:
    """The graph as text: how many operations, variables and collections there are, and the outermost name scopes."""
    operations = graph.get_operations()
    variables = [op for op in operations if op.type == "VariableV2"]
    fed = [op.name for op in operations if op.type in ("Placeholder", "PlaceholderWithDefault")]
    state = ", finalized" if graph.finalized else ""
    lines = [f"Graph: {len(operations)} operations, {len(variables)} variables, {len(fed)} placeholders{state}"]
    if fed:
        lines.append("  placeholders: " + _listed(fed))
    scopes = Counter(op.name.partition("/")[0] for op in operations if "/" in op.name)
    lines += [f"  {name}/: {count} operations" for name, count in list(scopes.items())[:_LIST]]
    if len(scopes) > _LIST:
        lines.append(f"  and {len(scopes) - _LIST} more name scopes")
    keys = [f"{k} ({len(graph.get_collection(k))})" for k in graph.get_all_collection_keys() if graph.get_collection(k)]
    return "\n".join(lines + (["  collections: " + _listed(keys)] if keys else []))


def _listed(items: list) -> str:
    shown = ", ".join(items[:_LIST])
    return shown if len(items) <= _LIST else f"{shown}, and {len(items) - _LIST} more"
