"""The optimizer of several machines, which this package has not: refused with what to use instead."""

from __future__ import annotations

from graphc.errors import UnavailableError, explain
from graphc.v1.optimizers.optimizer import Optimizer


class SyncReplicasOptimizer(Optimizer):
    """Would collect the gradients of several machines.

    Raises:
        UnavailableError: always: training runs on one machine.
    """

    def __init__(self, opt, replicas_to_aggregate, total_num_replicas=None, variable_averages=None,
                 variables_to_average=None, use_locking=False, name="sync_replicas"):  # fmt: skip
        what = "SyncReplicasOptimizer: training on several machines is not supported"
        raise UnavailableError(explain(f"{what}; use the optimizer that it was given, {type(opt).__name__}, by itself"))
