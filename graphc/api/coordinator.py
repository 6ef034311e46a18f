"""Coordinator: threads that stop together, and report the first error of one of them."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager

from graphc.errors import GraphcError, OutOfRangeError, explain

_POLL = 0.05  # seconds between two looks at the threads


class Coordinator:
    """Tells threads when to stop, waits for them, and raises what one of them raised.

    Args:
        clean_stop_exception_types: errors that end the work in good order; OutOfRangeError if None.

    Example::

        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess, coord)
        with coord.stop_on_exception():
            while not coord.should_stop():
                sess.run(train_op)
        coord.join(threads)
    """

    def __init__(self, clean_stop_exception_types=None):
        self._clean = (OutOfRangeError,) if clean_stop_exception_types is None else tuple(clean_stop_exception_types)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._error: BaseException | None = None
        self._threads: set[threading.Thread] = set()
        self.joined = False

    def request_stop(self, ex=None) -> None:
        """Ask all threads to stop; the first ``ex`` (an exception, or ``sys.exc_info()``) is what ``join`` raises.

        After ``join`` such an error is raised here.
        """
        with self._lock:
            error = ex[1] if isinstance(ex, tuple) else ex
            if isinstance(error, self._clean):
                error = None
            if self.joined and error is not None:
                raise error
            if not self._stop.is_set():
                self._error = error
                self._stop.set()

    def clear_stop(self) -> None:
        """Start anew, as if nobody had asked to stop."""
        with self._lock:
            self.joined, self._error = False, None
            self._stop.clear()

    def should_stop(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stop.is_set()

    @contextmanager
    def stop_on_exception(self):
        """``with`` block whose errors become ``request_stop``."""
        try:
            yield
        except Exception:
            self.request_stop(sys.exc_info())

    def wait_for_stop(self, timeout=None) -> bool:
        """Wait until somebody asks to stop, at most ``timeout`` seconds; whether somebody did."""
        return self._stop.wait(timeout)

    def register_thread(self, thread: threading.Thread) -> None:
        """Let ``join`` wait for this thread too."""
        with self._lock:
            self._threads.add(thread)

    def join(self, threads=None, stop_grace_period_secs=120, ignore_live_threads=False) -> None:
        """Wait until all threads have ended, or until somebody asked to stop and then for as long as given.

        Raises:
            Exception: what a thread reported. RuntimeError: threads do not end in time.
        """
        with self._lock:
            waited = [*self._threads, *(t for t in threads or () if t not in self._threads)]
        while any(t.is_alive() for t in waited) and not self.wait_for_stop(_POLL):
            pass
        end = time.monotonic() + stop_grace_period_secs
        for thread in waited:
            while thread.is_alive() and time.monotonic() < end:
                thread.join(_POLL)
        alive = [t.name for t in waited if t.is_alive()]
        with self._lock:
            self.joined = True
            self._threads.clear()
        self.raise_requested_exception()
        if alive and not ignore_live_threads:
            what = f"join: threads still run {stop_grace_period_secs} s after the stop: {', '.join(alive)}"
            raise _StillRunning(explain(what))

    def raise_requested_exception(self) -> None:
        """Raise the error with which somebody asked to stop, if there was one."""
        with self._lock:
            error = self._error
        if error is not None:
            raise error


class _StillRunning(GraphcError, RuntimeError):
    """Threads did not end when they were asked to."""


class LooperThread(threading.Thread):
    """A thread that calls ``target`` every ``timer_interval_secs`` (at once again if None) until its coordinator stops.

    Args:
        target: a function; None where a subclass overrides ``run_loop``.
    """

    def __init__(self, coord: Coordinator, timer_interval_secs, target=None, args=None, kwargs=None):
        super().__init__(daemon=True)
        self._coord, self._interval = coord, timer_interval_secs
        self._work = lambda: target(*(args or ()), **(kwargs or {})) if target is not None else None
        coord.register_thread(self)

    @staticmethod
    def loop(coord, timer_interval_secs, target, args=None, kwargs=None) -> "LooperThread":
        """Make and start such a thread."""
        thread = LooperThread(coord, timer_interval_secs, target, args, kwargs)
        thread.start()
        return thread

    def run(self) -> None:
        with self._coord.stop_on_exception():
            self.start_loop()
            due = time.monotonic()
            while not self._coord.wait_for_stop(max(0.0, due - time.monotonic()) if self._interval else 0.0):
                due += self._interval or 0.0
                self.run_loop()
            self.stop_loop()

    def start_loop(self) -> None:
        """Called before the first step."""

    def run_loop(self) -> None:
        """One step."""
        self._work()

    def stop_loop(self) -> None:
        """Called after the last step."""
