"""Descriptions of tensors that do not exist yet: dtype, shape and name; shapes that are known beforehand."""

from __future__ import annotations

import itertools

from graphc.api.shape import TensorShape
from graphc.errors import ShapeError, explain
from graphc.ir import dtype as dt


class TensorSpec:
    """The dtype and shape of a tensor; sizes may be unknown (None), as may the rank (``shape=None``).

    Raises:
        DtypeError: an unknown dtype. ShapeError: an impossible size.
    """

    def __init__(self, shape, dtype=dt.f32, name=None):
        self.shape, self.dtype, self.name = TensorShape(shape), dt.as_dtype(dtype), name

    @classmethod
    def from_tensor(cls, tensor, name=None) -> "TensorSpec":
        """The description of a tensor."""
        return cls(tensor.shape, tensor.dtype, name)

    @classmethod
    def from_spec(cls, spec, name=None) -> "TensorSpec":
        """A copy under another name."""
        return cls(spec.shape, spec.dtype, name or spec.name)

    def is_compatible_with(self, spec_or_tensor) -> bool:
        """Whether a tensor, or what another description says, fits this one."""
        other = spec_or_tensor
        return self.dtype is other.dtype and self.shape.is_compatible_with(TensorShape(other.shape))

    def _key(self):
        return self.dtype, None if self.shape.dims is None else tuple(self.shape.as_list()), self.name

    def __eq__(self, other):
        return type(other) is type(self) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        shape = str(None) if self.shape.dims is None else str(tuple(self.shape.as_list()))
        return f"{type(self).__name__}(shape={shape}, dtype=tf.{self.dtype.name}, name={self.name!r})"


def broadcast_static_shape(shape_x, shape_y) -> TensorShape:
    """The shape of what two tensors of these shapes broadcast to; sizes that are not known stay so.

    Raises:
        ShapeError: they do not fit.
    """
    x, y = TensorShape(shape_x), TensorShape(shape_y)
    if x.dims is None or y.dims is None:
        return TensorShape(None)
    sizes = []
    for a, b in itertools.zip_longest(reversed(x.as_list()), reversed(y.as_list()), fillvalue=1):
        if a != b and None not in (a, b) and 1 not in (a, b):
            raise ShapeError(explain(f"broadcast_static_shape: {x} and {y} do not fit: {a} and {b}"))
        sizes.append(b if a == 1 else a if b in (1, a) else b if a is None else a)
    return TensorShape(sizes[::-1])
