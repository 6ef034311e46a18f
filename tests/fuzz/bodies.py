"""Random control flow: calls, branches and loops with bodies that are random graphs themselves."""

from __future__ import annotations

import numpy as np

from graphc import prims as p
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, Node, const
from graphc.ir.sizes import symbols_in
from graphc.ir.type import Type
from graphc.prims.control import results_of, types_of
from graphc.prims.while_loop import while_

DEEPEST = 2  # bodies within bodies


def operands(m, count: int) -> list[Node]:
    found = [m.some(lambda y: y.dtype.is_native) for _ in range(count)]
    return list(dict.fromkeys(x for x in found if x is not None)) or [m.input(Type(dt.f32, (3, 4)))]


class Body:
    """What grows inside: the same maker, for some time with another pool and without new inputs."""

    def __init__(self, m, types, values):
        self.m, self.kept = m, (m.pool, m.ways, m.input, m.depth)
        self.outside = set(m.symbols)  # sizes that are made inside do not come out
        self.inputs = [input_node(f"b{m.depth}_{k}", t) for k, t in enumerate(types)]
        for x, value in zip(self.inputs, values):
            m.give(x, value)

    def __enter__(self):
        m = self.m
        m.pool = [x for x in self.inputs if x.type != INDEX] or [const(1.0, Type(dt.f32, ()))]
        for x in m.pool:
            m.enter(x)
        m.depth += 1
        left_out = ("leaf", "composite") if m.depth < DEEPEST else ("leaf", "composite", "control")
        ways = {k: v for k, v in m.ways.items() if k not in left_out}
        m.ways = {k: v / sum(ways.values()) for k, v in ways.items()}
        m.input = self._constant
        return self

    def __exit__(self, *error):
        del self.m.input
        self.m.pool, self.m.ways, _, self.m.depth = self.kept
        if self.m.depth:
            self.m.input = self.kept[2]

    def _constant(self, type: Type, **limits) -> Node:
        m = self.m
        found = const(m.array(type, **limits), type) if type.is_static else const(1, type)
        m.enter(found)
        return found

    def grow(self, count: int) -> None:
        for _ in range(count):
            self.m.grow()

    def calm(self, x: Node) -> Node:
        """Something of the type of a carry that does not grow."""
        m = self.m
        found = m.like(x)
        if m.enter(found) is None or not self.may_leave(found):
            return x
        if x.dtype.is_float:
            return p.tanh(found) if m.chance(0.5) else p.mul(p.add(found, x), const(0.25, x.type))
        return p.conj(x) if x.dtype.is_complex else found

    def results(self) -> list[Node]:
        m = self.m
        return [y for y in (m.some() for _ in range(m.pick((1, 1, 2)))) if y.dtype.is_native and self.may_leave(y)]

    def may_leave(self, y: Node) -> bool:
        return self.outside.issuperset(symbols_in(y.type))


def graph(name: str, inputs, outputs) -> Graph:
    return Graph(name, tuple(inputs), tuple(outputs))


def called(m) -> tuple:
    args = operands(m, m.pick((1, 2, 3)))
    with Body(m, types_of(args), [m.values[x] for x in args]) as body:
        body.grow(4)
        outputs = body.results() or body.inputs[:1]
    return results_of(p.call(*args, graph=graph("inner", body.inputs, outputs)))


def branched(m) -> tuple:
    args = operands(m, m.pick((1, 2, 3)))
    test = m.some(lambda y: y.type == Type(dt.b1, ()))
    test = m.input(Type(dt.b1, ())) if test is None else test
    with Body(m, types_of(args), [m.values[x] for x in args]) as body:
        body.grow(3)
        then = body.results() or body.inputs[:1]
        orelse = [body.calm(y) for y in then]
    sides = graph("then", body.inputs, then), graph("orelse", body.inputs, orelse)
    return results_of(p.cond(test, *args, then=sides[0], orelse=sides[1]))


def counted(m) -> tuple:
    carried, constants = operands(m, m.pick((0, 1, 2))), operands(m, 1)
    count = m.n if m.symbolic and m.chance(0.5) else m.pick((0, 1, 3, 5))
    found = m.some(lambda y: y.type.rank > 0 and y.shape[0] is count and y.dtype.is_native)
    scanned = [] if found is None else [found]
    if scanned and type(count) is int:
        count = scanned[0].shape[0]
    steps = m.numbers((count,))[0]
    if scanned and not steps:
        return ()
    rows = [x.type.with_shape(x.shape[1:]) for x in scanned]
    types = [INDEX, *types_of(carried), *rows, *types_of(constants)]
    values = [np.int64(0), *[m.values[x] for x in carried], *[m.values[x][0] for x in scanned]]
    values += [m.values[x] for x in constants]
    with Body(m, types, [np.asarray(v) for v in values]) as body:
        body.grow(4)
        outputs = [body.calm(x) for x in body.inputs[1 : 1 + len(carried)]] + body.results()
        if m.chance(0.3):
            outputs.append(p.cast(body.inputs[0], dt.i32))
    if not outputs:
        return ()
    inner = graph("step", body.inputs, outputs)
    return results_of(p.loop(*carried, *scanned, *constants, count=count, carries=len(carried), scanned=len(scanned),
                             body=inner, backwards=m.chance(0.3)))  # fmt: skip


def repeated(m) -> tuple:
    carried = operands(m, m.pick((1, 2)))
    kind = m.pick((INDEX, Type(dt.i32, ()), Type(dt.f32, ())))
    types = [kind, *types_of(carried)]
    with Body(m, types, [np.zeros((), kind.dtype.numpy), *[m.values[x] for x in carried]]) as body:
        body.grow(3)
        outputs = [body.calm(x) for x in body.inputs[1:]]
    first = body.inputs[0]
    test = graph("test", body.inputs, [p.lt(first, const(m.pick((0, 1, 3, 6)), kind))])
    inner = graph("step", body.inputs, [p.add(first, const(1, kind)), *outputs])
    return results_of(while_(const(0, kind), *carried, test=test, body=inner))


def control(m) -> tuple:
    return m.pick((called, branched, counted, counted, repeated))(m)
