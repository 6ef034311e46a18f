"""``for`` over a dataset in the graph: a loop that takes the next element by a host step."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.api.data.taken import Components, TracedIterator, expect_known
from graphc.api.effect import EFFECT
from graphc.api.recorder import RECORDERS
from graphc.api.spec import TensorSpec
from graphc.errors import InvalidArgumentError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.prims.act import python

_numbers = itertools.count()
_KEPT = 64  # iterators of loops that an error has ended


@dataclass
class _Run:
    """One run of a loop: what it takes from, the element it has reached, and whether it has asked for none yet."""

    items: Any  # has ``row()``
    row: Sequence | None = None
    is_first: bool = True


class DatasetRows:
    """The elements of a dataset, or those that are left in an iterator.

    Attributes:
        recorder: of the loop.
    """

    def __init__(self, recorder, source):
        self.recorder, self._source = recorder, source
        expect_known(source)
        self._components = Components("`for` over a Dataset", source.element_spec)
        self._open: dict[int, _Run] = {}  # by the number that the program knows it by
        self._lock, self._label = threading.Lock(), f"dataset{next(_numbers)}"
        self.needed = ""  # what the loop must initialise
        self._handle = self._step("begin", self._begin, list(getattr(source, "operands", ())), [(dt.i64, ())])[0]

    def has_more(self):
        """Whether there is one more element; it is taken from the dataset."""
        return self._step("more", self._more, [self._handle], [(dt.b1, ())])[0]

    def element(self):
        """The element that was taken."""
        return self._components.taken(self._row, [self._handle])

    def close(self) -> None:
        """The loop has ended."""
        self._step("end", self._end, [self._handle], [(dt.b1, ())])

    def _step(self, what: str, callback, operands: list, results: list) -> list:
        key, top = f"{self._label}.{what}", RECORDERS.top

        def build(token: Node, *nodes: Node) -> list[Node]:
            return python(token, *nodes, callback=callback, key=key, results=tuple(results))

        labels = ["handle"] * len(operands)
        made = top.call("IteratorGetNext", f"dataset_{what}", build, operands, labels, effect=EFFECT)
        return made if isinstance(made, list) else [made]

    # -------------------------------------------------------------------------------- on the host

    def _begin(self, *arrays):
        with self._lock:
            number = next(_numbers)
            self._open[number] = _Run(self._source.opened(*arrays))
            while len(self._open) > _KEPT:
                del self._open[next(iter(self._open))]
        return np.int64(number)

    def _more(self, handle):
        run = self._open[int(handle)]
        run.row, is_first, run.is_first = run.items.row(), run.is_first, False
        if run.row is None and is_first and self.needed:
            raise InvalidArgumentError(f"loop must iterate at least once to initialize {self.needed}")
        return np.bool_(run.row is not None)

    def _end(self, handle):
        return np.bool_(self._open.pop(int(handle), None) is not None)

    def _row(self, handle) -> tuple:
        return self._open[int(handle)].row


class SideBySide:
    """The elements of several datasets and iterators at a time, as ``zip`` takes them.

    Attributes:
        operands: what tells the iterators of different runs apart.
    """

    def __init__(self, sources):
        self.element_spec = tuple([s.element_spec for s in sources])
        self._sources, self._counts = sources, [len(getattr(s, "operands", ())) for s in sources]
        self.operands = [t for s in sources for t in getattr(s, "operands", ())]

    def opened(self, *arrays) -> "_Together":
        """The iterators of a run."""
        given = iter(arrays)
        return _Together([s.opened(*[next(given) for _ in range(n)]) for s, n in zip(self._sources, self._counts)])


class _Together:
    """Iterators side by side."""

    def __init__(self, iterators: list):
        self._iterators = iterators

    def row(self) -> tuple | None:
        """The components of the next element, None where one iterator has come to its end."""
        found = []
        for iterator in self._iterators:
            row = iterator.row()
            if row is None:
                return None
            found.extend(row)
        return tuple(found)


class Numbered:
    """The elements of an iterator with their numbers, as ``enumerate`` takes them.

    Attributes:
        operands: what tells the iterators of different runs apart.
    """

    def __init__(self, source, start: int):
        self.element_spec = (TensorSpec((), dt.i64), source.element_spec)
        self._source, self._start, self.operands = source, start, list(getattr(source, "operands", ()))

    def opened(self, *arrays) -> "_Together":
        """The iterators of a run."""
        return _Together([_Count(self._start), self._source.opened(*arrays)])


class _Count:
    """The numbers from one on."""

    def __init__(self, start: int):
        self._numbers = itertools.count(start)

    def row(self) -> tuple:
        """The next number."""
        return (np.int64(next(self._numbers)),)


def is_dataset(value) -> bool:
    """Whether this is a dataset, an iterator of one, or several of these together."""
    return hasattr(value, "element_spec") and hasattr(value, "opened")


def iterator_of(value):
    """What takes one element after the other of a dataset or an iterator in a graph."""
    return value if hasattr(value, "get_next") else TracedIterator(value)
