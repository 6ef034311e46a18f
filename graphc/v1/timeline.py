"""Timeline: the steps of a traced run as a Chrome trace."""

from __future__ import annotations

import json

from graphc.errors import UsageError, explain
from graphc.v1.config import is_message

_MEMORY = "requested_bytes"


class Timeline:
    """Makes a trace for ``chrome://tracing`` of what a traced run reported.

    Args:
        step_stats: ``run_metadata.step_stats``. graph: without effect.

    Raises:
        UsageError: it is something else.

    Example::

        meta = tf.RunMetadata()
        sess.run(y, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=meta)
        with open("timeline.json", "w") as file:
            file.write(Timeline(meta.step_stats).generate_chrome_trace_format())
    """

    def __init__(self, step_stats, graph=None):
        if not is_message(step_stats, "StepStats"):
            raise UsageError(explain(f"Timeline: step_stats must be run_metadata.step_stats, got {step_stats!r}"))
        self._stats = step_stats

    def generate_chrome_trace_format(self, show_dataflow=True, show_memory=False) -> str:
        """The trace as JSON text.

        Args:
            show_dataflow: arrows from each step to those that use its result.
            show_memory: how many bytes each step made.
        """
        events: list[dict] = []
        for pid, device in enumerate(self._stats.dev_stats):
            events.append(_metadata(pid, "process_name", f"{device.device} Compute"))
            threads = dict(device.thread_names)
            for tid in sorted({node.thread_id for node in device.node_stats} | set(threads)):
                events.append(_metadata(pid, "thread_name", threads.get(tid, f"thread {tid}"), tid))
            made: dict[str, tuple] = {}
            for node in device.node_stats:
                events.append(_step(pid, node))
                if show_dataflow:
                    events += _arrows(pid, node, made, len(events))
                made[node.node_name] = pid, node
                if show_memory:
                    events.append(_memory(pid, node))
        return json.dumps({"traceEvents": events}, indent=4, separators=(",", ": "))


def _metadata(pid: int, what: str, name: str, tid: int | None = None) -> dict:
    return {"name": what, "ph": "M", "pid": pid, "args": {"name": name}} | ({} if tid is None else {"tid": tid})


def _step(pid: int, node) -> dict:
    """One step as an event with a duration."""
    op, inputs = _parsed(node.timeline_label)
    args = {"name": node.node_name, "op": op} | {f"input{k}": name for k, name in enumerate(inputs)}
    duration = max(1, node.op_end_rel_micros - node.op_start_rel_micros)
    return {
        "ph": "X", "cat": "Op", "name": op, "pid": pid, "tid": node.thread_id,
        "ts": node.all_start_micros + node.op_start_rel_micros, "dur": duration, "args": args,
    }  # fmt: skip


def _parsed(label: str) -> tuple[str, list[str]]:
    """Kind and inputs in a label such as ``y = MatMul(x, w)``."""
    _, _, call = label.partition(" = ")
    op, _, rest = call.partition("(")
    return op or "unknown", [name for name in rest.rstrip(")").split(", ") if name]


def _arrows(pid: int, node, made: dict, count: int) -> list[dict]:
    events = []
    for k, name in enumerate(_parsed(node.timeline_label)[1]):
        if name in made:
            source_pid, source = made[name]
            end = source.all_start_micros + source.op_end_rel_micros
            shared = {"cat": "DataFlow", "name": name, "id": count + k}
            events.append({"ph": "s", "pid": source_pid, "tid": source.thread_id, "ts": end} | shared)
            events.append({"ph": "t", "pid": pid, "tid": node.thread_id, "ts": node.all_start_micros} | shared)
    return events


def _memory(pid: int, node) -> dict:
    total = sum(output.tensor_description.allocation_description.requested_bytes for output in node.output)
    return {
        "ph": "C", "cat": "Memory", "name": "memory", "pid": pid, "tid": 0, "ts": node.all_start_micros,
        "args": {_MEMORY: total},
    }  # fmt: skip
