"""``tf.saved_model.load`` of TensorFlow 1: a SavedModel into the graph of a session, with its variables' values."""

from __future__ import annotations

import os

from graphc.api.saved_model.constants import INIT_OP_SIGNATURE, LEGACY_INIT_OP_KEY, MAIN_OP_KEY
from graphc.api.saved_model.folder import (
    assets_of, contains_saved_model, has_variables, meta_graph_with, read_saved_model, readable, tag_set, text_of_path,
    variables_prefix,
)  # fmt: skip
from graphc.api.checkpoint.object_graph import keys_by_full_name
from graphc.errors import NotFoundError, explain
from graphc.formats.bundle import BundleReader
from graphc.v1.graph import Graph
from graphc.v1.saved_model.pruning import restore_name, usable
from graphc.v1.saving.import_meta import import_meta_graph
from graphc.v1.saving.saveables import saveables_of
from graphc.v1.saving.transfer import read_values, session_of
from graphc.v1.tensor import Read

maybe_saved_model_directory = contains_saved_model


def load(sess, tags, export_dir, import_scope=None, **saver_kwargs):
    """Add a graph of a SavedModel to the session's graph and restore its variables.

    Args:
        tags: those of the graph, such as ``["serve"]``. import_scope: a scope for the names.
        saver_kwargs: ``input_map``, ``clear_devices`` and others; see ``tf.train.import_meta_graph``.

    Returns:
        The MetaGraphDef. Its ``signature_def`` says which tensors are inputs and outputs.

    Raises:
        MissingSavedModelError: there is none. NoSuchTagsError: no graph has these tags; those that exist are listed.
        DataLossError: it is damaged. GraphError: it has operations that do not exist here; they are listed.
        NotFoundError: variables or files are missing. UsageError: a file lies outside of the folder.

    Example::

        with tf.Session(graph=tf.Graph()) as sess:
            meta = tf.saved_model.load(sess, ["serve"], "model")
            y = meta.signature_def["serving_default"].outputs["y"].name
    """
    session = session_of("load", sess, [])
    folder = text_of_path("load", export_dir)
    meta = meta_graph_with("load", read_saved_model("load", folder), tag_set("load", tags), folder)
    assets = assets_of("load", meta, folder)
    graph = session.graph
    with graph.as_default(), readable("load", folder):
        before = graph.num_operations()
        found = usable(_with_paths(meta, assets))
        if restore_name(found):
            saver = import_meta_graph(found, import_scope=import_scope, **saver_kwargs)
            saver = saver[0] if isinstance(saver, tuple) else saver
            _need_variables(folder)
            saver.restore(session, variables_prefix(folder))
        else:
            bare = type(found).FromString(found.SerializeToString())
            bare.ClearField("saver_def")
            import_meta_graph(bare, import_scope=import_scope, **saver_kwargs)
            _restore_by_name(session, graph, found, before, import_scope, folder)
        _run_init(session, graph, found, import_scope, assets)
    return meta


def _with_paths(meta, assets: dict[str, str]):
    """The MetaGraphDef with the paths that its files have now; tables are filled from them when they are made."""
    if not assets:
        return meta
    made = type(meta).FromString(meta.SerializeToString())
    for node in made.graph_def.node:
        path = assets.get(f"{node.name}:0")
        if path is not None and node.op == "Const":
            del node.attr["value"].tensor.string_val[:]
            node.attr["value"].tensor.string_val.append(path.encode())
    return made


def _need_variables(folder: str) -> None:
    if not has_variables(folder):
        what = f"load: the SavedModel in {folder!r} has lost its variables: {variables_prefix(folder)}.index is missing"
        raise NotFoundError(explain(what))


def _restore_by_name(session, graph: Graph, meta, before: int, scope, folder: str) -> None:
    """Restore variables under the names that they had, where no node of the graph does that."""
    variables = {
        op.name: op.effect.variable for op in graph.get_operations()[before:]
        if isinstance(op.effect, Read) and op.effect.variable.op is op
    }  # fmt: skip
    if not variables:
        return
    _need_variables(folder)
    reader = BundleReader(variables_prefix(folder))
    known = {*reader.entries, *keys_by_full_name(reader)}
    labels = {n.name: n.attr["shared_name"].s.decode() for n in meta.graph_def.node if "shared_name" in n.attr}
    names = {}
    for name, variable in variables.items():
        inside = name.removeprefix(f"{scope}/") if scope else name
        names[labels.get(inside) or inside] = variable
    restored = {name: variable for name, variable in names.items() if name in known}  # others are set by the graph
    read_values(session, saveables_of(restored), variables_prefix(folder), False)


def _run_init(session, graph: Graph, meta, scope: str | None, assets: dict[str, str]) -> None:
    """Run the operation that the SavedModel wants to be run, with the paths that its files have now."""
    names = [v for key in (MAIN_OP_KEY, LEGACY_INIT_OP_KEY) if key in meta.collection_def
             for v in meta.collection_def[key].node_list.value][:1]  # fmt: skip
    if INIT_OP_SIGNATURE in meta.signature_def:
        names = [info.name for info in meta.signature_def[INIT_OP_SIGNATURE].outputs.values()][:1]
    prefix = f"{scope}/" if scope else ""
    for name in names:
        feeds = {graph.get_tensor_by_name(prefix + tensor): os.fspath(path) for tensor, path in assets.items()}
        session.run(graph.as_graph_element(prefix + name), feeds)
