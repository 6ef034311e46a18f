"""Public functions with their arguments under other names or in another order, as in other versions of TensorFlow."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable

from graphc.api.binding import binder
from graphc.errors import UsageError, explain


def respelled(function: Callable, arguments: str) -> Callable:
    """``function`` with other arguments.

    Args:
        arguments: the new ones in their order: ``axis`` for one of the function's, ``dim=axis`` for one that the
            function calls ``axis``, ``-layout`` for one that is accepted and has no effect. Where two mean the same, one
            is given.
    """
    own = inspect.signature(function)
    targets = dict(_target(word) for word in arguments.split())
    if "name" not in own.parameters:  # names mean nothing to it
        targets = {shown: None if target == "name" else target for shown, target in targets.items()}
    signature, loose = _signature(own, targets)
    bind = binder(signature, False)

    def public(*args, **kwargs):
        try:
            given = bind(args, kwargs)
        except TypeError as error:
            raise TypeError(explain(f"{public.__name__}: {error}")) from None
        found, meant = {}, {}
        for shown, value in given.items():
            target = targets[shown]
            if target is None or (value is None and shown in loose):
                continue
            if target in found:
                what = f"{public.__name__}: {meant[target]} and {shown} are the same; give one of them"
                raise UsageError(explain(what))
            found[target], meant[target] = value, shown
        return function(**found)

    public.__signature__ = signature
    public.__wrapped__ = getattr(function, "__wrapped__", function)
    public.__doc__, public.__module__ = function.__doc__, function.__module__
    public.__name__ = public.__qualname__ = function.__name__
    return public


def _target(word: str) -> tuple[str, str | None]:
    shown, _, target = word.partition("=")
    return (shown[1:], None) if shown.startswith("-") else (shown, target or shown)


def _signature(own: inspect.Signature, targets: dict) -> tuple[inspect.Signature, set[str]]:
    """The new signature, and the arguments that stand for nothing where they are None."""
    times = Counter(targets.values())
    parameters, loose, optional = [], set(), False
    for shown, target in targets.items():
        default = None
        if target is not None and times[target] == 1:
            default = own.parameters[target].default
        if target is None or times[target] > 1 or (optional and default is inspect.Parameter.empty):
            default = None
            loose.add(shown)
        optional = optional or default is not inspect.Parameter.empty
        parameters.append(inspect.Parameter(shown, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default))
    return inspect.Signature(parameters), loose
