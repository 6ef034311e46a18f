"""How often something was compiled, why it was compiled again, and one line of warning about that."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections import Counter
from dataclasses import dataclass

from graphc.errors import GraphcWarning, Location, here

_REASONS_KEPT = 32


@dataclass(frozen=True)
class Compilation:
    """What ``graphc.compilations`` tells of one request of a session, one function or one line of eager code.

    Attributes:
        what: it, in words.
        count: how often it was compiled.
        reasons: why it was compiled again, the latest last.
    """

    what: str
    count: int
    reasons: tuple[str, ...]


class Subject:
    """Something that is compiled, hopefully once.

    Args:
        what: it, in words.
        location: the user's line that a warning points at; the line that runs it if None.
    """

    def __init__(self, what: str, location: Location | None = None):
        self.what, self.location, self.count = what, location, 0
        self.reasons: list[str] = []
        self._kinds: Counter[str] = Counter()
        self._warned: set[str] = set()

    def compiled(self, kind: str | None = None, reason: str = "", patience: float = 0, advice: str = "") -> None:
        """Note a compilation.

        Args:
            kind: what sort of change asked for it; None for the first time, which nobody is warned of. There is one
                warning for each kind, and line that it points at.
            reason: which input changed from what to what, in words.
            patience: how many compilations of this kind go without a warning.
            advice: what to do about it, for the warning.
        """
        self.count += 1
        if kind is None:
            return
        self._kinds[kind] += 1
        self.reasons = [*self.reasons[1 - _REASONS_KEPT :], reason]
        if self._kinds[kind] > patience and kind not in self._warned:
            self._warned.add(kind)
            location = self.location or here() or Location("<unknown>", 1)
            if not _is_news(location, kind):
                return
            times = "again" if self.count == 2 else f"for the {self.count}th time"
            message = f"{self.what} is compiled {times}: {reason}" + (f"; {advice}" if advice else "")
            warnings.warn_explicit(message, GraphcWarning, location.file, location.line)


_told: set[tuple] = set()  # file, line and kind of change of every warning


def _is_news(location: Location, kind: str) -> bool:
    """Whether a warning is the first of its kind about a line, of whose functions and models there may be many."""
    about = (location.file, location.line, kind)
    if about in _told:
        return False
    if len(_told) >= _SUBJECTS_KEPT:
        _told.clear()
    _told.add(about)
    return True


_owners: "weakref.WeakKeyDictionary[object, dict[object, Subject]]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_SUBJECTS_KEPT = 4096


def subject(owner, key, what: str, location: Location | None = None) -> Subject:
    """The one Subject of this key; it is forgotten with its owner."""
    with _lock:
        known = _owners.setdefault(owner, {})
        found = known.get(key)
        if found is None:
            if len(known) >= _SUBJECTS_KEPT:
                del known[next(iter(known))]
            found = known[key] = Subject(what, location)
        return found


def compilations() -> list[Compilation]:
    """What was compiled so far and how often, the most often compiled first.

    One entry for every request of a session that is alive (the same fetches and feeds), for every function, and for
    every line of eager code at which values were computed. An entry with a count above 1 says in ``reasons`` which input changed and how: a
    rank that was left open, a size that is 1 and broadcasts, a value that decides a shape, or sizes in eager code.

    Example::

        for c in graphc.compilations():
            print(c.count, c.what, *c.reasons, sep="\\n  ")
    """
    with _lock:
        subjects = [s for known in _owners.values() for s in known.values()]
    found = [Compilation(s.what, s.count, tuple(s.reasons)) for s in subjects if s.count]
    return sorted(found, key=lambda c: -c.count)
