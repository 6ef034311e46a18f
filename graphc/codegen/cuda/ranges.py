"""The numbers that an index can be where it stands: tighter than ``ir.node.bounds``, as loops and Lets around it are known."""

from __future__ import annotations

from graphc.ir.node import Node, bounds
from graphc.ir.order import toposort

Range = tuple[int | None, int | None]  # the least and the greatest value, None where it is not known
_LIMIT = 2**31


class Ranges:
    """Ranges of i64 expressions of one kernel."""

    def __init__(self) -> None:
        self._variables: dict[Node, Range] = {}
        self._memo: dict[Node, Range] = {}

    def bind(self, variable: Node, found: Range) -> None:
        """From here on a variable is in this range, and in the one that it promises itself."""
        low, high = bounds(variable)
        found = (_both(max, low, found[0]), _both(min, high, found[1]))
        if self._variables.get(variable, found) != found:
            self._memo.clear()
        self._variables[variable] = found

    def of(self, node: Node) -> Range:
        """The range of an expression."""
        if node not in self._memo:
            for x in toposort((node,)):
                if x not in self._memo:
                    self._memo[x] = self._compute(x)
        return self._memo[node]

    def fits(self, node: Node) -> bool:
        """Whether an expression surely has 32 bits."""
        return in_32_bits(self.of(node))

    def number(self, node: Node) -> int | None:
        """What an expression is, where it can be one number only."""
        low, high = self.of(node)
        return low if low == high else None

    def multiple(self, node: Node, factor: int) -> Range:
        """The range of a multiple of an expression."""
        return _product(self.of(node), (factor, factor))

    def _compute(self, node: Node) -> Range:
        if node.op == "var":
            return self._variables.get(node) or bounds(node)
        if node.op not in _RULES:
            return bounds(node)
        return _RULES[node.op](*[self._memo[x] for x in node.inputs])


def _both(pick, x: int | None, y: int | None) -> int | None:
    return y if x is None else x if y is None else pick(x, y)


def in_32_bits(found: Range) -> bool:
    """Whether all numbers of a range have 32 bits."""
    low, high = found
    return low is not None and high is not None and -_LIMIT < low and high < _LIMIT


def sums(x: Range, y: Range) -> Range:
    """The range of sums."""
    return tuple([None if None in ends else sum(ends) for ends in zip(x, y)])


def _difference(x: Range, y: Range) -> Range:
    return sums(x, tuple([None if end is None else -end for end in reversed(y)]))


def _product(x: Range, y: Range) -> Range:
    if None not in (*x, *y):
        corners = [a * b for a in x for b in y]
        return min(corners), max(corners)
    for a, b in ((x, y), (y, x)):
        if b[0] is not None and b[0] == b[1]:
            ends = [None if end is None else end * b[0] for end in a]
            return (ends[0], ends[1]) if b[0] > 0 else (ends[1], ends[0])
    if x[0] is not None and y[0] is not None and x[0] >= 0 and y[0] >= 0:
        return x[0] * y[0], None
    return None, None


def _quotient(x: Range, y: Range) -> Range:
    """Division by 0 gives 0."""
    if y[0] is not None and y[0] == y[1] and y[0] > 0:
        return tuple([None if end is None else end // y[0] for end in x])
    if None in (x[0], y[0]) or x[0] < 0 or y[0] < 0:
        return None, None
    return (0 if y[1] is None or y[0] == 0 else x[0] // y[1]), (None if x[1] is None else x[1] // max(y[0], 1))


def _remainder(x: Range, y: Range) -> Range:
    """The remainder of a division by 0 is 0."""
    if y[0] is None or y[0] < 0:
        return None, None
    top = None if y[1] is None else max(y[1] - 1, 0)
    return 0, _both(min, top, x[1]) if x[0] is not None and x[0] >= 0 else top


def _least(x: Range, y: Range) -> Range:
    return (None if None in (x[0], y[0]) else min(x[0], y[0])), _both(min, x[1], y[1])


def _greatest(x: Range, y: Range) -> Range:
    return _both(max, x[0], y[0]), (None if None in (x[1], y[1]) else max(x[1], y[1]))


_RULES = {"add": sums, "sub": _difference, "mul": _product, "floordiv": _quotient, "mod": _remainder, "min": _least, "max": _greatest}
