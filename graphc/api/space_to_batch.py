"""Functions of images with holes between the elements of their windows."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.eager import eager
from graphc.api.lift import lift, tensors_in
from graphc.api.op import Op
from graphc.api.recorder import recorder_for
from graphc.errors import ShapeError, UsageError, explain
from graphc.lib import blocks
from graphc.lib.dims import integer, listed

_apart = lift(Op("space_to_batch_nd", "SpaceToBatchND", blocks.space_to_batch, "input"), eager)
_together = lift(Op("batch_to_space", "BatchToSpaceND", blocks.batch_to_space, "input"), eager)


def with_space_to_batch(input, dilation_rate, padding, op: Callable, filter_shape=None, spatial_dims=None,  # noqa: A002
                        data_format=None):  # fmt: skip
    """``op`` with windows whose elements are ``dilation_rate`` places apart, for a function that knows none of this.

    Every phase of the image becomes an image of the batch, ``op`` works on these, and its answers are put together.

    Args:
        input: [batch, *spatial, channels], or channels first where ``data_format`` begins with ``NC``.
        dilation_rate: ints, one for each spatial axis.
        padding: SAME, which needs ``filter_shape``, or VALID.
        op: called with the images, the number of spatial axes, and ``"VALID"`` (``padding`` where all rates are 1).
        filter_shape: the sizes of the window along the spatial axes.
        spatial_dims: the spatial axes, ascending; by default those of the data format.

    Raises:
        ShapeError: an axis does not exist, or is of unknown size. UsageError: other arguments.
    """
    name = "with_space_to_batch"
    rates = [integer(name, "dilation_rate", r) for r in listed(name, "dilation_rate", dilation_rate)]
    first = 2 if data_format is not None and data_format.startswith("NC") else 1
    axes = list(range(first, first + len(rates))) if spatial_dims is None else list(spatial_dims)
    if not rates or min(rates) < 1:
        raise UsageError(explain(f"{name}: dilation_rate must be positive ints, got {dilation_rate!r}"))
    if len(axes) != len(rates) or axes[0] < 1 or any(a >= b for a, b in zip(axes, axes[1:])):
        raise UsageError(explain(f"{name}: spatial_dims must be {len(rates)} ascending axes, got {spatial_dims!r}"))
    if padding not in ("SAME", "VALID"):
        raise UsageError(explain(f"{name}: padding must be 'SAME' or 'VALID', got {padding!r}"))
    x = recorder_for(tensors_in([input]), eager).convert(input)
    if all(r == 1 for r in rates):
        return op(x, len(rates), padding)
    sizes = x.shape.as_list()
    if axes[-1] >= len(sizes) or any(sizes[a] is None for a in axes):
        raise ShapeError(explain(f"{name}: axes {axes} of {x.shape} must exist and have known sizes"))
    block = [rates[axes.index(a)] if a in axes else 1 for a in range(1, axes[-1] + 1)]
    pads, crops = [], []
    for axis, rate in zip(range(1, axes[-1] + 1), block):
        low = high = 0
        if padding == "SAME" and axis in axes:
            reach = (_window(name, filter_shape, len(rates))[axes.index(axis)] - 1) * rate
            low, high = reach // 2, reach - reach // 2
        extra = -(sizes[axis] + low + high) % rate if axis in axes else 0
        pads.append([low, high + extra])
        crops.append([0, extra])
    return _together(op(_apart(x, block, pads), len(rates), "VALID"), block, crops)


def _window(name: str, filter_shape, count: int) -> list[int]:
    if filter_shape is None:
        raise UsageError(explain(f"{name}: padding='SAME' needs filter_shape"))
    window = [integer(name, "filter_shape", w) for w in listed(name, "filter_shape", filter_shape)]
    if len(window) < count:
        raise UsageError(explain(f"{name}: filter_shape must have {count} sizes, got {window}"))
    return window[:count]
