"""Einstein sums: any expression as transposes, diagonals, sums and batched matrix products."""

from __future__ import annotations

import re

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.lib.dims import size
from graphc.lib.promote import adopt, broadcast_to
from graphc.lib.shape import ensure_shape, reshape, transpose
from graphc.prims.table import apply

OPTIMIZE = (None, True, False, "greedy", "optimal", "branch-2", "branch-all", "auto")


def einsum(equation, *inputs, optimize="greedy") -> Node:
    """The sum of products that an equation such as ``ij,jk->ik`` names.

    A letter that occurs twice in one operand means its diagonal, one that the result lacks is summed over, ``...``
    stands for axes that broadcast; without ``->`` the letters that occur once make the result, in alphabetical order.

    Args:
        optimize: without effect on the result; operands are always contracted where that makes the smallest values.

    Raises:
        UsageError: the equation cannot be read, or has another number of operands.
        ShapeError: ranks do not fit the equation, or one letter has two sizes.
    """
    xs = adopt("einsum", *inputs) if inputs else []
    if optimize not in OPTIMIZE:
        raise UsageError(explain(f"einsum: optimize {optimize!r} is not known"))
    labels, result = _read(equation, xs)
    xs = _agreed(equation, labels, xs)
    terms = [_simple(x, part) for x, part in zip(xs, labels)]
    while len(terms) > 1:
        i, j = _cheapest(terms, result)
        second, first = terms.pop(j), terms.pop(i)
        needed = set(result).union(*(part for _, part in terms)) if terms else set(result)
        terms.append(_contracted(first, second, needed))
    return _arranged(*terms[0], result)


def _read(equation, xs: list[Node]) -> tuple[list[tuple], tuple]:
    """The letters of each operand and of the result; axes under ``...`` become numbers, counted from the last."""
    if not isinstance(equation, str):
        raise UsageError(explain(f"einsum: the equation must be a string, got {equation!r}"))
    text = re.sub(r"\s", "", equation)
    if not re.fullmatch(r"[A-Za-z,.]*(->[A-Za-z.]*)?", text) or re.sub(r"\.\.\.", "", text).count("."):
        raise UsageError(explain(f"einsum: cannot read the equation {equation!r}"))
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(xs):
        raise UsageError(explain(f"einsum: {equation!r} has {len(parts)} operands, {len(xs)} are given"))
    labels = [_letters(equation, part, x) for part, x in zip(parts, xs)]
    hidden = sorted({k for part in labels for k in part if type(k) is int}, reverse=True)
    if not arrow:
        once = sorted(c for c in set(left) - set(",.") if left.count(c) == 1)
        return labels, (*hidden, *once)
    if right.count("...") > 1 or len(set(right.replace("...", ""))) != len(right.replace("...", "")):
        raise UsageError(explain(f"einsum: the result of {equation!r} names an axis twice"))
    before, dots, after = right.partition("...")
    result = (*before, *(hidden if dots else ()), *after)
    unknown = [c for c in result if not any(c in part for part in labels)]
    if unknown:
        raise UsageError(explain(f"einsum: {unknown[0]} is in no operand of {equation!r}"))
    return labels, result


def _letters(equation: str, part: str, x: Node) -> tuple:
    if part.count("...") > 1:
        raise UsageError(explain(f"einsum: an operand of {equation!r} has ... twice"))
    before, dots, after = part.partition("...")
    hidden = len(x.shape) - len(before) - len(after)
    if hidden < 0 or (hidden and not dots):
        raise ShapeError(explain(f"einsum: {part!r} of {equation!r} does not fit {x.type}", origins(x=x)))
    return (*before, *range(hidden, 0, -1), *after)


def _agreed(equation: str, labels: list[tuple], xs: list[Node]) -> list[Node]:
    """Operands in which every letter has one size: an int wins over a symbol; axes of size 1 go, as they broadcast."""
    sizes: dict = {}
    for part, x in zip(labels, xs):
        for c, d in zip(part, x.shape):
            known = sizes.get(c, 1)
            if type(known) is int and type(d) is int and 1 not in (known, d) and known != d:
                what = f"einsum: {c!r} of {equation!r} has the sizes {known} and {d}"
                raise ShapeError(explain(what, origins(**dict(zip("xyzw", xs)))))
            if known == 1 or (isinstance(known, Node) and type(d) is int and d != 1):
                sizes[c] = d
    wide = []
    for part, x in zip(labels, xs):
        wanted = tuple(1 if type(d) is int and d == 1 else sizes[c] for c, d in zip(part, x.shape))
        wide.append(x if wanted == x.shape else ensure_shape(x, list(wanted)))
    return [_widened(x, part, sizes) for x, part in zip(wide, labels)]


def _widened(x: Node, part: tuple, sizes: dict) -> Node:
    """Repeated letters need their full sizes on every axis before a diagonal can be taken."""
    repeated = {c for c in part if part.count(c) > 1}
    wanted = tuple(sizes[c] if c in repeated else d for c, d in zip(part, x.shape))
    return broadcast_to(x, wanted, "einsum")


def _simple(x: Node, part: tuple) -> tuple[Node, tuple]:
    """An operand without repeated letters: diagonals are taken by a mask and a sum."""
    while len(set(part)) < len(part):
        second = next(k for k, c in enumerate(part) if c in part[:k])
        first = part.index(part[second])
        i, j = (apply("iota", shape=x.shape, axis=k, dtype=dt.i32) for k in (first, second))
        kept = apply("select", apply("eq", i, j), x, const(0, x.type))
        x = apply("reduce", kept, kind="sum", axes=(second,))
        part = part[:second] + part[second + 1 :]
    return x, part


def _cheapest(terms: list, result: tuple) -> tuple[int, int]:
    """The pair whose product has the fewest elements, beyond those of the pair; the first of equals."""
    best, choice = None, (0, 1)
    if len(terms) == 2:
        return choice
    for i in range(len(terms)):
        for j in range(i + 1, len(terms)):
            others = set(result).union(*(part for k, (_, part) in enumerate(terms) if k not in (i, j)))
            sizes = _sizes(terms[i], terms[j])
            made = _elements(d for c, d in sizes.items() if c in others)
            cost = (made - sum(_elements(terms[k][0].shape) for k in (i, j)), _elements(sizes.values()))
            if best is None or cost < best:
                best, choice = cost, (i, j)
    return choice


def _elements(dims) -> int:
    """A number of elements, with 1024 for sizes that are open."""
    total = 1
    for d in dims:
        total *= d if type(d) is int else 1024
    return total


def _sizes(*terms) -> dict:
    """The size of every letter; 1 only where all have 1."""
    sizes: dict = {}
    for x, part in terms:
        for c, d in zip(part, x.shape):
            if sizes.get(c, 1) == 1:
                sizes[c] = d
    return sizes


def _contracted(first: tuple, second: tuple, needed: set) -> tuple[Node, tuple]:
    """The product of two operands, summed over the letters that nobody needs any more."""
    (x, p), (y, q) = _summed(*first, needed | set(second[1])), _summed(*second, needed | set(first[1]))
    sizes = _sizes((x, p), (y, q))
    shared = [c for c in p if c in q]
    narrow = [c for c in shared if x.shape[p.index(c)] != y.shape[q.index(c)]]
    summed = [c for c in shared if c not in needed]
    if narrow and summed:
        x = broadcast_to(x, tuple(sizes[c] if c in summed else d for c, d in zip(p, x.shape)), "einsum")
        y = broadcast_to(y, tuple(sizes[c] if c in summed else d for c, d in zip(q, y.shape)), "einsum")
    batch = [c for c in shared if c in needed]
    rows, columns = [c for c in p if c not in q], [c for c in q if c not in p]
    if not summed:
        return _multiplied(x, p, y, q, (*batch, *rows, *columns), sizes)
    x, y = (
        broadcast_to(v, tuple(sizes[c] if c in batch else d for c, d in zip(letters, v.shape)), "einsum")
        for v, letters in ((x, p), (y, q))
    )
    lead = [sizes[c] for c in batch]
    inner = size(sizes[c] for c in summed)
    left = reshape(_arranged(x, p, (*batch, *rows, *summed)), (*lead, size(sizes[c] for c in rows), inner))
    right = reshape(_arranged(y, q, (*batch, *summed, *columns)), (*lead, inner, size(sizes[c] for c in columns)))
    out = apply("dot", left, right, transpose_x=False, transpose_y=False)
    order = (*batch, *rows, *columns)
    return reshape(out, tuple(sizes[c] for c in order)), order


def _multiplied(x: Node, p: tuple, y: Node, q: tuple, order: tuple, sizes: dict) -> tuple[Node, tuple]:
    """An element-wise product: no letter is summed over."""
    full = tuple(sizes[c] for c in order)
    sides = []
    for v, letters in ((x, p), (y, q)):
        own = [c for c in order if c in letters]
        v = _arranged(v, letters, tuple(own))
        v = reshape(v, tuple(v.shape[own.index(c)] if c in own else 1 for c in order))
        sides.append(broadcast_to(v, full, "einsum"))
    return apply("mul", *sides), order


def _summed(x: Node, part: tuple, needed: set) -> tuple[Node, tuple]:
    """Letters that only this operand has are summed over at once."""
    axes = tuple(k for k, c in enumerate(part) if c not in needed)
    if not axes:
        return x, part
    return apply("reduce", x, kind="sum", axes=axes), tuple(c for c in part if c in needed)


def _arranged(x: Node, part: tuple, order: tuple) -> Node:
    """The axes in the order wanted; what is not wanted is summed over."""
    x, part = _summed(x, part, set(order))
    return transpose(x, [part.index(c) for c in order])
