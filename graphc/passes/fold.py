"""Constants: what depends on nothing but constants is computed now, within a budget."""

from __future__ import annotations

import numpy as np

from graphc.ir.graph import Graph, rebuild
from graphc.ir.node import Node, const, is_index, make
from graphc.ir.type import TupleType, Type
from graphc.passes.nested import everywhere, same_or
from graphc.prims import TABLE, apply
from graphc.prims.interpret import value_of
from graphc.rewrite.rule import is_splat

BYTES = 1 << 20  # a result may be as large as this, or as its operands
FLOPS = 1 << 26  # about a tenth of a second of NumPy
# Control flow may run for long; a host callback, and a factorisation that could fail, belong to the run.
_NEVER = frozenset(
    {"input", "const", "symbol", "call", "cond", "while", "loop", "host", "item", "ensure", "random_bits", "guard",
     "refusal"}
)


@everywhere
def fold_constants(graph: Graph, max_bytes: int = BYTES, max_flops: int = FLOPS, settled: bool = False) -> Graph:
    """Replace Nodes whose operands are all constants by their value, as the interpreter computes it.

    Element-wise operations on splats stay splats, whatever their shape. A constant that is only repeated stays as small
    as it is, as it can be repeated while it is read.

    Args:
        max_bytes: largest result that is kept, unless its operands are larger still.
        max_flops: most work for one Node, roughly.
        settled: also repeat those constants that operations with loops of their own read from memory.
    """

    def visit(node: Node, inputs: tuple) -> Node | None:
        if not inputs or node.op in _NEVER or isinstance(node.type, TupleType) or is_index(node):
            return None
        row = TABLE.get(node.op)
        if row is None or not row.native:
            return None
        if settled and row.nest is not None:
            inputs = tuple([_folded(x) if _is_repeated(x) and _fits(x, max_bytes) else x for x in inputs])
        if not all(x.op == "const" or _is_repeated(x) for x in inputs):
            return make(node.op, inputs, node.attrs, node.type)
        node = make(node.op, inputs, node.attrs, node.type)
        if _is_splat_operation(node):
            return _folded_splat(node)
        return _folded(node) if _is_affordable(node, row.cost, max_bytes, max_flops) else node

    return same_or(graph, rebuild(graph.roots, visit))


def apply_folded(op: str, *inputs: Node, **attrs) -> Node:
    """``apply``, with the value at once where it is element-wise on splats: rules may compute with constants."""
    node = apply(op, *inputs, **attrs)
    return _folded_splat(node) if _is_splat_operation(node) else node


def _is_splat_operation(node: Node) -> bool:
    return node.op in TABLE and TABLE[node.op].scalar is not None and all(map(is_splat, node.inputs))


def _folded_splat(node: Node) -> Node:
    scalars = tuple([const(x.attr("value"), x.type.with_shape(())) for x in node.inputs])
    scalar = make(node.op, scalars, node.attrs, Type(node.dtype, ()))
    with np.errstate(all="ignore"):
        return const(value_of(scalar, [x.attr("value").array for x in scalars], {}), node.type)


def _is_affordable(node: Node, cost: int, max_bytes: int, max_flops: int) -> bool:
    if not node.type.is_static or not all(x.type.is_static for x in node.inputs):
        return False
    size = node.type.size * node.dtype.size
    given = sum(map(_given_bytes, node.inputs))
    if size > given and (size > max_bytes or node.op == "broadcast" or any(map(_is_repeated, node.inputs))):
        return False
    work = (node.type.size + sum(x.type.size for x in node.inputs)) * cost
    if node.op in ("dot", "conv"):
        work = node.type.size * (node.inputs[1].type.size // max(1, node.shape[-1]))
    return work <= max_flops


def _given_bytes(x: Node) -> int:
    """A splat weighs one element, whatever it stands for; what is repeated weighs what it repeats."""
    source = x.inputs[0] if x.op == "broadcast" else x
    return source.dtype.size if is_splat(source) else source.type.size * source.dtype.size


def _is_repeated(x: Node) -> bool:
    return x.op == "broadcast" and x.type.is_static and x.inputs[0].op == "const"


def _fits(x: Node, max_bytes: int) -> bool:
    return x.type.size * x.dtype.size <= max_bytes


def _folded(node: Node) -> Node:
    node = make(node.op, tuple([_folded(x) if x.op == "broadcast" else x for x in node.inputs]), node.attrs, node.type)
    arrays = [np.broadcast_to(x.attr("value").array, x.shape) for x in node.inputs]
    with np.errstate(all="ignore"):
        return const(value_of(node, arrays, {}), node.type)
