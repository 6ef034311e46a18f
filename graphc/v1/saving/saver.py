"""Saver: the values of a session's variables in checkpoints, of which the latest few are kept."""

from __future__ import annotations

import os
import re
import threading
import time
import warnings
from collections.abc import Iterable

from graphc.api.attributes import Guessing
from graphc.api.checkpoint.state_file import (
    NAME, get_checkpoint_mtimes, meta_graph_filename, remove_checkpoint, update_checkpoint_state,
)  # fmt: skip
from graphc.api.operators import Operators
from graphc.errors import GraphcError, GraphcWarning, UsageError, explain
from graphc.formats import protos
from graphc.formats.atomic import told, write_file
from graphc.v1.global_step import global_step as step_of
from graphc.v1.graph import get_default_graph
from graphc.v1.saving import meta_graph
from graphc.v1.saving.nodes import add_nodes
from graphc.v1.saving.recorded import recorded_saveables
from graphc.v1.saving.saveables import all_saveable, saveables_of
from graphc.v1.saving.transfer import read_values, session_of, write_values

_HOUR = 3600


class Saver(Guessing):
    """Saves variables and restores them.

    Args:
        var_list: the variables, a list, or a dict from their names in checkpoints; all that can be saved if None.
        reshape: restore also where a shape is another, if the number of elements is the same.
        max_to_keep: so many checkpoints are kept, the latest; all if it is 0 or None.
        keep_checkpoint_every_n_hours: besides these, one is kept for so many hours.
        name: the scope of the operations that the Saver adds to the graph, ``save`` if None.
        saver_def: a SaverDef whose settings are taken, and whose operations are in the graph already.
        defer_build: find the variables at the first use, or when ``build`` is called.
        allow_empty: do nothing where there are no variables, instead of an error.
        pad_step_number: write step numbers with eight digits, so that names sort.
        save_relative_paths: write paths into the file ``checkpoint`` that hold when the folder is moved.
        filename: what the checkpoint is called where operations of the graph are not fed a name.
        sharded, restore_sequentially, builder, write_version: for compatibility; there is one device and one format.

    Raises:
        UsageError: there are no variables, or two would have the same name. DtypeError: something is no variable.
    """

    def __init__(self, var_list=None, reshape=False, sharded=False, max_to_keep=5,
                 keep_checkpoint_every_n_hours=10000.0, name=None, restore_sequentially=False, saver_def=None,
                 builder=None, defer_build=False, allow_empty=False, write_version=2, pad_step_number=False,
                 save_relative_paths=False, filename=None):  # fmt: skip
        if defer_build and var_list is not None and not isinstance(var_list, (Iterable, Operators)):
            raise UsageError(explain(f"Saver: var_list must be a list or a dict of variables, got {var_list!r}"))
        self._var_list, self._reshape, self._name, self._filename = var_list, bool(reshape), name, filename
        self._allow_empty, self._pad, self._relative = allow_empty, bool(pad_step_number), bool(save_relative_paths)
        self._given = saver_def
        self.saver_def, self._saveables = None, ()
        self._keep = int(max_to_keep or 0) if saver_def is None else saver_def.max_to_keep
        hours = keep_checkpoint_every_n_hours if saver_def is None else saver_def.keep_checkpoint_every_n_hours
        self._hours, self._sharded = float(hours), bool(sharded)
        self._next_kept = time.time() + self._hours * _HOUR
        self._last: list[tuple[str, float]] = []
        self._old: list[tuple[str, float]] = []
        self._saving = threading.RLock()
        self._meta: tuple | None = None  # state of the graph, and the file that says it
        if not defer_build:
            self.build()

    def build(self) -> None:
        """Find the variables and add the operations, if that was deferred.

        Raises:
            UsageError: there are no variables.
        """
        if self.saver_def is not None:
            return
        if self._given is not None and self._var_list is None:
            saveables = recorded_saveables(get_default_graph(), self._given)
        else:
            saveables = saveables_of(all_saveable() if self._var_list is None else self._var_list)
        if not saveables and not self._allow_empty:
            raise UsageError(explain("Saver: no variables to save; make variables first, or pass allow_empty=True"))
        self._saveables = tuple(saveables)
        if self._given is not None:
            self.saver_def = protos.SaverDef()
            self.saver_def.CopyFrom(self._given)
        elif not saveables:
            self.saver_def = protos.SaverDef()
        else:
            graph = saveables[0].variable.graph
            self.saver_def = add_nodes(graph, saveables, self._name, self._filename or "model", self._reshape)
        self.saver_def.max_to_keep = self._keep
        self.saver_def.keep_checkpoint_every_n_hours = self._hours
        self.saver_def.sharded, self.saver_def.version = self._sharded, protos.SaverDef.V2

    # ----------------------------------------------------------------------------------- save and restore

    def save(self, sess, save_path, global_step=None, latest_filename=None, meta_graph_suffix="meta",
             write_meta_graph=True, write_state=True, strip_default_attrs=False,
             save_debug_info=False) -> str | None:  # fmt: skip
        """Write a checkpoint, and delete the oldest one where there are too many.

        Args:
            save_path: its prefix; the folder is made if missing.
            global_step: a number, or a variable that has it in the session; it becomes the end of the name.
            latest_filename: of the file that says which checkpoint is the latest; ``checkpoint`` if None.
            write_meta_graph: write the graph, too, in a file that ends with ``meta_graph_suffix``.
            write_state: write which checkpoint is the latest, and delete old ones.

        Returns:
            The prefix, to be given to ``restore``; None where there are no variables.

        Raises:
            UsageError: an argument cannot be meant so. StateError: the session is closed, or variables are not
            initialised. GraphError: the session has another graph. ResourceExhaustedError: the disk is full; what was
            there before is unchanged. PermissionDeniedError: the folder cannot be written.
        """
        self.build()
        with self._saving:  # one after the other, so that the latest checkpoint is the one that was begun last
            return self._save(sess, save_path, global_step, latest_filename, meta_graph_suffix, write_meta_graph,
                              write_state)  # fmt: skip

    def _save(self, sess, save_path, global_step, latest_filename, meta_graph_suffix: str, write_meta_graph: bool,
              write_state: bool) -> str | None:  # fmt: skip
        latest_filename = NAME if latest_filename is None else latest_filename
        session = session_of("save", sess, self._saveables)
        prefix = self._prefix(session, save_path, global_step, latest_filename)
        if self._saveables:
            write_values(session, self._saveables, prefix)
            if write_state:
                self._record(prefix)
                folder = os.path.dirname(prefix)
                update_checkpoint_state(
                    folder, prefix, self.last_checkpoints, latest_filename, save_relative_paths=self._relative
                )
                self._delete_old(meta_graph_suffix)
        if write_meta_graph:
            path = meta_graph_filename(re.sub(r"-[\d?]+-of-\d+$", "", prefix), meta_graph_suffix)
            try:
                self._write_meta_graph(session.graph, path)
            except (GraphcError, ValueError) as error:
                what = f"save: the checkpoint {prefix!r} is written, but the graph beside it cannot be: {error}"
                warnings.warn(explain(what), GraphcWarning, stacklevel=2)
        return prefix if self._saveables else None

    def _write_meta_graph(self, graph, path: str) -> None:
        """Write the graph; what was written for an earlier checkpoint again, where the graph has not changed since."""
        sizes = tuple(len(graph.get_collection_ref(key)) for key in graph.get_all_collection_keys())
        state = graph, graph.num_operations(), graph.version, sizes
        if self._meta is None or self._meta[0] != state:
            meta = meta_graph.export_meta_graph(saver_def=self.saver_def, graph=graph)
            self._meta = state, meta.SerializeToString(deterministic=True)
        with told("save", path):
            write_file(path, self._meta[1])

    def _prefix(self, session, save_path, global_step, latest_filename: str) -> str:
        try:
            prefix = os.fspath(save_path)
            prefix = prefix.decode() if isinstance(prefix, bytes) else prefix
        except TypeError:
            raise UsageError(explain(f"save: save_path must be a string, got {save_path!r}")) from None
        if not prefix or prefix.endswith(os.sep):
            raise UsageError(explain(f"save: save_path {prefix!r} has no file name, such as {prefix}model.ckpt"))
        if os.path.dirname(latest_filename):
            raise UsageError(explain(f"save: latest_filename must be a name without a folder, got {latest_filename!r}"))
        if global_step is not None:
            number = step_of(session, global_step) if isinstance(global_step, Operators) else global_step
            try:
                number = int(number)
            except (TypeError, ValueError):
                what = f"save: global_step must be a number or a variable, got {global_step!r}"
                raise UsageError(explain(what)) from None
            prefix = f"{prefix}-{number:08d}" if self._pad else f"{prefix}-{number}"
        if os.path.basename(prefix) == latest_filename:
            what = f"save: save_path {prefix!r} has the name of the file that says which checkpoint is the latest"
            raise UsageError(explain(f"{what}; use another name or latest_filename"))
        return prefix

    def restore(self, sess, save_path) -> None:
        """Give the variables the values of a checkpoint; they need not be initialised before.

        Args:
            save_path: the prefix, as ``save`` and ``latest_checkpoint`` answer it.

        Raises:
            UsageError: there is no such checkpoint, or the name is that of one of its files.
            NotFoundError, ShapeError, DtypeError: the checkpoint does not have the variables, or has them otherwise;
            the message lists them all. DataLossError: it is damaged. In all cases no variable is changed.
        """
        self.build()
        session = session_of("restore", sess, self._saveables)
        if save_path is None:
            what = "restore: save_path is None; latest_checkpoint answers so where there is no checkpoint"
            raise UsageError(explain(what))
        if self._saveables:
            read_values(session, self._saveables, save_path, self._reshape)

    # ------------------------------------------------------------------------------------ what is kept

    @property
    def last_checkpoints(self) -> list[str]:
        """The checkpoints that are kept, the oldest first."""
        return [prefix for prefix, _ in self._last]

    def set_last_checkpoints(self, last_checkpoints) -> None:
        """Take a list of prefixes for those that are kept, the oldest first."""
        self.set_last_checkpoints_with_time([(os.fspath(p), 0.0) for p in _listed(last_checkpoints)])

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time) -> None:
        """Take a list of pairs of prefix and time in seconds for those that are kept, the oldest first."""
        self._last = [(os.fspath(prefix), float(when)) for prefix, when in _listed(last_checkpoints_with_time)]

    def recover_last_checkpoints(self, checkpoint_paths) -> None:
        """Take those of the prefixes that exist for those that are kept, as after a restart."""
        found = [(p, get_checkpoint_mtimes([p])) for p in checkpoint_paths]
        self.set_last_checkpoints_with_time([(p, times[0]) for p, times in found if times])

    def _record(self, prefix: str) -> None:
        if not self._keep:
            return
        self._last = [pair for pair in self._last if pair[0] != prefix] + [(prefix, time.time())]
        self._old = [pair for pair in self._old if pair[0] != prefix]
        while len(self._last) > self._keep:
            self._old.append(self._last.pop(0))

    def _delete_old(self, suffix: str) -> None:
        while self._old:
            prefix, when = self._old.pop(0)
            if when > self._next_kept:
                self._next_kept += self._hours * _HOUR
            else:
                remove_checkpoint(prefix, meta_graph_suffix=suffix)

    # ---------------------------------------------------------------------------------------- messages

    def as_saver_def(self):
        """The SaverDef: settings and the names of operations."""
        self.build()
        return self.saver_def

    def to_proto(self, export_scope=None):
        """The SaverDef; with ``export_scope``, with names relative to that scope, or None if they are outside of it."""
        found = self.as_saver_def()
        if export_scope is None:
            return found
        if not found.restore_op_name.startswith(f"{export_scope}/"):
            return None
        return _renamed(found, lambda name: name.removeprefix(f"{export_scope}/"))

    @staticmethod
    def from_proto(saver_def, import_scope=None) -> Saver:
        """A Saver with the settings of a SaverDef, for the variables of the default graph that its operations save."""
        scoped = saver_def if not import_scope else _renamed(saver_def, lambda name: f"{import_scope}/{name}")
        return Saver(saver_def=scoped)

    def export_meta_graph(self, filename=None, collection_list=None, as_text=False, export_scope=None,
                          clear_devices=False, clear_extraneous_savers=False, strip_default_attrs=False,
                          save_debug_info=False):  # fmt: skip
        """The MetaGraphDef of the default graph with this Saver; written to a file, too, if ``filename`` is given."""
        return meta_graph.export_meta_graph(
            filename, saver_def=self.to_proto(export_scope), collection_list=collection_list, as_text=as_text,
            export_scope=export_scope, clear_devices=clear_devices, clear_extraneous_savers=clear_extraneous_savers,
            strip_default_attrs=strip_default_attrs,
        )  # fmt: skip


def _listed(items) -> list:
    if not isinstance(items, (list, tuple)):
        raise UsageError(explain(f"Saver: last checkpoints must be a list, got {items!r}"))
    return list(items)


def _renamed(saver_def, rename):
    found = protos.SaverDef()
    found.CopyFrom(saver_def)
    for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
        setattr(found, field, rename(getattr(found, field)))
    return found
