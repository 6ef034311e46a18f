"""The memory of a program as text: where every buffer lies and why, a picture of when arena memory is in use, and its peak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphc.inspect.show import columns
from graphc.inspect.sizes import Sizes, unit
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Program, Refuse, Repeat
from graphc.ir.recorded_lowering import RecordedLowering

_WIDEST = 64  # characters of the picture; longer programs show several steps in one
_NAMED = 6  # buffers that are named at the peak
_BEFORE = 2  # buffers that are named as those whose place another one has


@dataclass(frozen=True)
class _Used:
    """A buffer in the arena.

    Attributes:
        begin, end: bytes in the arena. first, last: steps, from 1; None if no step uses it.
    """

    buffer: Buffer
    begin: int
    end: int
    first: int | None
    last: int | None

    def is_live(self, step: int) -> bool:
        """Whether its content matters at a step."""
        return self.first is not None and self.first <= step <= self.last

    def is_after(self, other: "_Used") -> bool:
        """Whether it lies where another one lay, whose content mattered until before."""
        meets = self.begin < other.end and other.begin < self.end
        return meets and None not in (self.first, other.last) and other.last < self.first


def memory(program: Program, sizes: Sizes, lowering: RecordedLowering | None = None) -> str:
    """Every buffer with its place, and a row of the steps between its first and its last use; the peak.

    Args:
        lowering: what is known of the reasons; they are left out where it is None.
    """
    lines = [f"memory of {program.name}{sizes.condition}", *(f"  {line}" for line in sizes.legend)]
    over, apart = ({}, {}) if lowering is None else (lowering.memory, lowering.separate)
    for kind in ("input", "output", "constant"):
        found = sorted((b for b in program.buffers if b.place[0] == kind), key=lambda b: b.place[1])
        rows = [_row(b, sizes) for b in found]
        if rows:
            lines += ["", f"{kind}s", *columns(rows, right=(1, 2))]
    lines += ["", f"arena: {sizes.growth(program.signature.arena)}"]
    if not isinstance(program.signature.arena, int):
        lines.append(f"  {sizes.text(program.signature.arena)} bytes")
    steps, used = program.steps, _used(program, sizes)
    rows = [(*_row(u.buffer, sizes), _picture(u, len(steps)), _before(u, used, over)) for u in used]
    if rows:
        lines += columns([("", "offset", "bytes", "type", f"steps 1 to {len(steps)}", ""), *rows], right=(1, 2))
        lines += ["", *_peak(used, steps)]
        lines += ["", "steps", *columns([(str(k), step_line(step)) for k, step in enumerate(steps, 1)], right=(0,))]
    lines += _reasons("in the memory of another one", over) + _reasons("not in the memory of another one", apart)
    lines += ["", f"constants {unit(len(program.constants))}, {len(steps)} steps, {len(program.buffers)} buffers"]
    return "\n".join(lines)


def _used(program: Program, sizes: Sizes) -> list[_Used]:
    """The buffers in the arena, by their places."""
    at: dict[str, list[int]] = {}
    for k, step in enumerate(program.steps, 1):
        for name in buffers_of(step):
            at.setdefault(name, []).append(k)
    found = []
    for b in program.buffers:
        if b.place[0] == "arena":
            begin, steps = sizes.number(b.place[1]), at.get(b.name, [None])
            found.append(_Used(b, begin, begin + sizes.number(b.type.size * b.type.dtype.size), steps[0], steps[-1]))
    return sorted(found, key=lambda u: u.begin)


def _row(buffer: Buffer, sizes: Sizes) -> tuple[str, str, str, str]:
    kind, where = buffer.place
    offset = str(sizes.number(where)) if kind in ("arena", "constant") else f"[{where}]"
    return buffer.name, offset, sizes.bytes(buffer.type.size * buffer.type.dtype.size), sizes.text(buffer.type)


def _picture(used: _Used, count: int) -> str:
    """One character a step, or several steps: ``#`` from the first to the last use."""
    if used.first is None:
        return "|unused|"
    width = min(count, _WIDEST)
    begin, end = (used.first - 1) * width // count, (used.last - 1) * width // count
    return "|" + "".join("#" if begin <= k <= end else "." for k in range(width)) + "|"


def _before(used: _Used, every: list[_Used], over: Mapping[tuple[str, str], str]) -> str:
    """Whose memory a buffer has: what it is written over, else those that lay there last."""
    shared = [other for own, other in over if own == used.buffer.name]
    if shared:
        return f"over {', '.join(shared)}"
    earlier = sorted((u for u in every if used.is_after(u)), key=lambda u: -u.last)
    return f"after {', '.join(u.buffer.name for u in earlier[:_BEFORE])}" if earlier else ""


def _peak(used: list[_Used], steps: tuple) -> list[str]:
    """At which step most of the arena matters, and what of it; memory that buffers share counts once."""
    live = [[u for u in used if u.is_live(k)] for k in range(1, len(steps) + 1)]
    held = [_together(found) for found in live]
    most = max(held)
    at = held.index(most)
    largest = sorted(live[at], key=lambda u: (u.begin - u.end, u.buffer.name))
    names = ", ".join(f"{u.buffer.name} {unit(u.end - u.begin)}" for u in largest[:_NAMED])
    more = f" and {len(largest) - _NAMED} more" if len(largest) > _NAMED else ""
    return [f"peak: {unit(most)} in step {at + 1}, {step_line(steps[at])}", f"  {names}{more}"]


def _together(used: list[_Used]) -> int:
    """How many bytes some buffers take together."""
    total = end = 0
    for u in sorted(used, key=lambda u: u.begin):
        total += max(0, u.end - max(end, u.begin))
        end = max(end, u.end)
    return total


def _reasons(title: str, found: Mapping[tuple[str, str], str]) -> list[str]:
    rows = [(own, f"{other}: {reason}") for (own, other), reason in sorted(found.items())]
    return ["", title, *columns(rows)] if rows else []


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
