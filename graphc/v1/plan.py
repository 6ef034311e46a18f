"""One way to run given fetches with given feeds: the pure graph, its state, and the native function bound to it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphc.api.places import options_for
from graphc.api.run import bound
from graphc.errors import StateError, explain, located
from graphc.ir.graph import input_node
from graphc.ir.node import Node, const
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.state import State
from graphc.v1.tensor import Operation, Tensor
from graphc.v1.trace import Traced, trace


@dataclass(frozen=True)
class Pattern:
    """What a plan assumes about its feeds: ranks, sizes that are 1, and values, each as little as possible.

    Attributes:
        ranks: of every feed.
        sizes: for every feed pairs of axis and size, where it is not known otherwise; empty unless a run needed it.
        values: for every feed its content (or None), where shapes depend on it; empty unless a run needed it.
    """

    ranks: tuple[int, ...]
    sizes: tuple = ()
    values: tuple = ()


@dataclass(frozen=True)
class Plan:
    """A compiled run.

    Attributes:
        call: native function of the feeds' values in order; answers with the array of the only fetch, or a tuple.
        is_general: later values may be given to it as they are; it refuses what does not fit. What has effects needs
            the runner, which knows how to start anew.
        is_scalar: the only fetch has rank 0.
    """

    call: Callable
    traced: Traced
    is_general: bool
    is_scalar: bool


@dataclass(frozen=True, eq=False)
class Request:
    """What a run is asked for: distinct fetches, operations to run, tensors that are fed, operations that are done."""

    fetches: tuple[Tensor, ...]
    targets: tuple[Operation, ...]
    fed: tuple[Tensor, ...]
    rebuild: Callable
    done: frozenset = frozenset()


def pattern_of(request: Request, arrays, with_ones: bool = False, valued: frozenset = frozenset()) -> Pattern:
    """What a plan for these arrays assumes; ``valued``: positions of the feeds whose content it may use."""
    ranks = tuple(a.ndim for a in arrays)
    sizes = tuple(_sizes(t, a, (1,)) for t, a in zip(request.fed, arrays)) if with_ones else ()
    sizes = sizes if any(sizes) else ()  # the plan of all runs without a size of 1
    pairs = enumerate(zip(request.fed, arrays))
    values = tuple(_content(t, a) if k in valued else None for k, (t, a) in pairs) if valued else ()
    return Pattern(ranks, sizes, values)


def deciding(request: Request, pattern: Pattern, node: Node) -> frozenset:
    """Positions of the feeds that the value of ``node`` is computed from; all of them where that cannot be seen."""
    _, inputs = fed_nodes(request, pattern)
    needed = set(toposort([node]))
    found = frozenset(k for k, x in enumerate(inputs) if x in needed)
    return found or frozenset(range(len(inputs)))


def changes(request: Request, old: Pattern, new: Pattern) -> list[tuple[str, str]]:
    """What a plan for ``new`` assumes otherwise than one for ``old``: kinds of change, and each in words."""
    found = []
    for k, tensor in enumerate(request.fed):
        if old.ranks[k] != new.ranks[k]:
            found.append(("rank", f"{tensor.name} is fed a value of rank {new.ranks[k]}, it was {old.ranks[k]}"))
            continue
        ones = [{axis for axis, _ in p.sizes[k]} if p.sizes else set() for p in (old, new)]
        for axis in sorted(ones[0] ^ ones[1]):
            now = "1, which broadcasts" if axis in ones[1] else "more than 1, it was 1"
            found.append(("size 1", f"the size of {tensor.name} at axis {axis} is {now}"))
        before, after = (p.values[k] if p.values else None for p in (old, new))
        if after is not None and before != after:
            was = "" if before is None else f", it was {_listed(before)}"
            what = f"the value of {tensor.name} decides a shape or an axis and is {_listed(after)}{was}"
            found.append(("value", what))
    return found


def _listed(content: tuple) -> str:
    text = str(list(content))
    return text if len(text) <= 40 else text[:37] + "..."


def _sizes(tensor: Tensor, array: np.ndarray, wanted=None) -> tuple:
    """Axis and size of what is not known of the shape; only sizes in ``wanted``, if given."""
    known = tensor.shape.as_list() if tensor.node is not None else [None] * array.ndim
    open_axes = [k for k, d in enumerate(known) if d is None]
    return tuple((k, array.shape[k]) for k in open_axes if wanted is None or array.shape[k] in wanted)


def _content(tensor: Tensor, array: np.ndarray) -> tuple | None:
    if not tensor.dtype.is_integer or array.ndim > 1 or array.size > 64:
        return None
    return tuple(array.reshape(-1).tolist())


def fed_nodes(request: Request, pattern: Pattern) -> tuple[dict, tuple]:
    """The Node that stands for each fed tensor, and the input Nodes in order."""
    nodes, inputs = {}, []
    for k, tensor in enumerate(request.fed):
        node = _input(tensor, pattern.ranks[k], dict(pattern.sizes[k]) if pattern.sizes else {})
        inputs.append(node)
        content = pattern.values[k] if pattern.values else None
        if content is not None:
            shape = (len(content),) if pattern.ranks[k] else ()
            node = const(np.array(content if shape else content[0]), Type(tensor.dtype, shape))
        nodes[tensor] = node
    return nodes, tuple(inputs)


def _input(tensor: Tensor, rank: int, sizes: dict) -> Node:
    graph = tensor.graph
    name, symbols = graph.feed_names(tensor, rank)
    known = tensor.node.shape if tensor.node is not None else (None,) * rank
    shape = tuple(d if type(d) is int else sizes.get(k, symbols[k]) for k, d in enumerate(known))
    with located(tensor.op.location):
        return input_node(name, Type(tensor.dtype, shape))


def diagnose(request: Request, arrays) -> None:
    """Trace with every size known: raises what is wrong with these very shapes, at the line of the operation."""
    ranks = tuple(a.ndim for a in arrays)
    nodes, inputs = fed_nodes(request, Pattern(ranks, tuple(_sizes(t, a) for t, a in zip(request.fed, arrays))))
    trace("diagnosis", request.fetches, request.targets, nodes, inputs, request.done)


def make_plan(
    request: Request, pattern: Pattern, state: State, name: str = "run", bind: Callable | None = None
) -> Plan:
    """Trace, check that what is read is initialised, compile, bind (with ``bind`` instead of ``bound``, if given).

    Raises:
        StateError: variables are read before they were initialised; the message names them.
        GraphcError: whatever tracing and compiling find.
    """
    nodes, inputs = fed_nodes(request, pattern)
    traced = trace(name, request.fetches, request.targets, nodes, inputs, request.done, state.place)
    missing = [v for v in traced.read if not state.is_initialised(v)]
    if missing:
        named = ", ".join(v.op.name for v in missing)
        local = set(missing[0].graph.get_collection(GraphKeys.LOCAL_VARIABLES))
        kind = "local" if all(v in local for v in missing) else "global"
        what = f"run: uninitialised variable{'s' if len(missing) > 1 else ''} {named}; run the initializer first"
        what += f", sess.run(tf.{kind}_variables_initializer()), which initialises the variables made before it was"
        made = [(v.op.name, f"is variable {v.op.name}   {v.op.location}") for v in missing if v.op.location]
        raise StateError(explain(what, made))
    arrays = {len(inputs) + k: state.array(v) for k, v in enumerate(traced.state)}
    bind = bind or functools.partial(bound, options=options_for(state.home))
    call = bind(traced.graph, arrays, turn=state.turn) if traced.graph.outputs else _nothing
    if traced.has_effects:
        call = _without_token(call, len(request.fetches))
    is_scalar = len(request.fetches) == 1 and not traced.graph.outputs[0].shape
    return Plan(call, traced, not pattern.values and not traced.has_effects, is_scalar)


def _without_token(call: Callable, count: int) -> Callable:
    """The same function without the last result, which only says that effects were carried out."""

    def plain(*values):
        out = call(*values)
        return out[0] if count == 1 else out[:count] if count else ()

    return plain


def _nothing(*values) -> tuple:
    """The run of operations that compute and change nothing."""
    return ()
