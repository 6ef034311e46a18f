"""What a run has beside its values: the resources it reaches, and a journal of what it has done already."""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import contextmanager

from graphc.errors import CancelledError, DeadlineExceededError, GraphcError

_numbers = itertools.count()


class Container:
    """Queues and the like by their definitions; one for each session, and one for what belongs to none."""

    def __init__(self, objects=None):
        self._objects = {} if objects is None else objects
        self._lock = threading.Lock()
        self._is_cancelled = False

    def get(self, definition: str, make: Callable):
        """The object of this definition; ``make(definition)`` where it is new.

        Raises:
            CancelledError: the session was closed.
        """
        with self._lock:
            if self._is_cancelled:
                raise CancelledError("the session was closed")
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
            self._is_cancelled = True
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
        is_inside: the operation is in the body of a branch or loop, where results may need sizes that stay the same:
            those of the last run are taken for these, as long as they are.
        declared: pairs of dtype and sizes (-1 for unknown ones) or None.
    """

    def __init__(self, name: str, results: tuple):
        self.key, self.op, self.declared = f"{name}?{next(_numbers)}", None, results
        self.tensors: Callable = tuple
        self.is_inside = False
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
            return tuple([(dtype, (-1,) * RUNS.top.guess) for dtype, _ in self.declared])
        known = []
        for (dtype, sizes), wanted, shape in zip(self.declared, promised, found):
            if sizes is None and wanted is not None:
                sizes = tuple([-1 if d is None else d for d in wanted])
            if sizes is None and shape is not None:
                sizes = shape if self.is_inside else (-1,) * len(shape)
            if sizes is None:
                raise RankUnknown(self)
            known.append((dtype, sizes))
        return tuple(known)

    def fits(self, arrays) -> bool:
        """True unless these results differ from what is known."""
        found = self._found if self.is_inside and self._found is not None else ()
        return all(n in (-1, size) for a, shape in zip(arrays, found) for n, size in zip(shape, a.shape))

    def take(self, shapes: tuple, again: bool) -> None:
        """These were the shapes; ``again``: in the same run in which others have been taken, so that sizes change."""
        if again and self._found is not None:
            shapes = tuple([_common(a, b) for a, b in zip(self._found, shapes)])
        self._found = shapes


_waiting: "weakref.WeakValueDictionary[str, Ranks]" = weakref.WeakValueDictionary()


class RankUnknown(GraphcError):
    """A graph cannot be built before the rank of a result is known; ``ranks`` says of which operation."""

    def __init__(self, ranks: Ranks):
        super().__init__(f"{ranks.key.partition('?')[0]}: the rank of a result is not known; call set_shape on it")
        self.ranks = ranks


def _common(old: tuple, new: tuple) -> tuple:
    return tuple([m if m == n else -1 for m, n in zip(old, new)]) if len(old) == len(new) else new


class Elsewhere(Exception):
    """What comes next in a run may have to wait, or calls the user's code, while the run keeps others from its state.

    The run is given up; ``carry_out`` does what must be done meanwhile, and then the run starts anew.
    """

    def __init__(self, carry_out: Callable):
        super().__init__("a run must wait")
        self.carry_out = carry_out


class RankFound(Exception):
    """A result has another rank than the graph was built for, or than was known: build it anew."""

    def __init__(self, key: str, found: tuple):
        super().__init__(f"{key.partition('?')[0]}: results of shapes {found}, whose ranks change from run to run")
        self.key, self.found = key, found

    def tell(self) -> None:
        """Let the next graph be built for what was found.

        Raises:
            RankFound: nobody asked; the operation has been forgotten.
        """
        ranks = _waiting.get(self.key)
        if ranks is None:
            raise self
        told = RUNS.top.told
        ranks.take(self.found, self.key in told)
        told.add(self.key)


class Run:
    """One run of a program, which may have to start anew: effects are carried out once all the same.

    Attributes:
        container: where it finds resources.
        probing: the Ranks that it is to find out, or None.
        guess: the rank that is tried for these, so that what is built around fits.
        told: keys of operations whose results were found to have other shapes.
        is_holding: it keeps other runs from its state, so it must not wait.
        deadline: when (of ``time.monotonic``) it gives up waiting, or None.
    """

    def __init__(self, container: Container):
        self.container, self.probing, self.guess = container, None, 0
        self.told: set[str] = set()
        self.is_holding, self.deadline = False, None
        self._done: dict[str, list] = {}
        self._place: dict[str, int] = {}

    def again(self) -> None:
        """Start anew."""
        self._place.clear()

    def once(self, key: str, action: Callable, outside: Callable | None = None):
        """What ``action()`` answers, or has answered the first time; see ``once``."""
        done, place = self._done.setdefault(key, []), self._place.get(key, 0)
        self._place[key] = place + 1
        if place == len(done):
            if self.is_holding and outside is not None:
                later = outside()
                raise Elsewhere(lambda: done.append(later()))
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


def once(key: str, action: Callable, outside: Callable | None = None):
    """``action()``, but once in a run, however often it must start anew.

    Args:
        outside: makes an action that may wait and may keep what it needs; None where ``action`` never waits for long, or
            raises Elsewhere itself.
    """
    return action() if RUNS.top is None else RUNS.top.once(key, action, outside)


def must_not_wait() -> bool:
    """Whether the run of this thread keeps others from its state."""
    return RUNS.top is not None and RUNS.top.is_holding


def time_left() -> float | None:
    """For how many seconds the run of this thread may wait; None: for ever.

    Raises:
        DeadlineExceededError: the time is over.
    """
    if RUNS.top is None or RUNS.top.deadline is None:
        return None
    left = RUNS.top.deadline - time.monotonic()
    if left <= 0:
        raise DeadlineExceededError("the run did not end in the time that timeout_in_ms gives")
    return left


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
    ranks = _waiting.get(key)
    fits = all(a.ndim == len(sizes) for a, (_, sizes) in zip(arrays, results)) and (ranks is None or ranks.fits(arrays))
    if probing or not fits:
        raise RankFound(key, tuple([a.shape for a in arrays]))
