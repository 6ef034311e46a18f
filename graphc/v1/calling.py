"""Wrong arguments of Python functions of the interface: which function, which argument, and the user's line."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from graphc.api.binding import binder
from graphc.errors import explain


def named(function: Callable, name: str | None = None, signature: inspect.Signature | None = None) -> Callable:
    """``function``, but a missing or unknown argument is refused with a message that names it and the line.

    Args:
        name: what users call it, if it is not its own name.
        signature: its arguments, if they are not its own; then all of them are given by name.
    """
    shown = signature or inspect.signature(function)
    bind = binder(shown, with_defaults=signature is not None)

    @functools.wraps(function)
    def public(*args, **kwargs):
        try:
            given = bind(args, kwargs)
        except TypeError as error:
            raise TypeError(explain(f"{public.__name__}: {error}")) from None
        return function(**given)

    public.__signature__ = shown
    if name is not None:
        public.__name__ = public.__qualname__ = name
    return public
