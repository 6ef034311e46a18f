"""Floats of 8 bits: what they are converted to and from, natively and by NumPy's definition, and what is refused."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import graphc as tf
from graphc.errors import DtypeError
from graphc.formats.tensors import array_of, tensor_proto
from graphc.ir import dtype as dt

KINDS = [dt.f8e4m3, dt.f8e5m2]
each = pytest.mark.parametrize("kind", KINDS, ids=str)
OTHERS = [d for d in dt.ALL if d.kind in "biuc" or d.is_float or d.kind == "e"]


def floats() -> np.ndarray:
    rng = np.random.default_rng(0)
    edges = [0, -0.0, np.inf, -np.inf, np.nan, 448, 464, 463.9, 480, 57344, 61440, 61439, 2**-9, 2**-10, 1.5 * 2**-10,
             2**-16, 2**-17, 2**-18, 1.5 * 2**-17, 1e-30]  # fmt: skip
    drawn = [rng.normal(size=3000) * scale for scale in (1e-4, 1e-2, 1, 100, 1e4)]
    return np.concatenate([*drawn, edges, np.negative(edges)]).astype(np.float32)


def same(found: np.ndarray, wanted: np.ndarray) -> bool:
    nan = np.isnan(wanted.astype(np.float32))
    return np.array_equal(np.isnan(found.astype(np.float32)), nan) and found[~nan].tobytes() == wanted[~nan].tobytes()


@each
def test_rounds_like_ml_dtypes(kind):
    x = floats()
    with np.errstate(all="ignore"):
        wanted = x.astype(kind.numpy)
    compiled = tf.function(lambda v: tf.cast(v, kind), autograph=False)(tf.constant(x))
    assert compiled.dtype is kind and same(compiled.numpy(), wanted)
    tf.config.run_eagerly(True)
    try:
        assert same(tf.cast(tf.constant(x), kind).numpy(), wanted)
    finally:
        tf.config.run_eagerly(False)


@each
def test_every_code_becomes_every_dtype(kind):
    codes = np.arange(256, dtype=np.uint8).view(kind.numpy)
    wide = tf.constant(codes.astype(np.float32))

    @tf.function(autograph=False)
    def both(narrow, wide):
        return [(tf.cast(narrow, d), tf.cast(wide, d)) for d in OTHERS]

    for found, wanted in both(tf.constant(codes), wide):
        np.testing.assert_array_equal(found.numpy().astype(np.complex64), wanted.numpy().astype(np.complex64))


@each
def test_moves_and_files(kind):
    v = tf.Variable(tf.cast([1.0, 2.0, 3.0, -0.5], kind))
    assert tf.gather(tf.reshape(v, [2, 2]), [1]).numpy().astype(np.float32).tolist() == [[3.0, -0.5]]
    chosen = tf.where([True, False, True, False], v, tf.zeros([4], kind))
    assert tf.concat([chosen, v], 0).numpy().astype(np.float32).tolist() == [1, 0, 3, 0, 1, 2, 3, -0.5]
    array = v.numpy()
    assert array.dtype == kind.numpy and same(array_of(tensor_proto(array)), array)
    assert same(tf.io.parse_tensor(tf.io.serialize_tensor(v), kind).numpy(), array)
    assert same(array_of(tensor_proto(array[2])).reshape(1), array[2:3])


@each
def test_arithmetic_is_refused(kind):
    x = tf.cast([1.0], kind)
    with pytest.raises(DtypeError, match="not defined for"):
        x + x


def test_names():
    assert tf.constant([1.5, 2.0], dt.f8e5m2).numpy().astype(np.float32).tolist() == [1.5, 2.0]
    assert tf.as_dtype("float8_e5m2") is dt.f8e5m2 and tf.as_dtype(ml_dtypes.float8_e4m3fn) is dt.f8e4m3
    assert dt.f8e4m3.as_datatype_enum == 25 and float(dt.f8e4m3.max) == 448 and float(dt.f8e5m2.max) == 57344
