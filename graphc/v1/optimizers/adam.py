"""Adam: running means of gradients and of their squares, corrected for their start at zero."""

from __future__ import annotations

from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.descent import adam_step
from graphc.v1.control import control_dependencies, group
from graphc.v1.mode import executing_eagerly
from graphc.v1.optimizers.optimizer import Optimizer
from graphc.v1.optimizers.ruled import RuleOptimizer, as_dtype, numbers
from graphc.v1.optimizers.update import Rule

POWERS = ("beta1_power", "beta2_power")


def _adam(var, m, v, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad) -> list[Node]:
    rate = lr * math.sqrt(1 - beta2_power) / (1 - beta1_power)
    return adam_step(grad, rate, var, m, v, beta1, beta2, epsilon)


class AdamOptimizer(RuleOptimizer):
    """``var -= rate * m / (sqrt(v) + epsilon)`` with running means ``m`` of gradients and ``v`` of their squares.

    All rows move in every step, also those without a gradient: their means keep on decaying.
    """

    rule = Rule("Adam", "beta1_power beta2_power lr beta1 beta2 epsilon grad", _adam)
    kept = {"m": 0.0, "v": 0.0}
    numbers = numbers(
        "lr _lr _lr_t learning_rate",
        "beta1 _beta1 _beta1_t beta1",
        "beta2 _beta2 _beta2_t beta2",
        "epsilon _epsilon _epsilon_t epsilon",
    )

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="Adam",
                 use_own_namescope_for_non_slot_vars=False):  # fmt: skip
        super().__init__(use_locking, name, use_own_namescope_for_non_slot_vars)
        self._lr, self._beta1, self._beta2, self._epsilon = learning_rate, beta1, beta2, epsilon

    def _create_slots(self, var_list):
        first = min(var_list, key=lambda v: v.name)
        for name, value in zip(POWERS, (self._beta1, self._beta2)):
            self._create_non_slot_variable(self._call_if_callable(value), name, first)
        super()._create_slots(var_list)

    def _get_beta_accumulators(self):
        return tuple(self._get_non_slot_variable(name) for name in POWERS)

    def _operands(self, var):
        powers = {name: as_dtype(p.value(), var.dtype) for name, p in zip(POWERS, self._get_beta_accumulators())}
        return {**super()._operands(var), **powers}

    def _apply_sparse_duplicate_indices(self, grad, var):
        if type(self)._apply_sparse is not AdamOptimizer._apply_sparse:
            return Optimizer._apply_sparse_duplicate_indices(self, grad, var)
        return self._apply_sparse(grad, var)

    def _apply_sparse(self, grad, var):
        return AdamOptimizer._apply_dense(self, grad.as_tensor(), var)

    def _finish(self, update_ops, name_scope):
        powers = self._get_beta_accumulators()
        with control_dependencies(None if executing_eagerly() else update_ops):
            grown = [p.assign(p * beta) for p, beta in zip(powers, (self._beta1_t, self._beta2_t))]
        return None if executing_eagerly() else group(*update_ops, *grown, name=name_scope)
