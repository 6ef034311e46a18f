"""Stages as text for people: the signature, kernels, single stages."""

from __future__ import annotations

from graphc.errors import Location
from graphc.inspect.near import unknown
from graphc.inspect.sizes import Sizes
from graphc.inspect.stage_names import known_stage
from graphc.inspect.stages import Stages
from graphc.inspect.values import named_values
from graphc.ir.graph import Graph
from graphc.ir.kernel import Kernel
from graphc.ir.node import Node
from graphc.ir.program import Branch, Copy, Host, Launch, Program, Repeat, flat
from graphc.ir.record import TRACED
from graphc.prims.table import TABLE

WIDTH = 100  # columns of what people read
_MOST_OPS = 10  # distinct operations that are named for a kernel
_MOST_LINES = 12  # lines of the user's program that are shown for a kernel


def columns(rows: list[tuple[str, ...]], right: tuple[int, ...] = (), indent: str = "  ") -> list[str]:
    """Rows as lines with aligned columns; those in ``right`` are aligned to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        cells = [cell.rjust(widths[k]) if k in right else cell.ljust(widths[k]) for k, cell in enumerate(row)]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def signature(stages: Stages, sizes: Sizes, most: int | None = None) -> list[str]:
    """The name of the graph, its inputs and outputs, what its open sizes are, and which sizes are refused.

    Args:
        most: of each kind that are shown; all if None.
    """
    program = stages.program.signature
    over = {out: f"written over {program.inputs[into].name}" for out, into in program.donated}
    rows = []
    for kind, params in (("input", program.inputs), ("output", program.outputs)):
        notes = over if kind == "output" else {}
        rows += [(kind, p.name, sizes.text(p.type), notes.get(k, "")) for k, p in enumerate(params[:most])]
        if most is not None and len(params) > most:
            rows.append((kind, f"and {len(params) - most} more", "", ""))
    head = f"graph {stages.graph.name}: {len(stages.graph.nodes)} nodes, {len(stages.optimised.nodes)} after the passes"
    notes = [*sizes.legend, *(f"refused if {sizes.text(r.message)}   {_at(r)}" for r in stages.program.checks)]
    more = [f"and {len(notes) - most} more sizes and checks"] if most is not None and len(notes) > most else []
    return [head, *columns(rows), *(f"  {note}".rstrip() for note in (*notes[:most], *more))]


def _at(requirement) -> str:
    """The user's line that a requirement comes from."""
    return "" if requirement.location is None else line_of(requirement.location)


def kernels(stages: Stages, sizes: Sizes) -> str:
    """Every kernel: how often it is launched, its arrays, its operations and the user's lines that they come from."""
    program = stages.program
    launches = [s.kernel for s in flat(program.steps) if isinstance(s, Launch)]
    used = [k for k in program.kernels if k.name in launches]
    lines = [*program_lines(stages), *(f"  {line}" for line in sizes.legend)]
    rows = [(k.name, f"{launches.count(k.name)}x", _arrays(k, sizes)) for k in used]
    seen: set = set()
    for kernel, line in zip(used, columns(rows, right=(1,))):
        nodes = stages.origins.get(kernel.name, ())
        lines += [line, *(f"      {text}" for text in (*_again([n for n in nodes if n in seen]), *_from(nodes)))]
        seen.update(nodes)
    return "\n".join([*lines, *host_lines(program)])


def host_lines(program: Program) -> list[str]:
    """The steps of a program that run on the host, with the user's lines."""
    steps = [s for s in flat(program.steps) if isinstance(s, Host)]
    return [f"  on the host: {s.op}" + (f"   {line_of(s.location)}" if s.location else "") for s in steps]


def program_lines(stages: Stages) -> list[str]:
    """The target and how many steps of which kind there are; what tuning chose."""
    launches = [s.kernel for s in flat(stages.program.steps) if isinstance(s, Launch)]
    plural, many = "" if len(launches) == 1 else "es", len(set(launches))
    text = f"program for {stages.target.name}: {len(launches)} launch{plural} of {many} kernel{'s' if many != 1 else ''}"
    changes = str(stages.options.machine)
    return [text + _others(stages.program), *([f"  tuned: {changes}"] if changes else [])]


def _others(program: Program) -> str:
    """How many steps there are besides launches, as the end of a sentence."""
    steps = list(flat(program.steps))
    kinds = ((Copy, "copy", "copies"), (Host, "host step", "host steps"), (Branch, "branch", "branches"), (Repeat, "loop", "loops"))
    counts = [(sum(isinstance(s, kind) for s in steps), one, many) for kind, one, many in kinds]
    return "".join(f", {count} {one if count == 1 else many}" for count, one, many in counts if count)


def _arrays(kernel: Kernel, sizes: Sizes) -> str:
    """``types read -> types written``."""
    read = ", ".join(sizes.text(a.type) for a in kernel.arrays if not a.written)
    return f"{read} -> {', '.join(sizes.text(a.type) for a in kernel.arrays if a.written)}"


def _again(nodes: list) -> list[str]:
    """The element-wise operations that another kernel computes as well, since that is cheaper than to keep their results."""
    names = [f"{op} x{count}" if count > 1 else op for op, count in counted(n.op for n in nodes if TABLE[n.op].scalar)]
    return [f"again: {', '.join(names[:_MOST_OPS])}"] if names else []


def _from(nodes) -> list[str]:
    """The operations of a kernel, and under them the user's lines with what they contributed."""
    telling = [n for n in nodes if n.op not in TABLE or TABLE[n.op].index is None] or list(nodes)
    names = [f"{op} x{count}" if count > 1 else op for op, count in counted(n.op for n in telling)]
    lines = [", ".join(names[:_MOST_OPS]) + (f", and {len(names) - _MOST_OPS} more" if len(names) > _MOST_OPS else "")]
    places = sorted({n.location for n in nodes if n.location is not None}, key=lambda at: (at.file, at.line, at.scope))
    lines += [line_of(at) for at in places[:_MOST_LINES]]
    return lines + ([f"and {len(places) - _MOST_LINES} more lines"] if len(places) > _MOST_LINES else [])


def line_of(location: Location) -> str:
    """A line of the user's program; its text where the file can be read."""
    return f"{str(location):18s}  {location.source}".rstrip()


def counted(names) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return list(counts.items())


def stage_text(stages: Stages, name: str) -> str:
    """One stage whole: ``traced``, ``optimised``, ``parts``, ``program``, ``llvm``, ``asm``, the graph after a pass; of GPUs
    ``cuda``, ``ptx`` or ``sass``.

    What is a graph can be edited and compiled again.

    Raises:
        UsageError: there is no such stage.
    """
    match name:
        case "parts":
            return stages.parts
        case "program":
            return str(stages.program)
        case "llvm":
            return stages.llvm
        case "asm":
            return stages.assembly
        case "cuda" | "ptx" | "sass":
            return stages.device_code.whole(name)
    return "\n".join(stages.record.at(_graph_stage(stages, name))) + "\n"


def stage_values(stages: Stages, name: str) -> tuple[Graph, dict[Node, str], dict[Node, str]]:
    """A stage that is a graph, with the names of its values and their lines: ``traced``, ``optimised``, or after a pass.

    Raises:
        UsageError: there is no such stage, or it is no graph.
    """
    return named_values(stages, _graph_stage(stages, name))


def _graph_stage(stages: Stages, name: str) -> str:
    """The name of a stage that is a graph; where a pass failed, those before it are left."""
    if stages.failure is not None and name not in (TRACED, *(p.name for p in stages.passes)):
        raise stages.failure
    return known_stage(stages.record, name)


_COMMENTS = {"loops": "#", "cuda": "//"}  # how a line begins that is no code


def kernel_text(stages: Stages, name: str, form: str) -> str:
    """One kernel, see ``Stages.kernel_as``; as loops or CUDA C++ with the reason for its schedule before it, where it has one.

    Raises:
        UsageError: the program has none of that name.
    """
    names = [k.name for k in stages.program.kernels]
    if name not in names:
        raise unknown("kernel", name, names, "this program has")
    text, why = stages.kernel_as(name, form), stages.schedule(name)
    return f"{_COMMENTS[form]} {why}\n{text}" if why and form in _COMMENTS else text
