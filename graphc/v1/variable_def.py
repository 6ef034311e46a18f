"""How variables are told of in files: a variable as a VariableDef, and which part of a larger one it is."""

from __future__ import annotations

from graphc.errors import GraphError, UsageError, explain
from graphc.formats import protos
from graphc.v1.tensor import Read


class SaveSliceInfo:
    """Which part of a larger variable a variable is: it is saved as that part.

    Args:
        full_name, full_shape: of the larger one.
        var_offset, var_shape: where the part begins and how large it is, along each axis.
        save_slice_info_def: a SaveSliceInfoDef with all that.
    """

    def __init__(self, full_name=None, full_shape=None, var_offset=None, var_shape=None, save_slice_info_def=None,
                 import_scope=None):  # fmt: skip
        if save_slice_info_def is not None:
            found = save_slice_info_def
            scope = f"{import_scope}/" if import_scope else ""
            full_name, full_shape = scope + found.full_name, found.full_shape
            var_offset, var_shape = found.var_offset, found.var_shape
        self.full_name, self.full_shape = full_name, list(full_shape or ())
        self.var_offset, self.var_shape = list(var_offset or ()), list(var_shape or ())

    @property
    def spec(self) -> str:
        """The part as checkpoints name it: full shape, then start and size along each axis."""
        sizes = " ".join(map(str, self.full_shape))
        return f"{sizes} " + ":".join(f"{start},{size}" for start, size in zip(self.var_offset, self.var_shape))

    def to_proto(self, export_scope: str | None = None):
        """A SaveSliceInfoDef; None if the name is not in ``export_scope``."""
        if not _is_in(self.full_name, export_scope):
            return None
        return protos.SaveSliceInfoDef(full_name=_without(self.full_name, export_scope), full_shape=self.full_shape,
                                       var_offset=self.var_offset, var_shape=self.var_shape)  # fmt: skip


def variable_def(variable, export_scope: str | None = None):
    """A VariableDef that tells which variable of a graph this is; None if it is not in ``export_scope``."""
    if not _is_in(variable.name, export_scope):
        return None
    names = {
        "variable_name": variable.name,
        "initial_value_name": getattr(variable.initial_value, "name", ""),
        "initializer_name": getattr(variable.initializer, "name", ""),
        "snapshot_name": getattr(variable.snapshot, "name", ""),
    }
    found = protos.VariableDef(**{key: _without(name, export_scope) for key, name in names.items()})
    found.trainable = variable.trainable
    found.synchronization, found.aggregation = variable.synchronization.value, variable.aggregation.value
    if variable._save_slice_info is not None:
        found.save_slice_info_def.CopyFrom(variable._save_slice_info.to_proto(export_scope))
    return found


def variable_of(graph, found, import_scope: str | None = None):
    """The variable of a graph that a VariableDef means.

    Raises:
        UsageError: it is no VariableDef. UnknownNameError: the graph has none of that name.
        GraphError: something else has that name.
    """
    if not hasattr(found, "variable_name"):
        raise UsageError(explain(f"Variable: variable_def must be a VariableDef, got {found!r}"))
    scope = f"{import_scope}/" if import_scope else ""
    op = graph.as_graph_element(scope + found.variable_name, allow_operation=False).op
    if not isinstance(op.effect, Read):
        what = f"Variable: {op.name} is a variable in the VariableDef, but the operation of that name is {op.type}"
        raise GraphError(explain(what))
    variable = op.effect.variable
    if variable.initializer is None and found.initializer_name:
        variable.initializer = graph.as_graph_element(scope + found.initializer_name, allow_tensor=False)
        variable.initial_value = variable.initializer.inputs[-1]
        if found.initial_value_name:
            variable.initial_value = graph.as_graph_element(scope + found.initial_value_name, allow_operation=False)
    if variable.snapshot is None and found.snapshot_name:
        variable.snapshot = graph.as_graph_element(scope + found.snapshot_name, allow_operation=False)
    variable.trainable = found.trainable
    if found.HasField("save_slice_info_def"):
        variable._set_save_slice_info(
            SaveSliceInfo(save_slice_info_def=found.save_slice_info_def, import_scope=import_scope)
        )
    return variable


def _is_in(name: str, scope: str | None) -> bool:
    return not scope or name.startswith(f"{scope}/")


def _without(name: str, scope: str | None) -> str:
    return name.removeprefix(f"{scope}/") if scope else name
