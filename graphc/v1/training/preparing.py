"""SessionManager: a session whose variables come from a checkpoint, from the initializer, or from somebody else."""

from __future__ import annotations

import time

import numpy as np

from graphc.api.checkpoint.state_file import get_checkpoint_state
from graphc.errors import DeadlineExceededError, StateError, UsageError, explain
from graphc.v1 import logging
from graphc.v1.graph import get_default_graph
from graphc.v1.session import Session


class SessionManager:
    """Makes sessions and gets them ready.

    Args:
        local_init_op: run in every session, also after a restore, fed ``local_init_feed_dict``.
        ready_op: names of what is not initialised (or None: all is).
        ready_for_local_init_op: the same, asked before ``local_init_op``.
        graph: the default graph if None.
        recovery_wait_secs: how long to wait between two looks.
    """

    def __init__(self, local_init_op=None, ready_op=None, ready_for_local_init_op=None, graph=None,
                 recovery_wait_secs=30, local_init_run_options=None, local_init_feed_dict=None):  # fmt: skip
        if ready_for_local_init_op is not None and local_init_op is None:
            raise UsageError(explain("SessionManager: ready_for_local_init_op needs a local_init_op"))
        self._local_init_op, self._ready_op, self._ready_for_local_init_op = (
            local_init_op, ready_op, ready_for_local_init_op
        )  # fmt: skip
        self._graph = get_default_graph() if graph is None else graph
        self._wait, self._options, self._feeds = recovery_wait_secs, local_init_run_options, local_init_feed_dict

    def prepare_session(self, master, init_op=None, saver=None, checkpoint_dir=None, checkpoint_filename_with_path=None,
                        wait_for_checkpoint=False, max_wait_secs=7200, config=None, init_feed_dict=None,
                        init_fn=None) -> Session:  # fmt: skip
        """A session that is ready: restored from the latest checkpoint, or initialised where there is none.

        Args:
            master, config: see Session. saver: restores; nothing is restored without.
            checkpoint_dir: a folder, of which the latest is taken; or ``checkpoint_filename_with_path``.
            wait_for_checkpoint: wait for one, at most ``max_wait_secs``.
            init_op, init_feed_dict, init_fn: how to initialise; the function is given the session.

        Raises:
            StateError: something is not initialised afterwards. UsageError: both kinds of checkpoint are given.
        """
        sess, is_loaded = self._restored(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint, max_wait_secs, config
        )
        if not is_loaded:
            if init_op is None and init_fn is None and self._local_init_op is None:
                what = "the model is not initialised: no checkpoint, no init_op, no init_fn and no local_init_op"
                raise StateError(explain(f"prepare_session: {what}"))
            if init_op is not None:
                sess.run(init_op, feed_dict=init_feed_dict)
            if init_fn is not None:
                init_fn(sess)
        missing = self._initialise_locally(sess)
        if missing:
            what = "init operations did not make the model ready for local_init_op"
            named = f"init_op: {_named(init_op)}, init_fn: {init_fn}"
            raise StateError(explain(f"prepare_session: {what}; {named}, {missing}"))
        missing = _missing(sess, self._ready_op)
        if missing:
            what = "init operations did not make the model ready"
            named = f"init_op: {_named(init_op)}, init_fn: {init_fn}, local_init_op: {_named(self._local_init_op)}"
            raise StateError(explain(f"prepare_session: {what}; {named}, {missing}"))
        return sess

    def recover_session(self, master, saver=None, checkpoint_dir=None, checkpoint_filename_with_path=None,
                        wait_for_checkpoint=False, max_wait_secs=7200,
                        config=None) -> tuple[Session, bool]:  # fmt: skip
        """A session, restored if there is a checkpoint; and whether it is ready."""
        sess, is_loaded = self._restored(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint, max_wait_secs, config
        )
        missing = self._initialise_locally(sess)
        if not is_loaded:
            return sess, False
        missing = missing or _missing(sess, self._ready_op)
        if missing:
            logging.info("Restoring the model did not make it ready: %s", missing)
        return sess, not missing

    def wait_for_session(self, master, config=None, max_wait_secs=float("inf")) -> Session:
        """A session, when somebody else has initialised the model.

        Raises:
            DeadlineExceededError: nobody did in ``max_wait_secs``.
        """
        end = time.monotonic() + (float("inf") if max_wait_secs is None else max_wait_secs)
        while True:
            sess = Session(master, graph=self._graph, config=config)
            missing = self._initialise_locally(sess) or _missing(sess, self._ready_op)
            if not missing:
                return sess
            sess.close()
            if time.monotonic() + self._wait >= end:
                what = f"wait_for_session: the model was not ready after {max_wait_secs} s: {missing}"
                raise DeadlineExceededError(explain(what))
            time.sleep(self._wait)

    def _restored(self, master, saver, folder, path, wait: bool, max_wait_secs, config) -> tuple[Session, bool]:
        if folder and path:
            raise UsageError(explain("give checkpoint_dir or checkpoint_filename_with_path, not both"))
        sess = Session(master, graph=self._graph, config=config)
        if path and saver is not None:
            saver.restore(sess, path)
            return sess, True
        if not folder or saver is None:
            return sess, False
        end = time.monotonic() + max_wait_secs
        found = get_checkpoint_state(folder)
        while not (found and found.model_checkpoint_path):
            if not wait or time.monotonic() + self._wait > end:
                return sess, False
            time.sleep(self._wait)
            found = get_checkpoint_state(folder)
        saver.restore(sess, found.model_checkpoint_path)
        saver.recover_last_checkpoints(found.all_model_checkpoint_paths)
        return sess, True

    def _initialise_locally(self, sess) -> str:
        """Run ``local_init_op``; what it must wait for, empty if nothing."""
        if self._local_init_op is None:
            return ""
        missing = _missing(sess, self._ready_for_local_init_op)
        if not missing:
            sess.run(self._local_init_op, feed_dict=self._feeds, options=self._options)
        return missing


def _missing(sess, op) -> str:
    """What an operation says is not ready."""
    if op is None:
        return ""
    try:
        found = sess.run(op)
    except StateError as error:
        return str(error).split("\n")[0]
    names = [n.decode() if isinstance(n, bytes) else str(n) for n in np.atleast_1d(found)] if np.size(found) else []
    return f"variables not initialised: {', '.join(names)}" if names else ""


def _named(op) -> str:
    return getattr(op, "name", None) or str(op)
