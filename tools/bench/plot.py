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


def svg(bars: list[tuple[str, float, float | None, str]]) -> str:
    """The picture of bars: name, the best peer's time by ours, goal, the peer."""
    height = TOP + STEP * len(bars) + 12
    whole = LEFT + WIDTH + RIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{whole}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="16">time of the best peer by graphc\'s, one thread (line: goal)</text>',
    ]
    ratio = LEAST
    while ratio <= MOST:
        x = place(ratio)
        colour = "#555" if ratio == 1 else "#ddd"
        lines.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 8}" stroke="{colour}"/>')
        lines.append(f'<text x="{x:.1f}" y="{TOP - 10}" text-anchor="middle">{ratio:g}</text>')
        ratio *= 2
    for k, (name, ratio, goal, peer) in enumerate(bars):
        y, one, end = TOP + STEP * k, place(1), place(ratio)
        colour = AHEAD if ratio >= 1 else BEHIND
        lines.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        lines.append(
            f'<rect x="{min(one, end):.1f}" y="{y + 2}" width="{abs(end - one):.1f}" height="{STEP - 7}" fill="{colour}"/>'
        )
        if goal:
            lines.append(
                f'<line x1="{place(goal):.1f}" y1="{y}" x2="{place(goal):.1f}" y2="{y + STEP - 3}" stroke="black" stroke-width="2"/>'
            )
        lines.append(f'<text x="{max(one, end) + 6:.1f}" y="{y + 12}">{ratio:.2f} {escape(peer)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
