"""tf.train.Checkpoint: the variables of objects, found by the ways that lead to them."""

from __future__ import annotations

import os

import numpy as np

from graphc.api.checkpoint.object_graph import write_objects
from graphc.api.checkpoint.reader import checkpoint_file
from graphc.api.checkpoint.restoring import COUNTER, LoadStatus, Restoration
from graphc.api.checkpoint.state_file import update_checkpoint_state
from graphc.api.checkpoint.trackable import children, walk
from graphc.api.operators import Operators
from graphc.api.variable import Variable
from graphc.errors import UsageError, explain
from graphc.formats.bundle import BundleReader
from graphc.ir import dtype as dt


class Checkpoint:
    """Saves and restores the variables that its attributes lead to.

    Attributes are variables, lists, tuples and dicts of such, objects with such attributes, and other Checkpoints.

    Args:
        root: an object whose attributes are taken for the Checkpoint's own.
        kwargs: attributes by name.

    Raises:
        UsageError: an attribute cannot hold variables.
    """

    def __init__(self, root=None, **kwargs):
        vars(self).update(_root=root, _pending=None, _counter=None)
        for name, value in sorted(kwargs.items()):
            _check(name, value)
            vars(self)[name] = value

    def __setattr__(self, name: str, value) -> None:
        if name not in ("_root", "_pending", "_counter"):
            _check(name, value)
        vars(self)[name] = value
        if self._pending is not None and not name.startswith("_"):
            self._pending.apply()

    def _checkpoint_children(self) -> dict[str, object]:
        own = {k: v for k, v in vars(self).items() if k not in ("_root", "_pending", "_counter")}
        beside = {} if self._counter is None else {COUNTER: self._counter}
        return {**(children(self._root) if self._root is not None else {}), **own, **beside}

    @property
    def save_counter(self) -> Variable:
        """How often ``save`` was called, an int64 variable."""
        if self._counter is None:
            vars(self)["_counter"] = Variable(np.int64(0), trainable=False, name=COUNTER, dtype=dt.i64)
            if self._pending is not None:
                self._pending.apply()
        return self._counter

    def save(self, file_prefix, session=None, options=None) -> str:
        """Write ``file_prefix-<number of the save>`` and note it as the latest checkpoint of its folder; its prefix.

        Raises:
            ResourceExhaustedError: the disk is full. PermissionDeniedError, StateError: it cannot be written. What was
            there before is unchanged then.
        """
        path = self.write_numbered(os.fspath(file_prefix))
        update_checkpoint_state(os.path.dirname(path), path, [path], save_relative_paths=True)
        return path

    def write_numbered(self, prefix: str, number: int | None = None) -> str:
        """Write ``prefix-number``, the counter raised (or set to ``number``); it stays as it was where that fails."""
        before = int(self.save_counter)
        self.save_counter.assign(np.int64(before + 1 if number is None else number))
        try:
            return self.write(f"{prefix}-{int(self.save_counter)}")
        except BaseException:
            self.save_counter.assign(np.int64(before))
            raise

    def write(self, file_prefix, session=None, options=None) -> str:
        """Write a checkpoint under this very name; raises as ``save`` does."""
        prefix = os.fspath(file_prefix)
        if not os.path.basename(prefix):
            raise UsageError(explain(f"Checkpoint: {prefix!r} has no file name, such as {prefix}ckpt"))
        if self._pending is not None:
            self._pending.apply()
        write_objects(prefix, *walk(self._checkpoint_children()))
        return prefix

    def restore(self, save_path, options=None) -> LoadStatus:
        """Give the variables the values of a checkpoint, and those that are added later, too.

        Args:
            save_path: a prefix, or a folder, whose latest checkpoint is meant; nothing is done if None.

        Returns:
            A status, whose methods tell whether all belonged together.

        Raises:
            MissingCheckpointError: there is no such checkpoint. ShapeError, DtypeError: variables do not fit.
            DataLossError: it is damaged. No variable is changed then.
        """
        status = self.read(save_path)
        self.save_counter  # noqa: B018  exists from here on, with the value of the checkpoint
        return status

    def read(self, save_path, options=None) -> LoadStatus:
        """The same for a checkpoint that ``write`` made."""
        if save_path is None:
            return LoadStatus(None)
        restoration = Restoration(BundleReader(checkpoint_file(save_path)), self._checkpoint_children)
        restoration.apply()
        vars(self)["_pending"] = restoration
        return LoadStatus(restoration)

    def sync(self) -> None:
        """For compatibility: what is written is on the disk when ``save`` returns."""

    def __repr__(self):
        return f"<tf.train.Checkpoint of {', '.join(self._checkpoint_children()) or 'nothing'}>"


def _check(name: str, value) -> None:
    """Refuse what cannot hold variables."""
    held = isinstance(value, (Variable, list, tuple, dict)) or hasattr(value, "__dict__")
    if not held or isinstance(value, type) or (isinstance(value, Operators) and not isinstance(value, Variable)):
        kind = type(value).__name__
        what = f"Checkpoint: {name} must be a variable, or a list, dict or object of such, not {value!r} of type {kind}"
        if hasattr(value, "initializer"):
            what += "; values of a graph's variables are in sessions, use tf.train.Saver"
        raise UsageError(explain(what))
