"""Variable scopes: what ``get_variable`` takes from around it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

from graphc.api import scope as api_scope
from graphc.api.operators import Operators
from graphc.errors import DtypeError, StateError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib.promote import literal_array
from graphc.v1.control import one_graph
from graphc.v1.graph import get_default_graph
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.mode import executing_eagerly
from graphc.v1.variable_store import AUTO_REUSE, find_or_make

# What a scope hands on to the scopes and variables inside, each where they do not say otherwise.
_HANDED = ("initializer", "regularizer", "caching_device", "partitioner", "custom_getter", "dtype", "use_resource",
           "constraint")  # fmt: skip


class VariableScope:
    """What ``get_variable`` takes from the scope around it.

    Args:
        reuse: True (variables must exist), False (they must not), or ``tf.AUTO_REUSE``.
        name: prefix of variables' names.
        name_scope: the scope of operations' names that it was opened with.
        initializer, regularizer, caching_device, partitioner, custom_getter, dtype, use_resource, constraint: of
            variables that do not say otherwise.
    """

    def __init__(self, reuse=False, name="", initializer=None, regularizer=None, caching_device=None, partitioner=None,
                 custom_getter=None, name_scope="", dtype=dt.f32, use_resource=None, constraint=None):  # fmt: skip
        self.reuse, self.name, self.original_name_scope = reuse, name, name_scope
        self.initializer, self.regularizer, self.caching_device = initializer, regularizer, caching_device
        self.partitioner, self.custom_getter, self.dtype = partitioner, custom_getter, dtype
        self.use_resource, self.constraint = use_resource, constraint

    @property
    def _name_scope(self) -> str:
        return self.original_name_scope

    def reuse_variables(self) -> None:
        """From here on variables must exist."""
        self.reuse = True

    def set_custom_getter(self, custom_getter) -> None:
        """A function that makes or finds the variables inside."""
        self.custom_getter = custom_getter

    def get_variable(self, name, shape=None, dtype=None, initializer=None, regularizer=None, reuse=None,
                     trainable=None, collections=None, caching_device=None, partitioner=None, validate_shape=True,
                     use_resource=None, custom_getter=None, constraint=None, synchronization=None,
                     aggregation=None):  # fmt: skip
        """The variable ``scope/name``, see ``tf.get_variable``."""
        graph = get_default_graph()
        if not isinstance(name, str):
            graph.check_name(name)
        if dtype is not None and initializer is not None and not callable(initializer):
            initializer = _of_dtype(name, initializer, dt.as_dtype(dtype))

        def chosen(value, attribute: str):
            return getattr(self, attribute) if value is None else value

        with graph.name_scope(None):
            return find_or_make(
                graph, f"{self.name}/{name}" if self.name else name, chosen(custom_getter, "custom_getter"),
                chosen(constraint, "constraint"), shape=shape, dtype=dt.as_dtype(chosen(dtype, "dtype")),
                initializer=chosen(initializer, "initializer"), regularizer=chosen(regularizer, "regularizer"),
                reuse=chosen(reuse, "reuse"), trainable=trainable, collections=collections,
                caching_device=chosen(caching_device, "caching_device"), partitioner=chosen(partitioner, "partitioner"),
                validate_shape=validate_shape, use_resource=chosen(use_resource, "use_resource"),
                synchronization=synchronization, aggregation=aggregation,
            )  # fmt: skip

    def get_collection(self, name) -> list:
        """What is in a collection and has a name inside of the scope."""
        return get_default_graph().get_collection(name, f"{self.name}/" if self.name else "")

    def global_variables(self) -> list:
        """The global variables of the scope."""
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self) -> list:
        """The local variables of the scope."""
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def trainable_variables(self) -> list:
        """The trainable variables of the scope."""
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def __repr__(self):
        return f"<tf.VariableScope {self.name!r} reuse={self.reuse}>"


def _setter(attribute: str):
    def set_it(self, value) -> None:
        setattr(self, attribute, value)

    set_it.__name__ = set_it.__qualname__ = f"set_{attribute}"
    set_it.__doc__ = f"``{attribute}`` of variables made from here on."
    return set_it


for _attribute in ("initializer", "regularizer", "caching_device", "partitioner", "dtype", "use_resource"):
    setattr(VariableScope, f"set_{_attribute}", _setter(_attribute))


def _of_dtype(name: str, value, kind: dt.DType):
    """A value to start with of the dtype that is asked for."""
    if not isinstance(value, Operators):
        return literal_array(value, kind)
    if value.dtype is not kind:
        what = f"get_variable: the initial value of {name} has dtype {value.dtype.name}, not {kind.name}"
        raise DtypeError(explain(what))
    return value


def get_variable_scope() -> VariableScope:
    """The current variable scope of the default graph."""
    graph = get_default_graph()
    if graph.variable_scope is None:
        graph.variable_scope = VariableScope()
    return graph.variable_scope


def _inherited(reuse, name: str, like: VariableScope, given: dict, name_scope: str) -> VariableScope:
    """A scope with what ``given`` says, and else what ``like`` does; custom getters are nested."""
    found = {k: given[k] if given.get(k) is not None else getattr(like, k) for k in _HANDED}
    inner, outer = given.get("custom_getter"), like.custom_getter
    if inner is not None and outer is not None:
        found["custom_getter"] = lambda getter, *args, **kwargs: inner(
            lambda *a, **k: outer(getter, *a, **k), *args, **kwargs
        )
    return VariableScope(reuse, name, name_scope=name_scope, **found)


@contextmanager
def pure_variable_scope(name_or_scope, reuse=None, old_name_scope: str | None = None, **given):
    """Variables made inside are called ``scope/name``; the names of operations stay as they are.

    Raises:
        StateError: on leaving, if scopes were not left in the order of entering.
    """
    graph, outer = get_default_graph(), get_variable_scope()
    counts = graph.scope_counts
    if isinstance(name_or_scope, VariableScope):
        like, name = name_or_scope, name_or_scope.name
        inner = _inherited(reuse or like.reuse, name, like, given, like.original_name_scope)
    else:
        name = f"{outer.name}/{name_or_scope}" if outer.name and name_or_scope else name_or_scope or outer.name
        inner = _inherited(reuse or outer.reuse, name, outer, given, old_name_scope or name_or_scope)
    counts[name] = counts.get(name, 0) + 1
    before = dict(counts)
    graph.variable_scope = inner
    try:
        yield inner
    finally:
        is_current, graph.variable_scope = graph.variable_scope is inner, outer
        if isinstance(name_or_scope, VariableScope):
            graph.scope_counts = before
        else:
            graph.scope_counts = {k: 0 if k.startswith(name + "/") else n for k, n in graph.scope_counts.items()}
    if not is_current:
        raise StateError(explain(f"variable_scope {name!r} was left while another one was open inside"))


class variable_scope:  # noqa: N801  TensorFlow's name
    """Variables that ``get_variable`` makes inside are called ``scope/name``, operations ``scope/op``.

    Args:
        name_or_scope: a name inside of the current scope, or a scope to jump to; None takes ``default_name`` with a
            number where that is taken.
        values: tensors whose graph is meant.
        reuse: True: variables must exist; ``tf.AUTO_REUSE``: they may; None and False: as in the scope around.
        auxiliary_name_scope: False: the names of operations stay as they are.

    Raises:
        UsageError: neither a name nor a default name is given, or ``reuse`` is set with a default name only.

    Example::

        with tf.variable_scope("layer", reuse=tf.AUTO_REUSE):
            w = tf.get_variable("w", [3, 2])  # called layer/w
    """

    def __init__(self, name_or_scope, default_name=None, values=None, initializer=None, regularizer=None,
                 caching_device=None, partitioner=None, custom_getter=None, reuse=None, dtype=None, use_resource=None,
                 constraint=None, auxiliary_name_scope=True):  # fmt: skip
        if name_or_scope is None and default_name is None:
            raise UsageError(explain("variable_scope: needs name_or_scope or default_name"))
        if name_or_scope is None and reuse:
            raise UsageError(explain("variable_scope: reuse needs name_or_scope, not a default name"))
        if not isinstance(name_or_scope, (str, VariableScope, type(None))):
            raise UsageError(explain(f"variable_scope: needs a name or a scope, got {name_or_scope!r}"))
        if reuse not in (True, False, None, AUTO_REUSE):
            raise UsageError(explain(f"variable_scope: reuse must be True, False, None or AUTO_REUSE, got {reuse!r}"))
        if not isinstance(auxiliary_name_scope, bool):
            what = f"variable_scope: auxiliary_name_scope must be True or False, got {auxiliary_name_scope!r}"
            raise UsageError(explain(what))
        self._name_or_scope, self._default, self._values = name_or_scope, default_name, values
        self._reuse, self._auxiliary = reuse or None, auxiliary_name_scope
        self._given = {"initializer": initializer, "regularizer": regularizer, "caching_device": caching_device,
                       "partitioner": partitioner, "custom_getter": custom_getter, "dtype": dtype,
                       "use_resource": use_resource, "constraint": constraint}  # fmt: skip
        self._open: list[ExitStack] = []

    def __enter__(self) -> VariableScope:
        with ExitStack() as stack:
            graph = one_graph("variable_scope", self._values or ())
            if not graph.is_eager:
                stack.enter_context(graph.as_default())
            found = self._entered(stack)
            self._open.append(stack.pop_all())
        return found

    def _entered(self, stack: ExitStack) -> VariableScope:
        graph, wanted = get_default_graph(), self._name_or_scope
        if wanted is None:
            label = self._default
        else:
            label = wanted if isinstance(wanted, str) else wanted.name.rpartition("/")[2]
        if executing_eagerly() and self._auxiliary and label:
            stack.enter_context(api_scope.name_scope(label))
        current = graph.get_name_scope()
        if not self._auxiliary:
            label = f"{current}/" if current else None
            entered = stack.enter_context(graph.name_scope(label))
        elif label:
            entered = stack.enter_context(graph.name_scope(label))
        else:
            entered = f"{current}/" if current else ""
        if wanted is None:
            wanted = unique_default(graph, self._default)
        return stack.enter_context(pure_variable_scope(wanted, self._reuse, entered, **self._given))

    def __exit__(self, *error) -> None:
        if not self._open:
            raise StateError(explain("variable_scope: left without having been entered"))
        self._open.pop().__exit__(*error)


def variable_op_scope(values, name_or_scope, default_name=None, initializer=None, regularizer=None,
                      caching_device=None, partitioner=None, custom_getter=None, reuse=None, dtype=None,
                      use_resource=None, constraint=None) -> variable_scope:  # fmt: skip
    """The older form of ``variable_scope``."""
    return variable_scope(name_or_scope, default_name, values, initializer, regularizer, caching_device, partitioner,
                          custom_getter, reuse, dtype, use_resource, constraint)  # fmt: skip


def unique_default(graph, name: str) -> str:
    """``name``, with a number where a scope of that name was open inside the current one before."""
    outer = get_variable_scope().name
    prefix = f"{outer}/" if outer else ""
    candidate, count = name, 0
    while graph.scope_counts.get(prefix + candidate):
        count += 1
        candidate = f"{name}_{count}"
    return candidate


def get_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=None, collections=None,
                 caching_device=None, partitioner=None, validate_shape=True, use_resource=None, custom_getter=None,
                 constraint=None, synchronization=None, aggregation=None):  # fmt: skip
    """The variable of this name in the current scope, made if the scope does not reuse.

    Args:
        shape: of a new variable; not needed where ``initializer`` is a value.
        initializer: a function ``(shape, dtype)``, a function without arguments, or a value; Glorot's uniform
            distribution for floats and zeros for integers if neither this nor the scope says.
        regularizer: a function from the new variable to a loss, which joins the regularisation losses.
        trainable: whether optimizers change it by default; True if None.
        partitioner: a function of shape and dtype to the number of parts along each axis.
        custom_getter: a function ``(getter, name, **arguments)`` that answers with the variable.

    Raises:
        UsageError: it exists and the scope does not reuse, or it does not and the scope reuses.
        ShapeError, DtypeError: it exists with another shape or dtype.
    """
    return get_variable_scope().get_variable(
        name, shape, dtype, initializer, regularizer, None, trainable, collections, caching_device, partitioner,
        validate_shape, use_resource, custom_getter, constraint, synchronization, aggregation,
    )  # fmt: skip


def get_local_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=False,
                       collections=None, caching_device=None, partitioner=None, validate_shape=True, use_resource=None,
                       custom_getter=None, constraint=None, synchronization=None, aggregation=None):  # fmt: skip
    """Like ``get_variable``, for a variable of the collection of local ones that is not trained."""
    collections = [*(collections or ()), GraphKeys.LOCAL_VARIABLES]
    return get_variable(
        name, shape, dtype, initializer, regularizer, False, collections, caching_device, partitioner, validate_shape,
        use_resource, custom_getter, constraint, synchronization, aggregation,
    )  # fmt: skip
