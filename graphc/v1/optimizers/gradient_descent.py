"""Steps along the gradient: plain, with momentum, and with a proximal term."""

from __future__ import annotations

from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.index import scatter
from graphc.v1.optimizers.ruled import RATE, RuleOptimizer, numbers
from graphc.v1.optimizers.update import Rule, write

mul = math.multiply


def _descend(var, lr, grad) -> list[Node]:
    return [var - mul(lr, grad)]


class GradientDescentOptimizer(RuleOptimizer):
    """``var -= learning_rate * grad``."""

    rule = Rule("GradientDescent", "lr grad", _descend)
    numbers = numbers(RATE)

    def __init__(self, learning_rate, use_locking=False, name="GradientDescent"):
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _apply_sparse_duplicate_indices(self, grad, var):
        return self._resource_apply_sparse_duplicate_indices(grad.values, var, grad.indices)

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices):
        def build(var, values, places, lr):
            return [scatter(var, places, -mul(lr, values), "add")]

        return write("ScatterSub", [handle], (grad, indices, self._operands(handle)["lr"]), build)


def _with_momentum(var, accum, lr, grad, momentum) -> list[Node]:
    accum = mul(accum, momentum) + grad
    return [var - mul(lr, accum), accum]


def _with_nesterov(var, accum, lr, grad, momentum) -> list[Node]:
    accum = mul(accum, momentum) + grad
    return [var - (mul(lr, grad) + mul(lr, mul(accum, momentum))), accum]


class MomentumOptimizer(RuleOptimizer):
    """``accum = momentum * accum + grad; var -= learning_rate * accum``; or the look-ahead step of Nesterov."""

    kept = {"momentum": 0.0}
    numbers = numbers(RATE, "momentum _momentum _momentum_tensor momentum")

    def __init__(self, learning_rate, momentum, use_locking=False, name="Momentum", use_nesterov=False):
        super().__init__(use_locking, name)
        self._learning_rate, self._momentum, self._use_nesterov = learning_rate, momentum, use_nesterov
        step, attrs = (_with_nesterov, (("use_nesterov", True),)) if use_nesterov else (_with_momentum, ())
        self.rule = Rule("Momentum", "lr grad momentum", step, attrs)


def shrunk(moved: Node, l1: Node, l2: Node, rate: Node) -> Node:
    """``moved`` nearer to zero: by ``rate * l1``, then divided by ``1 + rate * l2``."""
    rest = math.maximum(math.abs(moved) - mul(mul(rate, l1), math.full_like(moved, 1)), 0)
    return math.divide(math.sign(moved) * rest, mul(math.full_like(moved, 1), math.add(mul(rate, l2), 1)))


def _descend_proximally(var, lr, l1, l2, grad) -> list[Node]:
    return [shrunk(var - mul(lr, grad), l1, l2, lr)]


PENALTIES = (
    "l1 _l1_regularization_strength _l1_regularization_strength_tensor l1_regularization_strength",
    "l2 _l2_regularization_strength _l2_regularization_strength_tensor l2_regularization_strength",
)


class ProximalGradientDescentOptimizer(RuleOptimizer):
    """A step along the gradient, then the values shrink by the L1 and L2 penalties."""

    rule = Rule("ProximalGradientDescent", "lr l1 l2 grad", _descend_proximally)
    numbers = numbers(RATE, *PENALTIES)

    def __init__(self, learning_rate, l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 use_locking=False, name="ProximalGradientDescent"):  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength
