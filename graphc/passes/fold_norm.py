"""Scales and offsets by constants after a convolution or product, as batch normalisation at inference, go into weights.

``conv(x, w) * s + t`` is ``conv(x, w * s) + t``: what is constant is computed once, in float64. That changes last bits,
so it is done only where a product takes the scales up, and nowhere a last bit may decide about more than itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np

from graphc.ir.graph import Graph, rebuild
from graphc.ir.node import Node, const
from graphc.ir.order import users
from graphc.ir.type import Type
from graphc.passes.nested import same_or, with_bodies
from graphc.prims import add, apply, broadcast, mul
from graphc.prims.shape import axis_groups
from graphc.prims.table import TABLE


@dataclass
class _Affine:
    """``value(base) * scale + shift``, the numbers along ``axis`` (of the last Node) or everywhere alike.

    Attributes:
        base: the product with constant weights where it begins; last: where it ends.
        members: the Nodes after ``base``. moves: reshape and ensure Nodes among them.
        scales, offsets: what the operations of each kind that it stands for cost.
    """

    base: Node
    last: Node
    axis: int | None = None
    scale: np.ndarray = field(default_factory=lambda: np.float64(1))
    shift: np.ndarray = field(default_factory=lambda: np.float64(0))
    members: list = field(default_factory=list)
    moves: list = field(default_factory=list)
    scales: int = 0
    offsets: int = 0

    @property
    def is_scaled(self) -> bool:
        """Whether the weights change: by a scale, or by the sign of what is subtracted from a constant."""
        return bool(np.any(self.scale != 1))


def fold_norm(graph: Graph) -> Graph:
    """Put multiplications by and additions of constants that follow products into the constant weights of these."""
    memo: dict[Graph, Graph] = {}

    def inner(one: Graph) -> Graph:  # depth is that of control flow, not of data flow
        if one not in memo:
            one_inside = with_bodies(one, inner)
            memo[one] = _folded(one_inside, frozenset(one_inside.roots))  # what becomes of these is not known here
        return memo[one]

    return _folded(with_bodies(graph, inner), frozenset())


def _folded(graph: Graph, watched: frozenset[Node]) -> Graph:
    """The same for one Graph without those inside; the values in ``watched`` keep every bit."""
    uses, roots = users(graph.roots), set(graph.roots)
    chains, inside = {}, set()
    deciding = _deciding(graph, uses, watched)
    for node in graph.nodes:
        if node not in inside and node not in deciding and _weights(node):
            chain = _chain(node, uses, roots)
            if chain is not None:
                chains[chain.last] = chain
                inside.update(chain.members)
    if not chains:
        return graph
    memo: dict[Node, Node] = {}

    def visit(node: Node, inputs: tuple) -> Node | None:
        chain = chains.get(node)
        return _merged(chain, memo[chain.base]) if chain is not None else None

    return same_or(graph, rebuild(graph.roots, visit, memo))


# ---------------------------------------------------------------------------------------------- where bits decide


def _deciding(graph: Graph, uses: dict, watched: frozenset[Node]) -> set[Node]:
    """The values whose last bit may decide: those in ``watched``, and those that are rounded, compared, looked at by
    something unknown, or, before that, moved or changed element by element (as by the scale of a quantisation)."""
    found = set()
    for node in reversed(graph.nodes):  # users first
        readers = uses.get(node, ())
        if node in watched or any(_decides(user) or (user in found and _passes_on(user)) for user in readers):
            found.add(node)
    return found


def _passes_on(node: Node) -> bool:
    return node.op in _MOVES or TABLE[node.op].scalar is not None or _is_choice(node)


def _decides(node: Node) -> bool:
    if node.op in _ROUNDS or not isinstance(node.type, Type) or node.dtype.kind not in "fc":
        return True
    return not (_passes_on(node) or node.op in _SUMS)


def _is_choice(node: Node) -> bool:
    """Whether every result is one of the elements."""
    return node.op in ("reduce", "cumulate") and node.attr("kind") in ("max", "min")


_ROUNDS = frozenset("round floor ceil trunc sign floordiv mod".split())
_MOVES = frozenset("reshape transpose broadcast slice pad concat reverse ensure stop window gather".split())
_SUMS = frozenset("conv dot reduce cumulate unwindow scatter".split())  # in which a last bit of a term is one of many


# ---------------------------------------------------------------------------------------------- finding


def _chain(base: Node, uses: dict, roots: set) -> _Affine | None:
    """The longest chain from a product on, if it pays."""
    chain = _Affine(base, base)
    with np.errstate(all="ignore"):
        while chain.last not in roots and len(uses[chain.last]) == 1 and _extend(chain, uses[chain.last][0]):
            chain.members.append(chain.last)
    while chain.members and chain.members[-1].op in ("reshape", "ensure"):  # what only moves at the end stays behind it
        chain.members.pop()
        chain.moves.pop()
    if not chain.members:
        return None
    chain.last = chain.members[-1]
    if not _takes_up(base, chain) or (chain.is_scaled and not _is_alone(base, uses, roots)):
        return None
    return chain if bool(np.any(chain.shift)) < chain.scales + chain.offsets else None


def _is_alone(node: Node, uses: dict, roots: set) -> bool:
    """Whether nothing but the chain reads a Node, or what ``_scaled`` would make anew for it."""
    while node not in roots and len(uses[node]) == 1:
        if node.op != "fma":
            return True
        node = node.inputs[2]
    return False


def _extend(chain: _Affine, user: Node) -> bool:
    """Take one more operation into the chain; False if it is another kind."""
    x = chain.last
    if user.op == "ensure" or (user.op == "reshape" and _keeps_last(user)):
        if chain.axis not in (None, x.type.rank - 1):
            return False
        chain.axis = None if chain.axis is None else user.type.rank - 1
        chain.moves.append(user)
    elif user.op == "neg":
        chain.scale, chain.shift = -chain.scale, -chain.shift
        chain.scales += 1
    elif user.op not in _STEPS:
        return False
    else:
        left = user.inputs[0] is x
        found = _vector(user.inputs[1 if left else 0], chain)
        if found is None or (user.op == "div" and not left) or user.inputs[0] is user.inputs[1]:
            return False
        axis, c = found
        scale, shift = _STEPS[user.op](chain.scale, chain.shift, c, left)
        if not (_fits(scale, x.dtype) and _fits(shift, x.dtype)):
            return False
        chain.axis = axis if chain.axis is None else chain.axis
        chain.scale, chain.shift = scale, shift
        chain.scales += user.op in ("mul", "div")
        chain.offsets += user.op in ("add", "sub")
    chain.last = user
    return True


_STEPS: dict[str, Callable] = {
    "add": lambda s, t, c, left: (s, t + c),
    "sub": lambda s, t, c, left: (s, t - c) if left else (-s, c - t),
    "mul": lambda s, t, c, left: (s * c, t * c),
    "div": lambda s, t, c, left: (s / c, t / c),
}


def _fits(numbers: np.ndarray, dtype) -> bool:
    """Whether none is too large for the dtype, or no number at all."""
    return bool((np.abs(numbers) <= float(ml_dtypes.finfo(dtype.numpy).max)).all())


def _keeps_last(node: Node) -> bool:
    """Whether a reshape leaves the last axis alone."""
    x = node.inputs[0]
    if not x.shape or not node.shape or x.shape[-1] == 1:
        return False
    return ((x.type.rank - 1,), (node.type.rank - 1,)) in axis_groups(x.shape, node.shape)


def _vector(c: Node, chain: _Affine) -> tuple | None:
    """(axis, numbers) of a constant operand: everywhere alike (axis None), or a vector along the chain's axis."""
    source, axes = (c.inputs[0], c.attr("axes")) if c.op == "broadcast" else (c, tuple(range(c.type.rank)))
    if source.op != "const":
        return None
    data = source.attr("value")
    if data.is_splat:
        return None, data.array.astype(np.float64)
    large = [a for k, a in enumerate(axes) if source.shape[k] != 1]
    if len(large) != 1 or chain.axis not in (None, large[0]):
        return None
    return large[0], data.array.astype(np.float64).reshape(-1)


# ---------------------------------------------------------------------------------------------- weights


def _takes_up(base: Node, chain: _Affine) -> bool:
    """Whether the chain's axis is that of the outputs of ``base``, and its scales times the weights are numbers."""
    if chain.axis not in (None, chain.last.type.rank - 1):
        return False
    with np.errstate(all="ignore"):
        largest = np.abs(chain.scale).max()
        products = [(w.dtype, w.attr("value").array.astype(np.float64) * largest) for w in _weights(base)]
        return all(_fits(p, dtype) for dtype, p in products)


def _weights(base: Node) -> list[Node]:
    """The constants that the result is linear in; [] where it is not, or is no sum of products.

    Besides ``conv`` and ``dot`` that may be a depthwise convolution as a chain of products of channels with constants.
    """
    found: list[Node] = []
    if not isinstance(base.type, Type) or base.dtype.kind != "f":
        return []
    while base.op in ("fma", "mul"):
        k = _factor(base)
        if k is None:
            return []
        found.append(base.inputs[k].inputs[0])
        if base.op == "mul":
            return found if len(found) > 1 else []
        base = base.inputs[2]
    if base.op not in ("conv", "dot") or (base.op == "dot" and base.type.rank != 2) or base.inputs[1].op != "const":
        return []
    return [*found, base.inputs[1]]


def _factor(node: Node) -> int | None:
    """Which operand of a product is a vector along the last axis."""
    for k in (1, 0):
        c = node.inputs[k]
        if c.op == "broadcast" and c.inputs[0].op == "const" and c.attr("axes") == (node.type.rank - 1,):
            return k
    return None


def _scaled(base: Node, scale: np.ndarray) -> Node:
    """``base`` with its outputs multiplied, by its weights."""
    sums = []
    while base.op == "fma":
        sums.append(base)
        base = base.inputs[2]
    if base.op == "mul":
        result = mul(*_with_factor(base, scale))
    else:
        x, w = base.inputs
        column = scale[:, None] if scale.ndim and base.op == "dot" and base.attr("transpose_y") else scale
        result = apply(base.op, x, _product(w, column), **dict(base.attrs))
    for node in reversed(sums):
        a, b = _with_factor(node, scale)
        result = apply("fma", a, b, result)
    return result


def _with_factor(node: Node, scale: np.ndarray) -> list[Node]:
    operands, k = list(node.inputs[:2]), _factor(node)
    c = operands[k]
    operands[k] = broadcast(_product(c.inputs[0], scale), c.shape, c.attr("axes"))
    return operands


def _product(w: Node, scale: np.ndarray) -> Node:
    array = np.broadcast_to(w.attr("value").array, w.shape).astype(np.float64) * scale
    return const(array.astype(w.dtype.numpy), w.type)


def _merged(chain: _Affine, base: Node) -> Node:
    """The chain's last value from its new first one."""
    result = base
    if chain.is_scaled:
        with np.errstate(over="ignore"):
            result = _scaled(base, chain.scale)
    for move in chain.moves:
        result = apply(move.op, result, **dict(move.attrs))
    return add(result, _spread(chain.shift, chain)) if np.any(chain.shift) else result


def _spread(numbers: np.ndarray, chain: _Affine) -> Node:
    type = chain.last.type
    numbers = numbers.astype(type.dtype.numpy)
    if not numbers.ndim:
        return const(numbers, type)
    return broadcast(const(numbers), type.shape, (chain.axis,))
