"""Pictures of graphs for notebooks: boxes and arrows as SVG in HTML, without scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from graphc.ir.node import Node

BOXES = 60  # of a picture
_LABEL = 26  # letters of a label
_WIDE, _HIGH, _GAP, _STEP = 180, 34, 24, 70
_COLORS = {
    "scope": "#dbe9f6", "VariableV2": "#fde8c8", "Placeholder": "#d8f0d8", "Const": "#eeeeee", "line": "#dbe9f6",
    "input": "#d8f0d8", "const": "#eeeeee", "output": "#fde8c8",
}  # fmt: skip


@dataclass
class Box:
    """What a picture shows as one: an operation, or several of them.

    Attributes:
        key: the name; kind: what it is, such as the type of the operation; count: of operations inside.
        label, detail: what is shown instead of the key and the kind.
        before: keys of the boxes that it takes values from, with what is said of the arrow.
    """

    key: str
    kind: str
    count: int = 0
    before: dict = field(default_factory=dict)
    label: str = ""
    detail: str = ""


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
    name, more = box.label or box.key, box.detail or box.kind
    more += f", {box.count} operations" if box.count > 1 else ""
    corner = 8 if box.kind in ("scope", "line") else 2
    return (
        f'<g><title>{escape(name)} ({escape(more)})</title><rect x="{x:.0f}" y="{y:.0f}" width="{_WIDE}" '
        f'height="{_HIGH}" rx="{corner}" fill="{color}" stroke="#778899"/><text x="{x + _WIDE / 2:.0f}" '
        f'y="{y + 14:.0f}" text-anchor="middle">{escape(_short(name))}</text><text x="{x + _WIDE / 2:.0f}" '
        f'y="{y + 27:.0f}" text-anchor="middle" fill="#667788">{escape(_short(more))}</text></g>'
    )


def _arrow(said: str, start: tuple, end: tuple) -> str:
    (x0, y0), (x1, y1) = start, end
    return (
        f'<path d="M{x0:.0f},{y0:.0f} C{x0:.0f},{y0 + 20:.0f} {x1:.0f},{y1 - 20:.0f} {x1:.0f},{y1:.0f}" fill="none" '
        f'stroke="#99aabb" marker-end="url(#graphc-arrow)"><title>{escape(said)}</title></path>'
    )


def drawing(boxes: list[Box], head: str, more: int = 0) -> str:
    """Boxes and the arrows between them as HTML.

    Args:
        boxes: each after those that it takes values from, as far as that can be.
        head: a line above. more: how many boxes are left out.
    """
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
    return (
        f'<div class="graphc-graph"><p>{escape(head)}</p><svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11"><defs><marker '
        f'id="graphc-arrow" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto"><path '
        f'd="M0,0 L6,3 L0,6 z" fill="#99aabb"/></marker></defs>{"".join(arrows)}{"".join(drawn)}</svg>{note}</div>'
    )


# --------------------------------------------------------------------------------------------- graphs of Nodes


def picture(graph, limit: int = BOXES) -> str:
    """A Graph as HTML: a box for every Node, or for every line of the program where there are too many of these."""
    nodes = graph.nodes
    shown = [n for n in nodes if not _is_small(n)]
    outputs = dict(zip(graph.outputs, graph.names))
    homes = {n: f"{k}" for k, n in enumerate(shown)}
    if len(shown) > limit:
        homes = {n: _line(n) for n in shown}
    found: dict[str, Box] = {}
    for node in shown:
        box = found.setdefault(homes[node], Box(homes[node], "line", label=homes[node]))
        box.count += 1
        if len(shown) <= limit:
            box.kind = node.op if node.op in _COLORS else "output" if node in outputs else "node"
            box.label, box.detail = _label(node), _detail(node, outputs)
        for x in node.inputs:
            if x in homes and homes[x] != homes[node]:
                box.before.setdefault(homes[x], str(x.type))
    kept = list(found.values())[:limit]
    head = f"{graph.name}: {len(graph.inputs)} inputs, {len(nodes)} nodes, {len(graph.outputs)} outputs"
    return drawing(kept, head, len(found) - len(kept))


def _is_small(node: Node) -> bool:
    """Constants of one number, and sizes, would be more boxes than picture."""
    return node.op == "symbol" or (node.op == "const" and node.attrs[0][1].is_splat)


def _line(node: Node) -> str:
    return "input" if node.op == "input" else str(node.location or "no line")


def _label(node: Node) -> str:
    return str(dict(node.attrs)["name"]) if node.op == "input" else node.op


def _detail(node: Node, outputs: dict) -> str:
    return f"{node.type}" + (f" = {outputs[node]}" if node in outputs else "")
