"""What no machine could hold is refused while a model is traced, before anything is computed or compiled."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from graphc.errors import FormatError, GraphcError, ResourceExhaustedError, ShapeError, UnimplementedError, explain
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.order import remembered
from graphc.ir.type import Type
from graphc.onnx.values import describe, node_of

_MOST_BYTES = 1 << 46  # of one value: more than addresses reach
_MOST_AXES = 32  # of any NumPy
MOST_ITEMS = 1 << 16  # of a sequence, each of which is a value of its own
_LONGEST = 3000  # characters of a message
_LONGEST_SIZE = 2000  # operations in the formula of a symbolic size, those that it has several times counted each time

_lengths: WeakKeyDictionary[Node, int] = WeakKeyDictionary()  # of the formulas of sizes


def check_values(op: str, values) -> None:
    """Refuse values of a node whose types cannot be.

    Args:
        op: the operator, for the message.
        values: what a handler answered with; all but Nodes are passed over.

    Raises:
        ShapeError: too many axes, or a negative size. ResourceExhaustedError: more bytes than there are addresses.
        UnimplementedError: the formula of a symbolic size has grown too long.
    """
    for value in values:
        node = node_of(value)
        if isinstance(node, Node) and isinstance(node.type, Type):
            _check(op, node.type)


def check_graph(graph: Graph) -> None:
    """Refuse a graph that has such values between its nodes; see ``check_values``."""
    for node in graph.nodes:
        for type_ in getattr(node.type, "items", (node.type,)):
            if isinstance(type_, Type):
                _check(node.op, type_)


def _check(op: str, type_: Type) -> None:
    if len(type_.shape) > _MOST_AXES:
        raise ShapeError(f"{op}: its result has {len(type_.shape)} axes; at most {_MOST_AXES} are possible")
    size = max(1, type_.dtype.bits // 8)
    for d in type_.shape:
        if type(d) is int:
            if d < 0:
                raise ShapeError(f"{op}: its result has a negative size, {type_}")
            size *= max(d, 1)
        elif _length(d) > _LONGEST_SIZE:
            raise UnimplementedError(f"{op}: the formula of a symbolic size of its result is too long; known sizes have none")
    if size >= _MOST_BYTES and 0 not in type_.shape:
        raise ResourceExhaustedError(f"{op}: its result {type_} needs more memory than there is")


def _length(size: Node) -> int:
    """How many operations the text of a size has: formulas share parts, so it may double with every step."""
    return remembered(_lengths, size, lambda node: 1 + sum([_lengths[x] for x in node.inputs]))


def at_node(error: GraphcError) -> GraphcError:
    """The error with the line of the node that is traced, and without the middle of a very long message.

    Names and numbers in messages are the model's, so they may be as long as it likes.
    """
    text = str(error)
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    error.args = (text if "\n  at " in text else explain(text), *error.args[1:])
    return error


def misfit(call, error: Exception) -> FormatError:
    """What to say where a handler met operands that it did not think of."""
    given = ", ".join(describe(x) for x in call.inputs)
    why = f"{type(error).__name__}: {error}"
    return FormatError(f"{call.op}: its inputs ({given}) or attributes are not what the operator takes ({why})")
