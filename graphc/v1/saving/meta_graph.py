"""``tf.train.export_meta_graph``: a graph, its collections and its Saver in a ``.meta`` file."""

from __future__ import annotations

import os

from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.formats.atomic import told
from graphc.formats.message_files import write_message
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.graph_def.meta_graph import meta_graph_of


def export_meta_graph(filename=None, meta_info_def=None, graph_def=None, saver_def=None, collection_list=None,
                      as_text=False, graph=None, export_scope=None, clear_devices=False, clear_extraneous_savers=False,
                      strip_default_attrs=False, save_debug_info=False, **kwargs):  # fmt: skip
    """The MetaGraphDef of a graph; written to a file, too, if ``filename`` is given.

    Args:
        meta_info_def: a MetaInfoDef to begin with. graph_def: in place of the graph's own nodes.
        saver_def: of the Saver that restores the variables. collection_list: names of collections; all if None.
        as_text: write text. graph: the default graph if None. export_scope: only what is in this scope.
        clear_devices: leave out where operations are said to run.
        clear_extraneous_savers: leave out Savers other than the one of ``saver_def``.
        strip_default_attrs, save_debug_info: for compatibility; attributes are written where TensorFlow needs them.

    Raises:
        UsageError: unknown arguments. NotFoundError, PermissionDeniedError, ResourceExhaustedError: the file cannot be
            written; what was there before is unchanged.
    """
    if kwargs:
        raise UsageError(explain(f"export_meta_graph: unknown arguments {', '.join(sorted(kwargs))}"))
    graph = graph if graph is not None else get_default_graph()
    if clear_extraneous_savers:
        keys = graph.get_all_collection_keys() if collection_list is None else collection_list
        collection_list = [key for key in keys if key != GraphKeys.SAVERS]
    meta = meta_graph_of(
        graph, saver_def=saver_def, collection_list=collection_list, clear_devices=clear_devices,
        export_scope=export_scope, graph_def=graph_def, meta_info_def=meta_info_def,
    )  # fmt: skip
    if clear_extraneous_savers and saver_def is not None:
        _only_saver(meta, saver_def)
    if filename is not None:
        with told("export_meta_graph", filename):
            os.makedirs(os.path.dirname(os.fspath(filename)) or ".", exist_ok=True)
        write_message("export_meta_graph", meta, filename, as_text)
    return meta


def _only_saver(meta, saver_def) -> None:
    """Take away the operations of other Savers: what is in the scope of a RestoreV2 other than that of the SaverDef."""
    kept = saver_def.restore_op_name.rpartition("/")[0]
    scopes = {n.name.rpartition("/")[0] for n in meta.graph_def.node if n.op == "RestoreV2"} - {kept, ""}
    left = [n for n in meta.graph_def.node if n.name.rpartition("/")[0] not in scopes
            and not any(n.name.startswith(f"{scope}/") for scope in scopes)]  # fmt: skip
    nodes = protos.GraphDef(node=left)
    del meta.graph_def.node[:]
    meta.graph_def.node.extend(nodes.node)
