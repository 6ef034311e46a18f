"""``tf.autograph``: the conversion of Python's control flow, asked for by name."""

from __future__ import annotations

import ast
import enum
import functools
import inspect
import types
from collections.abc import Callable

from graphc.api.autograph.conversion import UNCONVERTED, VERBOSITY, conversion_of, converted, is_converted
from graphc.errors import UsageError, explain

_UNSET = object()


class Feature(enum.Enum):
    """Parts of the conversion; all of them are always on, but for lists."""

    ALL = "ALL"
    AUTO_CONTROL_DEPS = "AUTO_CONTROL_DEPS"
    ASSERT_STATEMENTS = "ASSERT_STATEMENTS"
    BUILTIN_FUNCTIONS = "BUILTIN_FUNCTIONS"
    EQUALITY_OPERATORS = "EQUALITY_OPERATORS"
    LISTS = "LISTS"
    NAME_SCOPES = "NAME_SCOPES"

    @classmethod
    def all(cls) -> tuple:
        """All features."""
        return tuple(cls)

    @classmethod
    def all_but(cls, exclude) -> tuple:
        """All features but these."""
        excluded = set(exclude) if isinstance(exclude, (list, tuple, set)) else {exclude}
        return tuple(f for f in cls if f not in excluded | {cls.ALL})


def to_graph(entity, recursive=True, experimental_optional_features=None):
    """The function with its control flow converted, as ``tf.function`` converts it.

    Args:
        entity: a Python function or method.
        recursive, experimental_optional_features: without effect; functions that it calls are converted.

    Raises:
        UsageError: it cannot be converted; the message says why.
    """
    function = _function_of("to_graph", entity)
    if why := _refusal(function):
        raise UsageError(explain(f"to_graph: {why}"))
    return converted(entity if isinstance(entity, types.MethodType) else function)


def to_code(entity, recursive=True, experimental_optional_features=None) -> str:
    """The source of the converted function.

    Args:
        entity: a Python function or method.
        recursive, experimental_optional_features: without effect.

    Raises:
        UsageError: it cannot be converted; the message says why.
    """
    function = _function_of("to_code", entity)
    if why := _refusal(function):
        raise UsageError(explain(f"to_code: {why}"))
    tree = conversion_of(function).tree
    return ast.unparse(tree) + "\n" if tree is not None else inspect.getsource(function)


def _function_of(name: str, entity) -> types.FunctionType:
    entity = getattr(entity, "python_function", entity)
    function = getattr(entity, "__func__", entity)
    if not isinstance(function, types.FunctionType):
        raise UsageError(explain(f"{name}: needs a Python function, got {entity!r}"))
    return function


def _refusal(function: types.FunctionType) -> str:
    """Why a function cannot be converted; empty if it can."""
    if is_converted(function):
        return f"{function.__qualname__} is converted already"
    if function.__dict__.get(UNCONVERTED):
        return "it is marked do_not_convert"
    return conversion_of(function).why


def do_not_convert(func: Callable | None = None):
    """A decorator: the function, and what it calls, runs as Python wherever it is called."""
    if func is None:
        return do_not_convert

    @functools.wraps(func)
    def unconverted(*args, **kwargs):
        return func(*args, **kwargs)

    setattr(unconverted, UNCONVERTED, True)
    return unconverted


def set_loop_options(parallel_iterations=_UNSET, swap_memory=_UNSET, maximum_iterations=_UNSET,
                     shape_invariants=_UNSET):  # fmt: skip
    """Options of the loop at whose beginning it stands; the conversion takes it out of there. Nothing elsewhere.

    Args:
        maximum_iterations: stop after so many steps.
        parallel_iterations, swap_memory: without effect.
        shape_invariants: pairs of a loop variable and what is known of its shape in every step.
    """


def set_verbosity(level, alsologtostdout=False) -> None:
    """How much the conversion tells: the source of every converted function from 1 on, on standard output if wanted.

    Args:
        level: 0 to 10.
        alsologtostdout: print it, besides logging it to ``graphc.autograph``.
    """
    VERBOSITY.level, VERBOSITY.prints = int(level), bool(alsologtostdout)


def trace(*args) -> None:
    """Print the arguments while a function is being traced."""
    print(*args)
