"""Where results lie: over operands that nobody needs any more, in outputs, and over inputs that the caller gave away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphc.ir.graph import Graph
from graphc.ir.notes import Notes
from graphc.ir.order import toposort
from graphc.lower import reasons
from graphc.lower.buffers import Storage, share
from graphc.lower.step import Step, with_inner
from graphc.prims.table import TABLE


@dataclass(frozen=True)
class Pairs:
    """What a kernel reads and what it writes, by pairs of storages.

    Attributes:
        reusable: pairs (read, written) that may be one memory.
        blocked: (read, written, why they may not).
    """

    reusable: tuple = ()
    blocked: tuple = ()

    @staticmethod
    def apart(read: Iterable[Storage], written: Iterable[Storage], why: str) -> "Pairs":
        """All pairs of what is read and written, which for one reason are never one memory."""
        written = list(written)
        return Pairs((), tuple([(a, b, why) for a in read for b in written]))

    def without(self, written: list, why: str) -> "Pairs":
        """The pairs, of which those that write one of these storages are blocked."""
        gone = [pair for pair in self.reusable if pair[1] in written]
        kept = tuple([pair for pair in self.reusable if pair not in gone])
        return Pairs(kept, (*self.blocked, *((*pair, why) for pair in gone)))


def pointwise(graph: Graph, sources: dict[int, Storage], outputs: list, excluded: set) -> Pairs:
    """Which storages a kernel for ``graph`` reads and writes at the same index only.

    Args:
        sources: position of an input -> where it lies.
        excluded: root storages that are read at other indices all the same.
    """
    moved: set = set()
    for n in reversed(toposort(graph.outputs)):
        if n in moved or (n.inputs and TABLE[n.op].scalar is None):
            moved.update(n.inputs)
    roots = {k: s.root() for k, s in sources.items()}
    pairs, blocked, all_roots = [], [], list(roots.values())
    for k, source in roots.items():
        x = graph.inputs[k]
        why = None
        if source in excluded:
            why = reasons.READ_IN_BLOCKS
        elif x in moved:
            why = reasons.READ_AT_OTHERS
        elif all_roots.count(source) > 1:
            why = reasons.MORE_THAN_ONCE
        for result, storage in zip(graph.outputs, outputs):
            if why is None and result.type.shape == x.type.shape and result.dtype.size == x.dtype.size:
                pairs.append((source, storage))
            else:
                blocked.append((source, storage, why or reasons.OTHER_SIZE))
    return Pairs(tuple(pairs), tuple(blocked))


def place_outputs(lowering, graph: Graph, inputs: list, steps: list[Step], results: list) -> list[Step]:
    """Let outputs be written where they are wanted; copy where that cannot be, and note why."""
    donated = dict(graph.donated)
    uses = _Uses(steps, [r.root() for r in results])
    notes: Notes = lowering.notes
    early: list[Step] = []
    late: list[Step] = []
    taken: set = set()
    for k, (result, root) in enumerate(zip(results, uses.results)):
        old = inputs[donated[k]] if k in donated else None
        if old is not None and root is old:
            continue
        why = reasons.TWO_OUTPUTS if root in taken else uses.why_not_placed(root, old)
        if why is None:
            root.place = ("output", k) if old is None else old.place
            taken.add(root)
            if old is not None:
                notes.memory[root.name, old.name] = reasons.DONATED
            continue
        final = lowering.storage(graph.outputs[k].type, "result", ("output", k) if old is None else old.place)
        notes.separate[final.name, (old or result).name] = why
        from_input = root.place is not None and root.place[0] == "input" and root not in taken
        if from_input and old is not None:
            held = lowering.storage(graph.outputs[k].type, "held")  # two states may be exchanged
            early.append(Step("copy", (result,), (held,)))
            late.append(Step("copy", (held,), (final,)))
        elif from_input:
            early.append(Step("copy", (result,), (final,)))
        else:
            late.append(Step("copy", (result,), (final,)))
    return early + steps + late


class _Uses:
    """Which step reads a memory last, and which writes it first, inner steps included."""

    def __init__(self, steps: list[Step], results: list[Storage]):
        self.steps, self.results = steps, results
        self.looked = next((k for k, step in enumerate(steps) if step.kind == "refuse"), -1)  # until then inputs stay as they are
        self.last_read: dict[Storage, int] = {}
        self.first_write: dict[Storage, int] = {}
        for k, step in enumerate(steps):
            for inner in with_inner(step):
                self.last_read.update((s.root(), k) for s in inner.reads)
                for s in inner.writes:
                    self.first_write.setdefault(s.root(), k)

    def why_not_placed(self, root: Storage, old: Storage | None) -> str | None:
        """Why a result cannot lie where it is wanted, which is over ``old`` if that is an input; None if it can."""
        if root.place is not None:
            return reasons.COPIED_INPUT if root.place[0] == "input" else reasons.NOT_MADE_HERE
        first = self.first_write.get(root)
        if first is None:
            return reasons.NOT_MADE_HERE
        if old is None:
            return None
        written, at_end = self.steps[first], self.last_read.get(old, -1)
        if at_end > first:
            return reasons.OLD_STILL_READ
        if at_end == first and (old, root) not in written.reusable:
            return reasons.OLD_READ_MOVED
        if first <= self.looked:
            return reasons.BEFORE_CHECK
        if written.kind in ("branch", "repeat"):
            return reasons.BY_BRANCH
        return reasons.OLD_IS_OUTPUT if old in self.results else None


def measure_lives(steps: list[Step]) -> None:
    """Enter into every memory between which steps its content matters."""
    clock = 0

    def walk(steps):
        nonlocal clock
        for step in steps:
            begin = clock
            clock += 1
            if step.kind in ("branch", "repeat"):
                for part in step.parts:
                    walk(part)
                clock += 1
                for s in _touched(step):
                    s.root().touch(begin)
                    s.root().touch(clock)
                continue
            for s in (*step.reads, *step.writes):
                s.root().touch(clock)

    walk(steps)


def _touched(step: Step):
    """Every storage a nested step uses: all of it stays live while the step runs."""
    for inner in with_inner(step):
        yield from inner.reads
        yield from inner.writes


def reuse(steps: list[Step], notes: Notes) -> None:
    """Write a result over an operand that is read for the last time at the same index; note why where that is not done."""
    for step in steps:
        done: set = set()
        refused: list[tuple[Storage, Storage, str]] = []
        for old, new in step.reusable:
            a, b = old.root(), new.root()
            if a is b:
                continue
            why = _why_apart(a, b, done)
            if why is not None:
                refused.append((a, b, why))
                continue
            notes.memory[b.name, a.name] = reasons.IN_PLACE
            share(b, a)
            done.update((a, b))
        ends = ((old.root(), new.root(), why) for old, new, why in step.blocked)
        refused += [x for x in ends if x[0].last == x[1].first and x[0].bytes == x[1].bytes and x[0].place is None]
        for a, b, why in refused:
            if b.merged is None and b.place is None and b not in done:
                notes.separate[b.name, a.name] = why


def _why_apart(a: Storage, b: Storage, done: set) -> str | None:
    """Why what a step writes, ``b``, cannot lie over what it reads, ``a``; None if it can."""
    if a in done or b in done or b.place is not None:
        return reasons.TAKEN
    if a.place is not None:
        return reasons.CALLERS
    if a.last != b.first:
        return reasons.STILL_READ
    return None if a.bytes == b.bytes else reasons.OTHER_SIZE
