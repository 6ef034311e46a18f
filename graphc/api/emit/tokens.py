"""The order of effects: what is a token between Nodes is a control input between TensorFlow's nodes."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.api.effect import TOKEN
from graphc.api.emit.emitter import Emitter, Value
from graphc.ir.node import Node
from graphc.ir.type import TupleType

NOTHING = Value("", ())  # what stands for the first token
COUNTS = ("loop_counter", "maximum_iterations")  # what loops have before their own values


def is_token(node: Node) -> bool:
    """Whether a Node says that something has been done."""
    return node.type == TOKEN


def values_in(nodes: Iterable[Node]) -> list[Node]:
    """Those that are no tokens."""
    return [x for x in nodes if not is_token(x)]


def controls(e: Emitter, nodes: Iterable[Node]) -> list[str]:
    """The control inputs that the tokens among Nodes are."""
    return [e.found[x].name for x in nodes if is_token(x) and e.found[x].name]


def done(name: str) -> Value:
    """The token after a node."""
    return Value(f"^{name}", ())


def answer(node: Node, name: str) -> Value:
    """What a node of this name stands for: the results of a Node."""
    if isinstance(node.type, TupleType):
        return Value(name, ())
    return done(name) if is_token(node) else _output(node, name, 0, node)


def item_of(e: Emitter, node: Node) -> Value:
    """One of several results."""
    source, index = node.inputs[0], node.attr("index")
    name = e.found[source].name
    if is_token(node):
        return done(name)
    place = sum(t != TOKEN for t in source.type.items[:index])
    return _output(source, name, place, node)


def _output(source: Node, name: str, place: int, node: Node) -> Value:
    place += len(COUNTS) if source.op == "while" else 0
    return Value(f"{name}:{place}" if place else name, node.shape)
