"""The operations that change a variable: whole, in rows, in slices, at indices."""

from __future__ import annotations

from math import prod

from graphc.api.operators import strided_slice
from graphc.api.sparse import IndexedSlices
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import index, math
from graphc.lib import scatter as lib_scatter
from graphc.lib.dims import size
from graphc.lib.promote import broadcast_to
from graphc.lib.scatter import changed_rows
from graphc.prims.table import apply
from graphc.v1.tensor import Tensor, Write

# Kind of change -> the name of its operation on rows, and on slices at index vectors.
_ROWS = {"update": "ScatterUpdate", "add": "ScatterAdd", "sub": "ScatterSub", "mul": "ScatterMul", "div": "ScatterDiv",
         "min": "ScatterMin", "max": "ScatterMax"}  # fmt: skip
_PLACES = {"update": "ScatterNdUpdate", "add": "ScatterNdAdd", "sub": "ScatterNdSub", "min": "ScatterNdMin",
           "max": "ScatterNdMax"}  # fmt: skip
_AT = {kind: getattr(lib_scatter, f"tensor_scatter_nd_{kind}") for kind in _PLACES}


def converted(graph, value, dtype, name) -> Tensor:
    """``value`` as a Tensor of ``dtype``.

    Raises:
        DtypeError: it is a tensor of another dtype, or does not fit.
    """
    tensor = graph.convert(value, dtype, name)
    if dtype is not None and tensor.dtype is not dtype:
        raise DtypeError(explain(f"{tensor.name} has dtype {tensor.dtype.name}, but {dtype.name} is needed"))
    return tensor


class Assignable:
    """What Variable can do to change its value; every method answers with the new value as a Tensor."""

    def _write(self, kind: str, full_name: str, value: Tensor, build, uses_current: bool) -> Tensor:
        """An operation that sets the variable to ``build(current, value)`` or ``build(value)``."""
        if not uses_current and not value.shape.is_compatible_with(self.type.shape):
            what = f"assign: variable {self.op.name} has shape {self.shape}, but the value has shape {value.shape}"
            raise ShapeError(explain(what, [(self.op.name, f"is variable   {self.op.location}")]))
        return self._change(kind, full_name, (value,), build, uses_current)

    def _change(self, kind: str, full_name: str, operands: tuple, build, uses_current: bool = True) -> Tensor:
        outputs = [(self.dtype, self.start)]
        with self.graph.colocate_with(self.op):
            op = self.graph.create(kind, full_name, operands, build, Write(self, uses_current), outputs)
        return op.outputs[0]

    def _named(self, kind: str, name) -> str:
        if name is not None:
            self.graph.check_name(name)
        return self.graph.unique_name(name or kind)

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Set the value.

        Returns:
            The new value as a Tensor; the Operation if not ``read_value``.
        """
        full = self._named("Assign", name)
        tensor = converted(self.graph, value, self.dtype, f"{full}/value")
        return _answer(self._write("Assign", full, tensor, lambda new: new, False), read_value)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        """Add to the value; answers like ``assign``."""
        return self._combine("AssignAdd", delta, math.add, name, read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        """Subtract from the value; answers like ``assign``."""
        return self._combine("AssignSub", delta, math.subtract, name, read_value)

    def _combine(self, kind: str, value, build, name, read_value):
        full = self._named(kind, name)
        tensor = converted(self.graph, value, self.dtype, f"{full}/value")
        if tensor.node is not None:
            found = build(self.start, tensor.node)  # refuses what does not fit, at this line
            if len(found.shape) != len(self.type.shape):
                label = "assign_add" if kind == "AssignAdd" else "assign_sub"
                what = f"{label}: variable {self.op.name} has shape {self.shape}, but the value has {tensor.shape}"
                raise ShapeError(explain(what, [(self.op.name, f"is variable   {self.op.location}")]))
        return _answer(self._write(kind, full, tensor, build, True), read_value)

    def count_up_to(self, limit: int) -> Tensor:
        """The value, which then becomes one more.

        Raises:
            OutOfRangeError: when running: the value is ``limit``, and stays that.
        """

        def build(current: Node) -> Node:
            return apply("count_up_to", current, limit=int(limit))

        build(self.start)  # refuses other dtypes and shapes, at this line
        return self._change("CountUpTo", self._named("CountUpTo", None), (), build) - 1

    # ------------------------------------------------------------------------------------------ parts

    def change_rows(self, kind: str, indices, updates, name=None) -> Tensor:
        """Change the rows ``indices`` by ``updates`` (``kind`` as in ``scatter_<kind>``)."""
        full = self._named(_ROWS[kind], name)
        places, values = self._parts(f"scatter_{kind}", full, indices, updates)

        def build(current, i, u):
            return changed_rows(kind, current, i, u)

        return self._change_parts(_ROWS[kind], full, places, values, build)

    def change_at(self, kind: str, indices, updates, name=None) -> Tensor:
        """Change the slices at index vectors by ``updates`` (``kind`` as in ``scatter_nd_<kind>``)."""
        full = self._named(_PLACES[kind], name)
        places, values = self._parts(f"scatter_nd_{kind}", full, indices, updates)
        return self._change_parts(_PLACES[kind], full, places, values, _AT[kind])

    def _parts(self, op: str, full: str, indices, updates) -> tuple[Tensor, Tensor]:
        places = self.graph.convert(indices, None, f"{full}/indices")
        if not places.dtype.is_integer:
            raise DtypeError(explain(f"{op}: indices must be integers, but {places.name} is {places.dtype.name}"))
        return places, converted(self.graph, updates, self.dtype, f"{full}/updates")

    def _change_parts(self, kind: str, full: str, places: Tensor, values: Tensor, build) -> Tensor:
        if places.node is not None and values.node is not None:
            build(self.start, places.node, values.node)  # refuses what does not fit, at this line
        return self._change(kind, full, (places, values), build)

    def scatter_nd_update(self, indices, updates, name=None) -> Tensor:
        """Set slices at index vectors."""
        return self.change_at("update", indices, updates, name)

    def scatter_nd_add(self, indices, updates, name=None) -> Tensor:
        """Add to slices at index vectors."""
        return self.change_at("add", indices, updates, name)

    def scatter_nd_sub(self, indices, updates, name=None) -> Tensor:
        """Subtract from slices at index vectors."""
        return self.change_at("sub", indices, updates, name)

    def sparse_read(self, indices, name=None) -> Tensor:
        """The rows ``indices`` of the value."""
        return self.graph.call("Gather", "Gather", index.gather, (self, indices), ("params", "indices"), name,
                               alike=False)  # fmt: skip

    def gather_nd(self, indices, name=None) -> Tensor:
        """The slices of the value at index vectors."""
        return self.graph.call("GatherNd", "GatherNd", index.gather_nd, (self, indices), ("params", "indices"),
                               name, alike=False)  # fmt: skip

    def __getitem__(self, key) -> Tensor:
        part = strided_slice(self, key)

        def assign(value, use_locking=False, name=None, read_value=True):
            """Give this part of the variable a new value; answers with the new value of all of it."""
            return _answer(self._assign_slice(part, key, value, name), read_value)

        if isinstance(part, Tensor):
            part.graph.slices[part] = assign
        return part

    def _assign_slice(self, part: Tensor, key, value, name) -> Tensor:
        graph, full = self.graph, self._named(f"{part.op.name}/_assign", name)
        count = prod(self.type.shape)
        number = apply("reshape", apply("iota", shape=(count,), axis=0, dtype=dt.i64), shape=self.type.shape)
        with graph.name_scope(full + "/"):
            places = graph.create("Range", f"{full}/places", (), lambda: number, None, [(dt.i64, number)]).outputs[0]
            places = strided_slice(places, key)
            tensor = converted(graph, value, self.dtype, f"{full}/value")

        def build(current, at, new):
            flat, rows = apply("reshape", current, shape=(count,)), apply("reshape", at, shape=(size(at.shape),))
            new = apply("reshape", broadcast_to(new, at.shape, "assign to a slice"), shape=rows.shape)
            return apply("reshape", index.scatter(flat, rows, new, "set"), shape=current.shape)

        return self._change_parts("StridedSliceAssign", full, places, tensor, build)


def _answer(value: Tensor, read_value: bool):
    return value if read_value else value.op


def _scattered(kind: str):
    def scatter(self, sparse_delta: IndexedSlices, use_locking=False, name=None) -> Tensor:
        if not isinstance(sparse_delta, IndexedSlices):
            raise UsageError(explain(f"scatter_{kind}: needs tf.IndexedSlices, got {sparse_delta!r}"))
        return self.change_rows(kind, sparse_delta.indices, sparse_delta.values, name)

    scatter.__name__ = scatter.__qualname__ = f"scatter_{kind}"
    scatter.__doc__ = f"Change rows as ``tf.scatter_{kind}`` does, by IndexedSlices."
    return scatter


for _kind in _ROWS:
    setattr(Assignable, f"scatter_{_kind}", _scattered(_kind))
Assignable.batch_scatter_update = _scattered("update")
