"""Which inputs of a Program its steps write to: those that donated outputs lie in."""

from __future__ import annotations

from graphc.ir.program import Branch, Copy, Host, Launch, Program, Repeat


def written_inputs(program: Program, steps) -> frozenset[int]:
    """Positions of the inputs whose memory some of these steps write."""
    places = {b.name: b.place for b in program.buffers}
    arrays = {kernel.name: kernel.arrays for kernel in program.kernels}
    names: set[str] = set()
    work = list(steps)
    while work:
        step = work.pop()
        match step:
            case Launch(kernel, args):
                names.update(name for array, name in zip(arrays[kernel], args) if array.written)
            case Copy(_, target):
                names.add(target)
            case Host():
                names.update(step.results)
            case Branch(_, then, orelse):
                work += (*then, *orelse)
            case Repeat(body, test):
                names.update(() if step.counter is None else (step.counter,))
                work += (*body, *test)
    found = set()
    for name in names:
        where, k = places[name]
        while where == "row":
            where, k = places[k[0]]
        found.update((k,) if where == "input" else ())
    return frozenset(found)


def written_before_host(program: Program) -> frozenset[int]:
    """Positions of the inputs that are written before the last Host step ends: what its failure would leave changed."""
    last = max((k for k, step in enumerate(program.steps) if isinstance(step, Host)), default=-1)
    return written_inputs(program, program.steps[: last + 1])
