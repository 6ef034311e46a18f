"""Variables found again by their full names, made where there is none, whole or in parts."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum

import numpy as np

from graphc.api import scope as api_scope
from graphc.api.operators import Operators
from graphc.api.shape import TensorShape
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib.promote import literal_array
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.initializers import Zeros, glorot_uniform
from graphc.v1.mode import executing_eagerly
from graphc.v1.partition import PartitionedVariable, PartitionInfo, partitions_by, slices_of
from graphc.v1.variable import Variable
from graphc.v1.variable_def import SaveSliceInfo


class ReuseMode(Enum):
    """How ``get_variable`` treats variables that exist: takes them, and makes those that do not."""

    AUTO_REUSE = 1


AUTO_REUSE = ReuseMode.AUTO_REUSE
_OWN = ("trainable", "collections", "caching_device", "constraint", "use_resource", "synchronization", "aggregation",
        "validate_shape")  # fmt: skip


def find_or_make(graph, name: str, custom_getter: Callable | None = None, constraint=None, **wish):
    """What a custom getter answers with, or ``found_or_made``."""

    def getter(name, shape=None, dtype=dt.f32, initializer=None, regularizer=None, reuse=None, trainable=None,
               collections=None, caching_device=None, partitioner=None, validate_shape=True, use_resource=None,
               constraint=None, synchronization=None, aggregation=None):  # fmt: skip
        given = dict(locals())
        given.pop("graph", None)
        return found_or_made(graph, **given)

    if custom_getter is None:
        return getter(name, constraint=constraint, **wish)
    if not callable(custom_getter):
        raise UsageError(explain(f"get_variable: custom_getter must be a function, got {custom_getter!r}"))
    if constraint is not None or _accepts(custom_getter, "constraint"):
        wish["constraint"] = constraint
    return custom_getter(getter, name, **wish)


def found_or_made(graph, name: str, shape, dtype, initializer, regularizer, reuse, partitioner, **own):
    """The variable of this full name; ``reuse`` says whether it may or must exist.

    Raises:
        UsageError: it exists and must not, or does not and must.
        ShapeError, DtypeError: it exists with another shape or dtype, or cannot be made with this one.
    """
    graph.check_name(name)
    shape = None if shape is None else TensorShape(shape)
    in_parts = partitioner is not None and not (shape is not None and shape.dims == ())
    if in_parts or (reuse and name in graph.partitioned):
        if not in_parts or callable(partitioner):
            return _in_parts(graph, name, shape, dtype, initializer, regularizer, reuse, partitioner, own)
        raise UsageError(explain(f"get_variable: the partitioner of {name} must be a function, got {partitioner!r}"))
    if f"{name}/part_0" in graph.variables:
        first = graph.variables[f"{name}/part_0"]
        what = f"get_variable: variable {name} was made in parts, so it needs a partitioner here, too"
        raise UsageError(explain(what, _made(name, first)))
    return _single(graph, name, shape, dtype, initializer, regularizer, reuse, own)


def _single(graph, name, shape, dtype, initializer, regularizer, reuse, own, info=None) -> Variable:
    found = None if executing_eagerly() else graph.variables.get(name)
    if found is not None:
        return _checked(found, name, shape, dtype, initializer, reuse)
    if reuse is True and not executing_eagerly():
        what = f"get_variable: variable {name} does not exist, or was not made by tf.get_variable, and its scope reuses"
        raise UsageError(explain(f"{what} variables; did you mean reuse=tf.AUTO_REUSE?"))
    initial, kind = _initial(name, shape, dtype, initializer, info)
    with graph.name_scope(None), graph.control_dependencies(None), api_scope.name_scope(""):
        made = Variable(initial, name=name, dtype=kind, **{k: own[k] for k in _OWN if own.get(k) is not None})
    if executing_eagerly():
        return made
    graph.variables[name] = made
    if regularizer is not None:
        with graph.name_scope(f"{name}/Regularizer/"), graph.control_dependencies(None), _beside(graph, made):
            loss = regularizer(made)
        if loss is not None:
            graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
    return made


def _beside(graph, variable):
    return graph.colocate_with(variable if hasattr(variable, "as_element") else None, ignore_existing=True)


def _checked(found, name: str, shape, dtype, initializer, reuse) -> Variable:
    """A variable that exists, if that is as it should be."""
    if not reuse:
        what = f"get_variable: variable {name} exists already; did you mean reuse=True or reuse=tf.AUTO_REUSE in its"
        raise UsageError(explain(f"{what} scope?", _made(name, found)))
    if shape is not None and not found.shape.is_compatible_with(shape):
        what = f"get_variable: variable {name} has shape {found.shape}, not {shape}"
        raise ShapeError(explain(what, _made(name, found)))
    is_value = initializer is not None and not callable(initializer)
    if dtype is not None and not is_value and dt.as_dtype(dtype) is not found.dtype:
        what = f"get_variable: variable {name} has dtype {found.dtype.name}, not {dt.as_dtype(dtype).name}"
        raise DtypeError(explain(what, _made(name, found)))
    return found


def _made(name: str, found) -> list:
    op = getattr(found, "op", None)
    return [(name, f"is variable {name}   {op.location}")] if op is not None else []


def _initial(name: str, shape, dtype, initializer, info):
    """The initial value for ``Variable``, and the dtype to ask for."""
    kind = dt.as_dtype(dtype if dtype is not None else dt.f32)
    if initializer is None:
        initializer = default_initializer(name, kind)
    if isinstance(initializer, type):
        initializer = initializer()
    if not callable(initializer):
        if shape is not None:
            _check_value(name, shape, initializer)
        return initializer, None
    if shape is None or not shape.is_fully_defined():
        if shape is None and _needs_nothing(initializer):
            return initializer, None
        more = "" if shape is None else f" of known sizes, not {shape}"
        raise ShapeError(explain(f"get_variable: variable {name} needs a shape{more}"))
    sizes = shape.as_list()
    more = {"partition_info": info} if info is not None and _accepts(initializer, "partition_info") else {}
    return lambda: initializer(sizes, dtype=kind, **more), kind


def default_initializer(name: str, kind: dt.DType) -> Callable:
    """What initialises a variable of this dtype where nothing is said.

    Raises:
        DtypeError: there is nothing for it.
    """
    if kind.is_inexact and not kind.is_complex:
        return glorot_uniform()
    if kind.is_integer or kind is dt.b1:
        return Zeros()
    if kind is dt.string:
        return lambda shape, dtype: np.full(shape, b"", object)
    raise DtypeError(explain(f"get_variable: variable {name} of dtype {kind.name} needs an initializer"))


def _check_value(name: str, shape: TensorShape, value) -> None:
    """Refuse a value that has not the shape that is asked for."""
    found = value.shape if isinstance(value, Operators) else TensorShape(literal_array(value).shape)
    if not shape.is_compatible_with(found):
        what = f"get_variable: variable {name} of shape {shape} cannot start with a value of shape {found}"
        raise ShapeError(explain(what))


def _accepts(function: Callable, argument: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.name == argument or p.kind is p.VAR_KEYWORD for p in parameters)


def _needs_nothing(function: Callable) -> bool:
    """Whether a function can be called without arguments."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def _in_parts(graph, name, shape, dtype, initializer, regularizer, reuse, partitioner, own) -> PartitionedVariable:
    found = graph.partitioned.get(name)
    if found is not None:
        _checked(found, name, shape, dtype, initializer, reuse)
        if partitioner is not None and partitions_by(partitioner, name, found.shape, found.dtype) != found._partitions:
            what = f"get_variable: variable {name} was made in {len(found)} parts, its partitioner says otherwise now"
            raise UsageError(explain(what, _made(name, found)))
        return found
    if name in graph.variables:
        what = f"get_variable: variable {name} was made without a partitioner, so it has no parts"
        raise UsageError(explain(what, _made(name, graph.variables[name])))
    value = initializer if initializer is not None and not callable(initializer) else None
    if value is not None:
        value = graph.convert(value)
        dtype, shape = value.dtype, value.shape if shape is None else shape
    if shape is None:
        raise ShapeError(explain(f"get_variable: variable {name} needs a shape for its partitioner"))
    kind = dt.as_dtype(dtype if dtype is not None else dt.f32)
    partitions, parts = partitions_by(partitioner, name, shape, kind), []
    for k, (offset, sizes) in enumerate(slices_of(shape.as_list(), partitions)):
        first, info = initializer, PartitionInfo(shape.as_list(), offset)
        if value is not None:
            first = value[tuple(slice(begin, begin + size) for begin, size in zip(offset, sizes))]
        part = _single(graph, f"{name}/part_{k}", TensorShape(sizes), kind, first, regularizer, reuse, own, info)
        if hasattr(part, "_set_save_slice_info"):
            part._set_save_slice_info(SaveSliceInfo(name, shape.as_list(), offset, sizes))
        parts.append(part)
    found = graph.partitioned[name] = PartitionedVariable(name, shape, kind, parts, partitions)
    return found
