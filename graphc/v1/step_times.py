"""A run whose steps are timed: the same kernels one after the other, with a look at the clock between them."""

from __future__ import annotations

import threading
import time
import weakref

from graphc.api.profile_steps import used
from graphc.api.run import optimise, timed
from graphc.formats import protos
from graphc.ir.clock import Times
from graphc.ir.program import Launch
from graphc.v1.plan import fed_nodes
from graphc.v1.runner import Runner
from graphc.v1.trace import needed, trace

_DEVICE = "/job:localhost/replica:0/task:0/device:CPU:0"
_PROGRAMS_KEPT = 64
_LOOKED_AT = 1000  # nodes in search of operations
_timed: "weakref.WeakKeyDictionary[Runner, _Timed]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


class _Timed:
    """A runner like another one, whose programs look at the clock before each step."""

    def __init__(self, like: Runner):
        self.programs: dict = {}  # call of a plan -> its Program, and the Nodes of its buffers
        self.runner = Runner(like.request, like.state, like.is_plain, self._bind)
        self.lock, self.times = threading.Lock(), None
        self._described: dict = {}

    def _bind(self, graph, state, turn):
        call, made = timed(graph, state, self._ended, turn)
        if len(self.programs) >= _PROGRAMS_KEPT:
            self.programs.clear()
            self._described.clear()
        self.programs[id(made.program)] = made.program, made.made
        return call

    def _ended(self, times: Times) -> None:
        self.times = times

    def run(self, values: tuple, timeout) -> tuple:
        """The result, when it began in microseconds since 1970, and for every step its description and its times."""
        with self.lock:
            begun = time.time_ns() - time.perf_counter_ns()
            self.times = None
            out = self.runner.run(values, timeout)
            if self.times is None:  # nothing is computed
                return out, []
            current = self.times.program
            described = self._described.get(id(current))
            if described is None:
                program, made = self.programs.get(id(current), (current, {}))
                names = _names(self.runner)
                described = [_description(step, program, made, names) for step in program.steps]
                self._described[id(current)] = described
            return out, [(step, begun + begin, begun + end) for step, (begin, end) in zip(described, self.times.spans)]


def traced_run(runner: Runner, values: tuple, timeout, run_metadata):
    """Run, and fill ``run_metadata.step_stats`` with the times of the steps; each is named after the operation whose
    value it computes, and after those of earlier operations that it computes on the way.

    Returns:
        What ``runner.run`` answers.
    """
    with _lock:
        if runner not in _timed:
            _timed[runner] = _Timed(runner)
    out, steps = _timed[runner].run(values, timeout)
    stats = protos.DeviceStepStats(device=_DEVICE)
    stats.thread_names[0] = "steps"
    for (name, label, results), start, end in steps:
        node = stats.node_stats.add(
            node_name=name, timeline_label=label, thread_id=0,
            scheduled_micros=start // 1000, all_start_micros=start // 1000,
            op_end_rel_micros=max(1, (end - start) // 1000), all_end_rel_micros=max(1, (end - start) // 1000),
            scheduled_nanos=start, all_start_nanos=start, op_end_rel_nanos=end - start, all_end_rel_nanos=end - start,
        )  # fmt: skip
        for slot, type in enumerate(results):
            _tell_output(node.output.add(slot=slot), type)
    run_metadata.step_stats.Clear()
    run_metadata.step_stats.dev_stats.append(stats)
    return out


def _tell_output(output, type) -> None:
    description = output.tensor_description
    description.dtype = getattr(protos, f"DT_{_TYPE_NAMES.get(type.dtype.name, type.dtype.name.upper())}")
    for d in type.shape:
        description.shape.dim.add(size=d if isinstance(d, int) else -1)
    if all(isinstance(d, int) for d in type.shape):
        description.allocation_description.requested_bytes = type.size * max(1, type.dtype.size)
        description.allocation_description.allocator_name = "cpu"


_TYPE_NAMES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}


def _names(runner: Runner) -> dict:
    """Optimised Node -> the operation that computes it, of the run that was just made."""
    request = runner.request
    nodes, inputs = fed_nodes(request, runner.pattern)
    fed = nodes.__contains__
    order = needed([t.op for t in request.fetches if not fed(t)] + list(request.targets), fed, request.done)
    tensors = [t for op in order for t in op.outputs if not fed(t)]
    graph = optimise(trace("run", tensors, request.targets, nodes, inputs, request.done).graph)
    found: dict = {}
    for tensor, node in zip(tensors, graph.outputs):
        found.setdefault(node, tensor.op)
    for tensor, node in nodes.items():
        found.setdefault(node, tensor.op)
    return found


def _description(step, program, made: dict, names: dict) -> tuple:
    """Name, label and result types of a step."""
    kernels = {k.name: k for k in program.kernels}
    buffers = {b.name: b for b in program.buffers}
    reads, writes = used(step, kernels)
    kind = step.kernel if isinstance(step, Launch) else getattr(step, "op", type(step).__name__)
    ops = [names.get(made.get(name)) for name in writes]
    op = next((op for op in ops if op is not None), None)
    name = kind if op is None else op.name
    type_ = "+".join(_types([made[n] for n in writes if n in made], {made.get(n) for n in reads}, names)) or kind
    inputs = [names[made[n]].name for n in reads if made.get(n) in names]
    label = f"{name} = {type_}({', '.join(dict.fromkeys(inputs))})"
    return name, label, [buffers[n].type for n in writes if n in buffers]


def _types(written: list, read: set, names: dict) -> list[str]:
    """Types of the operations that lie between what a step reads and what it writes."""
    seen: dict = {}
    stack = list(written)
    while stack:
        node = stack.pop()
        if node not in seen and node not in read and len(seen) < _LOOKED_AT:
            seen[node] = names.get(node)
            stack.extend(node.inputs)
    found = sorted({op for op in seen.values() if op is not None and op.type != "Const"}, key=lambda op: op.id)
    return list(dict.fromkeys(op.type for op in found))
