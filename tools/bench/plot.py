"""A picture of the ratios as SVG: a bar for each workload on a logarithmic axis, a mark where its goal is."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

LEFT, WIDTH, RIGHT, STEP, TOP = 230, 560, 150, 20, 44
LEAST, MOST = 0.25, 16.0
AHEAD, BEHIND = "#2a9d8f", "#c8553d"


def place(ratio: float) -> float:
    """Where on the axis a ratio is."""
    inside = min(max(ratio, LEAST), MOST)
    return LEFT + WIDTH * math.log(inside / LEAST) / math.log(MOST / LEAST)


def element(name: str, text: str | None = None, **attributes) -> str:
    """One element; underscores of attributes are hyphens."""
    told = "".join(f' {k.replace("_", "-")}="{v:.1f}"' if isinstance(v, float) else f' {k.replace("_", "-")}="{v}"'
                   for k, v in attributes.items())  # fmt: skip
    return f"<{name}{told}/>" if text is None else f"<{name}{told}>{escape(text)}</{name}>"


def line(x: float, top: int, bottom: int, colour: str, width: int = 1) -> str:
    return element("line", x1=x, y1=top, x2=x, y2=bottom, stroke=colour, stroke_width=width)


def svg(bars: list[tuple[str, float, float | None, str]]) -> str:
    """The picture of bars: name, the best peer's time by ours, goal, the peer."""
    height, whole = TOP + STEP * len(bars) + 12, LEFT + WIDTH + RIGHT
    size = f'width="{whole}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        element("rect", width=whole, height=height, fill="white"),
        element("text", "time of the best peer by graphc's, one thread (line: goal)", x=LEFT, y=16),
    ]
    ratio = LEAST
    while ratio <= MOST:
        lines.append(line(place(ratio), TOP - 6, height - 8, "#555" if ratio == 1 else "#ddd"))
        lines.append(element("text", f"{ratio:g}", x=place(ratio), y=TOP - 10, text_anchor="middle"))
        ratio *= 2
    for k, (name, ratio, goal, peer) in enumerate(bars):
        y, one, end = TOP + STEP * k, place(1), place(ratio)
        colour = AHEAD if ratio >= 1 else BEHIND
        lines.append(element("text", name, x=LEFT - 8, y=y + 12, text_anchor="end"))
        lines.append(element("rect", x=min(one, end), y=y + 2, width=abs(end - one), height=STEP - 7, fill=colour))
        if goal:
            lines.append(line(place(goal), y, y + STEP - 3, "black", 2))
        lines.append(element("text", f"{ratio:.2f} {peer}", x=max(one, end) + 6, y=y + 12))
    return "\n".join([*lines, "</svg>"]) + "\n"
