"""Iterators of a session: each has its own place in a dataset, which is registered under a number."""

from __future__ import annotations

import itertools
import json
import threading
import weakref
from collections.abc import Callable

import numpy as np

from graphc.errors import InvalidArgumentError, OutOfRangeError, StateError
from graphc.prims.running import COMMON, resource, running

_numbers = itertools.count()
_sources: "weakref.WeakValueDictionary[int, Source]" = weakref.WeakValueDictionary()


class Source:
    """A dataset as sessions see it.

    Args:
        start: answers for the arrays of the tensors that the dataset is made of with a function that gives the arrays
            of the next element, or None at the end.

    Attributes:
        definition: a text that names it.
    """

    def __init__(self, start: Callable):
        number = next(_numbers)
        self.start, self.definition = start, json.dumps(["Dataset", number])
        _sources[number] = self

    def cancel(self) -> None:
        """Nothing waits for it."""


class Slot:
    """An iterator: nowhere at first, then at the start of a dataset.

    Args:
        source: the dataset that the first ``get_next`` starts, or None.
    """

    def __init__(self, definition: str, name: str, source: Source | None):
        self._definition, self._name, self._source = definition, name, source
        self._lock, self._next = threading.Lock(), None

    def start(self, source: Source, *arrays) -> tuple:
        """Go to the start of a dataset."""
        with self._lock, running(COMMON):  # a run of its own: what functions of elements do is no part of the session's
            self._next = source.start(arrays)
        return ()

    def get_next(self, *arrays) -> tuple:
        """The arrays of the next element.

        Raises:
            OutOfRangeError: there is none. StateError: the iterator has not been initialised.
        """
        with self._lock, running(COMMON):
            if self._next is None and self._source is not None:
                self._next = self._source.start(arrays)
            following = self._next  # which closing the session takes away
            if following is None:
                what = f"{self._name}: the iterator has not been initialized; run its initializer first, as in "
                raise StateError(f"{what}sess.run(iterator.initializer)")
            found = following()
        if found is None:
            raise OutOfRangeError(f"{self._name}: End of sequence")
        return found

    def handle(self) -> tuple:
        """The text by which ``Handles`` finds it in the same session."""
        return (np.array(self._definition.encode(), object),)

    def cancel(self) -> None:
        """Let go of the dataset."""
        self._next = None


class Handles:
    """Finds the iterator that a text names, each time."""

    def get_next(self, handle) -> tuple:
        """The arrays of the next element of that iterator.

        Raises:
            InvalidArgumentError: the text names none. OutOfRangeError: it has no more elements.
        """
        text = bytes(np.asarray(handle, object).item()).decode("utf-8", "replace")
        if not text.startswith('["Iterator"'):
            what = f"from_string_handle: {text!r} is no handle; run iterator.string_handle() in the same session"
            raise InvalidArgumentError(what)
        return resource(text, made).get_next()

    def cancel(self) -> None:
        """Nothing waits for it."""


def definition_of(name: str, source: Source | None = None) -> str:
    """An iterator as text, from which it can be made."""
    return json.dumps(["Iterator", name, *([] if source is None else [json.loads(source.definition)[1]])])


def handles_of(name: str) -> str:
    """What finds iterators by handles, as text."""
    return json.dumps(["HandleIterator", name])


def made(definition: str):
    """What a text defines.

    Raises:
        StateError: its dataset is gone.
    """
    label, name, *rest = json.loads(definition)
    if label == "HandleIterator":
        return Handles()
    number = name if label == "Dataset" else rest[0] if rest else None
    source = None if number is None else _sources.get(number)
    if source is None and number is not None:
        raise StateError(f"{definition}: the dataset of this iterator does not exist any more")
    return source if label == "Dataset" else Slot(definition, name, source)
