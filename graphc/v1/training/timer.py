"""When something is due: every so many steps, or every so many seconds."""

from __future__ import annotations

import time

from graphc.errors import UsageError, explain


class SecondOrStepTimer:
    """Says when to do something, counted from the last time.

    Args:
        every_secs, every_steps: exactly one of them.
    """

    def __init__(self, every_secs=None, every_steps=None):
        if (every_secs is None) == (every_steps is None):
            raise UsageError(explain("exactly one of every_secs and every_steps must be given"))
        self._every_secs, self._every_steps = every_secs, every_steps
        self.reset()

    def reset(self) -> None:
        """Start anew, as if nothing had been done yet."""
        self._last_step = self._last_time = None

    def should_trigger_for_step(self, step) -> bool:
        """Whether it is due at this step; at most once for each."""
        if self._last_step is None:
            return True
        if self._last_step == step:
            return False
        if self._every_secs is not None:
            return time.time() >= self._last_time + self._every_secs
        return step >= self._last_step + self._every_steps

    def due_step(self, session, counter, before):
        """The global step, if it is due after a run; otherwise None.

        Args:
            counter: the variable that counts; before: its value before the run, which saves most questions for it.
        """
        if not self.should_trigger_for_step(before + 1):
            return None
        step = session.run(counter)
        return step if self.should_trigger_for_step(step) else None

    def update_last_triggered_step(self, step) -> tuple:
        """It was done at this step. Seconds and steps since the last time, None for the first."""
        now, before = time.time(), (self._last_time, self._last_step)
        self._last_time, self._last_step = now, step
        return (None, None) if before[1] is None else (now - before[0], step - before[1])

    def last_triggered_step(self):
        """The step at which it was done last, or None."""
        return self._last_step


class NeverTriggerTimer(SecondOrStepTimer):
    """Nothing is ever due."""

    def __init__(self):
        self.reset()

    def should_trigger_for_step(self, step) -> bool:
        return False

    def update_last_triggered_step(self, step) -> tuple:
        return None, None
