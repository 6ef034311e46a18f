"""``config.run_eagerly``: eager operations are carried out one by one, for finding errors."""

from __future__ import annotations

from graphc.api.eager import EAGER


def run_eagerly(run_eagerly: bool = True) -> None:
    """Whether eager operations are computed where they stand, by their NumPy definitions, instead of compiled together.

    An error or a NaN then shows at the operation that makes it, and a debugger finds every value. Slow; functions and
    graphs are not concerned, see ``config.run_functions_eagerly``.
    """
    EAGER.at_once = bool(run_eagerly)


def runs_eagerly() -> bool:
    """Whether ``config.run_eagerly`` is on."""
    return EAGER.at_once
