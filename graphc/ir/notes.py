"""What lowering decided: filled in by ``lower``, written down by ``ir.recorder``.

Reasons are sentences (``lower.reasons``) that the place of a decision gives; nothing here works them out again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphc.ir.node import Node

if TYPE_CHECKING:
    from graphc.ir.graph import Graph


@dataclass
class Fusion:
    """What became of the Nodes of one graph. What is in neither of the first two stays in registers of its kernel.

    Attributes:
        arrays: Nodes that lie in memory of their own, and why.
        inline: Nodes that are computed where they are read, and why.
        apart: (value, reader or sibling) -> why the two are not in one kernel.
    """

    arrays: dict[Node, str] = field(default_factory=dict)
    inline: dict[Node, str] = field(default_factory=dict)
    apart: dict[tuple[Node, Node], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Launched:
    """One launch of a kernel: the Nodes of ``graph`` that it computes, operands first."""

    kernel: str
    graph: Graph
    nodes: tuple[Node, ...]


@dataclass
class Notes:
    """What one lowering decided, by Node and by the names of buffers.

    Attributes:
        graph: what was lowered: the optimised graph without what means nothing to code.
        fusions: for it and for every graph inside it.
        launches: in the order in which they run; each stands once, also inside of a loop.
        holds: buffer -> the graph, and the Node of it that it holds.
        memory: (buffer, other buffer) -> why the first has the memory of the other.
        separate: (buffer, other buffer) -> why the first has not the memory of the other, which one could think of.
        schedules: kernel -> why it has its schedule, where it could have had another one.
    """

    graph: Graph | None = None
    fusions: dict[Graph, Fusion] = field(default_factory=dict)
    launches: list[Launched] = field(default_factory=list)
    holds: dict[str, tuple[Graph, Node]] = field(default_factory=dict)
    memory: dict[tuple[str, str], str] = field(default_factory=dict)
    separate: dict[tuple[str, str], str] = field(default_factory=dict)
    schedules: dict[str, str] = field(default_factory=dict)

    def launched(self) -> dict[str, list[tuple[Node, ...]]]:
        """For every kernel, by name, the Nodes that each of its launches computes."""
        found: dict[str, list[tuple[Node, ...]]] = {}
        for launch in self.launches:
            found.setdefault(launch.kernel, []).append(launch.nodes)
        return found
