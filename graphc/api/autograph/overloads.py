"""Python's own functions where an argument is a tensor that has no value yet."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api import debugging
from graphc.api.autograph.datasets import Numbered, SideBySide, is_dataset, iterator_of
from graphc.api.autograph.iterables import (
    NumberedRows,
    RangeRows,
    Rows,
    ZippedRows,
    rows_of,
)
from graphc.api.autograph.state import recorder_of
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.errors import SymbolicError, explain
from graphc.ir import dtype as dt
from graphc.lib import math, order, reduction
from graphc.lib.dims import dim_node
from graphc.prims.table import apply


def _symbolic(values):
    """The recorder of the first of the values that has no value yet."""
    return next((r for v in values for r in [recorder_of(v)] if r is not None), None)


def range_(*bounds):
    """``range``; what a loop of the graph goes over where a bound is a tensor without a value."""
    recorder = _symbolic(bounds)
    return range(*bounds) if recorder is None else RangeRows(recorder, *bounds)


def numbers(function: Callable) -> Callable:
    """What makes the numbers that a loop goes over, ``function`` being ``tf.range``."""
    if function.__name__ != "range" or not function.__module__.startswith("graphc."):
        return function

    def counted(*bounds, **options):
        is_plain = not options and 1 <= len(bounds) <= 3 and all(_is_integer(b) for b in bounds)
        return RangeRows(_symbolic(bounds), *bounds) if is_plain and _symbolic(bounds) else function(*bounds, **options)

    return counted


def _is_integer(value) -> bool:
    return type(value) is int or (isinstance(value, Operators) and value.dtype.is_integer and not value.type.rank)


def _is_taken(value) -> bool:
    """Whether a graph takes the elements of a dataset or an iterator."""
    top = RECORDERS.top
    return top is not None and top.captures and is_dataset(value)


def iter_(*values):
    """``iter``; of a dataset, what every run of the graph makes anew."""
    return iterator_of(values[0]) if len(values) == 1 and _is_taken(values[0]) else iter(*values)


def enumerate_(iterable, start=0):
    """``enumerate``; of a dataset, one of pairs."""
    if _is_taken(iterable):
        return iterable.enumerate(start) if hasattr(iterable, "enumerate") else Numbered(iterable, start)
    rows = rows_of(iterable)
    return enumerate(iterable, start) if rows is None else NumberedRows(rows, start)


def zip_(*iterables, **options):
    """``zip``."""
    if iterables and all(map(_is_taken, iterables)):
        return SideBySide(iterables)
    rows = [rows_of(i) for i in iterables]
    if not rows or any(r is None for r in rows):
        return zip(*_python_items(iterables, rows), **options)
    return ZippedRows(rows)


def _python_items(iterables, rows) -> list:
    """What ``zip`` takes beside what only Python can go over."""
    taken = [_is_taken(i) for i in iterables]
    if any(taken) and not any(hasattr(i, "__len__") for i, is_taken in zip(iterables, taken) if not is_taken):
        what = "zip: a Dataset or an Iterator beside something whose length is not known while a function is traced"
        raise SymbolicError(explain(f"{what}; zip it with a list, or with tf.data.Dataset.from_tensor_slices"))
    return [_elements(iterator_of(i)) if t else _python_rows(i, r) for i, r, t in zip(iterables, rows, taken)]


def _elements(iterator):
    """One element after the other, for as long as Python asks."""
    while True:
        yield iterator.get_next()


def _python_rows(iterable, rows):
    if not isinstance(rows, Rows):
        return iterable
    if type(rows.count) is not int:
        raise SymbolicError(explain("zip: a tensor of unknown leading size beside a Python iterable"))
    return [rows.item(k) for k in range(rows.count)]


def len_(value):
    """``len``; a scalar tensor where the size is not known."""
    recorder = recorder_of(value)
    if recorder is None or not value.type.shape or type(value.type.shape[0]) is int:
        return len(value)
    return recorder.call("Size", "len", lambda x: dim_node(x.shape[0], dt.i32), [value], "x")


def _cast(kind: Callable, dtype: dt.DType) -> Callable:
    def converted(*values):
        recorder = recorder_of(values[0]) if len(values) == 1 else None
        if recorder is None:
            return kind(*values)
        return recorder.call("Cast", "Cast", lambda x: apply("cast", x, dtype=dtype), list(values), "x")

    return converted


def _extreme(kind: Callable, name: str, pair: Callable, all_of: Callable) -> Callable:
    def found(*values, **options):
        recorder = _symbolic(values)
        if recorder is None or options:
            return kind(*values, **options)
        if len(values) == 1:
            return recorder.call(name.title(), name, all_of, list(values), "x")
        best = values[0]
        for value in values[1:]:
            best = recorder.call(f"{name.title()}imum", name, pair, [best, value], "xy")
        return best

    return found


def _over(kind: Callable, name: str, function: Callable) -> Callable:
    def found(values, **options):
        recorder = recorder_of(values)
        if recorder is None or options:
            return kind(values, **options)
        return recorder.call(name.title(), name, function, [values], "x")

    return found


def assert_(test: Callable, message: Callable | None) -> None:
    """``assert``; a check that the graph makes where the test is a tensor without a value."""
    if not __debug__:
        return
    going = test()
    if recorder_of(going) is None:
        if not going:
            raise AssertionError(*([] if message is None else [message()]))
        return
    said = "assertion failed" if message is None else message()
    debugging.Assert(going, list(said) if isinstance(said, (list, tuple)) else [said])


OVERLOADS = {
    iter: iter_,
    range: range_,
    enumerate: enumerate_,
    zip: zip_,
    len: len_,
    int: _cast(int, dt.i32),
    float: _cast(float, dt.f32),
    max: _extreme(max, "max", math.maximum, reduction.reduce_max),
    min: _extreme(min, "min", math.minimum, reduction.reduce_min),
    any: _over(any, "any", reduction.reduce_any),
    all: _over(all, "all", reduction.reduce_all),
    sorted: _over(sorted, "sort", order.sort),
}
