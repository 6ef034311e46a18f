"""What the page shows of a compilation, as one object of values that JSON has."""

from __future__ import annotations

import os
from collections.abc import Iterable

from graphc.errors import Location
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
from graphc.options import VERSION

FORMAT = 1  # raised when a field goes or changes its meaning


def content(stages: Stages, sizes: Sizes, costs: list[KernelCost], source: bool = True) -> dict:
    """Everything but times and the code of kernels; the same for the same model.

    Args:
        source: whether the text of the user's lines is told, and not only their files and numbers.
    """
    exact, texts = formulas(stages), _texts(stages, sizes)
    tables = Tables(sizes)
    tables.add(TRACED, stages.passes[0].before, texts[0])
    tables.add(OPTIMISED, stages.optimised, texts[-1])
    given = _given(stages.program)
    kernels = [_kernel(stages, sizes, cost, tables) | {"given": given[cost.name]} for cost in costs]
    signature = stages.program.signature
    files = _short_paths(file for file, _ in tables.lines)
    return {
        "format": FORMAT,
        "graphc": VERSION,
        "name": stages.graph.name,
        "target": stages.target.name,
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
        "kernels": kernels,
        "memory": memory_plan(stages.program, sizes, [cost.name for cost in costs], _holders(stages, tables)),
    }


def _texts(stages: Stages, sizes: Sizes) -> list[list[str]]:
    """The lines of the graph before the first pass and after each."""
    found: list[list[str]] = []
    last: list[str] | None = None
    for lines in stages.record.texts():
        found.append(found[-1] if lines is last else [sizes.text(line) for line in lines])
        last = lines
    return found


def _kernel(stages: Stages, sizes: Sizes, cost: KernelCost, tables: Tables) -> dict:
    arrays, nodes = stages.kernel(cost.name).arrays, stages.origins.get(cost.name, ())
    lines = dict.fromkeys(n.location for n in nodes if n.location is not None)
    return {
        "name": cost.name,
        "runs": cost.runs,
        "flops": cost.flops,
        "bytes": cost.bytes,
        "arrays": [[a.name, sizes.text(a.type), a.written] for a in arrays],
        "values": [tables.places[n][-1] for n in nodes if n in tables.places],
        "lines": list(dict.fromkeys(tables.lines((at.file, at.line)) for at in lines)),
    }


def _given(program: Program) -> dict[str, list[int]]:
    """For each kernel the positions of the buffers of its first launch, in the order of its arrays."""
    number = {b.name: k for k, b in enumerate(program.buffers)}
    launches = [s for s in flat(program.steps) if isinstance(s, Launch)]
    return {s.kernel: [number[name] for name in s.args] for s in reversed(launches)}


def _holders(stages: Stages, tables: Tables) -> dict[str, tuple[int, int]]:
    """For the name of a buffer the place of the value that is put into it."""
    return {name: tables.places[n][-1] for name, n in stages.held.items() if n in tables.places}


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
