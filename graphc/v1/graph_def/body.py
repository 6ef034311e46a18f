"""What an operation computes as text: for operations that no row of the catalogue made."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import GraphcError
from graphc.formats import protos
from graphc.formats.tensors import array_of, tensor_proto
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph as PureGraph
from graphc.ir.graph import close, input_node, symbols_of, with_dims
from graphc.ir.node import Node, const, make
from graphc.ir.order import toposort
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.sizes import made_by, remade
from graphc.ir.type import Type
from graphc.lib.dims import measuring
from graphc.v1.infer import nodes_of
from graphc.v1.tensor import Operation
from graphc.v1.trace import COUNTER, COUNTERS

_INDEX = Type(dt.i64, ())


def body_of(op: Operation, before: tuple[Node, ...] = ()) -> PureGraph | None:
    """The function of an operation; None where it has none: a rank is not known, or it works on the host's objects.

    Args:
        before: Nodes whose likes come before the operation's inputs.
    """
    known = [*before, *[t.node for t in op.operands]]
    if op.build is None or any(node is None for node in known):
        return None
    inputs = [n if n.op == "const" else input_node(f"a{k}", n.type) for k, n in enumerate(known)]
    try:
        with measuring():
            outputs = nodes_of(op.build(*inputs))
        arguments = tuple([input_node(f"a{k}", n.type) for k, n in enumerate(known)])
        counters = tuple([input_node(name, COUNTER) for name in COUNTERS.values()])
        return close(PureGraph("body", arguments + counters, tuple(outputs)))
    except (GraphcError, TypeError):
        return None


def body_text(body: PureGraph) -> tuple[str, list[tuple[str, bytes]]]:
    """The text, and its large constants: digest and TensorProto."""
    blobs: dict = {}
    text = graph_text(body, blobs, locations=False)
    return text, [(digest, tensor_proto(array).SerializeToString()) for digest, array in blobs.items()]


def build_from(text: str, blobs: list[tuple[str, bytes]]) -> Callable:
    """The function of Nodes that a text says; it takes Nodes of other sizes, too."""
    arrays = {digest: array_of(protos.TensorProto.FromString(data)) for digest, data in blobs}
    body = parse(text, arrays)

    def build(*nodes: Node) -> list[Node]:
        counters = body.inputs[len(body.inputs) - len(COUNTERS) :]
        return _with_arguments(body, (*nodes, *counters))

    return build


def _with_arguments(body: PureGraph, arguments: tuple) -> list[Node]:
    """The outputs for arguments whose sizes say what the sizes of the inputs are."""
    sizes: dict[Node, object] = {}
    for own, given in zip(body.inputs, arguments):
        for d, size in zip(own.shape, given.shape):
            if isinstance(d, Node) and d.op == "symbol":
                sizes.setdefault(d, size)
    memo: dict[Node, Node] = dict(zip(body.inputs, arguments))
    for node in toposort(body.roots, memo):
        if node.op == "symbol":
            size = sizes.get(node, node)
            memo[node] = size if isinstance(size, Node) else const(size, _INDEX)
            continue
        inputs = tuple([memo[x] for x in node.inputs])
        changed = sizes and any(s in sizes for s in symbols_of(node))
        attrs, type = (
            (with_dims(node.attrs, sizes), with_dims(node.type, sizes)) if changed else (node.attrs, node.type)
        )
        if made_by(node):
            memo[node] = remade(node, inputs, attrs, type)
            sizes.update(zip(made_by(node), made_by(memo[node])))
        else:
            memo[node] = make(node.op, inputs, attrs, type)
    return [memo[x] for x in body.outputs]
