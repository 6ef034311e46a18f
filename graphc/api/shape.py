"""Shapes as users see them: sizes may be unknown, and so may the rank."""

from __future__ import annotations

import operator

from graphc.api.shape_checks import ShapeChecks
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir.node import Node


def _size(value) -> int:
    try:
        found = operator.index(value)
    except TypeError:
        raise SizeError(explain(f"a size must be an int or None, got {value!r}")) from None
    if found < 0:
        raise ShapeError(explain(f"a size must not be negative, got {found}; None stands for an unknown size"))
    return found


class SizeError(UsageError, TypeError):
    """What was given for a size is no integer."""


class Dimension:
    """One size: ``value`` is an int, or None where it is not known before running."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value.value if isinstance(value, Dimension) else None if value is None else _size(value)

    def __int__(self):
        return self.__index__()

    def __index__(self):
        if self.value is None:
            raise ShapeError(explain("the size is not known before running; use tf.shape(x)[axis], or -1 in tf.reshape"))
        return self.value

    def _with(self, other, operation):
        other = other.value if isinstance(other, Dimension) else other
        return Dimension(None if self.value is None or other is None else operation(self.value, int(other)))

    def __add__(self, other):
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other):
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other):
        return self._with(other, lambda a, b: a * b)

    def __floordiv__(self, other):
        return self._with(other, lambda a, b: a // b)

    def __mod__(self, other):
        return self._with(other, lambda a, b: a % b)

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other):
        return self.value == (other.value if isinstance(other, Dimension) else other)

    def __lt__(self, other):
        return int(self) < int(other)

    def __gt__(self, other):
        return int(self) > int(other)

    def __hash__(self):
        return hash(self.value)

    def __str__(self):
        return "?" if self.value is None else str(self.value)

    def __repr__(self):
        return f"Dimension({self.value})"


class TensorShape(ShapeChecks):
    """Sizes, ints or None, or an unknown rank (``dims`` is None); ``dims`` has them as Dimensions."""

    __slots__ = ("dims",)

    def __init__(self, dims):
        if isinstance(dims, TensorShape):
            self.dims = dims.dims
        elif dims is None:
            self.dims = None
        else:
            sizes = dims if hasattr(dims, "__iter__") and not isinstance(dims, str) else (dims,)
            self.dims = tuple(Dimension(d) for d in sizes)

    @property
    def ndims(self) -> int | None:
        return None if self.dims is None else len(self.dims)

    rank = ndims

    @property
    def _dims(self) -> tuple | None:
        """The sizes under TensorFlow's inner name, at which Keras looks when it writes a shape to a file."""
        return None if self.dims is None else tuple(d.value for d in self.dims)

    def as_list(self) -> list:
        """Sizes as ints and None.

        Raises:
            ShapeError: the rank is unknown.
        """
        if self.dims is None:
            raise ShapeError(explain("as_list: the rank is unknown"))
        return [d.value for d in self.dims]

    def get_config(self) -> dict:
        """What ``from_config`` makes it of, for formats that keep objects as text."""
        return {"dims": None if self.dims is None else self.as_list()}

    @classmethod
    def from_config(cls, config: dict) -> TensorShape:
        """The shape that ``get_config`` told of."""
        return cls(config["dims"])

    def is_fully_defined(self) -> bool:
        return self.dims is not None and all(d.value is not None for d in self.dims)

    def num_elements(self) -> int | None:
        """The product of the sizes, None where one is unknown."""
        if not self.is_fully_defined():
            return None
        total = 1
        for d in self.dims:
            total *= d.value
        return total

    def is_compatible_with(self, other) -> bool:
        """Whether some shape fits both."""
        other = TensorShape(other)
        if self.dims is None or other.dims is None:
            return True
        return len(self.dims) == len(other.dims) and all(
            a.value is None or b.value is None or a.value == b.value for a, b in zip(self.dims, other.dims)
        )

    def merge_with(self, other) -> "TensorShape":
        """What both say together.

        Raises:
            ShapeError: they contradict each other.
        """
        other = TensorShape(other)
        if not self.is_compatible_with(other):
            raise ShapeError(explain(f"shapes {self} and {other} are not compatible"))
        if self.dims is None or other.dims is None:
            return other if self.dims is None else self
        return type(self)([b.value if a.value is None else a.value for a, b in zip(self.dims, other.dims)])

    def __getitem__(self, key):
        if self.dims is None:
            if not isinstance(key, slice):
                return self._shown(Dimension(None))
            bounds = key.start or 0, key.stop
            known = bounds[1] is not None and key.step in (None, 1) and min(bounds) >= 0
            return type(self)([None] * max(0, bounds[1] - bounds[0]) if known else None)
        return type(self)([d.value for d in self.dims[key]]) if isinstance(key, slice) else self._shown(self.dims[key])

    def _shown(self, size: Dimension):
        """One size as indexing and iterating give it."""
        return size.value

    def __iter__(self):
        if self.dims is None:
            raise ShapeError(explain("the shape cannot be iterated: the rank is unknown"))
        return iter([self._shown(d) for d in self.dims])

    def __len__(self):
        if self.dims is None:
            raise ShapeError(explain("the shape has no length: the rank is unknown"))
        return len(self.dims)

    def __bool__(self):
        return self.dims is not None

    def __eq__(self, other):
        try:
            other = TensorShape(other)
        except (TypeError, ValueError):
            return NotImplemented
        return (None if self.dims is None else self.as_list()) == (None if other.dims is None else other.as_list())

    def __hash__(self):
        return hash(self.dims)

    def __str__(self):
        if self.dims is None:
            return "<unknown>"
        return f"({', '.join(map(self._text, self.dims))}{',' if len(self.dims) == 1 else ''})"

    @staticmethod
    def _text(size: Dimension) -> str:
        return str(size.value)

    def __repr__(self):
        return f"TensorShape({None if self.dims is None else self.as_list()})"


class DimensionShape(TensorShape):
    """TensorShape as TensorFlow 1 has it: indexing and iterating give Dimensions."""

    __slots__ = ()

    def _shown(self, size: Dimension) -> Dimension:
        return size

    @staticmethod
    def _text(size: Dimension) -> str:
        return str(size)


def shown(dims: tuple | None) -> TensorShape:
    """Dimensions of the IR as TensorFlow shows them: symbols are unknown sizes."""
    return TensorShape(None if dims is None else [None if isinstance(d, Node) else d for d in dims])


def may_broadcast(x: TensorShape, y: TensorShape) -> bool:
    """Whether tensors of these shapes may fit together."""
    if x.dims is None or y.dims is None:
        return True
    return all(a.value == b.value or None in (a.value, b.value) or 1 in (a.value, b.value)
               for a, b in zip(reversed(x.dims), reversed(y.dims)))  # fmt: skip
