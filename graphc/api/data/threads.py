"""prefetch and parallel functions: daemon threads that work ahead within bounds and end with their iterator.

Threads start with the first element that is asked for and hold nothing that keeps an iterator alive. After a fork the
child has no threads, so an iterator of the parent is refused there.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

from graphc.api.data.block import Block
from graphc.api.data.flow import Ahead, Flow
from graphc.api.data.stage import Run, Stage
from graphc.api.eager import EAGER
from graphc.api.recorder import RECORDERS
from graphc.errors import StateError, explain

AUTOTUNE = -1
_AHEAD = 8  # elements (blocks of small ones) that are kept where the program leaves it to us


class Failure:
    """An error that a thread met, in the place of the element."""

    __slots__ = ("error",)
    count = 1

    def __init__(self, error: BaseException):
        self.error = error


class Behind(Flow):
    """What threads make ahead of the consumer: the part that both sides share.

    Attributes:
        changed: the lock of all that follows; told of every change.
        is_closed: whether threads must end.
    """

    def __init__(self, closed: threading.Event):
        self.changed, self._closed, self._ended = threading.Condition(), closed, False
        self._process = os.getpid()
        self._threads: list[threading.Thread] = []

    @property
    def is_closed(self) -> bool:
        return self._ended or self._closed.is_set()

    def start(self, targets: list[Callable], name: str) -> None:
        """Start daemon threads."""
        for target in targets:
            thread = threading.Thread(target=_eagerly, args=(target,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def check_process(self) -> None:
        """Refuse to wait for threads that a fork left behind.

        Raises:
            StateError: this is another process.
        """
        if self._process != os.getpid():
            raise StateError(
                explain("this iterator was made before the process was forked; make a new one: iter(dataset)")
            )

    def end(self) -> None:
        """Threads end as soon as they look."""
        if self._process == os.getpid():
            with self.changed:
                self._ended = True
                self.changed.notify_all()


def _eagerly(work: Callable) -> None:
    with RECORDERS.entering(EAGER):
        work()


class Prefetch(Stage):
    """``prefetch``: a thread makes the next elements while the consumer works."""

    kind, method = "_PrefetchDataset", "prefetch"

    def __init__(self, source: Stage, buffer_size: int):
        super().__init__(source.element_spec, (source,))
        self.buffer_size = buffer_size

    def size(self) -> int:
        return self.inputs[0].size()

    def open(self, run: Run) -> Flow:
        source = self.inputs[0]
        if not self.buffer_size:
            return source.open(run)
        return _Prefetching(source.open(run), self.buffer_size, run.closed, Ahead(source.is_silent))


class _Prefetching(Behind):
    def __init__(self, source: Flow, size: int, closed: threading.Event, ahead: Ahead):
        super().__init__(closed)
        self._ahead = ahead
        self._source, self._size = source, _AHEAD if size == AUTOTUNE else size
        self._made: deque = deque()
        self._have, self._is_over = 0, False

    def pull(self, most: int) -> Block | None:
        self.check_process()
        if not self._threads and not self._is_over:
            self.start([self._work], "graphc prefetch")
        with self.changed:
            while not self._made and not self._is_over and not self.is_closed:
                self.changed.wait(0.5)
            if not self._made:
                return None
            found = self._made.popleft()
            if not isinstance(found, Failure) and found.count > most:
                self._made.appendleft(found.part(most, found.count))
                found = found.part(0, most)
            self._have -= found.count
            self.changed.notify_all()
        if isinstance(found, Failure):
            raise found.error
        return found

    def _work(self) -> None:
        while True:
            with self.changed:
                while self._have >= self._size and not self.is_closed:
                    self.changed.wait(0.5)
                if self.is_closed:
                    break
                most = min(self._size - self._have, self._ahead.count)
            try:
                found = self._source.pull(most)
                self._ahead.seen(found)
            except BaseException as error:  # whatever ends a thread must reach the consumer
                found = Failure(error)
            with self.changed:
                if found is None:
                    self._is_over = True
                else:
                    self._made.append(found)
                    self._have += found.count
                self.changed.notify_all()
                if found is None:
                    break
        self._source.close()

    def close(self) -> None:
        self.end()
        if not any(t.is_alive() for t in self._threads):
            self._source.close()


class Workers(Behind):
    """A function of elements in several threads.

    Args:
        function: from the components of an element to a block.
        count: how many threads, and how many elements may be under way or waiting.
        in_order: whether answers come in the order of the elements.
    """

    def __init__(self, source: Flow, function: Callable, count: int, closed: threading.Event, in_order: bool):
        super().__init__(closed)
        self._source, self._function, self._in_order = source, function, in_order
        self._count = min(32, (os.cpu_count() or 1) + 1) if count == AUTOTUNE else count
        self._slots: deque[list] = deque()  # [answer] of each element under way, in order; [] while it is made
        self._reading = threading.Lock()
        self._is_over = False

    def pull(self, most: int) -> Block | None:
        self.check_process()
        if not self._threads:
            self.start([self._work] * self._count, "graphc map")
        with self.changed:
            while (slot := self._ready()) is None:
                if (self._is_over and not self._slots) or self.is_closed:
                    return None
                self.changed.wait(0.5)
            self._slots.remove(slot)
            self.changed.notify_all()
        (found,) = slot
        if isinstance(found, Failure):
            raise found.error
        return found

    def _ready(self) -> list | None:
        for slot in self._slots:
            if slot:
                return slot
            if self._in_order:
                return None
        return None

    def _next(self) -> tuple | None:
        """The next element and its slot; None at the end."""
        with self._reading:
            with self.changed:
                while len(self._slots) >= self._count and not self.is_closed:
                    self.changed.wait(0.5)
                is_closed = self.is_closed
            if is_closed:
                self._source.close()
            if self._is_over or is_closed:
                return None
            try:
                block = self._source.pull(1)
            except BaseException as error:  # the consumer meets it in the place of an element
                with self.changed:
                    self._slots.append([Failure(error)])
                    self.changed.notify_all()
                return ()
            with self.changed:
                if block is None:
                    self._is_over = True
                    self.changed.notify_all()
                    return None
                slot: list = []
                self._slots.append(slot)
            return block.row(0), slot

    def _work(self) -> None:
        while (task := self._next()) is not None:
            if not task:
                continue
            row, slot = task
            try:
                found = self._function(row)
            except BaseException as error:  # whatever ends a thread must reach the consumer
                found = Failure(error)
            with self.changed:
                slot.append(found)
                self.changed.notify_all()

    def close(self) -> None:
        self.end()
        if self._reading.acquire(blocking=False):  # otherwise the thread that reads now does it
            try:
                self._source.close()
            finally:
                self._reading.release()
