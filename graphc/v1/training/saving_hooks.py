"""Hooks that write files: checkpoints, summaries, profiles."""

from __future__ import annotations

import os

from graphc.api.graph_files import write_graph
from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.v1 import logging
from graphc.v1.graph import GraphKeys
from graphc.v1.summary.file_writer import FileWriterCache
from graphc.v1.timeline import Timeline
from graphc.v1.training.run_hook import SessionRunArgs, SessionRunHook
from graphc.v1.training.step_hooks import step_for
from graphc.v1.training.timer import SecondOrStepTimer


class CheckpointSaverListener:
    """Told what a CheckpointSaverHook does; subclasses override what they need."""

    def begin(self) -> None:
        """Called once before the session is made."""

    def before_save(self, session, global_step_value) -> None:
        """Called before a checkpoint is written."""

    def after_save(self, session, global_step_value):
        """Called after it was written; True asks for the end of the training."""

    def end(self, session, global_step_value) -> None:
        """Called at the end of the session."""


class CheckpointSaverHook(SessionRunHook):
    """Writes checkpoints: at the beginning, every so often, and at the end.

    Args:
        checkpoint_dir: the folder; ``checkpoint_basename``: how names begin.
        save_secs, save_steps: how often; exactly one of them.
        saver: saves; or ``scaffold``, whose saver does; that of the graph if neither is given.
        listeners: CheckpointSaverListeners.
        save_graph_def: whether the graph is written as well.
    """

    def __init__(self, checkpoint_dir, save_secs=None, save_steps=None, saver=None, checkpoint_basename="model.ckpt",
                 scaffold=None, listeners=None, save_graph_def=True):  # fmt: skip
        if saver is not None and scaffold is not None:
            raise UsageError(explain("CheckpointSaverHook: give a saver or a scaffold, not both"))
        self._saver, self._scaffold, self._folder = saver, scaffold, checkpoint_dir
        self._path = os.path.join(checkpoint_dir, checkpoint_basename)
        self._timer = SecondOrStepTimer(save_secs, save_steps)
        self._listeners, self._saves_graph = list(listeners or []), save_graph_def

    def begin(self) -> None:
        self._writer = FileWriterCache.get(self._folder)
        self._step = step_for(self)
        for listener in self._listeners:
            listener.begin()

    def after_create_session(self, session, coord) -> None:
        step = session.run(self._step)
        if self._saves_graph:
            write_graph(session.graph.as_graph_def(), self._folder, "graph.pbtxt")
        self._writer.add_graph(session.graph)
        self._save(session, step)
        self._timer.update_last_triggered_step(step)

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def after_run(self, run_context, run_values) -> None:
        step = self._timer.due_step(run_context.session, self._step, run_values.results)
        if step is not None:
            self._timer.update_last_triggered_step(step)
            if self._save(run_context.session, step):
                run_context.request_stop()

    def end(self, session) -> None:
        step = session.run(self._step)
        if step != self._timer.last_triggered_step():
            self._save(session, step)
        for listener in self._listeners:
            listener.end(session, step)

    def _save(self, session, step) -> bool:
        """Write a checkpoint; whether a listener asks for the end."""
        logging.info("Saving checkpoints for %d into %s.", step, self._path)
        for listener in self._listeners:
            listener.before_save(session, step)
        self._get_saver(session.graph).save(session, self._path, global_step=step, write_meta_graph=self._saves_graph)
        log = protos.SessionLog(status=protos.SessionLog.CHECKPOINT, checkpoint_path=self._path)
        self._writer.add_session_log(log, step)
        answers = [listener.after_save(session, step) for listener in self._listeners]
        return any(answers)

    def _get_saver(self, graph):
        if self._saver is not None:
            return self._saver
        if self._scaffold is not None:
            return self._scaffold.saver
        found = graph.get_collection(GraphKeys.SAVERS)
        if len(found) != 1:
            what = f"the graph has {len(found)} savers in its collection, not one; pass saver= or scaffold="
            raise UsageError(explain(f"CheckpointSaverHook: {what}"))
        self._saver = found[0]
        return self._saver


class SummarySaverHook(SessionRunHook):
    """Writes summaries every so often.

    Args:
        save_steps, save_secs: how often; exactly one of them.
        output_dir, summary_writer: where; one of them.
        scaffold: whose ``summary_op`` is taken; or ``summary_op``, one or a list.
    """

    def __init__(self, save_steps=None, save_secs=None, output_dir=None, summary_writer=None, scaffold=None,
                 summary_op=None):  # fmt: skip
        if (scaffold is None) == (summary_op is None):
            raise UsageError(explain("SummarySaverHook: exactly one of scaffold and summary_op must be given"))
        self._summary_op, self._scaffold = summary_op, scaffold
        self._writer, self._folder = summary_writer, output_dir
        self._timer = SecondOrStepTimer(save_secs, save_steps)

    def begin(self) -> None:
        if self._writer is None and self._folder:
            self._writer = FileWriterCache.get(self._folder)
        self._next, self._step = None, step_for(self)

    def before_run(self, run_context):
        self._is_due = self._next is None or self._timer.should_trigger_for_step(self._next)
        asked, summaries = {"global_step": self._step}, self._summaries()
        if self._is_due and summaries:
            asked["summary"] = summaries
        return SessionRunArgs(asked)

    def after_run(self, run_context, run_values) -> None:
        if self._writer is None:
            return
        step = run_values.results["global_step"] + 1
        if self._is_due:
            step = run_context.session.run(self._step)
        if self._next is None:
            self._writer.add_session_log(protos.SessionLog(status=protos.SessionLog.START), step)
        if self._is_due:
            self._timer.update_last_triggered_step(step)
            for summary in run_values.results.get("summary", ()):
                self._writer.add_summary(summary, step)
        self._next = step + 1

    def end(self, session=None) -> None:
        if self._writer is not None:
            self._writer.flush()

    def _summaries(self) -> list:
        found = self._summary_op if self._summary_op is not None else self._scaffold.summary_op
        return [] if found is None else list(found) if isinstance(found, (list, tuple)) else [found]


class ProfilerHook(SessionRunHook):
    """Writes a trace of the steps of a run every so often, as ``timeline-<step>.json``.

    Args:
        save_steps, save_secs: how often; exactly one of them.
        output_dir: the folder. show_dataflow, show_memory: see Timeline.
    """

    def __init__(self, save_steps=None, save_secs=None, output_dir="", show_dataflow=True, show_memory=False):
        self._folder, self._shows = output_dir, (show_dataflow, show_memory)
        self._timer = SecondOrStepTimer(save_secs, save_steps)

    def begin(self) -> None:
        self._next, self._step = None, step_for(self)
        if self._folder:
            self._writer = FileWriterCache.get(self._folder)

    def before_run(self, run_context):
        self._is_due = self._next is not None and self._timer.should_trigger_for_step(self._next)
        options = protos.RunOptions(trace_level=protos.RunOptions.FULL_TRACE) if self._is_due else None
        return SessionRunArgs({"global_step": self._step}, options=options)

    def after_run(self, run_context, run_values) -> None:
        step = run_values.results["global_step"] + 1
        if self._next is None:
            self._timer.update_last_triggered_step(run_values.results["global_step"])
        if self._is_due:
            step = run_context.session.run(self._step)
            self._timer.update_last_triggered_step(step)
            dataflow, memory = self._shows
            line = Timeline(run_values.run_metadata.step_stats)
            path = os.path.join(self._folder, f"timeline-{step}.json")
            logging.info("Saving timeline for %d into '%s'.", step, path)
            with open(path, "w", encoding="utf-8") as file:
                file.write(line.generate_chrome_trace_format(dataflow, memory))
        self._next = step + 1
