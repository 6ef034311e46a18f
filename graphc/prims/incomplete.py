"""The incomplete gamma and beta functions, as formulas.

A power series where x is below a, a continued fraction where it is above, and Temme's expansion where both are large
and near each other; the numbers of terms are fixed, so that every element takes the same steps.
"""

from __future__ import annotations

import math

from graphc.prims import errorfunction, scalar
from graphc.prims.dual import (
    Special, absolute, both, digamma, equal, exp, least, lgamma, log, log1p, most, polynomial, special, sqrt, where,
)  # fmt: skip

_SERIES_TERMS, _FRACTION_TERMS, _BETA_TERMS = 100, 80, 120
_TEMME_FROM, _TEMME_WIDTH = 20.0, 0.3
# Of log Gamma(a) - (a - 1/2) log a + a - log(2 pi) / 2, in 1 / a^2, times a.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
# Temme's expansion: powers of eta for each power of 1 / a; and (lambda - 1) / eta in powers of eta.
_TEMME = (
    (
        -0.3333333333333333, 0.08333333333333333, -0.014814814814814815, 0.0011574074074074073,
        0.0003527336860670194, -0.0001787551440329218, 3.919263178522438e-05, -2.185448510679992e-06,
        -1.85406221071516e-06, 8.296711340953087e-07, -1.7665952736826078e-07, 6.707853543401498e-09,
        1.0261809784240309e-08, -4.382036018453353e-09, 9.14769958223679e-10, -2.5514193994946248e-11,
        -5.830772132550426e-11,
    ),
    (
        -0.001851851851851852, -0.003472222222222222, 0.0026455026455026454, -0.0009902263374485596,
        0.00020576131687242798, -4.018775720164609e-07, -1.8098550334489977e-05, 7.64916091608111e-06,
        -1.6120900894563446e-06, 4.647127802807434e-09, 1.378633446915721e-07, -5.752545603517705e-08,
        1.1951628599778148e-08, -1.7543241719747647e-11, -1.0091543710600413e-09, 4.162792991842583e-10,
    ),
    (
        0.004133597883597883, -0.0026813271604938273, 0.0007716049382716049, 2.0093878600823047e-06,
        -0.0001073665322636516, 5.2923448829120125e-05, -1.2760635188618728e-05, 3.423578734096138e-08,
        1.3721957309062934e-06, -6.298992138380055e-07, 1.4280614206064242e-07, -2.0477098421990866e-10,
        -1.409252991086752e-08, 6.228974084922022e-09,
    ),
    (
        0.0006494341563786008, 0.00022947209362139917, -0.0004691894943952557, 0.00026772063206283885,
        -7.561801671883977e-05, -2.396505113867297e-07, 1.1082654115347302e-05, -5.6749528269915965e-06,
        1.4230900732435883e-06, -2.7861080291528143e-11, -1.6958404091930278e-07, 8.099464905388083e-08,
        -1.9111168485973655e-08,
    ),
    (
        -0.0008618882909167117, 0.0007840392217200666, -0.0002990724803031902, -1.4638452578843418e-06,
        6.641498215465122e-05, -3.968365047179435e-05, 1.1375726970678419e-05, 2.507497226237533e-10,
        -1.6954149536558305e-06, 8.907507532205309e-07, -2.292934834000805e-07,
    ),
    (
        -0.00033679855336635813, -6.972813758365857e-05, 0.0002772753244959392, -0.00019932570516188847,
        6.797780477937208e-05, 1.419062920643967e-07, -1.3594048189768693e-05, 8.018470256334202e-06,
        -2.291481176508095e-06, -3.252473551298454e-10, 3.4652846491085265e-07,
    ),
    (
        0.0005313079364639922, -0.0005921664373536939, 0.0002708782096718045, 7.902353232660328e-07,
        -8.153969367561969e-05, 5.61168275310625e-05, -1.8329116582843375e-05, -3.0796134506033047e-09,
        3.465155368803609e-06, -2.0291327396058603e-06,
    ),
    (
        0.00034436760689237765, 5.171790908260592e-05, -0.00033493161081142234, 0.0002812695154763237,
        -0.00010976582244684731, -1.2741009095484485e-07, 2.7744451511563645e-05, -1.8263488805711332e-05,
    ),
    (
        -0.0006526239185953094, 0.0008394987206720873, -0.000438297098541721, -6.969091458420552e-07,
        0.00016644846642067547, -0.00012783517679769218, 4.629953263691304e-05,
    ),
    (
        -0.0005967612901927463, -7.204895416020011e-05, 0.0006782308837667328, -0.0006401475260262758,
        0.00027750107634328704,
    ),
    (
        0.0013324454494800656, -0.0019144384985654776, 0.0011089369134596636,
    ),
)
_RATIO = (
    1.0, 0.3333333333333333, 0.027777777777777776, -0.003703703703703704, 0.0002314814814814815,
    5.878894767783657e-05, -2.553644914756026e-05, 4.899078973153047e-06, -2.428276122977769e-07,
    -1.85406221071516e-07, 7.542464855411896e-08, -1.47216272806884e-08, 5.159887341078076e-10, 7.32986413160022e-10,
    -2.921357345635569e-10, 5.717312238897994e-11,
)


def _stirling(a):
    return polynomial(1.0 / (a * a), _STIRLING) / a


def _log_ratio(x, a):
    """log(x / a), also where both are near."""
    gap = (x - a) / a
    return where(absolute(gap) < 0.5, log1p(gap), log(x / a))


def _density(a, x):
    """``x^a exp(-x) / Gamma(a + 1)``."""
    large = exp(a * _log_ratio(x, a) - (x - a) - _stirling(a)) / sqrt(a * (2 * math.pi))
    small = exp(a * log(x) - x - lgamma(a + 1.0))
    return where(a < 10.0, small, large)


def _series(a, x):
    """The sum of ``x^n / ((a + 1) ... (a + n))`` and its slope in a."""
    total, slope = 1.0, 0.0
    for n in range(_SERIES_TERMS, 0, -1):
        inverse = 1.0 / (a + float(n))
        factor = x * inverse
        slope = factor * (slope - total * inverse)
        total = factor * total + 1.0
    return total, slope


def _fraction(a, x):
    """The continued fraction f with Gamma(a, x) = x^a exp(-x) / f, and its slope in a."""
    total, slope = x + (2 * _FRACTION_TERMS + 1.0) - a, -1.0
    for k in range(_FRACTION_TERMS, 0, -1):
        weight, inverse = k * (k - a), 1.0 / total
        slope = -1.0 + k * inverse + weight * (slope * inverse * inverse)
        total = x + (2.0 * k - 1.0) - a - weight * inverse
    return total, slope


def _temme(a, x):
    """P, Q and the slope of P in a, for a and x large and near each other."""
    gap = (x - a) / a
    half_square = most(gap - log1p(least(most(gap, -0.4), 0.4)), 0.0)
    eta = sqrt(half_square + half_square)
    eta = least(where(gap < 0.0, -eta, eta), 0.4)
    rows = [polynomial(eta, row) for row in _TEMME]
    slopes = [polynomial(eta, tuple([k * c for k, c in enumerate(row)][1:])) for row in _TEMME]
    inverse = 1.0 / a
    total, by_eta, by_a = rows[-1], slopes[-1], rows[-1] * (1.0 - len(rows))
    for k in range(len(rows) - 2, -1, -1):
        total = total * inverse + rows[k]
        by_eta = by_eta * inverse + slopes[k]
        by_a = by_a * inverse - float(k) * rows[k]
    front = exp(-a * half_square) / sqrt(a * (2 * math.pi))
    rest, root = front * total, eta * sqrt(a * 0.5)
    eta_slope = -polynomial(eta, _RATIO) * inverse
    rest_slope = front * (by_eta * eta_slope + by_a * inverse)
    rest_slope = rest_slope - rest * (half_square + a * eta * eta_slope + 0.5 * inverse)
    root_slope = eta_slope * sqrt(a * 0.5) + root * (0.5 * inverse)
    p_slope = exp(-a * half_square) * root_slope * (1 / math.sqrt(math.pi)) - rest_slope
    return errorfunction.erfc(-root) * 0.5 - rest, errorfunction.erfc(root) * 0.5 + rest, p_slope


def _gamma_parts(a, x):
    """P, Q and the slope of P in a."""
    near = both(a > _TEMME_FROM, absolute(x - a) < a * _TEMME_WIDTH)
    below = x < a + 1.0
    front = _density(a, x)
    front_slope = log(x) - digamma(a + 1.0)
    series, series_slope = _series(a, x)
    fraction, fraction_slope = _fraction(a, x)
    lower, upper = front * series, front * a / fraction
    lower_slope = front * (series_slope + series * front_slope)
    upper_slope = upper * (front_slope + 1.0 / a - fraction_slope / fraction)
    p, q, slope = _temme(a, x)
    p = where(near, p, where(below, lower, 1.0 - upper))
    q = where(near, q, where(below, 1.0 - lower, upper))
    return p, q, where(near, slope, where(below, lower_slope, -upper_slope))


def _ends(value, a, x, none: float, all_: float):
    """The value with its limits: ``none`` where x is 0 or a infinite, ``all_`` where x is infinite; NaN outside."""
    value = where(equal(x, math.inf), all_, value)
    value = where(equal(x, 0.0), none, value)
    value = where(equal(a, math.inf), none, value)
    return where(both(a > 0.0, x >= 0.0), value, math.nan)


def igamma(a, x):
    """The part of Gamma(a) below x."""
    return _ends(_gamma_parts(a, x)[0], a, x, 0.0, 1.0)


def igammac(a, x):
    """The part of Gamma(a) above x."""
    return _ends(_gamma_parts(a, x)[1], a, x, 1.0, 0.0)


def igamma_slope(a, x):
    """The slope of ``igamma`` in a."""
    return _ends(_gamma_parts(a, x)[2], a, x, 0.0, 0.0)


# ------------------------------------------------------------------------------------------------- beta


def _beta_front(a, b, x):
    """``x^a (1 - x)^b / B(a, b)``."""
    total = a + b
    direct = a * log(x) + b * log1p(-x) + lgamma(total) - lgamma(a) - lgamma(b)
    gap = x * total - a
    apart = a * _log_near(gap / a, x * total / a) + b * _log_near(-gap / b, (1.0 - x) * total / b)
    apart = apart + _stirling(total) - _stirling(a) - _stirling(b)
    scaled = exp(apart) * sqrt(a * b / (total * (2 * math.pi)))
    return where(least_of(a, b) < 10.0, exp(direct), scaled)


def _log_near(gap, ratio):
    return where(absolute(gap) < 0.5, log1p(gap), log(ratio))


def least_of(a, b):
    """The smaller one."""
    return where(a < b, a, b)


def _beta_fraction(a, b, x):
    """The continued fraction f with I(a, b, x) = front / (a f), from the last of its terms."""
    total = 1.0
    for m in range(_BETA_TERMS, 0, -1):
        even = a + 2.0 * m
        up = (m * (b - m)) * x / ((even - 1.0) * even)
        down = (a + m) * (a + b + m) * x / (even * (even + 1.0))
        total = 1.0 + up / (1.0 - down / total)
    return 1.0 - (a + b) * x / ((a + 1.0) * total)


def betainc(a, b, x):
    """The regularised incomplete beta function; NaN outside of a, b > 0 and 0 <= x <= 1."""
    turned = x * (a + b + 2.0) > a + 1.0
    first, second = where(turned, b, a), where(turned, a, b)
    part = where(turned, 1.0 - x, x)
    value = _beta_front(first, second, part) / (first * _beta_fraction(first, second, part))
    value = where(turned, 1.0 - value, value)
    value = where(equal(x, 0.0), 0.0, where(equal(x, 1.0), 1.0, value))
    value = where(both(x >= 0.0, x <= 1.0), value, math.nan)
    return where(both(both(a > 0.0, b > 0.0), a + b < math.inf), value, math.nan)


def _gamma_density(a, x):
    """The slope of ``igamma`` in x."""
    return scalar.exp((a - 1) * scalar.log(x) - x - scalar.lgamma(a))


def _beta_density(a, b, x):
    norm = scalar.lgamma(a + b) - scalar.lgamma(a) - scalar.lgamma(b)
    return scalar.exp((a - 1) * scalar.log(x) + (b - 1) * scalar.log1p(-x) + norm)


def _unknown(x):
    return x * 0.0 + math.nan


FUNCTIONS = {
    "igamma": Special(igamma, lambda y, a, x: (special("igamma_slope", a, x), _gamma_density(a, x))),
    "igammac": Special(igammac, lambda y, a, x: (-special("igamma_slope", a, x), -_gamma_density(a, x))),
    # The second derivative in a is not known here: NaN rather than a wrong number.
    "igamma_slope": Special(igamma_slope, lambda y, a, x: (
        _unknown(a), _gamma_density(a, x) * (scalar.log(x) - scalar.digamma(a)))),
    "betainc": Special(betainc, lambda y, a, b, x: (None, None, _beta_density(a, b, x))),
}  # fmt: skip
