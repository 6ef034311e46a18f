"""ShapeChecks: what a TensorShape can be asked, combined with and checked for."""

from __future__ import annotations

from graphc.errors import ShapeError, explain


class ShapeChecks:
    """The methods over ``dims``, ``ndims`` and ``is_compatible_with`` of a TensorShape."""

    __slots__ = ()

    def concatenate(self, other):
        """The sizes of both; an unknown rank makes it unknown."""
        other = type(self)(other)
        if self.dims is None or other.dims is None:
            return type(self)(None)
        return type(self)(self.as_list() + other.as_list())

    def __add__(self, other):
        return self.concatenate(other)

    def __radd__(self, other):
        return type(self)(other).concatenate(self)

    def with_rank(self, rank: int):
        """The shape, known to have this many axes.

        Raises:
            ShapeError: it has another number.
        """
        try:
            return self.merge_with([None] * rank)
        except ShapeError:
            raise self._wrong(f"must have rank {rank}") from None

    def with_rank_at_least(self, rank: int):
        """The shape.

        Raises:
            ShapeError: it has fewer axes.
        """
        if self.ndims is not None and self.ndims < rank:
            raise self._wrong(f"must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank: int):
        """The shape.

        Raises:
            ShapeError: it has more axes.
        """
        if self.ndims is not None and self.ndims > rank:
            raise self._wrong(f"must have rank at most {rank}")
        return self

    def assert_has_rank(self, rank: int) -> None:
        """Raise ShapeError unless the shape may have this many axes."""
        if self.ndims not in (None, rank):
            raise self._wrong(f"must have rank {rank}")

    def assert_same_rank(self, other) -> None:
        """Raise ShapeError unless both may have the same number of axes."""
        other = type(self)(other)
        if None not in (self.ndims, other.ndims) and self.ndims != other.ndims:
            raise ShapeError(explain(f"shapes {self} and {other} must have the same rank"))

    def assert_is_compatible_with(self, other) -> None:
        """Raise ShapeError unless some shape fits both."""
        if not self.is_compatible_with(other):
            raise ShapeError(explain(f"shapes {self} and {type(self)(other)} are incompatible"))

    def assert_is_fully_defined(self) -> None:
        """Raise ShapeError unless all sizes are known."""
        if not self.is_fully_defined():
            raise self._wrong("is not fully defined")

    def is_subtype_of(self, other) -> bool:
        """Whether every tensor of this shape has the other one, too."""
        if other.dims is None or self is other:
            return True
        if self.dims is None or self.ndims != other.ndims:
            return False
        return all(b.value in (None, a.value) for a, b in zip(self.dims, other.dims))

    def most_specific_compatible_shape(self, other):
        """What is true of tensors of both shapes."""
        other = type(self)(other)
        if self.dims is None or other.dims is None or self.ndims != other.ndims:
            return type(self)(None)
        return type(self)([a.value if a.value == b.value else None for a, b in zip(self.dims, other.dims)])

    def most_specific_common_supertype(self, others):
        """What is true of tensors of all these shapes."""
        found = self
        for other in others:
            found = found.most_specific_compatible_shape(other)
        return found

    def _wrong(self, what: str) -> ShapeError:
        return ShapeError(explain(f"shape {self} {what}"))

    def __reduce__(self):
        return type(self), (None if self.dims is None else self.as_list(),)
