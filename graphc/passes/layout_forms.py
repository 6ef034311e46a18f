"""In which orders of axes an operation can be computed, what its operands must look like then, and how it is written.

An *order* of a value is the permutation of its axes in which it lies in memory: ``(0, 2, 3, 1)`` is channels last for
what the graph calls [n, c, h, w]. A *form* of a Node says in which orders it takes its operands and gives its result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.ir.node import Node, const, make
from graphc.ir.type import Type
from graphc.prims import TABLE, apply, broadcast, reshape, transpose
from graphc.prims.shape import axis_groups
from graphc.rewrite.rule import is_splat

FREE = frozenset({"const", "iota"})  # what costs nothing in whatever order
# Where one side leaves open where the axes stand that the other side does not have.
GUESSED_UP, GUESSED_DOWN = frozenset({"reduce", "argreduce"}), frozenset({"broadcast"})


@dataclass(frozen=True)
class Form:
    """One way to compute a Node: the orders of its operands, and of its result; () for what has no axes."""

    needs: tuple[tuple, ...]
    result: tuple


def plain(type) -> tuple:
    """The order that the graph says."""
    return tuple(range(type.rank)) if isinstance(type, Type) else ()


def key_of(order: tuple, type) -> tuple:
    """Orders with equal keys are the same memory: axes of size 1 may stand anywhere."""
    shape = type.shape if isinstance(type, Type) else ()
    return tuple([a for a in order if shape[a] != 1])


def as_written(node: Node) -> Form:
    """The form that the graph says."""
    if node.op == "transpose":
        return Form((node.attr("perm"),), plain(node.type))
    return Form(tuple([plain(x.type) for x in node.inputs]), plain(node.type))


def from_operand(node: Node, k: int, order: tuple, sum_order: bool) -> Form | None:
    """The form that takes operand ``k`` in this order; None if there is none, or it would change bits.

    Args:
        sum_order: whether sums of floating-point numbers may be taken in another order.
    """
    kind = _kind_of(node)
    return kind.down(node, k, order, sum_order) if kind is not None else None


def from_result(node: Node, order: tuple, sum_order: bool) -> Form | None:
    """The form that gives the result in this order, or None."""
    kind = _kind_of(node)
    return kind.up(node, order, sum_order) if kind is not None else None


def written(node: Node, form: Form, operands: list[Node]) -> Node:
    """The Node in this form over operands that lie in the orders it needs."""
    if form == as_written(node) and node.op != "transpose":
        return make(node.op, tuple(operands), node.attrs, node.type)
    return _kind_of(node).write(node, form, operands)


def reordered(x: Node, order: tuple, wanted: tuple, type: Type) -> Node:
    """``x``, which holds a value of ``type`` in one order, in another."""
    if order == wanted:
        return x
    if is_splat(x):
        return const(x.attr("value"), type.with_shape([type.shape[a] for a in wanted]))
    if key_of(order, type) == key_of(wanted, type):
        return reshape(x, [type.shape[a] for a in wanted])
    return transpose(x, [order.index(a) for a in wanted])


def with_missing(order: list, rank: int) -> tuple:
    """An order of some of the axes with each of the others behind the axis it follows in the graph."""
    full = list(order)
    for a in range(rank):
        if a not in full:
            full.insert(full.index(a - 1) + 1 if a else 0, a)
    return tuple(full)


@dataclass(frozen=True)
class _Kind:
    """How one kind of operation passes orders on, from an operand and from the result, and is written in a form."""

    down: Callable
    up: Callable
    write: Callable | None


def _kind_of(node: Node) -> _Kind | None:
    if not isinstance(node.type, Type) or not node.type.rank:
        return None
    row = TABLE.get(node.op)
    return _ELEMENT_WISE if row is not None and row.scalar is not None else _KINDS.get(node.op)


# ------------------------------------------------------------------------------------- all axes stay in place


def _aligned(node: Node, order: tuple, *_) -> Form:
    return Form(tuple([order if x.type.rank else () for x in node.inputs]), order)


def _permuted(*names: str) -> Callable:
    """Writes a Node whose attributes of these names have one entry for each axis."""

    def write(node: Node, form: Form, operands: list) -> Node:
        attrs = {k: tuple([v[a] for a in form.result]) if k in names else v for k, v in node.attrs}
        return apply(node.op, *operands, **attrs)

    return write


def _write_concat(node: Node, form: Form, operands: list) -> Node:
    return apply("concat", *operands, axis=form.result.index(node.attr("axis")))


def _write_reverse(node: Node, form: Form, operands: list) -> Node:
    return apply("reverse", *operands, axes=tuple(sorted(form.result.index(a) for a in node.attr("axes"))))


def _write_iota(node: Node, form: Form, operands: list) -> Node:
    shape = tuple([node.shape[a] for a in form.result])
    return apply("iota", shape=shape, axis=form.result.index(node.attr("axis")), dtype=node.dtype)


def _in_place(write: Callable) -> _Kind:
    return _Kind(lambda node, k, order, _: _aligned(node, order) if order else None, _aligned, write)


# ------------------------------------------------------------------------------------- axes come, go and move


def _transpose_down(node: Node, k: int, order: tuple, _) -> Form:
    return Form((order,), tuple([node.attr("perm").index(a) for a in order]))


def _transpose_up(node: Node, order: tuple, _) -> Form:
    return Form((tuple([node.attr("perm")[a] for a in order]),), order)


def _broadcast_down(node: Node, k: int, order: tuple, _) -> Form:
    axes = node.attr("axes")
    return Form((order,), with_missing([axes[a] for a in order], node.type.rank))


def _broadcast_up(node: Node, order: tuple, _) -> Form:
    axes = node.attr("axes")
    return Form((tuple([axes.index(a) for a in order if a in axes]),), order)


def _write_broadcast(node: Node, form: Form, operands: list) -> Node:
    axes = node.attr("axes")
    shape = tuple([node.shape[a] for a in form.result])
    return apply("broadcast", *operands, shape=shape, axes=tuple([k for k, a in enumerate(form.result) if a in axes]))


def _gone(node: Node) -> tuple:
    return node.attr("axes") if node.op == "reduce" else (node.attr("axis"),)


def _reduce_down(node: Node, k: int, order: tuple, sum_order: bool) -> Form | None:
    gone = _gone(node)
    if not sum_order and not _keeps_sum(node, order):
        return None
    kept = [a for a in range(len(order)) if a not in gone]
    return Form((order,), tuple([kept.index(a) for a in order if a not in gone]))


def _reduce_up(node: Node, order: tuple, sum_order: bool) -> Form | None:
    rank, gone = node.inputs[0].type.rank, _gone(node)
    kept = [a for a in range(rank) if a not in gone]
    return _reduce_down(node, 0, with_missing([kept[a] for a in order], rank), sum_order)


def _keeps_sum(node: Node, order: tuple) -> bool:
    """Whether the elements of every sum would be taken in the order in which they are now.

    That depends on which reduced axes are neighbours and on whether the last axis is one of them.
    """
    if node.op != "reduce" or node.dtype.is_integer or node.attr("kind") not in ("sum", "prod"):
        return True
    type, gone = node.inputs[0].type, node.attr("axes")
    before, after = key_of(plain(type), type), key_of(order, type)

    def runs(axes: tuple) -> list:
        if axes and axes[-1] not in gone:
            return [a for a in axes if a in gone]
        return [a if a in gone else None for k, a in enumerate(axes) if a in gone or (k and axes[k - 1] in gone)]

    return (before[-1:] and before[-1] in gone) == (after[-1:] and after[-1] in gone) and runs(before) == runs(after)


def _write_reduce(node: Node, form: Form, operands: list) -> Node:
    (order,) = form.needs
    if node.op == "argreduce":
        return apply("argreduce", *operands, **(dict(node.attrs) | {"axis": order.index(node.attr("axis"))}))
    axes = tuple(sorted(order.index(a) for a in node.attr("axes")))
    return apply("reduce", *operands, kind=node.attr("kind"), axes=axes)


def _regrouped(order: tuple, source: tuple, target: tuple) -> tuple | None:
    """The order of ``target``'s axes in which memory of shape ``source`` in this order is it; None if there is none."""
    left = [a for a in order if source[a] != 1]
    starts = {}
    for pair in axis_groups(source, target):
        if not pair[0] or not pair[1]:
            return None
        starts[pair[0][0]] = pair
    found, k = [], 0
    while k < len(left):
        mine, its = starts.get(left[k], ((), ()))
        if not mine or tuple(left[k : k + len(mine)]) != mine:
            return None
        found += its
        k += len(mine)
    return with_missing(found, len(target))


def _reshape_down(node: Node, k: int, order: tuple, _) -> Form | None:
    result = _regrouped(order, node.inputs[0].shape, node.shape)
    return Form((order,), result) if result is not None else None


def _reshape_up(node: Node, order: tuple, _) -> Form | None:
    need = _regrouped(order, node.shape, node.inputs[0].shape)
    return Form((need,), order) if need is not None else None


def _write_reshape(node: Node, form: Form, operands: list) -> Node:
    return reshape(*operands, [node.shape[a] for a in form.result])


def _window_down(node: Node, k: int, order: tuple, _) -> Form:
    return Form((order,), (*order, *range(len(order), node.type.rank)))


def _window_up(node: Node, order: tuple, _) -> Form | None:
    rank = node.inputs[0].type.rank
    return Form((order[:rank],), order) if order[rank:] == tuple(range(rank, len(order))) else None


def _write_window(node: Node, form: Form, operands: list) -> Node:
    (order,) = form.needs
    axes = tuple([order.index(a) for a in node.attr("axes")])
    return apply("window", *operands, **(dict(node.attrs) | {"axes": axes}))


# ------------------------------------------------------------------------------------- one axis by places


def _places(node: Node) -> Node | None:
    """The places, if a gather takes the same ones of an axis whatever stands at the others."""
    x, indices = node.inputs
    batch = node.attr("batch")
    alike = indices.op == "broadcast" and indices.attr("axes") == (batch,) and indices.type.rank == batch + 2
    return indices.inputs[0] if alike and indices.shape[-1] == 1 and batch < x.type.rank else None


def _gather_form(node: Node, order: tuple) -> Form | None:
    return Form((order, plain(node.inputs[1].type)), order) if _places(node) is not None else None


def _write_gather(node: Node, form: Form, operands: list) -> Node:
    batch, new = form.result.index(node.attr("batch")), operands[1]
    places = new.inputs[0] if new.op == "broadcast" else _places(node)
    lead = [node.shape[a] for a in form.result[: batch + 1]]
    return apply("gather", operands[0], broadcast(places, (*lead, 1), (batch,)), batch=batch)


# ------------------------------------------------------------------------------------- one order only


def _fixed_down(node: Node, k: int, order: tuple, _) -> Form | None:
    if k or key_of(order, node.inputs[0].type) != key_of(plain(node.inputs[0].type), node.inputs[0].type):
        return None
    return as_written(node)


def _fixed_up(node: Node, order: tuple, _) -> Form | None:
    return as_written(node) if key_of(order, node.type) == key_of(plain(node.type), node.type) else None


_ELEMENT_WISE = _in_place(_permuted())
_KINDS = {
    "stop": _ELEMENT_WISE,
    "ensure": _in_place(_permuted("shape")),
    "slice": _in_place(_permuted("start", "stop", "step")),
    "pad": _in_place(_permuted("low", "high")),
    "concat": _in_place(_write_concat),
    "reverse": _in_place(_write_reverse),
    "iota": _in_place(_write_iota),
    "transpose": _Kind(_transpose_down, _transpose_up, lambda node, form, operands: operands[0]),
    "broadcast": _Kind(_broadcast_down, _broadcast_up, _write_broadcast),
    "reduce": _Kind(_reduce_down, _reduce_up, _write_reduce),
    "argreduce": _Kind(_reduce_down, _reduce_up, _write_reduce),
    "reshape": _Kind(_reshape_down, _reshape_up, _write_reshape),
    "window": _Kind(_window_down, _window_up, _write_window),
    "gather": _Kind(
        lambda node, k, order, _: _gather_form(node, order) if k == 0 else None,
        lambda node, order, _: _gather_form(node, order),
        _write_gather,
    ),
    "conv": _Kind(_fixed_down, _fixed_up, None),  # written as it is
}  # fmt: skip
