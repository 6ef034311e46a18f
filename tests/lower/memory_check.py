"""Replays a program's steps over byte ranges: every value that is read must still be the one that was written."""

from __future__ import annotations

from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Program, Refuse, Repeat
from graphc.lower.buffers import ALIGNMENT
from graphc.prims.interpret import concrete, dim_value

INITIAL = "what the caller gave"


class Replay:
    """The memory of one program for given values of its symbols.

    ``held`` maps a region (an input, an output, or the arena) to the ranges that hold a value: (begin, end, names of the
    buffers that were written there: several where a loop writes the new value of a carry over the old one).
    """

    def __init__(self, program: Program, sizes: dict):
        self.program = program
        self.sizes = sizes
        self.kernels = {k.name: k for k in program.kernels}
        self.buffers = {b.name: b for b in program.buffers}
        self.arena = dim_value(program.signature.arena, sizes)
        self.written = {name for step in program.steps for name in accesses(step, self.kernels)[1]}
        self.held: dict[object, list] = {}
        for k, p in enumerate(program.signature.inputs):
            self.held[("input", k)] = [(0, self._bytes(p.type), INITIAL)]

    def _bytes(self, type) -> int:
        shape = concrete(type, self.sizes).shape
        total = type.dtype.size
        for d in shape:
            total *= d
        return total

    def range(self, buffer: Buffer) -> tuple:
        """(region, first byte, byte behind the last) of a buffer."""
        kind, where = buffer.place
        if kind == "row":  # one of it, known only while running
            return self.range(self.buffers[where[0]])
        if kind != "arena":
            return buffer.place if kind != "constant" else kind, 0, self._bytes(buffer.type)
        begin = dim_value(where, self.sizes)
        end = begin + self._bytes(buffer.type)
        assert begin % ALIGNMENT == 0 and 0 <= begin and end <= self.arena, f"{buffer.name} leaves the arena"
        return kind, begin, end

    def read(self, name: str) -> None:
        region, begin, end = self.range(self.buffers[name])
        if region == "constant" or begin == end:
            return
        found = [h for h in self.held.get(region, []) if h[0] < end and begin < h[1]]
        assert [h[:2] for h in found] == [(begin, end)], f"{name} is read from {region} {begin}..{end}, which holds {found}"
        if name in self.written:
            assert name in found[0][2], f"{name} is read where {found[0][2]} was written"

    def write(self, name: str, together: set) -> None:
        region, begin, end = self.range(self.buffers[name])
        assert region != "constant", f"{name} is a constant"
        if begin == end:
            return
        kept = [h for h in self.held.get(region, []) if h[1] <= begin or end <= h[0]]
        names = {name, *(n for n in together if self.range(self.buffers[n]) == (region, begin, end))}
        if together:  # a new value of what a loop carries has a name of its own
            names.update(*[h[2] for h in self.held.get(region, []) if h[:2] == (begin, end) and h[2] != INITIAL])
        self.held[region] = [*kept, (begin, end, names)]

    def run(self) -> None:
        """Every step in order; what is inside a branch or repetition lives as long as the whole of it."""
        for step in self.program.steps:
            reads, writes = accesses(step, self.kernels)
            together = reads | writes if isinstance(step, (Branch, Repeat)) else set()
            if together:
                self._disjoint(reads | writes)
                inside = {self.range(self.buffers[n]) for n in writes}
                reads = {n for n in reads if self.range(self.buffers[n]) not in inside}  # also views of what is inside
            for name in reads:
                self.read(name)
            for name in writes:
                self.write(name, together)
        self._check_outputs()

    def _disjoint(self, names: set) -> None:
        ranges = sorted((str(r), b, e, n) for n in names for r, b, e in [self.range(self.buffers[n])] if r != "constant" and b < e)
        for one, other in zip(ranges, ranges[1:]):
            if one[0] == other[0] and other[1] < one[2]:
                assert one[:3] == other[:3], f"{one} and {other} live together in one step"

    def _check_outputs(self) -> None:
        donated = dict(self.program.signature.donated)
        for k, p in enumerate(self.program.signature.outputs):
            region = ("input", donated[k]) if k in donated else ("output", k)
            size = self._bytes(p.type)
            assert size == 0 or [h[:2] for h in self.held.get(region, [])] == [(0, size)], f"output {k} is not written"


def accesses(step, kernels: dict) -> tuple[set, set]:
    """Names of the buffers that a step, with all that is inside it, reads and writes."""
    reads, writes, stack = set(), set(), [step]
    while stack:
        match stack.pop():
            case Launch(kernel, args):
                for name, array in zip(args, kernels[kernel].arrays, strict=True):
                    (writes if array.written else reads).add(name)
            case Copy(source, target):
                reads.add(source)
                writes.add(target)
            case Host(args=args, results=results):
                reads.update(args)
                writes.update(results)
            case Branch(condition, then, orelse):
                reads.add(condition)
                stack += [*then, *orelse]
            case Refuse(code):
                reads.add(code)
            case Repeat(body, test, condition=condition, counter=counter):
                reads.update({condition} - {None})
                writes.update({counter} - {None})
                stack += [*body, *test]
    return reads, writes
