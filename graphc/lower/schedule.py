"""Schedules: rewrites of the loop tree that change order and kind of loops, never the values computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphc.ir.graph import substitute
from graphc.ir.order import toposort
from graphc.ir.kernel import PARALLEL, UNROLLED, VECTOR, Alloc, At, Call, For, If, Let, Prefetch, Set, Store
from graphc.ir.machine import DEFAULT
from graphc.ir.node import INDEX, Node, binary, const, simplified, var

WORK_PER_TASK = DEFAULT.task_work


def rewrite_values(body: tuple, replacements: dict) -> tuple:
    """The statements with Nodes replaced in every expression."""

    def value(x):
        if not isinstance(x, Node):
            return x
        return simplified_index(substitute((x,), replacements)[0])

    def statement(s):
        match s:
            case For():
                return replace(s, extent=value(s.extent), body=tuple(map(statement, s.body)), grain=value(s.grain))
            case Let() | Set():
                return replace(s, value=value(s.value))
            case Store():
                guard = None if s.guard is None else value(s.guard)
                return Store(s.array, tuple(map(value, s.index)), value(s.value), guard)
            case Prefetch():
                return Prefetch(s.array, tuple(map(value, s.index)))
            case Call():
                return Call(s.function, tuple([At(a.array, tuple(map(value, a.index))) if isinstance(a, At) else value(a) for a in s.args]))
            case If():
                return If(value(s.condition), tuple(map(statement, s.then)), tuple(map(statement, s.orelse)))
            case _:
                return s

    return tuple(map(statement, body))


def simplified_index(node: Node) -> Node:
    """Rebuild the index arithmetic inside an expression so that it is in normal form again."""
    memo: dict[Node, Node] = {}
    for n in toposort((node,)):
        inputs = tuple(memo[x] for x in n.inputs)
        if n.type == INDEX and len(inputs) == 2 and n.op in ("add", "sub", "mul", "floordiv", "mod", "min", "max"):
            memo[n] = binary(n.op, *inputs)
        elif inputs == n.inputs:
            memo[n] = n
        else:
            memo[n] = substitute((n,), dict(zip(n.inputs, inputs)))[0]
    return memo[node]


def tile(loop: For, size: int) -> For:
    """Split a loop into tiles of ``size`` iterations: an outer loop over tiles, an inner loop within one."""
    name = loop.var.attr("name")
    count = simplified((loop.extent + (size - 1)) // size)
    outer = var(name + "t", extent=count if type(count) is int else None)
    if type(loop.extent) is int and loop.extent % size == 0:
        extent = size
    else:
        extent = simplified(binary("min", loop.extent - outer * size, size))
    inner = var(name, extent=size)
    body = rewrite_values(loop.body, {loop.var: outer * size + inner})
    return For(outer, count, (For(inner, extent, body, loop.kind),))


def vectorise(loop: For) -> For:
    """Run the iterations in vector lanes."""
    return replace(loop, kind=VECTOR)


def unroll(loop: For) -> For:
    """Write the iterations out."""
    return replace(loop, kind=UNROLLED)


def parallelise(loop: For, work) -> For:
    """Share the iterations among threads; ``work`` is the rough number of flops of one iteration."""
    if type(work) is int:
        grain = max(1, WORK_PER_TASK // max(work, 1))
    else:
        grain = simplified(binary("max", const(WORK_PER_TASK, INDEX) // binary("max", work, 1), 1))
    return replace(loop, kind=PARALLEL, grain=grain)


def for_awake_threads(body: tuple) -> tuple:
    """The statements of a kernel that is launched again and again: threads still look for work, so less is worth
    sharing, which a negative grain says."""
    return _with_grains(body, lambda grain: -grain if type(grain) is int else simplified(0 - grain))


def for_tasks_of(work: int, body: tuple) -> tuple:
    """The statements of a kernel with as much work in a task as this machine wants, instead of ``WORK_PER_TASK``."""

    def scaled(grain):
        grain = grain * work // WORK_PER_TASK
        return max(1, grain) if type(grain) is int else simplified(binary("max", grain, 1))

    return body if work == WORK_PER_TASK else _with_grains(body, scaled)


def _with_grains(body: tuple, change: Callable) -> tuple:
    """The statements of a kernel, whose parallel loops have other grains."""
    return tuple([replace(s, grain=change(s.grain)) if isinstance(s, For) and s.kind == PARALLEL else s for s in body])


def interchange(loop: For) -> For:
    """Swap a loop with the only statement of its body, which must be a loop whose extent does not use its index."""
    (inner,) = loop.body
    return replace(inner, body=(replace(loop, body=inner.body),))


def name_shared(values: list[Node], prefix: str = "t") -> tuple[list[Let], list[Node]]:
    """Let statements for what several expressions share, and the expressions in terms of them."""
    order = toposort(values)
    uses: dict[Node, int] = {}
    for n in order:
        for x in n.inputs:
            uses[x] = uses.get(x, 0) + 1
    for v in values:
        uses[v] = uses.get(v, 0) + 1
    memo: dict[Node, Node] = {}
    lets: list[Let] = []
    for n in order:
        new = n
        if (n.inputs or n.op == "load") and n.type != INDEX:
            inputs = tuple(memo[x] for x in n.inputs)
            if inputs != n.inputs:
                new = substitute((n,), dict(zip(n.inputs, inputs)))[0]
            if uses[n] > 1:
                name = var(f"{prefix}{len(lets)}", n.type)
                lets.append(Let(name, new))
                new = name
        elif n.inputs and any(memo[x] is not x for x in n.inputs):  # an index read from memory, shared
            new = substitute((n,), {x: memo[x] for x in n.inputs})[0]
        memo[n] = new
    return lets, [memo[v] for v in values]


def read_first(lets: list[Let], values: list[Node]) -> tuple[list[Let], list[Node]]:
    """Name every value if there are several: an output may lie over an input, so all is read before any is written."""
    if len(values) < 2:
        return lets, values
    names = [var(f"o{k}", v.type) for k, v in enumerate(values)]
    return lets + [Let(name, v) for name, v in zip(names, values)], names


def symbols_of(body: tuple, arrays: tuple = ()) -> tuple[Node, ...]:
    """Every symbol that a kernel's statements and array types use, in order of first appearance."""
    seen: dict[Node, None] = {}

    def value(x):
        if isinstance(x, Node):
            for n in toposort((x,)):
                if n.op == "symbol":
                    seen.setdefault(n)

    def visit(s):
        match s:
            case For():
                value(s.extent), value(s.grain)
                for inner in s.body:
                    visit(inner)
            case Let() | Set():
                value(s.value)
            case Store():
                for i in (*s.index, s.value, s.guard):
                    value(i)
            case Prefetch():
                for i in s.index:
                    value(i)
            case If():
                value(s.condition)
                for inner in (*s.then, *s.orelse):
                    visit(inner)
            case Call():
                for a in s.args:
                    for i in a.index if isinstance(a, At) else (a,):
                        value(i)
            case Alloc():
                for d in s.array.type.shape:
                    value(d)

    for array in arrays:
        for d in array.type.shape:
            value(d)
    for s in body:
        visit(s)
    return tuple(seen)
