"""Optimizers with a step size for each element: Adagrad and its relatives, RMSprop, Adafactor, Ftrl."""

from __future__ import annotations

from graphc.api.optimizers.arguments import plain, with_common, within
from graphc.api.optimizers.optimizer import Optimizer, Slot
from graphc.lib import descent


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares."""

    _OWN = ("initial_accumulator_value", "epsilon")

    @with_common
    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, **common):
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def _slots(self):
        return ((Slot("accumulator", "_accumulators", plain(self.initial_accumulator_value)),),)

    def _rule(self, variable):
        return descent.adagrad, self._numbers("epsilon")


class Adadelta(Optimizer):
    """Steps in units of the running size of earlier steps."""

    _OWN = ("rho", "epsilon")

    @with_common
    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-7, **common):
        super().__init__(learning_rate, **common)
        self.rho, self.epsilon = rho, epsilon

    def _slots(self):
        moves = Slot("accumulated_delta_var", "_accumulated_delta_vars")
        return ((Slot("accumulated_grad", "_accumulated_grads"), moves),)

    def _rule(self, variable):
        return descent.adadelta, self._numbers("rho", "epsilon")


class RMSprop(Optimizer):
    """Gradients divided by a running root mean square, with momentum.

    Args:
        rho: what the mean keeps of itself in each step.
        centered: the running mean of gradients is taken away.
    """

    _OWN = ("rho", "momentum", "epsilon", "centered")

    @with_common
    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, **common):
        super().__init__(learning_rate, **common)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        self._momentums, self._average_gradients = [], []

    def _slots(self):
        own = [(Slot("velocity", "_velocities"),)]
        own += [(Slot("momentum", "_momentums"),)] if self.momentum > 0 else []
        own += [(Slot("average_gradient", "_average_gradients"),)] if self.centered else []
        return tuple(own)

    def _rule(self, variable):
        return descent.rms_prop, self._numbers(*self._OWN)


class Adafactor(Optimizer):
    """Adam's scaling from the means of rows and columns instead of all elements.

    Args:
        relative_step: the rate falls with the root of the number of steps.
    """

    _OWN = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")

    @with_common
    def __init__(self, learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, clip_threshold=1.0,
                 relative_step=True, **common):  # fmt: skip
        super().__init__(learning_rate, **common)
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def build(self, variables):
        """Make for each matrix the means of its rows and columns, and for each variable its scaling."""
        if self.built:
            return
        super().build(variables)
        self._r, self._c, self._v = [], [], []
        for v in self._trainable_variables:
            sizes = v.shape.as_list()
            is_matrix = len(sizes) >= 2
            for listed, own in ((self._r, sizes[:-1]), (self._c, [*sizes[:-2], *sizes[-1:]])):
                shape, kind = (own, v.dtype) if is_matrix else ((), "int32")
                listed.append(self.add_variable(shape, dtype=kind, name=v.name.partition(":")[0]))
            self._v.append(self.add_variable_from_reference(v, "velocity"))

    def _kept(self, variable, at):
        is_matrix = len(variable.shape) >= 2
        return [self._r[at], self._c[at], self._v[at]] if is_matrix else [self._v[at]]

    def _rule(self, variable):
        is_relative = bool(self.relative_step) and not callable(self._learning_rate)
        return descent.adafactor, (*self._numbers(*self._OWN[:-1]), ("relative", is_relative))


class Ftrl(Optimizer):
    """Follow the regularised leader: for linear models with many sparse features.

    Args:
        learning_rate_power: how the rate falls with the sum of squares; zero for a fixed one.
        l2_shrinkage_regularization_strength: a penalty on the values as they are, besides that on the next ones.
        beta: what is added to the square root of the sum of squares.

    Raises:
        UsageError: a penalty or the accumulators' start is negative, or ``learning_rate_power`` is positive.
    """

    _OWN = ("learning_rate_power", "initial_accumulator_value", "l1_regularization_strength",
            "l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta")  # fmt: skip

    @with_common
    def __init__(self, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 l2_shrinkage_regularization_strength=0.0, beta=0.0, **common):  # fmt: skip
        super().__init__(learning_rate, **common)
        self.learning_rate_power, self.initial_accumulator_value = learning_rate_power, initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength, self.beta = l2_shrinkage_regularization_strength, beta
        for name in self._OWN[1:5]:
            within("Ftrl", name, getattr(self, name), 0)
        within("Ftrl", "learning_rate_power", learning_rate_power, float("-inf"), 0)

    def _slots(self):
        total = Slot("accumulator", "_accumulators", plain(self.initial_accumulator_value))
        return ((total, Slot("linear", "_linears")),)

    def _rule(self, variable):
        own = {"l1": self.l1_regularization_strength, "l2": self.l2_regularization_strength,
               "l2_shrinkage": self.l2_shrinkage_regularization_strength, "beta": self.beta,
               "learning_rate_power": self.learning_rate_power}  # fmt: skip
        return descent.ftrl, tuple([(name, plain(value)) for name, value in own.items()])
