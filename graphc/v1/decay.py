"""Learning rates that change with the number of steps."""

from __future__ import annotations

import math as python_math

from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.api.operators import Operators


def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate * decay_rate ** (step / decay_steps)``."""
    turns = ops.cast(global_step, dt.f32) / float(decay_steps)
    turns = ops.floor(turns) if staircase else turns
    return ops.multiply(learning_rate, ops.pow(float(decay_rate), turns), name=name or "ExponentialDecay")


def natural_exp_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate * exp(-decay_rate * step / decay_steps)``."""
    turns = ops.cast(global_step, dt.f32) / float(decay_steps)
    turns = ops.floor(turns) if staircase else turns
    return ops.multiply(learning_rate, ops.exp(turns * -float(decay_rate)), name=name or "NaturalExpDecay")


def inverse_time_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate / (1 + decay_rate * step / decay_steps)``."""
    turns = ops.cast(global_step, dt.f32) / float(decay_steps)
    turns = ops.floor(turns) if staircase else turns
    return ops.divide(learning_rate, turns * float(decay_rate) + 1.0, name=name or "InverseTimeDecay")


def polynomial_decay(
    learning_rate, global_step, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name=None
):
    """From ``learning_rate`` to ``end_learning_rate`` along a power of the remaining steps."""
    step = ops.cast(global_step, dt.f32)
    span = ops.constant(float(decay_steps))
    if cycle:
        span = span * ops.maximum(ops.ceil(step / span), 1.0)
    rest = 1.0 - ops.minimum(step / span, 1.0)
    scaled = (learning_rate - end_learning_rate) * ops.pow(rest, float(power))
    return ops.add(scaled, end_learning_rate, name=name or "PolynomialDecay")


def cosine_decay(learning_rate, global_step, decay_steps, alpha=0.0, name=None):
    """From ``learning_rate`` to ``alpha * learning_rate`` along half a cosine."""
    part = ops.minimum(ops.cast(global_step, dt.f32) / float(decay_steps), 1.0)
    wave = 0.5 * (1.0 + ops.cos(part * python_math.pi))
    return ops.multiply(learning_rate, wave * (1.0 - alpha) + alpha, name=name or "CosineDecay")


def piecewise_constant(x, boundaries, values, name=None):
    """``values[k]`` between the boundaries ``k - 1`` and ``k``."""
    if not values or len(values) != len(boundaries) + 1:
        what = f"piecewise_constant: needs one value more than boundaries, got {len(values)} and {len(boundaries)}"
        raise UsageError(explain(what))
    if isinstance(x, Operators):
        boundaries = [ops.cast(b, x.dtype) if isinstance(b, Operators) else b for b in boundaries]
    rate = ops.constant(values[-1])
    for bound, value in zip(reversed(boundaries), reversed(values[:-1])):
        rate = ops.where_v2(ops.less_equal(x, bound), value, rate)
    return ops.identity(rate, name=name or "PiecewiseConstant")
