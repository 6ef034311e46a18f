"""The table of primitives: declare a row, look one up, apply it to Nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.errors import CompileError, DtypeError, GraphError, ShapeError, UsageError, explain
from graphc.ir.node import Node, binary, is_index, make, origins

_INDEX_NORMAL = ("add", "sub", "mul", "floordiv", "mod", "min", "max")


@dataclass(frozen=True, eq=False)
class Prim:
    """Everything one primitive means.

    Attributes:
        type: ``(*input types, **attrs) -> Type``; raises ShapeError or DtypeError naming the shapes.
        numpy: ``(*arrays, **attrs) -> array`` (a tuple of arrays for a TupleType): the definition of the operation.
        vjp: ``(g, out, *inputs, **attrs) -> cotangents``, one Node or None per input; None where nothing is
            differentiable.
            For a TupleType, ``g`` is a tuple with one Node or None per item, and so is the cotangent of such an input.
        scalar: element-wise: an opcode known to the emitters, or a formula ``(*scalar Nodes, **attrs) -> Node`` of other rows.
        index: ``(i, out type, *input types, **attrs) -> tuple of Piece``: where element ``i`` of the output comes from.
        reduce: ``(kind, dtype) -> (identity, combining opcode)``.
        nest: name of a loop-nest maker in ``lower``.
        native: False for rows with no way down on purpose: their NumPy definition runs on the host.
        commutative: operands may be swapped.
        cost: rough flops for one element; fusion does not compute costly values twice.
    """

    name: str
    type: Callable
    numpy: Callable
    vjp: Callable | None = None
    scalar: str | Callable | None = None
    index: Callable | None = None
    reduce: Callable | None = None
    nest: str | None = None
    native: bool = True
    commutative: bool = False
    cost: int = 1


@dataclass(frozen=True)
class Piece:
    """Where ``guard`` (a b1 scalar, or None for always) holds, the element is ``input`` at ``index``."""

    guard: Node | None
    input: int
    index: tuple


TABLE: dict[str, Prim] = {}


def declare(row: Prim) -> Prim:
    """Enter a row; a second row of the same name, or one without a way down, is refused."""
    if row.name in TABLE:
        raise CompileError(f"primitive {row.name} is declared twice")
    ways = [way for way in (row.scalar, row.index, row.reduce, row.nest) if way is not None]
    if len(ways) != (1 if row.native else 0):
        raise CompileError(f"primitive {row.name} has {len(ways)} ways down instead of {1 if row.native else 0}")
    TABLE[row.name] = row
    return row


def row(name: str) -> Prim:
    """The row of this name.

    Raises:
        UsageError: there is none.
    """
    try:
        return TABLE[name]
    except KeyError:
        raise UsageError(f"there is no primitive {name!r}") from None


def apply(name: str, *inputs: Node, **attrs) -> Node:
    """The Node for a primitive applied to Nodes, its type found by the row's rule.

    Raises:
        ShapeError, DtypeError: the rule refuses the operands; the message names them and the user's line.
    """
    if name in _INDEX_NORMAL and is_index(inputs[0]) and len(inputs) == 2:
        return binary(name, *inputs)
    try:
        result = row(name).type(*[x.type for x in inputs], **attrs)
    except (ShapeError, DtypeError) as error:
        names = dict(zip("xyzw", inputs)) if len(inputs) <= 4 else {}
        raise type(error)(explain(str(error), origins(**names))) from None
    return make(name, inputs, tuple(attrs.items()), result)


def cotangents(node: Node, g) -> tuple:
    """One Node or None per input of ``node``, from its cotangent ``g`` (for several results: a tuple of them).

    Raises:
        GraphError: the value is complex, whose gradient is not defined here.
    """
    vjp = row(node.op).vjp
    if vjp is None:
        return (None,) * len(node.inputs)
    if any(t.dtype.is_complex for x in (node, *node.inputs) for t in getattr(x.type, "items", (x.type,))):
        raise GraphError(explain(f"{node.op}: no gradient through complex values, {node.type}", location=node.location))
    return vjp(g, node, *node.inputs, **dict(node.attrs))
