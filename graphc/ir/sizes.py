"""Sizes that are known only while running: symbols, and the Nodes that give them their values.

Such a symbol remembers how the Node that makes it is made, so that a graph that uses nothing but the size can find that Node
again. The Node has its symbols in the attribute ``sizes``; its results have them in their shapes.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from graphc.errors import GraphError, Location
from graphc.ir.node import INDEX, Node, _attr_key, binary, const, is_index, make, simplified, symbol
from graphc.ir.order import toposort
from graphc.ir.type import TupleType, Type

_HOLES = tuple([symbol(f"?hole{k}") for k in range(64)])  # stand for the symbols in what a symbol remembers
_numbers = itertools.count()


@dataclass(frozen=True, eq=False)
class _Source:
    """How a Node is made, with holes in place of its symbols, whose names follow."""

    op: str
    inputs: tuple[Node, ...]
    attrs: tuple
    type: object
    names: tuple[str, ...]
    location: Location | None


_sources: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # symbol -> how its Node is made
_known: weakref.WeakValueDictionary = weakref.WeakValueDictionary()  # how a Node is made -> its first symbol


def sized(op: str, inputs: tuple, attrs: dict, infer: Callable, count: int, location: Location | None = None) -> Node:
    """The Node for an operation that makes ``count`` sizes; the same operation on the same operands makes the same ones.

    Args:
        infer: ``(*input types, sizes=symbols, **attrs) -> Type``.
    """
    holes = _HOLES[:count]
    type = infer(*[x.type for x in inputs], **attrs, sizes=holes)
    return _filled(op, inputs, (*attrs.items(), ("sizes", holes)), type, location)


def remade(node: Node, inputs: tuple, attrs: tuple, type) -> Node:
    """The Node that makes sizes, over other operands: the sizes are others too."""
    holes = dict(zip(node.attr("sizes"), _HOLES))
    return _filled(node.op, inputs, substitute_dims(attrs, holes), substitute_dims(type, holes), node.location)


def _filled(op: str, inputs: tuple, attrs: tuple, type, location: Location | None) -> Node:
    key = (op, inputs, _attr_key(attrs), type)
    first = _known.get(key)
    if first is None:
        count = len(dict(attrs)["sizes"])
        names = tuple([f"_k{next(_numbers)}" for _ in range(count)])
        source = _Source(op, inputs, attrs, type, names, location)
        made = [symbol(name) for name in names]
        for s in made:
            _sources[s] = source
        first = _known[key] = made[0]
    return maker(first)


def maker(size: Node) -> Node | None:
    """The Node that makes this symbol; None where the symbol does not know."""
    source = _sources.get(size)
    if source is None:
        return None
    made = tuple([symbol(name) for name in source.names])
    for s in made:
        _sources.setdefault(s, source)
    values = dict(zip(_HOLES, made))
    attrs = substitute_dims(source.attrs, values)
    return make(source.op, source.inputs, attrs, substitute_dims(source.type, values), source.location)


def any_sizes() -> bool:
    """False if no symbol that remembers its Node exists."""
    return len(_sources) > 0


def made_by(node: Node) -> tuple[Node, ...]:
    """The symbols that get their values from this Node."""
    for key, value in node.attrs:
        if key == "sizes":
            return value
    return ()


def symbols_in(value) -> dict[Node, None]:
    """The symbols in dimensions, Types, attributes and tuples of them, in order."""
    found: dict[Node, None] = {}
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(reversed(item))
        elif isinstance(item, Type):
            stack.extend(reversed(item.shape))
        elif isinstance(item, TupleType):
            stack.extend(reversed(item.items))
        elif isinstance(item, Node):
            found.update((s, None) for s in toposort((item,)) if s.op == "symbol")
    return found


def substitute_dims(value, values: dict):
    """A dimension, attribute, Type or tuple of them with symbols replaced: {symbol Node: int or Node}."""
    if isinstance(value, Node) and is_index(value):
        if value.op == "symbol":
            return values.get(value, value)
        if not value.inputs:
            return value
        parts = [substitute_dims(x, values) for x in value.inputs]
        if all(p is x for p, x in zip(parts, value.inputs)):
            return value
        if len(parts) == 2:
            if not any(isinstance(p, Node) for p in parts):
                parts[0] = const(parts[0], INDEX)
            return simplified(binary(value.op, *parts))
        raise GraphError(f"a dimension cannot use {value.op}")
    if isinstance(value, tuple):
        return tuple([substitute_dims(v, values) for v in value])
    if isinstance(value, Type):
        return Type(value.dtype, substitute_dims(value.shape, values))
    if isinstance(value, TupleType):
        return TupleType(tuple([substitute_dims(t, values) for t in value.items]))
    return value
