"""How ``tf.Variable(...)`` becomes an object: through creators, in a graph or eager."""

from __future__ import annotations

import inspect
from contextlib import contextmanager

from graphc.api import variable as eager
from graphc.errors import UsageError, explain
from graphc.v1.graph import get_default_graph
from graphc.v1.mode import executing_eagerly


class VariableType(type):
    """The type of ``tf.Variable``: calls creators, and answers with an eager variable in eager mode.

    Attributes:
        kinds: what counts as an instance of ``tf.Variable``.
    """

    kinds: tuple = ()

    def __call__(cls, *args, **kwargs):
        if cls is not VariableType.kinds[0]:
            return super().__call__(*args, **kwargs)
        bound = inspect.signature(cls.__init__).bind(None, *args, **kwargs) if args else None
        given = dict(bound.arguments) if bound else dict(kwargs)
        given.pop("self", None)
        if given.get("variable_def") is not None:
            return cls.from_proto(given["variable_def"], given.get("import_scope"))
        is_eager = executing_eagerly()

        def make(next_creator=None, **arguments):
            return _eager(**arguments) if is_eager else super(VariableType, cls).__call__(**arguments)

        for creator in get_default_graph().creators:
            make = _asking(creator, make)
        return make(**{**_DEFAULTS, **given}) if get_default_graph().creators else make(**given)

    def __instancecheck__(cls, instance):
        if cls is VariableType.kinds[0]:
            return isinstance(type(instance), VariableType) or isinstance(instance, VariableType.kinds[1])
        return super().__instancecheck__(instance)


_DEFAULTS = dict.fromkeys(
    "initial_value trainable collections caching_device name variable_def dtype expected_shape import_scope constraint "
    "use_resource shape".split()
) | {"validate_shape": True}


def _asking(creator, following):
    def make(**arguments):
        return creator(following, **arguments)

    return make


def _eager(initial_value=None, trainable=None, collections=None, dtype=None, name=None, constraint=None,
           shape=None, **ignored) -> eager.Variable:  # fmt: skip
    if collections:
        what = "Variable: collections belong to a graph; in eager mode keep variables in objects of your own"
        raise UsageError(explain(what))
    return eager.Variable(initial_value, trainable, name=name, dtype=dtype, constraint=constraint, shape=shape)


@contextmanager
def variable_creator_scope(variable_creator):
    """Variables made inside come from ``variable_creator(next_creator, **arguments)``.

    Args:
        variable_creator: answers with ``next_creator(**arguments)``, whose arguments it may change, or with
            something of its own. ``tf.get_variable`` asks it as well.

    Raises:
        UsageError: it is no function.
    """
    if not callable(variable_creator):
        raise UsageError(explain(f"variable_creator_scope: needs a function, got {variable_creator!r}"))
    graph = get_default_graph()
    before, graph.creators = graph.creators, (*graph.creators, variable_creator)
    try:
        yield
    finally:
        graph.creators = before
