"""Elements that the runs of a graph take from an iterator: as tensors, or as an Optional."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence

import numpy as np

from graphc.api.composite import Composite
from graphc.api.data.element import NoneTensorSpec, builder, leaves, pack
from graphc.api.data.optional import Optional
from graphc.api.effect import EFFECT
from graphc.api.ragged import RaggedTensor, RaggedTensorSpec
from graphc.api.recorder import RECORDERS
from graphc.api.resource import record
from graphc.api.sparse import SparseTensor, SparseTensorSpec
from graphc.api.spec import TensorSpec
from graphc.errors import InvalidArgumentError, OutOfRangeError, SymbolicError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.prims.act import python
from graphc.prims.running import Ranks

_numbers = itertools.count()
_KEPT = 64  # elements of Optionals that runs have taken and may still ask for
_NONE = -1  # the number of an Optional without a value


class Components:
    """The tensors that the elements of a spec are made of.

    Raises:
        UsageError: elements of this kind cannot be taken in a graph.
    """

    def __init__(self, op: str, element_spec):
        self.op, self.element_spec, self._specs = op, element_spec, leaves(element_spec)
        self._kinds = [_kinds(op, s) for s in self._specs]

    def taken(self, callback: Callable, operands: Sequence = ()):
        """An element of which ``callback`` of the operands' arrays gives the row, whenever the graph runs."""
        kinds = tuple([kind for part in self._kinds for kind in part])
        results = Ranks(self.op, kinds)

        def build(token: Node, *nodes: Node) -> list[Node]:
            return python(token, *nodes, callback=arrays, key=results.key, results=results.results())

        def arrays(*given) -> list:
            return [a for part, kinds in zip(callback(*given), self._kinds) for a in _arrays(part, len(kinds))]

        made = record(RECORDERS.top, "IteratorGetNext", "IteratorGetNext", build, operands, results, None)
        found = iter(made if kinds else ())
        return pack(self.element_spec, iter([_value(s, found, len(k)) for s, k in zip(self._specs, self._kinds)]))


def _kinds(op: str, spec) -> list[tuple]:
    """Pairs of dtype and sizes (-1 for unknown ones) or None of the tensors of one value."""
    if isinstance(spec, NoneTensorSpec):
        return []
    sizes = None if _has_no_rank(spec) else tuple([-1 if d is None else d for d in spec.shape.as_list()])
    if isinstance(spec, RaggedTensorSpec) and spec.ragged_rank:
        flat = None if sizes is None else (-1, *sizes[spec.ragged_rank + 1 :])
        return [(spec.dtype, flat), *[(spec.row_splits_dtype, (-1,))] * spec.ragged_rank]
    if isinstance(spec, SparseTensorSpec):
        rank = -1 if sizes is None else len(sizes)
        return [(dt.i64, (-1, rank)), (spec.dtype, (-1,)), (dt.i64, (rank,))]
    if not isinstance(spec, (TensorSpec, RaggedTensorSpec)):
        raise UsageError(explain(f"{op}: elements with {spec!r} cannot be taken in a graph"))
    return [(spec.dtype, sizes)]


def _has_no_rank(spec) -> bool:
    """Whether the shape of a spec is unknown altogether."""
    return getattr(spec, "shape", None) is None or spec.shape.ndims is None


def _arrays(part, count: int) -> list:
    """The arrays of one component of an element."""
    parts = part.parts if isinstance(part, (RaggedTensor, SparseTensor)) else [part]
    return [np.asarray(getattr(p, "array", p)) for p in parts][:count]


def _value(spec, found, count: int):
    """The value of a spec made of the next ``count`` tensors."""
    parts = [next(found) for _ in range(count)]
    if isinstance(spec, SparseTensorSpec):
        return SparseTensor(*parts)
    if isinstance(spec, RaggedTensorSpec) and spec.ragged_rank:
        return RaggedTensor.from_nested_row_splits(parts[0], parts[1:], validate=False)
    return parts[0] if parts else None


class Taking:
    """What takes elements from an iterator whenever a graph runs.

    Args:
        opened: the iterator, from the arrays of ``operands``.
    """

    def __init__(self, element_spec, opened: Callable, operands: Sequence = ()):
        self._next = Components("Iterator.get_next", element_spec)
        self._opened, self._operands = opened, list(operands)
        self.rows: dict[int, tuple] = {}
        self._lock, self._label = threading.Lock(), f"optional{next(_numbers)}"

    def get_next(self):
        """The next element."""
        return self._next.taken(self._row, self._operands)

    def get_next_as_optional(self) -> "TakenOptional":
        """The next element as an Optional."""
        key = f"{self._label}.{next(_numbers)}"

        def build(token: Node, *nodes: Node) -> list[Node]:
            return python(token, *nodes, callback=self._number, key=key, results=((dt.i64, ()),))

        made = RECORDERS.top.call("IteratorGetNextAsOptional", "IteratorGetNextAsOptional", build, self._operands,
                                  ["handle"] * len(self._operands), effect=EFFECT)  # fmt: skip
        return TakenOptional(self, self._next.element_spec, made[0] if isinstance(made, list) else made)

    def _row(self, *arrays) -> tuple:
        row = self._opened(*arrays).row()
        if row is None:
            raise OutOfRangeError("Iterator.get_next: End of sequence")
        return row

    def _number(self, *arrays):
        row = self._opened(*arrays).row()
        if row is None:
            return np.int64(_NONE)
        with self._lock:
            number = next(_numbers)
            self.rows[number] = row
            while len(self.rows) > _KEPT:
                del self.rows[next(iter(self.rows))]
        return np.int64(number)

    def row_of(self, number) -> tuple:
        """The components of the element of an Optional.

        Raises:
            InvalidArgumentError: it has no value, or its value has been forgotten.
        """
        if int(number) == _NONE:
            raise InvalidArgumentError("Optional.get_value: the optional does not have a value; ask has_value() first")
        with self._lock:
            row = self.rows.get(int(number))
        if row is None:
            what = f"Optional.get_value: {_KEPT} elements have been taken since, and this one is not kept"
            raise InvalidArgumentError(f"{what}; ask for the value before taking more")
        return row


class TracedIterator:
    """An iterator over a dataset that each run of a graph makes anew.

    Attributes:
        operands: a tensor that tells the iterators of different runs apart.
    """

    def __init__(self, dataset):
        expect_known(dataset)
        self.element_spec, self._dataset = dataset.element_spec, dataset
        self._open: dict[int, object] = {}
        self._lock, key = threading.Lock(), f"iterator{next(_numbers)}"

        def build(token: Node) -> list[Node]:
            return python(token, callback=self._begin, key=key, results=((dt.i64, ()),))

        made = RECORDERS.top.call("MakeIterator", "MakeIterator", build, [], [], effect=EFFECT)
        self.operands = made if isinstance(made, list) else [made]
        self._taking = Taking(self.element_spec, self.opened, self.operands)

    def _begin(self):
        with self._lock:
            number = next(_numbers)
            self._open[number] = self._dataset.opened()
            while len(self._open) > _KEPT:
                del self._open[next(iter(self._open))]
        return np.int64(number)

    def opened(self, number):
        """The iterator of this number."""
        return self._open[int(number)]

    def __iter__(self):
        raise unrolled("an Iterator")

    def __next__(self):
        return self._taking.get_next()

    def get_next(self):
        """The next element; the run says so where there is none."""
        return self._taking.get_next()

    def get_next_as_optional(self) -> "TakenOptional":
        """The next element; an Optional without a value at the end."""
        return self._taking.get_next_as_optional()


def expect_known(source) -> None:
    """Refuse datasets made of tensors that have no value yet.

    Raises:
        UsageError: such a dataset; a function of elements that is traced for its types alone may have it.
    """
    if hasattr(source, "is_known") and not source.is_known():
        what = "a Dataset made of a tensor that has no value while the function is traced cannot be gone over in it"
        advice = "make the dataset outside of the function and pass it in, or loop over the rows of the tensor"
        raise UsageError(explain(f"{what}; {advice}"))


def unrolled(what: str) -> SymbolicError:
    """What says that Python cannot go over a dataset or an iterator in a function that is traced."""
    found = f"{what} has no end that Python could reach while a function is traced: a comprehension, list(), map() or"
    advice = "use a `for` statement in a function that is converted (autograph=True), also with enumerate and zip"
    return SymbolicError(explain(f"{found} a loop that is not converted goes over it; {advice}"))


class TakenOptional(Composite, Optional):
    """The Optional of a graph: a number that each run gives to the element it has taken."""

    def __init__(self, taking: Taking, element_spec, number):
        Optional.__init__(self, element_spec)
        self._taking, self._number = taking, number

    @property
    def parts(self) -> tuple:
        return (self._number,)

    def rebuilt(self, parts) -> "TakenOptional":
        return TakenOptional(self._taking, self._spec, *parts)

    def has_value(self, name=None):
        """Whether there is a value: a scalar bool."""
        return self._number >= 0

    def get_value(self, name=None):
        """The value.

        Raises:
            InvalidArgumentError: there is none; in a function that is traced, its runs say so.
        """
        if RECORDERS.top is not None and RECORDERS.top.captures:
            return Components("Optional.get_value", self._spec).taken(self._taking.row_of, [self._number])
        try:
            return builder(self._spec)(self._taking.row_of(self._number.numpy()))
        except InvalidArgumentError as error:
            raise InvalidArgumentError(explain(error.message)) from None
