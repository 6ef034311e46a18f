"""Which graph and which session are meant when none is named."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from graphc.errors import GraphError, explain


class Stack(threading.local):
    """Objects entered by ``with``, per thread, above one that stands for all threads."""

    def __init__(self):
        self.entered = []

    @property
    def top(self):
        """The innermost object, or None."""
        return self.entered[-1] if self.entered else None

    def leave(self, value) -> None:
        """Take ``value`` out, wherever it stands."""
        self.entered = [v for v in self.entered if v is not value]

    @contextmanager
    def entering(self, value):
        """``value`` is on top inside.

        Raises:
            GraphError: something else was left on top at the end: ``with`` blocks that are not nested.
        """
        self.entered.append(value)
        try:
            yield value
        finally:
            if self.entered and self.entered[-1] is value:
                self.entered.pop()
            else:
                raise GraphError(explain("with blocks of default graphs or sessions are not properly nested"))


GRAPHS, SESSIONS = Stack(), Stack()


def get_default_session():
    """The session of the innermost ``with``, or None."""
    return SESSIONS.top
