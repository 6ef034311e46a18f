"""Printing and assertions in TensorFlow 1's graphs: ``tf.Print``, and TensorFlow 2's functions recorded there."""

from __future__ import annotations

import functools
from collections.abc import Callable

from graphc.api import debugging
from graphc.api.recorder import RECORDERS, recorder_for
from graphc.api.resource import Resource
from graphc.errors import UsageError, explain
from graphc.lib import math
from graphc.prims.printer import definition_of
from graphc.v1.mode import default_recorder


class _Printer(Resource):
    """What one ``tf.Print`` remembers: how often it has printed."""

    fallback = staticmethod(default_recorder)

    def __init__(self, message: str, first_n, summarize: int, name: str):
        self._define(lambda full, _: definition_of(full, message, first_n, summarize), name, None)

    def show(self, values):
        """Print values when the program comes here."""
        return self._call("Print", f"{self._name}/show", "show", values)


def Print(input_, data, message=None, first_n=None, summarize=None, name=None):  # noqa: N802  TensorFlow's name
    """``input_``; whenever it is computed, ``message`` and the tensors ``data`` are printed to stderr.

    Args:
        first_n: print so many times only; always if None or negative.
        summarize: how many elements of each tensor; 3 if None, all if negative.

    Raises:
        UsageError: ``data`` is no list.
    """
    if not isinstance(data, (list, tuple)):
        raise UsageError(explain(f"Print: data must be a list of tensors, got {data!r}"))
    recorder = recorder_for((), default_recorder)
    limit = None if first_n is None or first_n < 0 else int(first_n)
    input_ = recorder.convert(input_)
    printer = _Printer(message or "", limit, 3 if summarize is None else int(summarize), f"{name or 'Print'}/printer")
    shown = printer.show([recorder.convert(d) for d in data])
    if recorder.is_eager:
        return input_
    with recorder.control_dependencies([shown]):
        return recorder.call("Print", "Print", math.identity, (input_,), ("input",), name)


def _recorded(function: Callable) -> Callable:
    """A function of TensorFlow 2 that goes into the default graph even where no operand is a tensor of it."""

    @functools.wraps(function)
    def recorded(*args, **kwargs):
        with RECORDERS.entering(recorder_for((), default_recorder)):
            return function(*args, **kwargs)

    return recorded


print = _recorded(debugging.print)  # noqa: A001  TensorFlow's name
Assert = _recorded(debugging.Assert)
