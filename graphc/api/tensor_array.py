"""TensorArray: tensors by number, written one at a time, also in loops."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from graphc.api.eager import eager
from graphc.api.operators import Operators
from graphc.api.recorder import recorder_for
from graphc.api.shape import TensorShape
from graphc.errors import DtypeError, ShapeError, SymbolicError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import symbol
from graphc.lib import index as lib_index
from graphc.lib import shape as lib_shape
from graphc.lib.dims import as_dims, dim_node
from graphc.lib.promote import as_node
from graphc.prims.table import apply

_numbers = itertools.count()


class TensorArray:
    """A list of tensors of one dtype.

    Elements that are written under Python numbers are kept apart. Where the number is itself computed, as in a loop, the
    elements are rows of one tensor: they have one shape, and the size is fixed before the loop. An element that was
    never written is 0. Like a tensor, a TensorArray in a graph does not change: ``write`` answers with the new one.

    Args:
        dtype: of all elements.
        size: how many elements; an int or an integer scalar tensor.
        dynamic_size: grow when a number beyond the size is written. A loop in a graph lets it grow if it only writes it;
            such a loop is run twice, first to see how many elements there will be.
        element_shape: of all elements; found from the first one that is written if None.
        clear_after_read, tensor_array_name, infer_shape, colocate_with_first_write_call, name: without effect.
    """

    fallback = staticmethod(eager)  # answers with the recorder where no operand decides

    def __init__(self, dtype, size=None, dynamic_size=None, clear_after_read=None, tensor_array_name=None,
                 handle=None, flow=None, infer_shape=True, element_shape=None, colocate_with_first_write_call=True,
                 name=None):  # fmt: skip
        if handle is not None or flow is not None:
            raise UsageError(explain("TensorArray: handles and flows of other TensorArrays are not supported"))
        self.dtype = dt.as_dtype(dtype)
        self.dynamic_size = bool(dynamic_size)
        self._size = _known(0 if size is None else size)
        self._element = None if element_shape is None else tuple(TensorShape(element_shape).as_list())
        self._items: dict[int, Operators] = {}
        self._buffer: Operators | None = None
        self._body = None
        self._grows = False  # in the body of the loop that it is in
        self.argument: Operators | None = None
        self.handle = self.flow = None

    # ------------------------------------------------------------------------------------ one element

    def write(self, index, value, name=None) -> "TensorArray":
        """The TensorArray with ``value`` under ``index``.

        Raises:
            DtypeError, ShapeError: the value is not of the dtype and shape of the elements.
            UsageError: the index is out of range.
        """
        recorder = self._recorder(index, value)
        tensor = recorder.convert(value, self.dtype if not isinstance(value, Operators) else None)
        if tensor.dtype is not self.dtype:
            raise DtypeError(explain(f"TensorArray: {tensor.dtype.name} written to elements of {self.dtype.name}"))
        shape = _shape(tensor)
        if self._element is None or None in self._element:
            self._refine(shape)
        place = _known(index)
        new = self if recorder.is_eager else self._copy()
        if type(place) is int and self._buffer is None and self._body is None:
            self._check(place)
            if type(self._size) is int and place >= self._size:
                new._size = place + 1
            new._element = self._element
            new._items[place] = tensor
            return new
        if self.dynamic_size and not self._grows:
            what = "TensorArray: with dynamic_size it grows where it is written under known numbers, and in one loop"
            raise SymbolicError(explain(f"{what}, not in loops inside of loops; give size= the number of elements"))
        place = recorder.convert(index)
        new._buffer = self._call("Write", _written, [self._rows(shape), place, tensor])
        if self._grows:
            new._size = self._call("Size", _reached, [self._size, place])
        new._items = {}
        return new

    def read(self, index, name=None):
        """The element under ``index``.

        Raises:
            UsageError: the index is out of range.
        """
        place = _known(index)
        if type(place) is int and self._buffer is None and self._body is None:
            self._check(place, reading=True)
            found = self._items.get(place)
            return found if found is not None else self._zero()
        return self._call("Read", lambda x, i: lib_index.gather(x, i), [self._rows(), index])

    def size(self, name=None):
        """The number of elements, an int32 scalar."""
        if type(self._size) is int:
            return self._recorder().convert(self._size, dt.i32)
        return self._call("Size", lambda n: n if n.dtype is dt.i32 else apply("cast", n, dtype=dt.i32), [self._size])

    # ---------------------------------------------------------------------------------- many elements

    def stack(self, name=None):
        """All elements as one tensor, on a new leading axis."""
        if self._buffer is None and self._body is None and type(self._size) is int and self._items:
            zero = self._zero() if len(self._items) < self._size else None
            parts = [self._items.get(k, zero) for k in range(self._size)]
            return self._call("Stack", lambda *xs: lib_shape.stack(list(xs)), parts)
        return self._rows()

    def gather(self, indices, name=None):
        """Some elements as one tensor."""
        return self._call("Gather", lambda x, i: lib_index.gather(x, i), [self.stack(), indices])

    def concat(self, name=None):
        """All elements joined along their leading axis."""
        if self._buffer is None and self._items and len(self._items) == self._size:
            parts = [self._items[k] for k in range(self._size)]
            return self._call("Concat", lambda *xs: lib_shape.concat(list(xs), 0), parts)
        return self._call("Concat", _joined, [self.stack()])

    def unstack(self, value, name=None) -> "TensorArray":
        """A TensorArray of the rows of ``value``."""
        recorder = self._recorder(value)
        tensor = recorder.convert(value, self.dtype if not isinstance(value, Operators) else None)
        if tensor.dtype is not self.dtype:
            raise DtypeError(explain(f"TensorArray: {tensor.dtype.name} written to elements of {self.dtype.name}"))
        shape = _shape(tensor)
        if not shape:
            raise ShapeError(explain(f"TensorArray: unstack needs rows, got a tensor of shape {tensor.shape}"))
        new = self if recorder.is_eager else self._copy()
        new._refine(shape[1:])
        new._size = shape[0] if type(shape[0]) is int else self._call("Size", _leading, [tensor])
        new._items, new._buffer = {}, tensor
        return new

    def scatter(self, indices, value, name=None) -> "TensorArray":
        """The TensorArray with the rows of ``value`` under ``indices``."""
        recorder = self._recorder(indices, value)
        tensor = recorder.convert(value, self.dtype if not isinstance(value, Operators) else None)
        places = None if isinstance(indices, Operators) and not hasattr(indices, "numpy") else _values(indices)
        if places is None:
            if self.dynamic_size:
                raise SymbolicError(explain("TensorArray: scatter by computed numbers needs size= instead of dynamic_size"))
            new = self._copy()
            new._refine(_shape(tensor)[1:])
            rows = self._rows(_shape(tensor)[1:])
            new._buffer = self._call("Scatter", _written, [rows, recorder.convert(indices), tensor])
            new._items = {}
            return new
        new = self
        for k, place in enumerate(places):
            new = new.write(int(place), tensor[k])
        return new

    def split(self, value, lengths, name=None) -> "TensorArray":
        """A TensorArray of consecutive pieces of ``value`` along its leading axis."""
        recorder = self._recorder(value)
        tensor = recorder.convert(value, self.dtype if not isinstance(value, Operators) else None)
        new = self if recorder.is_eager else self._copy()
        new._items, new._buffer, begin = {}, None, 0
        lengths = [int(n) for n in _values(lengths)]
        for k, n in enumerate(lengths):
            new._items[k] = tensor[begin : begin + n]
            begin += n
        new._size = len(lengths)
        return new

    def identity(self) -> "TensorArray":
        """An equal TensorArray."""
        return self._copy()

    def close(self, name=None) -> None:
        """Nothing: memory is planned by the compiler."""

    def grad(self, source, flow=None, name=None):
        """Refused: gradients go through TensorArrays by themselves."""
        what = "TensorArray.grad: gradients go through a TensorArray by themselves; use tf.gradients"
        raise UsageError(explain(what))

    @property
    def element_shape(self) -> TensorShape:
        """What is known of the elements' shape."""
        if self._element is None:
            return TensorShape(None)
        return TensorShape([d if type(d) is int else None for d in self._element])

    # ------------------------------------------------------------------------- as a variable of a loop

    def enter(self, body, grows: bool = False) -> "TensorArray":
        """This TensorArray as the body of a loop sees it: an argument, made when its shape is known."""
        inside = type(self)(self.dtype, 0, self.dynamic_size)
        inside._size, inside._element, inside._body = self._size, self._element, body
        inside._grows = grows
        if inside._grows:
            if self._is_complete():
                inside._begin(self._element)
        elif self._buffer is not None:
            inside.argument = inside._buffer = body.argument(self._buffer)
        elif self._is_complete() and type(self._size) is int:
            inside._begin(self._element)
        return inside

    def grows_in(self, recorder) -> bool:
        """Whether a loop that a recorder records lets it grow."""
        return self.dynamic_size and not recorder.is_eager and self._body is None

    def grow(self, size) -> None:
        """Inside of a loop: this is the number of elements before a step."""
        self._size = size

    def may_outgrow(self, before: "TensorArray") -> bool:
        """Whether it was written since it was ``before``, so that it may have more elements."""
        return self._size is not before._size

    def _is_complete(self) -> bool:
        return self._element is not None and all(d is not None for d in self._element)

    def _begin(self, element: tuple):
        """Become an argument of the body."""
        if self.argument is None:
            size = None if self._grows else self._size_in_shape()
            size = symbol(f"elements{next(_numbers)}") if size is None else size
            self._element = element
            self.argument = self._buffer = self._body.argument_of(self.dtype, (size, *element))

    def _size_in_shape(self):
        if type(self._size) is int:
            return self._size
        node = self._size.node
        try:
            return None if node is None else as_dims(node)[0]
        except ShapeError:
            return None

    def carried(self, inside: "TensorArray"):
        """The elements as a tensor, to become those of ``inside`` in the next step; None if there are none yet."""
        if self._buffer is None and not self._items and inside.argument is None:
            return None
        if inside.argument is None:
            inside._begin(self._element)
        return self.stack() if self._items else self._buffer if self._buffer is not None else inside.argument

    def buffer_like(self, inside: "TensorArray"):
        """The elements as a tensor of the shape found in a loop."""
        if self._element is None or None in self._element:
            self._element = inside._element
        return self._rows(inside._element)

    def renewed(self, inside: "TensorArray", buffer, size=None) -> "TensorArray":
        """This TensorArray after a loop that left these elements, and so many if it could grow."""
        if buffer is None:
            return self
        new = self._copy()
        new._size = self._size if size is None else size
        new._items, new._buffer, new._element = {}, buffer, inside._element
        return new

    # --------------------------------------------------------------------------- as a result of a branch

    def as_tensors(self, other: "TensorArray") -> list:
        """The elements as one tensor, and their number if it differs from that of the other branch's."""
        if self._element is None:
            self._element = other._element
        rows = self._rows(self._element)
        return [rows] if self._has_size_of(other) else [rows, self.size()]

    def of_tensors(self, other: "TensorArray", made) -> "TensorArray":
        """A TensorArray of what a branch made of ``as_tensors`` of this one and the other one."""
        new = self._copy()
        new._items, new._buffer = {}, next(made)
        if not self._has_size_of(other):
            new._size = next(made)
        return new

    def _has_size_of(self, other: "TensorArray") -> bool:
        return self._size is other._size or (type(self._size) is type(other._size) is int and self._size == other._size)

    # ---------------------------------------------------------------------------------------- inside

    def _copy(self) -> "TensorArray":
        new = type(self)(self.dtype, 0, self.dynamic_size)
        new._size, new._element, new._items, new._buffer = self._size, self._element, dict(self._items), self._buffer
        new._body, new.argument, new._grows = self._body, self.argument, self._grows
        return new

    def _refine(self, shape) -> None:
        """Note the shape of the elements."""
        if shape is not None and (self._element is None or None in self._element):
            self._element = tuple(shape)

    def _recorder(self, *values):
        known = [v for v in (*values, self._buffer, *self._items.values()) if isinstance(v, Operators)]
        return recorder_for(known, self.fallback)

    def _call(self, what: str, build, operands):
        kind = f"TensorArray{what}"
        return self._recorder(*operands).call(kind, kind, build, operands, ["input"] * len(operands), alike=False)

    def _check(self, place: int, reading: bool = False) -> None:
        fixed = type(self._size) is int and (reading or not self.dynamic_size)
        if place < 0 or (fixed and place >= self._size):
            what = f"TensorArray: index {place} is out of range for {self._size} elements"
            raise UsageError(explain(what if reading or self.dynamic_size else f"{what}; dynamic_size is False"))

    def _zero(self):
        """An element that was never written."""
        if not self._is_complete():
            what = "TensorArray: an element is read that was never written, and its shape is not known"
            raise UsageError(explain(what))
        shape = self._element
        return self._call("Zero", lambda: lib_shape.zeros(shape, self.dtype), [])

    def _rows(self, element=None):
        """All elements as rows of one tensor."""
        if self._buffer is None and self._body is not None and element is not None:
            self._begin(tuple(element))
        if self._buffer is not None:
            return self._buffer
        if self._items:
            return self.stack()
        element = self._element if self._is_complete() else element
        if element is None:
            raise UsageError(explain("TensorArray: nothing was written, and element_shape is not given"))
        if type(self._size) is int:
            return self._call("Zeros", lambda: lib_shape.zeros((self._size, *element), self.dtype), [])
        return self._call("Zeros", lambda n: lib_shape.zeros((n, *element), self.dtype), [self._size])


def _written(rows, index, value):
    i = as_node(index)
    if not i.shape:
        i, value = apply("reshape", i, shape=(1,)), apply("reshape", value, shape=(1, *value.shape))
    return lib_index.scatter(rows, i, value, "set")


def _reached(size, index):
    """The number of elements after writing under ``index``, one number or several."""
    top = apply("cast", index, dtype=size.dtype) if index.dtype is not size.dtype else index
    return apply("max", size, apply("add", top, lib_shape.ones((), size.dtype)))


def _joined(rows):
    if len(rows.shape) < 2:
        raise ShapeError(explain(f"TensorArray: concat needs elements with an axis, not {rows.type}"))
    return apply("reshape", rows, shape=(rows.shape[0] * rows.shape[1], *rows.shape[2:]))


def _leading(x):
    return dim_node(x.shape[0], dt.i32)


def _known(value):
    """An index or size as an int where it has a value, else the tensor."""
    if isinstance(value, Operators):
        settled = getattr(value, "array", None)
        return int(settled) if settled is not None else value
    return int(value)


def _values(value) -> Sequence:
    return np.asarray(value.numpy() if isinstance(value, Operators) else value).reshape(-1)


def _shape(tensor) -> tuple | None:
    """The sizes of a tensor as ints and dimension Nodes; None where the rank is unknown."""
    node = getattr(tensor, "node", None)
    return None if node is None else tuple(node.shape)
