"""How a graph is drawn: its values in frames for their name scopes or lines, each frame laid out on its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.inspect.page.frames import common, paths
from graphc.inspect.page.layers import layered
from graphc.ir.node import Node

OPEN = 200  # values; the frames of a larger graph are closed at first, and what has no scope is framed by its line
_COUNTS = "0000 values, 1.23 M"  # what a closed frame tells
_LETTER, _MARGIN, _LEAST, _WIDEST = 6.7, 22.0, 64.0, 230.0  # pixels of a label


@dataclass
class Frame:
    """A name scope or a line; frame 0 is all of the graph.

    Attributes:
        parent: the number of the frame around it, -1 for frame 0.
        row, x: where it lies in its parent when it is closed, and so the middle of it when it is open.
        width: of the closed frame in pixels.
    """

    name: str
    parent: int
    row: int = 0
    x: float = 0.0
    width: float = 0.0
    inside: dict = field(default_factory=dict, repr=False)  # name -> number


@dataclass
class Drawing:
    """Frames, and for each value the frame, row, middle and width; row -1 where it is not drawn."""

    frames: list[Frame]
    home: list[int]
    row: list[int]
    x: list[float]
    width: list[float]


def drawing(nodes: list[Node], labels: list[tuple[str, str]]) -> Drawing:
    """Where to draw the Nodes of a graph, given operands first.

    Constants of one number, and sizes, are not drawn: they would be more boxes than picture.

    Args:
        labels: two lines for each Node.
    """
    shown = [k for k, n in enumerate(nodes) if not is_small(n)]
    frames = [Frame("", -1)]
    home = [0] * len(nodes)
    for k, path in paths(nodes, shown, by_line=len(shown) > OPEN).items():
        home[k] = _frame(frames, path)
    number = {n: k for k, n in enumerate(nodes)}
    drawn = set(shown)
    edges = [(number[x], k) for k in shown for x in nodes[k].inputs if number[x] in drawn]
    width = [_width(*label) for label in labels]
    found = Drawing(frames, home, [-1] * len(nodes), [0.0] * len(nodes), width)
    _lay_out(found, shown, edges)
    return found


def is_small(node: Node) -> bool:
    """Whether it is one number, which is told with what uses it, or a size."""
    return node.op == "symbol" or (node.op == "const" and node.attr("value").is_splat)


def _frame(frames: list[Frame], path: tuple[str, ...]) -> int:
    """The number of the frame of that path, made if there is none."""
    at = 0
    for name in path:
        if name not in frames[at].inside:
            frames[at].inside[name] = len(frames)
            frames.append(Frame(name, at, width=_width(name, _COUNTS)))
        at = frames[at].inside[name]
    return at


def _width(first: str, second: str) -> float:
    return min(_WIDEST, max(_LEAST, _MARGIN + _LETTER * max(len(first), len(second))))


def _lay_out(found: Drawing, shown: list[int], edges: list[tuple[int, int]]) -> None:
    """Lay out each frame by itself; an arrow belongs to the innermost frame that both of its ends lie in."""
    frames = found.frames
    chains: list[tuple[int, ...]] = []  # of each frame: the frames around it from the outermost, and it
    for number, frame in enumerate(frames):
        chains.append((*chains[frame.parent], number) if number else (0,))
    items: list[dict] = [{} for _ in frames]  # ("value", k) or ("frame", g) -> position; in the order of the first value inside
    for k in shown:
        chain = chains[found.home[k]]
        for outer, inner in zip(chain, chain[1:]):
            items[outer].setdefault(("frame", inner), len(items[outer]))
        items[chain[-1]]["value", k] = len(items[chain[-1]])
    inner_edges: list[list[tuple[int, int]]] = [[] for _ in frames]
    for a, b in edges:
        up, down = chains[found.home[a]], chains[found.home[b]]
        depth = len(common(up, down)) - 1
        at = items[up[depth]]
        source = at["frame", up[depth + 1]] if len(up) > depth + 1 else at["value", a]
        target = at["frame", down[depth + 1]] if len(down) > depth + 1 else at["value", b]
        inner_edges[up[depth]].append((source, target))
    for number, inside in enumerate(items):
        widths = [found.width[k] if kind == "value" else frames[k].width for kind, k in inside]
        rows, places = layered(widths, inner_edges[number])
        for (kind, k), row, x in zip(inside, rows, places):
            if kind == "value":
                found.row[k], found.x[k] = row, x
            else:
                frames[k].row, frames[k].x = row, x
