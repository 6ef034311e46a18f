"""What ``for`` goes over in the graph: the rows of a tensor, ``range``, ``enumerate`` and ``zip`` of such."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.api.autograph.state import recorder_of
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.errors import ShapeError, SymbolicError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import index as lib_index
from graphc.lib import math
from graphc.lib.dims import dim_node
from graphc.prims.table import apply


class Rows:
    """Something that has item number i.

    Attributes:
        recorder: of the tensors in it.
        count: how many items; an int or an int32 or int64 scalar tensor.
    """

    recorder = None
    count: object = None

    def __iter__(self):
        """Refused where not a `for` statement asks.

        Raises:
            SymbolicError: always.
        """
        what = "a comprehension, list() or unpacking goes over a Tensor whose values are not known"
        advice = "use a `for` statement with a tf.TensorArray, tf.range or tf.map_fn"
        raise SymbolicError(explain(f"{what} while the function is traced; {advice}"))

    def item(self, index):
        """Item number ``index``, a scalar tensor."""
        raise NotImplementedError

    def first(self):
        """The first number."""
        return self.recorder.convert(0, self.count.dtype if isinstance(self.count, Operators) else dt.i32)

    def is_before_end(self, index):
        """Whether there is an item of this number."""
        return index < self.count


class TensorRows(Rows):
    """The rows of a tensor."""

    def __init__(self, recorder, tensor):
        self.recorder, self.tensor = recorder, recorder.convert(tensor)
        shape = self.tensor.type.shape
        if not shape:
            raise ShapeError(explain(f"`for` over a Tensor: a scalar of {self.tensor.dtype.name} has no rows"))
        self.count = shape[0]
        if type(self.count) is not int:
            self.count = recorder.call("Size", "rows", lambda x: dim_node(x.shape[0], dt.i32), [self.tensor], "x")

    def item(self, index):
        """A row."""
        return RECORDERS.top.call("GatherV2", "row", _row, [self.tensor, index], ["x", "i"], alike=False)


class RangeRows(Rows):
    """``range`` of integers, some of which have no value yet."""

    def __init__(self, recorder, *bounds):
        start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1) if len(bounds) == 2 else bounds
        self.recorder = recorder
        like = next(b for b in bounds if isinstance(b, Operators))
        if not like.dtype.is_integer:
            raise UsageError(explain(f"range: the bounds must be integers, not {like.type}"))
        self.start, stop, self.step = [recorder.convert(b, like.dtype) for b in (start, stop, step)]
        self.count = recorder.call("Size", "range", _steps, [self.start, stop, self.step], ["start", "stop", "step"])

    def item(self, index):
        """A number."""
        return self.start + index * self.step


class NumberedRows(Rows):
    """``enumerate``."""

    def __init__(self, rows: Rows, start):
        self.rows, self.start, self.recorder, self.count = rows, start, rows.recorder, rows.count

    def item(self, index):
        """The number and the item."""
        return index + self.start, self.rows.item(index)


class ZippedRows(Rows):
    """``zip`` of several."""

    def __init__(self, parts: Sequence[Rows]):
        self.parts, self.recorder = parts, parts[0].recorder
        counts = [p.count for p in parts]
        if all(type(c) is int for c in counts):
            self.count = min(counts)
        else:
            wide = [_int32(self.recorder, c) for c in counts]
            self.count = self.recorder.call("Minimum", "fewest", _fewest, wide, ["x"] * len(wide))

    def item(self, index):
        """An item of each."""
        return tuple([p.item(index) for p in self.parts])


def rows_of(iterable) -> Rows | None:
    """What a loop of the graph goes over; None if Python can go over it."""
    if isinstance(iterable, Rows):
        return iterable
    top = RECORDERS.top
    inside = top is not None and top.captures
    recorder = top if inside and isinstance(iterable, Operators) else recorder_of(iterable)
    return None if recorder is None else TensorRows(recorder, iterable)


def _row(x: Node, i: Node) -> Node:
    """Row number ``i``, which is there."""
    return lib_index.picked("row", x, i)


def _steps(start: Node, stop: Node, step: Node) -> Node:
    """The number of elements of a range: (stop - start + step -+ 1) // step, and not below 0."""
    zero = apply("sub", step, step)
    count = math.floordiv(math.add(math.subtract(stop, start), math.subtract(step, math.sign(step))), step)
    return math.maximum(count, zero)


def _fewest(*counts: Node) -> Node:
    least = counts[0]
    for count in counts[1:]:
        least = math.minimum(least, count)
    return least


def _int32(recorder, count):
    if type(count) is int:
        return recorder.convert(count, dt.i32)
    cast = lambda x: x if x.dtype is dt.i32 else apply("cast", x, dtype=dt.i32)
    return recorder.call("Cast", "count", cast, [count], "x")
