"""Steps before memory is planned: what a program will do, over storages instead of named buffers."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.ir.node import Node


@dataclass
class Step:
    """One step before memory is planned: storages instead of buffer names."""

    kind: str  # "launch", "copy", "host", "branch", "repeat", "refuse"
    reads: tuple = ()
    writes: tuple = ()
    kernel: str = ""
    args: tuple = ()
    node: Node | None = None
    parts: tuple = ()  # of a branch: then, orelse; of a repeat: body, test
    extra: dict = field(default_factory=dict)
    reusable: tuple = ()  # pairs (read, written) of storages that may be one memory
    blocked: tuple = ()  # (read, written, why these may not)
    of: tuple | None = None  # for a launch: the graph, and the Nodes of it that are computed


def with_inner(step: Step):
    """A step and every step inside it."""
    yield step
    for part in step.parts:
        for inner in part:
            yield from with_inner(inner)
