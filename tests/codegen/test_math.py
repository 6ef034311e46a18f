"""Accuracy, special values and reproducibility of the inline math kernels, against extended precision."""

from __future__ import annotations

import itertools
import math
from functools import cache

import ml_dtypes
import numpy as np
import pytest

from graphc.codegen.llvm.instructions import Instructions, Value
from graphc.codegen.scalar.math.table import MATH
from graphc.ir import dtype as dtypes
from graphc.ir.target import X86_64
from tests.codegen.jit import evaluate
from tests.machine_code import host_targets

HOST = host_targets()
WITH_FMA = [t for t in HOST if t.fma]
LONG = np.longdouble
EXTENDED = np.finfo(LONG).nmant > 52
F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
INF, NAN = math.inf, math.nan
COUNT = 6000
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def exact_sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_element(function):
    """A function of Python floats on arrays."""
    return np.vectorize(function, otypes=[np.float64])


def lgamma(x):
    if x == -INF or x <= 0 and x == int(x):
        return INF
    return math.lgamma(x)


def digamma(x):
    """Recurrence up to 20, Stirling's series, reflection."""
    if x < 0:
        return digamma(1 - x) - math.pi / math.tan(math.pi * (x - round(x)))
    total = 0.0
    while x < 20:
        total -= 1 / x
        x += 1
    v = 1 / (x * x)
    return total + math.log(x) - 0.5 / x - v * (1 / 12 - v * (1 / 120 - v * (1 / 252 - v * (1 / 240 - v / 132))))


# name: reference, domain and allowed ulps of f32, domain and allowed ulps of f64
ELEMENTARY = {
    "exp": (np.exp, (-110, 95), 1.2, (-750, 715), 1.2),
    "expm1": (np.expm1, (-30, 95), 2, (-50, 715), 2),
    "sigmoid": (exact_sigmoid, (-110, 110), 2, (-750, 750), 2.2),
    "tanh": (np.tanh, (-12, 12), 2, (-25, 25), 2.2),
    "sinh": (np.sinh, (-92, 92), 2.5, (-712, 712), 2.5),
    "cosh": (np.cosh, (-92, 92), 2, (-712, 712), 2),
    "log": (np.log, (0, 3e38), 1, (0, 1e308), 1),
    "log1p": (np.log1p, (-1, 3e38), 1.6, (-1, 1e308), 1.6),
    "asinh": (np.arcsinh, (-3e38, 3e38), 2, (-1e308, 1e308), 2),
    "acosh": (np.arccosh, (1, 3e38), 2.5, (1, 1e308), 2.5),
    "atanh": (np.arctanh, (-1, 1), 2.5, (-1, 1), 2.5),
    "sin": (np.sin, (-1e5, 1e5), 1.7, (-1e5, 1e5), 1),
    "cos": (np.cos, (-1e5, 1e5), 1.7, (-1e5, 1e5), 1),
    "tan": (np.tan, (-1e5, 1e5), 0.7, (-1e5, 1e5), 2.2),
    "asin": (np.arcsin, (-1, 1), 2.5, (-1, 1), 2.5),
    "acos": (np.arccos, (-1, 1), 1.5, (-1, 1), 1.5),
    "atan": (np.arctan, (-1e5, 1e5), 2, (-1e5, 1e5), 2),
}
# name: reference in float64, domain, allowed ulps of f32, allowed relative error of f64, where to measure
SPECIAL = {
    "erf": (by_element(math.erf), (-6.5, 6.5), 1.5, 2e-15, lambda x: np.full(x.shape, True)),
    "lgamma": (by_element(lgamma), (-8, 200), 1.5, 1e-13,
               lambda x: (np.abs(x - 1) > 0.1) & (np.abs(x - 2) > 0.1) & (x > 0)),
    "digamma": (by_element(digamma), (-8, 200), 1.5, 1e-13,
                lambda x: (np.abs(x - 1.4616) > 0.1) & (x > 0)),
}


def points(low, high, dtype, seed=0):
    """Uniform ones, and ones whose logarithm is uniform, of both signs, in the domain."""
    rng = np.random.default_rng(seed)
    flat = rng.uniform(low / 2, high / 2, COUNT // 2) * 2
    largest = max(abs(low), abs(high))
    steep = np.exp2(rng.uniform(-149 if dtype == F32 else -1074, math.log2(largest), COUNT))
    ordinary = np.exp2(rng.uniform(-20, min(8, math.log2(largest)), COUNT))
    both = np.concatenate([steep, ordinary]) * np.where(rng.random(2 * COUNT) < 0.5, 1, -1)
    near = 1 + rng.normal(size=COUNT // 4) * 0.1
    x = np.concatenate([flat, both, near]).astype(dtype)
    return x[(x >= low) & (x <= high)]


def ulps(got, reference):
    """Distance to an extended-precision reference in units of the last place of the rounded reference."""
    rounded = reference.astype(got.dtype)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    unit = np.spacing(np.abs(rounded)).astype(LONG)
    error = np.where(same & ~np.isfinite(rounded), 0, np.abs(got.astype(LONG) - reference) / unit)
    return np.where(np.isnan(error), INF, error).astype(float)


def assert_accurate(got, reference, limit, x):
    error = ulps(got, reference)
    worst = int(np.argmax(error))
    assert error[worst] <= limit, f"{error[worst]:.3g} ulp at {x[worst]!r}: {got[worst]!r}, not {reference[worst]!r}"


def bits(x):
    return np.where(np.isnan(x), np.nan, x).view(f"u{x.dtype.itemsize}")


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_are_accurate(name, dtype):
    reference, domain32, limit32, domain64, limit64 = ELEMENTARY[name]
    if dtype == F64 and not EXTENDED:
        pytest.skip("no extended precision to measure float64 by")
    x = points(*(domain32 if dtype == F32 else domain64), dtype)
    assert_accurate(evaluate(HOST[0], name, x, lanes=16), reference(x.astype(LONG)),
                    limit32 if dtype == F32 else limit64, x)


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_are_accurate(name):
    reference, domain, limit32, limit64, where = SPECIAL[name]
    x = points(*domain, F32)
    assert_accurate(evaluate(HOST[0], name, x, lanes=16), reference(x.astype(np.float64)).astype(LONG), limit32, x)
    x = points(*domain, F64)
    x = x[where(x) & (np.abs(x) > 1e-300)]
    got, expected = evaluate(HOST[0], name, x, lanes=8), reference(x)
    np.testing.assert_allclose(got, expected, rtol=limit64)


def test_erfinv_inverts_erf():
    inner = points(-0.9, 0.9, F64)
    inner = inner[np.abs(inner) > 1e-300]
    np.testing.assert_allclose(by_element(math.erf)(evaluate(HOST[0], "erfinv", inner, lanes=8)), inner, rtol=4e-15)
    tail = np.exp2(np.random.default_rng(2).uniform(-52, -3, COUNT))
    outer = 1 - tail
    y = evaluate(HOST[0], "erfinv", outer, lanes=8)
    slope = 2 / math.sqrt(math.pi) * np.exp(-y * y)
    error = (by_element(math.erfc)(y) - (1 - outer)) / slope / y
    assert np.max(np.abs(error)) < 1e-14
    single = points(-1, 1, F32)
    wide = evaluate(HOST[0], "erfinv", single.astype(np.float64))
    assert_accurate(evaluate(HOST[0], "erfinv", single), wide.astype(LONG), 0.51, single)


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_pow_is_accurate(dtype):
    if dtype == F64 and not EXTENDED:
        pytest.skip("no extended precision to measure float64 by")
    rng = np.random.default_rng(0)
    top = 127 if dtype == F32 else 1020
    x = np.exp2(rng.uniform(-top, top, COUNT))
    y = rng.uniform(-top - 30, top, COUNT) / np.log2(x)
    near = 1 + rng.uniform(-1e-3, 1e-3, COUNT)
    x = np.concatenate([x, rng.uniform(0.5, 2, COUNT), near]).astype(dtype)
    y = np.concatenate([y, rng.uniform(-top, top, COUNT), rng.uniform(-100, 100, COUNT) * top]).astype(dtype)
    reference = np.power(x.astype(LONG), y.astype(LONG))
    assert_accurate(evaluate(HOST[0], "pow", x, y, lanes=16), reference, 0.51 if dtype == F32 else 1.5, x)


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_atan2_is_accurate(dtype):
    if dtype == F64 and not EXTENDED:
        pytest.skip("no extended precision to measure float64 by")
    rng = np.random.default_rng(0)
    y, x = ((rng.normal(size=COUNT) * np.exp2(rng.uniform(-30, 30, COUNT))).astype(dtype) for _ in range(2))
    assert_accurate(evaluate(HOST[0], "atan2", y, x, lanes=16), np.arctan2(y.astype(LONG), x.astype(LONG)), 2, x)


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name, reference", [("pow", np.power), ("atan2", np.arctan2)])
def test_special_values_of_two_operands(name, reference, dtype):
    limits = np.finfo(dtype)
    special = np.array([0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 2.5, INF, -INF, NAN, limits.tiny / 8, limits.max,
                        -limits.max, 2.0**24 + 1, 1e15], dtype)
    x, y = (m.ravel() for m in np.meshgrid(special, special))
    expected = reference(x, y)
    for target in HOST:
        got = evaluate(target, name, x, y, lanes=4)
        np.testing.assert_allclose(got, expected, rtol=float(4 * limits.eps), atol=0)
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got)[number], np.signbit(expected)[number])


SPECIAL_VALUES = {
    "exp": ((INF, INF), (-INF, 0.0), (-0.0, 1.0), (1000, INF), (-1000, 0.0)),
    "expm1": ((INF, INF), (-INF, -1.0), (-0.0, -0.0), (-1000, -1.0), (1000, INF)),
    "sigmoid": ((INF, 1.0), (-INF, 0.0), (-0.0, 0.5), (1000, 1.0), (-1000, 0.0)),
    "tanh": ((INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (0.0, 0.0), (1000, 1.0)),
    "sinh": ((INF, INF), (-INF, -INF), (-0.0, -0.0), (1000, INF)),
    "cosh": ((INF, INF), (-INF, INF), (-0.0, 1.0), (-1000, INF)),
    "log": ((INF, INF), (-INF, NAN), (-0.0, -INF), (0.0, -INF), (-1.0, NAN), (1.0, 0.0)),
    "log1p": ((INF, INF), (-INF, NAN), (-0.0, -0.0), (-1.0, -INF), (-1.5, NAN)),
    "asinh": ((INF, INF), (-INF, -INF), (-0.0, -0.0)),
    "acosh": ((INF, INF), (-INF, NAN), (1.0, 0.0), (0.5, NAN), (-3.0, NAN)),
    "atanh": ((1.0, INF), (-1.0, -INF), (-0.0, -0.0), (1.5, NAN), (-INF, NAN)),
    "sin": ((INF, NAN), (-INF, NAN), (-0.0, -0.0), (0.0, 0.0)),
    "cos": ((INF, NAN), (-INF, NAN), (-0.0, 1.0)),
    "tan": ((INF, NAN), (-INF, NAN), (-0.0, -0.0), (0.0, 0.0)),
    "asin": ((-0.0, -0.0), (2.0, NAN), (-INF, NAN), (0.0, 0.0)),
    "acos": ((1.0, 0.0), (2.0, NAN), (-INF, NAN)),
    "atan": ((-0.0, -0.0), (0.0, 0.0)),
    "erf": ((INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (0.0, 0.0)),
    "erfinv": ((1.0, INF), (-1.0, -INF), (1.5, NAN), (-0.0, -0.0), (INF, NAN)),
    "lgamma": ((INF, INF), (-INF, INF), (0.0, INF), (-0.0, INF), (-3.0, INF), (1.0, 0.0), (2.0, 0.0)),
    "digamma": ((INF, INF), (0.0, -INF), (-0.0, INF), (-2.0, NAN), (-INF, NAN)),
}


@pytest.mark.parametrize("name", SPECIAL_VALUES)
def test_special_values(name):
    for dtype in (F32, F64, np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)):
        x, expected = np.array((*SPECIAL_VALUES[name], (NAN, NAN)), np.float64).T
        for target in HOST:
            got = evaluate(target, name, x.astype(dtype), lanes=2).astype(np.float64)
            atol = 4e-15 if name == "lgamma" else 0
            np.testing.assert_allclose(got, expected, rtol=0, atol=atol)
            number = ~np.isnan(expected) & (name != "lgamma")
            np.testing.assert_array_equal(np.signbit(got)[number], np.signbit(expected)[number])


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name", MATH)
def test_same_bits_for_every_width_and_target(name, dtype):
    domain = {**ELEMENTARY, **SPECIAL}.get(name, (None, (-1, 1)))[1]
    x = points(*domain, dtype)[: 3 * COUNT // 2]
    operands = (np.abs(x), x[::-1].copy()) if name in ("pow", "atan2") else (x,)
    expected = bits(evaluate(WITH_FMA[0] if WITH_FMA else HOST[0], name, *operands))
    for target in WITH_FMA or HOST:
        for lanes in (4, 16):
            np.testing.assert_array_equal(bits(evaluate(target, name, *operands, lanes=lanes)), expected)


@pytest.mark.skipif(X86_64 not in HOST, reason="needs x86-64")
@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name", ELEMENTARY)
def test_without_fma_the_kernels_stay_accurate(name, dtype):
    reference, domain32, _, domain64, _ = ELEMENTARY[name]
    if dtype == F64 and not EXTENDED:
        pytest.skip("no extended precision to measure float64 by")
    x = points(*(domain32 if dtype == F32 else domain64), dtype)[::3]
    assert_accurate(evaluate(X86_64, name, x), reference(x.astype(LONG)), 4, x)


@cache
def pi_in_bits(count):
    """pi times 2^count, by the integral of 1/(1+x^2) as Euler summed it: pi/2 = sum of k! / (1 3 5 ... (2k+1))."""
    term, total, k = 1 << (count + 65), 0, 0
    while term:
        total += term
        k += 1
        term = term * k // (2 * k + 1)
    return total >> 64


def exact_sin(x):
    """sin of a float: reduced in integers of 2600 bits, finished in extended precision."""
    numerator, denominator = abs(x).as_integer_ratio()
    quarter_turns = (numerator << 2601 + 1300) // (denominator * pi_in_bits(2600)) if x else 0
    quadrant = ((quarter_turns >> 1299) + 1) >> 1
    fraction = quarter_turns - (quadrant << 1300)
    shift = max(fraction.bit_length() - 62, 0)
    angle = np.ldexp(LONG(fraction >> shift), shift - 1300) * (LONG(math.pi) + LONG(1.2246467991473532e-16)) / 2
    value = (np.sin, np.cos)[quadrant & 1](angle)
    return np.copysign(LONG(1), LONG(x)) * (-value if quadrant & 2 else value)


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_sin_of_huge_and_awkward_arguments(dtype):
    rng = np.random.default_rng(7)
    top = 127 if dtype == F32 else 1023
    x = np.ldexp(rng.uniform(1, 2, 1500), rng.integers(0, top, 1500))
    multiples = rng.integers(1, 10**7, 500) * (math.pi / 2)
    # The float64 nearest to a multiple of pi/2, and the float32 likewise.
    awkward = [6381956970095103 * 2.0**797] if dtype == F64 else [16367173 * 2.0**72]
    x = np.concatenate([x, multiples, awkward, [np.finfo(dtype).max, np.finfo(dtype).tiny / 8]]).astype(dtype)
    expected = np.array([exact_sin(float(v)) for v in x], LONG)
    for target in HOST:
        assert_accurate(evaluate(target, "sin", x, lanes=4), expected, 1.7 if dtype == F32 else 1.1, x)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16], ids=lambda d: np.dtype(d).name)
def test_half_precision_rounds_a_single_precision_result(dtype):
    x = (np.random.default_rng(1).normal(size=2000) * 4).astype(dtype)
    for name in ("exp", "tanh", "sin", "erf"):
        expected = evaluate(HOST[0], name, x.astype(np.float32)).astype(dtype)
        np.testing.assert_array_equal(evaluate(HOST[0], name, x, lanes=16), expected)


LENGTHS = {"exp": 24, "sigmoid": 26, "tanh": 27, "log": 36, "erf": 38, "sin": 70}


@pytest.mark.parametrize("name, limit", LENGTHS.items())
def test_kernels_stay_short(name, limit):
    """Compile time counts: instructions of one evaluation in f32."""
    lines = []
    Instructions(HOST[0], lines, itertools.count(), set()).scalar(name, {}, Value("%x", dtypes.f32, 16))
    assert len(lines) <= limit


def test_exp_of_numbers_up_to_zero_has_the_bits_of_exp():
    """All of -64 to -128, where results become subnormal and 0, and every 127th float32 of sign or NaN."""
    whole = np.arange(0xC2800000, 0xC3000000, dtype=np.uint32)
    for x in (whole.view(F32), np.arange(1 << 31, 1 << 32, 127, dtype=np.uint32).view(F32)):
        long, short = evaluate(HOST[0], "exp", x, lanes=16), evaluate(HOST[0], "exp_falling", x, lanes=16)
        nan = np.isnan(x)
        assert np.array_equal(nan, np.isnan(long)) and np.array_equal(nan, np.isnan(short))
        assert np.array_equal(long[~nan].view(np.uint32), short[~nan].view(np.uint32))


def test_exp_of_numbers_up_to_zero_on_all_targets():
    rng = np.random.default_rng(5)
    for dtype, low in ((F32, -110), (F64, -760)):
        x = np.concatenate([rng.uniform(low, 0, COUNT), -np.exp2(rng.uniform(-149, 10, COUNT)), [0.0, -0.0, -INF, NAN]])
        x = x.astype(dtype)
        for target in HOST:
            long, short = evaluate(target, "exp", x, lanes=4), evaluate(target, "exp_falling", x, lanes=4)
            assert np.array_equal(bits(long), bits(short))
