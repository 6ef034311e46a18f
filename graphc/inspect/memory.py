"""The memory of a program as text: where every buffer lies, and a picture of when arena memory is in use."""

from __future__ import annotations

from graphc.inspect.show import columns
from graphc.inspect.sizes import Sizes, unit
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Program, Refuse, Repeat

_WIDEST = 64  # characters of the picture; longer programs show several steps in one


def memory(program: Program, sizes: Sizes) -> str:
    """Every buffer with its place, and a row of the steps between its first and its last use."""
    steps = program.steps
    used: dict[str, list[int]] = {}
    for k, step in enumerate(steps):
        for name in buffers_of(step):
            used.setdefault(name, []).append(k)
    lines = [f"memory of {program.name}{sizes.condition}", *(f"  {line}" for line in sizes.legend)]
    for kind in ("input", "output", "constant"):
        found = sorted((b for b in program.buffers if b.place[0] == kind), key=lambda b: b.place[1])
        rows = [_row(b, sizes) for b in found]
        if rows:
            lines += ["", f"{kind}s", *columns(rows, right=(1, 2))]
    lines += ["", f"arena: {sizes.growth(program.signature.arena)}"]
    if not isinstance(program.signature.arena, int):
        lines.append(f"  {sizes.text(program.signature.arena)} bytes")
    buffers = sorted((b for b in program.buffers if b.place[0] == "arena"), key=lambda b: sizes.number(b.place[1]))
    rows = [(*_row(b, sizes), _picture(used.get(b.name, []), len(steps))) for b in buffers]
    if rows:
        lines += columns([("", "offset", "bytes", "type", f"steps 1 to {len(steps)}"), *rows], right=(1, 2))
        lines += ["", "steps", *columns([(str(k + 1), step_line(step)) for k, step in enumerate(steps)], right=(0,))]
    lines += ["", f"constants {unit(len(program.constants))}, {len(steps)} steps, {len(program.buffers)} buffers"]
    return "\n".join(lines)


def _row(buffer: Buffer, sizes: Sizes) -> tuple[str, str, str, str]:
    kind, where = buffer.place
    offset = str(sizes.number(where)) if kind in ("arena", "constant") else f"[{where}]"
    return buffer.name, offset, sizes.bytes(buffer.type.size * buffer.type.dtype.size), sizes.text(buffer.type)


def _picture(at: list[int], count: int) -> str:
    """One character a step, or several steps: ``#`` from the first to the last use."""
    if not at:
        return "|unused|"
    width = min(count, _WIDEST)
    begin, end = at[0] * width // count, at[-1] * width // count
    return "|" + "".join("#" if begin <= k <= end else "." for k in range(width)) + "|"


def step_line(step) -> str:
    """A step of a program in a few words."""
    match step:
        case Launch():
            return f"{step.kernel}({', '.join(step.args)})"
        case Copy():
            return f"copy {step.source} to {step.target}"
        case Host():
            return f"host {step.op}({', '.join(step.args)}) -> {', '.join(step.results)}"
        case Branch():
            return f"if {step.condition}: {len(step.then)} steps, else {len(step.orelse)}"
        case Refuse():
            return f"refuse if {step.code}"
        case Repeat():
            return f"repeat {len(step.test) + len(step.body)} steps"
    return type(step).__name__


def buffers_of(step) -> list[str]:
    """The buffers that a step uses, inner steps included."""
    match step:
        case Launch():
            return list(step.args)
        case Copy():
            return [step.source, step.target]
        case Host():
            return [*step.args, *step.results]
        case Branch():
            return [step.condition, *(n for s in (*step.then, *step.orelse) for n in buffers_of(s))]
        case Refuse():
            return [step.code]
        case Repeat():
            own = [n for n in (step.condition, step.counter) if n]
            return own + [n for s in (*step.test, *step.body) for n in buffers_of(s)]
    return []
