"""The functions of variables: assigning, lists of variables by collection, initialising, asking what is initialised."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.api.sparse import IndexedSlices
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import math
from graphc.v1 import ops
from graphc.v1.control import group
from graphc.v1.graph import get_default_graph
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.mode import executing_eagerly
from graphc.v1.partition import PartitionedVariable
from graphc.v1.printing import Assert
from graphc.v1.tensor import Read, Tensor
from graphc.v1.variable import Variable


def _variable(op_name: str, ref) -> Variable:
    """``ref``, which must be a variable, or the tensor that stands for one.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(ref, Tensor) and isinstance(ref.op.effect, Read):
        ref = ref.op.effect.variable
    if not isinstance(ref, Variable):
        raise UsageError(explain(f"{op_name}: needs a variable, got {ref!r}"))
    return ref


def _is_eager(variable) -> bool:
    return isinstance(variable, Operators) and variable.graph.is_eager


def _eager_scatter(name: str, ref, indices, updates):
    method = getattr(ref, name, None)
    if method is None:
        raise UsageError(explain(f"{name}: not available in eager mode; compute the new value and assign it"))
    if name.startswith("scatter_nd"):
        return method(indices, updates)
    return method(IndexedSlices(ops.convert_to_tensor(updates), ops.convert_to_tensor(indices)))


def assign(ref: Variable, value, validate_shape=None, use_locking=None, name=None) -> Tensor:
    """Set a variable. Returns the new value."""
    return _variable("assign", ref).assign(value, name=name)


def assign_add(ref: Variable, value, use_locking=None, name=None) -> Tensor:
    """Add to a variable. Returns the new value."""
    return _variable("assign_add", ref).assign_add(value, name=name)


def assign_sub(ref: Variable, value, use_locking=None, name=None) -> Tensor:
    """Subtract from a variable. Returns the new value."""
    return _variable("assign_sub", ref).assign_sub(value, name=name)


_ROWS = {
    "update": "Set rows of a variable; of rows given twice one of the updates stays.",
    "add": "Add to rows of a variable; rows given twice get both.",
    "sub": "Subtract from rows of a variable; from rows given twice both.",
    "mul": "Multiply rows of a variable; rows given twice by both.",
    "div": "Divide rows of a variable; rows given twice by both.",
    "min": "Set rows of a variable where the updates are smaller.",
    "max": "Set rows of a variable where the updates are greater.",
}
_PLACES = {
    "update": "Set slices of a variable at index vectors, the last axis of ``indices``.",
    "add": "Add to slices of a variable at index vectors, the last axis of ``indices``.",
    "sub": "Subtract from slices of a variable at index vectors, the last axis of ``indices``.",
    "min": "Set slices of a variable at index vectors where the updates are smaller.",
    "max": "Set slices of a variable at index vectors where the updates are greater.",
}


def _scattered(kind: str, doc: str, op: str, method: str):
    name_of = f"{op}_{kind}"

    def scatter(ref, indices, updates, use_locking=kind == "update", name=None) -> Tensor:
        if _is_eager(ref):
            return _eager_scatter(name_of, ref, indices, updates)
        return getattr(_variable(name_of, ref), method)(kind, indices, updates, name)

    scatter.__name__ = scatter.__qualname__ = name_of
    scatter.__doc__ = f"{doc} Returns the new value.\n\n    Raises:\n        ShapeError, DtypeError: they do not fit."
    return scatter


for _kind, _doc in _ROWS.items():
    globals()[f"scatter_{_kind}"] = _scattered(_kind, _doc, "scatter", "change_rows")
for _kind, _doc in _PLACES.items():
    globals()[f"scatter_nd_{_kind}"] = _scattered(_kind, _doc, "scatter_nd", "change_at")


def batch_scatter_update(ref: Variable, indices, updates, use_locking=True, name=None) -> Tensor:
    """Set rows within each batch: ``ref[b, indices[b, i]] = updates[b, i]``, b for all axes but the last."""
    variable = _variable("batch_scatter_update", ref)
    graph = variable.graph
    with graph.name_scope(name or "batch_scatter_update"):
        places = graph.convert(indices)
        sizes = places.shape.as_list()
        if None in sizes:
            raise UsageError(explain(f"batch_scatter_update: needs indices of known shape, not {places.shape}"))
        axes = ops.meshgrid(*[ops.range(n, dtype=places.dtype) for n in sizes], indexing="ij")[:-1]
        return variable.change_at("update", ops.stack([*axes, places], axis=-1), updates)


# ----------------------------------------------------------------------------------------------- lists


def _listed(key: str, what: str):
    def variables(scope=None) -> list:
        return get_default_graph().get_collection(key, scope)

    variables.__doc__ = f"{what}; with ``scope`` those whose names begin with what matches it."
    return variables


global_variables = _listed(GraphKeys.GLOBAL_VARIABLES, "The variables that are kept and shared: all but local ones")
local_variables = _listed(GraphKeys.LOCAL_VARIABLES, "The variables that only this run of the program needs")
model_variables = _listed(GraphKeys.MODEL_VARIABLES, "The variables that a model's predictions need")
metric_variables = _listed(GraphKeys.METRIC_VARIABLES, "The variables that metrics count in")
trainable_variables = _listed(GraphKeys.TRAINABLE_VARIABLES, "The variables that optimizers change by default")
moving_average_variables = _listed(GraphKeys.MOVING_AVERAGE_VARIABLES, "The variables that have moving averages")
for _name in ("global", "local", "model", "metric", "trainable", "moving_average"):
    globals()[f"{_name}_variables"].__name__ = globals()[f"{_name}_variables"].__qualname__ = f"{_name}_variables"


def all_variables() -> list:
    """The old name of ``global_variables``."""
    return global_variables()


# ---------------------------------------------------------------------------------------- initialising


def variables_initializer(var_list, name="init"):
    """An operation that sets the variables to their initial values.

    Raises:
        UsageError: something in the list is no variable.
    """
    if executing_eagerly():
        return None  # they have been initialised
    given = [var_list] if isinstance(var_list, (Operators, str)) else list(var_list)
    return group(*[_initializer(v) for v in given], name=name)


def _initializer(v):
    if isinstance(v, PartitionedVariable) or hasattr(v, "initializer"):
        return v.initializer
    return _variable("variables_initializer", v).initializer


def global_variables_initializer():
    """An operation that initialises all global variables."""
    return variables_initializer(global_variables())


def local_variables_initializer():
    """An operation that initialises all local variables."""
    return variables_initializer(local_variables(), name="init")


def initialize_all_variables():
    """The old name of ``global_variables_initializer``."""
    return global_variables_initializer()


def initialize_local_variables():
    """The old name of ``local_variables_initializer``."""
    return local_variables_initializer()


def initialize_variables(var_list, name="init"):
    """The old name of ``variables_initializer``."""
    return variables_initializer(var_list, name)


def is_variable_initialized(variable) -> Tensor:
    """Whether a variable has a value in the session, a boolean tensor."""
    if _is_eager(variable):
        return ops.constant(True)
    return _variable("is_variable_initialized", variable).is_initialized()


def report_uninitialized_variables(var_list=None, name="report_uninitialized_variables") -> Tensor:
    """The names of the variables that have no value in the session, a vector of strings.

    Args:
        var_list: the variables; all global and local ones if None.
    """
    variables = global_variables() + local_variables() if var_list is None else list(var_list)
    graph = variables[0].graph if variables else get_default_graph()
    with graph.as_default(), graph.name_scope(name):
        if not variables:
            return ops.constant([], dt.string, [0])
        with graph.control_dependencies(None):
            known = ops.stack([_variable(name, v).is_initialized() for v in variables])
        names = ops.constant([v.op.name for v in variables])
        return ops.boolean_mask(names, graph.call("LogicalNot", "LogicalNot", math.logical_not, (known,), "x"))


def assert_variables_initialized(var_list=None):
    """An operation that refuses to run while a variable has no value; None if there are no variables."""
    variables = global_variables() + local_variables() if var_list is None else list(var_list)
    if not variables:
        return None
    missing = report_uninitialized_variables(variables, "assert_variables_initialized")
    return Assert(ops.equal(ops.size(missing), 0), ["uninitialised variables:", missing])
