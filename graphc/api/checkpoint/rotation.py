"""tf.train.CheckpointManager: the latest few checkpoints of a folder are kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from graphc.api.checkpoint.checkpoint import Checkpoint
from graphc.api.checkpoint.state_file import get_checkpoint_state, remove_checkpoint, update_checkpoint_state
from graphc.errors import UsageError, explain

_HOUR = 3600


class CheckpointManager:
    """Saves a Checkpoint again and again and deletes the oldest ones.

    Args:
        checkpoint: a Checkpoint; directory: the folder, made if missing.
        max_to_keep: so many are kept; all if None.
        keep_checkpoint_every_n_hours: besides these, one is kept for so many hours.
        checkpoint_name: how the files' names begin.
        step_counter, checkpoint_interval: ``save`` does nothing before the counter is so much further.
        init_fn: called by ``restore_or_initialize`` where there is no checkpoint.
        last_checkpoint_step: the step of the last checkpoint, for the interval.

    Raises:
        UsageError: ``max_to_keep`` is less than 1, or there is an interval and no counter.
    """

    def __init__(self, checkpoint: Checkpoint, directory, max_to_keep, keep_checkpoint_every_n_hours=None,
                 checkpoint_name="ckpt", step_counter=None, checkpoint_interval=None, init_fn: Callable | None = None,
                 last_checkpoint_step=None):  # fmt: skip
        if max_to_keep is not None and max_to_keep <= 0:
            raise UsageError(explain(f"CheckpointManager: max_to_keep must be positive or None, got {max_to_keep!r}"))
        if checkpoint_interval is not None and step_counter is None:
            raise UsageError(explain("CheckpointManager: checkpoint_interval needs a step_counter"))
        self._checkpoint, self._directory, self._keep = checkpoint, os.fspath(directory), max_to_keep
        self._hours, self._prefix = keep_checkpoint_every_n_hours, os.path.join(self._directory, checkpoint_name)
        self._counter, self._interval, self._init = step_counter, checkpoint_interval, init_fn
        self._last_step = last_checkpoint_step
        now, state = time.time(), get_checkpoint_state(directory)
        self._latest, self._preserved, self._kept = None, now, {}
        if state is not None:
            self._latest, self._preserved = state.model_checkpoint_path, min(state.last_preserved_timestamp or now, now)
            paths, times = list(state.all_model_checkpoint_paths), list(state.all_model_checkpoint_timestamps)
            self._kept = dict(zip(paths, times if len(times) == len(paths) else [now] * len(paths)))

    @property
    def directory(self) -> str:
        """The folder."""
        return self._directory

    @property
    def checkpoint(self) -> Checkpoint:
        """The Checkpoint that is saved."""
        return self._checkpoint

    @property
    def checkpoint_interval(self):
        """Steps from one checkpoint to the next, or None."""
        return self._interval

    @property
    def latest_checkpoint(self) -> str | None:
        """The prefix of the latest checkpoint, or None."""
        return self._latest

    @property
    def checkpoints(self) -> list[str]:
        """The prefixes of those that are kept, the oldest first."""
        return list(self._kept)

    def save(self, checkpoint_number=None, check_interval=True, options=None) -> str | None:
        """Write a checkpoint and delete what is too many.

        Args:
            checkpoint_number: for the name, a number or a variable; the next one if None.
            check_interval: do nothing before the interval is over.

        Returns:
            Its prefix, or None where nothing was done.
        """
        if self._interval is not None:
            step = int(self._counter)
            if check_interval and self._last_step is not None and step < self._last_step + self._interval:
                return None
            self._last_step = step
        if checkpoint_number is None:
            path = self._checkpoint.write_numbered(self._prefix)
        else:
            self._checkpoint.save_counter  # noqa: B018  it is part of what is saved
            path = self._checkpoint.write(f"{self._prefix}-{int(checkpoint_number)}")
        self._kept.pop(path, None)
        self._kept[path], self._latest = time.time(), path
        self._record()  # first, so that what is killed while deleting has named the new one
        if self._sweep():
            self._record()
        return path

    def _sweep(self) -> bool:
        """Delete what is too many; whether there was any."""
        count = len(self._kept)
        while self._keep and len(self._kept) > self._keep:
            path = next(iter(self._kept))
            when = self._kept.pop(path)
            if self._hours and when - self._hours * _HOUR >= self._preserved:
                self._preserved = when
            else:
                remove_checkpoint(path)
        return len(self._kept) < count

    def _record(self) -> None:
        update_checkpoint_state(
            self._directory, self._latest, list(self._kept), None, list(self._kept.values()), self._preserved,
            save_relative_paths=True,
        )  # fmt: skip

    def restore_or_initialize(self) -> str | None:
        """Restore the latest checkpoint and answer with its prefix; call ``init_fn`` where there is none, and None."""
        if self._latest is not None:
            self._checkpoint.restore(self._latest)
            if self._last_step is None and self._counter is not None:
                self._last_step = int(self._counter)
            return self._latest
        if self._init is not None:
            self._init()
        return None

    def sync(self) -> None:
        """For compatibility: what is written is on the disk when ``save`` returns."""
