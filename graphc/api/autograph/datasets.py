"""``for`` over a dataset in the graph: a loop that takes the next element by a host step."""

from __future__ import annotations

import itertools
import threading

import numpy as np

from graphc.api.effect import EFFECT
from graphc.api.recorder import RECORDERS
from graphc.api.spec import TensorSpec
from graphc.api.structure import leaves, pack
from graphc.errors import InvalidArgumentError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.prims.act import python

_numbers = itertools.count()
_KEPT = 64  # iterators of loops that an error has ended


class DatasetRows:
    """The elements of a dataset, or those that are left in an iterator.

    Attributes:
        recorder: of the loop.
    """

    def __init__(self, recorder, source):
        self.recorder, self._source = recorder, source
        self._spec = source.element_spec
        self._specs = leaves(self._spec, composites=False)
        if odd := [s for s in self._specs if not isinstance(s, TensorSpec)]:
            raise UsageError(explain(f"`for` over a Dataset: elements with {odd[0]!r} cannot be taken in a graph"))
        self._open: dict[int, list] = {}  # number of a run of the loop -> the iterator and the next row
        self._lock, self._label = threading.Lock(), f"dataset{next(_numbers)}"
        self.needed = ""  # what the loop must initialise
        self._handle = self._step("begin", self._begin, [], [(dt.i64, ())])[0]

    def has_more(self):
        """Whether there is one more element; it is taken from the dataset."""
        return self._step("more", self._more, [self._handle], [(dt.b1, ())])[0]

    def element(self):
        """The element that was taken."""
        results = [(s.dtype, tuple([-1 if d is None else d for d in s.shape.as_list()])) for s in self._specs]
        return pack(self._spec, self._step("element", self._take, [self._handle], results), composites=False)

    def close(self) -> None:
        """The loop has ended."""
        self._step("end", self._end, [self._handle], [(dt.b1, ())])

    def _step(self, what: str, callback, operands: list, results: list) -> list:
        key, top = f"{self._label}.{what}", RECORDERS.top

        def build(token: Node, *nodes: Node) -> list[Node]:
            return python(token, *nodes, callback=callback, key=key, results=tuple(results))

        made = top.call("IteratorGetNext", f"dataset_{what}", build, operands, ["handle"] * len(operands), effect=EFFECT)
        return made if isinstance(made, list) else [made]

    # -------------------------------------------------------------------------------- on the host

    def _begin(self):
        with self._lock:
            number = next(_numbers)
            self._open[number] = [iter(self._source), None, True]
            while len(self._open) > _KEPT:
                del self._open[next(iter(self._open))]
        return np.int64(number)

    def _more(self, handle):
        held = self._open[int(handle)]
        held[1], is_first, held[2] = held[0].row(), held[2], False
        if held[1] is None and is_first and self.needed:
            raise InvalidArgumentError(f"loop must iterate at least once to initialize {self.needed}")
        return np.bool_(held[1] is not None)

    def _end(self, handle):
        return np.bool_(self._open.pop(int(handle), None) is not None)

    def _take(self, handle):
        return [np.asarray(getattr(part, "array", part)) for part in self._open[int(handle)][1]]


def is_dataset(value) -> bool:
    """Whether this is a dataset or an iterator of one."""
    return hasattr(value, "element_spec") and (hasattr(value, "as_numpy_iterator") or hasattr(value, "row"))
