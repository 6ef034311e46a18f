"""``map_fn`` from or to ragged tensors: row by row, as rows have different lengths."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.create import convert_to_tensor
from graphc.api.eager import EAGER
from graphc.api.ragged import RaggedTensorSpec
from graphc.api.ragged_dispatch import is_ragged
from graphc.api.ragged_make import stack
from graphc.api.recorder import RECORDERS
from graphc.api.structure import leaves, pack
from graphc.errors import ShapeError, UsageError, explain


def has_rows(elems, wanted) -> bool:
    """Whether ``map_rows`` is needed: a tensor among the elems, or among what is wanted, is ragged."""
    specs = () if wanted is None else leaves(wanted, composites=False)
    return any(map(is_ragged, leaves(elems, composites=False))) or any(isinstance(s, RaggedTensorSpec) for s in specs)


def map_rows(fn: Callable, elems, wanted):
    """``fn`` of every row: scalars become a tensor, anything longer a ragged one unless ``wanted`` tells of tensors.

    Raises:
        ShapeError: the elems have different numbers of rows.
        UsageError: there are no rows, or a function is traced, which does not know how many there are.
    """
    if RECORDERS.top is not None and RECORDERS.top.captures:
        what = "map_fn: the rows of a RaggedTensor are not known while a function is traced"
        raise UsageError(explain(f"{what}; use tf.ragged.map_flat_values, or map_fn over to_tensor()"))
    values = [x if is_ragged(x) else EAGER.convert(x) for x in leaves(elems, composites=False)]
    counts = {int(x.nrows()) if is_ragged(x) else x.shape[0] for x in values}
    if len(counts) != 1:
        raise ShapeError(explain(f"map_fn: elems have different numbers of rows, {sorted(counts)}"))
    (count,) = counts
    if count == 0:
        raise UsageError(explain("map_fn: elems without rows do not show what the function answers with"))
    answers = [fn(pack(elems, iter([x[k] for x in values]), composites=False)) for k in range(count)]
    kinds = [wanted] * count if wanted is None else leaves(wanted, composites=False)
    columns = zip(*[leaves(a, composites=False) for a in answers])
    made = [_together(list(column), kind) for column, kind in zip(columns, kinds)]
    return pack(answers[0], iter(made), composites=False)


def _together(rows: list, wanted):
    rows = [r if is_ragged(r) else convert_to_tensor(r) for r in rows]
    is_dense = not any(is_ragged(r) or r.shape.ndims for r in rows)
    found = stack([_vector(r) for r in rows]) if is_dense else stack(rows)
    if is_dense:
        return found.flat_values if is_ragged(found) else found[:, 0]
    wants_dense = wanted is not None and not isinstance(wanted, RaggedTensorSpec)
    return found.to_tensor() if is_ragged(found) and wants_dense else found


def _vector(scalar):
    return EAGER.convert(scalar)[None]
