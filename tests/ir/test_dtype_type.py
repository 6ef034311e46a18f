"""Element types and tensor types."""

import copy
import pickle

import ml_dtypes
import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.node import symbol
from graphc.ir.type import TupleType, Type


@pytest.mark.parametrize("dtype", dt.ALL, ids=repr)
def test_every_spelling_finds_the_one_object(dtype):
    for spelling in (dtype, dtype.name, dtype.short, dtype.numpy):
        assert dt.as_dtype(spelling) is dtype
    assert pickle.loads(pickle.dumps(dtype)) is dtype and copy.deepcopy(dtype) is dtype
    assert dtype.kind == "s" or dtype.size == dtype.numpy.itemsize


@pytest.mark.parametrize("value, dtype", [
    (float, dt.f32), (int, dt.i64), (bool, dt.b1), (complex, dt.c128), (str, dt.string), (bytes, dt.string),
    (np.float32, dt.f32), ("<U5", dt.string), (np.dtype(">f4"), dt.f32), (ml_dtypes.bfloat16, dt.bf16),
])  # fmt: skip
def test_foreign_spellings(value, dtype):
    assert dt.as_dtype(value) is dtype


@pytest.mark.parametrize("value", ["float31", np.dtype("M8[s]"), object(), "complex32"])
def test_unknown_types_are_refused(value):
    with pytest.raises(TypeError, match="is not a data type known here; known: bool, int8"):
        dt.as_dtype(value)


def test_properties():
    assert dt.f32.is_float and dt.f32.is_inexact and not dt.f32.is_integer
    assert dt.c64.is_complex and dt.c64.is_inexact and not dt.c64.is_native
    assert dt.u8.is_integer and not dt.b1.is_integer and not dt.string.is_native
    assert dt.real_of(dt.c128) is dt.f64 and dt.real_of(dt.i8) is dt.i8


def test_tensorflows_interface():
    assert str(dt.f32) == "<dtype: 'float32'>" and repr(dt.b1) == "tf.bool" and f"{dt.i8}" == "<dtype: 'int8'>"
    assert dt.f32 == np.float32 == dt.f32 and dt.f32 == "float32" and dt.f32 != "float64" and dt.f32 != None
    assert dt.f32 != "no type" and dt.f32 != object() and len({dt.f32, dt.as_dtype("float32")}) == 1
    assert dt.as_dtype(1) is dt.f32 and dt.f16.as_datatype_enum == 19 and dt.bf16.as_numpy_dtype is ml_dtypes.bfloat16
    assert dt.c64.real_dtype is dt.f32 and dt.f32.base_dtype is dt.f32 and dt.f32.is_compatible_with("float32")
    assert (dt.u8.min, dt.u8.max) == dt.u8.limits == (0, 255) and dt.f32.limits == (0, 1)
    assert dt.f32.max == np.finfo(np.float32).max and dt.bf16.min == ml_dtypes.finfo(ml_dtypes.bfloat16).min
    assert dt.b1.is_bool and dt.u8.is_unsigned and dt.c64.is_numeric and not dt.string.is_numeric and dt.f16.is_floating
    assert not dt.f32.is_quantized and dt.string.is_numpy_compatible
    with pytest.raises(TypeError, match="string has no smallest"):
        _ = dt.string.max


def test_type_size_text_and_equality():
    n = symbol("n")
    assert str(Type(dt.f32, (n, n * 28))) == "f32[n,n*28]"
    assert str(Type(dt.i64, ())) == "i64[]"
    assert str(Type(dt.f32, (symbol("f32"), symbol("a b")))) == 'f32[$"f32",$"a b"]'
    assert Type(dt.f32, (2, 3)).size == 6 and Type(dt.f32, ()).size == 1
    assert Type(dt.f32, (n, 3)).size is n * 3
    assert Type(dt.f32, (n,)) == Type(dt.f32, (n,)) != Type(dt.f32, (symbol("m"),))
    assert Type(dt.f32, (2,)).is_static and not Type(dt.f32, (n,)).is_static
    assert Type(dt.f32, (2,)).with_dtype(dt.b1) == Type(dt.b1, (2,))
    assert str(TupleType((Type(dt.f32, (3,)), Type(dt.i32, (3,))))) == "(f32[3], i32[3])"
