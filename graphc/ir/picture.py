"""Pictures of graphs for notebooks: boxes and arrows as SVG in HTML, without scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from graphc.ir.node import Node

BOXES = 60  # of a picture
_LINES = 40  # of a text
_LABEL = 26  # letters of a label
_WIDE, _HIGH, _GAP, _STEP = 180, 34, 24, 70
_COLORS = {
    "scope": "#3b82c4", "VariableV2": "#e08a1e", "Placeholder": "#3fa34d", "Const": "#888888", "line": "#3b82c4",
    "input": "#3fa34d", "const": "#888888", "output": "#e08a1e",
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


def bundle(text: str, html: str) -> dict[str, str]:
    """What a notebook shows of an object, by kinds of media; a long text is cut short."""
    lines = text.splitlines()
    left = len(lines) - _LINES
    if left > 0:
        text = "\n".join([*lines[:_LINES], f"... {left} more lines; print() shows them"])
    return {"text/plain": text, "text/html": html}


def _layers(boxes: list[Box]) -> list[list[Box]]:
    """The boxes in rows: each below all that it takes values from, arrows back in a circle aside.

    Each stands as far down as what reads it allows, and boxes of a row in the order of those above them, so that arrows
    are short and seldom cross.
    """
    depth: dict[str, int] = {}
    for box in boxes:  # in the order of making, so that what comes before is known but for loops between scopes
        depth[box.key] = max((depth[k] + 1 for k in box.before if k in depth), default=0)
    lowest: dict[str, int] = {}
    for box in reversed(boxes):
        below = depth[box.key] = max(lowest.get(box.key, depth[box.key]), depth[box.key])
        for key in box.before:
            lowest[key] = min(lowest.get(key, below - 1), below - 1)
    rows: list[list[Box]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for box in boxes:
        rows[depth[box.key]].append(box)
    at: dict[str, float] = {}
    for row in rows:
        means = {box.key: [at[k] for k in box.before if k in at] for box in row}
        row.sort(key=lambda box: sum(means[box.key]) / len(means[box.key]) if means[box.key] else 1.0)
        at.update((box.key, (k + 1) / (len(row) + 1)) for k, box in enumerate(row))
    return rows


def _name(text: str) -> str:
    """Names tell most at their end."""
    return text if len(text) <= _LABEL else "..." + text[3 - _LABEL :]


def _described(text: str) -> str:
    """Types tell most at both ends."""
    half = (_LABEL - 3) // 2
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 3 - half]}...{text[-half:]}"


def _drawn(box: Box, x: float, y: float) -> str:
    color = _COLORS.get(box.kind)
    fill = f'fill="{color}" fill-opacity="0.2"' if color else 'fill="none"'  # on pages of any colour
    name, more = box.label or box.key, box.detail or box.kind
    more += f", {box.count} operations" if box.count > 1 else ""
    corner = 8 if box.kind in ("scope", "line") else 2
    return (
        f'<g><title>{escape(name)} ({escape(more)})</title><rect x="{x:.0f}" y="{y:.0f}" width="{_WIDE}" '
        f'height="{_HIGH}" rx="{corner}" {fill} stroke="currentColor" stroke-opacity="0.5"/><text x="{x + _WIDE / 2:.0f}" '
        f'y="{y + 14:.0f}" text-anchor="middle">{escape(_name(name))}</text><text x="{x + _WIDE / 2:.0f}" '
        f'y="{y + 27:.0f}" text-anchor="middle" fill-opacity="0.7">{escape(_described(more))}</text></g>'
    )


def _arrow(said: str, start: tuple, end: tuple) -> str:
    (x0, y0), (x1, y1) = start, end
    is_long = y1 - y0 > _STEP and abs(x1 - x0) < _WIDE
    aside = max(x0, x1) + _WIDE * 0.75  # past the boxes between, or back up
    begin, bend = (aside, aside) if is_long or y1 < y0 else (x0, x1)
    return (
        f'<path d="M{x0:.0f},{y0:.0f} C{begin:.0f},{y0 + 20:.0f} {bend:.0f},{y1 - 20:.0f} {x1:.0f},{y1:.0f}" fill="none" '
        f'stroke="currentColor" stroke-opacity="0.4" marker-end="url(#graphc-arrow)"><title>{escape(said)}</title></path>'
    )


def drawing(boxes: list[Box], head: str, more: int = 0) -> str:
    """Boxes and the arrows between them as HTML, in the colours of the page around it; what is large can be scrolled.

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
        f'<div class="graphc-graph"><p>{escape(head)}</p><div style="overflow: auto; max-height: 80vh"><svg '
        f'xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11" fill="currentColor"><defs><marker id="graphc-arrow" markerWidth="8" '
        f'markerHeight="8" refX="6" refY="3" orient="auto"><path d="M0,0 L6,3 L0,6 z" fill="currentColor" '
        f'fill-opacity="0.5"/></marker></defs>{"".join(arrows)}{"".join(drawn)}</svg></div>{note}</div>'
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
    counts = ((len(graph.inputs), "input"), (len(nodes), "node"), (len(graph.outputs), "output"))
    head = f"{graph.name}: " + ", ".join(f"{count} {what}{'s' if count != 1 else ''}" for count, what in counts)
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
