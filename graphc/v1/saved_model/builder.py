"""SavedModelBuilder: graphs, the values of their variables and files that belong to them, written as a SavedModel."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping

import numpy as np

from graphc.api.saved_model.constants import (
    ASSETS_DIRECTORY, DEFAULT_SERVING_SIGNATURE_DEF_KEY, INIT_OP_SIGNATURE, MAIN_OP_KEY, SAVED_MODEL_FILENAME_PB,
    SAVED_MODEL_FILENAME_PBTXT, SAVED_MODEL_SCHEMA_VERSION, SERVING, TRAIN_OP_SIGNATURE,
)  # fmt: skip
from graphc.api.saved_model.folder import NewFolder, tag_set, variables_prefix
from graphc.errors import GraphError, StateError, UsageError, explain
from graphc.formats import protos
from graphc.formats.atomic import told
from graphc.formats.message_files import write_message
from graphc.v1.graph import get_default_graph
from graphc.v1.saved_model.portable import make_portable
from graphc.v1.saved_model.signatures import predict_signature_def
from graphc.v1.saved_model.tables import write_tables
from graphc.v1.saved_model.tensor_info import build_tensor_info
from graphc.v1.saving.saveables import all_saveable
from graphc.v1.saving.saver import Saver
from graphc.v1.saving.transfer import session_of
from graphc.v1.tensor import Operation, Tensor


class OrderError(StateError, AssertionError):
    """Methods of a builder were called in another order than it needs."""


class SavedModelBuilder:
    """Writes a SavedModel. It appears in its folder when ``save`` is called, whole or not at all.

    Args:
        export_dir: the folder, which must be empty or not exist.

    Raises:
        NotEmptyError: something is there. PermissionDeniedError, ...: it cannot be written.

    Example::

        builder = tf.saved_model.Builder("model")
        signature = tf.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(sess, ["serve"], {"serving_default": signature})
        builder.save()
    """

    def __init__(self, export_dir):
        self._folder = NewFolder("SavedModelBuilder", export_dir)
        self._finalizer = weakref.finalize(self, NewFolder.discard, self._folder)
        self._model = protos.SavedModel(saved_model_schema_version=SAVED_MODEL_SCHEMA_VERSION)
        self._has_variables, self._is_there = False, False
        self._assets: dict[str, str] = {}  # file name in the folder -> where it was

    def add_meta_graph_and_variables(self, sess, tags, signature_def_map=None, assets_collection=None,
                                     legacy_init_op=None, clear_devices=False, main_op=None,
                                     strip_default_attrs=False, saver=None):  # fmt: skip
        """Add the graph of a session with the values of its variables; the first graph is added so.

        Args:
            tags: what the graph is for, such as ``["serve"]``. signature_def_map: names -> SignatureDefs.
            assets_collection: constant string tensors, the paths of files to take along.
            main_op, legacy_init_op: an operation to run after loading.
            clear_devices: leave out where operations are said to run.
            saver: the Saver whose variables are written; one for all variables if None.

        Raises:
            OrderError: variables were added before. UsageError: an argument cannot be meant so.
            StateError: variables are not initialised. NotFoundError: a file is missing.
            ResourceExhaustedError, ...: it cannot be written.
        """
        if self._has_variables:
            what = "SavedModelBuilder: the variables were added already; use add_meta_graph for further graphs"
            raise OrderError(explain(what))
        session = session_of("SavedModelBuilder", sess, [])
        checked = self._checked(tags, signature_def_map, session.graph, main_op, legacy_init_op)
        with session.graph.as_default():
            saver = self._saver(session.graph, saver)
            assets = self._add_assets(assets_collection)
            saver.save(session, variables_prefix(self._folder.path), write_meta_graph=False, write_state=False)
            self._add(saver, assets, clear_devices, strip_default_attrs, *checked)
        self._has_variables = True

    def add_meta_graph(self, tags, signature_def_map=None, assets_collection=None, legacy_init_op=None,
                       clear_devices=False, main_op=None, strip_default_attrs=False, saver=None):  # fmt: skip
        """Add the default graph, which uses variables that have been added; see ``add_meta_graph_and_variables``.

        Raises:
            OrderError: no variables have been added.
        """
        if not self._has_variables:
            what = "SavedModelBuilder: the first graph must come with variables; use add_meta_graph_and_variables"
            raise OrderError(explain(what))
        graph = get_default_graph()
        checked = self._checked(tags, signature_def_map, graph, main_op, legacy_init_op)
        saver = self._saver(graph, saver)
        self._add(saver, self._add_assets(assets_collection), clear_devices, strip_default_attrs, *checked)

    def save(self, as_text=False, experimental_image_format=False, experimental_image_writer_options=None) -> str:
        """Write the SavedModel; the path of its main file.

        Args:
            as_text: write ``saved_model.pbtxt``, which people can read, in place of ``saved_model.pb``.

        Raises:
            UsageError: the image format, which does not exist here, is asked for.
            ResourceExhaustedError, ...: it cannot be written; nothing is in the folder then, and it can be tried again.
        """
        if experimental_image_format:
            raise UsageError(explain("SavedModelBuilder: experimental_image_format is not supported; leave it out"))
        name = SAVED_MODEL_FILENAME_PBTXT if as_text else SAVED_MODEL_FILENAME_PB
        folder = self._folder.place if self._is_there else self._folder.path
        write_message("SavedModelBuilder", self._model, os.path.join(folder, name), as_text)
        if not self._is_there:
            if not self._has_variables:
                with told("SavedModelBuilder", folder):
                    os.makedirs(os.path.dirname(variables_prefix(folder)), exist_ok=True)
            self._folder.commit()
            self._is_there = True
        return os.path.join(self._folder.place, name)

    def close(self) -> None:
        """Remove what was written for a SavedModel that was not saved; otherwise it goes with the builder."""
        self._folder.discard()

    # ------------------------------------------------------------------------------------------- parts

    def _checked(self, tags, signature_def_map, graph, main_op, legacy_init_op) -> tuple:
        """Tags, signatures and the operation to run after loading, all of which make sense."""
        if self._is_there:
            raise OrderError(explain("SavedModelBuilder: the SavedModel is written already; make another builder"))
        signatures = {} if signature_def_map is None else signature_def_map
        if not isinstance(signatures, Mapping):
            raise UsageError(explain(f"SavedModelBuilder: signature_def_map must be a dict, got {signatures!r}"))
        for key, signature in signatures.items():
            _check_signature(key, signature, graph)
        init = main_op if main_op is not None else legacy_init_op
        if init is not None and (not isinstance(init, (Operation, Tensor)) or init.graph is not graph):
            raise UsageError(explain(f"SavedModelBuilder: main_op must be an operation of the graph, got {init!r}"))
        return sorted(tag_set("SavedModelBuilder", tags)), signatures, init.op if isinstance(init, Tensor) else init

    @staticmethod
    def _saver(graph, saver) -> Saver:
        if saver is None:
            if all_saveable():
                graph.check_not_finalized("the Saver of a SavedModel (pass saver=, made before)")
            return Saver(all_saveable(), allow_empty=True)
        if not isinstance(saver, Saver):
            raise UsageError(explain(f"SavedModelBuilder: saver must be a tf.train.Saver, got {saver!r}"))
        return saver

    def _add(self, saver: Saver, assets: list, clear_devices, strip_default_attrs, tags, signatures, init) -> None:
        meta = saver.export_meta_graph(clear_devices=clear_devices, strip_default_attrs=strip_default_attrs)
        fills = write_tables(meta.graph_def, get_default_graph())
        make_portable(meta.graph_def, get_default_graph())
        meta.meta_info_def.tags.extend(tags)
        for key, signature in signatures.items():
            meta.signature_def[key].ParseFromString(signature.SerializeToString())
        for tensor, filename in assets:
            added = meta.asset_file_def.add(filename=filename)
            added.tensor_info.CopyFrom(build_tensor_info(tensor))
        first = [] if init is None else [init.name]
        if fills:
            taken = {n.name for n in meta.graph_def.node}
            name = next(n for n in (f"fill_tables_{k}" for k in range(len(taken) + 1)) if n not in taken)
            meta.graph_def.node.add(name=name, op="NoOp", input=[f"^{n}" for n in (*fills, *first)])
            first = [name]
        if first:
            del meta.collection_def[MAIN_OP_KEY].node_list.value[:]
            meta.collection_def[MAIN_OP_KEY].node_list.value.extend(first)
        self._model.meta_graphs.add().CopyFrom(meta)

    def _add_assets(self, collection) -> list[tuple[Tensor, str]]:
        """Copy files; pairs of tensor and name in the folder."""
        added = []
        for tensor in collection or ():
            source = _path_in(tensor)
            filename = self._free_name(source)
            if filename not in self._assets:
                self._folder.add_asset(source, filename)
                self._assets[filename] = source
            added.append((tensor, filename))
        return added

    def _free_name(self, source: str) -> str:
        """The name of a file in the folder; with a number where another file has it."""
        base, count = os.path.basename(source), 0
        name = base
        while self._assets.get(name, source) != source:
            count += 1
            name = f"{base}_{count}"
        return name


def _check_signature(key, signature, graph) -> None:
    if getattr(getattr(signature, "DESCRIPTOR", None), "full_name", "") != "tensorflow.SignatureDef":
        raise UsageError(explain(f"SavedModelBuilder: signature {key!r} must be a SignatureDef, got {signature!r}"))
    if key in (INIT_OP_SIGNATURE, TRAIN_OP_SIGNATURE):
        raise UsageError(explain(f"SavedModelBuilder: the name {key!r} is taken; choose another for the signature"))
    for what, infos in (("input", signature.inputs), ("output", signature.outputs)):
        for name, info in infos.items():
            if info.WhichOneof("encoding") is None or not info.dtype:
                raise UsageError(
                    explain(f"SavedModelBuilder: {what} {name!r} of signature {key!r} names no tensor or dtype")
                )
            if info.WhichOneof("encoding") == "name" and not graph.has_operation(info.name.partition(":")[0]):
                what = f"SavedModelBuilder: {what} {name!r} of signature {key!r} is {info.name}"
                raise GraphError(explain(f"{what}, which is not in the graph that is saved"))


def _path_in(tensor) -> str:
    """The path that a constant string tensor has.

    Raises:
        UsageError: it is none, or there is no file.
    """
    node = getattr(tensor, "node", None)
    if not isinstance(tensor, Tensor) or node is None or node.op != "const" or node.shape:
        what = "SavedModelBuilder: assets_collection must hold scalar string constants, the paths of files"
        raise UsageError(explain(f"{what}, got {tensor!r}"))
    value = np.asarray(node.attr("value").array).reshape(-1)[0]
    path = value.decode() if isinstance(value, bytes) else value
    if not isinstance(path, str) or not path:
        raise UsageError(explain(f"SavedModelBuilder: {tensor.name} of {ASSETS_DIRECTORY} is no path"))
    return path


def simple_save(session, export_dir, inputs, outputs, legacy_init_op=None) -> None:
    """Write a SavedModel for serving, with one signature.

    Args:
        inputs, outputs: names that callers use -> tensors. legacy_init_op: an operation to run after loading.

    Raises:
        See SavedModelBuilder and predict_signature_def.
    """
    signature = predict_signature_def(inputs, outputs)
    builder = SavedModelBuilder(export_dir)
    try:
        builder.add_meta_graph_and_variables(
            session,
            [SERVING],
            {DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature},
            main_op=legacy_init_op,
            clear_devices=True,
        )
        builder.save()
    finally:
        builder.close()
