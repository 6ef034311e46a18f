"""Optimizers made of others: with a loss scale that follows the gradients, and one for each group of variables."""

from __future__ import annotations

import re
from collections.abc import MutableMapping

from graphc.api.optimizers import families
from graphc.api.optimizers.arguments import COMMON
from graphc.api.optimizers.optimizer import Optimizer
from graphc.api.optimizers.pairs import label
from graphc.api.optimizers.state import Variables
from graphc.errors import UsageError, explain


class LossScaleOptimizer(Optimizer):
    """Lets another optimizer see gradients of a loss that was scaled, so that small ones are not lost in float16.

    The scale is halved, and the step left out, where a gradient is not finite; it is doubled after
    ``dynamic_growth_steps`` steps that were.

    Raises:
        UsageError: an argument belongs to the other optimizer, or that is none.

    Example::

        optimizer = tf.optimizers.LossScaleOptimizer(tf.optimizers.SGD(0.1))
        with tf.GradientTape() as tape:
            loss = optimizer.scale_loss(compute())
    """

    def __init__(self, inner_optimizer, initial_scale=32768.0, dynamic_growth_steps=2000, name=None, **kwargs):
        if not kwargs.pop("dynamic", True):
            what = "LossScaleOptimizer: dynamic=False is not supported; set loss_scale_factor of the inner optimizer"
            raise UsageError(explain(what))
        unknown = [n for n, v in kwargs.items() if n not in self._SETTINGS or (v and v != COMMON[n])]
        if unknown:
            what = f"LossScaleOptimizer: arguments {', '.join(unknown)} are to be set on the inner optimizer"
            raise UsageError(explain(what))
        inner_optimizer = _single("LossScaleOptimizer", inner_optimizer)
        super().__init__(0.0, name=name)
        self.inner_optimizer, self.initial_scale = inner_optimizer, initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, variables):
        """Make the scale and its counter, and build the inner optimizer."""
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int64", name="step_counter")
        self.dynamic_scale = self.add_variable((), float(self.initial_scale), "float32", name="dynamic_scale")
        super().build(variables)
        self.inner_optimizer.build(variables)

    @property
    def variables(self):
        """Its own and those of the inner optimizer."""
        return Variables([*self._variables, *self.inner_optimizer.variables])

    @property
    def learning_rate(self):
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.inner_optimizer.learning_rate = value

    lr = learning_rate

    @property
    def iterations(self):
        """The number of steps that were not left out."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss):
        """The loss times the scale as it is now."""
        return loss * (self.dynamic_scale.value() if self.built else self.initial_scale)

    def _apply_pairs(self, pairs, guard=()):
        guard = (self.dynamic_scale, self.step_counter, self.dynamic_growth_steps)
        self.inner_optimizer._apply_pairs(pairs, guard)

    def finalize_variable_values(self, var_list):
        """As the inner optimizer does."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self):
        """The arguments from which ``from_config`` makes such an optimizer."""
        inner = families.described(self.inner_optimizer)
        return {"name": self.name, "inner_optimizer": inner, "initial_scale": self.initial_scale,
                "dynamic_growth_steps": self.dynamic_growth_steps}  # fmt: skip

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what ``get_config`` answered."""
        return cls(**{**config, "inner_optimizer": families.remade(config["inner_optimizer"], custom_objects)})


class OptimizerMap(MutableMapping):
    """Which optimizer changes which variables: by patterns that match their whole names.

    Args:
        default_optimizer: that of variables that no pattern matches.
        optimizer_map: a dict from patterns to optimizers.

    Raises:
        UsageError: something is no optimizer.
    """

    def __init__(self, default_optimizer, optimizer_map=None):
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise UsageError(explain(f"OptimizerMap: optimizer_map must be a dict, got {optimizer_map!r}"))
        self._default_optimizer = _single("OptimizerMap", default_optimizer)
        self._optimizer_map: dict[str, Optimizer] = {}
        for pattern, optimizer in (optimizer_map or {}).items():
            self[pattern] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """That of variables that no pattern matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise UsageError(explain(f"OptimizerMap: variable {key} matches several patterns: {', '.join(matching)}"))
        return self._optimizer_map[matching[0]] if matching else self._default_optimizer

    def __setitem__(self, key: str, optimizer) -> None:
        if key in self._optimizer_map:
            raise UsageError(explain(f"OptimizerMap: {key!r} has an optimizer already"))
        if not isinstance(key, str):
            raise UsageError(explain(f"OptimizerMap: a pattern must be a string, got {key!r}"))
        self._optimizer_map[key] = _single("OptimizerMap", optimizer)

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self):
        return len(self._optimizer_map)

    def __iter__(self):
        return iter(self._optimizer_map)

    def __call__(self, variable) -> Optimizer:
        return self[label(variable)]

    def get_config(self) -> dict:
        """The arguments from which ``from_config`` makes such a map."""
        others = {pattern: families.described(o) for pattern, o in self._optimizer_map.items()}
        return {"default_optimizer": families.described(self._default_optimizer), "optimizer_map": others}

    @classmethod
    def from_config(cls, config: dict, custom_objects=None):
        """A map from what ``get_config`` answered."""
        others = {p: families.remade(o, custom_objects) for p, o in config["optimizer_map"].items()}
        return cls(families.remade(config["default_optimizer"], custom_objects), others)


def _single(what: str, optimizer) -> Optimizer:
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise UsageError(explain(f"{what}: needs an optimizer that is not made of others, got {optimizer!r}"))
    return optimizer


class MultiOptimizer(Optimizer):
    """Several optimizers, each for some of the variables.

    Args:
        optimizer_map: an ``OptimizerMap``, or a function from a variable to its optimizer.
    """

    def __init__(self, optimizer_map, loss_scale_factor=None, name=None):
        super().__init__(0.0, name=name)
        self._optimizer_map = optimizer_map
        self.optimizers: list[Optimizer] = []
        self.loss_scale_factor = loss_scale_factor
        every = list(optimizer_map.values()) if hasattr(optimizer_map, "values") else []
        default = getattr(optimizer_map, "default_optimizer", None)
        for optimizer in [*every, *([] if default is None else [default])]:
            self._add(optimizer)

    def _add(self, optimizer: Optimizer) -> None:
        if not any(o is optimizer for o in self.optimizers):
            optimizer.loss_scale_factor = self.loss_scale_factor
            self.optimizers.append(optimizer)

    def build(self, variables):
        """Build each optimizer with its variables."""
        if self.built:
            return
        super().build(variables)
        own: dict[int, list] = {}
        for v in self._trainable_variables:
            optimizer = _single("MultiOptimizer", self._optimizer_map(v))
            self._add(optimizer)
            own.setdefault(id(optimizer), []).append(v)
        for optimizer in self.optimizers:
            if id(optimizer) in own:
                optimizer.build(own[id(optimizer)])

    @property
    def variables(self):
        """Its own and those of all its optimizers."""
        return Variables([*self._variables, *[v for o in self.optimizers for v in o.variables]])

    @property
    def learning_rate(self):
        """Refused: each optimizer has its own."""
        raise UsageError(explain("MultiOptimizer: has no learning rate; each of its optimizers has one"))

    @learning_rate.setter
    def learning_rate(self, value):
        raise UsageError(explain("MultiOptimizer: has no learning rate; set that of one of its optimizers"))

    lr = learning_rate

    def _apply_pairs(self, pairs, guard=()):
        for optimizer in self.optimizers:
            own = [(g, v) for g, v in pairs if id(v) in optimizer._trainable_variables_indices]
            if own:
                optimizer._apply_pairs(own)
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list):
        """As each optimizer does with its own."""
        variables = list(var_list)
        for optimizer in self.optimizers:
            own = optimizer._trainable_variables_indices
            optimizer.finalize_variable_values([v for v in variables if id(v) in own])

    def get_config(self):
        """The arguments from which ``from_config`` makes such an optimizer.

        Raises:
            UsageError: a function chooses the optimizers.
        """
        if not isinstance(self._optimizer_map, OptimizerMap):
            raise UsageError(explain("MultiOptimizer: only one that has an OptimizerMap can be written down"))
        chosen = {"class_name": "OptimizerMap", "config": self._optimizer_map.get_config()}
        return {"optimizer_map": chosen, "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from what ``get_config`` answered."""
        chosen = OptimizerMap.from_config(config["optimizer_map"]["config"], custom_objects)
        return cls(**{**config, "optimizer_map": chosen})
