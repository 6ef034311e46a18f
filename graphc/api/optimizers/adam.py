"""Adam and its relatives: running means of gradients and of their squares."""

from __future__ import annotations

import numpy as np

from graphc.api import scope
from graphc.api.optimizers.arguments import plain, with_common
from graphc.api.optimizers.optimizer import Optimizer, Slot
from graphc.errors import UsageError, explain
from graphc.lib import descent

_MEANS = (Slot("momentum", "_momentums"), Slot("velocity", "_velocities"))


class Means(Optimizer):
    """Keeps the running means of gradients and of their squares.

    Attributes:
        rule: of ``graphc.lib.descent``.
    """

    _OWN = ("beta_1", "beta_2", "epsilon")
    rule = None

    def _slots(self):
        return (_MEANS,)

    def _rule(self, variable):
        return type(self).rule, self._numbers("beta_1", "beta_2", "epsilon")


class Adam(Means):
    """``w -= rate * m / (sqrt(v) + epsilon)`` with running means ``m`` of gradients and ``v`` of their squares.

    Args:
        beta_1, beta_2: what the means keep of themselves in each step.
        amsgrad: the greatest ``v`` so far is taken.
    """

    _OWN = ("beta_1", "beta_2", "epsilon", "amsgrad")
    rule = staticmethod(descent.adam)

    @with_common
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, **common):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def _slots(self):
        return (_MEANS, (Slot("velocity_hat", "_velocity_hats"),)) if self.amsgrad else (_MEANS,)

    def _rule(self, variable):
        rule, numbers = super()._rule(variable)
        return (descent.ams_grad if self.amsgrad else rule), numbers


class AdamW(Adam):
    """Adam with weights that decay by themselves.

    Raises:
        UsageError: ``weight_decay`` is None.
    """

    @with_common
    def __init__(self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
                 **common):  # fmt: skip
        if weight_decay is None:
            raise UsageError(explain("AdamW: weight_decay must be a float, got None"))
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common)


class Adamax(Means):
    """Adam with the greatest gradient, slowly forgotten, instead of the mean of squares."""

    rule = staticmethod(descent.adamax)

    @with_common
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **common):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _slots(self):
        return ((Slot("momentum", "_m"), Slot("norm", "_u")),)


class Nadam(Means):
    """Adam with Nesterov's look ahead."""

    rule = staticmethod(descent.nadam)

    @with_common
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **common):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables):
        """Make the running means, and the product of all momentums."""
        if self.built:
            return
        super().build(variables)
        kind = self._trainable_variables[0].dtype if self._trainable_variables else "float32"
        self._u_product = self.add_variable((), "ones", kind, name="variable")

    def _shared_variables(self):
        return [self._u_product]

    def _shared_momentum(self):
        return plain(self.beta_1)


class Lamb(Means):
    """Adam whose steps are as long as the variable is."""

    rule = staticmethod(descent.lamb)

    @with_common
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **common):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon


class ScheduleFreeAdamW(Means):
    """Adam around an average of all values so far, which takes the place of a falling rate.

    Args:
        warmup_steps: over so many steps the rate grows to its full size.
    """

    _OWN = ("beta_1", "beta_2", "epsilon", "warmup_steps")

    @with_common
    def __init__(self, learning_rate=0.0025, beta_1=0.9, beta_2=0.999, epsilon=1e-8, warmup_steps=0, **common):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = beta_1, beta_2, epsilon, warmup_steps

    def build(self, variables):
        """Make what is kept; the means begin at the values of the variables."""
        if self.built:
            return
        super().build(variables)
        with scope.init_scope():
            for mean, variable in zip(self._momentums, self._trainable_variables):
                mean.assign(np.asarray(variable))

    def _rule(self, variable):
        return descent.schedule_free, self._numbers(*self._OWN)
