"""The learning rate of an optimizer: a variable, a schedule or a function, read and set."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np

from graphc.api.operators import Operators
from graphc.api.optimizers import schedules
from graphc.api.optimizers.schedules import LearningRateSchedule
from graphc.errors import GraphcWarning, UsageError, explain


class Rate:
    """What optimizers do with their learning rate; the base of ``Optimizer``."""

    @staticmethod
    def _former_arguments(learning_rate, kwargs: dict):
        """The rate, where it may have its former name; other former arguments are taken away from ``kwargs``.

        Raises:
            UsageError: an argument is unknown.
        """
        if "lr" in kwargs:
            learning_rate = kwargs.pop("lr")
        if kwargs.pop("decay", None):
            what = "optimizer: decay is no argument any more and has no effect; give a schedule as the learning_rate"
            advice = "such as tf.optimizers.schedules.InverseTimeDecay(rate, 1, decay)"
            warnings.warn(explain(f"{what}, {advice}"), GraphcWarning, stacklevel=5)
        if kwargs:
            raise UsageError(explain(f"optimizer: unknown arguments {', '.join(sorted(kwargs))}"))
        return learning_rate

    def _check_rate(self, rate) -> None:
        """Refuse what is no rate.

        Raises:
            UsageError: so it is.
        """
        if isinstance(rate, LearningRateSchedule) or (callable(rate) and not isinstance(rate, Operators)):
            return
        try:
            is_number = not isinstance(rate, (str, bytes, bool)) and np.ndim(float(rate)) == 0
        except (TypeError, ValueError):
            is_number = False
        if not is_number:
            what = f"{type(self).__name__}: learning_rate must be a number, a LearningRateSchedule, or a function"
            raise UsageError(explain(f"{what} without arguments, got {rate!r}"))

    def _start_rate(self, rate) -> None:
        if callable(rate) and not isinstance(rate, Operators):
            self._learning_rate = rate
        elif isinstance(rate, Operators) and hasattr(rate, "assign"):
            self._learning_rate = rate
            self._variables.append(rate)
        else:
            number = float(rate)
            self._learning_rate = self.add_variable((), number, "float32", name="learning_rate")

    @property
    def learning_rate(self):
        """The rate of the next step: the variable itself; of a schedule or a function its value.

        A number may be assigned to it, or another schedule.

        Raises:
            UsageError: a number is assigned, but there is a schedule.
        """
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate() if callable(rate) and not isinstance(rate, Operators) else rate

    @learning_rate.setter
    def learning_rate(self, value) -> None:
        own = self._learning_rate
        is_variable = isinstance(own, Operators)
        self._plans.clear()
        if callable(value) and not isinstance(value, Operators):
            self._learning_rate = value
            if is_variable:
                self._variables = [v for v in self._variables if v is not own]
        elif is_variable:
            own.assign(value)
        else:
            what = f"learning_rate: {self.name} follows {type(own).__name__}, so its learning rate cannot be set"
            raise UsageError(explain(f"{what}; make the optimizer with a number for that"))

    lr = learning_rate

    def _rate_as_data(self):
        """The rate in a configuration."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return schedules.serialize(rate)
        return rate if callable(rate) and not isinstance(rate, Operators) else float(rate.numpy())

    @staticmethod
    def _with_rate(config: Mapping, custom_objects) -> dict:
        """The configuration with a schedule made from its description."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), Mapping):
            config["learning_rate"] = schedules.deserialize(config["learning_rate"], custom_objects)
        return config
