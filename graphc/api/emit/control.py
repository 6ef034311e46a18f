"""Branches and loops as TensorFlow's nodes that call functions."""

from __future__ import annotations

from graphc.api.emit.emitter import Emitter, Form
from graphc.api.emit.tokens import answer, controls, values_in
from graphc.api.node_def.attrs import Shape
from graphc.formats import protos
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, substitute, symbols_of
from graphc.ir.node import INDEX, Node, binary, compare, const
from graphc.ir.sizes import made_by
from graphc.ir.type import Type
from graphc.prims.control import results_of, types_of
from graphc.prims.dims import as_node
from graphc.prims.pullback import fresh_inputs
from graphc.prims.shape import reshape
from graphc.prims.table import apply
from graphc.prims.while_loop import while_

_SIZE = dt.i32  # of what a size is given as
_SCALAR = Type(_SIZE, ())


def sizes_outside(*graphs: Graph) -> list[Node]:
    """The symbols that graphs use and that no input has for a size."""
    used: dict[Node, None] = {}
    for graph in graphs:
        own = {d for x in values_in(graph.inputs) for d in x.shape if isinstance(d, Node)}
        inside: dict[Node, None] = {}
        for node in (*graph.inputs, *graph.nodes):
            inside.update(symbols_of(node) if node.op != "symbol" else {node: None})
            own.update(made_by(node))
        used.update((s, None) for s in inside if s not in own)
    return list(used)


def _shapes(types) -> list[Shape]:
    return [Shape(tuple([d if type(d) is int else None for d in t.shape])) for t in types]


def _function(name: str):
    return protos.NameAttrList(name=name)


def plan_cond(e: Emitter, node: Node) -> Form:
    """``If``: the branches are functions of the arguments and of the sizes that they use."""
    return Form(node.inputs, _cond)


def _cond(e: Emitter, node: Node):
    p, *arguments = node.inputs
    branches = [node.attr("then"), node.attr("orelse")]
    sizes = sizes_outside(*branches)
    values, results = list(dict.fromkeys(values_in(arguments))), values_in(branches[0].outputs)
    names = [e.full(p), *[e.full(x) for x in values], *[e.size(s) for s in sizes]]
    functions = [
        e.library.branch(_with_each_once(b, arguments), f"cond_{kind}", sizes)
        for kind, b in zip(("true", "false"), branches)
    ]
    kind = "If" if e.library.is_stateful(*functions) else "StatelessIf"
    made = e.writer.node(
        kind, [*names, *controls(e, arguments)], "cond", Tcond=p.dtype, then_branch=_function(functions[0]),
        else_branch=_function(functions[1]), Tin=[x.dtype for x in values] + [_SIZE] * len(sizes),
        Tout=[y.dtype for y in results], output_shapes=_shapes(types_of(results)), _lower_using_switch_merge=True,
    )  # fmt: skip
    return answer(node, made)


def _with_each_once(branch: Graph, arguments) -> Graph:
    """The branch with one input for every argument, however often that is given: TensorFlow's gradients need it."""
    first: dict[Node, Node] = {}
    for x, inside in zip(arguments, branch.inputs):
        first.setdefault(x, inside)
    if len(first) == len(branch.inputs):
        return branch
    again = {inside: first[x] for x, inside in zip(arguments, branch.inputs)}
    return Graph(branch.name, tuple(first.values()), tuple(substitute(branch.outputs, again)))


def plan_while(e: Emitter, node: Node) -> Form:
    """``While``: the sizes that the functions use are carried along."""
    return Form(node.inputs, _while)


def _while(e: Emitter, node: Node):
    test, body = node.attr("test"), node.attr("body")
    sizes, values = sizes_outside(test, body), values_in(node.inputs)
    counts = [e.const(v, dt.i32) for v in (0, -1)]  # so TensorFlow's gradients want them: steps, and no limit of these
    names = [*counts, *[e.full(x) for x in values], *[e.size(s) for s in sizes]]
    functions = e.library.test(test, sizes), e.library.step(body, sizes)
    stateful = e.library.is_stateful(*functions)
    made = e.writer.node(
        "While" if stateful else "StatelessWhile", [*names, *controls(e, node.inputs)], "while",
        cond=_function(functions[0]), body=_function(functions[1]),
        T=[_SIZE, _SIZE, *[x.dtype for x in values], *[_SIZE] * len(sizes)],
        output_shapes=_shapes([_SCALAR, _SCALAR, *types_of(values), *[_SCALAR] * len(sizes)]),
        parallel_iterations=1 if stateful else 10, _lower_using_switch_merge=True,
    )  # fmt: skip
    return answer(node, made)


def as_while(node: Node) -> list[Node]:
    """The results of a counted loop as those of one with a test: rows are looked up, results put at their places."""
    count, carries, scanned, body = (node.attr(k) for k in ("count", "carries", "scanned", "body"))
    rows = [y.type.with_shape((count, *y.shape)) for y in body.outputs[carries:]]
    start = [const(0, INDEX), as_node(count), *node.inputs, *[const(0, t) for t in rows]]
    inputs = fresh_inputs(types_of(start), body.inputs, "step")
    done, number, first = inputs[0], inputs[1], inputs[2 : 2 + carries]
    xs, constants = inputs[2 + carries : 2 + carries + scanned], inputs[2 + carries + scanned : 2 + len(node.inputs)]
    at = binary("sub", binary("sub", number, const(1, INDEX)), done) if dict(node.attrs).get("backwards") else done
    place = reshape(at, (1,))
    parts = [apply("gather", x, place, batch=0) for x in xs]
    results = substitute(body.outputs, dict(zip(body.inputs, [at, *first, *parts, *constants])))
    kept = [
        apply("scatter", y, reshape(at, (1, 1)), reshape(r, (1, *r.shape)), batch=0, kind="set")
        for y, r in zip(inputs[2 + len(node.inputs) :], results[carries:])
    ]
    outputs = [binary("add", done, const(1, INDEX)), number, *results[:carries], *xs, *constants, *kept]
    test = Graph("test", tuple(inputs), (compare("lt", done, number),))
    found = results_of(while_(*start, test=test, body=Graph("body", tuple(inputs), tuple(outputs))))
    return [*found[2 : 2 + carries], *found[2 + len(node.inputs) :]]
