"""sin, cos and tan, and the inverse functions asin, acos, atan and atan2."""

from __future__ import annotations

import math

from graphc.codegen.scalar.math.polynomial import copy_sign, horner
from graphc.codegen.scalar.math.reduction import reduce_f32, reduce_f64
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import f32

# In z = r^2 for |r| <= pi/4: (sin(r)/r - 1)/z and (cos(r) - 1 + z/2)/z^2, errors relative to sin and cos.
_SIN32 = (-0.166666552, 0.00833218731, -0.000195178975)  # 2^-27.9
_COS32 = (0.0416666456, -0.00138873095, 2.44323273e-05)  # 2^-33.0
_SIN64 = (-0.1666666666666663, 0.00833333333332184, -0.00019841269829358487, 2.755731353848523e-06,
          -2.505073438253935e-08, 1.5895432784148047e-10)  # 2^-57.9
_COS64 = (0.041666666666666595, -0.0013888888888873307, 2.4801587288965233e-05, -2.7557314203080954e-07,
          2.0875703139786453e-09, -1.135861701668855e-11)  # 2^-63.9
# In z = s^2 on [0, 1/4]: (asin(s)/s - 1)/z, error times z.
_ASIN32 = (0.166667536, 0.0749525204, 0.0454760417, 0.0241520889, 0.042211812)  # 2^-27.6
_ASIN64 = (0.16666666666665383, 0.07500000000342927, 0.04464285682354825, 0.03038195932966479, 0.022371753539059985,
           0.017359771150365223, 0.013884595675812727, 0.012173311142766485, 0.006510664513192068,
           0.01957454672698365, -0.0162952521700977, 0.03195988053287585)  # 2^-55.9
# In z = t^2 for |t| <= sqrt(2)-1: (atan(t)/t - 1)/z, error times z.
_ATAN32 = (-0.333333164, 0.199985325, -0.142445102, 0.106001653, -0.0609270707)  # 2^-30.5
_ATAN64 = (-0.333333333333332, 0.19999999999953819, -0.14285714280220532, 0.11111110784675426, -0.09090897792753412,
           0.07692060833301304, -0.06663110969944731, 0.058479385543259724, -0.050395206516404764,
           0.038069881114145734, -0.0179128448267145)  # 2^-59.5
_PI_LOW = {32: -8.742277657347586e-08, 64: 1.2246467991473532e-16}  # pi less its rounding


def _sin_cos(x: Register) -> tuple[Register, Register, Register]:
    """Quadrant, and sin and cos of the reduced |x|."""
    if x.dtype is f32:
        quadrant, r = reduce_f32(abs(x))
        return quadrant, *_sin_cos_f32(r.narrowed())
    quadrant, r, low = reduce_f64(abs(x))
    z = r * r
    half = z * 0.5
    cube = r * z
    # sin(r + low) = r + (r^3 P + low (1 - z/2)) ; cos(r + low) = (1 - z/2) + (its rounding + z^2 P - r low)
    sin = r + cube.fma(horner(z, _SIN64), half.fma(-low, low))
    head = 1 - half
    cos = head + (z * z).fma(horner(z, _COS64), r.fma(-low, (1 - head) - half))
    return quadrant, sin, cos


def _sin_cos_f32(r: Register) -> tuple[Register, Register]:
    """To the accuracy of f32, whatever the type of ``r``."""
    z = r * r
    return (r * z).fma(horner(z, _SIN32), r), (z * z).fma(horner(z, _COS32), z.fma(-0.5, 1.0))


def _quarter(quadrant: Register, even: Register, odd: Register) -> Register:
    """One of two by the parity of the quadrant, negated in the second half turn."""
    chosen = odd.replace((quadrant & 1).eq(0), even)
    turned = (quadrant & 2) << (quadrant.dtype.bits - 2)
    return (chosen.bits() ^ turned).floating()


def _finite(x: Register, result: Register) -> Register:
    """NaN where ``x`` is infinite or NaN."""
    return result.where(abs(x).lt(math.inf), math.nan)


def sin(x: Register) -> Register:
    """1.6 ulp (f32), 0.8 ulp (f64), for every finite argument."""
    quadrant, s, c = _sin_cos(x)
    result = _quarter(quadrant, s, c)
    return _finite(x, (result.bits() ^ (x.bits() & _sign(x))).floating())


def cos(x: Register) -> Register:
    """1.6 ulp (f32), 0.8 ulp (f64), for every finite argument."""
    quadrant, s, c = _sin_cos(x)
    return _finite(x, _quarter(quadrant + 1, s, c))


def tan(x: Register) -> Register:
    """sin / cos, or -cos / sin in odd quadrants; f32 divides in f64. 0.6 ulp (f32), 2 ulp (f64)."""
    if x.dtype is f32:
        quadrant, r = reduce_f32(abs(x))
        s, c = _sin_cos_f32(r)
    else:
        quadrant, s, c = _sin_cos(x)
    odd = (quadrant & 1).ne(0)
    result = s.replace(odd, c) / c.replace(odd, s)
    if x.dtype is f32:
        result = result.narrowed()
    turned = (quadrant << (quadrant.dtype.bits - 1)) ^ (x.bits() & _sign(x))
    return _finite(x, (result.bits() ^ turned).floating())


def _sign(x: Register) -> int:
    return -(1 << (x.dtype.bits - 1))


def _asin_parts(size: Register) -> tuple[Register, Register]:
    """Where ``size <= 1/2``, and asin(size) there, else asin(sqrt((1 - size) / 2))."""
    small = size.le(0.5)
    z = (size * size).where(small, (1 - size) * 0.5)
    s = size.where(small, z.sqrt())
    return small, (s * z).fma(horner(z, _ASIN32 if size.dtype is f32 else _ASIN64), s)


def asin(x: Register) -> Register:
    """2.3 ulp; NaN outside [-1, 1]."""
    small, part = _asin_parts(abs(x))
    low = _PI_LOW[x.dtype.bits] / 2
    far = math.pi / 2 - (part + part - low)
    return copy_sign(part.where(small, far), x)


def acos(x: Register) -> Register:
    """1.2 ulp; NaN outside [-1, 1]."""
    small, part = _asin_parts(abs(x))
    low = _PI_LOW[x.dtype.bits] / 2
    signed = copy_sign(part, x)
    near = math.pi / 2 - (signed - low)
    far = part + part
    far = far.replace(x.lt(0), math.pi - (far - 2 * low))
    return near.where(small, far)


def _atan_ratio(y: Register, x: Register) -> Register:
    """atan(y / x) of non-negative numbers: the ratio is turned by 0, 1/8 or 1/4 of a turn before the one division."""
    steep = y.gt(x * (1 + math.sqrt(2)))
    middle = y.gt(x * (math.sqrt(2) - 1))
    numerator = y.replace(middle, y - x).replace(steep, -x)
    denominator = x.replace(middle, y + x).replace(steep, y)
    t = numerator / denominator
    z = t * t
    low = _PI_LOW[x.dtype.bits]
    base = y.like(math.pi / 4).where(middle, 0.0).replace(steep, math.pi / 2)
    base_low = y.like(low / 4).where(middle, 0.0).replace(steep, low / 2)
    tail = (t * z).fma(horner(z, _ATAN32 if x.dtype is f32 else _ATAN64), base_low)
    return base + (t + tail)


def atan(x: Register) -> Register:
    """1.7 ulp."""
    return copy_sign(_atan_ratio(abs(x), x.like(1.0)), x)


def atan2(y: Register, x: Register) -> Register:
    """The angle of the point (x, y), with C99's results for zeros and infinities. 1.8 ulp."""
    height, width = abs(y), abs(x)
    scale = x.like(0.25).where(height.gt(2.0**100) | width.gt(2.0**100), 1.0)
    both = height.eq(math.inf) & width.eq(math.inf)
    height = (height * scale).replace(both, 1.0)
    width = (width * scale).replace(both, 1.0)
    width = width.replace(height.eq(0) & width.eq(0), 1.0)
    angle = _atan_ratio(height, width)
    low = _PI_LOW[x.dtype.bits]
    angle = angle.replace(x.bits().lt(0), math.pi - (angle - low))
    angle = angle.replace(x.isnan(), x)
    return copy_sign(angle, y)
