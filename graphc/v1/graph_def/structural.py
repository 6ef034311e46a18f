"""TensorFlow's nodes that are no calls of the catalogue: constants, placeholders, variables, what changes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.api.namespaces import PUBLIC
from graphc.api.node_def.attrs import value_of
from graphc.api.node_def.make import known
from graphc.api.node_def.static import numbers, sizes, stitched
from graphc.errors import GraphError, explain
from graphc.ir.dtype import i32, u64
from graphc.ir.node import const
from graphc.lib import math
from graphc.lib.shape import zeros
from graphc.v1.graph_def import gradient_nodes
from graphc.v1.optimizers import training_ops
from graphc.v1.saving.io_ops import restore_v2, save_v2
from graphc.v1.tensor import Feed, Read, Tensor
from graphc.v1.variable import Variable

identity = math.identity
_STATES = ("VariableV2", "Variable", "VarHandleOp")
_FED = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")


def is_fed(kind: str) -> bool:
    """Whether it is a placeholder."""
    return kind in _FED


def _constant(graph, node, inputs, name):
    array = value_of(node.attr["value"]) if "value" in node.attr else None
    if not isinstance(array, np.ndarray):
        raise GraphError(explain(f"{name}: a constant needs the attribute value, a tensor"))
    made = const(array)
    return graph.create("Const", graph.unique_name(name), (), lambda: made, outputs=[(made.dtype, made)])


def _placeholder(graph, node, inputs, name):
    kind = value_of(node.attr["dtype"])
    if kind is None:
        raise GraphError(explain(f"{name}: a placeholder needs a dtype"))
    sizes = value_of(node.attr["shape"]).sizes if "shape" in node.attr else None
    return graph.create("Placeholder", graph.unique_name(name), (), None, Feed((kind, sizes)), [(kind, sizes)])


def _with_default(graph, node, inputs, name):
    sizes = value_of(node.attr["shape"]).sizes if "shape" in node.attr else None
    outputs = [(inputs[0].dtype, sizes)]
    return graph.create("PlaceholderWithDefault", graph.unique_name(name), tuple(inputs), identity, None, outputs)


def _variable(graph, node, inputs, name):
    shape = value_of(node.attr["shape"])
    if shape is None or shape.sizes is None or None in shape.sizes:
        raise GraphError(explain(f"{name}: a variable needs a known shape"))
    return Variable.placed(graph, graph.unique_name(name), value_of(node.attr["dtype"]), shape.sizes).op


def _of(ref: Tensor):
    """The variable that an input refers to."""
    if not isinstance(ref.op.effect, Read):
        raise GraphError(explain(f"{ref.name} is no variable"))
    return ref.op.effect.variable


def _read(graph, node, inputs, name):
    """The value of a variable when what the node waits for has been done; of anything else its value."""
    source = inputs[0].op
    if isinstance(source.effect, Read) and source.type in _STATES:
        variable = source.effect.variable
        outputs = [(variable.dtype, variable.start)]
        return graph.create("Identity", graph.unique_name(name), (), None, Read(variable), outputs)
    return graph.create("Identity", graph.unique_name(name), (inputs[0],), identity)


def _written(method: str) -> Callable:
    def make(graph, node, inputs, name):
        return getattr(_of(inputs[0]), method)(inputs[1], name=name)

    return make


def _scattered(kind: str, at_vectors: bool) -> Callable:
    def make(graph, node, inputs, name):
        change = _of(inputs[0]).change_at if at_vectors else _of(inputs[0]).change_rows
        return change(kind, inputs[1], inputs[2], name)

    return make


def _initialised(graph, node, inputs, name):
    return _of(inputs[0]).is_initialized(name)


def _nothing(graph, node, inputs, name):
    return graph.create("NoOp", graph.unique_name(name), ())


def _assertion(graph, node, inputs, name):
    return PUBLIC.get("Assert")(inputs[0], inputs[1:], name=name)


def _save(graph, node, inputs, name):
    return save_v2(*inputs[:3], inputs[3:], name)


def _restore(graph, node, inputs, name):
    kinds = value_of(node.attr["dtypes"])
    shapes = [s.sizes for s in value_of(node.attr["_output_shapes"])] if "_output_shapes" in node.attr else None
    known = shapes if shapes and len(shapes) == len(kinds) else None
    return restore_v2(*inputs[:3], kinds, name, known)[0].op


def _updated(graph, node, inputs, name):
    count = training_ops.variables_of(node.op)
    nesterov = "use_nesterov" in node.attr and node.attr["use_nesterov"].b
    return training_ops.again(node.op, [_of(t) for t in inputs[:count]], inputs[count:], name, nesterov)


def _reduced_axes(graph, node, inputs, name):
    """The axes along which gradients of two operands of one operation are summed: those that were stretched."""
    given = [_sizes(t) for t in inputs]
    if None in given:
        raise GraphError(explain(f"{name}: the shapes of the operands are not known"))
    rank = max(map(len, given))
    first, second = [(*[1] * (rank - len(sizes)), *sizes) for sizes in given]
    pairs = list(enumerate(zip(first, second)))
    axes = [[k for k, (a, b) in pairs if a == 1 and (b != 1 or k < rank - len(given[0]))],
            [k for k, (a, b) in pairs if b == 1 and (a != 1 or k < rank - len(given[1]))]]  # fmt: skip
    nodes = [const(np.array(found, inputs[0].dtype.numpy)) for found in axes]
    outputs = [(n.dtype, n) for n in nodes]
    return graph.create("BroadcastGradientArgs", graph.unique_name(name), (), lambda: nodes, outputs=outputs)


def _stitched(graph, node, inputs, name):
    """Rows put together; sizes of a shape remain sizes."""
    return graph.create(node.op, graph.unique_name(name), tuple(inputs), stitched)


def _difference(graph, node, inputs, name):
    """What of a list is in no other; of lists that are known a list that is known."""
    kind = value_of(node.attr["out_idx"]) if "out_idx" in node.attr else i32
    known_ones = [None if t.node is None else numbers(t.node) for t in inputs]
    if any(v is None for v in known_ones):
        graph.unique_name(name)
        with graph.name_scope(f"{name}/"):
            return PUBLIC.get("raw_ops.ListDiff")(*inputs, kind, name=f"{name}/")[0].op
    places = np.flatnonzero(~np.isin(*known_ones))
    nodes = [const(known_ones[0][places]), const(places.astype(kind.numpy))]
    outputs = [(n.dtype, n) for n in nodes]
    return graph.create(node.op, graph.unique_name(name), (), lambda: nodes, outputs=outputs)


def _key_and_counter(graph, node, inputs, name):
    """Where random numbers of a seed begin; ``_stateless`` takes the seed itself."""
    outputs = [(u64, (1,)), (u64, (2,))]

    def build(seed):
        return [zeros((1,), u64), zeros((2,), u64)]

    return graph.create(node.op, graph.unique_name(name), (inputs[0],), build, outputs=outputs)


def _stateless(function: str) -> Callable:
    def make(graph, node, inputs, name):
        if inputs[1].op.type != "StatelessRandomGetKeyCounter":
            raise GraphError(explain(f"{name}: the key must be that of a seed"))
        seed, kind = inputs[1].op.operands[0], value_of(node.attr["dtype"])
        graph.unique_name(name)
        return PUBLIC.get(f"random.stateless_{function}")(known(inputs[0]), known(seed), dtype=kind, name=f"{name}/")

    return make


def _sizes(shape: Tensor) -> tuple | None:
    """The sizes in a vector that tells a shape: ints, and Nodes for those that a run finds out."""
    if shape.op.type == "Shape" and shape.op.operands[0].node is not None:
        return shape.op.operands[0].node.shape
    found = None if shape.node is None else sizes(shape.node)
    return None if found is None else tuple(found)


_SCATTERS = {
    f"{prefix}Scatter{nd}{kind.title()}": _scattered(kind, bool(nd))
    for prefix in ("", "Resource")
    for nd, kinds in (("", "add sub mul div min max update"), ("Nd", "add sub update"))
    for kind in kinds.split()
}

_MAKERS: dict[str, Callable] = {
    **_SCATTERS,
    **dict.fromkeys(training_ops.KINDS, _updated),
    "Const": _constant, "Placeholder": _placeholder, "PlaceholderV2": _placeholder,
    "PlaceholderWithDefault": _with_default, "VariableV2": _variable, "Variable": _variable, "VarHandleOp": _variable,
    "ReadVariableOp": _read, "Identity": _read, "Assign": _written("assign"), "AssignVariableOp": _written("assign"),
    "AssignAdd": _written("assign_add"), "AssignAddVariableOp": _written("assign_add"),
    "AssignSub": _written("assign_sub"), "AssignSubVariableOp": _written("assign_sub"),
    "IsVariableInitialized": _initialised, "VarIsInitializedOp": _initialised, "NoOp": _nothing, "Assert": _assertion,
    **gradient_nodes.MAKERS, "StatelessRandomGetKeyCounter": _key_and_counter,
    "StatelessRandomUniformV2": _stateless("uniform"), "StatelessRandomNormalV2": _stateless("normal"),
    "StatelessTruncatedNormalV2": _stateless("truncated_normal"), "BroadcastGradientArgs": _reduced_axes,
    "ListDiff": _difference, "DynamicStitch": _stitched, "ParallelDynamicStitch": _stitched,
    "SaveV2": _save, "RestoreV2": _restore,
}  # fmt: skip


def is_known(kind: str) -> bool:
    """Whether nodes of this type are made here."""
    return kind in _MAKERS


def make(graph, node, inputs: list[Tensor], name: str):
    """The operation of a node, or its output."""
    return _MAKERS[node.op](graph, node, inputs, name)
