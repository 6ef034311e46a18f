"""What the page shows of a compilation, as one object of values that JSON has."""

from __future__ import annotations

import os
from collections.abc import Iterable

from graphc.errors import Location
from graphc.inspect.page.code import forms
from graphc.inspect.page.decisions import Decisions
from graphc.inspect.page.edits import edits
from graphc.inspect.page.plan import memory_plan
from graphc.inspect.page.tables import Tables, operation_rows
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.summary import KernelCost, formulas, numbers
from graphc.inspect.work import flat
from graphc.ir.node import Node
from graphc.ir.program import Launch, Program
from graphc.ir.record import OPTIMISED, TRACED
from graphc.ir.recorded_lowering import RecordedLowering
from graphc.options import VERSION

FORMAT = 1  # raised when a field goes or changes its meaning


def content(stages: Stages, sizes: Sizes, costs: list[KernelCost], source: bool = True) -> dict:
    """Everything but times and the code of kernels; the same for the same model, compiled now or kept in a file.

    Args:
        stages: whose record has what lowering decided.
        source: whether the text of the user's lines is told, and not only their files and numbers.
    """
    exact, texts = formulas(stages), _texts(stages, sizes)
    tables = Tables(sizes)
    tables.add(TRACED, stages.at(TRACED), texts[0])
    tables.add(OPTIMISED, stages.optimised, texts[-1])
    decisions = Decisions(stages.whole_record)
    for graph in tables.graphs:
        if graph["stage"] == OPTIMISED:
            graph |= decisions.of_graph(graph["label"], graph["name"])
    given, lowering = _given(stages.program), stages.whole_record.lowering
    computed = _computed(lowering, tables)
    kernels = [_kernel(stages, sizes, cost, computed.get(cost.name, []), tables) | {"given": given[cost.name]} for cost in costs]
    holds = {buffer: tables.places[value] for buffer, value in lowering.holds.items() if value in tables.places}
    signature = stages.program.signature
    files = _short_paths(file for file, _ in tables.lines)
    return {
        "format": FORMAT,
        "graphc": VERSION,
        "name": stages.graph.name,
        "target": stages.target.name,
        "forms": forms(stages),
        "condition": sizes.condition.strip(),
        "legend": sizes.legend,
        "inputs": [[p.name, sizes.text(p.type)] for p in signature.inputs],
        "outputs": [[p.name, sizes.text(p.type)] for p in signature.outputs],
        "summary": numbers(stages, sizes, exact),
        "formulas": {k: sizes.text(v).replace(" * ", "*") for k, v in exact.items() if isinstance(v, Node)},
        "types": list(tables.types),
        "operations": operation_rows(tables.operations),
        "scopes": list(tables.scopes),
        "lines": [[files[file], line, Location(file, line).source if source else ""] for file, line in tables.lines],
        "graphs": tables.graphs,
        "text": texts[0],
        "passes": [
            [one.name, one.before, one.after, one.changed, edits(before, after)]
            for one, before, after in zip(stages.record.passes, texts, texts[1:])
        ],
        "replaced": decisions.replaced,
        "kernels": kernels,
        "memory": memory_plan(stages.program, sizes, [cost.name for cost in costs], holds) | decisions.of_memory(),
        "sentences": list(decisions.sentences),
    }


def _texts(stages: Stages, sizes: Sizes) -> list[list[str]]:
    """The lines of the graph before the first pass and after each."""
    found: list[list[str]] = []
    last: list[str] | None = None
    for lines in stages.record.texts():
        found.append(found[-1] if lines is last else [sizes.text(line) for line in lines])
        last = lines
    return found


def _computed(lowering: RecordedLowering, tables: Tables) -> dict[str, list[tuple[int, int]]]:
    """For each kernel the places of the values that all its launches compute."""
    found: dict[str, dict] = {}
    for launch in lowering.launches:
        values = [(launch.graph, name) for name in launch.values]
        found.setdefault(launch.kernel, {}).update((tables.places[v], None) for v in values if v in tables.places)
    return {kernel: list(places) for kernel, places in found.items()}


def _kernel(stages: Stages, sizes: Sizes, cost: KernelCost, values: list[tuple[int, int]], tables: Tables) -> dict:
    lines = dict.fromkeys(tables.graphs[g]["line"][k] for g, k in values)
    return {
        "name": cost.name,
        "runs": cost.runs,
        "flops": cost.flops,
        "bytes": cost.bytes,
        "arrays": [[a.name, sizes.text(a.type), a.written] for a in stages.kernel(cost.name).arrays],
        "values": values,
        "lines": [line for line in lines if line >= 0],
    }


def _given(program: Program) -> dict[str, list[int]]:
    """For each kernel the positions of the buffers of its first launch, in the order of its arrays."""
    number = {b.name: k for k, b in enumerate(program.buffers)}
    launches = [s for s in flat(program.steps) if isinstance(s, Launch)]
    return {s.kernel: [number[name] for name in s.args] for s in reversed(launches)}


def _short_paths(files: Iterable[str]) -> dict[str, str]:
    """For each path its last parts, as many as tell it from the others."""
    found: dict[str, str] = {}
    every = sorted(set(files))
    for file in every:
        parts = file.replace(os.sep, "/").split("/")
        others = [f.replace(os.sep, "/") for f in every if f != file]
        tails = ["/".join(parts[-k:]) for k in range(1, len(parts) + 1)]
        found[file] = next((t for t in tails if not any(o == t or o.endswith("/" + t) for o in others)), file)
    return found
