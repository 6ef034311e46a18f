"""``arg_scope``: arguments that functions take from the block around them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import contextmanager

from graphc.api.recorder import Stack
from graphc.errors import UsageError, explain

_SCOPES = Stack()


def add_arg_scope(func: Callable) -> Callable:
    """The function, which takes what it is not given from the ``arg_scope`` around it."""

    @functools.wraps(func)
    def with_scope(*args, **kwargs):
        return func(*args, **{**current_arg_scope().get(with_scope, {}), **kwargs})

    with_scope.takes_arg_scope = True
    return with_scope


def has_arg_scope(func: Callable) -> bool:
    """Whether the function takes arguments from ``arg_scope``."""
    return getattr(func, "takes_arg_scope", False)


def current_arg_scope() -> dict:
    """The arguments of the blocks around: function -> arguments."""
    return _SCOPES.top or {}


@contextmanager
def arg_scope(list_ops_or_scope, **kwargs):
    """Functions called inside take these arguments where they are not given others.

    Args:
        list_ops_or_scope: functions such as those of ``tf.contrib.layers``; or what an earlier ``arg_scope`` gave
            as its value, to have all of its arguments again.

    Raises:
        UsageError: a function does not take arguments this way, or arguments are given for a scope.

    Example::

        with arg_scope([tf.contrib.layers.conv2d], padding="SAME", activation_fn=tf.nn.elu) as scope:
            x = tf.contrib.layers.conv2d(x, 32, 3)
    """
    if isinstance(list_ops_or_scope, Mapping):
        if kwargs:
            raise UsageError(explain("arg_scope: a scope that is entered again takes no more arguments"))
        wanted = dict(list_ops_or_scope)
    else:
        if not isinstance(list_ops_or_scope, (list, tuple)):
            raise UsageError(explain(f"arg_scope: needs a list of functions or a scope, got {list_ops_or_scope!r}"))
        wanted = dict(current_arg_scope())
        for function in list_ops_or_scope:
            if not has_arg_scope(function):
                named = getattr(function, "__name__", repr(function))
                raise UsageError(explain(f"arg_scope: {named} takes no arguments from it; use add_arg_scope"))
            wanted[function] = {**wanted.get(function, {}), **kwargs}
    with _SCOPES.entering(wanted):
        yield wanted
