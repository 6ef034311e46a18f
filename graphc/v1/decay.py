"""Learning rates that change with the number of steps."""

from __future__ import annotations

import math as python_math

from graphc.api.operators import Operators
from graphc.errors import DtypeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops, random
from graphc.v1.control import name_scope
from graphc.v1.mode import executing_eagerly
from graphc.v1.tensor import Tensor

PI = python_math.pi


def _scheduled(function: str, scope: str, name, rate, step, make):
    """``make(rate, number, full)`` in a scope of its own; with eager evaluation a function that computes it anew.

    ``number(x)`` is ``x`` in the dtype of the rate, and ``full`` the name of the result.
    """
    for label, value in (("learning_rate", rate), ("global_step", step)):
        if value is None:
            raise UsageError(explain(f"{function}: {label} is required"))

    def at_once():
        start = ops.cast(rate, rate.dtype if isinstance(rate, Operators) else dt.f32)
        return make(start, lambda x: ops.cast(x, start.dtype), None)

    def schedule() -> Tensor:
        with name_scope(name, scope) as full:
            start = ops.convert_to_tensor(rate)
            return make(start, lambda x: ops.cast(x, start.dtype), full)

    return at_once if executing_eagerly() else schedule()


def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate * decay_rate ** (global_step / decay_steps)``; the exponent rounded down with ``staircase``."""

    def make(rate, number, full):
        turns = number(global_step) / number(decay_steps)
        turns = ops.floor(turns) if staircase else turns
        return ops.multiply(rate, ops.pow(number(decay_rate), turns), name=full)

    return _scheduled("exponential_decay", "ExponentialDecay", name, learning_rate, global_step, make)


def natural_exp_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate * exp(-decay_rate * global_step / decay_steps)``."""
    factor = ops.exp(-ops.convert_to_tensor(decay_rate))
    return exponential_decay(learning_rate, global_step, decay_steps, factor, staircase, name)


def inverse_time_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate / (1 + decay_rate * global_step / decay_steps)``; the turns rounded down with ``staircase``."""

    def make(rate, number, full):
        turns = number(global_step) / number(decay_steps)
        turns = ops.floor(turns) if staircase else turns
        return ops.divide(rate, number(decay_rate) * turns + 1.0, name=full)

    return _scheduled("inverse_time_decay", "InverseTimeDecay", name, learning_rate, global_step, make)


def polynomial_decay(learning_rate, global_step, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False,
                     name=None):  # fmt: skip
    """From ``learning_rate`` to ``end_learning_rate`` along a power of the remaining steps.

    Args:
        cycle: begin again, with more steps each time, instead of staying at the end.
    """

    def make(rate, number, full):
        step, span, last = number(global_step), number(decay_steps), number(end_learning_rate)
        if cycle:
            span = span * ops.maximum(ops.ceil(step / span), 1.0)
        else:
            step = ops.minimum(step, span)
        return ops.add((rate - last) * ops.pow(1.0 - step / span, number(power)), last, name=full)

    return _scheduled("polynomial_decay", "PolynomialDecay", name, learning_rate, global_step, make)


def cosine_decay(learning_rate, global_step, decay_steps, alpha=0.0, name=None):
    """From ``learning_rate`` to ``alpha * learning_rate`` along half a cosine."""

    def make(rate, number, full):
        span, least = number(decay_steps), number(alpha)
        wave = 0.5 * (1.0 + ops.cos(ops.minimum(number(global_step), span) / span * PI))
        return ops.multiply(rate, (1.0 - least) * wave + least, name=full)

    return _scheduled("cosine_decay", "CosineDecay", name, learning_rate, global_step, make)


def cosine_decay_restarts(learning_rate, global_step, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name=None):
    """Halves of cosines one after the other, each ``t_mul`` as long and ``m_mul`` as high as the one before."""

    def make(rate, number, full):
        done, longer, least = number(global_step) / number(first_decay_steps), number(t_mul), number(alpha)
        is_even = ops.equal(longer, 1.0)
        base = ops.where_v2(is_even, ops.ones_like(longer) * 2.0, longer)  # the other way stays finite, too
        grown = ops.floor(ops.log(1.0 - done * (1.0 - base)) / ops.log(base))
        before = (1.0 - ops.pow(base, grown)) / (1.0 - base)
        turns = ops.where_v2(is_even, ops.floor(done), grown)
        part = ops.where_v2(is_even, done - ops.floor(done), (done - before) / ops.pow(base, grown))
        wave = 0.5 * ops.pow(number(m_mul), turns) * (1.0 + ops.cos(part * PI))
        return ops.multiply(rate, (1.0 - least) * wave + least, name=full)

    return _scheduled("cosine_decay_restarts", "SGDRDecay", name, learning_rate, global_step, make)


def linear_cosine_decay(learning_rate, global_step, decay_steps, num_periods=0.5, alpha=0.0, beta=0.001, name=None):
    """``learning_rate * ((alpha + remaining) * wave + beta)`` with ``num_periods`` waves over the steps."""

    def make(rate, number, full):
        rest, wave = _waves(number, global_step, decay_steps, num_periods)
        return ops.multiply(rate, (number(alpha) + rest) * wave + number(beta), name=full)

    return _scheduled("linear_cosine_decay", "LinearCosineDecay", name, learning_rate, global_step, make)


def noisy_linear_cosine_decay(learning_rate, global_step, decay_steps, initial_variance=1.0, variance_decay=0.55,
                              num_periods=0.5, alpha=0.0, beta=0.001, name=None):  # fmt: skip
    """As ``linear_cosine_decay``, with normal noise of variance ``initial_variance / (1 + step) ** variance_decay``."""

    def make(rate, number, full):
        rest, wave = _waves(number, global_step, decay_steps, num_periods)
        step = ops.minimum(number(global_step), number(decay_steps))
        variance = number(initial_variance) / ops.pow(1.0 + step, number(variance_decay))
        noise = random.random_normal([], dtype=rate.dtype) * ops.sqrt(variance)
        return ops.multiply(rate, (number(alpha) + rest + noise) * wave + number(beta), name=full)

    scope = "NoisyLinearCosineDecay"
    return _scheduled("noisy_linear_cosine_decay", scope, name, learning_rate, global_step, make)


def _waves(number, global_step, decay_steps, num_periods) -> tuple[Tensor, Tensor]:
    """The part of the steps that remains, and the height of the wave."""
    span = number(decay_steps)
    done = ops.minimum(number(global_step), span) / span
    return 1.0 - done, 0.5 * (1.0 + ops.cos(2.0 * number(num_periods) * done * PI))


def piecewise_constant(x, boundaries, values, name=None):
    """``values[k]`` for ``boundaries[k - 1] < x <= boundaries[k]``.

    Raises:
        UsageError: there is not one value more than boundaries.
        DtypeError: the boundaries have not the dtype of ``x``, or the values have several dtypes.
    """
    boundaries, values = list(boundaries), list(values)
    if not boundaries or len(values) != len(boundaries) + 1:
        what = f"piecewise_constant: needs one value more than boundaries, got {len(values)} and {len(boundaries)}"
        raise UsageError(explain(what))

    def make(step, number, full):
        bounds = [_bound(ops.convert_to_tensor(b), step.dtype) for b in boundaries]
        rates = [ops.convert_to_tensor(v) for v in values]
        for v in rates[1:]:
            if v.dtype is not rates[0].dtype:
                what = "piecewise_constant: values must have elements all with the same dtype"
                raise DtypeError(explain(f"{what} ({rates[0].dtype.name} vs {v.dtype.name})"))
        rate = rates[-1]
        for bound, value in zip(reversed(bounds), reversed(rates[:-1])):
            rate = ops.where_v2(ops.less_equal(step, bound), value, rate)
        return ops.identity(rate, name=full)

    return _scheduled("piecewise_constant", "PiecewiseConstant", name, x, x, make)


def _bound(bound: Tensor, dtype) -> Tensor:
    if bound.dtype is dtype:
        return bound
    if bound.dtype is dt.i32 and dtype is dt.i64:
        return ops.cast(bound, dtype)
    what = f"piecewise_constant: boundaries ({bound.dtype.name}) must have the same dtype as x ({dtype.name})"
    raise DtypeError(explain(what))
