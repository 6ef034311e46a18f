"""VariableMembers: what programs do with a variable beside reading it and assigning all of it."""

from __future__ import annotations

from math import prod

import numpy as np

from graphc.api.call import Call
from graphc.api.choices import VariableAggregation, VariableSynchronization
from graphc.api.interop import as_array
from graphc.api.operators import Operators, getitem, index_parts, strided_slice
from graphc.api.recorder import RECORDERS, recorder_for
from graphc.api.shape import TensorShape
from graphc.api.tensor import EagerTensor, Reference, Tensor
from graphc.errors import (
    OutOfRangeError, ShapeError, StateError, SymbolicError, UnimplementedError, UsageError, explain,
)  # fmt: skip
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import index, scatter
from graphc.lib.promote import broadcast_to
from graphc.prims.table import apply


class DeltaError(UsageError, TypeError):
    """What should be IndexedSlices is something else."""


def _slice_replaced(nodes, template) -> Node:
    """The value, the first of ``nodes``, with its part at a key replaced by the second; the rest are in the key."""
    current, new, *keys = nodes
    count = prod(current.shape)
    numbers = apply("reshape", apply("iota", shape=(count,), axis=0, dtype=dt.i64), shape=current.shape)
    at = getitem([numbers, *keys], template)
    new = broadcast_to(new, at.shape, "assign to a slice")
    size = prod(at.shape)
    flat, rows = apply("reshape", current, shape=(count,)), apply("reshape", at, shape=(size,))
    changed = index.scatter(flat, rows, apply("reshape", new, shape=(size,)), "set")
    return apply("reshape", changed, shape=current.shape)


class Part:
    """A slice of a variable, which can be assigned to."""

    __slots__ = ("_variable", "_key")

    def __init__(self, variable, key):
        self._variable, self._key = variable, key

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Give this part of the variable a new value, of the part's shape or one that broadcasts to it; the variable.

        Raises:
            ShapeError, DtypeError: the value does not fit.
        """
        variable = self._variable
        inside, template = index_parts(self._key)
        operands = (variable, value, *inside)

        def build(*nodes):
            return _slice_replaced(nodes, template)

        build.call = Call(_slice_replaced, {"nodes": list(range(len(operands)))}, {"template": template})
        labels = ("ref", "value", *["index"] * len(inside))
        groups = (0, 0, *range(1, len(inside) + 1))
        recorder = recorder_for((variable,), None)
        return variable.changed(
            lambda: recorder.call("StridedSliceAssign", "strided_slice_assign", build, operands, labels, groups=groups),
            read_value,
        )


def _check_range(op: str, indices, sizes) -> None:
    """Refuse indices out of range, as far as they are known."""
    if isinstance(indices, EagerTensor) and indices.is_settled:
        indices = indices.array
    if isinstance(indices, Operators):
        return
    try:
        places = np.asarray(indices)
    except (TypeError, ValueError):
        return
    if places.dtype.kind not in "iu" or not places.size or not places.ndim:
        return
    wrong = ((places < 0) | (places >= np.asarray(sizes))).reshape(-1, len(sizes)).any(axis=-1)
    if wrong.any():
        at = int(np.argmax(wrong))
        found = places.reshape(-1, len(sizes))[at].tolist()
        raise ShapeError(explain(f"{op}: indices[{at}] = {found} is out of range for {tuple(sizes)}"))


def _scattered(variable, kind: str, label: str, build, indices, updates):
    """The variable, to whose value ``build`` has put updates at indices."""
    recorder, labels = recorder_for((variable,), None), ("ref", "indices", "updates")
    operands = variable, indices, updates
    return variable.changed(lambda: recorder.call(kind, label, build, operands, labels, groups=(0, 1, 0)))


def _at_places(kind: str, what: str):
    build = getattr(scatter, f"tensor_scatter_nd_{kind}")

    def scatter_nd(self, indices, updates, name=None):
        sizes = self.type.shape
        depth = indices.shape[-1:] if isinstance(indices, Operators) else np.shape(indices)[-1:]
        if len(depth) and depth[0] is not None and depth[0] <= len(sizes):
            _check_range(f"scatter_nd_{kind}", indices, sizes[: depth[0]])
        return _scattered(self, f"ScatterNd{kind.title()}", "scatter_nd", build, indices, updates)

    scatter_nd.__name__ = scatter_nd.__qualname__ = f"scatter_nd_{kind}"
    scatter_nd.__doc__ = f"The slices at ``indices`` become those with ``updates`` {what}; the variable."
    return scatter_nd


def _in_rows(kind: str, what: str):
    def build(ref, indices, updates):
        return scatter.changed_rows(kind, ref, indices, updates)

    build.key = f"scatter rows {kind}"

    def scatter_rows(self, sparse_delta, use_locking=False, name=None):
        if not hasattr(sparse_delta, "indices") or not hasattr(sparse_delta, "values"):
            kind_name = type(sparse_delta).__name__
            raise DeltaError(explain(f"scatter_{kind}: sparse_delta must be tf.IndexedSlices, got {kind_name}"))
        _check_range(f"scatter_{kind}", sparse_delta.indices, self.type.shape[:1])
        return _scattered(self, f"Scatter{kind.title()}", "scatter", build, sparse_delta.indices, sparse_delta.values)

    scatter_rows.__name__ = scatter_rows.__qualname__ = f"scatter_{kind}"
    scatter_rows.__doc__ = f"The rows of ``sparse_delta``, IndexedSlices, are {what}; the variable."
    return scatter_rows


def _batched(ref: Node, indices: Node, updates: Node) -> Node:
    """Row ``indices[b, k]`` of each batch ``b`` set to ``updates[b, k]``."""
    i = apply("cast", indices, dtype=dt.i64)
    axes = range(len(i.shape) - 1)
    batch = [apply("iota", shape=i.shape, axis=axis, dtype=dt.i64) for axis in axes]
    columns = [apply("reshape", x, shape=(*i.shape, 1)) for x in (*batch, i)]
    places = apply("concat", *columns, axis=len(i.shape)) if len(columns) > 1 else columns[0]
    return scatter.tensor_scatter_nd_update(ref, places, updates)


_batched.key = "scatter rows of batches"


def _refused(operator: str, instead: str):
    def in_place(self, other):
        what = f"variable {operator}= value is not supported for {self.name}"
        raise StateError(explain(f"{what}; use {instead} to change the variable, or out = variable {operator} value"))

    return in_place


_MEMBERS = frozenset(("constraint", "synchronization", "aggregation", "declared"))


class VariableMembers:
    """The members over ``value``, ``assign``, ``type`` and ``name`` of a variable.

    Attributes:
        declared: what the shape is said to be where it may change: a TensorShape with unknown sizes, else None.
    """

    __slots__ = ("__dict__",)

    def set_members(self, constraint, synchronization, aggregation, shape) -> None:
        """Keep what the variable was made with.

        Raises:
            UsageError: one of these is something else. ShapeError: ``shape`` is not that of the value.
        """
        declared, known = TensorShape(shape), TensorShape(self.type.shape)
        if not declared.is_compatible_with(known):
            raise ShapeError(explain(f"Variable: a value of shape {known} does not fit {declared}"))
        self.declared = None if shape is None or declared.is_fully_defined() else declared
        if constraint is not None and not callable(constraint):
            raise UsageError(explain(f"Variable: constraint must be None or callable, got {constraint!r}"))
        self.constraint = constraint
        self.synchronization = _choice("synchronization", synchronization, VariableSynchronization, "AUTO")
        self.aggregation = _choice("aggregation", aggregation, VariableAggregation, "NONE")

    # ------------------------------------------------------------------------------------------------- parts

    def __getitem__(self, key):
        top = RECORDERS.top
        found = strided_slice(self, key) if top is not None else self.value()[key]
        if isinstance(found, Tensor):
            found.part = Part(self, key)
        return found

    scatter_nd_update = _at_places("update", "put in")
    scatter_nd_add = _at_places("add", "added")
    scatter_nd_sub = _at_places("sub", "subtracted")
    scatter_nd_max = _at_places("max", "put in where they are greater")
    scatter_nd_min = _at_places("min", "put in where they are less")
    scatter_update = _in_rows("update", "put in")
    scatter_add = _in_rows("add", "added")
    scatter_sub = _in_rows("sub", "subtracted")
    scatter_mul = _in_rows("mul", "multiplied")
    scatter_div = _in_rows("div", "divided by")
    scatter_max = _in_rows("max", "put in where they are greater")
    scatter_min = _in_rows("min", "put in where they are less")

    def batch_scatter_update(self, sparse_delta, use_locking=False, name=None):
        """Row ``indices[b, k]`` of each batch ``b`` becomes ``values[b, k]``; the variable."""
        label = "batch_scatter_update"
        return _scattered(self, "BatchScatterUpdate", label, _batched, sparse_delta.indices, sparse_delta.values)

    def gather_nd(self, indices, name=None):
        """The slices of the value at index vectors."""
        return recorder_for((self,), None).call("GatherNd", "gather_nd", index.gather_nd, (self, indices),
                                                ("params", "indices"), alike=False)  # fmt: skip

    def sparse_read(self, indices, name=None):
        """The rows ``indices`` of the value."""
        return recorder_for((self,), None).call("ResourceGather", "gather", index.gather, (self, indices),
                                                ("params", "indices"), alike=False)  # fmt: skip

    def count_up_to(self, limit):
        """The value before 1 is added to it.

        Raises:
            OutOfRangeError: it has reached ``limit``.
        """
        before = self.value()
        if int(before) >= limit:
            raise OutOfRangeError(explain(f"count_up_to: {self.name} has reached the limit of {limit}"))
        self.assign_add(1)
        return before

    __iadd__ = _refused("+", "variable.assign_add(value)")
    __isub__ = _refused("-", "variable.assign_sub(value)")
    __imul__, __itruediv__ = (_refused(o, f"variable.assign(variable {o} value)") for o in ("*", "/"))
    __ifloordiv__, __imatmul__ = (_refused(o, f"variable.assign(variable {o} value)") for o in ("//", "@"))
    __ipow__ = __imod__ = _refused("**", "variable.assign(variable ** value)")

    # --------------------------------------------------------------------------------- the value outside of graphs

    def _known(self, what: str) -> EagerTensor:
        """The value as a tensor.

        Raises:
            SymbolicError: a function is being traced, in which it is not known.
        """
        top = RECORDERS.top
        if top is not None and top.captures:
            advice = "use the variable itself, or tf.print"
            what = f"{what}: the value of {self.name} is not known while a function is traced; {advice}"
            raise SymbolicError(explain(what))
        return self.as_tensor()

    def numpy(self):
        """The value as an array of its own; a NumPy scalar, or bytes, for rank 0."""
        return self._known("numpy()").numpy()

    def __array__(self, dtype=None, copy=None):
        return as_array(self._known("NumPy").array, dtype, copy)

    def __dlpack__(self, **kwargs):
        return self._known("__dlpack__").__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __len__(self):
        return len(self.value())

    def __iter__(self):
        return iter(self.value())

    def __contains__(self, value):
        return value in self.value()

    def __float__(self):
        return float(self.value())

    def __int__(self):
        return int(self.value())

    def __complex__(self):
        return complex(self.value())

    def __index__(self):
        return self.value().__index__()

    def __bool__(self):
        return bool(self.value())

    def __round__(self, digits=None):
        return round(self.value(), digits)

    def __format__(self, spec: str):
        return format(self.value(), spec) if spec else str(self)

    def __eq__(self, other):
        return self.value() == other

    def __ne__(self, other):
        return self.value() != other

    def __hash__(self):
        return id(self)

    def ref(self) -> Reference:
        """Something hashable that stands for this very variable."""
        return Reference(self)

    experimental_ref = ref

    # ------------------------------------------------------------------------------------------------ copies

    def __reduce__(self):
        extra = {k: v for k, v in self.__dict__.items() if k not in _MEMBERS}
        made = (self.trainable, self.constraint, self.synchronization, self.aggregation, self.declared)
        return _restored, (type(self), self._known("a copy").array, self.name, made, extra)

    def __deepcopy__(self, memo):
        function, arguments = self.__reduce__()
        memo[id(self)] = copied = function(*arguments)
        return copied

    # ---------------------------------------------------------------------------------------- what it is

    @property
    def shape(self) -> TensorShape:
        return TensorShape(self.type.shape) if self.declared is None else self.declared

    def get_shape(self) -> TensorShape:
        """The shape; sizes that may change are None."""
        return self.shape

    @property
    def ndim(self) -> int | None:
        return self.shape.rank

    @property
    def handle(self):
        """What stands for the variable where others share it: the variable itself."""
        return self

    @property
    def op(self):
        raise AttributeError(explain("op: a variable outside of graphs has no operation"))

    @property
    def initializer(self):
        """None: it has its value already."""
        return None

    @property
    def initial_value(self):
        raise StateError(explain("initial_value: only variables of TensorFlow 1's graphs keep it; keep a copy"))

    def initialized_value(self):
        """The value: it is there already."""
        return self.value()

    def is_initialized(self, name=None):
        """True, as a tensor: a variable has its value from the beginning."""
        return recorder_for((self,), None).convert(True)

    def set_shape(self, shape) -> None:
        """Say what the shape is; it is known already.

        Raises:
            ShapeError: it is another one.
        """
        if not self.shape.is_compatible_with(TensorShape(shape)):
            raise ShapeError(explain(f"set_shape: {self.name} has the shape {self.shape}, not {TensorShape(shape)}"))

    def load(self, value, session=None) -> None:
        """Give it a new value."""
        self.assign(value)

    def eval(self, session=None):
        """Refused: the value is at hand, as ``numpy()``."""
        raise StateError(explain(f"eval: {self.name} has a value without a session; use .numpy()"))

    def to_proto(self, export_scope=None):
        """Refused: only variables of TensorFlow 1's graphs have one."""
        raise StateError(explain("to_proto: only variables of TensorFlow 1's graphs have one; use tf.train.Checkpoint"))

    @staticmethod
    def from_proto(variable_def, import_scope=None):
        """Refused: only variables of TensorFlow 1's graphs have one."""
        advice = "variables are restored by tf.train.Checkpoint or tf.saved_model.load"
        raise UnimplementedError(explain(f"from_proto: {advice}"))

    @property
    def _shared_name(self) -> str:
        return self.name.partition(":")[0]


def _choice(what: str, value, choices, default: str):
    """A member of an enumeration, by itself or by name of the default.

    Raises:
        UsageError: it is none.
    """
    if value is None:
        return choices[default]
    found = getattr(choices, str(getattr(value, "name", None)), None)
    if found is None:
        names = ", ".join(f"tf.{choices.__name__}.{c.name}" for c in choices)
        raise UsageError(explain(f"Variable: {what} must be one of {names}, got {value!r}"))
    return found


def _restored(kind: type, array: np.ndarray, name: str, made: tuple, extra: dict):
    """A variable like one that was copied or pickled."""
    trainable, constraint, synchronization, aggregation, declared = made
    variable = kind(array, trainable=trainable, constraint=constraint, synchronization=synchronization,
                    aggregation=aggregation, shape=declared)  # fmt: skip
    variable.name = name
    variable.__dict__.update(extra)
    return variable
