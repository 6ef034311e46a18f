"""Stages as text for people: the overview, single stages, differences between passes."""

from __future__ import annotations

from graphc.errors import Location, UsageError
from graphc.inspect import recorded
from graphc.inspect.sizes import Sizes, unit
from graphc.inspect.stages import Stages
from graphc.ir.kernel import Kernel
from graphc.ir.printer import graph_text
from graphc.ir.program import Branch, Copy, Host, Launch, Program, Repeat
from graphc.ir.record import Record
from graphc.prims.table import TABLE

STAGES = ("traced", "optimised", "program", "llvm", "asm")
_MOST_OPS = 10  # distinct operations that are named for a kernel
_MOST_LINES = 12  # lines of the user's program that are shown for a kernel


def overview(stages: Stages) -> str:
    """What a graph became: signature, passes and what they did, kernels and the lines they come from, memory."""
    program = stages.program
    sizes = Sizes(program.signature)
    parts = [_signature(stages, sizes), passes(stages.record), _kernels(stages, sizes), _memory(program, sizes)]
    return "\n\n".join("\n".join(part) for part in parts)


def columns(rows: list[tuple[str, ...]], right: tuple[int, ...] = (), indent: str = "  ") -> list[str]:
    """Rows as lines with aligned columns; those in ``right`` are aligned to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        cells = [cell.rjust(widths[k]) if k in right else cell.ljust(widths[k]) for k, cell in enumerate(row)]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def _signature(stages: Stages, sizes: Sizes) -> list[str]:
    signature = stages.program.signature
    over = dict(signature.donated)
    rows = [("input", p.name, sizes.text(p.type), "") for p in signature.inputs]
    for k, p in enumerate(signature.outputs):
        note = f"written over {signature.inputs[over[k]].name}" if k in over else ""
        rows.append(("output", p.name, sizes.text(p.type), note))
    head = f"graph {stages.graph.name}: {len(stages.graph.nodes)} nodes"
    notes = [*sizes.legend, *(f"refused if {sizes.text(r.message)}   {_at(r)}" for r in stages.program.checks)]
    return [head, *columns(rows), *(f"  {note}".rstrip() for note in notes)]


def _at(requirement) -> str:
    """The user's line that a requirement comes from."""
    return "" if requirement.location is None else _line(requirement.location)


def passes(record: Record) -> list[str]:
    """What each pass did: nodes after it, by how many they changed, its time."""
    rows = []
    for one in record.passes:
        change = "" if not one.changed else f"{one.after - one.before:+d}" if one.after != one.before else "changed"
        rows.append((one.name, str(one.after), change, f"{one.seconds * 1e3:.1f} ms"))
    first, last = record.passes[0].before, record.passes[-1].after
    total = f"{sum(p.seconds for p in record.passes) * 1e3:.1f} ms"
    rows.append(("together", str(last), f"{last - first:+d}" if last != first else "", total))
    named = [("passes", "nodes", "change", "time"), *(("  " + name, *rest) for name, *rest in rows)]
    return columns(named, right=(1, 2, 3), indent="")


def _kernels(stages: Stages, sizes: Sizes) -> list[str]:
    program = stages.program
    launches = [s.kernel for s in flat(program.steps) if isinstance(s, Launch)]
    used = [k for k in program.kernels if k.name in launches]
    plural = "" if len(launches) == 1 else "es"
    lines = [
        f"program for {stages.target.name}: {len(launches)} launch{plural} of {len(used)} kernels{_others(program)}"
    ]
    if changes := str(stages.options.machine):
        lines.append(f"  tuned: {changes}")
    rows = [(k.name, f"{launches.count(k.name)}x", _arrays(k, sizes)) for k in used]
    seen: set = set()
    for kernel, line in zip(used, columns(rows, right=(1,))):
        nodes = stages.origins.get(kernel.name, ())
        lines += [line, *(f"      {text}" for text in (*_again([n for n in nodes if n in seen]), *_from(nodes)))]
        seen.update(nodes)
    for step in flat(program.steps):
        if isinstance(step, Host):
            lines.append(f"  on the host: {step.op}" + (f"   {_line(step.location)}" if step.location else ""))
    return lines


def _others(program: Program) -> str:
    """How many steps there are besides launches, as the end of a sentence."""
    steps = list(flat(program.steps))
    kinds = ((Copy, "copies"), (Host, "host steps"), (Branch, "branches"), (Repeat, "loops"))
    counts = [
        f"{sum(isinstance(s, kind) for s in steps)} {name}"
        for kind, name in kinds
        if any(isinstance(s, kind) for s in steps)
    ]
    return "".join(f", {text}" for text in counts)


def _arrays(kernel: Kernel, sizes: Sizes) -> str:
    """``types read -> types written``."""
    read = ", ".join(sizes.text(a.type) for a in kernel.arrays if not a.written)
    return f"{read} -> {', '.join(sizes.text(a.type) for a in kernel.arrays if a.written)}"


def _again(nodes: list) -> list[str]:
    """The element-wise operations that another kernel computes as well, since that is cheaper than to keep their results."""
    names = [f"{op} x{count}" if count > 1 else op for op, count in _counted(n.op for n in nodes if TABLE[n.op].scalar)]
    return [f"again: {', '.join(names[:_MOST_OPS])}"] if names else []


def _from(nodes) -> list[str]:
    """The operations of a kernel, and under them the user's lines with what they contributed."""
    telling = [n for n in nodes if n.op not in TABLE or TABLE[n.op].index is None] or list(nodes)
    names = [f"{op} x{count}" if count > 1 else op for op, count in _counted(n.op for n in telling)]
    lines = [", ".join(names[:_MOST_OPS]) + (f", and {len(names) - _MOST_OPS} more" if len(names) > _MOST_OPS else "")]
    places = sorted({n.location for n in nodes if n.location is not None}, key=lambda at: (at.file, at.line, at.scope))
    lines += [_line(at) for at in places[:_MOST_LINES]]
    return lines + ([f"and {len(places) - _MOST_LINES} more lines"] if len(places) > _MOST_LINES else [])


def _line(location: Location) -> str:
    """A line of the user's program; its text where the file can be read."""
    return f"{str(location):18s}  {location.source}".rstrip()


def _counted(names) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return list(counts.items())


def _memory(program: Program, sizes: Sizes) -> list[str]:
    signature = program.signature

    def total(params) -> str:
        return sizes.bytes(sum(p.type.size * p.type.dtype.size for p in params))

    rows = [
        ("inputs", total(signature.inputs) + sizes.condition),
        ("outputs", total(signature.outputs) + sizes.condition),
        ("constants", unit(len(program.constants))),
        ("arena", sizes.growth(signature.arena)),
    ]
    return ["memory", *columns(rows)]


def stage_text(stages: Stages, name: str) -> str:
    """One stage whole: ``traced``, ``optimised``, ``program``, ``llvm``, ``asm``, or the graph after a pass.

    What is a graph can be edited and compiled again.

    Raises:
        UsageError: there is no such stage.
    """
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
    passes = {record.name: record for record in stages.passes}
    if name not in passes:
        raise UsageError(f"no stage {name!r}; there are {', '.join(STAGES)}, and after each pass {', '.join(passes)}")
    return graph_text(passes[name].after)


def diff(stages: Stages, name: str) -> str:
    """What one pass changed, as a unified diff of the graph's text."""
    return recorded.diff(stages.record, name)


def flat(steps):
    """Every step, those inside branches and loops included."""
    for step in steps:
        yield step
        match step:
            case Branch():
                yield from flat((*step.then, *step.orelse))
            case Repeat():
                yield from flat((*step.test, *step.body))
