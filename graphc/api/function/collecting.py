"""The functions that are traced while somebody looks: what ``tf.summary.trace_on`` collects."""

from __future__ import annotations


class _Collection:
    """The traces of the program since ``begin``.

    Attributes:
        is_on: traces are kept.
    """

    def __init__(self):
        self.is_on, self._traces = False, []

    def begin(self) -> None:
        """Keep traces from now on, and forget earlier ones."""
        self.is_on, self._traces = True, []

    def add(self, trace) -> None:
        """Keep a ConcreteFunction."""
        if self.is_on:
            self._traces.append(trace)

    def end(self) -> list:
        """The ConcreteFunctions that were made; none are kept any more."""
        found, self.is_on, self._traces = self._traces, False, []
        return found


COLLECTION = _Collection()
