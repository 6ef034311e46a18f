"""What is wrong with the steps of a program for a device that was read from a file: on CPUs they are machine code, here they are followed."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Program, Refuse, Repeat, flat
from graphc.ir.sizes import symbols_in
from graphc.ir.tensor_map import fault_of_map

_MOST_THREADS, _MOST_SHARED = 1024, 227 << 10  # of a block, on any device


def steps_fault(program: Program) -> str:
    """Why nobody could follow the steps of a program; empty if somebody can."""
    buffers = {b.name: b for b in program.buffers}
    known = set(program.signature.symbols)
    if fault := _unknown(tuple([p.type for p in program.signature.outputs]), known):
        return f"an output: {fault}"
    given = {s.attr("name") for s in symbols_in(tuple([p.type for p in program.signature.inputs]))}
    if not given >= known and not any(isinstance(step, Host) for step in flat(program.steps)):
        return f"no input tells the size {min(known - given)}"
    for buffer in program.buffers:
        if fault := _misplaced(buffer, buffers, program, known):
            return f"buffer {buffer.name}: {fault}"
    for step in flat(program.steps):
        if fault := _wrong(step, buffers, known):
            return f"a step of kind {type(step).__name__.lower()}: {fault}"
    return ""


def _misplaced(buffer: Buffer, buffers: dict[str, Buffer], program: Program, known: set[str]) -> str:
    where, what = buffer.place
    if fault := _unknown((buffer.type, what if where == "arena" else 0), known):
        return fault
    if where == "row":
        whole, number = what
        if whole not in buffers or number not in buffers:
            return f"there is no {whole if whole not in buffers else number}"
        if buffers[whole].place[0] == "row" or buffers[number].place[0] == "row":
            return "it is a row of something that is a row itself"
        return _no_scalar(buffers[number], dt.i64)
    if where in ("input", "output"):
        many = len(program.signature.inputs if where == "input" else program.signature.outputs)
        return "" if type(what) is int and 0 <= what < many else f"there is no {where} {what}"
    arena = program.signature.arena
    if where == "arena" and type(what) is int and (what < 0 or (type(arena) is int and buffer.type.is_static and what + _bytes(buffer) > arena)):
        return f"it does not lie in the arena of {arena} bytes"
    return ""


def _wrong(step, buffers: dict[str, Buffer], known: set[str]) -> str:
    match step:
        case Launch(_, args, dims, grid, threads, shared, maps):
            if fault := _absent(args, buffers) or _unknown((*dims, grid), known):
                return fault
            if not (0 < threads <= _MOST_THREADS and 0 <= shared <= _MOST_SHARED):
                return f"no device has blocks of {threads} threads with {shared} bytes of shared memory"
            for m in maps:
                if fault := fault_of_map(m, len(args)):
                    return fault
                given = buffers[args[m.argument]]
                if given.type.is_static and _bytes(given) != m.type.size * m.type.dtype.size:
                    return f"{given.name} is not of the size of {m.type}"
        case Copy(source, target):
            return _absent((source, target), buffers)
        case Host():
            return _absent((*step.args, *step.results), buffers)
        case Branch(condition):
            return _absent((condition,), buffers) or _no_scalar(buffers[condition], dt.b1)
        case Refuse(code):
            return _absent((code,), buffers) or _no_scalar(buffers[code], dt.i32)
        case Repeat(_, _, condition, count, counter):
            if condition is None and count is None:
                return "it says neither how often nor how long"
            if fault := _absent([name for name in (condition, counter) if name is not None], buffers) or _unknown((count,), known):
                return fault
            return (_no_scalar(buffers[condition], dt.b1) if condition else "") or (_no_scalar(buffers[counter], dt.i64) if counter else "")
    return ""


def _absent(names, buffers: dict[str, Buffer]) -> str:
    return next((f"there is no buffer {name}" for name in names if name not in buffers), "")


def _no_scalar(buffer: Buffer, dtype: dt.DType) -> str:
    return "" if buffer.type.dtype is dtype and buffer.type.shape == () else f"{buffer.name} is no {dtype.short} of rank 0, but {buffer.type}"


def _unknown(sizes: tuple, known: set[str]) -> str:
    return next((f"there is no size {name}" for name in (s.attr("name") for s in symbols_in(sizes)) if name not in known), "")


def _bytes(buffer: Buffer) -> int:
    return buffer.type.size * buffer.type.dtype.size
