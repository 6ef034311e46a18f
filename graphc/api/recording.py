"""Which tapes are recording: while one is, tensors remember how they were computed after they have a value."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from graphc.api.gate import GATE


class Recording(threading.local):
    """The tapes of this thread that record now, outermost first."""

    def __init__(self):
        self.tapes: list = []

    @property
    def is_on(self) -> bool:
        return bool(self.tapes)

    def begin(self, tape) -> None:
        """Start recording for a tape."""
        GATE.shut()
        self.tapes.append(tape)

    def end(self, tape) -> None:
        """Stop recording for a tape."""
        self.tapes = [t for t in self.tapes if t is not tape]

    @contextmanager
    def paused(self):
        """None of the tapes records inside."""
        before, self.tapes = self.tapes, []
        try:
            yield
        finally:
            GATE.shut()
            self.tapes = before

    def read(self, variable, recorder=None, value=None) -> None:
        """Tell all tapes that a variable was read; those of one recorder, where it is given.

        Args:
            value: the tensor that was read, outside of functions.
        """
        for tape in self.tapes:
            if recorder is None or getattr(tape, "recorder", recorder) is recorder:
                tape.read(variable, value)


RECORDING = Recording()
