"""Layered drawings: a row for each item of a directed graph, and its place in that row, in nearly linear time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

GAP = 18  # between two items of a row, in pixels
_SWEEPS = 6  # over all rows, first for their order, then for places
_NARROW = 8  # items of a row that are never too many


def layered(widths: Sequence[float], edges: Iterable[tuple[int, int]]) -> tuple[list[int], list[float]]:
    """Where to draw items 0, 1, ... so that arrows point down as far as possible.

    Of each circle one arrow points up, to the item with the smallest number.

    Args:
        widths: of the items in pixels.
        edges: (from, to) by number.

    Returns:
        The row of each item, from 0 at the top, and the middle of each item in pixels, the leftmost edge of all being 0. Items
        of one row do not overlap, and lie in it in the order of their places.
    """
    every = list(dict.fromkeys(edges))
    order = _operands_first(len(widths), every)
    turn = {item: k for k, item in enumerate(order)}
    before: list[list[int]] = [[] for _ in widths]
    after: list[list[int]] = [[] for _ in widths]
    for a, b in every:
        if turn[a] < turn[b]:
            before[b].append(a)
            after[a].append(b)
    rows = _rows(order, before, after)
    _order(rows, before, after)
    rows = [part for row in rows for part in _folded(row, len(widths))]
    places = _places(rows, widths, before, after)
    found = [0] * len(widths)
    for number, row in enumerate(rows):
        for item in row:
            found[item] = number
    return found, places


def spread(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """The middles of the items of one row, in order, as near as can be (least squares) to where they are wanted."""
    blocks: list[list[float]] = []  # [sum, count] of neighbours that touch
    offsets, offset = [], 0.0
    for k, width in enumerate(widths):
        offset += (widths[k - 1] + width) / 2 + GAP if k else 0.0
        offsets.append(offset)
        blocks.append([wanted[k] - offset, 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    starts = [total / count for total, count in blocks for _ in range(int(count))]
    return [start + offset for start, offset in zip(starts, offsets)]


def _operands_first(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """Each item behind those that lead to it; where a circle leaves none, the one with the smallest number goes on."""
    waits_for, users = [0] * count, [[] for _ in range(count)]
    for a, b in edges:
        waits_for[b] += 1
        users[a].append(b)
    ready = [item for item in range(count) if not waits_for[item]]
    order: list[int] = []
    done, first = [False] * count, 0
    while len(order) < count:
        while not ready:
            if not done[first]:
                ready.append(first)
            first += 1
        item = heapq.heappop(ready)
        if done[item]:
            continue
        done[item] = True
        order.append(item)
        for user in users[item]:
            waits_for[user] -= 1
            if not waits_for[user]:
                heapq.heappush(ready, user)
    return order


def _rows(order: list[int], before: list[list[int]], after: list[list[int]]) -> list[list[int]]:
    """Each item below all that it takes values from; what takes none just above the first that uses it."""
    depth = [0] * len(before)
    for item in order:
        depth[item] = max([depth[x] + 1 for x in before[item]], default=0)
    for item, operands in enumerate(before):
        if not operands and after[item]:
            depth[item] = min(depth[x] for x in after[item]) - 1
    rows: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for item in order:
        rows[depth[item]].append(item)
    return [row for row in rows if row]


def _order(rows: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    """Sort each row by the mean place of the neighbours of its items, downwards and upwards in turns."""
    place = [0.0] * len(before)
    for row in rows:
        _number(row, place)
    for sweep in range(_SWEEPS):
        near, turn = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        for row in turn:
            wanted = {x: _mean(near[x], place, place[x]) for x in row}
            row.sort(key=wanted.__getitem__)
            _number(row, place)


def _number(row: list[int], place: list[float]) -> None:
    """Note the order of a row, its middle being 0, so that rows of different lengths compare."""
    for k, item in enumerate(row):
        place[item] = k - (len(row) - 1) / 2


def _folded(row: list[int], count: int) -> list[list[int]]:
    """A row that is far longer than a square picture is wide, as several; there are no arrows inside of it."""
    most = max(_NARROW, int(1.5 * count**0.5))
    return [row[k : k + most] for k in range(0, len(row), most)]


def _places(rows: list[list[int]], widths: Sequence[float], before: list[list[int]], after: list[list[int]]) -> list[float]:
    middle = [0.0] * len(widths)
    for row in rows:
        _set(row, [0.0] * len(row), widths, middle)
    around = [[*a, *b] for a, b in zip(before, after)]
    for near, turn in [(before, rows), (after, rows[::-1])] * (_SWEEPS // 2) + [(around, rows)]:
        for row in turn:
            _set(row, [_mean(near[x], middle, middle[x]) for x in row], widths, middle)
    left = min([m - w / 2 for m, w in zip(middle, widths)], default=0.0)
    return [m - left for m in middle]


def _set(row: list[int], wanted: list[float], widths: Sequence[float], middle: list[float]) -> None:
    for item, x in zip(row, spread(wanted, [widths[item] for item in row])):
        middle[item] = x


def _mean(items: list[int], value: list[float], default: float) -> float:
    return sum([value[x] for x in items]) / len(items) if items else default
