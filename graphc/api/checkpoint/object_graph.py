"""The graph of objects that a checkpoint of ``tf.train.Checkpoint`` says its tensors belong to."""

from __future__ import annotations

import numpy as np

from graphc.api.variable import Variable
from graphc.errors import DataLossError, GraphcError, explain
from graphc.formats import protos
from graphc.formats.bundle import BundleReader
from graphc.formats.bundle_writer import BundleWriter

KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
ATTRIBUTES = ".ATTRIBUTES"
VALUE = "VARIABLE_VALUE"


def object_graph_of(reader: BundleReader):
    """The TrackableObjectGraph of a checkpoint, or None if it has none.

    Raises:
        DataLossError: it is damaged.
    """
    if KEY not in reader.entries:
        return None
    graph = protos.TrackableObjectGraph()
    try:
        graph.ParseFromString(reader.read(KEY)[()])
    except GraphcError:
        raise
    except Exception as error:  # protobuf has an error class of its own for damaged bytes
        raise DataLossError(explain(f"{reader.prefix}: the graph of objects cannot be read: {error}")) from None
    count = len(graph.nodes)
    if any(not 0 <= c.node_id < count for node in graph.nodes for c in node.children):
        raise DataLossError(explain(f"{reader.prefix}: the graph of objects refers to an object that it does not have"))
    return graph


def keys_by_full_name(reader: BundleReader) -> dict[str, str]:
    """The names that variables had in their graph -> the names of their values in the checkpoint."""
    graph = object_graph_of(reader)
    nodes = () if graph is None else graph.nodes
    return {a.full_name: a.checkpoint_key for node in nodes for a in node.attributes if a.full_name}


def write_objects(prefix: str, objects, links, paths) -> None:
    """A checkpoint with the values of the variables among ``objects``, and with the graph of objects.

    Args:
        links: for each object the numbers of those that its attributes hold, by name; paths: the keys of their values.
    """
    graph, values = protos.TrackableObjectGraph(), {}
    for value, inside, path in zip(objects, links, paths):
        node = graph.nodes.add()
        node.has_checkpoint_values.value = True
        for name, number in inside.items():
            node.children.add(node_id=number, local_name=name)
        if isinstance(value, Variable):
            key = f"{path}/{ATTRIBUTES}/{VALUE}"
            node.attributes.add(name=VALUE, full_name=value.name.partition(":")[0], checkpoint_key=key)
            values[key] = value.as_tensor().array
    text = np.empty((), object)
    text[()] = graph.SerializeToString()
    with BundleWriter(prefix) as writer:
        for key, array in {**values, KEY: text}.items():
            writer.add(key, array)
