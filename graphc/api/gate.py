"""The gate before functions called straight from Python: native code asks it whether nothing needs a look first."""

from __future__ import annotations

from threading import get_ident

import numpy as np


class Gate:
    """What must hold for a call to go to native code without a look at anything else.

    Attributes:
        words: what native code compares: the number of the latest change of a variable; the thread of which is known that
            it runs functions, and that no tape and no recorder is active in it, or 0. A tape or recorder that begins
            shuts the gate, its end does not open it: the next call does, after it has looked.
        thread: the second word.
    """

    def __init__(self):
        self.words = np.zeros(2, np.int64)
        self.thread = 0

    def shut(self) -> None:
        """The next call must look: something begins to record in this thread, or functions are not to be called."""
        self.thread = self.words[1] = 0

    def open(self) -> None:
        """This thread runs functions, and nothing records in it."""
        self.thread = self.words[1] = get_ident()

    def note_change(self, number: int) -> None:
        """Functions that have not seen this change do not go through."""
        self.words[0] = number


GATE = Gate()
