"""The operations that a Saver adds to a graph, under the names by which a SaverDef refers to them."""

from __future__ import annotations

from graphc.formats import protos
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.control import group
from graphc.v1.graph import Graph
from graphc.v1.saving.io_ops import restore_v2, save_v2
from graphc.v1.saving.saveables import Saveable


def add_nodes(graph: Graph, saveables: list[Saveable], name: str | None, filename: str, reshape: bool):
    """Add the operations that save and restore; a SaverDef that names them.

    In a finalized graph, which takes no operations, it names those that would be there.
    """
    if graph.finalized:
        return _definition("save/")
    with graph.as_default(), graph.control_dependencies(None), graph.name_scope(name or "save") as scope:
        default = ops.placeholder_with_default(ops.constant(filename, name="filename/input"), [], name="filename")
        path = ops.placeholder_with_default(default, [], name="Const")
        names, specs = [s.name for s in saveables], [s.spec for s in saveables]
        saved = save_v2(path, *_texts("SaveV2", names, specs), [s.variable.as_element() for s in saveables], "SaveV2")
        with graph.control_dependencies([saved]):
            ops.identity(path, name="control_dependency")
        shapes = [None if reshape else list(s.variable.type.shape) for s in saveables]
        dtypes = [s.variable.dtype for s in saveables]
        found = restore_v2(path, *_texts("RestoreV2", names, specs), dtypes, "RestoreV2", shapes)
        if reshape:
            found = [ops.reshape(t, list(s.variable.type.shape)) for t, s in zip(found, saveables)]
        group(*[s.variable.assign(t, name="Assign") for s, t in zip(saveables, found)], name="restore_all")
        return _definition(scope)


def _texts(op: str, names: list[str], specs: list[str]) -> list:
    pairs = ((names, "tensor_names"), (specs, "shape_and_slices"))
    return [ops.constant(texts, dt.string, name=f"{op}/{label}") for texts, label in pairs]


def _definition(scope: str):
    return protos.SaverDef(
        filename_tensor_name=f"{scope}Const:0",
        save_tensor_name=f"{scope}control_dependency:0",
        restore_op_name=f"{scope}restore_all",
    )
