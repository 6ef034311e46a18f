"""The file ``checkpoint`` of a folder: which checkpoints there are and which is the latest."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from glob import escape, glob

from graphc.errors import DataLossError, GraphcWarning, NotFoundError, UsageError, explain
from graphc.formats import atomic, protos
from graphc.formats.atomic import told
from graphc.formats.message_files import as_written, from_text

NAME = "checkpoint"


def generate_checkpoint_state_proto(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None,
                                    all_model_checkpoint_timestamps=None, last_preserved_timestamp=None):  # fmt: skip
    """A CheckpointState; relative paths in it are relative to ``save_dir`` where that is relative itself.

    Args:
        model_checkpoint_path: the latest checkpoint; added to ``all_model_checkpoint_paths`` if it is not the last.
        all_model_checkpoint_timestamps: seconds, one for each path.

    Raises:
        UsageError: there is another number of timestamps than of paths.
    """
    latest, paths = os.fspath(model_checkpoint_path), [os.fspath(p) for p in all_model_checkpoint_paths or ()]
    if not paths or paths[-1] != latest:
        paths.append(latest)
    times = all_model_checkpoint_timestamps
    if times and len(times) != len(paths):
        raise UsageError(explain(f"checkpoint state: {len(times)} timestamps for {len(paths)} paths"))
    if not os.path.isabs(save_dir):
        latest, *paths = [p if os.path.isabs(p) else os.path.relpath(p, save_dir) for p in (latest, *paths)]
    return protos.CheckpointState(
        model_checkpoint_path=latest,
        all_model_checkpoint_paths=paths,
        all_model_checkpoint_timestamps=times,
        last_preserved_timestamp=last_preserved_timestamp,
    )


def update_checkpoint_state(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None, latest_filename=None,
                            all_model_checkpoint_timestamps=None, last_preserved_timestamp=None,
                            save_relative_paths=False):  # fmt: skip
    """Write the file that says which checkpoint of the folder ``save_dir`` is the latest, in place of the old one.

    Raises:
        UsageError: the checkpoint has the name of that file.
    """
    save_dir, path = os.fspath(save_dir), state_path(save_dir, latest_filename)
    latest, paths = os.fspath(model_checkpoint_path), all_model_checkpoint_paths
    if path == latest:
        what = f"save: the checkpoint {latest!r} has the name of the file that says which is the latest; use another"
        raise UsageError(explain(what))
    if save_relative_paths:
        latest, *paths = [
            os.path.relpath(p, save_dir) if os.path.isabs(p) else os.fspath(p) for p in (latest, *(paths or ()))
        ]
    state = generate_checkpoint_state_proto(
        save_dir, latest, paths, all_model_checkpoint_timestamps, last_preserved_timestamp
    )
    with told("save", path):
        atomic.write_file(path, as_written(state).encode())


def state_path(folder, latest_filename=None) -> str:
    """The file of a folder that says which checkpoint is the latest."""
    return os.path.join(os.fspath(folder), latest_filename or NAME)


def get_checkpoint_state(checkpoint_dir, latest_filename=None):
    """The CheckpointState of a folder, its paths made relative to the current one; None if there is none.

    A file that cannot be read is warned of, and there is none then.
    """
    folder = os.fspath(checkpoint_dir)
    path = state_path(folder, latest_filename)
    if not os.path.isfile(path):
        return None
    try:
        with told("checkpoint state", path), open(path, encoding="utf-8", errors="replace") as file:
            state = from_text(protos.CheckpointState, file.read(), path)
        if not state.model_checkpoint_path:
            raise DataLossError(explain(f"{path}: the file is damaged: it does not say which checkpoint is the latest"))
    except (DataLossError, NotFoundError) as error:
        warnings.warn(str(error), GraphcWarning, stacklevel=2)
        return None
    state.model_checkpoint_path = os.path.join(folder, state.model_checkpoint_path)  # which keeps absolute paths
    state.all_model_checkpoint_paths[:] = [os.path.join(folder, p) for p in state.all_model_checkpoint_paths]
    return state


def latest_checkpoint(checkpoint_dir, latest_filename=None) -> str | None:
    """The prefix of the latest checkpoint of a folder, or None if there is none."""
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None:
        return None
    if checkpoint_exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    path = state_path(checkpoint_dir, latest_filename)
    what = f"{path}: the latest checkpoint is {state.model_checkpoint_path!r}, but there is no such checkpoint"
    warnings.warn(explain(what), GraphcWarning, stacklevel=2)
    return None


def checkpoint_exists(checkpoint_prefix) -> bool:
    """Whether there is a checkpoint of this prefix."""
    prefix = os.fspath(checkpoint_prefix)
    return os.path.isfile(f"{prefix}.index") or (bool(prefix) and os.path.isfile(prefix))


def get_checkpoint_mtimes(checkpoint_prefixes) -> list[float]:
    """When checkpoints were last changed, in seconds; those that do not exist are left out."""
    found = []
    for prefix in map(os.fspath, checkpoint_prefixes):
        for path in (f"{prefix}.index", prefix):
            if os.path.isfile(path):
                found.append(os.stat(path).st_mtime)
                break
    return found


def remove_checkpoint(checkpoint_prefix, checkpoint_format_version=2, meta_graph_suffix="meta") -> None:
    """Delete the files of a checkpoint, the index first; those that are not there are passed over."""
    prefix = os.fspath(checkpoint_prefix)
    data = glob(f"{escape(prefix)}.data-?????-of-?????")
    for path in (f"{prefix}.index", *sorted(data), meta_graph_filename(prefix, meta_graph_suffix)):
        atomic.remove(path)


def meta_graph_filename(checkpoint_filename: str, meta_graph_suffix: str = "meta") -> str:
    """The name of the file with the graph that belongs to a checkpoint."""
    return f"{checkpoint_filename}.{meta_graph_suffix}"


def checkpoints_iterator(checkpoint_dir, min_interval_secs=0, timeout=None,
                         timeout_fn: Callable | None = None) -> Iterator[str]:  # fmt: skip
    """The latest checkpoint of a folder, and every later one as it appears.

    Args:
        min_interval_secs: at least so long from one to the next.
        timeout: seconds to wait for a new one; without end if None.
        timeout_fn: called when nothing has come; True ends the iteration. It ends anyway if there is no function.
    """
    latest = None
    while True:
        new = _next_checkpoint(checkpoint_dir, latest, timeout)
        if new is None:
            if timeout_fn is None or timeout_fn():
                return
            continue
        began, latest = time.monotonic(), new
        yield new
        time.sleep(max(0.0, min_interval_secs - (time.monotonic() - began)))


def _next_checkpoint(folder, last: str | None, timeout: float | None) -> str | None:
    """A checkpoint other than ``last``, waited for."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        found = latest_checkpoint(folder)
        if found is not None and found != last:
            return found
        if end is not None and time.monotonic() + 1 > end:
            return None
        time.sleep(1)
