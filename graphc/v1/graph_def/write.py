"""A graph as a GraphDef."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from graphc.api.effect import Effect
from graphc.api.node_def.attrs import Shape, attr_of
from graphc.api.node_def.rows import call_of, name_of
from graphc.errors import GraphcError, UsageError, explain
from graphc.formats import protos
from graphc.v1.graph_def import own
from graphc.v1.graph_def.expansion import Expansion
from graphc.v1.graph_def.forms import FORMS, fits
from graphc.v1.graph_def.forms_composed import COMPOSED_FORMS
from graphc.v1.graph_def.forms_nn import NN_FORMS
from graphc.v1.graph_def.sparse_updates import sparse_update
from graphc.v1.graph_def.writer import Writer, ref, shape_of
from graphc.v1.tensor import Feed, Initialised, Operation, Read, ReadOr, Update, Write

PRODUCER = 1087  # the version of graphs whose nodes these are
_FORMS = {**COMPOSED_FORMS, **NN_FORMS, **FORMS}
_OUTPUTS = {
    "FusedBatchNormV3": 6, "Merge": 2, "SoftmaxCrossEntropyWithLogits": 2, "SparseSoftmaxCrossEntropyWithLogits": 2,
}  # fmt: skip
_WRITES = {"Scatterset": "ScatterUpdate", "Scatteradd": "ScatterAdd"}


def graph_def_of(operations: Iterable[Operation], add_shapes: bool = False, first: int = 0):
    """A GraphDef of operations.

    Args:
        add_shapes: every node knows the shapes of its outputs, as ``_output_shapes``.
        first: operations with smaller numbers are left out.
    """
    made = protos.GraphDef(versions=versions())
    operations = list(operations)
    taken, expansion = {op.name for op in operations}, Expansion()
    for op in operations:
        nodes = nodes_of(op, taken, add_shapes, expansion)
        if op.id >= first:
            made.node.extend(nodes)
    return made


def versions():
    """The VersionDef of the GraphDefs that are made here."""
    return protos.VersionDef(producer=PRODUCER, min_consumer=12)


class _Taken(set):
    """The names of a graph's operations, which are not collected for one node, and names that are taken besides."""

    def __init__(self, graph):
        super().__init__()
        self._graph = graph

    def __contains__(self, name) -> bool:
        return super().__contains__(name) or self._graph.has_operation(name)


def node_def(op: Operation):
    """The NodeDef that has the name of an operation."""
    return nodes_of(op, _Taken(op.graph))[-1]


def nodes_of(op: Operation, taken: set, add_shapes: bool = False, expansion: Expansion | None = None) -> list:
    """The nodes of an operation; the last one has its name, and what depends on it and is said of it.

    Args:
        expansion: knows the operations before; without it what has no form is one node.
    """
    w = Writer(op, taken)
    has_form = _structural(w) or _form(w)
    if not has_form:
        w.discard()
        has_form = expansion is not None and expansion.write(w)
    elif expansion is not None:
        expansion.keep(op, w.nodes)
    if not has_form:
        w.node(_own_type(op), [ref(t) for t in op.operands], **_dtypes(op))
    last = w.nodes[-1]
    last.input.extend(f"^{c.name}" for c in dict.fromkeys(op.control_inputs))
    text = own.described(op)
    if text is not None:
        last.attr[own.KEY].s = text.encode()
    for node in w.nodes[:-1]:
        node.attr[own.PART].s = op.name.encode()
    for node in w.nodes:
        node.device = op.device
    for key, value in (op.attrs or {}).items():
        last.attr[key].CopyFrom(value if hasattr(value, "DESCRIPTOR") else attr_of(value))
    if op.colocated:
        last.attr["_class"].CopyFrom(attr_of(op.colocation_groups()))
    if add_shapes and op.outputs:
        unknown = [Shape(None)] * (_OUTPUTS.get(last.op, 0) - len(op.outputs))
        last.attr["_output_shapes"].CopyFrom(attr_of([*[shape_of(t) for t in op.outputs], *unknown]))
    return w.nodes


def _form(w: Writer) -> bool:
    """Make the nodes that the table has for the type; False where there are none."""
    form, op = _FORMS.get(w.op.type), w.op
    if form is None:
        return False
    call, arguments = call_of(op.build, len(op.operands)), {}
    made_by = None if call is None else name_of(call.function) or call.function.__name__
    if not fits(op.type, made_by):
        return False
    if call is not None:
        arguments = dict(call.static)
        for key, at in call.places.items():
            arguments[key] = [op.operands[p] for p in at if p is not None] if isinstance(at, list) else op.operands[at]
    try:
        return form(w, arguments) is not False
    except (KeyError, IndexError, AttributeError, TypeError, ValueError, GraphcError):
        return False  # arguments that TensorFlow's node does not have


def _structural(w: Writer) -> bool:
    """Constants, placeholders, variables and what changes them."""
    op = w.op
    match op.effect:
        case Feed(_):
            kind = op.outputs[0].dtype
            w.node("Placeholder", (), dtype=kind, shape=_fed_shape(op))
        case Read(variable) if op.type in ("VariableV2", "VarHandleOp"):
            shape = Shape(tuple(variable.type.shape))
            w.node("VariableV2", (), dtype=variable.dtype, shape=shape, container="", shared_name="")
        case Read(variable):
            w.node("Identity", [variable.op.name], T=variable.dtype)
        case Initialised(variable):
            w.node("IsVariableInitialized", [variable.op.name], dtype=variable.dtype)
        case ReadOr(variable):
            _read_or(w, variable)
        case Write(variable, _):
            kind = _WRITES.get(op.type, op.type)
            w.node(kind, [variable.op.name, *[ref(t) for t in op.operands]], **_write_attrs(kind, op))
        case Update(_) if op.type.startswith(("SparseApply", "ScatterSub")):
            return sparse_update(w)
        case Update(variables):
            names = [*[v.op.name for v in variables], *[ref(t) for t in op.operands]]
            w.node(op.type, names, T=variables[0].dtype, use_locking=False, **dict(op.effect.attrs))
        case Effect() if hasattr(op.build, "calls"):
            kinds = {"Tin": [t.dtype for t in op.operands], "Tout": [t.dtype for t in op.outputs]}
            w.node(op.type, [ref(t) for t in op.operands], token=op.build.calls.encode(), **kinds)
        case Effect() if op.type == "SaveV2":
            w.node("SaveV2", [ref(t) for t in op.operands], dtypes=[t.dtype for t in op.operands[3:]])
        case Effect() if op.type == "RestoreV2":
            w.node("RestoreV2", [ref(t) for t in op.operands], dtypes=[t.dtype for t in op.outputs])
        case Effect() if op.type == "Assert":
            kinds = [t.dtype for t in op.operands[1:]]
            w.node("Assert", [ref(t) for t in op.operands], T=kinds, summarize=3)
        case Effect() if op.type == "Print":  # what it prints is no part of a file
            w.node("NoOp", [f"^{t.op.name}" for t in op.operands])
        case None if op.type == "Print":
            w.node("Identity", [ref(t) for t in op.operands], T=op.outputs[0].dtype)
        case None if op.type == "Const" and not op.operands:
            w.node("Const", (), dtype=op.outputs[0].dtype, value=constant_array(op))
        case None if op.type == "PlaceholderWithDefault":
            out = op.outputs[0]
            w.node(op.type, [ref(t) for t in op.operands], dtype=out.dtype, shape=shape_of(out))
        case _:
            return False
    return True


def _read_or(w: Writer, variable) -> None:
    """The value of a variable, or another where it has none yet: a branch of TensorFlow 1."""
    kind = variable.dtype
    ready = w.node("IsVariableInitialized", [variable.op.name], "is_initialized", dtype=kind)
    value = w.node("RefSwitch", [variable.op.name, ready], "value", T=kind)
    other = w.node("Switch", [ref(w.op.operands[0]), ready], "other", T=kind)
    read = w.node("Identity", [f"{value}:1"], "read", T=kind)
    w.node("Merge", [other, read], T=kind, N=2)


def _fed_shape(op: Operation) -> Shape:
    sizes = op.effect.type[1]
    return shape_of(op.outputs[0]) if sizes is None else Shape(tuple(sizes))


def _write_attrs(kind: str, op: Operation) -> dict:
    attrs = {"T": op.effect.variable.dtype, "use_locking": kind == "Assign"}
    if kind == "Assign":
        attrs["validate_shape"] = True
    if kind.startswith("Scatter"):
        attrs["Tindices"] = op.operands[0].dtype
    return attrs


def constant_array(op: Operation) -> np.ndarray:
    """The value of a Const operation."""
    node = op.outputs[0].node
    return np.broadcast_to(node.attr("value").array, node.shape)


def _own_type(op: Operation) -> str:
    """A type for what has no form: TensorFlow's only where operands are all that there is."""
    call = call_of(op.build, len(op.operands))
    fits_all = call is not None and not call.static and fits(op.type, name_of(call.function)) and op.effect is None
    return op.type if fits_all else f"Graphc{op.type}"


def _dtypes(op: Operation) -> dict:
    """What a node says whose type TensorFlow may not know: the dtype of its first input."""
    return {"T": op.operands[0].dtype} if op.operands else {}


def as_graph_def(graph, from_version=None, add_shapes: bool = False):
    """A GraphDef of all operations of a graph that are in no body of a branch or loop.

    Raises:
        UsageError: ``from_version`` is no number.
    """
    if from_version is not None and not isinstance(from_version, (int, np.integer)):
        raise UsageError(explain(f"as_graph_def: from_version must be an int, got {from_version!r}"))
    inside: set[Operation] = set()
    operations = []
    for op in graph.get_operations():
        before = (*[t.op for t in op.operands], *op.control_inputs)
        if graph.outermost(op) is op and inside.isdisjoint(before):
            operations.append(op)
        else:
            inside.add(op)
    return graph_def_of(operations, add_shapes, from_version or 0)
