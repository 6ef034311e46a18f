"""Convolutions of inputs with holes, as transposed ones are: one without holes for each place between the holes."""

from __future__ import annotations

import functools
import itertools

from graphc.ir.graph import Graph, rebuild
from graphc.ir.node import Node, const
from graphc.passes.nested import everywhere, same_or
from graphc.prims import broadcast, concat, conv, reshape
from graphc.prims import slice as slice_

_MOST = 64  # phases; each is a kernel of its own


@everywhere
def split_phases(graph: Graph) -> Graph:
    """Replace ``conv`` with ``x_dilation`` by convolutions with every s-th tap of the kernel, set side by side.

    An output at s * q + p meets only taps that are s apart, as all others fall into holes. The chain of multiply-adds
    of an output element loses terms that are zeros, and keeps its order. (They would be NaN for weights that are
    infinite or none; as no transposed convolution has such terms, nobody misses them.)
    """

    def visit(node: Node, inputs: tuple) -> Node | None:
        if node.op != "conv" or not _splits(node):
            return None
        return _split(node, *inputs)

    return same_or(graph, rebuild(graph.roots, visit))


def _splits(node: Node) -> bool:
    steps = node.attr("x_dilation")
    x, w = node.inputs
    sizes = (*x.shape[1:-1], *w.shape[:-2], *node.shape[1:-1], *node.attr("low"), *node.attr("high"))
    one = (1,) * len(steps)
    if node.attr("stride") != one or node.attr("dilation") != one or not all(type(n) is int for n in sizes):
        return False
    phases = functools.reduce(lambda a, b: a * b, steps, 1)
    return 1 < phases <= _MOST and 0 not in sizes[: 3 * len(steps)]


def _split(node: Node, x: Node, w: Node) -> Node:
    steps, low, out = node.attr("x_dilation"), node.attr("low"), node.shape
    counts = [-(-o // s) for o, s in zip(out[1:-1], steps)]  # outputs of a phase
    parts = {
        phase: _phase(x, w, phase, steps, low, counts, node.attr("groups"))
        for phase in itertools.product(*map(range, steps))
    }
    spread = (out[0], *itertools.chain(*((n, 1) for n in counts)), out[-1])
    parts = {phase: reshape(part, spread) for phase, part in parts.items()}
    for axis in reversed(range(len(steps))):  # the last coordinate of the keys goes with each turn
        heads = itertools.product(*map(range, steps[:axis]))
        parts = {
            head: concat(*[parts[(*head, p)] for p in range(steps[axis])], axis=2 * axis + 2) if steps[axis] > 1
            else parts[(*head, 0)]
            for head in heads
        }  # fmt: skip
    whole = reshape(parts[()], (out[0], *(n * s for n, s in zip(counts, steps)), out[-1]))
    return slice_(whole, (0,) * len(out), out) if whole.shape != out else whole


def _phase(x: Node, w: Node, phase: tuple, steps: tuple, low: tuple, counts: list, groups: int) -> Node:
    """The outputs at ``s * q + p`` for all q."""
    first = [(b - p) % s for p, s, b in zip(phase, steps, low)]
    taps = [len(range(t, n, s)) for t, s, n in zip(first, steps, w.shape)]
    if 0 in taps:
        return broadcast(const(0, w.type.with_shape(())), (x.shape[0], *counts, w.shape[-1]))
    before = [(b - p) // s for p, s, b in zip(phase, steps, low)]
    after = [q + k - 1 - n - b for q, k, n, b in zip(counts, taps, x.shape[1:-1], before)]
    every = slice_(w, (*first, 0, 0), w.shape, (*steps, 1, 1))
    return conv(x, every, low=before, high=after, groups=groups)
