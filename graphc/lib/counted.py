"""``while`` loops that count up to a known number, as counted loops.

What such a loop reads at its counter (``x[t]``) is cut into rows before, and what it writes there (``array.write(t, y)``) is
stacked. So programs that write the steps of a network themselves run and differentiate like those of ``dynamic_rnn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, substitute
from graphc.ir.node import INDEX, Node, binary, const, const_value
from graphc.ir.order import toposort, users
from graphc.ir.sizes import maker, symbols_in
from graphc.prims.control import loop, results_of
from graphc.prims.pullback import fresh_inputs
from graphc.prims.table import TABLE, apply

MEMORY = 1 << 28  # bytes of carries that a gradient may have to keep of all steps
MOST = 1 << 16  # steps whose indices are looked at one by one
_SAME = ("reshape", "guard", "stop", "ensure", "broadcast")  # of one element


def as_counted(carries: Sequence[Node], test: Graph, body: Graph) -> list[Node] | None:
    """The results of ``while_(*carries, test=test, body=body)`` by a loop with a count; None where none is known.

    The test must compare integers that grow by 1 from a known start with known limits.
    """
    starts = _counters(carries, body)
    same = {k for k, (a, b) in enumerate(zip(body.inputs, body.outputs)) if a is b}
    count = _count(carries, test, starts, same)
    if count is None or not 0 < count <= MOST or not _is_plain(carries, body):
        return None
    return _Counted(tuple(carries), body, count, starts, same).results()


def _counters(carries, body: Graph) -> dict[int, int]:
    """Positions of the integers that grow by 1 in every step, and what they are at first."""
    found = {}
    for k, (first, before, after) in enumerate(zip(carries, body.inputs, body.outputs)):
        if before.dtype.is_integer and before.shape == () and after is binary("add", before, 1):
            start = const_value(first)
            if start is not None:
                found[k] = int(start)
    return found


def _count(carries, test: Graph, starts: dict[int, int], same: set[int]) -> int | None:
    """How often the test holds: it must be a conjunction of comparisons of counters with known limits."""
    place = {x: k for k, x in enumerate(test.inputs)}
    counts, stack = [], list(test.outputs)
    while stack:
        node = stack.pop()
        if node.op == "and":
            stack.extend(node.inputs)
            continue
        if node.op not in ("lt", "le") or place.get(node.inputs[0]) not in starts:
            return None
        limit = node.inputs[1]
        limit = const_value(carries[place[limit]] if place.get(limit) in same else limit)
        if limit is None:
            return None
        counts.append(int(limit) - starts[place[node.inputs[0]]] + (node.op == "le"))
    return min(counts, default=None)


def _is_plain(carries, body: Graph) -> bool:
    """True if nothing is made of data while the loop runs, or lives on the host."""
    nodes = toposort(body.outputs)
    native = all(t.dtype.is_native or t.dtype.is_complex for n in nodes for t in getattr(n.type, "items", (n.type,)))
    return native and not body.measures and not any(maker(s) for s in symbols_in(tuple([n.type for n in nodes])))


@dataclass(frozen=True)
class _Counted:
    """A loop that is being rewritten.

    Attributes:
        starts: counters and what they are at first. same: positions of carries that do not change.
    """

    carries: tuple[Node, ...]
    body: Graph
    count: int
    starts: dict[int, int]
    same: set[int]

    def results(self) -> list[Node] | None:
        """What the carries are in the end; None if a gradient would have to keep too much."""
        inputs, outputs = self.body.inputs, self.body.outputs
        stacked = {k: y for k, y in enumerate(outputs) if self._is_stack(k)}
        moving = [k for k in range(len(inputs)) if k not in self.starts and k not in self.same and k not in stacked]
        sizes = [inputs[k].type.size * inputs[k].dtype.size for k in moving]
        if any(type(n) is int and n * self.count > MEMORY for n in sizes):
            return None
        updates = [apply("reshape", y.inputs[2], shape=y.shape[1:]) for y in stacked.values()]
        made = [*[outputs[k] for k in moving], *updates]
        picks = [n for n in toposort(made) if self._is_row(n)]
        (step,) = fresh_inputs([INDEX], inputs, "step")
        wholes = list(dict.fromkeys(n.inputs[0] for n in picks))
        rows = fresh_inputs([x.type.with_shape(x.shape[1:]) for x in wholes], inputs, "row")
        row_of = dict(zip(wholes, rows))
        replaced = {inputs[k]: self._number(step, k) for k in self.starts}
        replaced |= {n: apply("reshape", row_of[n.inputs[0]], shape=n.shape) for n in picks}
        made = substitute(made, replaced)
        fixed = [k for k in sorted(self.same) if inputs[k] not in row_of or inputs[k] in toposort(made)]
        body = Graph(self.body.name, (step, *[inputs[k] for k in moving], *rows, *[inputs[k] for k in fixed]), tuple(made))
        place = {x: k for k, x in enumerate(inputs)}
        operands = [self.carries[k] for k in (*moving, *[place[x] for x in wholes], *fixed)]
        done = loop(*operands, count=self.count, carries=len(moving), scanned=len(rows), body=body)
        found = dict(zip((*moving, *stacked), results_of(done)))
        ends = {k: const(start + self.count, inputs[k].type) for k, start in self.starts.items()}
        return [found.get(k, ends.get(k, x)) for k, x in enumerate(self.carries)]

    def _number(self, step: Node, k: int) -> Node:
        """The counter ``k`` in a step."""
        x = binary("add", step, self.starts[k]) if self.starts[k] else step
        return x if self.body.inputs[k].dtype is dt.i64 else apply("cast", x, dtype=self.body.inputs[k].dtype)

    def _is_row(self, node: Node) -> bool:
        """True for the row of an unchanging value whose number is that of the step."""
        if node.op != "gather" or node.attr("batch") != 0 or node.inputs[1].type.size != 1:
            return False
        unchanging = node.inputs[0] in [self.body.inputs[k] for k in self.same]
        return unchanging and self._is_each_row(node.inputs[0], node.inputs[1])

    def _is_stack(self, k: int) -> bool:
        """True for a carry of which every step writes one row, the next, and that it does not read."""
        before, after = self.body.inputs[k], self.body.outputs[k]
        if after.op != "scatter" or after.attr("kind") != "set" or after.attr("batch") != 0 or after.inputs[0] is not before:
            return False
        if after.inputs[1].type.size != 1 or not self._is_each_row(before, after.inputs[1]):
            return False
        uses = users(self.body.outputs)
        return len(uses[before]) == 1 and not uses.get(after) and self.body.outputs.count(after) == 1

    def _is_each_row(self, x: Node, index: Node) -> bool:
        if not x.shape or index.shape[-1:] != (1,) or x.shape[0] != self.count:
            return False
        numbers = self._numbers(index)
        return numbers is not None and np.array_equal(numbers, np.arange(self.count))

    def _numbers(self, index: Node) -> np.ndarray | None:
        """What an integer that depends on nothing but counters is in every step; None for others."""
        place = {x: k for k, x in enumerate(self.body.inputs)}
        known: dict[Node, np.ndarray] = {}
        with np.errstate(all="ignore"):
            for node in toposort((index,)):
                k = place.get(node)
                if k in self.starts:
                    known[node] = (self.starts[k] + np.arange(self.count)).astype(node.dtype.numpy)
                    continue
                source = self.carries[k] if k in self.same else node
                if source.op == "const" and source.type.rank <= 1 and source.type.is_static:
                    known[node] = np.broadcast_to(source.attrs[0][1].array, source.shape)
                    continue
                operands = [known.get(x) for x in node.inputs]
                if not operands or any(x is None for x in operands):
                    return None
                value = _value(node, operands)
                if value is None:
                    return None
                known[node] = value
        return known[index]


def _value(node: Node, operands: list[np.ndarray]) -> np.ndarray | None:
    """One element in all steps [steps], or in any [] or [1]."""
    if node.op == "gather" and node.type.size == 1 and node.inputs[0].type.rank == 1 and node.attr("batch") == 0:
        is_table = len(operands[0]) == node.inputs[0].shape[0]  # and no number that each step has another of
        inside = (operands[1] >= 0) & (operands[1] < len(operands[0]))
        return operands[0][operands[1]] if is_table and inside.all() else None
    if node.type.size != 1 or any(x.type.size != 1 for x in node.inputs):
        return None
    if node.op in _SAME:
        return operands[0].reshape(-1)
    if TABLE[node.op].scalar is None:
        return None
    return np.asarray(TABLE[node.op].numpy(*operands, **dict(node.attrs)))
