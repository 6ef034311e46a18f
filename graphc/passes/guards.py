"""Values that a run looks at become one more output: the number of the first that is not as it must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.node import Node, compare, const, const_value
from graphc.ir.type import TupleType, Type
from graphc.passes.nested import bodies, everywhere, graphs_in, same_or
from graphc.passes.ranges import Ranges, is_below
from graphc.prims import and_, apply, broadcast, cast, concat, eq, le, max, reduce, refusal, reshape, select
from graphc.prims import loop as loop_
from graphc.prims import slice as slice_
from graphc.prims.control import cond, results_of
from graphc.prims.guard import at_line, number_of, violated
from graphc.prims.while_loop import while_

OUTPUT = "refused"  # the name of the output
_CODE = Type(dt.i32, ())
_LONG = 1 << 15  # elements that more than one thread looks at
_PARTS = 64


def take_guards(graph: Graph) -> Graph:
    """Put tests of what guards look at into the output ``refused``, in place of the guards.

    What is surely as it must be is not tested. A branch, or the body of a loop, hands its number out as one
    more result.
    Guards of what decides whether a loop goes on are dropped.
    """
    if not _has_guards(graph):
        return graph
    graph, found = _without_guards(graph, {})
    if not found:
        return graph
    code = refusal(found, found.values())
    names = (*graph.names, OUTPUT)
    return replace(graph, outputs=(*graph.outputs, code), names=names)


def drop_guards(graph: Graph) -> Graph:
    """The graph without guards: nothing is tested."""
    return _without_guards(graph, {})[0] if _has_guards(graph) else graph


def settle_guards(graph: Graph) -> Graph:
    """Leave out tests that turned out never to fail, and the output where none is left."""
    if not graph.outputs or graph.outputs[-1].op != "refusal":
        return graph
    code = graph.outputs[-1]
    left = {v: r for v, r in zip(code.inputs, code.attr("reasons")) if const_value(v) != 0}
    if len(left) == len(code.inputs):
        return graph
    if not left:
        return replace(graph, outputs=graph.outputs[:-1], names=graph.names[:-1])
    return replace(graph, outputs=(*graph.outputs[:-1], refusal(left, left.values())))


def number_lines(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """The graph with a number in place of each line that a guard knows, as text; and the lines.

    Two graphs that differ in nothing but the lines become one.
    """
    if not _has_guards(graph):
        return graph, ()
    lines: dict[str, int] = {}

    @everywhere
    def numbered(one: Graph) -> Graph:
        def visit(node: Node, inputs: tuple) -> Node | None:
            if node.op != "guard":
                return None
            number = lines.setdefault(node.attr("line"), len(lines))
            return at_line(node, inputs, str(number))

        return same_or(one, rebuild(one.roots, visit))

    return numbered(graph), tuple(lines)


def _has_guards(graph: Graph) -> bool:
    return any(n.op == "guard" for _, nodes in graphs_in(graph) for n in nodes)


def _without_guards(graph: Graph, known: dict) -> tuple[Graph, dict]:
    """The graph without guards; and what is tested: {b1 scalar, true where a value is wrong: (message, line)}.

    Args:
        known: input -> its range.
    """
    ranges, found, wider = Ranges(known), {}, {}

    def visit(node: Node, inputs: tuple) -> Node | None:  # the depth is that of control flow
        if node.op == "guard":
            wrong = _violation(inputs[0], node, ranges)
            if wrong is not None:
                message = violated(node.attr("kind"), node.attr("limits"), node.attr("what"))
                found.setdefault(wrong, (message, node.attr("line")))
            return inputs[0]
        if node.op == "item" and node.inputs[0] in wider:
            return results_of(wider[node.inputs[0]])[node.attr("index")]
        if node.op not in _CONTROL or not any(map(_has_guards, bodies(node))):
            return None
        new, code, reasons = _CONTROL[node.op](node, inputs)
        for k, reason in enumerate(reasons, 1):
            found.setdefault(eq(code, const(k, _CODE)), reason)
        if isinstance(node.type, TupleType):
            wider[node] = new
            return new
        return results_of(new)[0]

    graph = same_or(graph, rebuild(graph.roots, visit))
    return graph, found


def _violation(x: Node, guard: Node, ranges: Ranges) -> Node | None:
    """Whether an element is not as it must be, a b1 scalar; None if all surely are."""
    kind, sizes = guard.attr("kind"), guard.attr("limits")
    while len(sizes) < 2 and x.op in ("broadcast", "reshape") and 0 not in x.shape:  # of the same elements
        x = x.inputs[0]
    low, high = ranges(x)
    if x.type.size == 0:
        return None
    if kind == "divisor":
        if low is not None and low >= 1 or type(high) is int and high <= -1:
            return None
        return _any(eq(x, const(0, x.type)))
    if all(is_below(high, n) for n in sizes) and (kind == "below" or low is not None and low >= 0):
        return None
    if kind == "below":
        return _reaches(x, sizes)
    # The negative ones are the greatest as unsigned numbers: one comparison tells both.
    is_narrow = x.dtype.bits <= 32 and all(type(n) is int and n < 1 << 31 for n in sizes)
    return _reaches(cast(x, dt.u32 if is_narrow else dt.u64), sizes)


def _reaches(x: Node, sizes: tuple) -> Node:
    """Whether an element is as great as its size. An array of one size is only searched for its maximum."""
    if len(sizes) > 1:
        return _any(le(_tops(sizes, x.type), x))
    size = x.type.size
    if type(size) is int:
        top = _greatest(reshape(x, (size,)))
        return le(_tops(sizes, top.type), top)
    top = reduce(x, "max", range(x.type.rank))
    return and_(compare("lt", 0, size), le(_tops(sizes, top.type), top))  # of no elements the maximum is 0


def _greatest(line: Node) -> Node:
    """The maximum of a line; that of a long one in parts, which threads share."""
    size = line.shape[0]
    if size < _LONG:
        return reduce(line, "max", (0,))
    each = size // _PARTS
    parts = reduce(reshape(slice_(line, (0,), (each * _PARTS,)), (_PARTS, each)), "max", (1,))
    rest = slice_(line, (each * _PARTS,), (size,))
    return reduce(concat(parts, rest, axis=0) if rest.shape[0] else parts, "max", (0,))


def _tops(sizes: tuple, type: Type) -> Node:
    """The sizes in the shape of the indices."""
    limit = np.iinfo(type.dtype.numpy).max
    if len(sizes) == 1:
        if isinstance(sizes[0], Node):
            return broadcast(cast(sizes[0], type.dtype), type.shape, ())
        return const(min(sizes[0], limit), type)
    if any(isinstance(n, Node) for n in sizes):
        line = apply("concat", *[apply("reshape", _scalar(n, type.dtype), shape=(1,)) for n in sizes], axis=0)
    else:
        line = const(np.minimum(np.array(sizes, object), limit).astype(type.dtype.numpy))
    return broadcast(line, type.shape, (type.rank - 1,))


def _scalar(n, dtype) -> Node:
    return cast(n, dtype) if isinstance(n, Node) else const(n, Type(dtype, ()))


def _any(wrong: Node) -> Node:
    return reduce(wrong, "any", range(wrong.type.rank))


# ------------------------------------------------------------------------------------------ inside of control flow
#
# (node, new operands) -> the node with a number among its results, the last of them; that number; the reasons.


def _numbered(graph: Graph, known: dict, before: int = 0) -> tuple[Graph, Node, list]:
    """A body without guards; the number of what is wrong, with ``before`` added; the reasons."""
    graph, found = _without_guards(graph, known)
    code = number_of(found)
    if before and found:
        code = select(eq(code, const(0, _CODE)), code, code + before)
    return graph, code, list(found.values())


def _with_output(graph: Graph, code: Node) -> Graph:
    return replace(graph, outputs=(*graph.outputs, code), names=(*graph.names, OUTPUT))


def _last(node: Node) -> Node:
    return results_of(node)[-1]


def _call(node: Node, inputs: tuple) -> tuple:
    body, code, reasons = _numbered(node.attr("graph"), {})
    new = apply("call", *inputs, graph=_with_output(body, code), gradient=None)
    return new, _last(new), reasons


def _cond(node: Node, inputs: tuple) -> tuple:
    then, a, reasons = _numbered(node.attr("then"), {})
    orelse, b, more = _numbered(node.attr("orelse"), {}, len(reasons))
    new = cond(*inputs, then=_with_output(then, a), orelse=_with_output(orelse, b))
    return new, _last(new), reasons + more


def _loop(node: Node, inputs: tuple) -> tuple:
    attrs, body = dict(node.attrs), node.attr("body")
    count = attrs["count"]
    body, code, reasons = _numbered(body, {body.inputs[0]: (0, count - 1)})
    new = loop_(*inputs, **(attrs | {"body": _with_output(body, code)}))
    codes = _last(new)
    return new, max(reduce(codes, "max", (0,)), const(0, _CODE)), reasons


def _while(node: Node, inputs: tuple) -> tuple:
    test, _ = _without_guards(node.attr("test"), {})
    body, code, reasons = _numbered(node.attr("body"), {})
    taken = {x.attr("name") for x in (*body.inputs, *test.inputs)}
    name = next(n for k in range(len(taken) + 1) if (n := f"{OUTPUT}{k}") not in taken)
    before = input_node(name, _CODE)
    body = _with_output(body, select(eq(before, const(0, _CODE)), code, before))
    body, test = (replace(g, inputs=(*g.inputs, before)) for g in (body, test))
    new = while_(*inputs, const(0, _CODE), test=test, body=body)
    return new, _last(new), reasons


_CONTROL = {"call": _call, "cond": _cond, "loop": _loop, "while": _while}
