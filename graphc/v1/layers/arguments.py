"""Arguments that several layers have: sizes for each axis, paddings, layouts, activations."""

from __future__ import annotations

import operator

from graphc.errors import UsageError, explain
from graphc.v1 import nn, ops

_ACTIVATIONS = {
    **{name: getattr(nn, name) for name in
       ("elu", "gelu", "leaky_relu", "relu", "relu6", "selu", "sigmoid", "softmax", "softplus", "softsign", "swish",
        "tanh")},
    "exponential": ops.exp,
    "linear": None,
}  # fmt: skip
_LAYOUTS = {"channels_last": "{}C", "channels_first": "C{}"}
_AXES = {1: "W", 2: "HW", 3: "DHW"}


def activation_of(value):
    """A function for one, its name, or None.

    Raises:
        UsageError: it is something else.
    """
    if value is None or callable(value):
        return value
    if not isinstance(value, str) or value not in _ACTIVATIONS:
        what = f"layer: activation must be a function or one of {', '.join(_ACTIVATIONS)}, got {value!r}"
        raise UsageError(explain(what))
    return _ACTIVATIONS[value]


def positive(layer: str, name: str, value) -> int:
    """A positive int.

    Raises:
        UsageError: it is something else.
    """
    try:
        found = operator.index(int(value) if isinstance(value, float) and value == int(value) else value)
    except (TypeError, ValueError, OverflowError):
        found = 0
    if found < 1:
        raise UsageError(explain(f"{layer}: {name} must be a positive int, got {value!r}"))
    return found


def per_axis(layer: str, name: str, value, count: int) -> tuple[int, ...]:
    """A positive int for each of ``count`` axes, from one for all or one for each.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, (list, tuple)):
        if len(value) != count:
            raise UsageError(explain(f"{layer}: {name} needs one int, or {count} of them, got {value!r}"))
        return tuple(positive(layer, name, v) for v in value)
    return (positive(layer, name, value),) * count


def padding_of(layer: str, value, causal: bool = False) -> str:
    """``valid``, ``same`` or, where that is possible, ``causal``, in any case.

    Raises:
        UsageError: it is something else.
    """
    known = ("valid", "same", "causal")[: 3 if causal else 2]
    found = value.lower() if isinstance(value, str) else value
    if found not in known:
        raise UsageError(explain(f"{layer}: padding must be one of {', '.join(known)}, got {value!r}"))
    return found


def layout_of(layer: str, value) -> str:
    """``channels_last`` or ``channels_first``.

    Raises:
        UsageError: it is something else.
    """
    found = value.lower() if isinstance(value, str) else value
    if found not in _LAYOUTS:
        raise UsageError(explain(f"{layer}: data_format must be channels_last or channels_first, got {value!r}"))
    return found


def tensorflow_layout(layout: str, count: int) -> str:
    """Such as ``NHWC`` for ``channels_last`` and two spatial axes."""
    return "N" + _LAYOUTS[layout].format(_AXES[count])


def with_ends(sizes: tuple[int, ...], layout: str) -> list[int]:
    """A size for every axis: those of the spatial axes, and 1 for batch and channels."""
    return [1, 1, *sizes] if layout == "channels_first" else [1, *sizes, 1]
