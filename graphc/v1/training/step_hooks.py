"""Hooks that count, log, check and stop."""

from __future__ import annotations

import time

import numpy as np

from graphc.errors import GraphcError, OutOfRangeError, StateError, UsageError, explain
from graphc.formats import protos
from graphc.v1 import logging
from graphc.v1.global_step import get_global_step
from graphc.v1.graph import get_default_graph
from graphc.v1.summary.file_writer import FileWriterCache
from graphc.v1.training.run_hook import SessionRunArgs, SessionRunHook
from graphc.v1.training.timer import NeverTriggerTimer, SecondOrStepTimer


def step_for(hook):
    """The step counter of the graph.

    Raises:
        StateError: there is none.
    """
    found = get_global_step()
    if found is None:
        advice = "tf.train.get_or_create_global_step() makes it"
        raise StateError(explain(f"Global step should be created to use {type(hook).__name__}: {advice}"))
    return found


class NanLossDuringTrainingError(GraphcError, RuntimeError):
    """The loss is not a number any more."""

    def __init__(self, message="NaN loss during training."):
        super().__init__(message)


class StopAtStepHook(SessionRunHook):
    """Asks for the end after a number of steps.

    Args:
        num_steps: from the beginning of the session; or ``last_step``: of the global step.
    """

    def __init__(self, num_steps=None, last_step=None):
        if (num_steps is None) == (last_step is None):
            raise UsageError(explain("StopAtStepHook: exactly one of num_steps and last_step must be given"))
        self._num_steps, self._last_step = num_steps, last_step

    def begin(self) -> None:
        self._step = step_for(self)

    def after_create_session(self, session, coord) -> None:
        if self._last_step is None:
            self._last_step = session.run(self._step) + self._num_steps

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def after_run(self, run_context, run_values) -> None:
        if run_values.results + 1 >= self._last_step and run_context.session.run(self._step) >= self._last_step:
            run_context.request_stop()


class LoggingTensorHook(SessionRunHook):
    """Logs values of tensors at level INFO.

    Args:
        tensors: a dict from tags to tensors or names of tensors, or a list of these.
        every_n_iter, every_n_secs: how often; ``at_end``: at the end, or only there where neither is given.
        formatter: makes the text from a dict of the values.
    """

    def __init__(self, tensors, every_n_iter=None, every_n_secs=None, at_end=False, formatter=None):
        only_at_end = at_end and every_n_iter is None and every_n_secs is None
        if not only_at_end and (every_n_iter is None) == (every_n_secs is None):
            raise UsageError(explain("LoggingTensorHook: exactly one of every_n_iter and every_n_secs must be given"))
        if every_n_iter is not None and every_n_iter <= 0:
            raise UsageError(explain(f"LoggingTensorHook: every_n_iter must be positive, got {every_n_iter}"))
        self._tensors = dict(tensors) if isinstance(tensors, dict) else {t: t for t in tensors}
        self._formatter, self._at_end = formatter, at_end
        self._timer = NeverTriggerTimer() if only_at_end else SecondOrStepTimer(every_n_secs, every_n_iter)

    def begin(self) -> None:
        self._timer.reset()
        self._count, graph = 0, get_default_graph()
        self._current = {tag: graph.as_graph_element(tensor) for tag, tensor in self._tensors.items()}

    def before_run(self, run_context):
        self._is_due = self._timer.should_trigger_for_step(self._count)
        return SessionRunArgs(self._current) if self._is_due else None

    def after_run(self, run_context, run_values) -> None:
        if self._is_due:
            self._log(run_values.results)
        self._count += 1

    def end(self, session) -> None:
        if self._at_end:
            self._log(session.run(self._current))

    def _log(self, values: dict) -> None:
        seconds, _ = self._timer.update_last_triggered_step(self._count)
        if self._formatter is not None:
            logging.info(self._formatter(values))
            return
        with np.printoptions(suppress=True):
            text = ", ".join(f"{tag if isinstance(tag, str) else tag.name} = {value}" for tag, value in values.items())
        if seconds is None:
            logging.info("%s", text)
        else:
            logging.info("%s (%.3f sec)", text, seconds)


class StepCounterHook(SessionRunHook):
    """Logs and records how many steps are made in a second.

    Args:
        every_n_steps, every_n_secs: how often.
        output_dir, summary_writer: where it is recorded as ``global_step/sec``.
    """

    def __init__(self, every_n_steps=100, every_n_secs=None, output_dir=None, summary_writer=None):
        if (every_n_steps is None) == (every_n_secs is None):
            raise UsageError(explain("StepCounterHook: exactly one of every_n_steps and every_n_secs must be given"))
        self._timer = SecondOrStepTimer(every_n_secs, every_n_steps)
        self._writer, self._folder = summary_writer, output_dir

    def begin(self) -> None:
        if self._writer is None and self._folder:
            self._writer = FileWriterCache.get(self._folder)
        self._step = step_for(self)
        self._tag = self._step.op.name + "/sec"

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def after_run(self, run_context, run_values) -> None:
        step = self._timer.due_step(run_context.session, self._step, run_values.results)
        if step is None:
            return
        seconds, steps = self._timer.update_last_triggered_step(step)
        if seconds:
            self._record(steps / seconds, step)

    def _record(self, rate: float, step) -> None:
        if self._writer is not None:
            value = protos.Summary.Value(tag=self._tag, simple_value=rate)
            self._writer.add_summary(protos.Summary(value=[value]), step)
        logging.info("%s: %g", self._tag, rate)


class NanTensorHook(SessionRunHook):
    """Ends the training where the loss is not a number: with an error, or (``fail_on_nan_loss`` False) quietly."""

    def __init__(self, loss_tensor, fail_on_nan_loss=True):
        self._loss, self._fails = loss_tensor, fail_on_nan_loss

    def before_run(self, run_context):
        return SessionRunArgs(self._loss)

    def after_run(self, run_context, run_values) -> None:
        if not np.isnan(run_values.results).any():
            return
        what = "Model diverged with loss = NaN."
        if self._fails:
            logging.error(what)
            raise NanLossDuringTrainingError
        logging.warning(what)
        run_context.request_stop()


class GlobalStepWaiterHook(SessionRunHook):
    """Waits before each run until the global step, which others increase, has come to ``wait_until_step``."""

    def __init__(self, wait_until_step):
        self._wait_until_step, self._is_over = wait_until_step, wait_until_step <= 0

    def begin(self) -> None:
        self._step = step_for(self)

    def before_run(self, run_context):
        while not self._is_over:
            if run_context.session.run(self._step) >= self._wait_until_step:
                self._is_over = True
            else:
                time.sleep(0.05)
        return None


class FinalOpsHook(SessionRunHook):
    """Runs ``final_ops`` at the end; ``final_ops_values`` are their values then."""

    def __init__(self, final_ops, final_ops_feed_dict=None):
        self._ops, self._feeds, self._values = final_ops, final_ops_feed_dict, None

    final_ops_values = property(lambda self: self._values)

    def end(self, session) -> None:
        if self._ops is None:
            return
        try:
            self._values = session.run(self._ops, feed_dict=self._feeds)
        except OutOfRangeError:
            logging.warning("FinalOpsHook: an input that the final operations need has ended")
            raise


class FeedFnHook(SessionRunHook):
    """Feeds what ``feed_fn()`` answers in each run."""

    def __init__(self, feed_fn):
        self._feed_fn = feed_fn

    def before_run(self, run_context):
        return SessionRunArgs(None, feed_dict=self._feed_fn())
