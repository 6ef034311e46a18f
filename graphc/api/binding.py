"""Arguments of calls by their names: what ``inspect.Signature.bind`` finds, in a tenth of its time."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable


def binder(signature: inspect.Signature, with_defaults: bool) -> Callable:
    """A function of ``(args, kwargs)`` that answers with arguments by name, in the order of the signature.

    Args:
        with_defaults: whether arguments that are not given have their defaults; else they are left out.

    Raises:
        TypeError: when called: an argument is missing, unknown or given twice.
    """
    parameters = signature.parameters
    plain = all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters.values())
    names = tuple(parameters)
    defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    needed = [n for n in names if n not in defaults]

    def exact(args, kwargs) -> dict:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{error}{_hint(names, kwargs)}") from None
        if with_defaults:
            bound.apply_defaults()
        return dict(bound.arguments)

    def quick(args, kwargs) -> dict:
        given = dict(zip(names, args))
        if kwargs:
            given.update(kwargs)
        if len(given) != len(args) + len(kwargs) or any(n not in given for n in needed):
            return exact(args, kwargs)  # which says what is wrong
        if any(n not in parameters for n in kwargs):
            return exact(args, kwargs)
        if with_defaults:
            return {n: given[n] if n in given else defaults[n] for n in names}
        return {n: given[n] for n in names if n in given} if kwargs else given

    return quick if plain else exact


def _hint(names: tuple, kwargs) -> str:
    """Which name may have been meant; otherwise all of them."""
    for name in kwargs:
        near = difflib.get_close_matches(name, names, 1, 0.7) if name not in names else ()
        if near:
            return f"; did you mean {near[0]!r}?"
    return f"; its arguments are {', '.join(names)}" if names else ""
