"""The memory and the steps of a program as rows: where each buffer lies, and which steps use it."""

from __future__ import annotations

from graphc.inspect.memory import buffers_of, step_line
from graphc.inspect.sizes import Sizes
from graphc.inspect.work import flat
from graphc.ir.node import Node
from graphc.ir.program import Buffer, Launch, Program


def memory_plan(program: Program, sizes: Sizes, kernels: list[str], holds: dict[str, tuple[int, int]]) -> dict:
    """Buffers and steps.

    Args:
        kernels: names, whose positions are told.
        holds: for the name of a buffer, the place of the value that is put into it.

    Returns:
        ``buffers``: [name, type, place, offset or position, bytes, first step, last step, value]; steps are -1 where none uses
        it. ``steps``: [text, positions of the kernels, positions of the buffers]. ``arena``, ``constants`` in bytes.
    """
    position, number = {name: k for k, name in enumerate(kernels)}, {b.name: k for k, b in enumerate(program.buffers)}
    used: list[list[int]] = [[] for _ in program.buffers]
    steps = []
    places = {b.name: b.place for b in program.buffers}
    for k, step in enumerate(program.steps):
        touched = list(dict.fromkeys(number[x] for name in buffers_of(step) for x in _with_whole(name, places)))
        launched = list(dict.fromkeys(position[s.kernel] for s in flat((step,)) if isinstance(s, Launch)))
        steps.append([step_line(step), launched, touched])
        for buffer in touched:
            used[buffer].append(k)
    buffers = []
    for buffer, at in zip(program.buffers, used):
        first, last = (at[0], at[-1]) if at else (-1, -1)
        size = sizes.number(buffer.type.size * buffer.type.dtype.size)
        row = [buffer.name, sizes.text(buffer.type), *_place(buffer, sizes), size, first, last, holds.get(buffer.name)]
        buffers.append(row)
    return {
        "buffers": buffers,
        "steps": steps,
        "arena": sizes.number(program.signature.arena),
        "constants": len(program.constants),
    }


def _with_whole(name: str, places: dict[str, tuple]) -> list[str]:
    """A buffer, and if it is a row of another one, that one and the buffer of its number too."""
    kind, where = places[name]
    return [name] if kind != "row" else [name, *(x for inner in where for x in _with_whole(inner, places))]


def _place(buffer: Buffer, sizes: Sizes) -> tuple[str, int | str]:
    kind, where = buffer.place
    if kind == "row":
        return kind, " of ".join(map(str, reversed(where)))
    return kind, sizes.number(where) if isinstance(where, Node) else where
