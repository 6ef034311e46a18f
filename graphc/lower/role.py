"""How operations take part in fusion: which are evaluated where they are used, which have loops of their own."""

from __future__ import annotations

from graphc.ir.node import Node, is_index
from graphc.prims.shape import WIDE
from graphc.prims.table import TABLE

COST_LIMIT = 160  # of one kernel: bounds register pressure and compile time
VIEWS = ("reshape", "view")  # the same memory under another type


def role(node: Node) -> str:
    """How a node takes part: leaf, free (evaluated where used), map, reduce, dot, or single."""
    if node.op in ("input", "const"):
        return "leaf"
    if node.op in ("symbol", "view"):
        return "free"
    if not is_native(node):
        return "single"
    if node.op == "iota":
        return "free"
    row = TABLE[node.op]
    if row.scalar is not None:
        return "map"
    if row.index is not None:
        return "free"
    if row.reduce is not None:
        return "reduce"
    return "dot" if row.nest in ("dot", "conv", "dot4", "conv4") else "single"


def is_native(node: Node) -> bool:
    """True if generated code can hold the elements of the node and its operands; others are computed on the host."""
    types = [t for n in (node, *node.inputs) for t in getattr(n.type, "items", (n.type,))]
    return all(t.dtype.is_native for t in types)


def is_inline_const(node: Node) -> bool:
    """True for constants that become literals instead of memory."""
    return node.op == "const" and node.attrs[0][1].is_splat and node.type.dtype.is_native


def dimensions(order: list[Node]) -> set[Node]:
    """The rank-0 i64 arithmetic over symbols alone: kernels get the symbols and compute it."""
    found: set[Node] = set()
    for node in order:
        if node.op == "symbol" or (
            is_index(node)
            and node.inputs
            and role(node) == "map"
            and all(x in found or is_inline_const(x) for x in node.inputs)
        ):
            found.add(node)
    return found


def narrows(node: Node) -> bool:
    """True for what makes bytes of wider elements: these are made once, as to read them again is cheap."""
    return node.op == "cast" and node.dtype.size == 1 < node.inputs[0].dtype.size


def follows_product(node: Node) -> bool:
    """True for the end of a product's epilogue, which stores narrow elements sooner than it moves wide ones."""
    for _ in range(COST_LIMIT):
        kind = role(node)
        if kind != "map":
            return kind == "dot"
        node = next((x for x in node.inputs if x.op not in ("const", "broadcast")), node.inputs[0])
    return False


def same_lanes(nodes: list[Node]) -> bool:
    """True if the reductions among these may share a loop: their number of lanes depends on the width of their dtype."""
    return len({n.dtype.bits > 32 for n in nodes if role(n) == "reduce"}) <= 1


def cost_of(node: Node) -> int:
    if is_wide(node):
        return COST_LIMIT
    return TABLE[node.op].cost if node.inputs else 0


def is_wide(node: Node) -> bool:
    """True for a concatenation of so many parts that each reader of it would be as many loops."""
    return node.op == "concat" and len(node.inputs) >= WIDE


def reads_once(user: Node) -> bool:
    """True for movement that reads each element of its operand at most once."""
    return role(user) == "free" and user.op not in ("broadcast", "window", "iota")


def is_column_reduce(node: Node) -> bool:
    """True for a reduction over anything but the trailing axes."""
    if role(node) != "reduce":
        return False
    rank = node.inputs[0].type.rank
    return tuple(sorted(node.attr("axes"))) != tuple(range(node.type.rank, rank))
