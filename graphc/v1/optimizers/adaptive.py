"""Optimizers with a step size for each element: Adagrad and its relatives, Adadelta, RMSProp."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math
from graphc.v1 import ops
from graphc.v1.optimizers.gradient_descent import PENALTIES, shrunk
from graphc.v1.optimizers.ruled import RATE, RuleOptimizer, numbers, positive
from graphc.v1.optimizers.update import Rule

add, mul = math.add, math.multiply


def _toward(old: Node, new: Node, keep: Node) -> Node:
    """The running mean after ``new``: ``old * keep + new * (1 - keep)``."""
    return old + mul(new - old, 1 - keep)


def _adagrad(var, accum, lr, grad) -> list[Node]:
    accum = accum + grad * grad
    return [var - mul(lr, grad) * math.rsqrt(accum), accum]


class AdagradOptimizer(RuleOptimizer):
    """``accumulator += grad ** 2; var -= learning_rate * grad / sqrt(accumulator)``.

    Raises:
        UsageError: ``initial_accumulator_value`` is not positive.
    """

    rule = Rule("Adagrad", "lr grad", _adagrad)
    numbers = numbers(RATE)

    def __init__(self, learning_rate, initial_accumulator_value=0.1, use_locking=False, name="Adagrad"):
        positive("Adagrad", "initial_accumulator_value", initial_accumulator_value)
        super().__init__(use_locking, name)
        self._learning_rate, self._initial_accumulator_value = learning_rate, initial_accumulator_value
        self.kept = {"accumulator": initial_accumulator_value}


def _proximal_adagrad(var, accum, lr, l1, l2, grad) -> list[Node]:
    accum = accum + grad * grad
    rate = mul(lr, math.rsqrt(accum))
    return [shrunk(var - rate * grad, l1, l2, rate), accum]


class ProximalAdagradOptimizer(RuleOptimizer):
    """Adagrad whose values shrink by L1 and L2 penalties after each step.

    Raises:
        UsageError: ``initial_accumulator_value`` is not positive.
    """

    rule = Rule("ProximalAdagrad", "lr l1 l2 grad", _proximal_adagrad)
    numbers = numbers(RATE, *PENALTIES)

    def __init__(self, learning_rate, initial_accumulator_value=0.1, l1_regularization_strength=0.0,
                 l2_regularization_strength=0.0, use_locking=False, name="ProximalAdagrad"):  # fmt: skip
        positive("ProximalAdagrad", "initial_accumulator_value", initial_accumulator_value)
        super().__init__(use_locking, name)
        self._learning_rate, self._initial_accumulator_value = learning_rate, initial_accumulator_value
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength
        self.kept = {"accumulator": initial_accumulator_value}


def _dual_averaging(var, total, squares, grad, lr, l1, l2, global_step) -> list[Node]:
    total, squares = total + grad, squares + grad * grad
    steps = math.cast(global_step, var.dtype)
    rest = math.maximum(math.subtract(math.abs(total), l1 * steps), 0)
    scale = math.divide(mul(math.sign(total) * rest, -lr), add(math.sqrt(squares), l2 * steps * lr))
    return [scale, total, squares]


class AdagradDAOptimizer(RuleOptimizer):
    """Adagrad with dual averaging: values follow from the sums of all gradients, which makes linear models sparse.

    Args:
        global_step: the variable that counts the steps.

    Raises:
        UsageError: ``initial_gradient_squared_accumulator_value`` is not positive, or there is no ``global_step``.
    """

    rule = Rule("AdagradDA", "grad lr l1 l2 global_step", _dual_averaging)
    numbers = numbers(RATE, *PENALTIES)

    def __init__(self, learning_rate, global_step, initial_gradient_squared_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False,
                 name="AdagradDA"):  # fmt: skip
        start = initial_gradient_squared_accumulator_value
        positive("AdagradDA", "initial_gradient_squared_accumulator_value", start)
        if global_step is None:
            raise UsageError(explain("AdagradDA: needs the variable global_step"))
        super().__init__(use_locking, name)
        self._learning_rate, self._global_step = learning_rate, global_step
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength
        self.kept = {"gradient_accumulator": 0.0, "gradient_squared_accumulator": start}

    def _prepare(self):
        super()._prepare()
        self._global_step_on_worker = ops.cast(ops.identity(self._global_step), dt.i64) + 1

    def _operands(self, var):
        return {**super()._operands(var), "global_step": self._global_step_on_worker}


def _adadelta(var, accum, accum_update, lr, rho, epsilon, grad) -> list[Node]:
    accum = mul(accum, rho) + mul(grad * grad, 1 - rho)
    step = math.sqrt(add(accum_update, epsilon)) * math.rsqrt(add(accum, epsilon)) * grad
    return [var - mul(step, lr), accum, mul(accum_update, rho) + mul(step * step, 1 - rho)]


class AdadeltaOptimizer(RuleOptimizer):
    """Steps in units of the running size of earlier steps."""

    rule = Rule("Adadelta", "lr rho epsilon grad", _adadelta)
    kept = {"accum": 0.0, "accum_update": 0.0}
    numbers = numbers("lr _lr _lr_t lr", "rho _rho _rho_t rho", "epsilon _epsilon _epsilon_t epsilon")

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-8, use_locking=False, name="Adadelta"):
        super().__init__(use_locking, name)
        self._lr, self._rho, self._epsilon = learning_rate, rho, epsilon


def _rms_prop(var, ms, mom, lr, rho, momentum, epsilon, grad) -> list[Node]:
    ms = _toward(ms, grad * grad, rho)
    mom = mul(mom, momentum) + mul(lr, grad) * math.rsqrt(add(ms, epsilon))
    return [var - mom, ms, mom]


def _centered_rms_prop(var, mg, ms, mom, lr, rho, momentum, epsilon, grad) -> list[Node]:
    ms, mg = _toward(ms, grad * grad, rho), _toward(mg, grad, rho)
    mom = mul(mom, momentum) + mul(lr, grad) * math.rsqrt(add(ms - mg * mg, epsilon))
    return [var - mom, mg, ms, mom]


class RMSPropOptimizer(RuleOptimizer):
    """Gradients divided by a running root mean square, with momentum; ``centered`` takes away the running mean."""

    numbers = numbers(
        RATE,
        "rho _decay _decay_tensor decay",
        "momentum _momentum _momentum_tensor momentum",
        "epsilon _epsilon _epsilon_tensor epsilon",
    )

    def __init__(self, learning_rate, decay=0.9, momentum=0.0, epsilon=1e-10, use_locking=False, centered=False,
                 name="RMSProp"):  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate, self._decay, self._momentum = learning_rate, decay, momentum
        self._epsilon, self._centered = epsilon, centered
        kind, step = ("CenteredRMSProp", _centered_rms_prop) if centered else ("RMSProp", _rms_prop)
        self.rule = Rule(kind, "lr rho momentum epsilon grad", step)
        self.kept = {"rms": 1.0, **({"mg": 0.0} if centered else {}), "momentum": 0.0}

    def _variables(self, var):
        order = ("mg", "rms", "momentum") if self._centered else ("rms", "momentum")
        return [var, *(self.get_slot(var, slot) for slot in order)]
