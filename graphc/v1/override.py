"""Gradients that programs register by name, and operations that are differentiated by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.api.custom_gradient import custom_gradient
from graphc.errors import AlreadyExistsError, UsageError, explain
from graphc.lib import math

_GRADIENTS: dict[str, Callable | None] = {}


class RegisterGradient:
    """Decorator that makes a function ``(op, *upstream)`` a gradient under a name, for ``Graph.gradient_override_map``.

    The function answers with one gradient (or None) for each of ``op.inputs``.

    Args:
        op_type: the name.

    Raises:
        UsageError: it is no string. AlreadyExistsError: the name is taken.

    Example::

        @tf.RegisterGradient("Guided")
        def guided(op, upstream):
            return tf.where(upstream > 0, upstream, tf.zeros_like(upstream)) * tf.cast(op.inputs[0] > 0, tf.float32)

        with tf.get_default_graph().gradient_override_map({"Relu": "Guided"}):
            y = tf.nn.relu(x)
    """

    def __init__(self, op_type: str):
        if not isinstance(op_type, str):
            raise UsageError(explain(f"RegisterGradient: the name must be a string, got {op_type!r}"))
        self._name = op_type

    def __call__(self, f: Callable) -> Callable:
        _register(self._name, f)
        return f


def _register(name: str, function: Callable | None) -> None:
    if name in _GRADIENTS:
        raise AlreadyExistsError(explain(f"RegisterGradient: there is a gradient called {name!r} already"))
    _GRADIENTS[name] = function


def NotDifferentiable(op_type: str) -> None:  # noqa: N802  TensorFlow's name
    """Register that under this name there is no gradient: nothing flows through such operations.

    Raises:
        AlreadyExistsError: the name is taken.
    """
    if not isinstance(op_type, str):
        raise UsageError(explain(f"NotDifferentiable: the name must be a string, got {op_type!r}"))
    _register(op_type, None)


NoGradient = NotDifferentiable


def checked_overrides(op_type_map) -> dict[str, Callable]:
    """From types of operations to the functions that a map of names means.

    Raises:
        UsageError: it is no dict of strings, or a gradient is not registered.
    """
    if not isinstance(op_type_map, Mapping):
        raise UsageError(explain(f"gradient_override_map: needs a dict of strings, got {op_type_map!r}"))
    for kind, name in op_type_map.items():
        if not isinstance(kind, str) or not isinstance(name, str):
            raise UsageError(explain(f"gradient_override_map: needs strings, got {kind!r}: {name!r}"))
        if name not in _GRADIENTS:
            what = f"gradient_override_map: no gradient {name!r} is registered; use @tf.RegisterGradient({name!r})"
            raise UsageError(explain(what))
    return {kind: _GRADIENTS[name] or _nothing for kind, name in op_type_map.items()}


def _nothing(op, *upstream) -> list:
    return [None] * len(op.inputs)


def with_gradient(graph, gradient: Callable, kind: str, full: str, tensors, build, effect, outputs) -> list:
    """The outputs of an operation that is differentiated by ``gradient(op, *upstream)``."""

    def inside(*inputs):
        op = graph.create(kind, f"{full}/overridden", inputs, build, effect, outputs)

        def back(*upstream):
            found = gradient(op, *upstream)
            return found if isinstance(found, (list, tuple)) else [found]

        return op.outputs, back

    with graph.plain_gradients():
        made = custom_gradient(inside)(*tensors)
    kind = kind if effect is None else "Identity"  # what is known of operations with effects is not true of this one
    names = [full if k == 0 else graph.unique_name(f"{full}/output_{k}/") for k in range(len(made))]
    return [graph.create(kind, name, (t,), math.identity).outputs[0] for name, t in zip(names, made)]
