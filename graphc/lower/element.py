"""Ask for one element: the rank-0 Node that computes element ``index`` of a tensor Node."""

from __future__ import annotations

from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.kernel import load
from graphc.ir.node import INDEX, Node, const, is_index, make
from graphc.ir.type import Type
from graphc.lower.signs import is_never_positive
from graphc.prims.table import TABLE, apply


class Elements:
    """Answers for elements of one region.

    Args:
        arrays: materialised Nodes -> names of the arrays they lie in.
        values: Nodes whose value is at hand as a rank-0 Node, whatever the index.

    Attributes:
        rows: arrays that hold present rows only -> what stands in their index before the last one.
    """

    def __init__(self, arrays: dict[Node, str], values: dict[Node, Node] | None = None):
        self.arrays = dict(arrays)
        self.values = dict(values or {})
        self.rows: dict[str, tuple] = {}
        self._memo: dict = {}

    def forget(self):
        """Drop what was computed; needed when ``arrays`` or ``values`` change."""
        self._memo.clear()

    def at(self, node: Node, index: tuple, guard: Node | None = None) -> Node:
        """Element ``index`` of ``node``; loads are skipped (giving 0) where ``guard`` is false."""
        if node in self.values:
            return self.values[node]
        key = (node, index, guard)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._compute(node, index, guard)
        return found

    def place(self, array: str, index: tuple) -> tuple:
        """Where element ``index`` is in an array."""
        return (*self.rows[array], index[-1]) if array in self.rows else index

    def _compute(self, node: Node, index: tuple, guard: Node | None) -> Node:
        if node in self.arrays:
            return load(self.arrays[node], self.place(self.arrays[node], index), node.dtype, guard)
        if node.op == "const":
            return const(node.attrs[0][1], Type(node.dtype, ()))
        if node.op == "symbol":
            return node
        if node.op == "iota":
            return _cast(index[node.attr("axis")], node.dtype)
        row = TABLE[node.op]
        if row.scalar is not None:
            operands = tuple([self.at(x, index, guard) for x in node.inputs])
            if node.op == "exp" and is_never_positive(node.inputs[0]):
                return _told(make("exp_falling", operands, (), Type(node.dtype, ())), node)
            return _told(scalar_node(node.op, operands, node.attrs, node.dtype), node)
        if row.index is not None:
            return self._moved(node, row, index, guard)
        raise CompileError(f"{node.op} at {node.location} has no element form; it must be materialised")

    def _moved(self, node: Node, row, index: tuple, guard: Node | None) -> Node:
        pieces = row.index(index, node.type, *[x.type for x in node.inputs], **dict(node.attrs))
        result = None
        for piece in reversed(pieces):
            inner = guard
            if piece.guard is not None:
                inner = piece.guard if guard is None else apply("and", guard, piece.guard)
            where = tuple([i if isinstance(i, Node) else const(i, INDEX) for i in piece.index])
            value = self.at(node.inputs[piece.input], where, inner)
            result = value if result is None else apply("select", piece.guard, value, result)
        return result


def _told(element: Node, node: Node) -> Node:
    """An element of a Node, which has its line where no other is known."""
    if element.location is None:
        element.location = node.location
    return element


def as_data(value: Node) -> Node:
    """A variable that holds data; of loop indices, which look the same in i64, index arithmetic thinks small."""
    return apply("bitcast", value, dtype=dt.i64) if is_index(value) else value


def scalar_node(op: str, operands: tuple, attrs: tuple, dtype) -> Node:
    """A rank-0 element-wise Node; formulas are written out, index arithmetic is put into normal form."""
    formula = TABLE[op].scalar
    if callable(formula):
        return formula(*operands, **dict(attrs))
    if dtype is dt.i64 and len(operands) == 2 and is_index(operands[0]) and is_index(operands[1]) and not attrs:
        return apply(op, *operands)
    return make(op, operands, attrs, Type(dtype, ()))


def _cast(index, dtype) -> Node:
    """An index as an element: data from here on, which index arithmetic must not take for a size."""
    node = index if isinstance(index, Node) else const(index, INDEX)
    return as_data(node) if dtype is dt.i64 else apply("cast", node, dtype=dtype)
