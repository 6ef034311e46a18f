"""Queues of tuples of arrays, for any number of threads."""

from __future__ import annotations

import functools
import heapq
import json
import secrets
import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from graphc.errors import CancelledError, OutOfRangeError, ShapeError
from graphc.ir import dtype as dt
from graphc.prims.random import philox
from graphc.prims.running import Elsewhere, must_not_wait, time_left


class Queue:
    """Elements in the order in which they came, at most ``capacity`` of them.

    Threads that wait are served in the order in which they came; those that add and those that take wait in two lines.

    Args:
        label: the kind, for messages. name: the queue's.
        dtypes: of the components of an element; shapes: theirs, with None for sizes that differ, or None.
        least: elements that stay behind while the queue is open. capacity: none if negative.
    """

    def __init__(self, label: str, name: str, capacity: int, dtypes: tuple, shapes: tuple | None, least: int = 0):
        self.label, self.name, self.capacity, self.dtypes, self.shapes = label, name, capacity, dtypes, shapes
        self.least = least
        self._change = threading.Condition()
        self._adding: deque = deque()
        self._taking: deque = deque()
        self._is_closed = self._is_cancelled = False
        self._open()

    # ------------------------------------------------------------------------------- where elements lie

    def _open(self) -> None:
        self._elements: deque = deque()

    def _put(self, element: tuple) -> None:
        self._elements.append(element)

    def _get(self) -> tuple:
        return self._elements.popleft()

    def _restore(self, elements: list) -> None:
        self._elements.extendleft(reversed(elements))

    # -------------------------------------------------------------------------------------- operations

    def gives_way(self, method: str, arguments) -> bool:
        """Whether a run that must not wait is started anew when the whole operation can be done at once."""
        room = self.capacity - self.least if method.startswith("dequeue") else self.capacity
        if self.capacity < 0 or not arguments:
            return True
        return method == "enqueue" or (arguments[0] if method.startswith("dequeue") else len(arguments[0])) <= room

    def enqueue(self, *components) -> tuple:
        """Add one element; waits for room."""
        self._add([tuple([np.array(c) for c in components])])
        return ()

    def enqueue_many(self, *components) -> tuple:
        """Add the slices along the first axis one after the other."""
        components = [np.array(c) for c in components]
        counts = {len(c) for c in components}
        if len(counts) > 1:
            what = f"enqueue_many of {sorted(counts)} slices, which are not equally many"
            raise ShapeError(f"{self.label} '{self.name}': {what}")
        self._add([tuple([c[k, ...] for c in components]) for k in range(counts.pop())])
        return ()

    def dequeue(self) -> tuple:
        """Take one element; waits for it."""
        return self._take(1, False)[0]

    def dequeue_many(self, count) -> tuple:
        """Take ``count`` elements, stacked."""
        return self._stacked(self._take(int(count), False))

    def dequeue_up_to(self, count) -> tuple:
        """The same, but fewer where the queue is closed and has no more."""
        return self._stacked(self._take(int(count), True))

    def size(self) -> tuple:
        """How many elements there are."""
        with self._change:
            return (np.array(len(self._elements), np.int32),)

    def is_closed(self) -> tuple:
        """Whether no more elements may come."""
        return (np.array(self._is_closed),)

    def close_now(self) -> tuple:
        """Let no more elements come, not even those that wait."""
        with self._change:
            self._is_closed = True
            self._adding.clear()
            self._change.notify_all()
        return ()

    def close(self) -> tuple:
        """Let no more elements come after those that wait.

        Raises:
            CancelledError: the queue is closed already.
        """
        with self._in_line(self._adding) as turn:
            turn.wait_until(lambda: True, "closing was cancelled")
            if self._is_closed:
                raise CancelledError(f"{self.label} '{self.name}' is already closed.")
            self._is_closed = True
        return ()

    def cancel(self) -> None:
        """Give up whatever waits: the session is closed."""
        with self._change:
            self._is_closed = self._is_cancelled = True
            self._adding.clear()
            self._taking.clear()
            self._change.notify_all()

    # ----------------------------------------------------------------------------------------- waiting

    def _in_line(self, line: deque) -> "_Turn":
        return _Turn(self._change, line)

    def _add(self, elements: list) -> None:
        for element in elements:
            self._expect(element)
        with self._in_line(self._adding) as turn:
            if self._is_closed:
                raise CancelledError(f"{self.label} '{self.name}' is closed.")
            turn.give_way(
                lambda: self._is_closed or self.capacity < 0 or len(self._elements) + len(elements) <= self.capacity
            )
            for element in elements:
                turn.wait_until(self._has_room, f"{self.label} '{self.name}': enqueuing was cancelled")
                if self._is_closed:
                    raise CancelledError(f"{self.label} '{self.name}' is closed.")
                self._put(element)
                self._change.notify_all()

    def _has_room(self) -> bool:
        return self._is_closed or self.capacity < 0 or len(self._elements) < self.capacity

    def _expect(self, element: tuple) -> None:
        if self.shapes is None:
            return
        for k, (array, shape) in enumerate(zip(element, self.shapes)):
            fits = array.ndim == len(shape) and all(want in (None, have) for have, want in zip(array.shape, shape))
            if not fits:
                what = f"component {k} has shape {array.shape}, but {tuple(shape)} is expected"
                raise ShapeError(f"{self.label} '{self.name}': {what}")

    def _take(self, count: int, fewer: bool) -> list:
        taken: list = []
        with self._in_line(self._taking) as turn:
            turn.give_way(lambda: self._is_closed or len(self._elements) - self.least >= count)
            try:
                while len(taken) < count:
                    turn.wait_until(self._has_some, f"{self.label} '{self.name}': dequeuing was cancelled")
                    if not self._elements:
                        break
                    taken.append(self._get())
                    self._change.notify_all()
                if len(taken) < count and not (fewer and taken):
                    what = f"closed and has insufficient elements (requested {count}, current size {len(taken)})"
                    raise OutOfRangeError(f"{self.label} '{self.name}' is {what}")
            except BaseException:
                self._restore(taken)
                raise
        return taken

    def _has_some(self) -> bool:
        return self._is_closed or len(self._elements) > self.least

    def _stacked(self, elements: list) -> tuple:
        if not elements:
            return tuple([np.empty((0, *shape), d.numpy) for d, shape in zip(self.dtypes, self.shapes)])
        return tuple([self._batch(parts) for parts in zip(*elements)])

    def _batch(self, parts: tuple) -> np.ndarray:
        return np.stack(parts)


class _Turn:
    """A place in a line of threads, held inside ``with``; the condition is held too, except while waiting."""

    def __init__(self, change: threading.Condition, line: deque):
        self._change, self._line = change, line

    def __enter__(self):
        self._change.acquire()
        self._line.append(self)
        return self

    def wait_until(self, holds, refusal: str) -> None:
        """Wait to be the first of the line, and until ``holds()``.

        Raises:
            CancelledError: the line was sent home; the message is ``refusal``.
        """
        while True:
            if self not in self._line:
                raise CancelledError(refusal)
            if self._line[0] is self and holds():
                return
            self._change.wait(time_left())

    def give_way(self, is_ready: Callable) -> None:
        """Start the run anew when ``is_ready()`` if it must not wait and it is not yet.

        Raises:
            Elsewhere: always then.
        """
        if must_not_wait() and not (self._line[0] is self and is_ready()):
            raise Elsewhere(functools.partial(_Turn._wait_outside, self, is_ready))

    def _wait_outside(self, is_ready: Callable) -> None:
        with self._change:
            while not is_ready():
                self._change.wait(time_left())

    def __exit__(self, *error):
        if self in self._line:
            self._line.remove(self)
        self._change.notify_all()
        self._change.release()


class ShuffleQueue(Queue):
    """Elements in a random order, drawn from at least ``least`` others.

    Args:
        seeds: two numbers; 0 and 0: other ones every time.
    """

    def __init__(self, label, name, capacity, dtypes, shapes, least, seeds):
        super().__init__(label, name, capacity, dtypes, shapes, least)
        self._seeds = tuple(seeds) if any(seeds) else (secrets.randbits(63), secrets.randbits(63))
        self._count = 0

    def _open(self) -> None:
        self._elements: list = []

    def _get(self) -> tuple:
        elements = self._elements
        at = self._draw() % len(elements)
        elements[at], elements[-1] = elements[-1], elements[at]
        return elements.pop()

    def _restore(self, elements: list) -> None:
        self._elements.extend(elements)

    def _draw(self) -> int:
        block, word = divmod(self._count, 4)
        self._count += 1
        first, second = [[np.uint64(s % 2**32), np.uint64(s >> 32 & 0xFFFFFFFF)] for s in self._seeds]
        return int(philox([np.uint64(block), np.uint64(0), *second], first)[word])


class PaddingQueue(Queue):
    """A queue whose elements differ in size: stacked ones are filled up with zeros."""

    def _batch(self, parts: tuple) -> np.ndarray:
        shape = [max(sizes) for sizes in zip(*[p.shape for p in parts])]
        empty = b"" if parts[0].dtype == object else 0
        batch = np.full((len(parts), *shape), empty, parts[0].dtype)
        for k, part in enumerate(parts):
            batch[(k, *[slice(n) for n in part.shape])] = part
        return batch


class PriorityOrder(Queue):
    """A queue that gives the element with the smallest first component first; equal ones in the order they came."""

    def _open(self) -> None:
        self._elements: list = []
        self._came = 0

    def _put(self, element: tuple) -> None:
        self._came += 1
        heapq.heappush(self._elements, (int(element[0]), self._came, element))

    def _get(self) -> tuple:
        return heapq.heappop(self._elements)[2]

    def _restore(self, elements: list) -> None:
        for k, element in enumerate(elements):
            heapq.heappush(self._elements, (int(element[0]), k - len(elements), element))


_KINDS = {
    "FIFOQueue": Queue,
    "RandomShuffleQueue": ShuffleQueue,
    "PaddingFIFOQueue": PaddingQueue,
    "PriorityQueue": PriorityOrder,
}


def definition_of(label: str, name: str, capacity: int, dtypes, shapes, least: int = 0, seeds=(0, 0)) -> str:
    """A queue as text, from which it can be made."""
    known = None if shapes is None else [list(s) for s in shapes]
    return json.dumps([label, name, capacity, [d.short for d in dtypes], known, least, list(seeds)])


def made(definition: str) -> Queue:
    """The queue that a text defines, empty."""
    label, name, capacity, shorts, shapes, least, seeds = json.loads(definition)
    dtypes = tuple([dt.by_short(s) for s in shorts])
    more = (least, seeds) if label == "RandomShuffleQueue" else ()
    return _KINDS[label](label, name, capacity, dtypes, shapes, *more)
