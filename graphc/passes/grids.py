"""Rounding to 8 bits: what returns to the grid it came from stays there, maxima are taken of bytes, and scales merge."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, rebuild
from graphc.ir.node import Node, const
from graphc.ir.order import users
from graphc.ir.type import Type
from graphc.passes.nested import everywhere, same_or
from graphc.prims import apply, broadcast, cast, max, min, mul, pad, sub
from graphc.rewrite.rule import is_splat

_MOVES = ("slice", "reshape", "transpose", "ensure")
LEAVES = 64  # of one maximum
TERMS = 6  # of one sum whose scales merge


@dataclass(frozen=True)
class Step:
    """A dequantised value: ``(byte - zero) * scale`` with constants, the scale a positive normal number."""

    byte: Node
    zero: int
    scale: float


def step_of(node: Node) -> Step | None:
    """What a dequantised value of one scale is made of."""
    if node.op not in ("mul", "cast") or node.dtype is not dt.f32:
        return None
    one = const(1.0, node.type)
    for x, factor in ((node, one),) if node.op == "cast" else (node.inputs, node.inputs[::-1]):
        scale = _number(factor)
        if scale is None or x.op != "cast" or not np.finfo(np.float32).tiny <= scale < 1e36:
            continue
        source, zero = x.inputs[0], 0
        if source.op == "sub":
            found = _number(source.inputs[1])
            if found is None or source.inputs[0].op != "cast":
                continue
            source, zero = source.inputs[0].inputs[0], int(found)
        if source.dtype in (dt.u8, dt.i8) and -128 <= zero <= 255:
            return Step(source, zero, scale)
    return None


def dequantised(step: Step) -> Node:
    """The value of a step."""
    whole = step.byte
    if step.zero:
        wide = cast(step.byte, dt.i32)
        whole = sub(wide, const(step.zero, wide.type))
    real = cast(whole, dt.f32)
    return mul(real, const(np.float32(step.scale), real.type))


def _number(node: Node) -> float | None:
    if not is_splat(node):
        return None
    return float(node.attr("value").array.reshape(-1)[0])


# ---------------------------------------------------------------------------------------------- bytes stay bytes


@everywhere
def keep_grids(graph: Graph) -> Graph:
    """Leave bytes alone that are dequantised and quantised by one scale, and take maxima before dequantising. All exact:
    for no byte do the two roundings move ``(q * s) / s`` by half, and products with a positive scale keep their order."""

    def visit(node: Node, inputs: tuple) -> Node | None:
        if node.op == "cast" and node.dtype in (dt.u8, dt.i8):
            return _returned(inputs[0], node.dtype)
        if node.op == "max" and node.dtype is dt.f32:
            return _largest(inputs)
        return None

    return same_or(graph, rebuild(graph.roots, visit))


def _returned(x: Node, dtype) -> Node | None:
    """The bytes that ``x``, cast to ``dtype``, are again."""
    zero = 0.0
    if x.op == "add":
        found = _number(x.inputs[1])
        if found is None:
            return None
        x, zero = x.inputs[0], found
    if x.op != "round":
        return None
    value, scale = _quotient(x.inputs[0])
    step = step_of(value)
    if step is None or step.byte.dtype is not dtype or step.zero != zero or scale != step.scale:
        return None
    return step.byte


def _quotient(x: Node) -> tuple[Node, float | None]:
    """What is divided by a number, and that number: 1 where nothing is. A power of two may have become a factor."""
    if x.op == "div":
        return x.inputs[0], _number(x.inputs[1])
    factor = _number(x.inputs[1]) if x.op == "mul" else None
    if factor and abs(math.frexp(factor)[0]) == 0.5 and step_of(x) is None:
        return x.inputs[0], 1 / factor
    return x, 1.0


def _largest(inputs: tuple) -> Node | None:
    """The maximum of dequantised values, some of them padded with -inf, as that of their bytes."""
    leaves, pending = [], list(reversed(inputs))
    while pending:
        x = pending.pop()
        if x.op == "max" and x.dtype is dt.f32:
            pending += reversed(x.inputs)
        else:
            leaves.append(_leaf(x))
        if len(leaves) > LEAVES or (leaves and leaves[-1] is None):
            return None
    steps, padded = zip(*leaves)
    if all(padded) or len({(s.zero, s.scale, s.byte.dtype) for s in steps}) > 1:
        return None
    best = steps[0].byte
    for step in steps[1:]:
        best = max(best, step.byte)
    return dequantised(Step(best, steps[0].zero, steps[0].scale))


def _leaf(x: Node) -> tuple[Step, bool] | None:
    """A part of a maximum: the bytes after the same movement, and whether there may be padding among them."""
    moves, padded = [], False
    while x.op in (*_MOVES, "pad"):
        if x.op == "pad":
            if _number(x.inputs[1]) != float("-inf") or any(type(a) is not int or a < 0 for k in ("low", "high") for a in x.attr(k)):
                return None
            padded = True
        moves.append(x)
        x = x.inputs[0]
    step = step_of(x)
    if step is None:
        return None
    byte = step.byte
    for move in reversed(moves):
        if move.op == "pad":
            lowest = const(int(np.iinfo(byte.dtype.numpy).min), Type(byte.dtype, ()))
            byte = pad(byte, lowest, move.attr("low"), move.attr("high"))
        else:
            byte = apply(move.op, byte, **dict(move.attrs))
    return Step(byte, step.zero, step.scale), padded


# ---------------------------------------------------------------------------------------------- scales


@dataclass
class _Sum:
    """Values times constants, and a constant: each of the latter is (axis or None, numbers).

    Attributes:
        whole: a value that is a byte less a zero point, made of rounded floats that are no NaN: (it, the rounded value, the
            least and the largest number). It need not become a byte.
    """

    terms: list = field(default_factory=list)
    shift: list = field(default_factory=list)
    whole: tuple | None = None


@everywhere
def merge_scales(graph: Graph) -> Graph:
    """Divide the scales of a sum instead of the sum that is to be rounded: (a x + b y + c) / d. Changes last bits."""
    reads = users(graph.roots)
    roots = set(graph.roots)

    def single(node: Node) -> bool:
        return len(reads[node]) == 1 and node not in roots

    scaled: dict[Node, tuple] = {}
    for node in graph.nodes:
        if node.op == "round" and single(node.inputs[0]):
            value, scale = _quotient(node.inputs[0])
            if node.dtype is dt.f32 and scale is not None and 1e-30 < scale < 1e30 and value is not node.inputs[0] and single(value):
                found = _divided(value, scale, single)
                if found is not None:
                    _find_whole(found[1], single, scaled)
                    scaled[node.inputs[0]] = found
    if not scaled:
        return graph
    memo: dict[Node, Node] = {}

    def visit(node: Node, inputs: tuple) -> Node | None:
        if node not in scaled:
            return None
        low, parts = scaled[node]
        return _built(node.type, low, parts, memo)

    return same_or(graph, rebuild(graph.roots, visit, memo))


def _divided(value: Node, scale: float, single) -> tuple | None:
    """(whether negative numbers become 0, the sum) for what is divided; None where nothing is won."""
    positive = [x for k, x in enumerate(value.inputs) if _number(value.inputs[1 - k]) == 0] if value.op == "max" else []
    low = bool(positive)
    if low:
        value = positive[0]
        if not single(value):
            return None
    parts = _Sum()
    pending = [value]
    while pending:
        x = pending.pop()
        factor = _vector(x.inputs[1]) if x.op == "mul" else None
        shift = _vector(x)
        if shift is not None:
            parts.shift.append((shift[0], shift[1] / scale))
        elif factor is not None:
            parts.terms.append((x.inputs[0], factor[0], factor[1] / scale))
        elif x.op == "add" and (x is value or single(x)):
            pending += reversed(x.inputs)
        else:
            return None
    numbers = [n for *_, n in (*parts.terms, *parts.shift)]
    tame = all(bool((np.abs(n) < 1e30).all()) for n in numbers)
    return (low, parts) if 0 < len(parts.terms) <= TERMS and tame else None


def _find_whole(parts: _Sum, single, scaled: dict) -> None:
    """Let one term stay in floats, and be the first, so that the kernel that makes it comes last and holds the sum."""
    for term in parts.terms:
        parts.whole = _whole(term[0], single, scaled)
        if parts.whole is not None:
            parts.terms.sort(key=lambda t: t is not term)
            return


def _whole(x: Node, single, scaled: dict) -> tuple | None:
    """``x``, the rounded floats it comes from, and its limits, where those are the only reason that there are bytes."""
    node, zero = x, 0
    if node.op != "cast" or not single(node):
        return None
    node = node.inputs[0]
    if node.op == "sub" and single(node) and node.inputs[0].op == "cast":
        zero, node = _number(node.inputs[1]), node.inputs[0].inputs[0]
    if zero is None or node.op != "cast" or node.dtype not in (dt.u8, dt.i8) or not single(node):
        return None
    limits, node = np.iinfo(node.dtype.numpy), node.inputs[0]
    moved = 0.0
    if node.op == "add":
        moved, node = _number(node.inputs[1]), node.inputs[0]
    if moved != zero or node.op != "round" or node.inputs[0] not in scaled:
        return None
    sums = scaled[node.inputs[0]][1]
    if not all(t.op == "cast" and t.inputs[0].dtype.is_integer for t, *_ in sums.terms):
        return None
    return x, node, float(limits.min) - zero, float(limits.max) - zero


def _vector(c: Node) -> tuple | None:
    """(axis or None, numbers) of a constant that is one number, or a vector along one axis."""
    number = _number(c)
    if number is not None:
        return None, np.float64(number)
    source, axes = (c.inputs[0], c.attr("axes")) if c.op == "broadcast" else (c, tuple(range(c.type.rank)))
    if source.op != "const":
        return None
    large = [a for k, a in enumerate(axes) if source.shape[k] != 1]
    if len(large) != 1:
        return None
    return large[0], source.attr("value").array.astype(np.float64).reshape(-1)


def _built(type: Type, low: bool, parts: _Sum, memo: dict) -> Node:
    shifts: dict = {}
    for axis, numbers in parts.shift:
        shifts[axis] = shifts.get(axis, 0) + numbers
    if len(shifts) == 2 and None in shifts:
        one = shifts.pop(None)
        shifts = {axis: numbers + one for axis, numbers in shifts.items()}
    total = None
    for axis, numbers in shifts.items():
        shift = _spread(numbers, axis, type)
        total = shift if total is None else apply("add", total, shift)
    for x, axis, numbers in parts.terms:
        value, factor = memo[x], _spread(numbers, axis, type)
        if parts.whole is not None and parts.whole[0] is x:
            _, rounded, least, most = parts.whole
            value = min(max(memo[rounded], const(least, type)), const(most, type))
        total = mul(value, factor) if total is None else apply("fma", value, factor, total)
    return max(total, const(0.0, type)) if low else total


def _spread(numbers: np.ndarray, axis: int | None, type: Type) -> Node:
    numbers = numbers.astype(np.float32)
    return const(numbers, type) if axis is None else broadcast(const(numbers), type.shape, (axis,))
