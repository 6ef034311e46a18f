"""MetaGraphDef: a graph with its collections, and with how its variables are saved."""

from __future__ import annotations

import os

import numpy as np

from graphc.api.machine import get_logger
from graphc.errors import GraphcError, UsageError, explain
from graphc.formats import protos
from graphc.formats.message_files import read_message
from graphc.v1.graph import Graph, get_default_graph
from graphc.v1.graph_def.read import add_nodes
from graphc.v1.graph_def.scopes import only_scope
from graphc.v1.graph_def.write import as_graph_def
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.queue_runner import QueueRunner
from graphc.v1.tensor import Operation, Tensor
from graphc.v1.variable import Variable

_VERSION = "1.15.0"  # of the TensorFlow whose graphs these are like; it compares versions when it reads
_VARIABLES = (
    GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES, GraphKeys.MODEL_VARIABLES,
    GraphKeys.TRAINABLE_VARIABLES, GraphKeys.MOVING_AVERAGE_VARIABLES, GraphKeys.GLOBAL_STEP,
    GraphKeys.TRAINABLE_RESOURCE_VARIABLES,
)  # fmt: skip


def meta_graph_of(graph: Graph | None = None, saver_def=None, collection_list=None, clear_devices: bool = False,
                  export_scope: str | None = None, graph_def=None, meta_info_def=None):  # fmt: skip
    """A MetaGraphDef of a graph.

    Args:
        graph: the default graph if None. saver_def: the SaverDef of a Saver of its variables.
        collection_list: names of the collections to write; all if None.
        clear_devices: leave out where operations are said to run.
        export_scope: only what is in this scope, with names as they are inside of it.
        graph_def: in place of the graph's own nodes. meta_info_def: a MetaInfoDef, to which versions are added.

    Members of collections that have no form in the file are left out, and told by the logger ``graphc``.
    """
    graph = get_default_graph() if graph is None else graph
    made = protos.MetaGraphDef()
    if meta_info_def is not None:
        made.meta_info_def.CopyFrom(meta_info_def)
    made.meta_info_def.tensorflow_version = made.meta_info_def.tensorflow_version or _VERSION
    nodes = as_graph_def(graph, add_shapes=True) if graph_def is None else graph_def
    made.graph_def.CopyFrom(only_scope(nodes, export_scope) if export_scope else nodes)
    if clear_devices:
        for node in made.graph_def.node:
            node.device = ""
    if saver_def is not None:
        made.saver_def.CopyFrom(saver_def)
    for key in graph.get_all_collection_keys() if collection_list is None else collection_list:
        if isinstance(key, str):
            _write_collection(made, graph, key, export_scope)
    return made


def _write_collection(made, graph: Graph, key: str, scope: str | None) -> None:
    found = protos.CollectionDef()
    try:
        for value in graph.get_collection(key):
            _write_member(found, value, scope)
    except (TypeError, ValueError, AttributeError) as error:
        get_logger().info("collection %r is not part of the meta graph: %s", key, error)
        return
    if found.WhichOneof("kind"):
        made.collection_def[key].CopyFrom(found)


def _write_member(found, value, scope: str | None) -> None:
    if hasattr(value, "to_proto"):
        message = value.to_proto(scope)
        if message is not None:
            found.bytes_list.value.append(message.SerializeToString())
    elif isinstance(value, (Tensor, Operation)):
        if not scope or value.name.startswith(f"{scope}/"):
            found.node_list.value.append(value.name.removeprefix(f"{scope}/") if scope else value.name)
    elif isinstance(value, (str, bytes)):
        found.bytes_list.value.append(value.encode() if isinstance(value, str) else value)
    elif isinstance(value, (bool, int, np.integer)):
        found.int64_list.value.append(int(value))
    elif isinstance(value, (float, np.floating)):
        found.float_list.value.append(float(value))
    else:
        raise TypeError(f"{type(value).__name__} has no form in a file")


def read_meta_graph(meta_graph_or_file):
    """A MetaGraphDef: the message itself, or that of a file (bytes or text).

    Raises:
        UsageError: it is neither. NotFoundError, DataLossError: the file cannot be read.
    """
    given = meta_graph_or_file
    if isinstance(given, (str, os.PathLike)):
        return read_message("import_meta_graph", protos.MetaGraphDef, given)
    if getattr(getattr(given, "DESCRIPTOR", None), "full_name", "") != "tensorflow.MetaGraphDef":
        raise UsageError(explain(f"import_meta_graph: needs a MetaGraphDef or a path, got {given!r}"))
    return (
        given if isinstance(given, protos.MetaGraphDef) else protos.MetaGraphDef.FromString(given.SerializeToString())
    )


def import_meta_graph(meta_graph_or_file, clear_devices: bool = False, import_scope: str | None = None, input_map=None,
                      return_elements=None):  # fmt: skip
    """Add a MetaGraphDef's nodes and collections to the default graph.

    Args:
        meta_graph_or_file: a MetaGraphDef, or the path of a file with one.
        clear_devices: forget where operations are said to run. import_scope: a scope for the names.
        input_map, return_elements: see ``import_graph_def``.

    Returns:
        The SaverDef, or None if there is none; with ``return_elements`` a pair of that and the elements.

    A node that cannot be made here becomes an operation that refuses to run, and what does not need it works.

    Raises:
        UsageError, GraphError: see ``import_graph_def``. NotFoundError, DataLossError: the file cannot be read.
    """
    meta = read_meta_graph(meta_graph_or_file)
    graph_def = protos.GraphDef()
    graph_def.CopyFrom(meta.graph_def)
    if clear_devices:
        for node in graph_def.node:
            node.device = ""
    graph = get_default_graph()
    elements = add_nodes(graph_def, input_map, return_elements, import_scope or "", all_known=False)
    for key, collection in sorted(meta.collection_def.items()):
        _read_collection(graph, key, collection, import_scope)
    saver_def = meta.saver_def if meta.HasField("saver_def") else None
    return saver_def if return_elements is None else (saver_def, elements)


def _read_collection(graph: Graph, key: str, collection, scope: str | None) -> None:
    kind = collection.WhichOneof("kind")
    if kind is None:
        return
    values = getattr(collection, kind).value
    try:
        if kind == "node_list":
            found = [graph.as_graph_element(f"{scope}/{v}" if scope else v) for v in values]
        elif kind == "bytes_list" and key in _VARIABLES:
            found = [Variable.from_proto(protos.VariableDef.FromString(v), scope) for v in values]
        elif kind == "bytes_list" and key == GraphKeys.QUEUE_RUNNERS:
            found = [QueueRunner.from_proto(protos.QueueRunnerDef.FromString(v), scope) for v in values]
        else:
            found = list(values)
    except GraphcError as error:
        get_logger().warning("collection %r of the meta graph is left out: %s", key, str(error).splitlines()[0])
        return
    known = graph.get_collection(key)
    for value in found:
        if not any(value is v for v in known):
            graph.add_to_collection(key, value)
