"""Whole matches of regular expressions in time linear in the text: all ways through an expression at once.

``re`` tries one way after the other, of which there may be exponentially many; RE2 does not, and neither does this.
Steps from a set of states by a character are kept, so that a long text costs a look into a table for each character.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

_PARSER = "re._parser" if sys.version_info >= (3, 11) else "sre_parse"
_MOST_STATES = 20_000
_MOST_KEPT = 50_000  # steps in the table
_NONE, _NEWLINE, _WORD, _OTHER = range(4)  # what is beside a place: nothing, or a character of a kind
_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


class TooLarge(ValueError):
    """An expression whose counted repetitions make it larger than it may be, or one of a kind that RE2 has not."""


@dataclass
class _State:
    """A place in an expression: where it leads without a character, or with one that ``takes`` allows.

    Attributes:
        free: pairs of the next state and a condition on what is before and after, None for none.
    """

    free: list = field(default_factory=list)
    takes: Callable[[str], bool] | None = None
    then: int = 0


class Automaton:
    """A regular expression as ``re`` reads it, without what RE2 has not.

    Raises:
        TooLarge: see there.
    """

    def __init__(self, pattern: str, flags: int = re.ASCII):
        parsed = importlib.import_module(_PARSER).parse(pattern, flags)
        self.states: list[_State] = []
        self._accept = self._new()
        self._first = self._sequence(parsed, self._accept, parsed.state.flags)
        self._steps: dict[tuple, frozenset] = {}

    def matches(self, text: str) -> bool:
        """Whether all of the text is a match."""
        current, before, steps = frozenset([self._first]), _NONE, self._steps
        for c in text:
            key = current, before, c
            found = steps.get(key)
            if found is None:
                if len(steps) >= _MOST_KEPT:
                    steps.clear()
                reached = self._closure(current, before, _kind(c))
                found = frozenset(s.then for s in map(self.states.__getitem__, reached) if s.takes and s.takes(c))
                steps[key] = found
            if not found:
                return False
            current, before = found, _kind(c)
        return self._accept in self._closure(current, before, _NONE)

    def _closure(self, states: frozenset, before: int, after: int) -> set[int]:
        """All states that are reached without a character."""
        found, waiting = set(states), list(states)
        while waiting:
            for state, condition in self.states[waiting.pop()].free:
                if state not in found and (condition is None or condition(before, after)):
                    found.add(state)
                    waiting.append(state)
        return found

    # -------------------------------------------------------------------------------------------- building

    def _new(self, **fields) -> int:
        if len(self.states) >= _MOST_STATES:
            raise TooLarge("the pattern is too large")
        self.states.append(_State(**fields))
        return len(self.states) - 1

    def _sequence(self, items, then: int, flags: int) -> int:
        """The first state of items one after the other that lead to ``then``."""
        for op, value in reversed(list(items)):
            then = self._item(str(op), value, then, flags)
        return then

    def _item(self, op: str, value, then: int, flags: int) -> int:
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return self._new(takes=_taken(op, value, flags), then=then)
        if op == "SUBPATTERN":
            _, added, removed, inner = value
            return self._sequence(inner, then, (flags | added) & ~removed)
        if op == "BRANCH":
            return self._new(free=[(self._sequence(way, then, flags), None) for way in value[1]])
        if op in ("MAX_REPEAT", "MIN_REPEAT"):
            return self._repeated(*value, then, flags)
        if op == "AT":
            return self._new(free=[(then, _condition(str(value), flags))])
        raise TooLarge(f"{op.lower().replace('_', ' ')} is no part of RE2's expressions")

    def _repeated(self, least: int, most, inner, then: int, flags: int) -> int:
        if str(most) == "MAXREPEAT":
            again = self._new()
            self.states[again].free = [(then, None), (self._sequence(inner, again, flags), None)]
            then = again
        else:
            for _ in range(int(most) - least):
                then = self._new(free=[(then, None), (self._sequence(inner, then, flags), None)])
        for _ in range(least):
            then = self._sequence(inner, then, flags)
        return then


def ways_of(pattern: str) -> list:
    """The alternatives that an expression is made of, read."""
    items = list(importlib.import_module(_PARSER).parse(pattern, re.ASCII))
    return items[0][1][1] if len(items) == 1 and str(items[0][0]) == "BRANCH" else [items]


def is_simple(pattern) -> bool:
    """Whether ``re`` has only a few ways through an expression: one repetition without end, and none inside another.

    Args:
        pattern: text, or what was read of it.
    """
    read = importlib.import_module(_PARSER).parse(pattern, re.ASCII) if isinstance(pattern, str) else pattern
    endless, waiting = 0, [(read, False)]
    while waiting:
        items, inside = waiting.pop()
        for op, value in items:
            op = str(op)
            if op in ("MAX_REPEAT", "MIN_REPEAT"):
                endless += int(value[1]) > 1
                if inside or endless > 1:
                    return False
                waiting.append((value[2], True))
            elif op == "SUBPATTERN":
                waiting.append((value[3], inside))
            elif op == "BRANCH":
                waiting += [(way, inside) for way in value[1]]
                if inside:
                    return False
            elif op not in ("LITERAL", "NOT_LITERAL", "ANY", "IN", "AT"):
                return False
    return True


def _kind(c: str) -> int:
    if c == "\n":
        return _NEWLINE
    return _WORD if c == "_" or (c.isascii() and c.isalnum()) else _OTHER


def _condition(name: str, flags: int) -> Callable[[int, int], bool]:
    """What must be before and after a place."""
    if name == "AT_BEGINNING" and flags & re.MULTILINE:
        return lambda before, after: before in (_NONE, _NEWLINE)
    if name == "AT_END" and flags & re.MULTILINE:
        return lambda before, after: after in (_NONE, _NEWLINE)
    if name in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
        return lambda before, after: before == _NONE
    if name in ("AT_END", "AT_END_STRING"):
        return lambda before, after: after == _NONE
    if name in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
        wanted = name == "AT_BOUNDARY"
        return lambda before, after: ((before == _WORD) != (after == _WORD)) == wanted
    raise TooLarge(f"{name.lower().replace('_', ' ')} is no part of RE2's expressions")


def _taken(op: str, value, flags: int) -> Callable[[str], bool]:
    """Which characters an item takes."""
    if op == "ANY":
        return (lambda c: True) if flags & re.DOTALL else (lambda c: c != "\n")
    items = [("LITERAL", value)] if op != "IN" else [(str(o), v) for o, v in value]
    negated = op == "NOT_LITERAL" or items[0][0] == "NEGATE"
    tests = [_member(o, v, flags) for o, v in items if o != "NEGATE"]
    fold = flags & re.IGNORECASE

    def takes(c: str) -> bool:
        forms = {c, c.lower(), c.upper()} if fold else (c,)
        return any(test(form) for test in tests for form in forms if len(form) == 1) != negated

    return takes


def _member(op: str, value, flags: int) -> Callable[[str], bool]:
    if op == "LITERAL":
        return lambda c: ord(c) == value
    if op == "RANGE":
        return lambda c: value[0] <= ord(c) <= value[1]
    name = str(value).removeprefix("CATEGORY_")
    wanted = not name.startswith("NOT_")
    known = re.compile(_CATEGORIES[name.removeprefix("NOT_")], 0 if flags & re.UNICODE else re.ASCII)
    return lambda c: (known.match(c) is not None) == wanted
