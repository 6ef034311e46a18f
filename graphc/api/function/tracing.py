"""Calling a Python function once with tensors that have no value, to learn what it computes."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from graphc.api.adopt import giver
from graphc.api.function.arguments import described, mapping_like, places_in, put_together
from graphc.api.function.concrete import ConcreteFunction
from graphc.api.function.trace import Trace, distinct
from graphc.api.operators import Composed, Operators
from graphc.api.recording import RECORDING
from graphc.api.shape import TensorShape, shown
from graphc.api.spec import TensorSpec
from graphc.api.tensor import Tensor
from graphc.errors import UsageError, explain


def trace_function(name: str, function: Callable, signature: inspect.Signature, arguments: Mapping, key,
                   shapes: Sequence, creates: bool,
                   actual: Sequence[Tensor] = ()) -> tuple[ConcreteFunction, bool]:  # fmt: skip
    """The trace of a function, and whether variables were made meanwhile.

    Args:
        arguments: by name; tensors among them stand for all tensors of their dtype and of ``shapes``.
        key: what ``taken_apart`` says of them.
        creates: whether variables may be made.
        actual: the tensors of the call that asks for it, if one does.

    Raises:
        whatever the function raises.
    """
    trace = Trace(name, creates, actual)
    places = places_in(key)
    specs, tensors = [], []
    for own, place, shape in zip(distinct([p.name for p in places]), places, shapes):
        tensors.append(trace.tensor_argument(own, place.dtype, shape))
        specs.append(TensorSpec(shape, place.dtype, own))
    call = _call_of(signature, arguments, tensors)
    with trace, RECORDING.paused():
        answer = function(*call.args, **call.kwargs)
        outputs, results = _results(name, trace, answer)
    traced = trace.traced(results)
    taken = _call_of(signature, arguments, specs, described)
    made = ConcreteFunction(name, traced, (taken.args, taken.kwargs), specs, outputs, trace.enclosing)
    return made, trace.has_created


def _call_of(signature: inspect.Signature, arguments: Mapping, tensors: Sequence,
             composed: Callable | None = None) -> inspect.BoundArguments:  # fmt: skip
    """The call with other tensors in the places of those of the arguments."""
    left = iter(tensors)
    return inspect.BoundArguments(signature, {k: put_together(v, left, composed) for k, v in arguments.items()})


def _results(name: str, trace: Trace, answer) -> tuple:
    """The structure of an answer with TensorSpecs in the places of its tensors, and the tensors."""
    tensors: list[Tensor] = []

    def taken(value):
        if value is None:
            return None
        if isinstance(value, TensorShape):
            value = value.as_list() if value.is_fully_defined() else value
        elif isinstance(value, Composed):
            tensors.extend([trace.convert(p) for p in value.parts])
            return value
        elif isinstance(value, (list, tuple)):
            parts = [taken(part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, Mapping):
            made = {key: taken(value[key]) for key in _keys(value)}
            return mapping_like(value, {key: made[key] for key in value})
        if isinstance(value, (types.GeneratorType, types.CoroutineType)):
            value.close()  # nobody will run it
            is_generator = isinstance(value, types.GeneratorType)
            kind = "a generator function (yield)" if is_generator else "a coroutine (async def)"
            advice = "return tensors, or feed them by tf.data.Dataset"
            raise UsageError(explain(f"{name}: {kind} cannot be traced; {advice}"))
        is_array = isinstance(value, (list, Operators, np.ndarray, np.generic, bool, int, float, complex, str, bytes))
        if not is_array and giver(value) is None:
            what = f"{name}: a function answers with tensors, and structures of them, got {value!r}"
            raise UsageError(explain(f"{what}; keep other Python objects outside"))
        tensor = trace.convert(value)
        tensors.append(tensor)
        return TensorSpec(shown(tensor.type.shape), tensor.dtype)

    return taken(answer), tensors


def _keys(value: Mapping) -> list:
    try:
        return sorted(value)
    except TypeError:
        return list(value)
