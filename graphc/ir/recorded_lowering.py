"""What lowering decided, as the record of a compilation has it: by the names of values and of buffers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RecordedFusion:
    """What became of the values of one graph. What is in neither of the first two stays in registers of its kernel.

    Attributes:
        arrays: values that lie in memory of their own, and why.
        inline: values that are computed where they are read, and why.
        apart: (value, reader or sibling) -> why the two are not in one kernel.
    """

    arrays: dict[str, str]
    inline: dict[str, str]
    apart: dict[tuple[str, str], str]


@dataclass(frozen=True)
class RecordedLaunch:
    """One launch of a kernel: the values of the graph of that label that it computes, operands first."""

    kernel: str
    graph: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class RecordedLowering:
    """What one lowering decided.

    Attributes:
        graphs: by label, the graph that was lowered and those inside it.
        launches: in the order in which they run; each stands once, also inside of a loop.
        holds: buffer -> the label of a graph, and the value of it that it holds.
        memory: (buffer, other buffer) -> why the first has the memory of the other.
        separate: (buffer, other buffer) -> why the first has not the memory of the other.
        schedules: kernel -> why it has its schedule; of kernels for GPUs, in files that tell it.
    """

    graphs: dict[str, RecordedFusion]
    launches: tuple[RecordedLaunch, ...]
    holds: dict[str, tuple[str, str]]
    memory: dict[tuple[str, str], str]
    separate: dict[tuple[str, str], str]
    schedules: dict[str, str] = field(default_factory=dict)

    def check(self, names: Mapping[str, set[str]]) -> None:
        """Compare with the values that there are, by the labels of graphs.

        Raises:
            ValueError: it names others.
        """
        told = {(x.graph, v) for x in self.launches for v in x.values} | set(self.holds.values())
        for label, g in self.graphs.items():
            told |= {(label, v) for v in (*g.arrays, *g.inline, *(v for pair in g.apart for v in pair))}
        for label, name in told:
            if name not in names.get(label, ()):
                raise ValueError(f"lowering tells of {name} in {label}, which is not there")

    @staticmethod
    def read(content: dict) -> "RecordedLowering":
        """What ``ir.recorder`` wrote.

        Raises:
            AttributeError, IndexError, KeyError, TypeError, ValueError: it is damaged.
        """
        reasons = [text_of(why) for why in content["reasons"]]

        def pairs(rows: list) -> dict:
            return {(text_of(a), text_of(b)): reasons[why] for why, a, b in rows}

        def fates(rows: list) -> dict:
            return {text_of(name): reasons[why] for why, *names in rows for name in names}

        graphs = {
            label: RecordedFusion(fates(g["arrays"]), fates(g["inline"]), pairs(g["apart"])) for label, g in content["graphs"].items()
        }
        launches = [
            RecordedLaunch(text_of(kernel), text_of(label), tuple(map(text_of, names))) for kernel, label, *names in content["launches"]
        ]
        holds = {text_of(buffer): (text_of(label), text_of(name)) for buffer, label, name in content["holds"]}
        memory, separate, schedules = pairs(content["memory"]), pairs(content["separate"]), fates(content.get("schedules", []))
        return RecordedLowering(graphs, tuple(launches), holds, memory, separate, schedules)


def text_of(value) -> str:
    """The value, which must be text.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
