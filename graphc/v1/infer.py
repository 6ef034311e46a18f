"""Types of operations while the graph is built, also where the rank of an operand is not known yet."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from graphc.errors import DtypeError, GraphcError
from graphc.ir.graph import input_node
from graphc.ir.node import Node, const, symbol
from graphc.ir.origin import built
from graphc.ir.type import Type
from graphc.lib.dims import DataDependent, measuring

_RANKS = range(6)


def nodes_of(result) -> tuple[Node, ...]:
    """What a lib function answered, as a tuple."""
    if result is None:
        return ()
    return (result,) if isinstance(result, Node) else tuple(result)


def infer(build: Callable, inputs) -> list[tuple]:
    """For each output its dtype, and its sizes (ints, Nodes, None) or None for an unknown rank.

    Where a rank is unknown, ``build`` is tried with stand-ins of every rank; what all good tries agree on is known.

    Raises:
        ShapeError, DtypeError: the operands cannot fit, whatever their ranks.
    """
    if all(t.node is not None for t in inputs):
        try:
            with measuring():
                return [(n.dtype, n) for n in nodes_of(built(build, inputs, [t.node for t in inputs]))]
        except DataDependent as error:
            return _from_values(build, inputs, error)
    tries, errors = [], []
    for ranks in _assignments(sum(t.node is None for t in inputs)):
        found = _attempt(build, inputs, _stand_ins(inputs, ranks), errors)
        if found is not None:
            tries.append(found)
    if not tries:
        raise next((e for e in errors if isinstance(e, DtypeError)), errors[min(2, len(errors) - 1)])
    return [_common([t[k] for t in tries]) for k in range(len(tries[0]))]


def _attempt(build, inputs, nodes, errors) -> list | None:
    try:
        return list(nodes_of(built(build, inputs, nodes)))
    except GraphcError as error:
        errors.append(error)
        return None


def _assignments(unknown: int):
    """Ranks to try: all alike first; for two operands also every other pair."""
    yield from ((r,) * unknown for r in _RANKS)
    if unknown == 2:
        yield from ((a, b) for a, b in itertools.product(range(4), repeat=2) if a != b)


def _stand_ins(inputs, ranks) -> list[Node]:
    remaining, nodes = list(ranks), []
    for k, t in enumerate(inputs):
        if t.node is not None:
            nodes.append(t.node)
            continue
        shape = tuple(symbol(f"unknown{k}_{axis}") for axis in range(remaining.pop(0)))
        nodes.append(input_node(f"unknown{k}", Type(t.dtype, shape)))
    return nodes


def _common(nodes: list[Node]) -> tuple:
    """The dtype, and the sizes on which all tries agree."""
    dtype = nodes[0].dtype
    if any(len(n.shape) != len(nodes[0].shape) for n in nodes):
        return dtype, None
    sizes = zip(*[n.shape for n in nodes])
    return dtype, tuple(s[0] if all(type(d) is int and d == s[0] for d in s) else None for s in sizes)


def _from_values(build, inputs, error) -> list[tuple]:
    """The dtypes of an operation whose shape depends on data: integer operands are replaced by likely constants."""
    for value in ([-1], [1], [1, 1], [1, 1, 1], 1):
        nodes = [_likely(t.node, value) for t in inputs]
        found = _attempt(build, inputs, nodes, [])
        if found is not None:
            return [(n.dtype, None) for n in found]
    raise error


def _likely(node: Node, value) -> Node:
    if not node.dtype.is_integer or len(node.shape) > 1 or node.op == "const":
        return node
    value = value if node.shape else (value[0] if isinstance(value, list) else value)
    return const(value, Type(node.dtype, (len(value),) if isinstance(value, list) else ()))
