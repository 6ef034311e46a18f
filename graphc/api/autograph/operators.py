"""The operators that converted code calls, and how it calls functions."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable

from graphc.api.autograph import branches, repeats
from graphc.api.autograph.calls import is_library
from graphc.api.autograph.conversion import OPERATORS, TAKES_FUNCTIONS, converted
from graphc.api.autograph.overloads import OVERLOADS, assert_, numbers
from graphc.api.autograph.state import recorder_of
from graphc.errors import UsageError, explain

_FUNCTIONS = (types.FunctionType, types.MethodType)


def callee(function):
    """What converted code calls in place of ``function``: the user's functions are converted too."""
    kind = type(function)
    if kind is types.BuiltinFunctionType or kind is type:
        return OVERLOADS.get(function, function)
    if kind in _FUNCTIONS:
        own = function if kind is types.FunctionType else function.__func__
        if not is_library(own):
            return converted(function)
        return _with_functions(function) if own.__name__ in TAKES_FUNCTIONS else function
    if kind is functools.partial:
        return functools.partial(callee(function.func), *function.args, **function.keywords)
    call = getattr(kind, "__call__", None)  # noqa: B004  the method itself is wanted
    if isinstance(function, type) or type(call) is not types.FunctionType or is_library(call):
        return function
    return types.MethodType(converted(call), function)


def _with_functions(function: Callable) -> Callable:
    """A function of the library whose arguments are functions that it calls at once."""

    @functools.wraps(function)
    def called(*args, **kwargs):
        return function(*[_prepared(a) for a in args], **{k: _prepared(v) for k, v in kwargs.items()})

    return called


def _prepared(value):
    if isinstance(value, _FUNCTIONS):
        return converted(value)
    if type(value) in (list, tuple):  # the pairs of tf.case
        return type(value)([_prepared(v) for v in value])
    if type(value) is dict:
        return {k: _prepared(v) for k, v in value.items()}
    return value


def answer(value: Callable, is_there):
    """What a function returns that may also reach its end.

    Raises:
        UsageError: a tensor decides that.
    """
    if recorder_of(is_there) is not None:
        what = "the function returns a value on one path and reaches its end on another, as a Tensor decides"
        raise UsageError(explain(f"{what}; all branches must also have a return statement"))
    return value() if is_there else None


OPERATORS.__dict__.update(
    callee=callee,
    numbers=numbers,
    answer=answer,
    if_=branches.if_,
    if_expression=branches.if_expression,
    and_=branches.and_,
    or_=branches.or_,
    not_=branches.not_,
    compare=branches.compare,
    while_=repeats.while_,
    for_=repeats.for_,
    assert_=assert_,
)
