"""``x[...]`` of a ragged tensor: rows, slices of rows, and new axes."""

from __future__ import annotations

import numpy as np

from graphc.api import ragged_dispatch
from graphc.api.composite import record
from graphc.api.operators import Operators
from graphc.api.ragged_dispatch import is_ragged, rows_of
from graphc.errors import ShapeError, UsageError, explain
from graphc.lib import ragged as lib
from graphc.lib import ragged_parts as parts
from graphc.lib import shape as lib_shape


def picked(x, keys: list):
    """``x`` with a list of ints, slices and None applied to its axes from the first on; ``...`` has been replaced.

    Raises:
        UsageError: a number inside of a ragged axis. ShapeError: a row out of range.
    """
    if not keys:
        return x
    first, *rest = keys
    if not is_ragged(x):
        return x[tuple(keys)]
    if first is None:
        inside = picked(x, rest)
        if is_ragged(inside):
            return ragged_dispatch.expanded(inside, 0)
        return record("ExpandDims", lib_shape.expand_dims, "input", input=inside, axis=0)
    if not isinstance(first, slice):
        return picked(_row(x, first), rest)
    if first != slice(None):
        x = ragged_dispatch.gather_rows(x, _row_numbers(x, first))
    return _picked_inside(x, rest) if rest else x


def _row(x, number):
    rows = x.shape.as_list()[0]
    if isinstance(number, int) and rows is not None and not -rows <= number < rows:
        raise ShapeError(explain(f"index: {number} is out of range for a ragged tensor of {rows} rows"))
    if not isinstance(number, Operators):
        number = np.asarray(number, np.int64)  # an operand: one compilation serves every row
    if not is_ragged(x.values):
        return record("RaggedRow", lib.row, "values | splits | number", values=x.values, splits=x.row_splits,
                      number=number)  # fmt: skip
    places = record("RaggedRow", parts.row_places, "splits | number", splits=x.row_splits, number=number)
    return ragged_dispatch.gather_rows(x.values, places)


def _row_numbers(x, key: slice):
    ramp = record("Range", parts.row_numbers, splits=x.row_splits)
    return ramp[key]


def _picked_inside(x, keys: list):
    """Keys from the first axis inside the rows on."""
    first, *rest = keys
    if first is None:
        inside = _picked_inside(x, rest) if rest else x
        return ragged_dispatch.expanded(inside, 1)
    if not isinstance(first, slice):
        width = x.shape.as_list()[1]
        if width is None:
            raise UsageError(explain("index: a number inside of a ragged axis; its rows may be shorter, use a slice"))
        places = record("RaggedColumn", parts.column_places, splits=x.row_splits, number=int(first) % max(width, 1))
        inside = rows_of(x.values, places)
        return picked(inside, [slice(None), *rest]) if rest else inside
    if first != slice(None):
        places, splits = record("RaggedSlice", lib.cut, splits=x.row_splits, start=first.start, stop=first.stop,
                                step=first.step)  # fmt: skip
        x = type(x).from_row_splits(rows_of(x.values, places), splits, validate=False)
    if not rest:
        return x
    if is_ragged(x.values):
        return x.with_values(_picked_inside(x.values, rest))
    return x.with_values(x.values[(slice(None), *rest)])
