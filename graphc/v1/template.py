"""Templates: functions whose variables are made by the first call and shared by all later ones."""

from __future__ import annotations

import functools
from collections.abc import Callable

from graphc.errors import UsageError, explain
from graphc.v1.graph import get_default_graph
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.scope import pure_variable_scope, unique_default, variable_scope


def make_template(name_: str, func_: Callable, create_scope_now_: bool = False, unique_name_: str | None = None,
                  custom_getter_: Callable | None = None, **kwargs) -> "Template":  # fmt: skip
    """A function like ``func_`` whose calls all use the variables that the first one made with ``tf.get_variable``.

    Args:
        name_: of the variable scope, with a number where it is taken.
        create_scope_now_: decide the number now and not at the first call.
        unique_name_: the exact name of the scope instead.
        kwargs: arguments for every call of ``func_``.

    Raises:
        UsageError: ``func_`` is no function, or there is no name.

    Example::

        scaled = tf.make_template("scale", lambda x: x * tf.get_variable("by", []))
        y, z = scaled(x), scaled(2 * x)  # one variable, scale/by
    """
    if not callable(func_):
        raise UsageError(explain(f"make_template: needs a function, got {func_!r}"))
    if not isinstance(name_, str) or not name_:
        raise UsageError(explain(f"make_template: needs a name, got {name_!r}"))
    function = functools.partial(func_, **kwargs) if kwargs else func_
    return Template(name_, function, create_scope_now_, unique_name_, custom_getter_)


class Template:
    """A function with variables; see ``make_template``.

    Attributes:
        name: that was asked for; var_scope: the scope of its variables, None before the first call.
    """

    def __init__(self, name: str, function: Callable, now: bool, unique_name: str | None, custom_getter):
        self.name, self._function, self._unique, self._getter = name, function, unique_name, custom_getter
        self.variable_scope, self._has_variables = None, False
        if now:
            chosen = unique_name or unique_default(get_default_graph(), name)
            with pure_variable_scope(chosen, custom_getter=custom_getter) as self.variable_scope:
                pass

    @property
    def var_scope(self):
        """The variable scope, None before the first call."""
        return self.variable_scope

    def __call__(self, *args, **kwargs):
        if self.variable_scope is not None:
            with variable_scope(self.variable_scope, reuse=self._has_variables):
                return self._called(args, kwargs)
        with variable_scope(self._unique, self.name, custom_getter=self._getter) as self.variable_scope:
            return self._called(args, kwargs)

    def _called(self, args, kwargs):
        graph, key = get_default_graph(), GraphKeys.TRAINABLE_VARIABLES
        count = len(graph.get_collection(key))
        result = self._function(*args, **kwargs)
        trained = graph.get_collection(key)
        if self._has_variables and len(trained) != count:
            named = ", ".join(v.op.name for v in trained[count:])
            what = f"template {self.name}: a call after the first one made new variables ({named})"
            raise UsageError(explain(f"{what}; use tf.get_variable instead of tf.Variable"))
        self._has_variables = True
        return result

    def _listed(self, key: str) -> list:
        if self.variable_scope is None:
            return []
        return get_default_graph().get_collection(key, f"{self.variable_scope.name}/")

    @property
    def global_variables(self) -> list:
        """Its global variables."""
        return self._listed(GraphKeys.GLOBAL_VARIABLES)

    variables = weights = global_variables

    @property
    def trainable_variables(self) -> list:
        """Its variables that are trained."""
        return self._listed(GraphKeys.TRAINABLE_VARIABLES)

    trainable_weights = trainable_variables

    @property
    def local_variables(self) -> list:
        """Its local variables."""
        return self._listed(GraphKeys.LOCAL_VARIABLES)
