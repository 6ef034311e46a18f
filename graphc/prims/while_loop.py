"""The loop whose end is found while running, and its gradient without memory that grows with the number of steps."""

from __future__ import annotations

from graphc.ir.graph import Graph, substitute
from graphc.ir.node import BOOL, INDEX, Node, binary, compare, const, const_value
from graphc.prims.control import (
    back_to, cond, expect, loop, one_or_all, result_type, results_of, seeds_of, types_of,
)  # fmt: skip
from graphc.prims.pullback import fresh_inputs
from graphc.prims.table import Prim, apply, cotangents, declare

MEMORY = 1 << 24  # bytes of carries that the gradient records at a time
FEWEST, MOST, USUAL = 16, 1024, 128  # steps recorded at a time; the usual number where sizes are not known


def _type(*carries, test: Graph, body: Graph):
    for graph in (test, body):
        expect("while", f"arguments of {graph.name}", carries, types_of(graph.inputs))
    expect("while", f"result of {test.name}", types_of(test.outputs), (BOOL,))
    expect("while", f"results of {body.name}", types_of(body.outputs), carries)
    return result_type(carries)


def _array(*carries, test, body):
    while test(*carries)[0]:
        carries = body(*carries)
    return one_or_all(carries)


def _vjp(g, out, *carries, test, body):
    if not any(x.dtype.is_inexact for x in carries):
        return (None,) * len(carries)
    seeds = seeds_of(g, out)
    if all(a is b for a, b in zip(body.inputs, body.outputs)):
        return back_to(carries, seeds)
    most = _recorded_steps(body)
    bound = _bound(carries, test, body)
    if bound is not None and bound <= most:
        return back_to(carries, _through(carries, seeds, body, bound, lambda inputs, step: _tested(test, inputs), ()))
    return back_to(carries, _by_pieces(carries, seeds, test, body, _steps(out, carries, test, body), most))


declare(Prim("while", _type, _array, _vjp, nest="while"))


def while_(*carries: Node, test: Graph, body: Graph) -> Node:
    """``carries = body(*carries)`` again and again while ``test(*carries)`` is true.

    The gradient needs to know the number of steps n. It finds it in a carry that counts steps from 0, or by running the
    loop once more. Memory does not grow with n: carries are recorded for K steps at a time (at most 16 MiB, if K is
    not below 16), and the loop is run up to each of these pieces, n / K of them. A ``test`` that compares a counting carry
    with a small constant bound needs one piece only.
    """
    return apply("while", *carries, test=test, body=body)


# --------------------------------------------------------------------------------- what is known of the steps


def _counters(carries, body: Graph) -> list[int]:
    """Positions of carries that are 0 at first and grow by 1 in every step."""
    return [
        k
        for k, (first, before, after) in enumerate(zip(carries, body.inputs, body.outputs))
        if before.dtype.is_integer and before.shape == () and const_value(first) == 0 and after is binary("add", before, 1)
    ]


def _bound(carries, test: Graph, body: Graph) -> int | None:
    """A number of steps after which ``test`` is surely false: it compares a counter with a constant."""
    counters = {test.inputs[k] for k in _counters(carries, body)}
    found, stack = [], list(test.outputs)
    while stack:
        node = stack.pop()
        if node.op == "and":
            stack.extend(node.inputs)
        elif node.op == "lt" and node.inputs[0] in counters:
            found.append(const_value(node.inputs[1]))
    known = [max(int(limit), 0) for limit in found if limit is not None]
    return min(known, default=None)


def _steps(out: Node, carries, test: Graph, body: Graph) -> Node:
    """The number of steps that ``out`` took, an i64 scalar."""
    for k in _counters(carries, body):
        if carries[k].type == INDEX:
            return results_of(out)[k]
    (counter,) = fresh_inputs([INDEX], body.inputs, "steps")
    counted = while_(
        const(0, INDEX), *carries, test=Graph(test.name, (counter, *test.inputs), test.outputs),
        body=Graph(body.name, (counter, *body.inputs), (counter + 1, *body.outputs)),
    )  # fmt: skip
    return results_of(counted)[0]


def _recorded_steps(body: Graph) -> int:
    """How many steps' carries may be kept at a time."""
    changing = [a for a, b in zip(body.inputs, body.outputs) if a is not b]
    if not all(x.type.is_static for x in changing):
        return USUAL
    size = sum(x.type.size * x.dtype.size for x in changing)
    return min(max(MEMORY // max(size, 1), FEWEST), MOST)


# ------------------------------------------------------------------------------------------------- gradient


def _tested(test: Graph, inputs) -> Node:
    return substitute(test.outputs, dict(zip(test.inputs, inputs)))[0]


def _through(carries, seeds, body: Graph, count: int, is_active, extras) -> list[Node]:
    """Cotangents of the inexact ``carries`` for those of the carries after ``count`` steps, of which some do nothing.

    Args:
        is_active: ``(inputs of the body and of extras, step)`` -> whether the step is one.
        extras: more values that ``is_active`` reads.
    """
    changing = [k for k, (a, b) in enumerate(zip(body.inputs, body.outputs)) if a is not b]
    fixed = [k for k in range(len(carries)) if k not in changing]
    (step,) = fresh_inputs([INDEX], body.inputs, "step")
    more = fresh_inputs(types_of(extras), body.inputs, "extra")
    moving, still = [body.inputs[k] for k in changing], [body.inputs[k] for k in fixed]
    then = Graph(body.name, body.inputs, tuple([body.outputs[k] for k in changing]))
    chosen = cond(is_active((*body.inputs, *more), step), *body.inputs, then=then,
                  orelse=Graph("keep", body.inputs, tuple(moving)))  # fmt: skip
    one = Graph(f"{body.name}_if_active", (step, *moving, *still, *more), results_of(chosen))
    operands = (*[carries[k] for k in changing], *[carries[k] for k in fixed], *extras)
    many = loop(*operands, count=count, carries=len(changing), scanned=0, body=one)
    given = dict(zip([k for k, x in enumerate(carries) if x.dtype.is_inexact], seeds))
    g = tuple([given.get(k) for k in changing])
    parts = cotangents(many, g if len(g) > 1 else g[0]) if any(c is not None for c in g) else (None,) * len(operands)
    found = dict(zip((*changing, *fixed), parts))
    for k in fixed:
        if k in given:
            found[k] = given[k] if found[k] is None else binary("add", given[k], found[k])
    return [found[k] for k in given]


def _by_pieces(carries, seeds, test: Graph, body: Graph, steps: Node, most: int) -> list[Node]:
    """The walk back over pieces of ``most`` steps, the last one first; the loop is run again up to where each begins."""
    starts = fresh_inputs(types_of(carries), body.inputs, "start")
    found = fresh_inputs(types_of(seeds), (*body.inputs, *starts), "g")
    (end,) = fresh_inputs([INDEX], body.inputs, "end")
    begin = (end - 1) // most * most
    (counter, last) = fresh_inputs([INDEX, INDEX], body.inputs, "steps")
    reached = results_of(while_(
        const(0, INDEX), begin, *starts,
        test=Graph("until", (counter, last, *body.inputs), (compare("lt", counter, last),)),
        body=Graph(body.name, (counter, last, *body.inputs), (counter + 1, last, *body.outputs)),
    ))[2:]  # fmt: skip

    def is_active(inputs, step: Node) -> Node:
        return compare("lt", inputs[-1] + step, inputs[-2])

    back = _through(reached, found, body, most, is_active, (end, begin))
    inputs = (end, *found, *starts)
    outer = while_(
        steps, *seeds, *carries, test=Graph("pieces_left", inputs, (compare("lt", const(0, INDEX), end),)),
        body=Graph(f"{body.name}_pullback", inputs, (begin, *back, *starts)),
    )  # fmt: skip
    return list(results_of(outer)[1 : 1 + len(seeds)])
