"""Descriptions of tensors that do not exist yet: dtype, shape and name; shapes that are known beforehand."""

from __future__ import annotations

import itertools

from graphc.api.shape import TensorShape
from graphc.api.tensor import Tensor
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt


class TypeSpec:
    """What is known of a value beforehand: the class of all descriptions."""

    __slots__ = ()


class TensorSpec(TypeSpec):
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
        if not hasattr(other, "dtype") or not hasattr(other, "shape"):
            return False
        return self.dtype == other.dtype and self.shape.is_compatible_with(TensorShape(other.shape))

    @property
    def value_type(self) -> type:
        """The class of the values: ``tf.Tensor``."""
        return Tensor

    def is_subtype_of(self, other) -> bool:
        """Whether every tensor that fits this description fits the other, too."""
        if not isinstance(other, TensorSpec) or self.dtype is not other.dtype:
            return False
        return self.name in (other.name, None) and self.shape.is_subtype_of(other.shape)

    def most_specific_common_supertype(self, others):
        """The closest description that fits this one's tensors and all others', None if there is none."""
        if any(not isinstance(o, TensorSpec) or o.dtype is not self.dtype for o in others):
            return None
        name = self.name if all(o.name == self.name for o in others) else None
        return TensorSpec(self.shape.most_specific_common_supertype([o.shape for o in others]), self.dtype, name)

    def most_specific_compatible_type(self, other):
        """The closest description that fits the tensors of both.

        Raises:
            UsageError: there is none.
        """
        found = self.most_specific_common_supertype([other])
        if found is None:
            raise UsageError(explain(f"TensorSpec: no description fits both {self} and {other}"))
        return found

    def _key(self):
        return self.dtype, None if self.shape.dims is None else tuple(self.shape.as_list()), self.name

    def __eq__(self, other):
        return type(other) is type(self) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        shape = "<unknown>" if self.shape.dims is None else str(tuple(self.shape.as_list()))
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
