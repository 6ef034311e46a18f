"""The table of primitives: declare a row, look one up, apply it to Nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.errors import CompileError, DtypeError, ShapeError, UsageError, explain, here
from graphc.ir.node import Node, binary, is_index, make, origins
from graphc.ir.sizes import sized

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
        sizes: how many sizes its results have that are known only while running, see ``ir.sizes``. The rule gets their
            symbols as ``sizes``.
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
    sizes: int = 0
    commutative: bool = False
    cost: int = 1


@dataclass(frozen=True)
class Piece:
    """Where ``guard`` (a b1 scalar, or None for always) holds, the element is ``input`` at ``index``.

    Of several pieces the first whose guard holds counts, and the last one where none does. Each guard by itself keeps
    ``index`` inside of the input, as what is not chosen may be evaluated too.
    """

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
        one = row(name)
        if one.sizes and "sizes" not in attrs:
            return sized(name, inputs, attrs, one.type, one.sizes, here())
        result = one.type(*[x.type for x in inputs], **attrs)
    except (ShapeError, DtypeError) as error:
        names = dict(zip("xyzw", inputs)) if len(inputs) <= 4 else {}
        raise type(error)(explain(str(error), origins(**names))) from None
    return make(name, inputs, tuple(attrs.items()), result)


# Rows whose vjp is right for complex values as it stands: linear with real factors, or written for them.
_ADJOINT = frozenset(
    "add sub neg select stop transfer ensure reshape broadcast transpose slice pad reverse concat gather window unwindow item "
    "cast call cond loop while complex real imag conj view cholesky triangular_solve lu qr eigh eig svd solve inverse "
    "det slogdet matrix_function fft".split()
)


def cotangents(node: Node, g) -> tuple:
    """One Node or None per input of ``node``, from its cotangent ``g`` (for several results: a tuple of them).

    The cotangent of a complex value is that of its real part plus i times that of its imaginary part, as in TensorFlow.
    A row's vjp multiplies by derivatives; with conjugates around it, it multiplies by their conjugates.
    """
    vjp = row(node.op).vjp
    if vjp is None:
        return (None,) * len(node.inputs)
    attrs = dict(node.attrs)
    if node.op in _ADJOINT or not _is_complex(node):
        return vjp(g, node, *node.inputs, **attrs)
    return _conjugate(tuple(vjp(_conjugate(g), node, *node.inputs, **attrs)))


def _is_complex(node: Node) -> bool:
    types = [t for n in (node, *node.inputs) for t in getattr(n.type, "items", (n.type,))]
    return any(t.dtype.is_complex for t in types)


def _conjugate(g):
    if isinstance(g, tuple):
        return tuple([_conjugate(x) for x in g])
    if g is None or not g.dtype.is_complex:
        return g
    return g.inputs[0] if g.op == "conj" else apply("conj", g)
