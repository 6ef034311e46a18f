"""Special functions on float64 arrays, where NumPy has none: erf, erfinv, lgamma, digamma."""

from __future__ import annotations

import math

import numpy as np


def _lgamma(x: float) -> float:
    if x != x:
        return x
    if math.isinf(x) or (x <= 0 and x == math.floor(x)):
        return math.inf
    try:
        return math.lgamma(x)
    except OverflowError:
        return math.inf


def _each(function):
    return np.vectorize(function, otypes=[np.float64])


erf = _each(math.erf)
erfc = _each(math.erfc)
lgamma = _each(_lgamma)


def _erfinv(x: float) -> float:
    if not -1.0 <= x <= 1.0:
        return math.nan
    if abs(x) == 1.0:
        return math.copysign(math.inf, x)
    if x == 0.0:
        return x
    tail = 1.0 - abs(x)
    w = -math.log(tail * (1.0 + abs(x)))
    c = 2.0 / (math.pi * 0.147) - w / 2.0
    y = math.sqrt(math.sqrt(c * c + w / 0.147) - c)  # Winitzki's formula, two digits; Newton does the rest
    for _ in range(5):
        error = math.erfc(y) - tail if abs(x) > 0.5 else abs(x) - math.erf(y)
        step = error * math.sqrt(math.pi) / 2.0 * math.exp(y * y)
        y += step / (1.0 - y * step)
    return math.copysign(y, x)


erfinv = _each(_erfinv)

_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


def _digamma(x: float) -> float:
    if x != x or x == -math.inf:
        return math.nan
    if x == math.inf:
        return x
    if x == 0.0:
        return math.copysign(math.inf, -x)
    if x < 0.0:
        if x == math.floor(x):
            return math.nan
        fraction = x - math.floor(x)
        return _digamma(1.0 - x) - math.pi / math.tan(math.pi * fraction)
    total = 0.0
    while x < 10.0:
        total -= 1.0 / x
        x += 1.0
    square = 1.0 / (x * x)
    series, power = 0.0, square
    for c in _DIGAMMA:
        series += c * power
        power *= square
    return total + math.log(x) - 0.5 / x - series


digamma = _each(_digamma)
