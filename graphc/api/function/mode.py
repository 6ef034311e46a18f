"""Whether functions are traced at all: ``config.run_functions_eagerly``."""

from __future__ import annotations

from graphc.api.gate import GATE


class _Eagerly:
    """The choice of the program.

    Attributes:
        is_on: Python functions are called as they are.
    """

    def __init__(self):
        self.is_on = False


EAGERLY = _Eagerly()


def run_functions_eagerly(run_eagerly) -> None:
    """Call the Python functions of ``tf.function`` as they are from now on, for debugging; or trace them again.

    Args:
        run_eagerly: whether they are called as they are.
    """
    EAGERLY.is_on = bool(run_eagerly)
    GATE.shut()


def functions_run_eagerly() -> bool:
    """Whether ``run_functions_eagerly(True)`` holds."""
    return EAGERLY.is_on
