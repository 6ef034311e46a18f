"""Stages as text for people: overviews, differences between passes, memory."""

from __future__ import annotations

import difflib

from graphc.inspect.stages import Stages
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.printer import graph_text
from graphc.ir.program import Branch, Copy, Host, Launch, Program, Repeat


def overview(stages: Stages) -> str:
    """What a graph became: sizes, the passes and what they did, kernels, memory."""
    lines = [f"graph {stages.graph.name}: {len(stages.graph.nodes)} nodes, {len(stages.graph.inputs)} inputs, "
             f"{len(stages.graph.outputs)} outputs", "", "pass                 nodes      time"]  # fmt: skip
    for record in stages.passes:
        change = f"{len(record.before.nodes)} -> {len(record.after.nodes)}" if record.changed else "unchanged"
        lines.append(f"  {record.name:18s} {change:12s} {record.seconds * 1e3:6.1f} ms")
    program = stages.program
    launches = [s for s in _flat(program.steps) if isinstance(s, Launch)]
    lines += ["", f"program: {len(launches)} launches of {len(program.kernels)} kernels"]
    for kernel in program.kernels:
        count = sum(s.kernel == kernel.name for s in launches)
        lines.append(f"  {kernel.name:12s} x{count:<4d} {', '.join(f'{a.name}: {a.type}' for a in kernel.arrays)}")
    hosts = [s.op for s in _flat(program.steps) if isinstance(s, Host)]
    if hosts:
        lines.append(f"  on the host: {', '.join(hosts)}")
    lines += ["", f"memory: arena {program.signature.arena} bytes, constants {len(program.constants)} bytes"]
    return "\n".join(lines)


def stage_text(stages: Stages, name: str) -> str:
    """One stage whole: ``traced``, ``optimised``, ``program``, ``llvm``, ``asm``, or the graph after a pass."""
    match name:
        case "traced":
            return graph_text(stages.graph)
        case "optimised":
            return graph_text(stages.optimised)
        case "program":
            return str(stages.program)
        case "llvm":
            return stages.llvm
        case "asm":
            return stages.assembly
    return graph_text(stages.find_pass(name).after)


def diff(stages: Stages, name: str) -> str:
    """What one pass changed, as a unified diff of the graph's text."""
    record = stages.find_pass(name)
    if not record.changed:
        return f"{name} changed nothing"
    before, after = (_lines(g) for g in (record.before, record.after))
    return "\n".join(difflib.unified_diff(before, after, f"before {name}", f"after {name}", lineterm="", n=2))


def _lines(graph: Graph) -> list[str]:
    return graph_text(graph, locations=False).splitlines()


def memory(program: Program) -> str:
    """Every buffer with its place, and a picture of when arena memory is in use."""
    steps = list(program.steps)
    used: dict[str, list[int]] = {}
    for k, step in enumerate(steps):
        for name in _names(step):
            used.setdefault(name, []).append(k)
    lines = [f"arena {program.signature.arena} bytes, constants {len(program.constants)} bytes, {len(steps)} steps", ""]
    width = max([len(b.name) for b in program.buffers], default=4)
    for buffer in sorted(program.buffers, key=_order):
        kind, where = buffer.place
        at = used.get(buffer.name, [])
        life = f"steps {at[0]}-{at[-1]}" if at else "unused"
        bar = ""
        if kind == "arena" and at and len(steps) <= 100:
            bar = "  |" + "".join("#" if at[0] <= k <= at[-1] else "." for k in range(len(steps))) + "|"
        size = buffer.type.size * buffer.type.dtype.size
        lines.append(f"{buffer.name:{width}s}  {kind:8s} {str(where):>10s}  {str(size):>12s} bytes  {str(buffer.type):20s} {life:12s}{bar}")
    return "\n".join(lines)


def _order(buffer):
    kind, where = buffer.place
    return ("input", "output", "constant", "arena").index(kind), isinstance(where, Node), str(where).zfill(16)


def _names(step) -> list[str]:
    match step:
        case Launch():
            return list(step.args)
        case Copy():
            return [step.source, step.target]
        case Host():
            return [*step.args, *step.results]
        case Branch():
            return [step.condition, *(n for s in (*step.then, *step.orelse) for n in _names(s))]
        case Repeat():
            own = [n for n in (step.condition, step.counter) if n]
            return own + [n for s in (*step.test, *step.body) for n in _names(s)]
    return []


def _flat(steps):
    for step in steps:
        yield step
        match step:
            case Branch():
                yield from _flat((*step.then, *step.orelse))
            case Repeat():
                yield from _flat((*step.test, *step.body))
