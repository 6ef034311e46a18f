"""Which graph and which session are meant when none is named."""

from __future__ import annotations

from graphc.api.recorder import RECORDERS, Stack

GRAPHS, SESSIONS = RECORDERS, Stack()


def get_default_session():
    """The session of the innermost ``with``, or None."""
    return SESSIONS.top
