"""The description of IndexedSlices."""

from __future__ import annotations

from graphc.api.shape import TensorShape
from graphc.api.sparse import IndexedSlices
from graphc.api.spec import TypeSpec
from graphc.ir import dtype as dt


class IndexedSlicesSpec(TypeSpec):
    """What is known about IndexedSlices: the shape of the larger tensor, the dtypes, the shape of the indices."""

    value_type = IndexedSlices

    def __init__(self, shape=None, dtype=dt.f32, indices_dtype=dt.i64, dense_shape_dtype=None, indices_shape=None):
        self.shape, self.dtype, self.indices_dtype = TensorShape(shape), dt.as_dtype(dtype), dt.as_dtype(indices_dtype)
        self.dense_shape_dtype = None if dense_shape_dtype is None else dt.as_dtype(dense_shape_dtype)
        self.indices_shape = TensorShape([None]) if indices_shape is None else TensorShape(indices_shape).with_rank(1)

    def is_compatible_with(self, value) -> bool:
        """Whether IndexedSlices (or another description of them) fulfil this."""
        if not isinstance(value, (IndexedSlices, IndexedSlicesSpec)):
            return False
        return self.dtype is value.dtype and self.shape.is_compatible_with(value.shape)

    def _key(self):
        return self.shape, self.dtype, self.indices_dtype, self.dense_shape_dtype, self.indices_shape

    def __eq__(self, other):
        return isinstance(other, IndexedSlicesSpec) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        return f"IndexedSlicesSpec({', '.join(map(repr, self._key()))})"
