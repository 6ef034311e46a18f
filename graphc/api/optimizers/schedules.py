"""Learning rates that change with the number of steps, as ``tf.optimizers.schedules`` has them."""

from __future__ import annotations

from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.api.optimizers.described import described, remade
from graphc.errors import UnimplementedError, UsageError, explain
from graphc.lib import schedules as lib


class LearningRateSchedule:
    """A function from the number of steps to a learning rate; subclasses define ``__call__(step)``."""

    def __call__(self, step):
        what = f"learning rate schedule {type(self).__name__} must define __call__(self, step)"
        raise UnimplementedError(explain(what))

    def get_config(self) -> dict:
        """The arguments from which ``from_config`` makes an equal schedule."""
        what = f"learning rate schedule {type(self).__name__} must define get_config(self) to be written down"
        raise UnimplementedError(explain(what))

    @classmethod
    def from_config(cls, config: dict):
        """A schedule from what ``get_config`` answered."""
        return cls(**config)


class FormulaSchedule(LearningRateSchedule):
    """A schedule that is one formula.

    Attributes:
        formula: the lib function; written: the public function of it; arguments: pairs of attribute and argument.
    """

    formula = written = None
    arguments: tuple = ()

    def __call__(self, step):
        return type(self).written(step, **{name: getattr(self, own) for own, name in self.arguments})

    def get_config(self):
        return {**{name: getattr(self, own) for own, name in self.arguments}, "name": self.name}

    @property
    def recipe(self) -> tuple | None:
        """The formula and its numbers as pairs, where it is that and no user's method; None if there are tensors."""
        if type(self).__call__ is not FormulaSchedule.__call__:
            return None
        numbers = [(name, _plain(getattr(self, own))) for own, name in self.arguments]
        return None if any(v is _TENSOR for _, v in numbers) else (type(self).formula, tuple(numbers))

    def _require_positive(self, name: str) -> None:
        value = getattr(self, name)
        if _plain(value) is not _TENSOR and value <= 0:
            raise UsageError(explain(f"{type(self).__name__}: {name} must be > 0, got {value!r}"))


_TENSOR = object()


def _plain(value):
    """A number, bool, None or list of numbers as something hashable; a mark for what else there may be."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        parts = tuple(map(_plain, value))
        return _TENSOR if _TENSOR in parts else parts
    return _TENSOR


def _formula(function, own: str = ""):
    """A decorator: the class evaluates this lib function. ``own``: arguments kept with an underscore before them."""

    def set_up(cls):
        cls.formula = staticmethod(function)
        names = [n for n in function.__code__.co_varnames[: function.__code__.co_argcount] if n != "step"]
        cls.arguments = tuple((f"_{n}" if n in own.split() else n, n) for n in names)
        label = f"optimizers.schedules.{cls.__name__}"
        cls.written = staticmethod(lift(Op(label, cls.__name__, function, "step"), eager))
        return cls

    return set_up


@_formula(lib.exponential_decay)
class ExponentialDecay(FormulaSchedule):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``; the exponent rounded down with ``staircase``.

    Raises:
        UsageError: ``decay_steps`` is not positive.
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name
        self._require_positive("decay_steps")


@_formula(lib.inverse_time_decay)
class InverseTimeDecay(FormulaSchedule):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``; the turns rounded down with ``staircase``.

    Raises:
        UsageError: ``decay_steps`` is not positive.
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name
        self._require_positive("decay_steps")


@_formula(lib.piecewise_constant_decay)
class PiecewiseConstantDecay(FormulaSchedule):
    """``values[k]`` for ``boundaries[k - 1] < step <= boundaries[k]``.

    Raises:
        UsageError: there is not one value more than boundaries.
    """

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            what = f"needs one value more than boundaries, got {len(values)} and {len(boundaries)}"
            raise UsageError(explain(f"PiecewiseConstantDecay: {what}"))
        self.boundaries, self.values, self.name = boundaries, values, name


@_formula(lib.polynomial_decay)
class PolynomialDecay(FormulaSchedule):
    """From the first to ``end_learning_rate`` along a power of the remaining steps; ``cycle``: again and again.

    Raises:
        UsageError: ``decay_steps`` is not positive.
    """

    def __init__(self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False,
                 name="PolynomialDecay"):  # fmt: skip
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name
        self._require_positive("decay_steps")


@_formula(lib.cosine_decay)
class CosineDecay(FormulaSchedule):
    """Half a cosine down to ``alpha`` times the rate, after a straight line up to ``warmup_target`` if there is one.

    Raises:
        UsageError: ``decay_steps`` is not positive.
    """

    def __init__(self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None,
                 warmup_steps=0):  # fmt: skip
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.name, self.warmup_target, self.warmup_steps = name, warmup_target, warmup_steps
        self._require_positive("decay_steps")


@_formula(lib.cosine_decay_restarts, "t_mul m_mul")
class CosineDecayRestarts(FormulaSchedule):
    """Halves of cosines one after the other, each ``t_mul`` as long and ``m_mul`` as high as the one before.

    Raises:
        UsageError: ``first_decay_steps`` is not positive.
    """

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self._t_mul, self._m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name
        self._require_positive("first_decay_steps")


CLASSES = {
    cls.__name__: cls
    for cls in (CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay,
                PolynomialDecay)
}  # fmt: skip


def serialize(learning_rate_schedule) -> dict:
    """A schedule as data."""
    return described(learning_rate_schedule, "keras.optimizers.schedules", CLASSES)


def deserialize(config, custom_objects=None) -> LearningRateSchedule:
    """The schedule that ``serialize`` wrote down.

    Raises:
        UsageError: there is no such class.
    """
    return remade("optimizers.schedules.deserialize", config, CLASSES, custom_objects)
