"""What stands around operations: names, devices, order. Graphs keep it; eager evaluation only remembers names."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext

from graphc.api.create import convert_to_tensor
from graphc.api.eager import EAGER, eager
from graphc.api.lift import tensors_in
from graphc.api.operators import Composed, Operators
from graphc.api.places import entering
from graphc.api.recorder import RECORDERS, Stack, recorder_for
from graphc.api.recording import RECORDING
from graphc.api.structure import leaves
from graphc.errors import GraphError, UsageError, explain, scoped
from graphc.lib.dims import constant

_SCOPES = Stack()


def executing_eagerly() -> bool:
    """Whether operations are evaluated at once: not while a graph is built or a function traced."""
    return recorder_for((), eager).is_eager


def inside_function() -> bool:
    """Whether a function is being traced."""
    return recorder_for((), eager).captures


def _graph():
    """The graph that operations go into, or None: names and order mean something only there."""
    recorder = recorder_for((), eager)
    return recorder if hasattr(recorder, "unique_name") else None


@contextmanager
def name_scope(name):
    """Names of a graph's operations begin with ``name/`` inside.

    Raises:
        UsageError: the name is no string.
    """
    if not isinstance(name, str):
        raise UsageError(explain(f"name_scope: name must be a string, got {name!r}"))
    graph = _graph()
    if graph is not None:
        with graph.name_scope(name) as scope:
            yield scope
        return
    outer = _SCOPES.top or ""
    inner = name if name.endswith("/") or not name else f"{outer}{name}/"
    with _SCOPES.entering(inner), scoped(inner[:-1]):
        yield inner


def get_current_name_scope() -> str:
    """The names of the scopes around, without the last slash."""
    graph = _graph()
    return (_SCOPES.top or "")[:-1] if graph is None else graph.get_name_scope()


def device(device_name):
    """Operations and variables made inside are on a device; functions called inside run there.

    Args:
        device_name: such as ``/gpu:0``, ``/device:GPU:0``, ``/cpu:0``, or ``/cuda-emulated:0``, where kernels for GPUs run on
            the CPU; None for no change.

    Raises:
        GraphError: it names no device. DeviceUnavailable: the device is not there; a GPU is served by the CPU instead, unless
            ``config.set_soft_device_placement(False)`` was called.
    """
    graph = _graph()
    if graph is not None:
        return graph.device(device_name)
    if device_name is not None and not isinstance(device_name, str):
        raise GraphError(explain(f"{device_name!r} is not a device; names look like '/cpu:0' or '/device:GPU:0'"))
    return entering(device_name)


def control_dependencies(control_inputs):
    """Operations of a graph made inside run after these; what is evaluated at once is in order anyway."""
    graph = _graph()
    return nullcontext() if graph is None else graph.control_dependencies(control_inputs)


def init_scope():
    """Operations made inside are evaluated at once, outside of functions that are being traced; in a graph they stay there."""
    top = RECORDERS.top
    return _outside() if top is not None and top.captures else nullcontext()


@contextmanager
def _outside():
    with RECORDERS.entering(EAGER), RECORDING.paused():
        yield


def group(*inputs, name=None):
    """An operation of a graph that runs after all inputs; None where operations are evaluated at once."""
    flat = [x for x in leaves(list(inputs)) if x is not None]
    graph = next((x.graph for x in flat if hasattr(getattr(x, "graph", None), "unique_name")), _graph())
    if graph is None:
        return None
    with graph.control_dependencies(None), graph.control_dependencies(flat):
        return graph.create("NoOp", graph.unique_name(name or "group_deps"))


def no_op(name=None):
    """An operation of a graph that does nothing; None where operations are evaluated at once."""
    graph = _graph()
    return None if graph is None else graph.create("NoOp", graph.unique_name(name or "NoOp"))


def tuple(tensors, control_inputs=None, name=None):  # noqa: A001  TensorFlow's name
    """The tensors, each known when all of them are; None stays None."""
    graph = _graph()
    with nullcontext() if graph is None else graph.control_dependencies([t for t in tensors if t is not None]):
        return [None if t is None else convert_to_tensor(t) for t in tensors]


def is_tensor(x) -> bool:
    """Whether it is a tensor, a variable, or a sparse or ragged tensor."""
    return isinstance(x, (Operators, Composed))


def is_symbolic_tensor(tensor) -> bool:
    """Whether it is a tensor of a graph or of a traced function, without a value of its own."""
    return isinstance(tensor, Operators) and not tensor.graph.is_eager


def get_static_value(tensor, partial=False):
    """The value of a tensor as an array if it is known without running anything, else None."""
    if not tensors_in([tensor]):
        return tensor
    if tensor.graph.is_eager:
        return tensor.numpy()
    node = getattr(tensor, "node", None)
    if node is None or node.op != "const":
        return None
    return constant("get_static_value", "tensor", node).copy()


def timestamp(name=None):
    """Seconds since 1970 as a float64 scalar, at the time of the call."""
    return convert_to_tensor(time.time(), "float64")
