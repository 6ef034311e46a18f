"""bucket_by_sequence_length: batches of elements of similar lengths."""

from __future__ import annotations

import bisect
from collections.abc import Callable

import numpy as np

from graphc.api.data.batching import shape_leaves
from graphc.api.data.element import leaves, pack
from graphc.api.data.stage import Stage
from graphc.api.data.windows import Grouped
from graphc.api.shape import TensorShape
from graphc.api.tensor import EagerTensor
from graphc.errors import InvalidArgumentError, UsageError, explain

_NAME = "bucket_by_sequence_length"


def bucketed(source: Stage, length: Callable, boundaries, sizes, batched: Callable, padded_shapes,
             to_boundary: bool) -> Stage:  # fmt: skip
    """Elements grouped by the bucket of their length.

    Args:
        length: the length of an element.
        batched: makes batches: of a dataset, the batch size, the padded shapes and whether a bucket is known.
        padded_shapes: of the elements; those of ``element_spec`` if None.
        to_boundary: whether sizes that are open become the limit of the bucket, less 1.

    Raises:
        UsageError: there is not one batch size more than boundaries.
    """
    boundaries = [int(b) for b in boundaries]
    sizes = [int(s) for s in np.asarray(getattr(sizes, "array", sizes)).tolist()]
    if len(sizes) != len(boundaries) + 1:
        what = f"{_NAME}: needs one batch size more than boundaries, got {len(sizes)} and {len(boundaries)}"
        raise UsageError(explain(what))
    if any(a >= b for a, b in zip(boundaries, boundaries[1:])):
        raise UsageError(explain(f"{_NAME}: boundaries {boundaries} do not ascend"))

    def bucket(found: int) -> int:
        return bisect.bisect_right(boundaries, found)

    def made(key, dataset):
        if not isinstance(key, EagerTensor):
            return batched(dataset, sizes[0], padded_shapes, False)
        k = int(key.array)
        shapes = padded_shapes
        if to_boundary:
            if k == len(boundaries):
                what = f"with pad_to_bucket_boundary elements must be shorter than {boundaries[-1]}"
                raise InvalidArgumentError(explain(f"{_NAME}: {what}", (), grouped.location))
            shapes = _closed(source.element_spec, padded_shapes, boundaries[k] - 1)
        return batched(dataset, sizes[k], shapes, True)

    def width(key: int) -> int:
        return sizes[key]

    grouped = Grouped(source, _NAME, length, made, width, "element_length_func", bucket)
    return grouped


def _closed(element_spec, padded_shapes, limit: int):
    """The padded shapes with ``limit`` in place of sizes that are open."""
    if padded_shapes is None:
        given = [spec.shape for spec in leaves(element_spec)]
    else:
        given = shape_leaves(element_spec, padded_shapes)
    shapes = [[limit if d in (None, -1) else d for d in TensorShape(s).as_list()] for s in given]
    return pack(element_spec, iter([TensorShape(s) for s in shapes]))
