"""The types that a Python function's results have, told without numbers and without compiling."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.function.trace import Trace
from graphc.api.recording import RECORDING
from graphc.ir.dtype import as_dtype
from graphc.ir.node import symbol


def infer(name: str, function: Callable, specs: Sequence[tuple]):
    """What a function answers for tensors without values: a structure with tensors that have a type and nothing more.

    Args:
        name: of the function, for messages.
        function: called with one list of tensors.
        specs: (dtype, shape) of each; sizes that are None are one unknown size along one axis, and others along others;
            a size may be a symbol of the caller's own.

    Raises:
        whatever the function raises.
    """
    trace = Trace(name, False)
    unknown = [symbol(f"unknown{axis}") for axis in range(max((len(shape) for _, shape in specs), default=0))]
    tensors = [
        trace.argument_of(as_dtype(dtype), tuple(u if size is None else size for u, size in zip(unknown, shape)))
        for dtype, shape in specs
    ]
    with trace, RECORDING.paused():
        return function(tensors)
