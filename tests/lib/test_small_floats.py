"""Floats of 8, 6 and 4 bits against ml_dtypes: every code decoded, every float16 and halfway case encoded."""

import ml_dtypes
import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.errors import DtypeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.lib import small_floats as sf
from graphc.prims.interpret import interpret

PEERS = {
    "float8e4m3fn": ml_dtypes.float8_e4m3fn, "float8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8e5m2": ml_dtypes.float8_e5m2, "float8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "float6e2m3": ml_dtypes.float6_e2m3fn, "float6e3m2": ml_dtypes.float6_e3m2fn,
    "float4e2m1": ml_dtypes.float4_e2m1fn,
}  # fmt: skip
CODES = np.arange(256, dtype=np.uint8)


def run(function, x: np.ndarray) -> np.ndarray:
    """The compiled value, which the interpreter must have too, bit for bit."""
    node = input_node("x", Type(dt.as_dtype(x.dtype), x.shape))
    graph = Graph("main", (node,), (function(node),))
    found = np.asarray(compile_graph(graph)(x)[0])
    meant = np.asarray(interpret(graph, x)[0])
    np.testing.assert_array_equal(found, meant)
    return found


def codes_of(name: str) -> np.ndarray:
    return CODES[: 2 * sf.FORMATS[name].sign]


def hard_cases(name: str) -> np.ndarray:
    """Every number of a format, every middle between two, and what lies next to these, as float64."""
    values = codes_of(name).view(PEERS[name]).astype(np.float64)
    values = np.unique(values[np.isfinite(values)])
    middles = (values[1:] + values[:-1]) / 2
    beyond = values[-1] + (values[-1] - values[-2]) / 2
    places = np.concatenate([values, middles, [beyond, -beyond, 1e30, -1e30, 1e-30, -1e-30, np.inf, -np.inf]])
    return np.concatenate([places, np.nextafter(places, np.inf), np.nextafter(places, -np.inf), [np.nan]])


@pytest.mark.parametrize("name", PEERS)
def test_every_code_is_decoded(name):
    codes = codes_of(name)
    found = run(lambda c: sf.decode(c, sf.FORMATS[name]), codes)
    wanted = codes.view(PEERS[name]).astype(np.float32)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found)[~np.isnan(wanted)], np.signbit(wanted)[~np.isnan(wanted)])


def same_codes(name, found, wanted, x):
    """Codes alike, up to the sign of NaN."""
    both = np.isnan(found.view(PEERS[name])) & np.isnan(wanted.view(PEERS[name]))
    wrong = (found != wanted) & ~both
    assert not wrong.any(), (x[wrong][:5], found[wrong][:5], wanted[wrong][:5])


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "bfloat16"])
def test_encoding_rounds_as_ml_dtypes(name, saturate, kind):
    dtype = dt.as_dtype(kind).numpy
    every = np.arange(1 << 16).astype(np.uint16).view(ml_dtypes.bfloat16 if kind == "bfloat16" else np.float16)
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.concatenate([every.astype(dtype), hard_cases(name).astype(dtype)])
        largest = float(ml_dtypes.finfo(PEERS[name]).max)
        # float64 goes by float32 in ml_dtypes, which rounds twice; odd rounding on the way does not
        source = x if dtype != np.float64 else rounded_to_odd(x)
        source = np.clip(source.astype(np.float32), -largest, largest) if saturate else source.astype(np.float32)
        wanted = source.astype(PEERS[name]).view(np.uint8)
    found = run(lambda v: sf.encode(v, sf.FORMATS[name], saturate), x)
    same_codes(name, found, wanted, x)


def rounded_to_odd(x: np.ndarray) -> np.ndarray:
    """float64 as float32 whose last bit tells that something was cut off."""
    near = x.astype(np.float32)
    inexact = np.isfinite(x) & (near.astype(np.float64) != x)
    down = np.where(np.abs(near.astype(np.float64)) > np.abs(x), np.nextafter(near, np.float32(0)), near)
    odd = (down.view(np.uint32) | 1).view(np.float32)
    return np.where(inexact, odd, near).astype(np.float32)


@pytest.mark.parametrize("name", ["float8e4m3fn", "float8e5m2"])
def test_the_sign_of_nan_is_kept(name):
    x = np.array([0x7FC00000, 0xFFC00000], np.uint32).view(np.float32)
    found = run(lambda v: sf.encode(v, sf.FORMATS[name]), x)
    assert list(found >> 7) == [0, 1] and np.isnan(found.view(PEERS[name])).all()


def test_powers_of_two_are_decoded():
    found = run(sf.decode_power, CODES)
    np.testing.assert_array_equal(found, CODES.view(ml_dtypes.float8_e8m0fnu).astype(np.float32))


@pytest.mark.parametrize(
    "mode,x,code",
    [
        ("up", [1.0, 1.1, 2.0, 0.124, 3.9, 1e-39, 2.0**-127], [127, 128, 128, 124, 129, 0, 0]),
        ("down", [1.0, 1.9, 2.0, 0.124, 3.9, 1e-38], [127, 127, 128, 123, 128, 0]),
        ("nearest", [1.0, 1.49, 1.5, 0.124, 3.0, 2.0**-127 * 1.4, 2.0**-127 * 1.5], [127, 127, 128, 124, 129, 0, 1]),
    ],
)
def test_powers_are_rounded(mode, x, code):
    found = run(lambda v: sf.encode_power(v, True, mode), np.array(x, np.float32))
    assert found.tolist() == code
    back = run(lambda v: sf.encode_power(sf.decode_power(v), False, mode), CODES)
    np.testing.assert_array_equal(back, CODES)


def test_powers_out_of_range():
    x = np.array([0, 1e-45, np.inf, 3e38, np.nan], np.float32)
    assert run(lambda v: sf.encode_power(v, True, "up"), x).tolist() == [0, 0, 254, 254, 255]
    assert run(lambda v: sf.encode_power(v, False, "nearest"), x).tolist() == [255, 255, 255, 255, 255]


def test_wrong_operands_are_told():
    with pytest.raises(DtypeError, match="codes must be uint8, not i8"):
        sf.decode(const(np.zeros(2, np.int8)), sf.E4M3FN)
    with pytest.raises(DtypeError, match="needs floats, not i32"):
        sf.encode(const(np.zeros(2, np.int32)), sf.E4M3FN)
    with pytest.raises(UsageError, match="'odd' is not one of up, down, nearest"):
        sf.encode_power(const(np.zeros(2, np.float32)), True, "odd")
