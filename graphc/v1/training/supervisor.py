"""Supervisor: the older way to a session that is restored, saved and summarised by threads beside the training."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager

from graphc.api.coordinator import Coordinator, LooperThread
from graphc.api.graph_files import write_graph
from graphc.errors import StateError, explain
from graphc.formats import protos
from graphc.v1.control import group
from graphc.v1.global_step import get_global_step
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.initializers import tables_initializer
from graphc.v1.saving.saver import Saver
from graphc.v1.summary.file_writer import FileWriter
from graphc.v1.summary.ops import merge_all
from graphc.v1.training.scaffold import Scaffold
from graphc.v1.training.preparing import SessionManager
from graphc.v1.variables import (
    global_variables, global_variables_initializer, local_variables_initializer, report_uninitialized_variables,
)  # fmt: skip


class Supervisor:
    """Makes a session ready, and saves checkpoints and summaries in threads of its own.

    Args:
        graph: the default graph if None; it is finalized.
        ready_op, init_op, local_init_op, summary_op, saver, global_step, summary_writer: made where USE_DEFAULT; None
            for none.
        logdir: the folder of checkpoints and summaries; nothing is saved without.
        save_summaries_secs, save_model_secs: how often; 0 for never.
        init_fn: a function of the session, called after ``init_op``.

    Example::

        sv = tf.train.Supervisor(logdir="/tmp/mnist")
        with sv.managed_session() as sess:
            while not sv.should_stop():
                sess.run(train_op)
    """

    USE_DEFAULT = 0

    def __init__(self, graph=None, ready_op=USE_DEFAULT, ready_for_local_init_op=USE_DEFAULT, is_chief=True,
                 init_op=USE_DEFAULT, init_feed_dict=None, local_init_op=USE_DEFAULT, logdir=None,
                 summary_op=USE_DEFAULT, saver=USE_DEFAULT, global_step=USE_DEFAULT, save_summaries_secs=120,
                 save_model_secs=600, recovery_wait_secs=30, stop_grace_secs=120, checkpoint_basename="model.ckpt",
                 session_manager=None, summary_writer=USE_DEFAULT, init_fn=None,
                 local_init_run_options=None):  # fmt: skip
        self._graph = get_default_graph() if graph is None else graph
        self._logdir = None if logdir is None else os.fspath(logdir)
        with self._graph.as_default():
            self._made(ready_op, ready_for_local_init_op, init_op, local_init_op, summary_op, saver, global_step)
        self.is_chief, self.init_feed_dict, self.init_fn = is_chief, init_feed_dict, init_fn
        self.save_summaries_secs, self.save_model_secs = save_summaries_secs, save_model_secs
        self.save_path = None if self._logdir is None else os.path.join(self._logdir, checkpoint_basename)
        self.coord, self._stop_grace_secs = Coordinator(), stop_grace_secs
        self._graph.finalize()
        if summary_writer == self.USE_DEFAULT:
            summary_writer = FileWriter(self._logdir) if self._logdir is not None and is_chief else None
        self.summary_writer, self._started = summary_writer, []
        self.session_manager = session_manager or SessionManager(
            local_init_op=self.local_init_op, ready_op=self.ready_op,
            ready_for_local_init_op=self.ready_for_local_init_op, graph=self._graph,
            recovery_wait_secs=recovery_wait_secs, local_init_run_options=local_init_run_options,
        )  # fmt: skip

    def _made(self, ready_op, ready_for_local_init_op, init_op, local_init_op, summary_op, saver, global_step) -> None:
        def chosen(value, name, key, make):
            is_default = isinstance(value, int) and value == self.USE_DEFAULT
            return Scaffold.get_or_default(name, key, make) if is_default else value

        self.ready_op = chosen(ready_op, "ready_op", GraphKeys.READY_OP, report_uninitialized_variables)
        self.init_op = chosen(init_op, "init_op", GraphKeys.INIT_OP, global_variables_initializer)
        self.local_init_op = chosen(
            local_init_op, "local_init_op", GraphKeys.LOCAL_INIT_OP,
            lambda: group(local_variables_initializer(), tables_initializer()),
        )  # fmt: skip
        self.ready_for_local_init_op = None if self.local_init_op is None else chosen(
            ready_for_local_init_op, "ready_for_local_init_op", GraphKeys.READY_FOR_LOCAL_INIT_OP,
            lambda: report_uninitialized_variables(global_variables()),
        )  # fmt: skip
        self.summary_op = chosen(summary_op, "summary_op", GraphKeys.SUMMARY_OP, merge_all)
        self.saver = chosen(
            saver, "saver", GraphKeys.SAVERS, lambda: Saver() if self._graph.get_collection("variables") else None
        )
        is_default = isinstance(global_step, int) and global_step == self.USE_DEFAULT
        self.global_step = get_global_step() if is_default else global_step

    # -------------------------------------------------------------------------------------------- sessions

    def prepare_or_wait_for_session(self, master="", config=None, wait_for_checkpoint=False, max_wait_secs=7200,
                                    start_standard_services=True):  # fmt: skip
        """A session that is ready, with its queue runners started."""
        self.coord.clear_stop()
        if self.is_chief:
            sess = self.session_manager.prepare_session(
                master, init_op=self.init_op, saver=self.saver, checkpoint_dir=self._logdir,
                wait_for_checkpoint=wait_for_checkpoint, max_wait_secs=max_wait_secs, config=config,
                init_feed_dict=self.init_feed_dict, init_fn=self.init_fn,
            )  # fmt: skip
            if self._logdir is not None:
                write_graph(self._graph.as_graph_def(), self._logdir, "graph.pbtxt")
            if self.summary_writer is not None:
                self.summary_writer.add_graph(self._graph)
            if start_standard_services:
                self.start_standard_services(sess)
        else:
            sess = self.session_manager.wait_for_session(master, config, max_wait_secs)
        self.start_queue_runners(sess)
        return sess

    @contextmanager
    def managed_session(self, master="", config=None, start_standard_services=True, close_summary_writer=True):
        """A ``with`` block with a session that is ready; at its end threads are stopped and the session is closed."""
        sess = None
        try:
            sess = self.prepare_or_wait_for_session(master, config, start_standard_services=start_standard_services)
            yield sess
        except Exception as error:
            self.request_stop(error)
        finally:
            try:
                self.stop(close_summary_writer=close_summary_writer)
            finally:
                if sess is not None:
                    sess.close()

    def start_standard_services(self, sess) -> list:
        """Start the threads that save checkpoints and summaries.

        Raises:
            StateError: there is no folder to save to, or this is not the chief.
        """
        if not self.is_chief:
            raise StateError(explain("Only chief supervisor can start standard services."))
        if self._logdir is None:
            return []
        services = []
        if self.global_step is not None and self.summary_writer is not None:
            log = protos.SessionLog(status=protos.SessionLog.START)
            self.summary_writer.add_session_log(log, sess.run(self.global_step))
        if self.summary_writer is not None and self.save_summaries_secs:
            if self.summary_op is not None:
                services.append(self._service(self.save_summaries_secs, self._write_summary, sess))
            if self.global_step is not None:
                self._counted = time.monotonic(), int(sess.run(self.global_step))
                services.append(self._service(self.save_summaries_secs, self._count_steps, sess))
        if self.saver is not None and self.save_model_secs:
            services.append(self._service(self.save_model_secs, self._save, sess))
        for thread in services:
            thread.start()
        self._started += services
        return services

    def _service(self, seconds, work, sess) -> LooperThread:
        return LooperThread(self.coord, seconds, target=work, args=(sess,))

    def _write_summary(self, sess) -> None:
        step = None if self.global_step is None else sess.run(self.global_step)
        self.summary_writer.add_summary(sess.run(self.summary_op), step)

    def _save(self, sess) -> None:
        self.saver.save(sess, self.save_path, global_step=self.global_step)

    def _count_steps(self, sess) -> None:
        now, step = time.monotonic(), int(sess.run(self.global_step))
        before, last = self._counted
        self._counted = now, step
        if now > before:
            name = f"{self.global_step.op.name}/sec"
            value = protos.Summary.Value(tag=name, simple_value=(step - last) / (now - before))
            self.summary_writer.add_summary(protos.Summary(value=[value]), step)

    def start_queue_runners(self, sess, queue_runners=None) -> list:
        """Start the threads of queue runners, those of the graph's collection if None."""
        if queue_runners is None:
            queue_runners = self._graph.get_collection(GraphKeys.QUEUE_RUNNERS)
        threads = [t for q in queue_runners for t in q.create_threads(sess, self.coord, daemon=True, start=True)]
        self._started += threads
        return threads

    # --------------------------------------------------------------------------------------------- stopping

    def loop(self, timer_interval_secs, target, args=None, kwargs=None) -> LooperThread:
        """A thread that calls ``target`` every so many seconds until the end."""
        thread = LooperThread(self.coord, timer_interval_secs, target=target, args=args, kwargs=kwargs)
        thread.start()
        return thread

    def stop(self, threads=None, close_summary_writer=True, ignore_live_threads=False) -> None:
        """Stop the threads, save a last time, close the writer; raises what a thread raised."""
        self.coord.request_stop()
        try:
            self.coord.join(threads, self._stop_grace_secs, ignore_live_threads)
        finally:
            if close_summary_writer and self.summary_writer is not None and not self.summary_writer.is_closed:
                self.summary_writer.add_session_log(protos.SessionLog(status=protos.SessionLog.STOP))
                self.summary_writer.close()

    def request_stop(self, ex=None) -> None:
        """Ask all threads to stop; see Coordinator."""
        self.coord.request_stop(ex)

    def should_stop(self) -> bool:
        """Whether the training loop should end."""
        return self.coord.should_stop()

    def stop_on_exception(self):
        """``with`` block whose errors become ``request_stop``."""
        return self.coord.stop_on_exception()

    def wait_for_stop(self) -> None:
        """Wait until somebody asks to stop."""
        self.coord.wait_for_stop()

    def summary_computed(self, sess, summary, global_step=None) -> None:
        """Write a summary.

        Raises:
            StateError: there is no writer.
        """
        if self.summary_writer is None:
            raise StateError(explain("summary_computed: this Supervisor has no summary_writer"))
        if global_step is None and self.global_step is not None:
            global_step = sess.run(self.global_step)
        self.summary_writer.add_summary(summary, global_step)

    PrepareSession, StartQueueRunners, StartStandardServices = (
        prepare_or_wait_for_session, start_queue_runners, start_standard_services
    )  # fmt: skip
    Stop, RequestStop, Loop, ShouldStop = stop, request_stop, loop, should_stop
    StopOnException, WaitForStop, SummaryComputed = stop_on_exception, wait_for_stop, summary_computed


def basic_train_loop(supervisor, train_step_fn, args=None, kwargs=None, master="") -> None:
    """Call ``train_step_fn(session, *args, **kwargs)`` until the supervisor should stop."""
    with supervisor.managed_session(master) as sess:
        while not supervisor.should_stop():
            train_step_fn(sess, *(args or ()), **(kwargs or {}))
