"""What a run has beside its values: the resources it reaches, and a journal of what it has done already."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from contextlib import contextmanager

from graphc.errors import GraphcError

_numbers = itertools.count()


class Container:
    """Queues and the like by their definitions; one for each session, and one for what belongs to none."""

    def __init__(self, objects=None):
        self._objects = {} if objects is None else objects
        self._lock = threading.Lock()

    def get(self, definition: str, make: Callable):
        """The object of this definition; ``make(definition)`` where it is new."""
        with self._lock:
            found = self._objects.get(definition)
            if found is None:
                found = self._objects[definition] = make(definition)
            return found

    def put(self, definition: str, resource) -> None:
        """Let an object be found under its definition."""
        with self._lock:
            self._objects[definition] = resource

    def cancel(self) -> None:
        """Wake everything that waits for one of the objects, with an error, and forget them."""
        with self._lock:
            found = list(self._objects.values())
            self._objects.clear()
        for resource in found:
            resource.cancel()


COMMON = Container(weakref.WeakValueDictionary())


class Ranks:
    """The ranks of an operation's results where only running it tells them.

    Attributes:
        key: names the operation; op: what a session runs to find out; tensors: answers with the results, which may have
            been promised sizes (``refined``). Whoever records the operation sets both.
        declared: pairs of dtype and sizes (-1 for unknown ones) or None.
    """

    def __init__(self, name: str, results: tuple):
        self.key, self.op, self.declared = f"{name}?{next(_numbers)}", None, results
        self.tensors: Callable = tuple
        self._found: tuple | None = None
        _waiting[self.key] = self

    def results(self) -> tuple:
        """Pairs of dtype and sizes (-1 for unknown ones), from what was promised or found out.

        Raises:
            RankUnknown: neither.
        """
        promised = [t.refined for t in self.tensors()] or [None] * len(self.declared)
        found = self._found or [None] * len(self.declared)
        if RUNS.top is not None and RUNS.top.probing is self:
            return tuple([(dtype, ()) for dtype, _ in self.declared])
        known = []
        for (dtype, sizes), wanted, rank in zip(self.declared, promised, found):
            if sizes is None and wanted is not None:
                sizes = tuple([-1 if d is None else d for d in wanted])
            if sizes is None and rank is not None:
                sizes = (-1,) * rank
            if sizes is None:
                raise RankUnknown(self)
            known.append((dtype, sizes))
        return tuple(known)

    def take(self, ranks: tuple) -> None:
        """These were the ranks in the last run."""
        self._found = ranks


_waiting: "weakref.WeakValueDictionary[str, Ranks]" = weakref.WeakValueDictionary()


class RankUnknown(GraphcError):
    """A graph cannot be built before the rank of a result is known; ``ranks`` says of which operation."""

    def __init__(self, ranks: Ranks):
        super().__init__(f"{ranks.key.partition('?')[0]}: the rank of a result is not known; call set_shape on it")
        self.ranks = ranks


class RankFound(Exception):
    """A result has another rank than the graph was built for, or than was known: build it anew."""

    def __init__(self, key: str, found: tuple):
        super().__init__(f"{key.partition('?')[0]}: results of ranks {found}, which change from run to run")
        self.key, self.found = key, found

    def tell(self) -> None:
        """Let the next graph be built for what was found.

        Raises:
            RankFound: nobody asked; the operation has been forgotten.
        """
        ranks = _waiting.get(self.key)
        if ranks is None:
            raise self
        ranks.take(self.found)


class Run:
    """One run of a program, which may have to start anew: effects are carried out once all the same.

    Attributes:
        container: where it finds resources.
        probing: the Ranks that it is to find out, or None.
    """

    def __init__(self, container: Container):
        self.container, self.probing = container, None
        self._done: dict[str, list] = {}
        self._place: dict[str, int] = {}

    def again(self) -> None:
        """Start anew."""
        self._place.clear()

    def once(self, key: str, action: Callable):
        """What ``action()`` answers, or has answered the first time."""
        done, place = self._done.setdefault(key, []), self._place.get(key, 0)
        self._place[key] = place + 1
        if place == len(done):
            done.append(action())
        return done[place]


class _Runs(threading.local):
    top: Run | None = None


RUNS = _Runs()


@contextmanager
def running(container: Container):
    """A run of this thread."""
    before, RUNS.top = RUNS.top, Run(container)
    try:
        yield RUNS.top
    finally:
        RUNS.top = before


def once(key: str, action: Callable):
    """``action()``, but once in a run, however often it must start anew."""
    return action() if RUNS.top is None else RUNS.top.once(key, action)


def resource(definition: str, make: Callable):
    """The object of this definition in the run of this thread."""
    container = COMMON if RUNS.top is None else RUNS.top.container
    return container.get(definition, make)


def checked_ranks(key: str, arrays, results: tuple) -> None:
    """Compare results with the sizes they were declared with.

    Raises:
        RankFound: the ranks are others.
    """
    probing = RUNS.top is not None and RUNS.top.probing is not None and RUNS.top.probing.key == key
    if probing or any(a.ndim != len(sizes) for a, (_, sizes) in zip(arrays, results)):
        raise RankFound(key, tuple([a.ndim for a in arrays]))
