"""Branches and loops from Python functions of Nodes, which are called with stand-ins for their operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, with_makers
from graphc.ir.node import BOOL, INDEX, Node, compare, const, origins
from graphc.ir.order import toposort
from graphc.ir.sizes import maker, symbols_in
from graphc.ir.type import Type
from graphc.lib.counted import as_counted
from graphc.lib.dims import dim_node, integer, measured
from graphc.lib.index import picked
from graphc.lib.promote import as_node
from graphc.prims import control
from graphc.prims.table import apply
from graphc.prims.while_loop import while_


def branch(p: Node, operands: Sequence[Node], then: Callable, orelse: Callable, op: str = "cond") -> list[Node]:
    """``then(*operands)`` if the bool scalar ``p`` is true, else ``orelse(*operands)``, both lists of Nodes.

    Where the results differ in a size, that size becomes known while running.

    Raises:
        DtypeError, ShapeError: ``p`` is no bool scalar, or the results of both do not fit together.
    """
    inputs = _stand_ins("a", operands)
    first, second = list(then(*inputs)), list(orelse(*inputs))
    if len(first) != len(second):
        raise UsageError(explain(f"{op}: one branch has {len(first)} results, the other {len(second)}"))
    if not first:
        return []
    p = truth(op, p)
    open_axes, sizes = [], {}
    for k, (a, b) in enumerate(zip(first, second)):
        if a.dtype is not b.dtype or len(a.shape) != len(b.shape):
            _common(op, f"result {k} of both branches", a, b)  # which refuses them
        pairs = enumerate(zip(a.shape, b.shape))
        open_axes += [(k, axis) for axis, (m, n) in pairs if not _is_one_size(m, n) or _is_made_of(m, inputs)]
    if open_axes:
        both = [[dim_node(found[k].shape[axis]) for k, axis in open_axes] for found in (first, second)]
        sizes = dict(zip(open_axes, [measured(n, op) for n in _chosen(p, inputs, operands, *both)]))
        for (k, axis), size in sizes.items():
            first[k], second[k] = _of_size(first[k], axis, size), _of_size(second[k], axis, size)
    return _chosen(p, inputs, operands, first, second, tuple(sizes.values()))


def _chosen(p: Node, inputs: list, operands: Sequence[Node], first: list, second: list, sizes=()) -> list[Node]:
    """One of two lists of Nodes over stand-ins for operands; both are of the same types, with these sizes from here."""
    free = free_inputs(inputs, first + second, sizes)
    graphs = [Graph(name, (*inputs, *free), tuple(found)) for name, found in (("then", first), ("orelse", second))]
    return list(control.results_of(control.cond(p, *operands, *free, then=graphs[0], orelse=graphs[1])))


def _of_size(x: Node, axis: int, size) -> Node:
    """``x``, whose axis has this size where the branch is taken; nothing checks that, as the other branch has another."""
    if _is_one_size(x.shape[axis], size):
        return x
    return picked("cond", x, apply("iota", shape=(size,), axis=0, dtype=dt.i64), axis)


def _is_one_size(m, n) -> bool:
    return m is n or (type(m) is type(n) is int and m == n)


def _is_made_of(size, inputs: list) -> bool:
    """Whether a size depends on what is in these Nodes."""
    makers = [m for m in map(maker, symbols_in(size)) if m is not None]
    return not set(inputs).isdisjoint(toposort(makers))


def repeat(test: Callable, body: Callable, carries: Sequence[Node], operands: Sequence[Node] = (), most=None,
           op: str = "while_loop") -> list[Node]:  # fmt: skip
    """``carries = body(step, *carries, *operands)`` while ``test(step, *carries, *operands)``, at most ``most`` times.

    Args:
        most: an integer or a scalar Node; None for any number.

    Raises:
        DtypeError, ShapeError: the body gives back other types than it was given, or the test is no bool scalar.
    """
    limit = [] if most is None else [scalar_index(op, most)]
    given = [const(0, INDEX), *limit, *carries, *operands]
    inputs = _stand_ins("v", given)
    step, states = inputs[0], inputs[1 + len(limit) :]
    going = truth(op, one(op, "the condition", test(step, *states)))
    if limit:  # last, so that what is before may be looked at first
        going = apply("and", going, compare("lt", step, inputs[1] if limit[0].op != "const" else limit[0]))
    found = [_kept(op, k, a, b) for k, (a, b) in enumerate(zip(carries, list(body(step, *states))))]
    new = [step + 1, *inputs[1 : 1 + len(limit)], *found, *states[len(carries) :]]
    free = free_inputs(inputs, [going, *new])
    tested = Graph("test", (*inputs, *free), (going,))
    stepped = Graph("body", (*inputs, *free), (*new, *free))
    done = as_counted((*given, *free), tested, stepped)
    if done is None:
        done = control.results_of(while_(*given, *free, test=tested, body=stepped))
    return list(done[1 + len(limit) : 1 + len(limit) + len(carries)])


def steps(body: Callable, carries: Sequence[Node], rows: Sequence[Node], operands: Sequence[Node] = (), count=None,
          backwards: bool = False, op: str = "scan") -> tuple[list[Node], list[Node]]:  # fmt: skip
    """``carries, results = body(step, carries, row of each of rows, operands)`` for every row.

    Args:
        count: how many steps; None for the common leading size of ``rows``.
        backwards: from the last row to the first.

    Returns:
        The last carries, and the results stacked on a new leading axis.

    Raises:
        ShapeError: ``rows`` have no axis or different leading sizes; the body changes the shape of a carry.
        DtypeError: the body changes the dtype of a carry.
    """
    for x in rows:
        if not x.shape:
            raise ShapeError(explain(f"{op}: there are no rows in a scalar, {x.type}", origins(x=x)))
    if count is None:
        sizes = [x.shape[0] for x in rows]
        count = next((d for d in sizes if type(d) is int), sizes[0])
    rows = [ensured(x, (count, *x.shape[1:]), op) for x in rows]
    slices = [Type(x.dtype, x.shape[1:]) for x in rows]
    given = [*carries, *rows, *operands]
    types = [INDEX, *(x.type for x in carries), *slices, *(x.type for x in operands)]
    inputs = [input_node(f"s{k}", type) for k, type in enumerate(types)]
    a, b = 1 + len(carries), 1 + len(carries) + len(rows)
    new, results = body(inputs[0], inputs[1:a], inputs[a:b], inputs[b:])
    new = [_kept(op, k, x, y) for k, (x, y) in enumerate(zip(carries, new))]
    if not new and not results:
        return [], []
    free = free_inputs(inputs, [*new, *results])
    graph = Graph("body", (*inputs, *free), (*new, *results))
    done = control.loop(*given, *free, count=count, carries=len(carries), scanned=len(rows), body=graph, backwards=backwards)
    found = control.results_of(done)
    return list(found[: len(carries)]), list(found[len(carries) :])


def mixed(counter: Node, step: Node) -> Node:
    """The counter of random numbers for one step of a loop, far away from that of every other step."""
    far = const(0x9E3779B97F4A7C15, counter.type)
    step = apply("cast", step, dtype=counter.dtype)
    step = apply("broadcast", step, shape=counter.shape, axes=()) if counter.shape else step
    return apply("add", counter, apply("mul", step, far))


def truth(op: str, p: Node) -> Node:
    """A condition as a bool scalar.

    Raises:
        DtypeError, ShapeError: it is something else.
    """
    p = as_node(p)
    if p.dtype is not dt.b1:
        raise DtypeError(explain(f"{op}: the condition must be bool, not {p.type}", origins(condition=p)))
    if p.type != BOOL:
        if any(type(d) is int and d != 1 for d in p.shape):
            raise ShapeError(explain(f"{op}: the condition must be a scalar, not {p.type}", origins(condition=p)))
        p = apply("reshape", ensured(p, (1,) * len(p.shape)), shape=())
    return p


def scalar_index(op: str, value) -> Node:
    """An integer or a scalar integer Node as an i64 scalar."""
    if not isinstance(value, Node):
        return const(integer(op, "a number of steps", value), INDEX)
    if not value.dtype.is_integer or value.shape:
        raise DtypeError(explain(f"{op}: a number of steps must be an integer scalar, not {value.type}"))
    return value if value.dtype is dt.i64 else apply("cast", value, dtype=dt.i64)


def ensured(x: Node, shape: tuple, op: str = "") -> Node:
    """``x`` with sizes that are promised, and checked where that is not certain."""
    return x if x.shape == tuple(shape) else apply("ensure", x, shape=tuple(shape))


def one(op: str, what: str, results) -> Node:
    """The only Node of an answer."""
    results = [results] if isinstance(results, Node) else list(results)
    if len(results) != 1:
        raise UsageError(explain(f"{op}: {what} must be one value, not {len(results)}"))
    return results[0]


def _stand_ins(prefix: str, operands) -> list[Node]:
    return [input_node(f"{prefix}{k}", x.type) for k, x in enumerate(operands)]


def free_inputs(inputs, outputs, outside: Sequence = ()) -> list[Node]:
    """What a body reads of the surroundings besides its operands: counters of random numbers.

    Args:
        outside: sizes that are made around it.
    """
    sizes = symbols_in((*[x.type for x in inputs], *outside))  # the operands have them, however they were found
    known = {*inputs, *(m for m in map(maker, sizes) if m is not None)}
    return [n for n in with_makers(outputs, known)[0] if n.op == "input"]


def _kept(op: str, k: int, before: Node, after: Node) -> Node:
    """The new value of loop variable ``k``, of its type."""
    return ensured(after, _common(op, f"loop variable {k} before and after a step", before, after, before.shape))


def _common(op: str, what: str, a: Node, b: Node, wanted: tuple | None = None) -> tuple:
    """The shape that two values both have, as far as is known; ``wanted`` where it may be that.

    Raises:
        DtypeError, ShapeError: they cannot be of one type.
    """
    if a.dtype is not b.dtype:
        raise DtypeError(explain(f"{op}: {what} differ in dtype, {a.type} and {b.type}", origins(x=a, y=b)))
    pairs = list(zip(a.shape, b.shape))
    if len(a.shape) != len(b.shape) or any(type(m) is int and type(n) is int and m != n for m, n in pairs):
        raise ShapeError(explain(f"{op}: {what} differ in shape, {a.type} and {b.type}", origins(x=a, y=b)))
    return wanted if wanted is not None else tuple([n if type(n) is int else m for m, n in pairs])
