"""Which tapes are recording: while one is, tensors remember how they were computed after they have a value."""

from __future__ import annotations

import threading


class Recording(threading.local):
    """The tapes of this thread that record now, outermost first."""

    def __init__(self):
        self.tapes: list = []

    @property
    def is_on(self) -> bool:
        return bool(self.tapes)

    def begin(self, tape) -> None:
        """Start recording for a tape."""
        self.tapes.append(tape)

    def end(self, tape) -> None:
        """Stop recording for a tape."""
        self.tapes = [t for t in self.tapes if t is not tape]

    def read(self, variable) -> None:
        """Tell all tapes that a variable was read."""
        for tape in self.tapes:
            tape.read(variable)


RECORDING = Recording()
