"""Steps along the gradient: plain, with momentum, of one size, and made orthogonal."""

from __future__ import annotations

import re

from graphc.api.optimizers.arguments import plain, with_common, within
from graphc.api.optimizers.optimizer import Optimizer, Slot
from graphc.api.optimizers.pairs import label
from graphc.lib import descent


class SGD(Optimizer):
    """``w -= learning_rate * g``; with momentum ``m = momentum * m - learning_rate * g; w += m``.

    Args:
        nesterov: the step looks ahead: ``w += momentum * m - learning_rate * g``.

    Raises:
        UsageError: ``momentum`` is not between 0 and 1.
    """

    _OWN = ("momentum", "nesterov")

    @with_common
    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **common):
        super().__init__(learning_rate, **common)
        within("SGD", "momentum", momentum, 0, 1)
        self.momentum, self.nesterov = momentum, nesterov
        self.momentums: list = []

    def _slots(self):
        return ((Slot("momentum", "momentums"),),) if self.momentum else ()

    def _rule(self, variable):
        if not self.momentum:
            return descent.descend, ()
        return descent.with_momentum, self._numbers("momentum", "nesterov")


class Lion(Optimizer):
    """Steps of one size along the sign of a running mean of gradients.

    Raises:
        UsageError: ``beta_1`` is not above 0 and at most 1.
    """

    _OWN = ("beta_1", "beta_2")

    @with_common
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, **common):
        super().__init__(learning_rate, **common)
        within("Lion", "beta_1", beta_1, 1e-300, 1)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def _slots(self):
        return ((Slot("momentum", "_momentums"),),)

    def _rule(self, variable):
        return descent.lion, self._numbers(*self._OWN)


class Muon(Optimizer):
    """Momentum made orthogonal for matrices, AdamW for all other variables.

    Args:
        exclude_layers: patterns; variables in whose names one is found are changed by AdamW.
        exclude_embeddings: likewise those with ``embedding`` in their names.
        muon_a, muon_b, muon_c: the factors of each of ``ns_steps`` steps of Newton and Schulz.
        adam_lr_ratio: the rate of AdamW in units of the learning rate.
        rms_rate: the size of a step for matrices, times the root of the greater size; None for steps as they are.
    """

    _OWN = ("adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c", "adam_lr_ratio",
            "momentum", "ns_steps", "nesterov", "exclude_embeddings", "adam_weight_decay", "rms_rate")  # fmt: skip

    def __init__(self, learning_rate=0.001, adam_beta_1=0.9, adam_beta_2=0.999, adam_weight_decay=0.004, epsilon=1e-7,
                 weight_decay=0.004, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
                 ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, exclude_layers=None, exclude_embeddings=True,
                 muon_a=3.4445, muon_b=-4.7750, muon_c=2.0315, adam_lr_ratio=1, momentum=0.95, ns_steps=5,
                 nesterov=True, rms_rate=0.2, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name,
                         **kwargs)  # fmt: skip
        self.adam_beta_1, self.adam_beta_2, self.adam_weight_decay = adam_beta_1, adam_beta_2, adam_weight_decay
        self.epsilon, self.exclude_layers, self.exclude_embeddings = epsilon, exclude_layers or [], exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c, self.adam_lr_ratio = muon_a, muon_b, muon_c, adam_lr_ratio
        self.momentum, self.ns_steps, self.nesterov, self.rms_rate = momentum, ns_steps, nesterov, rms_rate

    def _is_for_adam(self, variable) -> bool:
        name = label(variable)
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in name.lower()):
            return True
        return any(re.search(pattern, name) for pattern in self.exclude_layers)

    def build(self, variables):
        """Make a momentum for each variable, and what AdamW keeps for those that it changes."""
        if self.built:
            return
        super().build(variables)
        self.momentums, self.adam_velocities = [], []
        for v in self._trainable_variables:
            self.momentums.append(self.add_variable_from_reference(v, "momentum"))
            is_other = self._is_for_adam(v)
            self.adam_velocities.append(self.add_variable_from_reference(v, "velocity") if is_other else None)

    def _kept(self, variable, at):
        return [v for v in (self.momentums[at], self.adam_velocities[at]) if v is not None]

    def _rule(self, variable):
        if self.adam_velocities[self._get_variable_index(variable)] is not None:
            names = (("beta_1", "adam_beta_1"), ("beta_2", "adam_beta_2"), ("epsilon", "epsilon"))
            numbers = tuple((name, plain(getattr(self, own))) for name, own in names)
            return descent.adam_at, (*numbers, ("ratio", plain(self.adam_lr_ratio)))
        factors = ("factors", tuple(map(plain, (self.muon_a, self.muon_b, self.muon_c))))
        return descent.muon, (*self._numbers("momentum", "nesterov", "rms_rate"), factors, ("turns", self.ns_steps))

    def _decay_rate(self, variable):
        return self.adam_weight_decay if self._is_for_adam(variable) else self.weight_decay
