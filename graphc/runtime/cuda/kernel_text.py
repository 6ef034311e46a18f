"""The kernels in a program's CUDA C++ text: where they begin and end, and texts with some of them only."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_HEAD = re.compile(r'^extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\s*\(')


@dataclass(frozen=True)
class Span:
    """A kernel's lines in a text: from ``first`` on, and before ``last``, counted from 0."""

    name: str
    first: int
    last: int


def spans(source: str) -> list[Span]:
    """The kernels of a text in order, with the comments right before them. Each ends with the first line that is ``}`` alone."""
    found, lines = [], source.splitlines()
    for k, line in enumerate(lines):
        head = _HEAD.match(line)
        if head:
            first = next((j + 1 for j in range(k - 1, -1, -1) if not lines[j].startswith("//")), 0)
            last = next((j for j in range(k, len(lines)) if lines[j] == "}"), len(lines) - 1)
            found.append(Span(head[1], first, last + 1))
    return found


def enclosing(source: str, line: int) -> str | None:
    """The kernel that has a line, counted from 1; None outside of all."""
    return next((one.name for one in spans(source) if one.first < line <= one.last), None)


def kernel_of(source: str, name: str) -> str | None:
    """The text of one kernel alone; None if there is none of that name."""
    lines = source.splitlines()
    return next(("\n".join(lines[one.first : one.last]) for one in spans(source) if one.name == name), None)


def only(source: str, names: set[str]) -> str:
    """The text without the kernels that are not named."""
    lines = source.splitlines()
    for one in reversed(spans(source)):
        if one.name not in names:
            del lines[one.first : one.last]
    return "\n".join(lines) + "\n"


def shared_out(source: str, parts: int) -> list[str]:
    """The text as several, each with some of the kernels, about as much of them in each; itself if there is one part."""
    kernels = spans(source)
    if parts <= 1 or len(kernels) < parts:
        return [source]
    lines = source.splitlines()
    groups: list[tuple[int, set[str]]] = [(0, set()) for _ in range(parts)]
    by_size = sorted(kernels, key=lambda one: -sum(map(len, lines[one.first : one.last])))
    for one in by_size:
        k = min(range(parts), key=lambda j: groups[j][0])
        size = sum(map(len, lines[one.first : one.last]))
        groups[k] = (groups[k][0] + size, groups[k][1] | {one.name})
    return [only(source, names) for _, names in groups]


def with_all_registers(source: str, names: Collection[str]) -> str:
    """The text with kernels that may use all registers of a multiprocessor for one block.

    Where a launch bound tells threads only, the assembler goes by how many blocks it would like there to be, and rather spills.
    """
    pattern = re.compile(r"__launch_bounds__\((\d+)(?:, \d+)?\)(\s+(?:%s)\s*\()" % "|".join(map(re.escape, names)))
    return pattern.sub(r"__launch_bounds__(\1, 1)\2", source)
