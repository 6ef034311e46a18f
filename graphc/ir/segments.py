"""The order in which a program is executed: native code, and what Python does between."""

from __future__ import annotations

from graphc.ir.program import Host, Program


def segments(program: Program) -> list:
    """The order of execution: numbers of native segments, and the Host steps between them.

    A program without Host steps has the one segment 0, whose function has the entry name alone; every other program
    has more than one item.
    """
    items: list = []
    native = 0
    for step in program.steps:
        if isinstance(step, Host):
            items.append(step)
        elif not items or isinstance(items[-1], Host):
            items.append(native)
            native += 1
    return items if len(items) > 1 else [0, *(item for item in items if isinstance(item, Host))]
