"""Which writer TensorFlow 2's summaries go to, at which step, and whether they are written at all; per thread."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from graphc.api.create import convert_to_tensor


class State(threading.local):
    """The choice of a thread.

    Attributes:
        writer: a SummaryWriter or None; step: an int, a tensor or variable, or None.
        recording: None (always), a condition, or a function that answers with one.
    """

    writer = step = recording = None


STATE = State()


def get_step():
    """The step that was set last, or None."""
    return STATE.step


def set_step(step) -> None:
    """The step of summaries that name none: an int, or a variable that is read whenever one is written."""
    STATE.step = step


@contextmanager
def record_if(condition):
    """Summaries inside are written only where ``condition`` (a bool, a tensor, or a function of nothing) holds."""
    before, STATE.recording = STATE.recording, condition
    try:
        yield
    finally:
        STATE.recording = before


def is_recording() -> bool:
    """Whether a summary would be written now."""
    wanted = STATE.recording() if callable(STATE.recording) else STATE.recording
    return STATE.writer is not None and (wanted is None or bool(wanted))


def should_record_summaries():
    """Whether a summary would be written now, as a bool tensor."""
    return convert_to_tensor(is_recording())
