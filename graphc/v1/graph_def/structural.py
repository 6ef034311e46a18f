"""TensorFlow's nodes that are no calculations: constants, placeholders, variables, assignments, nodes without effect."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.node_def.attrs import value_of
from graphc.errors import GraphError, explain
from graphc.ir.node import const
from graphc.lib import math
from graphc.v1.saving.io_ops import restore_v2, save_v2
from graphc.v1.saving.io_ops import restore_v2, save_v2
from graphc.v1.tensor import Feed, Read, Tensor
from graphc.v1.variable import Variable

identity = math.identity
_FED = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")


def is_fed(kind: str) -> bool:
    """Whether it is a placeholder."""
    return kind in _FED


def _constant(graph, node, inputs, name):
    array = value_of(node.attr["value"])
    made = const(array)
    return graph.create("Const", graph.unique_name(name), (), lambda: made, outputs=[(made.dtype, made)])


def _placeholder(graph, node, inputs, name):
    kind = value_of(node.attr["dtype"])
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
    return graph.create("Identity", graph.unique_name(name), (inputs[0],), identity)


def _written(method: str) -> Callable:
    def make(graph, node, inputs, name):
        return getattr(_of(inputs[0]), method)(inputs[1], name=name)

    return make


def _initialised(graph, node, inputs, name):
    return _of(inputs[0]).is_initialized(name)


def _saved(graph, node, inputs, name):
    return save_v2(*inputs[:3], inputs[3:], name)


def _restored(graph, node, inputs, name):
    return restore_v2(*inputs, value_of(node.attr["dtypes"]), name)[0].op


def _nothing(graph, node, inputs, name):
    return graph.create("NoOp", graph.unique_name(name), ())


def _save(graph, node, inputs, name):
    return save_v2(*inputs[:3], inputs[3:], name)


def _restore(graph, node, inputs, name):
    kinds = value_of(node.attr["dtypes"])
    shapes = [s.sizes for s in value_of(node.attr["_output_shapes"])] if "_output_shapes" in node.attr else None
    known = shapes if shapes and len(shapes) == len(kinds) else None
    return restore_v2(*inputs[:3], kinds, name, known)[0].op


_MAKERS: dict[str, Callable] = {
    "Const": _constant, "Placeholder": _placeholder, "PlaceholderV2": _placeholder,
    "PlaceholderWithDefault": _with_default, "VariableV2": _variable, "Variable": _variable, "VarHandleOp": _variable,
    "ReadVariableOp": _read, "Assign": _written("assign"), "AssignVariableOp": _written("assign"),
    "AssignAdd": _written("assign_add"), "AssignAddVariableOp": _written("assign_add"),
    "AssignSub": _written("assign_sub"), "AssignSubVariableOp": _written("assign_sub"),
    "IsVariableInitialized": _initialised, "VarIsInitializedOp": _initialised, "NoOp": _nothing, "Assert": _nothing,
    "SaveV2": _save, "RestoreV2": _restore,
    "SaveV2": _saved, "RestoreV2": _restored,
}  # fmt: skip


def is_known(kind: str) -> bool:
    """Whether nodes of this type are made here."""
    return kind in _MAKERS


def make(graph, node, inputs: list[Tensor], name: str):
    """The operation of a node, or its output."""
    return _MAKERS[node.op](graph, node, inputs, name)
