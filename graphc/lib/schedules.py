"""Learning rates as functions of the number of steps, for the schedules of TensorFlow 2."""

from __future__ import annotations

import math as python_math

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.promote import as_node

add, sub, mul, div = math.add, math.subtract, math.multiply, math.divide


def _start(rate, step) -> tuple:
    """The first rate, and what makes a number of its dtype."""
    rate = rate if isinstance(rate, Node) else as_node(rate, dt.f32)

    def number(x) -> Node:
        return math.cast(x if isinstance(x, Node) else as_node(x, rate.dtype), rate.dtype)

    return rate, number(as_node(step)), number


def _turns(step, decay_steps, staircase: bool, number) -> Node:
    turns = div(step, number(decay_steps))
    return math.floor(turns) if staircase else turns


def exponential_decay(step, initial_learning_rate, decay_steps, decay_rate, staircase=False) -> Node:
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``."""
    rate, step, number = _start(initial_learning_rate, step)
    return mul(rate, math.pow(number(decay_rate), _turns(step, decay_steps, staircase, number)))


def inverse_time_decay(step, initial_learning_rate, decay_steps, decay_rate, staircase=False) -> Node:
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``."""
    rate, step, number = _start(initial_learning_rate, step)
    return div(rate, add(1, mul(number(decay_rate), _turns(step, decay_steps, staircase, number))))


def polynomial_decay(step, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0,
                     cycle=False) -> Node:  # fmt: skip
    """From the first rate to the last along a power of the remaining steps; ``cycle``: again and again."""
    rate, step, number = _start(initial_learning_rate, step)
    last, span = number(end_learning_rate), number(decay_steps)
    if cycle:
        span = mul(span, math.maximum(math.ceil(div(step, span)), 1))
    else:
        step = math.minimum(step, span)
    return add(mul(sub(rate, last), math.pow(sub(1, div(step, span)), number(power))), last)


def piecewise_constant_decay(step, boundaries, values) -> Node:
    """``values[k]`` for ``boundaries[k - 1] < step <= boundaries[k]``."""
    step = as_node(step)
    values = [v if isinstance(v, Node) else as_node(v, dt.f32) for v in values]
    rate = values[-1]
    for bound, value in zip(reversed(boundaries), reversed(values[:-1])):
        rate = math.where(math.less_equal(step, math.cast(as_node(bound), step.dtype)), value, rate)
    return rate


def cosine_decay(step, initial_learning_rate, decay_steps, alpha=0.0, warmup_target=None, warmup_steps=0) -> Node:
    """Half a cosine down to ``alpha`` times the rate, after a straight line up to ``warmup_target`` if there is one."""
    rate, step, number = _start(initial_learning_rate, step)
    span = number(decay_steps)
    if warmup_target is None:
        return _along_cosine(div(math.minimum(step, span), span), rate, alpha)
    top, before = number(warmup_target), number(warmup_steps)
    rising = add(mul(sub(top, rate), div(step, math.maximum(before, 1))), rate)
    falling = _along_cosine(div(sub(math.minimum(step, add(span, before)), before), span), top, alpha)
    return math.where(math.less(step, before), rising, falling)


def _along_cosine(done: Node, rate: Node, alpha, height=1.0) -> Node:
    wave = mul(mul(height, 0.5) if isinstance(height, Node) else 0.5, add(1, math.cos(mul(done, python_math.pi))))
    return mul(rate, add(mul(sub(1, alpha) if isinstance(alpha, Node) else 1 - alpha, wave), alpha))


def cosine_decay_restarts(step, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0) -> Node:
    """Halves of cosines one after the other, each ``t_mul`` as long and ``m_mul`` as high as the one before."""
    rate, step, number = _start(initial_learning_rate, step)
    done, longer = div(step, number(first_decay_steps)), number(t_mul)
    is_even = math.equal(longer, 1)
    base = math.where(is_even, add(longer, 1), longer)  # the other way stays finite, too
    grown = math.floor(div(math.log(sub(1, mul(done, sub(1, base)))), math.log(base)))
    before = div(sub(1, math.pow(base, grown)), sub(1, base))
    turns = math.where(is_even, math.floor(done), grown)
    part = math.where(is_even, sub(done, math.floor(done)), div(sub(done, before), math.pow(base, grown)))
    return _along_cosine(part, rate, alpha, math.pow(number(m_mul), turns))
