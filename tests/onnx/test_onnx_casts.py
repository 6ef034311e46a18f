"""Cast, CastLike and BitCast between element types, text among them."""

import ml_dtypes
import numpy as np
import pytest
from onnx_models import NUMBERS, model, node

import graphc
from graphc.errors import DtypeError, FormatError, GraphcError

NARROW = {
    "float8e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "float4e2m1": ml_dtypes.float4_e2m1fn,
    "float6e3m2": ml_dtypes.float6_e3m2fn,
    "int4": ml_dtypes.int4,
    "uint4": ml_dtypes.uint4,
    "int2": ml_dtypes.int2,
}


def cast(x, source: str, to: str, opset: int = 25, **attributes):
    """The compiled value of a Cast of an array whose sizes are not known before."""
    sizes = ", ".join(f"n{k}" for k in range(np.ndim(x)))
    loaded = graphc.onnx.load(model([node("Cast", "x", "y", to=NUMBERS[to], **attributes)], [f"x: {source}[{sizes}]"],
                                    [f"y: {to}[{sizes}]"], opset=opset))  # fmt: skip
    return loaded.run([x])[0]


@pytest.mark.parametrize("name", NARROW)
def test_narrow_types_there_and_back(name):
    codes = np.arange(
        -8 if name == "int4" else -2 if name == "int2" else 0, 8 if name == "int4" else 2 if name == "int2" else 16
    )
    values = codes.astype(NARROW[name]) if "int" in name else codes.astype(np.uint8).view(NARROW[name])
    wide = cast(values, name, "float32")
    np.testing.assert_array_equal(wide, values.astype(np.float32))
    back = cast(wide, "float32", name)
    assert back.dtype == NARROW[name]
    np.testing.assert_array_equal(back.astype(np.float32), wide)


def test_narrow_to_narrow_goes_by_value():
    x = np.array([-8, -1, 0, 3, 7]).astype(ml_dtypes.int4)
    found = cast(x, "int4", "float8e4m3fn")
    np.testing.assert_array_equal(found.astype(np.float32), [-8, -1, 0, 3, 7])
    found = cast(found, "float8e4m3fn", "uint2")
    np.testing.assert_array_equal(found.astype(np.int32), [0, 3, 0, 3, 3])  # the lowest bits


def test_integers_keep_their_lowest_bits():
    x = np.array([200, -200, 65537, -1], np.int32)
    np.testing.assert_array_equal(cast(x, "int32", "int8"), x.astype(np.int8))
    np.testing.assert_array_equal(cast(x, "int32", "uint4").astype(np.int32), x & 15)


def test_floats_out_of_range_of_integers():
    x = np.array([300, -1, -129.7, 3e9, -1e20, 1e20, np.nan], np.float32)
    with np.errstate(invalid="ignore"):
        inside = x[:3].astype(np.int32)
    np.testing.assert_array_equal(cast(x, "float32", "uint8")[:3], inside.astype(np.uint8))
    np.testing.assert_array_equal(cast(x, "float32", "int8")[:3], inside.astype(np.int8))
    assert cast(x, "float32", "int32").tolist()[3:] == [2**31 - 1, -(2**31), 2**31 - 1, 0]
    assert cast(x, "float32", "uint32").tolist()[:4] == [300, 2**32 - 1, 2**32 - 129, 3000000000]
    assert cast(x, "float32", "uint64").tolist()[:4] == [300, 2**64 - 1, 2**64 - 129, 3000000000]


def test_saturation_can_be_left_out():
    x = np.array([1e6, -1e6, np.inf, 1.0], np.float32)
    kept = cast(x, "float32", "float8e5m2").astype(np.float32)
    lost = cast(x, "float32", "float8e5m2", saturate=0).astype(np.float32)
    assert kept.tolist() == [57344, -57344, 57344, 1] and lost.tolist() == [np.inf, -np.inf, np.inf, 1]
    assert np.isnan(cast(x, "float32", "float8e4m3fn", saturate=0).astype(np.float32)).tolist() == [True] * 3 + [False]


@pytest.mark.parametrize("mode, wanted", [("up", [2, 4, 4]), ("down", [1, 2, 4]), ("nearest", [1, 4, 4])])
def test_powers_of_two_round_as_told(mode, wanted):
    x = np.array([1.1, 3.0, 4.0], np.float16)
    assert cast(x, "float16", "float8e8m0", round_mode=mode).astype(np.float32).tolist() == wanted


def test_bools_and_numbers():
    x = np.array([0, -0.0, 0.25, np.nan], np.float32)
    assert cast(x, "float32", "bool").tolist() == [False, False, True, True]
    assert cast(np.array([True, False]), "bool", "float8e5m2").astype(np.float32).tolist() == [1, 0]


def test_numbers_as_text():
    x = np.array([1, 1.5, 0.1, 1e10, -0.0, np.nan, np.inf, -np.inf])
    wanted = ["1", "1.5", "0.1", "1e+10", "-0", "NaN", "INF", "-INF"]
    for kind in ("float32", "float64"):
        assert cast(x.astype(kind), kind, "string").tolist() == wanted
    assert cast(np.array([np.pi]), "float64", "string").tolist() == ["3.1415927"]
    assert cast(np.array([-5, 2**40]), "int64", "string").tolist() == ["-5", "1099511627776"]
    assert cast(np.array([True, False]), "bool", "string").tolist() == ["1", "0"]


def test_text_as_numbers():
    x = np.array(["3.14", "1e-5", "1E8", "INF", "+inf", "-INF", "NaN"], object)
    wanted = np.array([3.14, 1e-5, 1e8, np.inf, np.inf, -np.inf, np.nan])
    for kind in ("float16", "float32", "float64"):
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(
                cast(x, "string", kind), wanted.astype(np.float32).astype(kind) if kind != "float64" else wanted
            )
    assert cast(np.array(["-7", "12"], object), "string", "int8").tolist() == [-7, 12]
    with pytest.raises(GraphcError, match="no number of int64"):
        cast(np.array(["seven"], object), "string", "int16")


def test_cast_like_takes_the_type_of_the_second_input():
    loaded = graphc.onnx.load(model([node("CastLike", "x like", "y")], ["x: float32[n]", "like: float8e4m3fn[m]"],
                                    ["y: float8e4m3fn[n]"], opset=25))  # fmt: skip
    y = loaded.run([np.array([1.06, 500], np.float32), np.zeros(3, ml_dtypes.float8_e4m3fn)])[0]
    assert y.dtype == ml_dtypes.float8_e4m3fn and y.astype(np.float32).tolist() == [1.0, 448.0]


def bit_cast(x, source, to):
    loaded = graphc.onnx.load(
        model([node("BitCast", "x", "y", to=NUMBERS[to])], [f"x: {source}[n]"], [f"y: {to}[n]"], opset=26)
    )
    return loaded.run([x])[0]


def test_bits_stay_what_they_are():
    codes = np.arange(256).astype(np.uint8)
    small = bit_cast(codes, "uint8", "float8e5m2")
    assert small.dtype == ml_dtypes.float8_e5m2 and (small.view(np.uint8) == codes).all()
    assert bit_cast(np.array([-1, -8, 7]).astype(ml_dtypes.int4), "int4", "uint4").astype(int).tolist() == [15, 8, 7]
    assert bit_cast(np.array([15, 8, 7]).astype(ml_dtypes.uint4), "uint4", "int4").astype(int).tolist() == [-1, -8, 7]
    with pytest.raises(DtypeError, match="BitCast: f32.* and float16 differ in width"):
        bit_cast(np.zeros(2, np.float32), "float32", "float16")


def test_what_is_no_type_is_refused():
    with pytest.raises(FormatError, match="attribute 'to' is 77, which is no element type"):
        graphc.onnx.load(model([node("Cast", "x", "y", to=77)], ["x: float32[n]"], ["y: float32[n]"])).run(
            [np.zeros(1, np.float32)]
        )
    with pytest.raises(FormatError, match="'sideways', not one of up, down, nearest"):
        cast(np.zeros(1, np.float32), "float32", "float8e8m0", round_mode="sideways")
    with pytest.raises(GraphcError, match="no cast from c64"):
        cast(np.zeros(1, np.complex64), "complex64", "float8e5m2")


def test_gradients_pass_casts_between_floats():
    loaded = graphc.onnx.load(model([node("Cast", "x", "h", to=NUMBERS["float64"]), node("Mul", "h h", "y")],
                                    ["x: float32[n]"], ["y: float64[n]"]))  # fmt: skip
    x = graphc.constant([1.0, -3.0])
    with graphc.GradientTape() as tape:
        tape.watch(x)
        y = loaded(x)
    assert tape.gradient(y, x).numpy().tolist() == [2.0, -6.0]
