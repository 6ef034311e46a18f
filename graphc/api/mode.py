"""Whether operations that no operand and no ``with`` block places are evaluated at once or go into a graph."""

from __future__ import annotations

from collections.abc import Callable


class Mode:
    """The choice of a program; without one, TensorFlow 2's names are evaluated and TensorFlow 1's go into a graph.

    Attributes:
        recorder: answers with the chosen recorder, or None.
    """

    def __init__(self):
        self.recorder: Callable | None = None

    def choose(self, recorder: Callable | None) -> None:
        """Use ``recorder()`` from now on; None undoes the choice."""
        self.recorder = recorder

    def or_else(self, own: Callable) -> Callable:
        """What a front door falls back on: the program's choice, or its own."""
        return lambda: (self.recorder or own)()


MODE = Mode()
