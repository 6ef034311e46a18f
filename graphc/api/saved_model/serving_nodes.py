"""The graph of a SavedModel: signatures as nodes, and saving and restoring, for servers and TensorFlow 1."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.api.checkpoint.object_graph import ATTRIBUTES, VALUE
from graphc.api.emit.node_writer import NodeWriter
from graphc.api.node_def.attrs import Shape
from graphc.api.saved_model.constants import PREDICT_METHOD_NAME
from graphc.api.saved_model.function import ConcreteFunction
from graphc.api.saved_model.library import CALLS
from graphc.api.saved_model.written_objects import ObjectGraph
from graphc.api.spec import TensorSpec
from graphc.api.variable import Variable
from graphc.formats import protos
from graphc.formats.tensors import shape_proto
from graphc.ir import dtype as dt
from graphc.ir.dtype import NUMBERS


class ServingNodes:
    """Adds nodes to the GraphDef of a MetaGraphDef, whose objects are complete."""

    def __init__(self, meta, objects: ObjectGraph):
        self.meta, self._objects = meta, objects
        self.writer = NodeWriter("", {n.name for n in meta.graph_def.node})
        self._places: dict[int, str] = {}

    def write(self, signatures: Mapping[str, ConcreteFunction]) -> None:
        """All that there is."""
        self._variables()
        self._saver()
        for key, function in signatures.items():
            self._signature(key, function)
        self.meta.graph_def.node.extend(self.writer.nodes)

    def _variables(self) -> None:
        saved = self.meta.object_graph_def.nodes
        for k, value in enumerate(self._objects.objects):
            if isinstance(value, Variable):
                name = value.name.partition(":")[0] or "Variable"
                shape = Shape(tuple([d if type(d) is int else None for d in value.type.shape]))
                handle = self.writer.node("VarHandleOp", (), name, dtype=value.dtype, shape=shape)
                self.writer.nodes[-1].attr["shared_name"].s = handle.encode()
                self.writer.node("ReadVariableOp", [handle], f"{handle}/Read/ReadVariableOp", dtype=value.dtype)
                self._places[k] = handle
            elif saved[k].WhichOneof("kind") == "constant":
                self._places[k] = saved[k].constant.operation
            elif saved[k].WhichOneof("kind") == "asset":
                info = self.meta.asset_file_def[saved[k].asset.asset_file_def_index].tensor_info
                self._places[k] = info.name.partition(":")[0]

    def _saver(self) -> None:
        """Nodes that write and read the checkpoint of the variables."""
        w, shared = self.writer, [k for k, v in enumerate(self._objects.objects) if isinstance(v, Variable)]
        keys = [f"{self._objects.paths[k]}/{ATTRIBUTES}/{VALUE}" for k in shared]
        kinds = [self._objects.objects[k].dtype for k in shared]
        filename = w.node("Placeholder", (), "saver_filename", dtype=dt.string, shape=Shape(()))
        names = self._texts("saver/tensor_names", keys)
        slices = self._texts("saver/shape_and_slices", [""] * len(keys))
        before = []
        if keys:
            reads = [f"{self._places[k]}/Read/ReadVariableOp" for k in shared]
            before = [f"^{w.node('SaveV2', [filename, names, slices, *reads], 'saver/SaveV2', dtypes=kinds)}"]
        saved = w.node("Identity", [filename, *before], "saver/saved", T=dt.string)
        assigned = []
        if keys:
            found = w.node("RestoreV2", [filename, names, slices], "saver/RestoreV2", dtypes=kinds)
            for j, k in enumerate(shared):
                value = w.node("Identity", [f"{found}:{j}" if j else found], "saver/value", T=kinds[j])
                done = w.node("AssignVariableOp", [self._places[k], value], "saver/Assign", dtype=kinds[j])
                assigned.append(f"^{done}")
        restored = w.node("NoOp", assigned, "saver/restored")
        saver = protos.SaverDef(filename_tensor_name=f"{filename}:0", save_tensor_name=f"{saved}:0",
                                restore_op_name=restored, version=2)  # fmt: skip
        self.meta.saver_def.CopyFrom(saver)

    def _texts(self, name: str, values: list[str]) -> str:
        array = np.empty(len(values), object)
        array[:] = [v.encode() for v in values]
        return self.writer.node("Const", (), name, dtype=dt.string, value=array)

    def _signature(self, key: str, function: ConcreteFunction) -> None:
        """A placeholder for every input and a node that calls the function."""
        described = self.meta.signature_def[key]
        described.method_name = PREDICT_METHOD_NAME
        inputs = []
        for name, spec in zip(function.keywords, function.inputs):
            shape = Shape(_sizes(spec))
            inputs.append(self.writer.node("Placeholder", (), f"{key}_{name}", dtype=spec.dtype, shape=shape))
            _fill(described.inputs[name], inputs[-1], spec)
        saved = self.meta.object_graph_def.concrete_functions[function.name]
        inputs += [self._places[k] for k in saved.bound_inputs]
        signature = function.definition().signature
        call = self.writer.node(CALLS[int(signature.is_stateful)], inputs, "StatefulPartitionedCall",
                                f=protos.NameAttrList(name=function.name))  # fmt: skip
        node = self.writer.nodes[-1]
        node.attr["Tin"].list.type.extend(a.type for a in signature.input_arg)
        node.attr["Tout"].list.type.extend(a.type for a in signature.output_arg)
        for k, name in enumerate(sorted(function.structured_outputs or ())):
            _fill(described.outputs[name], f"{call}:{k}", function.structured_outputs[name])


def _sizes(spec: TensorSpec) -> tuple | None:
    return None if spec.shape.ndims is None else tuple(spec.shape.as_list())


def _fill(info, name: str, spec: TensorSpec) -> None:
    info.name = name if ":" in name else f"{name}:0"
    info.dtype = NUMBERS[spec.dtype]
    info.tensor_shape.CopyFrom(shape_proto(_sizes(spec)))
