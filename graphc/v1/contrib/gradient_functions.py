"""Functions that answer with the gradients of other functions, of ``tf.contrib.eager``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence

from graphc.api.eager import EAGER
from graphc.api.operators import Operators
from graphc.api.recording import RECORDING
from graphc.api.structure import leaves
from graphc.api.tape import GradientTape
from graphc.errors import StateError, UsageError, explain
from graphc.v1.mode import executing_eagerly


class _Reads:
    """The trainable variables that are read meanwhile, in order."""

    def __init__(self):
        self.variables: dict[int, object] = {}

    def read(self, variable, value=None) -> None:
        """A variable was read."""
        if variable.trainable:
            self.variables.setdefault(id(variable), variable)


def implicit_value_and_gradients(f: Callable) -> Callable:
    """A function of the same arguments that answers with ``f``'s value and pairs of gradient and variable.

    The variables are the trainable ones that ``f`` reads.

    Raises:
        StateError: eager evaluation is off. UsageError: ``f`` reads no trainable variable, or has no value.
    """

    @functools.wraps(f)
    def both(*args, **kwargs):
        _needs_eager("implicit_gradients")
        reads = _Reads()
        RECORDING.begin(reads)
        try:
            with GradientTape() as tape:
                value = f(*args, **kwargs)
        finally:
            RECORDING.end(reads)
        _expect_value("implicit_gradients", value)
        variables = list(reads.variables.values())
        if not variables:
            what = "implicit_gradients: the function reads no trainable variable; the gradient is by variables"
            raise UsageError(explain(what))
        return value, list(zip(tape.gradient(value, variables), variables))

    return both


def implicit_gradients(f: Callable) -> Callable:
    """A function of the same arguments that answers with pairs of gradient and variable; see
    ``implicit_value_and_gradients``.

    Example::

        grad = tf.contrib.eager.implicit_gradients(loss)
        optimizer.apply_gradients(grad(x, y))
    """
    both = implicit_value_and_gradients(f)

    @functools.wraps(f)
    def only(*args, **kwargs):
        return both(*args, **kwargs)[1]

    return only


def value_and_gradients_function(f: Callable, params: Sequence | None = None) -> Callable:
    """A function of the same arguments that answers with ``f``'s value and its gradients by the arguments.

    Args:
        params: numbers or names of the arguments that are meant; all of them if None.

    Raises:
        StateError: eager evaluation is off. UsageError: there is no such argument, or ``f`` has no value.
    """

    @functools.wraps(f)
    def both(*args, **kwargs):
        _needs_eager("gradients_function")
        dy = kwargs.pop("dy", None)
        places = _places(f, params, len(args))
        given = list(args)
        with GradientTape() as tape:
            for k in places:
                given[k] = args[k] if isinstance(args[k], Operators) else EAGER.convert(args[k])
                tape.watch(given[k])
            value = f(*given, **kwargs)
        _expect_value("gradients_function", value)
        return value, tape.gradient(value, [given[k] for k in places], None if dy is None else [dy])

    return both


def gradients_function(f: Callable, params: Sequence | None = None) -> Callable:
    """A function of the same arguments that answers with ``f``'s gradients by them; see
    ``value_and_gradients_function``."""
    both = value_and_gradients_function(f, params)

    @functools.wraps(f)
    def only(*args, **kwargs):
        return both(*args, **kwargs)[1]

    return only


def _needs_eager(what: str) -> None:
    if not executing_eagerly():
        advice = "call tf.enable_eager_execution() at the start of the program, or use tf.gradients"
        raise StateError(explain(f"{what}: needs eager evaluation; {advice}"))


def _expect_value(what: str, value) -> None:
    if not any(isinstance(v, Operators) for v in leaves(value)):
        raise UsageError(explain(f"{what}: the function must answer with a tensor, got {value!r}"))


def _places(f: Callable, params, count: int) -> list[int]:
    """The positions of arguments that are meant by numbers and names."""
    names = list(inspect.signature(f).parameters)
    found = list(range(count)) if params is None else [names.index(p) if p in names else p for p in params]
    wrong = [p for p in found if not isinstance(p, int) or not 0 <= p < count]
    if wrong:
        what = f"gradients_function: there is no argument {wrong[0]!r} among the {count} that are given"
        raise UsageError(explain(what))
    return found
