"""What makes one text of another: the lines to put in the place of others."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter


def edits(before: list[str], after: list[str]) -> list[list]:
    """``[first, count, lines]`` each: ``lines`` take the place of ``count`` lines from ``first`` on, counted in ``before``."""
    same, end = _alike(before, after, (0, 0), (len(before), len(after)))
    found, at, to = [], same, same
    for a, b in [*_matched(before, after, same, end), (len(before) - end, len(after) - end)]:
        head, tail = _alike(before, after, (at, to), (a, b))  # lines that the texts have more than once
        if a - at > head + tail or b - to > head + tail:
            found.append([at + head, a - at - head - tail, after[to + head : b - tail]])
        at, to = a + 1, b + 1
    return found


def _alike(before: list[str], after: list[str], begin: tuple[int, int], end: tuple[int, int]) -> tuple[int, int]:
    """How many lines are the same at the beginning, and how many others at the end, of a part of both texts."""
    (a, b), most = begin, min(end[0] - begin[0], end[1] - begin[1])
    head = tail = 0
    while head < most and before[a + head] == after[b + head]:
        head += 1
    while tail < most - head and before[end[0] - 1 - tail] == after[end[1] - 1 - tail]:
        tail += 1
    return head, tail


def _matched(before: list[str], after: list[str], same: int, end: int) -> list[tuple[int, int]]:
    """The longest rising row of lines that both texts have once, by their numbers; values have one line each, so that is nearly all.

    Args:
        same, end: how many lines at the beginning and at the end are left out.
    """
    lines = before[same : len(before) - end], after[same : len(after) - end]
    counts = [Counter(x) for x in lines]
    place = {text: k for k, text in enumerate(lines[0], same)}
    pairs = [(place[text], k) for k, text in enumerate(lines[1], same) if counts[0][text] == counts[1][text] == 1]
    ends: list[int] = []  # for each length the smallest line of ``before`` that a row of it ends with
    last: list[int] = []  # for each length the pair that it is of
    earlier: list[int] = []  # for each pair the one before it in its row
    for k, (a, _) in enumerate(pairs):
        length = bisect_left(ends, a)
        ends[length : length + 1], last[length : length + 1] = [a], [k]
        earlier.append(last[length - 1] if length else -1)
    row, k = [], last[-1] if last else -1
    while k >= 0:
        row.append(pairs[k])
        k = earlier[k]
    return row[::-1]
