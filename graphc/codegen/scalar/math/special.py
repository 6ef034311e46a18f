"""erf, erfinv, lgamma and digamma; all but erf of f32 compute in f64."""

from __future__ import annotations

import math

from graphc.codegen.scalar.math.exponential import exp, format_of, reduce
from graphc.codegen.scalar.math.logarithm import log
from graphc.codegen.scalar.math.polynomial import copy_sign, horner
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import f32

# erf(x)/x - 1 in z = x^2 on [0, 1], error relative to erf(x)/x.
_ERF32 = (0.128379166, -0.37612626, 0.112835787, -0.0268533472, 0.0051871622, -0.00079978531,
          7.80690316e-05)  # degree 6: 2^-29.4
_ERF64 = (0.1283791670955126, -0.376126389031841, 0.11283791670971098, -0.026866170648031096, 0.005223977652691271,
          -0.0008548328535665819, 0.00012055386186185856, -1.492688123381567e-05, 1.648105427926638e-06,
          -1.6557071928965134e-07, 1.6012785005162706e-08, -1.6462832742988542e-09,
          1.434002745141678e-10)  # degree 12: 2^-56.1
# -log(1 - erf(a)) in a on [1, 4], error of erf relative to itself: degree 6, 2^-29.8.
_ERF32_FAR = (0.000341576204, 1.12708902, 0.63814503, 0.103106655, -0.0218380559, 0.00294766901, -0.000186382022)
# exp(a^2) (1 - erf(a)) in t = (a - 2)/(a + 2) for a on [0.99, 6.2], relative error 2^-54.2.
_ERFCX = (0.25539567631050575, -0.4271858474139585, 0.2416581942424643, -0.07897858101570616, 0.003732892404589133,
          0.0069974617368054656, -0.0008471432618382568, -0.0009819769280244406, 4.355577950638327e-05,
          0.00017435908706445332, 2.752509973738726e-05, -2.7556819646293486e-05, -1.3988546918065693e-05,
          1.2702395230847556e-06, 4.007199404440887e-06, 1.3626158304417973e-06, -1.2054527099638655e-06)
# erfinv(x)/x in w = -log(1 - x^2) on [0, 6.25] (relative error 2^-21.3), and in sqrt(w) on [2.5, 6.13] (2^-20.1).
_ERFINV = (0.8862265881548085, 0.23202412056708951, 0.011497571019031948, -0.002238692125159571,
           -0.00021589188028579766, 9.00670527547056e-05, -9.691299803411215e-06, 4.105178918934011e-07,
           -3.3518334749056248e-09)
_ERFINV_FAR = (2.595589797635939, -3.8684737752239093, 3.7624997660945008, -1.665590943947231, 0.4609589852298363,
               -0.0814433221412031, 0.008955794918050207, -0.000559819378775641, 1.5220902409112081e-05)
# sin(pi f)/f in z = f^2 on [0, 1/4], relative error 2^-54.5.
_SIN_PI = (3.141592653589793, -5.16771278004991, 2.5501640398724654, -0.5992645291688674, 0.08214588427343242,
           -0.007370411292825466, 0.0004662106112305265, -2.1687294477960172e-05, 5.564784991990787e-07)
# The remainders of Stirling's series in v = 1/z^2 on [0, 1/49]: of lgamma times z (error / z 2^-56.2), and of digamma
# times z^2 (error / z^2 2^-56.3).
_LGAMMA = (0.08333333333333226, -0.0027777777762861004, 0.0007936502000392931, -0.0005951363412668762,
           0.0008331754757296358, -0.0015602887028540167)
_DIGAMMA = (0.08333333333329902, -0.008333333300174522, 0.003968243266720149, -0.004165068662003517,
            0.007453436933358838, -0.016320254783771762)
_SHIFT = 7  # the series start at this argument


def in_f64(kernel):
    """The kernel for both float types, f32 by way of f64."""
    return lambda x: kernel(x.widened()).narrowed() if x.dtype is f32 else kernel(x)


def erf(x: Register) -> Register:
    """0.9 ulp (f32), 3 ulp (f64)."""
    size = abs(x)
    if x.dtype is f32:
        far = _erf32_far(size.at_most(4.0))
    else:
        bounded = size.at_most(6.2)
        far = 1 - exp(-(bounded * bounded)) * _scaled_complement(bounded)
    near = size.fma(horner(size * size, _ERF32 if x.dtype is f32 else _ERF64), size)
    return copy_sign(near.where(size.lt(1), far), x)


def _erf32_far(size: Register) -> Register:
    """1 - exp(-g)."""
    form = format_of(size.dtype)
    bits, tail = reduce(horner(size, _ERF32_FAR), form.bias, -1.0)
    power = (bits << form.fraction).floating()
    return (-power).fma(tail, 1 - power)


def _scaled_complement(size: Register) -> Register:
    """exp(a^2) (1 - erf(a)) for a in [1, 6.2]."""
    return horner((size - 2) / (size + 2), _ERFCX)


def _erfinv(x: Register) -> Register:
    """A polynomial start and one step of Halley's method on erf or, beyond 1, on its complement."""
    size = abs(x)
    w = -log((1 - size) * (1 + size))
    root = w.sqrt()
    y = size * horner(w, _ERFINV).where(w.lt(6.25), horner(root, _ERFINV_FAR))
    growth = exp(y * y)
    near = (y.fma(horner(y * y, _ERF64), y) - size) * growth
    far = (1 - size).fma(growth, -_scaled_complement(y))
    step = near.where(y.lt(1), far) * (math.sqrt(math.pi) / 2)
    y = y - step / y.fma(step, 1.0)
    return copy_sign(y.replace(size.eq(1), math.inf), x)


def _sin_pi(f: Register) -> Register:
    """sin(pi f) for |f| <= 1/2."""
    return f * horner(f * f, _SIN_PI)


def _lgamma(x: Register) -> Register:
    """Stirling's series at 7 and more, reached by x (x+1) ... (x+6); reflection below 0.

    The absolute error is 3e-15 near the zeros at 1 and 2.
    """
    size = abs(x)
    small = size.lt(_SHIFT)
    rising = size + 1
    for k in range(2, _SHIFT):
        rising = rising * (size + k)
    z = size.replace(small, size + _SHIFT)
    v = 1 / z
    series = (z - 0.5).fma(log(z) - 1, v.fma(horner(v * v, _LGAMMA), 0.5 * math.log(2 * math.pi) - 0.5))
    negative = x.lt(0)
    factor = rising.where(small, 1.0)
    # Gamma(-a) = -pi / (a sin(pi a) Gamma(a)); what divides or multiplies Gamma goes into one logarithm.
    sine = abs(_sin_pi(size - size.rounded()))
    numerator = (factor * math.pi).where(negative, factor.replace(small, factor * size))
    denominator = (sine.replace(~small, sine * size)).where(negative, 1.0)
    shift = log(numerator / denominator)
    result = (shift - series).where(negative, series - shift)
    return result.replace(size.eq(math.inf), math.inf)


def _digamma(x: Register) -> Register:
    """log z - 1/(2z) - series at 7 and more, less the sum of 1/(x+k); reflection below 0, NaN at negative integers."""
    negative = x.lt(0)
    y = x.replace(negative, 1 - x)
    small = y.lt(_SHIFT)
    top, bottom = y.like(1.0), y
    for k in range(1, _SHIFT):
        top = top.fma(y + k, bottom)
        bottom = bottom * (y + k)
    z = y.replace(small, y + _SHIFT)
    v = 1 / z
    square = v * v
    result = log(z) - (v * 0.5 + square * horner(square, _DIGAMMA))
    result = result - (top / bottom).where(small, 0.0)
    f = x - x.rounded()
    cotangent = _sin_pi(0.5 - abs(f)) / _sin_pi(f)
    reflected = result - cotangent * math.pi
    result = result.replace(negative, reflected)
    return result.replace(negative & f.eq(0), math.nan)


erfinv = in_f64(_erfinv)
lgamma = in_f64(_lgamma)
digamma = in_f64(_digamma)
