"""Variable scopes: variables found again by name."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib.promote import literal_array
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.initializers import Zeros, glorot_uniform
from graphc.api.operators import Operators
from graphc.api.shape import TensorShape
from graphc.v1.variables import Variable

AUTO_REUSE = "auto_reuse"


@dataclass
class VariableScope:
    """What ``get_variable`` takes from the scope around it.

    Attributes:
        name: prefix of variables' names.
        reuse: True (variables must exist), False (they must not), or AUTO_REUSE.
    """

    name: str = ""
    reuse: object = False
    initializer: object = None
    regularizer: object = None
    dtype: object = dt.f32
    original_name_scope: str = ""

    def reuse_variables(self) -> None:
        """From here on variables must exist."""
        self.reuse = True

    def set_initializer(self, initializer) -> None:
        self.initializer = initializer

    def get_variable(self, name, *args, **kwargs) -> Variable:
        """``get_variable`` in the current scope."""
        return get_variable(name, *args, **kwargs)

    def global_variables(self) -> list:
        return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, self.name)

    def trainable_variables(self) -> list:
        return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, self.name)


def get_variable_scope() -> VariableScope:
    """The current variable scope of the default graph."""
    graph = get_default_graph()
    if graph.variable_scope is None:
        graph.variable_scope = VariableScope()
    return graph.variable_scope


@contextmanager
def variable_scope(name_or_scope, default_name=None, values=None, initializer=None, regularizer=None,
                   caching_device=None, partitioner=None, custom_getter=None, reuse=None, dtype=None,
                   use_resource=None, constraint=None, auxiliary_name_scope=True):  # fmt: skip
    """Variables made inside are called ``scope/name``.

    Raises:
        UsageError: neither a name nor a default name is given, or ``reuse`` is set with a default name only.
    """
    graph, outer = get_default_graph(), get_variable_scope()
    if name_or_scope is None:
        if default_name is None:
            raise UsageError(explain("variable_scope: needs name_or_scope or default_name"))
        if reuse:
            raise UsageError(explain("variable_scope: reuse needs name_or_scope, not a default name"))
        name_or_scope = _unique_default(graph, outer, default_name)
    if not isinstance(name_or_scope, (str, VariableScope)):
        raise UsageError(explain(f"variable_scope: needs a name or a scope, got {name_or_scope!r}"))
    if isinstance(name_or_scope, VariableScope):
        inner = replace(name_or_scope)
        label = inner.name.rpartition("/")[2]
    else:
        inner = replace(outer, name=f"{outer.name}/{name_or_scope}" if outer.name else name_or_scope)
        label = name_or_scope
    if reuse is not None:
        inner.reuse = reuse or outer.reuse
    inner.initializer = initializer if initializer is not None else inner.initializer
    inner.regularizer = regularizer if regularizer is not None else inner.regularizer
    inner.dtype = dtype if dtype is not None else inner.dtype
    graph.variable_scope = inner
    try:
        prefix = label if auxiliary_name_scope and label else _same(graph)
        with _counted(graph, inner.name), graph.name_scope(prefix) as scope:
            inner.original_name_scope = scope
            yield inner
    finally:
        graph.variable_scope = outer


def _same(graph) -> str | None:
    """The name scope that is current, to be entered again."""
    return graph.get_name_scope() + "/" if graph.get_name_scope() else None


def _unique_default(graph, outer: VariableScope, name: str) -> str:
    """``name``, with a number where a scope of that name was open inside ``outer`` before."""
    prefix = f"{outer.name}/" if outer.name else ""
    candidate, count = name, 0
    while graph.scope_counts.get(prefix + candidate):
        count += 1
        candidate = f"{name}_{count}"
    return candidate


@contextmanager
def _counted(graph, name: str):
    """Count the scope as used; on leaving forget the scopes inside, so that the same code finds the same names."""
    graph.scope_counts[name] = graph.scope_counts.get(name, 0) + 1
    try:
        yield
    finally:
        for inner in [k for k in graph.scope_counts if k.startswith(name + "/")]:
            del graph.scope_counts[inner]


def get_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=None, collections=None,
                 caching_device=None, partitioner=None, validate_shape=True, use_resource=None, custom_getter=None,
                 constraint=None, synchronization=None, aggregation=None) -> Variable:  # fmt: skip
    """The variable of this name in the current scope, made if the scope does not reuse.

    Raises:
        UsageError: it exists and the scope does not reuse, or it does not and the scope reuses.
        ShapeError, DtypeError: it exists with another shape or dtype.
    """
    graph, scope = get_default_graph(), get_variable_scope()
    graph.check_name(name)
    full = f"{scope.name}/{name}" if scope.name else name
    found = graph.variables.get(full)
    if found is not None:
        if not scope.reuse:
            made = [(full, f"is variable {full}   {found.op.location}")]
            what = f"get_variable: variable {full} exists already; set reuse=True or reuse=tf.AUTO_REUSE in its scope"
            raise UsageError(explain(what, made))
        return _checked(found, full, shape, dtype)
    if scope.reuse is True:
        raise UsageError(explain(f"get_variable: variable {full} does not exist, and its scope reuses variables"))
    variable = _made(graph, scope, full, shape, dtype, initializer, trainable is not False, collections, constraint)
    graph.variables[full] = variable
    regularizer = regularizer if regularizer is not None else scope.regularizer
    if regularizer is not None:
        with graph.name_scope(f"{full}/Regularizer/"):
            loss = regularizer(variable)
        if loss is not None:
            graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
    return variable


def _checked(found: Variable, full: str, shape, dtype) -> Variable:
    made = [(full, f"is variable {full}   {found.op.location}")]
    if shape is not None and not found.shape.is_compatible_with(shape):
        what = f"get_variable: variable {full} has shape {found.shape}, not {TensorShape(shape)}"
        raise ShapeError(explain(what, made))
    if dtype is not None and dt.as_dtype(dtype) is not found.dtype:
        what = f"get_variable: variable {full} has dtype {found.dtype.name}, not {dt.as_dtype(dtype).name}"
        raise DtypeError(explain(what, made))
    return found


def _made(graph, scope, full, shape, dtype, initializer, trainable, collections, constraint) -> Variable:
    initializer = initializer if initializer is not None else scope.initializer
    kind = dt.as_dtype(dtype if dtype is not None else scope.dtype)
    if initializer is None:
        initializer = glorot_uniform() if kind.is_inexact else Zeros()
    if isinstance(initializer, type):
        initializer = initializer()
    if callable(initializer) and not isinstance(initializer, Operators):
        if shape is None:
            raise ShapeError(explain(f"get_variable: variable {full} needs a shape"))
        sizes = TensorShape(shape).as_list()
        if None in sizes:
            raise ShapeError(explain(f"get_variable: variable {full} needs known sizes, not {TensorShape(shape)}"))

        def initial():
            return initializer(sizes, dtype=kind)
    else:
        if shape is not None:
            _check_initial(full, shape, initializer)
        initial, kind = initializer, None if dtype is None and isinstance(initializer, Operators) else kind
    with graph.name_scope(None):
        return Variable(initial, trainable, collections, name=full, dtype=kind, constraint=constraint)


def _check_initial(full: str, shape, initializer) -> None:
    """Refuse a value that has not the shape that is asked for."""
    found = initializer.shape if isinstance(initializer, Operators) else TensorShape(literal_array(initializer).shape)
    if not TensorShape(shape).is_compatible_with(found):
        what = f"get_variable: variable {full} of shape {TensorShape(shape)} cannot start with a value of shape {found}"
        raise ShapeError(explain(what))
