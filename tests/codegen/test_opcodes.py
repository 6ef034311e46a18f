"""Arithmetic, comparisons, casts and 16-bit floats of the LLVM instruction layer, against NumPy, bit by bit."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from graphc.codegen.llvm.instructions import Instructions, Value
from graphc.errors import CompileError
from graphc.ir import dtype as dtypes
from graphc.ir.target import TARGETS, X86_64_V4
from graphc.runtime.jit import assembly
from tests.codegen.jit import evaluate, function_text
from tests.codegen.scalar_samples import FLOATS, HALVES, INTEGERS, NATIVE, ROUNDINGS, pairs, samples, signatures
from tests.machine_code import host_targets

HOST = host_targets()
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def short(value):
    return getattr(value, "short", None) or getattr(value, "name", None)


def wide(x):
    return x.astype(np.float32) if x.dtype.itemsize <= 2 and dtypes.as_dtype(x.dtype).is_floating else x


def assert_same(got, expected, signed_zero=True):
    """Equal bits, any NaN for a NaN."""
    expected = np.asarray(expected).astype(got.dtype)
    got, expected = wide(got), wide(expected)
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
        return
    np.testing.assert_array_equal(got, expected)
    if signed_zero:
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got)[number], np.signbit(expected)[number])


def on_all(op, *arrays, **attrs):
    """The result, after checking that lanes and targets do not change a bit."""
    first = evaluate(HOST[0], op, *arrays, **attrs)
    for target, lanes in [(HOST[0], 16)] + [(t, 4) for t in HOST[1:]]:
        again = evaluate(target, op, *arrays, lanes=lanes, **attrs)
        assert_same(again, first)
    return first


def sign(x):
    return np.where(x > 0, 1, np.where(x < 0, -1, np.where(x == 0, 0, x)))


BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
PREDICATES = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal}
BITWISE = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS, ids=short)
def test_arithmetic(dtype):
    x, y = pairs(dtype)
    for op, reference in BINARY.items():
        assert_same(on_all(op, x, y), reference(wide(x), wide(y)), signed_zero=op not in ("max", "min"))
    for op, reference in {"neg": np.negative, "abs": np.abs, "sign": sign}.items():
        assert_same(on_all(op, x), reference(wide(x)))


@pytest.mark.parametrize("dtype", [d for d in NATIVE if d.kind != "e"], ids=short)
def test_predicates_and_select(dtype):
    x, y = pairs(dtype)
    for op, reference in PREDICATES.items():
        np.testing.assert_array_equal(on_all(op, x, y), reference(wide(x), wide(y)))
    condition = samples(dtypes.b1, len(x))
    assert_same(on_all("select", condition, x, y), np.where(condition, wide(x), wide(y)))
    if dtype.is_float:
        np.testing.assert_array_equal(on_all("isfinite", x), np.isfinite(wide(x)))


@pytest.mark.parametrize("dtype", FLOATS, ids=short)
def test_roundings_roots_and_division(dtype):
    x, y = pairs(dtype)
    for op, reference in ROUNDINGS.items():
        assert_same(on_all(op, x), reference(wide(x)))
    assert_same(on_all("div", x, y), wide(x) / wide(y))
    assert_same(on_all("sqrt", x), np.sqrt(wide(x)))
    assert_same(on_all("rsqrt", x), 1 / np.sqrt(wide(x)))


@pytest.mark.parametrize("dtype", INTEGERS + [dtypes.b1], ids=short)
def test_bits(dtype):
    x, y = pairs(dtype)
    for op, reference in BITWISE.items():
        np.testing.assert_array_equal(on_all(op, x, y), reference(x, y))
    np.testing.assert_array_equal(on_all("not", x), ~x)
    if dtype is dtypes.b1:
        return
    amount = y & dtype.numpy.type(dtype.bits - 1)
    np.testing.assert_array_equal(on_all("shl", x, y), x << amount)
    np.testing.assert_array_equal(on_all("shr", x, y), x >> amount)
    np.testing.assert_array_equal(on_all("popcount", x), np.bitwise_count(x.view(f"u{dtype.size}")))


@pytest.mark.parametrize("dtype", INTEGERS, ids=short)
def test_integer_division_is_floor_and_never_traps(dtype):
    x, y = pairs(dtype)
    divisor = np.where(y == 0, dtype.numpy.type(1), y)
    np.testing.assert_array_equal(on_all("floordiv", x, y), np.where(y == 0, 0, x // divisor))
    np.testing.assert_array_equal(on_all("mod", x, y), np.where(y == 0, 0, x % divisor))


@pytest.mark.parametrize("dtype", INTEGERS, ids=short)
def test_integer_power(dtype):
    x, y = pairs(dtype)
    got = on_all("pow", x, y)
    mask = (1 << dtype.bits) - 1
    for a, b, c in zip(x.tolist(), y.tolist(), got.tolist(), strict=True):
        if b >= 0:
            assert pow(a, b, mask + 1) == c & mask
        else:
            assert c == {1: 1, -1: 1 if b % 2 == 0 else -1}.get(a, 0)


@pytest.mark.parametrize("number", [-8, -3, -1, 0, 1, 2, 3, 7, 16, 100])
@pytest.mark.parametrize("dtype", [dtypes.i32, dtypes.u8, dtypes.i64], ids=short)
def test_division_by_a_literal(dtype, number):
    """A literal divisor takes short cuts; the values are those of a variable one."""
    x = samples(dtype)
    lines = []
    ops = Instructions(X86_64_V4, lines, itertools.count(), set())
    ops.scalar("mod", {}, Value("%x", dtype), ops.const(number, dtype))
    if number in (2, 16):
        assert len(lines) <= 2
    y = np.full_like(x, np.asarray(number).astype(dtype.numpy))
    for op in ("floordiv", "mod"):
        assert_same(on_all(op, x, number), evaluate(HOST[0], op, x, y))


@pytest.mark.parametrize("dtype", [dtypes.f32, dtypes.f64], ids=short)
def test_float_floor_division_is_exact(dtype):
    rng = np.random.default_rng(3)
    x, y = ((rng.normal(size=800) * np.exp2(rng.uniform(-30, 30, 800))).astype(dtype.numpy) for _ in range(2))
    x[:200] = np.rint(rng.normal(size=200) * 30) * y[:200]
    quotient, rest = on_all("floordiv", x, y), on_all("mod", x, y)
    for a, b, q in zip(x.tolist(), y.tolist(), quotient, strict=True):
        exact = Fraction(a) // Fraction(b)
        error = abs(float(q) - exact)
        assert q == dtype.numpy.type(exact) if abs(exact) < 2**53 else error <= abs(exact) * np.finfo(dtype.numpy).eps
    assert_same(rest, np.mod(x, y))
    special = np.array([0, -0.0, 1, -1, 0.5, -0.5, 3, -3, np.inf, -np.inf, np.nan, np.finfo(dtype.numpy).max,
                        np.finfo(dtype.numpy).tiny / 4], dtype.numpy)
    a, b = (m.ravel() for m in np.meshgrid(special, special))
    for op, reference in (("mod", np.mod), ("floordiv", np.floor_divide)):
        got, expected = evaluate(HOST[0], op, a, b, lanes=8), reference(a, b)
        assert_same(got, expected)


@pytest.mark.parametrize("source", NATIVE, ids=short)
def test_casts(source):
    x = samples(source)
    for target in NATIVE:
        got = on_all("cast", x, dtype=target)
        assert got.dtype == target.numpy
        assert_same(got, cast(x, target))


def cast(x, target):
    x = wide(x)
    if target is dtypes.b1:
        return x != 0
    if x.dtype.kind == "f" and target.is_integer:
        info = np.iinfo(target.numpy)
        clipped = [0 if np.isnan(v) else int(min(max(v, float(info.min)), float(info.max))) for v in x.tolist()]
        return np.array([min(max(v, info.min), info.max) for v in clipped], target.numpy)
    if target.is_floating and target.bits <= 16 and x.dtype.itemsize > 2:
        x = x.astype(np.float32)
    return x.astype(target.numpy)


def test_bitcast():
    x = samples(dtypes.f32)
    np.testing.assert_array_equal(on_all("bitcast", x, dtype=dtypes.i32), x.view(np.int32))
    half = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(on_all("bitcast", half, dtype=dtypes.f16).view(np.uint16), half)
    np.testing.assert_array_equal(on_all("bitcast", half, dtype=dtypes.bf16).view(np.uint16), half)


@pytest.mark.parametrize("dtype", HALVES, ids=short)
def test_every_half_widens_and_narrows(dtype):
    bits = np.arange(65536, dtype=np.uint16)
    x = bits.view(dtype.numpy)
    assert_same(on_all("cast", x, dtype=dtypes.f32), x.astype(np.float32))
    middle = (bits.astype(np.uint32) << 16 | 0x8000).view(np.float32)
    for source in (middle, np.nextafter(middle, np.float32(0)), np.linspace(-7e4, 7e4, 5001, dtype=np.float32),
                   (np.arange(4000) * 2.0**-26).astype(np.float32)):
        assert_same(on_all("cast", source, dtype=dtype), source.astype(dtype.numpy))


def test_fma_is_rounded_once():
    for dtype in FLOATS:
        rng = np.random.default_rng(5)
        x, y = (rng.normal(size=400).astype(dtype.numpy) for _ in range(2))
        z = (-(wide(x) * wide(y)) * (1 + rng.normal(size=400) * 1e-3)).astype(dtype.numpy)
        got = evaluate(HOST[0], "fma", x, y, z, lanes=16)
        assert_same(evaluate(HOST[0], "fma", x, y, z), got)
        exact = [Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)) for a, b, c in zip(x, y, z, strict=True)]
        assert all(nearest(e, dtype) == float(g) for e, g in zip(exact, got, strict=True))


def nearest(value, dtype):
    """A Fraction in the normal range rounded to nearest, ties to even."""
    if value == 0:
        return 0.0
    digits = {dtypes.f16: 11, dtypes.bf16: 8, dtypes.f32: 24, dtypes.f64: 53}[dtype]
    exponent = abs(value).numerator.bit_length() - value.denominator.bit_length()
    if abs(value) < Fraction(2) ** exponent:
        exponent -= 1
    step = Fraction(2) ** max(exponent - digits + 1, -24 if dtype is dtypes.f16 else -1074)
    return float(round(value / step) * step)


def test_literals_are_exact():
    ops = Instructions(X86_64_V4, [], itertools.count(), set())
    assert ops.const(0.1, dtypes.f32).text == "0x3FB99999A0000000"
    assert ops.const(-0.0, dtypes.f64).text == "0x8000000000000000"
    assert ops.const(255, dtypes.i8).text == "-1"
    assert ops.const(-1, dtypes.u64).text == str(2**64 - 1)
    assert ops.const(1.5, dtypes.bf16).text == str(int(np.array(1.5, ml_dtypes.bfloat16).view(np.int16)))
    assert ops.const(True, dtypes.b1, 4).text == "splat (i1 true)"
    assert ops.lines == []


def test_unknown_opcode_and_bad_bitcast_are_refused():
    ops = Instructions(X86_64_V4, [], itertools.count(), set())
    x = Value("%x", dtypes.i32)
    with pytest.raises(CompileError, match="'exp'.*i32"):
        ops.scalar("exp", {}, x)
    with pytest.raises(CompileError, match="i32 and f64"):
        ops.scalar("bitcast", {"dtype": dtypes.f64}, x)


@pytest.mark.parametrize("target", TARGETS.values(), ids=short)
def test_no_target_calls_a_library(target):
    """Everything is emitted for every target, and no function of others is called but what does the arithmetic of an ABI."""
    for op, attrs, inputs in signatures():
        text, _ = function_text(target, op, attrs, inputs, target.lanes(inputs[-1]))
        code = assembly(text, target)
        called = re.findall(r"^\s+(?:callq?|bl|tail|jmp)\s+(?!\.L)([A-Za-z_]\w*)", code, re.MULTILINE)
        called = [name for name in called if not re.search(rf"^define [^@]*@{name}\(", text, re.MULTILINE)]
        if not target.double:
            called = [name for name in called if not re.fullmatch(r"__aeabi_\w+|sqrt", name)]
        assert not called, (op, inputs, called)
