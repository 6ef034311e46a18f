"""The complement of the error function, its inverse and the quantiles of the normal distribution, as formulas.

Series of Chebyshev polynomials, fitted to values of 40 digits; relative error 1e-15, times x^2 where exp(-x^2) is
small.
"""

from __future__ import annotations

import math

from graphc.prims.dual import Special, absolute, chebyshev, equal, erf, erfinv, exp, log, most, sqrt, where
from graphc.prims import scalar

# (1 + 2x) exp(x^2) erfc(x) in (x - 3.75) / (x + 3.75); w / x for x where erfc(x) = exp(-w^2), in 1 / w.
_SCALED = (
    1.1775789345674017, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189, -0.026658668435305753,
    0.009074997670705265, -0.002413163540417608, 0.0004907758365258086, -6.916973302501207e-05, 4.13902798607301e-06,
    7.74038306619849e-07, -2.1886401049234397e-07, 1.076499946567091e-08, 4.521959811218287e-09,
    -7.754400208831351e-10, -6.318088340886684e-11, 2.86879501093067e-11, 1.9455868545777347e-13,
    -9.65469674843344e-13, 3.2525481481487546e-14, 3.347811948286828e-14, -1.864562880419032e-15,
    -1.2507950530685812e-15, 7.418235256647115e-17, 5.0681489048092295e-17,
)
_TAIL_NEAR = (
    0.7093202312117125, -0.1601085552847781, 0.008898761712287404, 0.0009180422700342585, -0.0003332450650589897,
    5.192719882849377e-05, -5.442863475797171e-06, 4.5000744443682774e-07, -5.3816453139110146e-08,
    1.361502679066834e-08, -3.6132921754141444e-09, 8.192037550953384e-10, -1.700596039374425e-10,
    3.5278090786796203e-11, -7.63773437085341e-12, 1.7140650541481179e-12, -3.8996566974102243e-13,
    8.896138562400493e-14, -2.0377007698969678e-14, 4.710029544332921e-15, -1.1016891425657497e-15,
    2.6068276926678413e-16, -6.229205439486793e-17, 1.5006930597069345e-17,
)
_TAIL_MID = (
    0.9306265349335491, -0.05146475276059505, -0.0025017800053200065, 0.00038688807328594594,
    -3.1202778138685035e-05, 3.057728723365804e-06, -4.3903732490045783e-07, 7.360795860970514e-08,
    -1.3089041929799768e-08, 2.452179699665349e-09, -4.819552150206092e-10, 9.85632474148238e-11,
    -2.081563558921311e-11, 4.512861468697485e-12, -9.999011797302377e-13, 2.256560346661715e-13,
    -5.173710753783613e-14, 1.2026280570605515e-14, -2.8294675995889745e-15, 6.728457198971435e-16,
    -1.615305526742798e-16, 3.911041120665959e-17,
)
_TAIL_FAR = (
    0.9891642413574268, -0.009217113416170769, -0.0008227768988625859, 4.663513435510707e-05, -3.524269175255105e-06,
    4.2269481461542913e-07, -6.345685910940845e-08, 1.0872729503697007e-08, -2.042153593043814e-09,
    4.099609455021299e-10, -8.653772370488192e-11, 1.899846491487659e-11, -4.3046252794201706e-12,
    1.0009454176811747e-12, -2.3784883915892493e-13, 5.75683786923503e-14, -1.4155876805045058e-14,
    3.529053724653023e-15, -8.904592610721858e-16, 2.2708977625958693e-16, -5.846582513327415e-17,
    1.51809794854947e-17,
)


def erfc(x):
    """``1 - erf(x)``, also where that is tiny."""
    size = absolute(x)
    scaled = chebyshev((size - 3.75) / (size + 3.75), _SCALED) / (1.0 + size + size)
    far = where(size > 27.5, 0.0, exp(-(size * size)) * scaled)
    return where(x < 0.5, 1.0 - erf(x), far)


def _tail(w, low: float, high: float, coefficients: tuple):
    first, last = 1 / high, 1 / low
    return w * chebyshev((1.0 / w - first) * (2 / (last - first)) - 1.0, coefficients)


def erfcinv(y):
    """The x with ``erfc(x) = y``; NaN outside [0, 2]."""
    small = where(y > 1.0, 2.0 - y, y)
    w = sqrt(-log(small))
    far = where(w < 2.5, _tail(most(w, 0.8), 0.8, 2.5, _TAIL_NEAR),
                where(w < 8.0, _tail(most(w, 2.5), 2.5, 8.0, _TAIL_MID), _tail(most(w, 8.0), 8.0, 28.0, _TAIL_FAR)))
    far = where(equal(small, 0.0), math.inf, far)
    near = erfinv(1.0 - small)
    size = where(small > 0.5, near, far)
    return where(y > 1.0, -size, size)


def ndtri(p):
    """The x below which a standard normal variable lies with probability ``p``; NaN outside [0, 1]."""
    return -math.sqrt(2) * erfcinv(2.0 * p)


FUNCTIONS = {
    "erfc": Special(erfc, lambda y, x: (scalar.exp(-(x * x)) * (-2 / math.sqrt(math.pi)),)),
    "erfcinv": Special(erfcinv, lambda y, x: (scalar.exp(y * y) * (-math.sqrt(math.pi) / 2),)),
    "ndtri": Special(ndtri, lambda y, x: (scalar.exp(y * y * 0.5) * math.sqrt(2 * math.pi),)),
}
