"""The graph of objects that a checkpoint of ``tf.train.Checkpoint`` says its tensors belong to."""

from __future__ import annotations

from graphc.errors import DataLossError, GraphcError, explain
from graphc.formats import protos
from graphc.formats.bundle import BundleReader

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
