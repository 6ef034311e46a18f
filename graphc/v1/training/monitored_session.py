"""Monitored sessions: made ready by a scaffold, watched by hooks, ended in good order."""

from __future__ import annotations

import contextlib
import os

from graphc.api.attributes import Guessing
from graphc.api.coordinator import Coordinator
from graphc.errors import (
    AbortedError, OutOfRangeError, StateError, UnavailableError, UsageError, explain, is_own,
)  # fmt: skip
from graphc.v1 import logging
from graphc.formats import protos
from graphc.v1.feeds import as_mapping
from graphc.v1.graph import get_default_graph
from graphc.v1.queue_runner import start_queue_runners
from graphc.v1.session import Session
from graphc.v1.training.run_hook import SessionRunArgs, SessionRunContext, SessionRunValues
from graphc.v1.training.saving_hooks import CheckpointSaverHook, SummarySaverHook
from graphc.v1.training.scaffold import Scaffold
from graphc.v1.training.preparing import SessionManager
from graphc.v1.training.step_hooks import StepCounterHook

USE_DEFAULT = object()


class SessionCreator:
    """Makes the session of a monitored session."""

    def create_session(self) -> Session:
        """A session that is ready."""
        raise UsageError(explain(f"{type(self).__name__} does not say how to create_session"))


class ChiefSessionCreator(SessionCreator):
    """Makes a session that is restored from the latest checkpoint, or initialised.

    Args:
        scaffold: what begins and restores; made if None.
        master, config: see Session.
        checkpoint_dir: a folder with checkpoints; or ``checkpoint_filename_with_path``.
    """

    def __init__(self, scaffold=None, master="", config=None, checkpoint_dir=None, checkpoint_filename_with_path=None):
        self._scaffold, self._master, self._config = scaffold or Scaffold(), master, config
        self._folder, self._path = checkpoint_dir, checkpoint_filename_with_path

    def create_session(self) -> Session:
        """A session that is ready."""
        scaffold = self._scaffold.finalize()
        return _manager(scaffold).prepare_session(
            self._master, saver=scaffold.saver, checkpoint_dir=self._folder, checkpoint_filename_with_path=self._path,
            config=self._config, init_op=scaffold.init_op, init_feed_dict=scaffold.init_feed_dict,
            init_fn=scaffold.init_fn,
        )  # fmt: skip


class WorkerSessionCreator(SessionCreator):
    """Makes a session for a model that somebody else initialises; waits for that at most ``max_wait_secs``."""

    def __init__(self, scaffold=None, master="", config=None, max_wait_secs=30 * 60):
        self._scaffold, self._master, self._config = scaffold or Scaffold(), master, config
        self._max_wait_secs = max_wait_secs

    def create_session(self) -> Session:
        """A session that is ready."""
        scaffold = self._scaffold.finalize()
        return _manager(scaffold).wait_for_session(self._master, self._config, self._max_wait_secs)


def _manager(scaffold: Scaffold) -> SessionManager:
    return SessionManager(
        local_init_op=scaffold.local_init_op, ready_op=scaffold.ready_op,
        ready_for_local_init_op=scaffold.ready_for_local_init_op, local_init_feed_dict=scaffold.local_init_feed_dict,
        graph=get_default_graph(),
    )  # fmt: skip


class StepContext:
    """What a function gets that ``run_step_fn`` calls.

    Attributes:
        session: the plain session.
    """

    def __init__(self, session: Session, run_with_hooks):
        self._session, self._run = session, run_with_hooks

    session = property(lambda self: self._session)

    def run_with_hooks(self, *args, **kwargs):
        """The same as ``run`` of the monitored session."""
        return self._run(*args, **kwargs)

    def request_stop(self):
        """End the training: raises StopIteration, which the monitored session understands."""
        raise StopIteration("step_fn has requested the iterations to stop.")


class MonitoredSession(Guessing):
    """A session whose beginning, runs and end are extended by hooks; the graph cannot be changed inside.

    When a run, a hook or the making of a session raises AbortedError or UnavailableError, a new session is made, which
    goes on from the last checkpoint, and the run is tried again.

    Args:
        session_creator: makes the session; a ChiefSessionCreator if None.
        hooks: SessionRunHooks.
        stop_grace_period_secs: how long threads may take to end.

    Example::

        with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(last_step=100)]) as sess:
            while not sess.should_stop():
                sess.run(train_op)
    """

    StepContext = StepContext
    _recovers = True  # from AbortedError and UnavailableError, by a new session

    def __init__(self, session_creator=None, hooks=None, stop_grace_period_secs=120):
        self._graph = get_default_graph()
        self._was_finalized = self._graph.finalized
        self._hooks, self._grace = _checked(hooks), stop_grace_period_secs
        for hook in self._hooks:
            hook.begin()
        self._creator, self._stops = session_creator or ChiefSessionCreator(), False
        self._sess: Session | None = None
        self._begin()

    def _begin(self) -> None:
        """Make the session, again where that was in vain for now, and start its threads and hooks."""
        self._coord = Coordinator(clean_stop_exception_types=[])
        while self._sess is None:
            try:
                self._sess = self._creator.create_session()
            except (AbortedError, UnavailableError) as error:
                self._tell_or_raise(error)
        try:
            start_queue_runners(self._sess, self._coord)
            for hook in self._hooks:
                hook.after_create_session(self._sess, self._coord)
        except BaseException:
            self._shut()
            raise

    def _tell_or_raise(self, error: Exception) -> None:
        """Log an error after which a new session may do better; raise any other."""
        if not (self._recovers and _is_passing(error)):
            raise error
        logging.info("%s: %s; a new session is made", type(error).__name__, error)

    def _recover(self, error: Exception) -> None:
        self._tell_or_raise(error)
        with contextlib.suppress(Exception):  # what its threads died of has been told
            self._leave()
        self._sess = None
        self._begin()

    @property
    def graph(self):
        """The graph of the session; None after the end."""
        return None if self._sess is None else self._sess.graph

    def _tf_sess(self) -> Session | None:
        """The plain session."""
        return self._sess

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """As ``Session.run``, with what the hooks ask for.

        Raises:
            StateError: the session has ended, or was asked to stop.
        """
        if self._sess is None:
            raise StateError(explain("run: the monitored session is closed; run inside its 'with' block"))
        if self.should_stop():
            raise StateError(explain("Run called even after should_stop requested."))
        while True:
            try:
                return self._run_once(fetches, feed_dict, options, run_metadata)
            except (AbortedError, UnavailableError) as error:
                self._recover(error)

    def _run_once(self, fetches, feed_dict, options, run_metadata):
        context = SessionRunContext(SessionRunArgs(fetches, feed_dict), self._sess)
        asked, feeds = {"caller": fetches}, dict(as_mapping(feed_dict)) if feed_dict else {}
        options = protos.RunOptions() if options is None and self._hooks else options
        for hook in self._hooks:
            request = hook.before_run(context)
            if request is not None:
                _add(hook, request, asked, feeds, feed_dict or {}, options)
        is_traced = options is not None and options.trace_level != options.NO_TRACE
        metadata = protos.RunMetadata() if run_metadata is None and is_traced else run_metadata
        values = self._run_plain(asked, feeds, options, metadata)
        for hook in self._hooks:
            hook.after_run(context, SessionRunValues(values.get(hook), options, metadata))
        self._stops = self._stops or context.stop_requested
        return values["caller"]

    def _run_plain(self, asked: dict, feeds: dict, options, metadata) -> dict:
        is_plain = metadata is None and (options is None or not options.ListFields())
        try:
            if is_plain:
                found = self._sess.run(list(asked.values()), feeds)
            else:
                found = self._sess.run(list(asked.values()), feeds, options, metadata)
        except Exception:
            self._coord.raise_requested_exception()  # an error of a thread is the reason, where there is one
            raise
        return dict(zip(asked, found))

    def run_step_fn(self, step_fn):
        """Call ``step_fn(step_context)``, which runs with and without hooks as it likes.

        Raises:
            UsageError: it takes other arguments. StateError: the session has ended. StopIteration: it requested the
                stop; the ``with`` block of the session ends without error then.
        """
        names = step_fn.__code__.co_varnames[: step_fn.__code__.co_argcount] if hasattr(step_fn, "__code__") else ()
        names = names[1:] if hasattr(step_fn, "__self__") else names
        if tuple(names) != ("step_context",):
            what = f"run_step_fn: the function must have one argument, step_context, not {', '.join(names) or 'none'}"
            raise UsageError(explain(what))
        if self._sess is None:
            raise StateError(explain("run_step_fn: the monitored session is closed"))
        while True:
            try:
                return step_fn(StepContext(self._sess, self.run))
            except StopIteration:
                self._stops = True
                raise
            except (AbortedError, UnavailableError) as error:
                self._recover(error)

    def should_stop(self) -> bool:
        """Whether the training loop should end."""
        return self._sess is None or self._stops or self._coord.should_stop()

    def close(self) -> None:
        """End the hooks, the threads and the session."""
        self._end(None)

    def _end(self, error_type) -> None:
        if self._sess is None:
            raise StateError(explain("the monitored session is closed already"))
        try:
            if error_type is None:
                for hook in self._hooks:
                    hook.end(self._sess)
        finally:
            self._shut()

    def _shut(self) -> None:
        """Stop the threads, close the session, let the graph be changed again."""
        try:
            self._leave()
        finally:
            self._sess = None
            if not self._was_finalized:
                self._graph._finalized = False

    def _leave(self) -> None:
        """Stop the threads and close the session."""
        try:
            self._coord.request_stop()
            self._coord.join(stop_grace_period_secs=self._grace, ignore_live_threads=True)
        finally:
            self._sess.close()

    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._sess is None

    def __enter__(self):
        self._scope = self._sess.as_default()
        self._graph_scope = self._graph.as_default()
        self._graph_scope.__enter__()
        self._scope.__enter__()
        return self

    def __exit__(self, error_type, error, traceback) -> bool:
        self._scope.__exit__(None, None, None)
        self._graph_scope.__exit__(None, None, None)
        if error_type is not None and issubclass(error_type, (OutOfRangeError, StopIteration)):
            error_type = None
        if self._sess is not None:
            self._end(error_type)
        return error_type is None


class SingularMonitoredSession(MonitoredSession):
    """A monitored session that makes its own session, which can be had by ``raw_session``; see MonitoredSession."""

    def __init__(self, hooks=None, scaffold=None, master="", config=None, checkpoint_dir=None,
                 stop_grace_period_secs=120, checkpoint_filename_with_path=None):  # fmt: skip
        creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir, checkpoint_filename_with_path)
        super().__init__(creator, hooks, stop_grace_period_secs)

    _recovers = False

    def raw_session(self) -> Session:
        """The plain session."""
        return self._sess


def _is_passing(error: Exception) -> bool:
    """Whether it may go well next time: what graphc itself says is unavailable stays so."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return isinstance(error, AbortedError) or at is None or not is_own(at.tb_frame.f_code.co_filename)


def _checked(hooks) -> list:
    found = [] if hooks is None else list(hooks) if isinstance(hooks, (list, tuple)) else [hooks]
    for hook in found:
        if not all(hasattr(hook, name) for name in ("begin", "after_create_session", "before_run", "after_run", "end")):
            raise UsageError(explain(f"hooks must be SessionRunHooks, got {hook!r}"))
    return found


def _add(hook, request, asked: dict, feeds: dict, user: dict, options) -> None:
    """Take what a hook asks for into a run.

    Raises:
        UsageError: it is no SessionRunArgs, or feeds what is fed already.
    """
    if not isinstance(request, SessionRunArgs):
        what = f"must return tf.train.SessionRunArgs or None, got {request!r}"
        raise UsageError(explain(f"before_run of {hook!r} {what}"))
    if request.fetches is not None:
        asked[hook] = request.fetches
    for key, value in (request.feed_dict or {}).items():
        if key in feeds:
            who = "a SessionRunHook and user" if key in user else "two hooks"
            raise StateError(explain(f"Same tensor is fed by {who}: {getattr(key, 'name', key)}"))
        feeds[key] = value
    if request.options is not None:
        options.trace_level = max(options.trace_level, request.options.trace_level)
        times = [t for t in (options.timeout_in_ms, request.options.timeout_in_ms) if t > 0]
        options.timeout_in_ms = min(times, default=0)


def MonitoredTrainingSession(  # noqa: N802  TensorFlow's name
    master="", is_chief=True, checkpoint_dir=None, scaffold=None, hooks=None, chief_only_hooks=None,
    save_checkpoint_secs=USE_DEFAULT, save_summaries_steps=USE_DEFAULT, save_summaries_secs=USE_DEFAULT, config=None,
    stop_grace_period_secs=120, log_step_count_steps=100, max_wait_secs=7200, save_checkpoint_steps=USE_DEFAULT,
    summary_dir=None, save_graph_def=True,
) -> MonitoredSession:  # fmt: skip
    """A monitored session that restores the latest checkpoint, and saves checkpoints and summaries.

    Args:
        checkpoint_dir: a folder; nothing is restored and saved without. ``summary_dir``: the same folder if None.
        scaffold: see Scaffold. hooks: more hooks; ``chief_only_hooks``: those that a worker does not have.
        save_checkpoint_secs, save_checkpoint_steps: 600 seconds if neither is given; None: never.
        save_summaries_secs, save_summaries_steps: 100 steps if neither is given; None: never.
        log_step_count_steps: how often steps per second are recorded; None: never.
    """
    summaries = _either(save_summaries_steps, save_summaries_secs, 100, None)
    checkpoints = _either(save_checkpoint_steps, save_checkpoint_secs, None, 600)
    scaffold = scaffold or Scaffold()
    if not is_chief:
        creator = WorkerSessionCreator(scaffold, master, config, max_wait_secs)
        return MonitoredSession(creator, hooks or [], stop_grace_period_secs)
    every = _checked(chief_only_hooks)
    folder = summary_dir or checkpoint_dir
    if folder:
        folder = os.fspath(folder)
        if log_step_count_steps and log_step_count_steps > 0:
            every.append(StepCounterHook(every_n_steps=log_step_count_steps, output_dir=folder))
        if any(n and n > 0 for n in summaries):
            every.append(SummarySaverHook(*summaries, output_dir=folder, scaffold=scaffold))
    if checkpoint_dir and any(n and n > 0 for n in checkpoints):
        steps, seconds = checkpoints
        every.append(CheckpointSaverHook(
            os.fspath(checkpoint_dir), seconds, steps, scaffold=scaffold, save_graph_def=save_graph_def
        ))  # fmt: skip
    creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir)
    return MonitoredSession(creator, every + _checked(hooks), stop_grace_period_secs)


def _either(steps, seconds, default_steps, default_seconds) -> tuple:
    """Steps and seconds, one of them None; the defaults where neither is given."""
    if steps is USE_DEFAULT and seconds is USE_DEFAULT:
        return default_steps, default_seconds
    return None if steps is USE_DEFAULT else steps, None if seconds is USE_DEFAULT else seconds
