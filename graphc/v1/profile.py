"""Runs of sessions in the profiles of ``graphc.api.profiler``."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.profiler import Recording
from graphc.formats import protos


def profiled_run(original: Callable, recording: Recording) -> Callable:
    """``Session.run`` that records each run, and the times of its steps."""

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        with recording.span("session run", "run"):
            if run_metadata is not None or not recording.times_steps:
                return original(self, fetches, feed_dict, options, run_metadata)
            wanted, told = protos.RunOptions(), protos.RunMetadata()
            if options is not None:
                wanted.CopyFrom(options)
            wanted.trace_level = protos.RunOptions.FULL_TRACE
            answer = original(self, fetches, feed_dict, wanted, told)
        for device in told.step_stats.dev_stats:
            for step in device.node_stats:
                begin = step.all_start_nanos - recording.offset
                recording.step(step.node_name, begin, begin + step.op_end_rel_nanos, operation=step.timeline_label)
        return answer

    return run
