"""Branches and loops as ONNX's nodes, whose graphs use what is around them by name."""

from __future__ import annotations

import itertools

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, instantiate
from graphc.ir.node import BOOL, INDEX, Node
from graphc.ir.type import TupleType, Type
from graphc.onnx.export.declare import declare
from graphc.onnx.export.emitter import Emitter, NoForm, Several, Value
from graphc.onnx.export.writer import Writer
from graphc.prims.control import types_of

_ALL_TYPES = 16  # the opset from which on graphs inside may have values of any type
_ZEROS = 14  # the opset from which on a size of 0 can be asked for
_numbers = itertools.count()


def _fresh(types) -> list[Node]:
    """Inputs that no graph has yet."""
    return [input_node(f"?{next(_numbers)}", type) for type in types]


def called(node: Node) -> list[Node]:
    """The results of a call, as what its body computes."""
    return _results(node.attr("graph"), node.inputs)


def _results(graph: Graph, arguments) -> list[Node]:
    """The outputs of a graph for these arguments."""
    return instantiate(graph, arguments)[len(graph.measures) :]


def _expect_types(e: Emitter, node: Node) -> None:
    """Refuse what the control flow of old opsets does not carry."""
    types = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    if e.opset < _ALL_TYPES and any(t.dtype is dt.bf16 for t in types):
        raise NoForm(f"{node.op} with bfloat16 results, which opset {_ALL_TYPES} has")


def _finish(e: Emitter, outputs, types) -> None:
    """Name the outputs of a graph inside another: each is made there, and no two are one."""
    e.write(outputs)
    taken: set[str] = set()
    names = [e.full(node) for node in outputs]
    own = {o for made in e.writer.graph.node for o in made.output}
    for name, type in zip(names, types):
        if name not in own or name in taken:
            name = e.writer.alone("Identity", [name])
        taken.add(name)
        declare(e.writer.graph.output.add(), name, type)


# ------------------------------------------------------------------------------------------------- cond


def write_cond(e: Emitter, node: Node) -> Value | Several:
    """The results of ``If``; what the branches use is taken from around them."""
    _expect_types(e, node)
    p, *arguments = node.inputs
    graphs = []
    for kind in ("then", "orelse"):
        inner = e.inside(Writer(e.writer.fresh(f"{kind}_branch"), e.writer))
        outputs = _results(node.attr(kind), arguments)
        _finish(inner, outputs, types_of(outputs))
        graphs.append(inner.writer.graph)
    types = types_of(node.attr("then").outputs)
    names = e.ops("If", [e.full(p)], len(types), then_branch=graphs[0], else_branch=graphs[1])
    return _answer(node, [Value(name, t.shape) for name, t in zip(names, types)])


# ------------------------------------------------------------------------------------------------ while


def write_while(e: Emitter, node: Node) -> Value | Several:
    """The results of ``Loop`` without a number of steps; what no step changes is used from around it."""
    _expect_types(e, node)
    test, body = node.attr("test"), node.attr("body")
    moving = [k for k, (a, b) in enumerate(zip(body.inputs, body.outputs)) if a is not b]
    types = types_of([body.inputs[k] for k in moving])
    inner_inputs = dict(zip(moving, _fresh(types)))
    inside = [inner_inputs.get(k, x) for k, x in enumerate(node.inputs)]
    (first,) = _results(test, node.inputs)
    e.write([first])
    after = _results(body, inside)
    (again,) = _results(test, after)
    outputs = [again, *[after[k] for k in moving]]
    inner = _body(e, list(inner_inputs.values()))
    step, going = (inner.writer.fresh(n) for n in ("step", "going"))
    declare(inner.writer.graph.input.add(), step, INDEX)
    declare(inner.writer.graph.input.add(), going, BOOL)
    for k, x in inner_inputs.items():
        _take(inner, x, f"carry_{k}")
    _finish(inner, outputs, (BOOL, *types))
    given = [e.full(node.inputs[k]) for k in moving]
    names = e.ops("Loop", ["", e.full(first), *given], len(moving), body=inner.writer.graph)
    found = dict(zip(moving, names))
    values = [Value(found[k], x.shape) if k in found else e.found[node.inputs[k]] for k, x in enumerate(body.inputs)]
    return _answer(node, values)


def _body(e: Emitter, inputs) -> Emitter:
    return e.inside(Writer(e.writer.fresh("body"), e.writer), inputs)


def _answer(node: Node, values) -> Value | Several:
    return Several(tuple(values)) if isinstance(node.type, TupleType) else values[0]


def _take(e: Emitter, node: Node, name: str) -> None:
    """Declare an input of an inner graph."""
    name = e.writer.fresh(name)
    declare(e.writer.graph.input.add(), name, node.type)
    e.found[node] = Value(name, node.shape)


# ------------------------------------------------------------------------------------------------- loop


def write_loop(e: Emitter, node: Node) -> Value | Several:
    """The results of ``Loop`` with a number of steps; rows are looked up by it."""
    _expect_types(e, node)
    count, carries, scanned, body = (node.attr(k) for k in ("count", "carries", "scanned", "body"))
    backwards = dict(node.attrs).get("backwards", False)
    (number,) = _fresh([INDEX])
    state = _fresh(types_of(body.inputs[1 : 1 + carries]))
    rows, constants = node.inputs[carries : carries + scanned], node.inputs[carries + scanned :]
    place = count - 1 - number if backwards else number
    slices = _fresh(types_of(body.inputs[1 + carries : 1 + carries + scanned]))
    outputs = _results(body, [place, *state, *slices, *constants])
    inner = _body(e, [number, *state, *slices])
    step, going = (inner.writer.fresh(n) for n in ("step", "going"))
    declare(inner.writer.graph.input.add(), step, INDEX)
    declare(inner.writer.graph.input.add(), going, BOOL)
    inner.found[number] = Value(step, ())
    for k, x in enumerate(state):
        _take(inner, x, f"carry_{k}")
    at = number if not backwards else place
    inner.write([at])
    for x, row in zip(rows, slices):
        name = inner.op("Gather", [e.full(x), inner.full(at)], axis=0)
        inner.found[row] = Value(name, row.shape)
    true = inner.writer.alone("Identity", [going])
    declare(inner.writer.graph.output.add(), true, BOOL)
    _finish(inner, outputs, types_of(outputs))
    given = [e.size(count), "", *[e.full(x) for x in node.inputs[:carries]]]
    names = e.ops("Loop", given, len(outputs), body=inner.writer.graph)
    types = [*types_of(outputs[:carries]), *[Type(y.dtype, (count, *y.shape)) for y in outputs[carries:]]]
    values = [Value(name, t.shape) for name, t in zip(names, types)]
    if not (type(count) is int and count > 0):
        values[carries:] = [_whole(e, v) for v in values[carries:]]
    if backwards:
        values[carries:] = [_turned(e, v) for v in values[carries:]]
    return _answer(node, values)


def _whole(e: Emitter, value: Value) -> Value:
    """Rows of which there may be none, when runtimes do not know how large they are."""
    if e.opset < _ZEROS or all(type(d) is int for d in value.sizes[1:]):
        return value
    return Value(e.op("Reshape", [value.name, e.shape(value.sizes)], allowzero=1), value.sizes)


def _turned(e: Emitter, value: Value) -> Value:
    """Rows in the opposite order."""
    last = -(2**63) + 1
    parts = [e.ints(-1), e.ints(last), e.ints(0), e.ints(-1)]
    return Value(e.op("Slice", [value.name, *parts]), value.sizes)
