"""``tf.io.write_graph``: a graph in a file."""

from __future__ import annotations

import os

from graphc.errors import UsageError, explain
from graphc.formats.atomic import told
from graphc.formats.message_files import write_message


def write_graph(graph_or_graph_def, logdir, name, as_text=True) -> str:
    """Write a Graph or a GraphDef to ``logdir/name``; the folder is made. Answers with the path.

    Args:
        as_text: as text (``.pbtxt``), else as bytes (``.pb``).

    Raises:
        UsageError: it is neither. NotFoundError, PermissionDeniedError, ...: the file cannot be written.
    """
    found = graph_or_graph_def
    if hasattr(found, "as_graph_def"):
        found = found.as_graph_def()
    if getattr(getattr(found, "DESCRIPTOR", None), "full_name", "") != "tensorflow.GraphDef":
        raise UsageError(explain(f"write_graph: needs a Graph or a GraphDef, got {graph_or_graph_def!r}"))
    folder = os.fspath(logdir)
    with told("write_graph", folder):
        os.makedirs(folder, exist_ok=True)
    return write_message("write_graph", found, os.path.join(folder, name), as_text)
