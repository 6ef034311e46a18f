"""Loop variables whose size along one axis changes from step to step, as ``shape_invariants`` allow.

Such a variable is carried as rows, as many as it ever has, and the number of those that count. How many it ever has is
found out like the growth of a TensorArray: the loop is first run without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.body import Body
from graphc.api.operators import Operators
from graphc.api.shape import TensorShape
from graphc.api.structure import expect_same, leaves, pack
from graphc.api.tensor_array import TensorArray
from graphc.errors import ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import index as lib_index
from graphc.lib.dims import dim_node, measured
from graphc.prims.table import apply


class Rows(TensorArray):
    """What a variable is carried as; its elements are the slices of the variable along an axis."""

    axis = 0

    @classmethod
    def of(cls, recorder, tensor, axis: int) -> Rows:
        """The rows of a tensor before the loop."""
        new = cls(tensor.dtype, 0, True)
        new.axis = axis
        turned = recorder.call("Transpose", "rows", lambda x: _moved(x, axis, 0), [tensor], "x")
        new._element = tuple(turned.type.shape[1:])
        new._buffer, new._size = turned, _count(recorder, tensor, axis)
        return new

    def _copy(self) -> Rows:
        new = super()._copy()
        new.axis = self.axis
        return new

    def enter(self, body, grows: bool = False) -> Rows:
        """These rows as the body of a loop sees them."""
        inside = super().enter(body, grows)
        inside.axis = self.axis
        return inside

    def tensor(self, count):
        """The variable, of so many rows."""
        axis = self.axis
        return self._call("Read", lambda x, n: _moved(_first(x, measured(n)), 0, axis), [self._rows(), count])

    def taken(self, recorder, tensor) -> tuple[Rows, Operators]:
        """The rows of the variable's next value, and how many these are."""
        new, axis, count = self._copy(), self.axis, _count(recorder, tensor, self.axis)
        new._buffer = self._call("Write", lambda rows, x: _over(rows, _moved(x, axis, 0)), [self._rows(), tensor])
        new._size = self._call("Size", lambda a, b: apply("max", a, b), [self._size, count])
        return new, count


def varying_loop(loop: Callable, recorder, name, cond: Callable, body: Callable, loop_vars, maximum,
                 invariants: Sequence, late: Callable | None = None):  # fmt: skip
    """``loop``, where leaves of the loop variables that have an invariant (None for others) may change their size.

    Raises:
        ShapeError: one changes its size where the invariant does not allow it, or along several axes.
    """
    flat = [v if isinstance(v, TensorArray) else recorder.convert(v) for v in leaves(loop_vars)]
    axes = _varying_axes(recorder, body, loop_vars, flat, invariants)
    if not axes:
        return loop(recorder, name, cond, body, pack(loop_vars, flat), maximum, late)
    counts = [_count(recorder, flat[k], axis) for k, axis in axes.items()]
    rows = [Rows.of(recorder, v, axes[k]) if k in axes else v for k, v in enumerate(flat)]

    def opened(values: Sequence, numbers: Sequence):
        numbers = iter(numbers)
        return pack(loop_vars, [v.tensor(next(numbers)) if k in axes else v for k, v in enumerate(values)])

    def step(values, numbers):
        answer = _answer(loop_vars, body(*opened(values, numbers)))
        top, new = numbers[0].graph, list(answer)
        taken = {k: values[k].taken(top, top.convert(new[k])) for k in axes}
        return [[taken[k][0] if k in axes else v for k, v in enumerate(new)], [taken[k][1] for k in axes]]

    made = loop(recorder, name, lambda *given: cond(*opened(*given)), step, [rows, counts], maximum, late)
    (values, numbers), more = made if late else (made, None)
    answer = opened(values, numbers)
    return (answer, more) if late else answer


def _answer(loop_vars, answer) -> list:
    """The leaves of what the body answers."""
    if not isinstance(answer, (list, tuple)):
        answer = [answer]
    expect_same("while_loop", "loop variables and the answer of body", list(loop_vars), list(answer))
    return leaves(answer)


def _varying_axes(recorder, body: Callable, loop_vars, flat: list, invariants: Sequence) -> dict[int, int]:
    """Which leaves change their size along which axis, as one step tells."""
    with Body(recorder, takes_effects=True) as trial:
        inside = [v.enter(trial) if isinstance(v, TensorArray) else trial.argument(v) for v in flat]
        answer = _answer(loop_vars, body(*pack(loop_vars, inside)))
        after = [v if isinstance(v, TensorArray) else trial.convert(v) for v in answer]
    found = {}
    for k, (a, b, known) in enumerate(zip(inside, after, invariants)):
        if known is None or isinstance(a, TensorArray):
            continue
        shape = TensorShape(known)
        if not shape.is_compatible_with(b.shape) or not shape.is_compatible_with(a.shape):
            what = f"while_loop: a loop variable of shape {b.shape} does not fit its invariant {shape}"
            raise ShapeError(explain(what))
        changed = [axis for axis, (m, n) in enumerate(zip(a.type.shape, b.type.shape)) if not _is_one(m, n)]
        if len(changed) > 1:
            what = f"while_loop: a loop variable changes its size along several axes, from {a.shape} to {b.shape}"
            raise ShapeError(explain(f"{what}; one may change"))
        found.update((k, axis) for axis in changed)
    return found


def _is_one(m, n) -> bool:
    return m is n or (type(m) is type(n) is int and m == n)


def _count(recorder, tensor, axis: int):
    return recorder.call("Size", "rows", lambda x: dim_node(x.shape[axis], dt.i32), [tensor], "x")


def _moved(x: Node, axis: int, to: int) -> Node:
    """``x`` with an axis at another place."""
    if axis == to:
        return x
    order = [k for k in range(len(x.shape)) if k != axis]
    order.insert(to, axis)
    return apply("transpose", x, perm=tuple(order))


def _first(x: Node, count) -> Node:
    """The first rows."""
    return lib_index.picked("rows", x, apply("iota", shape=(count,), axis=0, dtype=dt.i64))


def _over(rows: Node, x: Node) -> Node:
    """The rows with ``x`` in the places of the first ones."""
    places = apply("iota", shape=(x.shape[0],), axis=0, dtype=dt.i64)
    return lib_index.scatter(rows, places, x, "set")
