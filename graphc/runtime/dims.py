"""Values of symbolic dimensions: which symbols an expression needs, and what it comes to."""

from __future__ import annotations

import operator

from graphc.errors import CompileError
from graphc.ir.node import Node, const_value

_OPS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "min": min,
    "max": max,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "and": operator.and_,
    "or": operator.or_,
}


def symbols_of(dims) -> frozenset[str]:
    """The names of all symbols in these dimensions."""
    names, seen, stack = set(), set(), [d for d in dims if isinstance(d, Node)]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op == "symbol":
            names.add(node.attr("name"))
        stack.extend(node.inputs)
    return frozenset(names)


def evaluate(dim, values: dict[str, int], known: dict[Node, int] | None = None) -> int:
    """The value of a dimension or offset, given those of the symbols.

    Args:
        known: what expressions came to before, for the same values or for fewer of them; added to.

    Raises:
        CompileError: a symbol has no value yet, or the expression is not one of sizes.
    """
    if not isinstance(dim, Node):
        return int(dim)
    known = {} if known is None else known
    if dim in known:
        return known[dim]
    stack = [dim]
    while stack:
        node = stack[-1]
        missing = [x for x in node.inputs if x not in known]
        if missing:
            stack.extend(missing)
            continue
        known[stack.pop()] = _value(node, known, values)
    return known[dim]


def _value(node: Node, known: dict, values: dict[str, int]) -> int:
    if node.op == "symbol":
        name = node.attr("name")
        if name not in values:
            raise CompileError(f"the size {name} is needed before anything has determined it")
        return values[name]
    number = const_value(node)
    if number is not None:
        return int(number)
    if node.op not in _OPS:
        raise CompileError(f"{node} is no expression of sizes: {node.op} is not allowed in it")
    x, y = (known[i] for i in node.inputs)
    if node.op in ("floordiv", "mod") and y == 0:
        return 0  # what generated code answers, and no size depends on it
    return _OPS[node.op](x, y)
