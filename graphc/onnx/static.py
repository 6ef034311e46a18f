"""Values that must be known while tracing, and the inputs of a model that they depend on."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from graphc.errors import FeedError, GraphcError, UnimplementedError
from graphc.ir.graph import Graph, close, needed
from graphc.ir.node import Node
from graphc.ir.order import remembered
from graphc.ir.sizes import made_by
from graphc.ir.type import Type
from graphc.prims.interpret import interpret

_LARGEST = 1 << 24  # elements of a value that is computed while tracing
_EFFECTS = frozenset({"random_bits", "host", "python", "act"})
_dependent: WeakKeyDictionary[Node, bool] = WeakKeyDictionary()


class NeedsValue(Exception):
    """Tracing can go on only when the values of these inputs of the model, or these sizes, are constants.

    Attributes:
        names: of the inputs. why: what asked for them. sizes: names of symbols; what has them is not among ``names``.
    """

    def __init__(self, names: tuple[str, ...], why: str, sizes: tuple[str, ...] = ()):
        super().__init__(why)
        self.names, self.why, self.sizes = names, why, sizes


def static_value(node: Node, why: str | None) -> np.ndarray | None:
    """The value of a Node that follows from constants.

    Args:
        why: what it is needed for; None to get None where it is not known.

    Raises:
        NeedsValue: it depends on inputs of the model alone, which may be made constants.
        UnimplementedError: it depends on something else, or is too large to be computed while tracing.
    """
    if node.op == "const" and node.type.is_static:
        return np.broadcast_to(node.attr("value").array, node.shape)
    if why is None and _depends(node):
        return None
    order = needed((node,))
    inputs = [n for n in order if n.op == "input"]
    made = {s for n in order for s in made_by(n)}
    open_sizes = [n for n in order if n.op == "symbol" and n not in made]
    if inputs or open_sizes or any(n.op in _EFFECTS for n in order):
        if why is None:
            return None
        names = tuple(n.attr("name") for n in inputs)
        if names or open_sizes:
            raise NeedsValue(names, why, () if names else tuple(n.attr("name") for n in open_sizes))
        raise UnimplementedError(f"{why} must be known before running; it depends on random numbers")
    if any(_is_too_large(n) for n in order):
        if why is None:
            return None
        raise UnimplementedError(f"{why} must be known before running, and is too large to be computed then: {node.type}")
    try:
        return np.asarray(interpret(close(Graph("static", (), (node,))))[0])
    except (FeedError, MemoryError) as error:  # sizes that only types and attributes name
        if why is None:
            return None
        raise UnimplementedError(f"{why} cannot be computed: {error}") from None
    except GraphcError:
        if why is None:
            return None
        raise


def _depends(node: Node) -> bool:
    """Whether a Node is computed from inputs or random numbers, by its operands alone; asked for very many Nodes."""
    return remembered(_dependent, node, lambda n: n.op == "input" or n.op in _EFFECTS or any([_dependent[x] for x in n.inputs]))


def inputs_of(node: Node) -> list[Node]:
    """The inputs that a Node is computed from."""
    return [n for n in needed((node,)) if n.op == "input"]


def known_size(d, why: str) -> int:
    """A size that must be known while tracing.

    Raises:
        NeedsValue: it is a symbolic size of an input of the model. UnimplementedError: it depends on something else.
    """
    return d if type(d) is int else int(static_value(d, why))


def _is_too_large(node: Node) -> bool:
    types = getattr(node.type, "items", (node.type,))
    return any(isinstance(t, Type) and t.is_static and t.size > _LARGEST for t in types)
