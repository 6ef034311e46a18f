"""What happens around the runs of a monitored session: hooks, what they ask for and what they get."""

from __future__ import annotations

from collections import namedtuple


class SessionRunHook:
    """Extends a monitored session; subclasses override what they need."""

    def begin(self) -> None:
        """Called once before the session is made; the graph may still be changed."""

    def after_create_session(self, session, coord) -> None:
        """Called when the session is made and initialised; the graph is finalized.

        Args:
            session: the plain session. coord: the Coordinator of its threads.
        """

    def before_run(self, run_context):
        """Called before each run; a SessionRunArgs of what is to be run besides, or None."""
        return None

    def after_run(self, run_context, run_values) -> None:
        """Called after each run that raised nothing, with the SessionRunValues of what was asked for."""

    def end(self, session) -> None:
        """Called at the end of a session in which nothing was raised but OutOfRangeError."""


class SessionRunArgs(namedtuple("SessionRunArgs", ["fetches", "feed_dict", "options"])):
    """What a hook adds to a run: fetches of any structure, feeds, and RunOptions."""

    def __new__(cls, fetches, feed_dict=None, options=None):
        return super().__new__(cls, fetches, feed_dict, options)


class SessionRunValues(namedtuple("SessionRunValues", ["results", "options", "run_metadata"])):
    """What a hook gets: the values of its fetches, the options of the run, and what the run reported."""


class SessionRunContext:
    """One run: what the user asked for, and a way to ask for the end.

    Attributes:
        original_args: the user's SessionRunArgs. session: the plain session.
    """

    def __init__(self, original_args, session):
        self._original_args, self._session, self._stop_requested = original_args, session, False

    original_args = property(lambda self: self._original_args)
    session = property(lambda self: self._session)
    stop_requested = property(lambda self: self._stop_requested)

    def request_stop(self) -> None:
        """No further run after this one."""
        self._stop_requested = True
