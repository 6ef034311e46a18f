"""Parts: what runs on which device, and the copies between, where a graph's values are made on several devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphc.ir.graph import Graph
from graphc.ir.printer import graph_text


HOST = "cpu:0"


@dataclass(frozen=True)
class Copy:
    """Bring a value to another device; ``source`` is empty for an input, which is brought from wherever it is given."""

    value: str
    source: str
    target: str


@dataclass(frozen=True)
class Run:
    """Run a graph on a device: from the values ``takes`` to the values ``makes``."""

    device: str
    graph: Graph
    takes: tuple[str, ...]
    makes: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """A graph in parts.

    Attributes:
        whole: the graph, without transfers.
        device: of the program: where its inputs are if nobody says otherwise.
        steps: copies and runs, in order.
        inputs: the names of the inputs. results: for each output the name of its value.
        places: the device of each value that is made.
    """

    whole: Graph
    device: str
    steps: tuple[Copy | Run, ...]
    inputs: tuple[str, ...]
    results: tuple[str, ...]
    places: Mapping[str, str]

    def __str__(self) -> str:
        lines, shown = [], {}
        for step in self.steps:
            if isinstance(step, Run):
                shown[step.graph] = None
        text = "".join(f"{graph_text(graph)}\n" for graph in shown)
        listed = ", ".join(f"%{name}" for name in self.inputs)
        lines.append(f"parts @{self.whole.name}({listed}) on {self.device} {{")
        for step in self.steps:
            if isinstance(step, Copy):
                lines.append(f"  copy %{step.value}: {step.source or 'given'} -> {step.target}")
                continue
            takes, makes = (", ".join(f"%{name}" for name in names) for names in (step.takes, step.makes))
            lines.append(f"  {makes} = run @{step.graph.name}({takes}) on {step.device}")
        lines.append(f"  return {', '.join(f'%{name} on {self.places.get(name, self.device)}' for name in self.results)}")
        return text + "\n".join([*lines, "}"]) + "\n"
