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
