"""Eager evaluation on and off, and what else TensorFlow 1 programs switch: most of it is as they want it already."""

from __future__ import annotations

from graphc.api.eager import EAGER
from graphc.api.mode import MODE
from graphc.api.recorder import recorder_for
from graphc.errors import UsageError, explain
from graphc.v1.graph import get_default_graph, root_graph

default_recorder = MODE.or_else(get_default_graph)


def executing_eagerly() -> bool:
    """Whether operations are evaluated at once: here only after ``enable_eager_execution``, outside of graphs."""
    return recorder_for((), default_recorder).is_eager


def executing_eagerly_outside_functions() -> bool:
    """The same without regard to functions that are being traced."""
    return default_recorder().is_eager


def enable_eager_execution(config=None, device_policy=None, execution_mode=None) -> None:
    """From now on operations are evaluated at once, also those that were TensorFlow 1's.

    Args:
        config, device_policy, execution_mode: without effect.

    Raises:
        UsageError: the default graph has operations already.
    """
    made = root_graph().get_operations() if not MODE.recorder or MODE.recorder is get_default_graph else ()
    if made:
        what = "enable_eager_execution: must be called at program startup, but the default graph has operations already"
        where = [(made[0].name, f"is the first   {made[0].location}")]
        raise UsageError(explain(f"{what}; call it first, or after tf.reset_default_graph()", where))
    MODE.choose(lambda: EAGER)


def disable_eager_execution() -> None:
    """From now on operations go into the default graph, also those with TensorFlow 2's names."""
    MODE.choose(get_default_graph)


enable_v2_behavior = enable_eager_execution


def disable_v2_behavior() -> None:
    """The same as ``disable_eager_execution``."""
    disable_eager_execution()


def control_flow_v2_enabled() -> bool:
    """True: branches and loops are single operations."""
    return True


def resource_variables_enabled() -> bool:
    """True: a variable is read where its value is used."""
    return True


def _switch(name: str, what: str):
    def switch() -> None:
        pass

    switch.__name__ = switch.__qualname__ = name
    switch.__doc__ = f"Nothing: {what}."
    return switch


_SWITCHES = {
    "control_flow_v2": "branches and loops are single operations anyway",
    "resource_variables": "a variable is read where its value is used anyway",
    "v2_tensorshape": "sizes compare with ints and have a ``value`` anyway",
    "tensor_equality": "``==`` of tensors is the equality of TensorFlow 1 in a graph, and of TensorFlow 2 outside",
}
for _name, _what in _SWITCHES.items():
    for _way in ("enable", "disable"):
        globals()[f"{_way}_{_name}"] = _switch(f"{_way}_{_name}", _what)
