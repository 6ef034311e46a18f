"""``tf.saved_model.save``: objects with their variables and functions as a SavedModel."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from graphc.api.checkpoint.object_graph import write_objects
from graphc.api.saved_model.constants import (
    INIT_OP_SIGNATURE, MAIN_OP_KEY, SAVED_MODEL_FILENAME_PB, SAVED_MODEL_SCHEMA_VERSION, SERVING,
)  # fmt: skip
from graphc.api.function.function import Function as TracedFunction
from graphc.api.saved_model.exported import TRACED, Exporter, names_in
from graphc.api.saved_model.folder import NewFolder, tag_set, variables_prefix
from graphc.api.saved_model.function import ConcreteFunction, Function, Signatures
from graphc.api.saved_model.objects import Asset
from graphc.api.saved_model.options import SaveOptions
from graphc.api.saved_model.serving_nodes import ServingNodes
from graphc.api.saved_model.written_functions import FunctionWriter, add_constant, is_constant, signatures_of
from graphc.api.saved_model.written_objects import ObjectGraph, identifier_of, inside_of
from graphc.api.variable import Variable
from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.formats.message_files import write_message
from graphc.formats.tensors import shape_proto
from graphc.ir.dtype import NUMBERS

_PRODUCER = 1087  # the version of graphs that is written
_VERSION = "2.15.0"  # of the TensorFlow whose SavedModels these are like


def save(obj, export_dir, signatures=None, options=None) -> None:
    """Write the variables and functions that an object leads to, and what is in between, as a SavedModel.

    TensorFlow's and graphc's ``tf.saved_model.load`` answer with an object that has the same attributes: variables,
    lists, dicts and objects. A ``tf.function`` is saved with all its traces, or the one that its ``input_signature``
    asks for; a Python function is not saved.

    Args:
        obj: a Module, a Checkpoint, a loaded object, or any object with attributes.
        export_dir: the folder; a SavedModel that is there is replaced.
        signatures: a ``tf.function`` with an ``input_signature``, a concrete function, or a dict of them by name; if
            None, those of a loaded ``obj``, or its only function.
        options: SaveOptions.

    Raises:
        UsageError: ``obj`` cannot hold variables, or a function or signature cannot be saved.
        NotFoundError: a file of an Asset is missing.
        PermissionDeniedError, ResourceExhaustedError, ...: it cannot be written; what was there is unchanged.
    """
    if options is not None and not isinstance(options, SaveOptions):
        raise UsageError(explain(f"saved_model.save: options must be SaveOptions, got {options!r}"))
    options = options or SaveOptions()
    if isinstance(obj, (Variable, type)) or is_constant(obj) or not hasattr(obj, "__dict__"):
        raise UsageError(
            explain(f"saved_model.save: needs an object with attributes, such as a tf.Module, got {obj!r}")
        )
    if options.experimental_image_format:
        raise UsageError(explain("saved_model.save: experimental_image_format is not supported; leave it out"))
    objects = ObjectGraph(obj)
    exporter = Exporter(names_in([*objects.objects, *given_functions(signatures)]))
    own = {name: f for name, f in inside_of(obj).items() if isinstance(f, (*TRACED, Function, ConcreteFunction))}
    found = signatures_of(signatures, obj, own, exporter)
    _export(objects, exporter)
    meta = protos.MetaGraphDef()
    meta.meta_info_def.tensorflow_version = _VERSION
    extra = tag_set("saved_model.save", options.extra_tags or [])
    meta.meta_info_def.tags.extend([SERVING, *sorted(extra - {SERVING})])
    meta.graph_def.versions.producer = _PRODUCER
    meta.graph_def.node.add(name="NoOp", op="NoOp")
    with NewFolder("saved_model.save", export_dir, must_be_empty=False) as folder:
        _write_objects(meta, objects, found, folder)
        write_objects(variables_prefix(folder.path), objects.objects, objects.links, objects.paths)
        ServingNodes(meta, objects).write(found)
        init = meta.signature_def[INIT_OP_SIGNATURE].outputs[INIT_OP_SIGNATURE]
        init.name = "NoOp"
        init.tensor_shape.unknown_rank = True
        meta.collection_def[MAIN_OP_KEY].node_list.value.append("NoOp")
        model = protos.SavedModel(saved_model_schema_version=SAVED_MODEL_SCHEMA_VERSION, meta_graphs=[meta])
        write_message("saved_model.save", model, os.path.join(folder.path, SAVED_MODEL_FILENAME_PB))


def given_functions(signatures) -> list:
    """The functions among what is given as signatures."""
    return list(signatures.values()) if isinstance(signatures, Mapping) else [] if signatures is None else [signatures]


def _export(objects: ObjectGraph, exporter: Exporter) -> None:
    """Put functions of SavedModels in the places of those that are traced.

    Raises:
        UsageError: TensorFlow has nothing for something in them; the message lists all of it.
    """
    for k, value in enumerate(objects.objects):
        if isinstance(value, TRACED):
            made = exporter.function(value) if isinstance(value, TracedFunction) else exporter.concrete(value)
            objects.replace(k, made)
    exporter.check()


def _write_objects(meta, objects: ObjectGraph, signatures: Signatures, folder: NewFolder) -> None:
    """The objects as messages; functions add those that they use."""
    objects.child(0, "signatures", signatures)
    functions = FunctionWriter(meta, objects)
    nodes, k = meta.object_graph_def.nodes, 0
    while k < len(objects.objects):
        value, node = objects.objects[k], nodes.add()
        if isinstance(value, Variable):
            node.variable.CopyFrom(_variable_message(value))
        elif isinstance(value, Asset):
            node.asset.asset_file_def_index = _add_asset(meta, value, folder)
        elif isinstance(value, Function):
            functions.add_function(k, value)
        elif isinstance(value, ConcreteFunction):
            functions.add_concrete(k, value)
        elif is_constant(value):
            node.constant.operation = add_constant(meta, value.array)
        else:
            node.user_object.identifier = identifier_of(value)
            node.user_object.version.CopyFrom(protos.VersionDef(producer=1, min_consumer=1))
        if isinstance(value, Signatures):
            for key, function in value.items():
                objects.child(k, key, function)
        k += 1
    for node, inside in zip(nodes, objects.links):
        for name, number in inside.items():
            node.children.add(node_id=number, local_name=name)


def _variable_message(variable: Variable):
    made = protos.SavedVariable(dtype=NUMBERS[variable.dtype], trainable=variable.trainable)
    made.name = variable.name.partition(":")[0]
    made.shape.CopyFrom(shape_proto(variable.type.shape))
    return made


def _add_asset(meta, asset: Asset, folder: NewFolder) -> int:
    source, taken = os.fspath(asset), {a.filename for a in meta.asset_file_def}
    base = os.path.basename(source)
    name = next(n for n in (f"{base}_{k}" if k else base for k in range(len(taken) + 1)) if n not in taken)
    folder.add_asset(source, name)
    added = meta.asset_file_def.add(filename=name)
    text = np.empty((), object)
    text[()] = source.encode()
    added.tensor_info.name = f"{add_constant(meta, text)}:0"  # loaders in graphs replace it by the path of the file
    return len(meta.asset_file_def) - 1
