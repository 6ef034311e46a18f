"""Iterators over datasets: what ``iter(dataset)`` and ``as_numpy_iterator`` give."""

from __future__ import annotations

import threading
import weakref

from graphc.api.data.element import as_numpy, builder, leaves, mapped
from graphc.api.data.flow import Ahead
from graphc.api.data.optional import Optional
from graphc.api.data.stage import Run, Stage
from graphc.api.data.taken import Taking, unrolled
from graphc.api.eager import EAGER
from graphc.api.recorder import RECORDERS
from graphc.errors import OutOfRangeError, explain


class Iterator:
    """The elements of a dataset in order; ``next`` gives one, a ``for`` loop all that are left."""

    def __init__(self, stage: Stage, run: Run):
        self.element_spec, self._build = stage.element_spec, builder(stage.element_spec)
        self._stage, self._run, self._flow = stage, run, None
        self._ahead, self._block, self._next = Ahead(stage.is_silent), None, 0
        self._taking: Taking | None = None
        self._lock = threading.RLock()

    def __iter__(self) -> "Iterator":
        if RECORDERS.top is not None and RECORDERS.top.captures:
            raise unrolled("an Iterator")
        return self

    def row(self) -> tuple | None:
        """The components of the next element, None at the end."""
        with self._lock:
            block = self._block
            if block is None:
                block = self._pulled()
                if block is None:
                    return None
            k = self._next
            if k + 1 < block.count:
                self._next = k + 1
            else:
                self._block, self._next = None, 0
            return block.row(k)

    def _pulled(self):
        if self._flow is None:
            self._flow = self._stage.open(self._run)
            weakref.finalize(self, _dropped, self._flow, self._run)
        with RECORDERS.entering(EAGER):
            block = self._flow.pull(self._ahead.count)
        self._ahead.seen(block)
        self._block, self._next = block, 0
        return block

    def __next__(self):
        if RECORDERS.top is not None and RECORDERS.top.captures:
            return self.get_next()
        row = self.row()
        if row is None:
            raise StopIteration
        return self._build(row)

    def get_next(self):
        """The next element.

        Raises:
            OutOfRangeError: there is none; in a function that is traced, its runs say so.
        """
        if RECORDERS.top is not None and RECORDERS.top.captures:
            return self._in_graphs().get_next()
        row = self.row()
        if row is None:
            raise OutOfRangeError(explain("Iterator.get_next: End of sequence"))
        return self._build(row)

    def get_next_as_optional(self) -> Optional:
        """The next element; an empty Optional at the end."""
        if RECORDERS.top is not None and RECORDERS.top.captures:
            return self._in_graphs().get_next_as_optional()
        row = self.row()
        return Optional(self.element_spec) if row is None else Optional(self.element_spec, self._build(row), True)

    def opened(self) -> "Iterator":
        """What a loop of a graph takes its elements from."""
        return self

    def _in_graphs(self) -> Taking:
        """What takes an element in each run of a graph."""
        with self._lock:
            if self._taking is None:
                self._taking = Taking(self.element_spec, self.opened)
            return self._taking


class IteratorSpec:
    """What is known about an iterator: the spec of its elements."""

    value_type = Iterator

    def __init__(self, element_spec):
        self.element_spec = element_spec

    @classmethod
    def from_value(cls, value) -> "IteratorSpec":
        """What an iterator fulfils."""
        return cls(value.element_spec)

    def __eq__(self, other):
        return type(other) is IteratorSpec and self.element_spec == other.element_spec

    def __hash__(self):
        return hash(tuple(leaves(self.element_spec)))

    def __repr__(self):
        return f"IteratorSpec({self.element_spec!r}, TensorShape([]))"


def _dropped(flow, run: Run) -> None:
    run.closed.set()
    flow.close()


class NumpyIterator:
    """The elements of a dataset as NumPy arrays."""

    def __init__(self, iterator: Iterator):
        self._iterator = iterator

    def __iter__(self) -> "NumpyIterator":
        return self

    def __next__(self):
        element = next(self._iterator)
        values = leaves(element)
        return as_numpy(element) if len(values) == 1 and values[0] is element else mapped(as_numpy, element)
