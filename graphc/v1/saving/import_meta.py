"""``tf.train.import_meta_graph``: a graph from a ``.meta`` file, with a Saver for its variables."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.v1.graph_def.meta_graph import import_meta_graph as imported
from graphc.v1.saving.saveables import all_saveable
from graphc.v1.saving.saver import Saver


def import_meta_graph(meta_graph_or_file, clear_devices=False, import_scope=None, **kwargs):
    """Add a graph, graphc's or TensorFlow's, to the default graph.

    Args:
        meta_graph_or_file: a MetaGraphDef, or the path of a ``.meta`` file.
        clear_devices: forget where operations are said to run. import_scope: a scope for the names.
        kwargs: ``input_map``: names in the file -> tensors that take their place; ``return_elements``: names.

    Returns:
        A Saver for the variables, None where there are none; with ``return_elements`` a pair of that and the elements.

    Raises:
        NotFoundError, DataLossError: the file cannot be read. UsageError: an argument means nothing.
        GraphError: nodes that are not known here, or names that are taken.
    """
    unknown = sorted(set(kwargs) - {"input_map", "return_elements"})
    if unknown:
        raise UsageError(explain(f"import_meta_graph: unknown arguments {', '.join(unknown)}"))
    elements = kwargs.get("return_elements")
    found = imported(meta_graph_or_file, clear_devices, import_scope, kwargs.get("input_map"), elements)
    saver_def, values = found if elements is not None else (found, None)
    if saver_def is not None and saver_def.restore_op_name:
        saver = Saver.from_proto(saver_def, import_scope)
    else:
        saver = Saver() if all_saveable() else None
    return saver if elements is None else (saver, values)
