"""Follow the regularised leader: an optimizer for linear models with many sparse features."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import UsageError, explain
from graphc.ir.node import Node
from graphc.lib import math
from graphc.v1 import ops
from graphc.v1.optimizers.gradient_descent import PENALTIES
from graphc.v1.optimizers.ruled import RATE, RuleOptimizer, numbers, positive
from graphc.v1.optimizers.update import Rule

mul = math.multiply
_SHRINKAGE = (
    "l2_shrinkage _l2_shrinkage_regularization_strength _l2_shrinkage_regularization_strength_tensor "
    "l2_shrinkage_regularization_strength"
)
_POWER = "lr_power _learning_rate_power _learning_rate_power_tensor learning_rate_power"


def _ftrl(is_root: bool) -> tuple[Callable, Callable]:
    """The rule without and with shrinkage; ``is_root``: the rate falls with the square root of the sum of squares."""

    def step(var, accum, linear, grad, lr, l1, l2, lr_power) -> list[Node]:
        return follow(var, accum, linear, grad, grad, lr, l1, l2, lr_power)

    def with_shrinkage(var, accum, linear, grad, lr, l1, l2, l2_shrinkage, lr_power) -> list[Node]:
        return follow(var, accum, linear, grad, grad + mul(mul(var, l2_shrinkage), 2), lr, l1, l2, lr_power)

    def follow(var, accum, linear, grad, pull, lr, l1, l2, lr_power) -> list[Node]:
        total = accum + grad * grad
        new, old = (math.sqrt(a) if is_root else math.pow(a, -lr_power) for a in (total, accum))
        linear = linear + pull - math.divide(new - old, lr) * var
        scale = math.add(math.divide(new, lr), l2 + l2)
        limit = math.minimum(math.maximum(linear, -l1), l1)
        moved = math.where(math.greater(math.abs(linear), l1), (limit - linear) / scale, math.full_like(var, 0))
        return [moved, total, linear]

    return step, with_shrinkage


class FtrlOptimizer(RuleOptimizer):
    """Follow the regularised leader, with L1, L2 and shrinkage penalties.

    Args:
        learning_rate_power: how the learning rate falls with the sum of squares; zero for a fixed one.
        accum_name, linear_name: the last part of the slots' names; ``name`` if None.
        beta: what is added to the square root of the sum of squares.

    Raises:
        UsageError: a penalty or the accumulators' start is negative, or ``learning_rate_power`` is positive.
    """

    def __init__(self, learning_rate, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False, name="Ftrl",
                 accum_name=None, linear_name=None, l2_shrinkage_regularization_strength=0.0,
                 beta=None):  # fmt: skip
        super().__init__(use_locking, name)
        if learning_rate_power > 0:
            what = f"Ftrl: learning_rate_power {learning_rate_power} needs to be negative or zero"
            raise UsageError(explain(what))
        self._initial_accumulator_value = initial_accumulator_value
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength
        self._l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        for key in ("initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength",
                    "l2_shrinkage_regularization_strength"):  # fmt: skip
            positive("Ftrl", key, getattr(self, f"_{key}"), or_zero=True)
        self._learning_rate, self._learning_rate_power = learning_rate, learning_rate_power
        self._labels = {"accum": accum_name or name, "linear": linear_name or name}
        self._beta = 0.0 if beta is None else beta
        self.kept = {"accum": initial_accumulator_value, "linear": 0.0}
        plain, shrinking = _ftrl(learning_rate_power == -0.5)
        self.rule, self.numbers = Rule("Ftrl", "grad lr l1 l2 lr_power", plain), numbers(RATE, *PENALTIES, _POWER)
        if l2_shrinkage_regularization_strength > 0:
            self.rule = Rule("FtrlV2", "grad lr l1 l2 l2_shrinkage lr_power", shrinking)
            self.numbers = numbers(RATE, *PENALTIES, _SHRINKAGE, _POWER)

    def _slot_label(self, slot):
        return self._labels[slot]

    def _prepare(self):
        super()._prepare()
        if self._beta:
            room = ops.maximum(self._learning_rate_tensor, 1e-36) * 2.0
            more = ops.divide(ops.cast(self._beta, room.dtype), room)
            self._l2_regularization_strength_tensor = ops.add(
                self._l2_regularization_strength_tensor, more, name="adjusted_l2_regularization_strength"
            )
