"""What makes one text of another: the lines to put in the place of others."""

from __future__ import annotations

import difflib


def edits(before: list[str], after: list[str]) -> list[list]:
    """``[first, count, lines]`` each: ``lines`` take the place of ``count`` lines from ``first`` on, counted in ``before``."""
    same = 0
    for a, b in zip(before, after):
        if a != b:
            break
        same += 1
    end = 0
    while end < min(len(before), len(after)) - same and before[-1 - end] == after[-1 - end]:
        end += 1
    inner, made = before[same : len(before) - end], after[same : len(after) - end]
    found = difflib.SequenceMatcher(None, inner, made, autojunk=False).get_opcodes()
    return [[same + a, b - a, made[c:d]] for tag, a, b, c, d in found if tag != "equal"]
