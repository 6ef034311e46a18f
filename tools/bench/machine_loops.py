"""Loops of machine code: which instructions a kernel spends its time on, read from what ``nvdisasm`` prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from graphc.runtime.cuda.sass import Sass, read_listing

_LABEL = re.compile(r"^(\.L_x_\d+):")
_BRANCH = re.compile(r"\bBRA\b.*`\((\.L_x_\d+)\)")
_WORKING = ("FFMA", "HGMMA", "HMMA", "IMMA", "DFMA")


def loops(code: Sass) -> Iterator[Counter]:
    """How often each instruction stands in each loop: from a label to a later branch that goes there."""
    lines, labels = code.text.splitlines(), {}
    for k, line in enumerate(lines):
        label = _LABEL.match(line.strip())
        if label:
            labels[label[1]] = k
        branch = _BRANCH.search(line)
        if branch and labels.get(branch[1], k) < k - 1:
            yield counted(lines[labels[branch[1]] : k + 1])


def counted(lines: list[str]) -> Counter:
    """How often each instruction stands in lines of machine code, but for the ways to functions, which special values take."""
    taken = [line for block in _blocks(lines) if not any(" CALL." in line for line in block) for line in block]
    found = read_listing("\n".join(["//--------------------- .text.part", *taken]))
    return found["part"].counts if found else Counter()


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """What is run as a whole: up to a label, or the end of a branch."""
    block: list[str] = []
    for line in lines:
        if _LABEL.match(line.strip()):
            yield block
            block = []
        block.append(line)
        if _BRANCH.search(line):
            yield block
            block = []
    yield block


def busiest(code: Sass) -> Counter:
    """Of the loops that multiply and add, the one with the largest share of that; the whole kernel where there is none."""
    found = [c for c in loops(code) if any(c[name] for name in _WORKING)]
    return max(found, key=lambda c: sum(c[n] for n in _WORKING) / c.total(), default=code.counts)


def main_part(code: Sass) -> Counter:
    """The largest loop that stores results; the whole kernel where there is none."""
    found = [c for c in loops(code) if any(name.startswith("STG") for name in c)]
    return max(found, key=Counter.total, default=code.counts)
