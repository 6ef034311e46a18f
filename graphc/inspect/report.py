"""What the inspector knows of a compilation as JSON, for scripts and for comparing two versions."""

from __future__ import annotations

import json

from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.summary import cache_state, formulas, kernel_costs, numbers
from graphc.inspect.work import operations
from graphc.ir.node import Node
from graphc.ir.program import Host, Launch, flat
from graphc.options import VERSION

SCHEMA = 1  # raised when a field is removed or changes its meaning; fields may be added


def report(stages: Stages, sizes: Sizes) -> dict:
    """The summary, passes, kernels and memory as values that JSON has.

    Sizes are numbers at ``sizes``; where they depend on open dimensions, ``formulas`` has them as text besides.
    """
    program, signature = stages.program, stages.program.signature
    state, digest, path = cache_state(stages)
    exact = formulas(stages)
    return {
        "version": SCHEMA,
        "graphc": VERSION,
        "graph": stages.graph.name,
        "target": stages.target.name,
        "inputs": [{"name": p.name, "type": sizes.text(p.type)} for p in signature.inputs],
        "outputs": [{"name": p.name, "type": sizes.text(p.type)} for p in signature.outputs],
        "donated": [{"output": signature.outputs[out].name, "input": signature.inputs[into].name} for out, into in signature.donated],
        "sizes": sizes.values,
        "summary": numbers(stages, sizes, exact),
        "formulas": {name: sizes.text(value) for name, value in exact.items() if isinstance(value, Node)},
        "operations": operations(stages.optimised),
        "passes": [
            {"name": r.name, "seconds": round(r.seconds, 6), "nodes_before": r.before, "nodes_after": r.after, "changed": r.changed}
            for r in stages.record.passes
        ],
        "kernels": _kernels(stages, sizes),
        "host_steps": [{"operation": s.op, "location": _place(s.location)} for s in flat(program.steps) if isinstance(s, Host)],
        "memory": [
            {"name": b.name, "type": sizes.text(b.type), "bytes": sizes.number(b.type.size * b.type.dtype.size), "place": b.place[0],
             "offset": None if b.place[0] == "row" else sizes.number(b.place[1])}
            for b in program.buffers
        ],
        "cache": {"state": state, "digest": digest, "path": path},
    }  # fmt: skip


def report_text(stages: Stages, sizes: Sizes) -> str:
    """``report`` as JSON text."""
    return json.dumps(report(stages, sizes), indent=1)


def _kernels(stages: Stages, sizes: Sizes) -> list[dict]:
    launches = [s.kernel for s in flat(stages.program.steps) if isinstance(s, Launch)]
    found = []
    for cost in kernel_costs(stages, sizes):
        kernel = stages.kernel(cost.name)
        nodes = stages.origins.get(cost.name, ())
        found.append({
            "name": kernel.name,
            "launches": launches.count(kernel.name),
            "runs": cost.runs,
            "flops": cost.flops,
            "bytes_moved": cost.bytes,
            "reads": [sizes.text(a.type) for a in kernel.arrays if not a.written],
            "writes": [sizes.text(a.type) for a in kernel.arrays if a.written],
            "operations": [n.op for n in nodes],
            "locations": [_place(at) for at in dict.fromkeys(n.location for n in nodes) if at is not None],
        })  # fmt: skip
    return found


def _place(location) -> dict | None:
    return None if location is None else {"file": location.file, "line": location.line, "scope": location.scope}
