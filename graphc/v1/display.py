"""Pictures of graphs for notebooks, as SVG in HTML without scripts, and their summary as text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html import escape

_BOXES, _LIST, _LABEL = 60, 12, 26  # boxes of a picture, scopes of a summary, letters of a label
_WIDE, _HIGH, _GAP, _STEP = 180, 34, 24, 70
_COLORS = {"scope": "#dbe9f6", "VariableV2": "#fde8c8", "Placeholder": "#d8f0d8", "Const": "#eeeeee"}


@dataclass
class Box:
    """What a picture shows as one: a name scope or an operation.

    Attributes:
        key: the name; kind: ``scope`` or the type of the operation; count: of operations inside.
        before: keys of the boxes that it takes values from, with what is said of the arrow.
    """

    key: str
    kind: str
    count: int = 0
    before: dict = field(default_factory=dict)


def _level(operations, limit: int) -> int:
    """How many parts of names may be shown so that there are few enough boxes; at least one."""
    deepest = max((op.name.count("/") for op in operations), default=0) + 1
    for level in range(deepest, 1, -1):
        if len({_key(op.name, level) for op in operations}) <= limit:
            return level
    return 1


def _key(name: str, level: int) -> str:
    return "/".join(name.split("/")[:level])


def boxes_of(operations, limit: int = _BOXES) -> tuple[list[Box], int]:
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


def _layers(boxes: list[Box]) -> list[list[Box]]:
    """The boxes in rows: each below all that it takes values from, arrows back in a circle aside."""
    depth: dict[str, int] = {}
    for box in boxes:  # in the order of making, so that what comes before is known but for loops between scopes
        depth[box.key] = max((depth[k] + 1 for k in box.before if k in depth), default=0)
    rows: list[list[Box]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for box in boxes:
        rows[depth[box.key]].append(box)
    return rows


def _short(text: str) -> str:
    return text if len(text) <= _LABEL else "..." + text[3 - _LABEL :]


def _drawn(box: Box, x: float, y: float) -> str:
    color = _COLORS.get(box.kind, "#ffffff")
    more = f"{box.kind}, {box.count} operations" if box.count > 1 else box.kind
    corner = 8 if box.kind == "scope" else 2
    return (
        f'<g><title>{escape(box.key)} ({escape(more)})</title><rect x="{x:.0f}" y="{y:.0f}" width="{_WIDE}" '
        f'height="{_HIGH}" rx="{corner}" fill="{color}" stroke="#778899"/><text x="{x + _WIDE / 2:.0f}" '
        f'y="{y + 14:.0f}" text-anchor="middle">{escape(_short(box.key))}</text><text x="{x + _WIDE / 2:.0f}" '
        f'y="{y + 27:.0f}" text-anchor="middle" fill="#667788">{escape(_short(more))}</text></g>'
    )


def _arrow(said: str, start: tuple, end: tuple) -> str:
    (x0, y0), (x1, y1) = start, end
    return (
        f'<path d="M{x0:.0f},{y0:.0f} C{x0:.0f},{y0 + 20:.0f} {x1:.0f},{y1 - 20:.0f} {x1:.0f},{y1:.0f}" fill="none" '
        f'stroke="#99aabb" marker-end="url(#graphc-arrow)"><title>{escape(said)}</title></path>'
    )


def picture(graph, limit: int = _BOXES) -> str:
    """The graph as HTML: boxes for name scopes, variables and operations, and arrows for what flows between them."""
    boxes, more = boxes_of(graph.get_operations(), limit)
    rows = _layers(boxes)
    widest = max((len(row) for row in rows), default=1)
    width, height = widest * (_WIDE + _GAP) + _GAP, len(rows) * _STEP + _GAP
    places = {}
    for k, row in enumerate(rows):
        left = (width - len(row) * (_WIDE + _GAP) + _GAP) / 2
        places.update((box.key, (left + j * (_WIDE + _GAP), 12.0 + k * _STEP)) for j, box in enumerate(row))
    arrows = [
        _arrow(f"{key} to {box.key}: {said}", (places[key][0] + _WIDE / 2, places[key][1] + _HIGH),
               (places[box.key][0] + _WIDE / 2, places[box.key][1]))
        for box in boxes for key, said in box.before.items() if key in places
    ]  # fmt: skip
    drawn = [_drawn(box, *places[box.key]) for box in boxes]
    note = f"<p>{more} more boxes are not shown.</p>" if more else ""
    head = escape(summary(graph).split("\n")[0])
    return (
        f'<div class="graphc-graph"><p>{head}</p><svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11"><defs><marker '
        f'id="graphc-arrow" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto"><path '
        f'd="M0,0 L6,3 L0,6 z" fill="#99aabb"/></marker></defs>{"".join(arrows)}{"".join(drawn)}</svg>{note}</div>'
    )


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
