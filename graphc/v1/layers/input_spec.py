"""What a layer accepts: ranks, sizes and dtype of its input."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from graphc.api.operators import Operators
from graphc.api.shape import DimensionShape, TensorShape
from graphc.api.sparse import SparseTensor
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt


@dataclass(frozen=True)
class InputSpec:
    """Wishes about an input; None where there is none.

    Attributes:
        dtype, shape, ndim: exactly this; ``shape`` may hold None for sizes that are free.
        max_ndim, min_ndim: bounds of the rank.
        axes: axis -> the size it must have.
    """

    dtype: object = None
    shape: object = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: dict = field(default_factory=dict)
    allow_last_axis_squeeze: bool = False
    name: str | None = None
    optional: bool = False

    def __post_init__(self):
        object.__setattr__(self, "axes", {int(k): v for k, v in (self.axes or {}).items()})
        if self.shape is not None:
            object.__setattr__(self, "ndim", TensorShape(self.shape).ndims)

    def __repr__(self):
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return f"InputSpec({', '.join(f'{name}={value}' for name, value in said.items() if value)})"


def origin(value: Operators) -> list[tuple[str, str]]:
    """The operand of a message: what a tensor is called, its shape and the line that made it."""
    op = value.as_element().op if hasattr(value, "as_element") else getattr(value, "op", None)
    place = getattr(op, "location", None)
    line = f"   {place}: {place.source}" if place is not None and place.source else f"   {place or ''}"
    return [("inputs", f"is {value.name} of shape {value.shape} and dtype {value.dtype.name}{line}".rstrip())]


def check_input(layer: str, spec, value) -> None:
    """Refuse an input that a layer does not accept.

    Raises:
        UsageError: a list where one tensor is wanted. ShapeError, DtypeError: it does not fit ``spec``.
    """
    if spec is None or isinstance(spec, (list, tuple)):
        return
    if isinstance(value, SparseTensor):
        return  # its product says what does not fit
    if not isinstance(value, Operators):
        raise UsageError(explain(f"{layer}: needs one tensor as its input, got {value!r}"))
    shape, rank = value.shape, value.shape.ndims
    if rank is None:
        return
    if spec.ndim is not None and rank != spec.ndim:
        advice = "tf.reshape adds and joins axes, as in tf.reshape(x, [-1, 28, 28, 1])"
        what = f"{layer}: needs an input of rank {spec.ndim}, got rank {rank}; {advice}"
        raise ShapeError(explain(what, origin(value)))
    if spec.max_ndim is not None and rank > spec.max_ndim:
        raise ShapeError(explain(f"{layer}: needs rank {spec.max_ndim} at most, got rank {rank}", origin(value)))
    if spec.min_ndim is not None and rank < spec.min_ndim:
        raise ShapeError(explain(f"{layer}: needs rank {spec.min_ndim} at least, got rank {rank}", origin(value)))
    if spec.dtype is not None and value.dtype is not dt.as_dtype(spec.dtype):
        what = f"{layer}: needs {dt.as_dtype(spec.dtype).name}, got {value.dtype.name}"
        raise DtypeError(explain(what, origin(value)))
    sizes = shape.as_list()
    for axis, wanted in spec.axes.items():
        if -rank <= axis < rank and wanted is not None and sizes[axis] not in (None, int(wanted)):
            what = f"{layer}: axis {axis} of the input must have size {wanted}, as its weights do, not {sizes[axis]}"
            raise ShapeError(explain(what, origin(value)))
    if spec.shape is not None and not shape.is_compatible_with(spec.shape):
        raise ShapeError(explain(f"{layer}: needs shape {TensorShape(spec.shape)}, got {shape}", origin(value)))


def known_size(layer: str, shape: TensorShape, axis: int, value=None) -> int:
    """The size of an axis that weights depend on.

    Args:
        value: the input, for the message.

    Raises:
        ShapeError: it, or the rank, is not known.
    """
    rank = shape.ndims
    size = None if not rank else shape.as_list()[axis]
    if size is None:
        which = "last axis" if axis in (-1, (rank or 0) - 1) else f"axis {axis}"
        what = (f"{layer}: the size of the {which} of its input must be known, because weights have it, "
                f"but the shape is {DimensionShape(shape)}; give it in the placeholder, or with set_shape or reshape")  # fmt: skip
        raise ShapeError(explain(what, origin(value) if isinstance(value, Operators) else ()))
    return size
