"""Floats of eight bits: casts to and from every dtype as ml_dtypes has them, moves, and what is refused."""

import ml_dtypes
import numpy as np
import pytest

import graphc as tf
from graphc.errors import DtypeError

NAMES = ("float8_e4m3fn", "float8_e5m2")
VALUES = np.array([0, -0.0, 0.3, -1.7, 447, 448, 464.5, 1e5, 2.0**-9, 2.0**-10, 3e-8, np.inf, -np.inf, np.nan], np.float32)


def numpy_type(name):
    return np.dtype(getattr(ml_dtypes, name))


def same(got, wanted) -> bool:
    """Equal bytes, any NaN for a NaN."""
    numbers = ~np.isnan(wanted.astype(np.float32))
    return got.dtype == wanted.dtype and bool((got.view(np.uint8) == wanted.view(np.uint8))[numbers].all())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source", ["float32", "float64", "float16", "int32", "bool"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_casts_to_bytes(name, source):
    x = np.array([0, 1, 3, 17, 447]).astype(source) if source in ("int32", "bool") else VALUES.astype(source)
    wanted = (x if source == "float64" else x.astype(np.float32)).astype(numpy_type(name))
    compiled = tf.function(lambda v: tf.cast(v, name))
    assert same(tf.cast(x, name).numpy(), wanted) and same(compiled(tf.constant(x)).numpy(), wanted)


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_is_read(name):
    x = np.arange(256, dtype=np.uint8).view(numpy_type(name))
    np.testing.assert_array_equal(tf.cast(x, "float32").numpy(), x.astype(np.float32))
    np.testing.assert_array_equal(tf.cast(x, "bool").numpy(), x.astype(np.float32) != 0)
    finite = x[np.abs(x.astype(np.float32)) < 1e5]
    np.testing.assert_array_equal(tf.cast(finite, "int32").numpy(), finite.astype(np.float32).astype(np.int32))


@pytest.mark.parametrize("name", NAMES)
def test_they_are_moved(name):
    x = tf.cast([[1.0, -2.0, 3.5], [0.25, 448.0, -8.0]], name)
    known = x.numpy()
    assert x.dtype == name and x.dtype.is_floating and x.dtype is getattr(tf.dtypes.experimental, name)
    moved = tf.function(lambda v: (tf.transpose(v), tf.concat([v, v], 0), tf.gather(v, [1]), tf.pad(v, [[0, 1], [0, 0]]),
                                   tf.where(tf.cast(v, "float32") > 0, v, tf.zeros_like(v)), tf.bitcast(v, "uint8")))  # fmt: skip
    wanted = (known.T, np.concatenate([known, known]), known[[1]], np.pad(known, [[0, 1], [0, 0]]),
              np.where(known.astype(np.float32) > 0, known, np.zeros_like(known)), known.view(np.uint8))  # fmt: skip
    for a, b in zip(moved(x), wanted):
        assert a.numpy().tobytes() == np.ascontiguousarray(b).tobytes()
    variable = tf.Variable(x)
    variable.assign(tf.cast(-tf.cast(variable, "float32"), name))
    np.testing.assert_array_equal(variable.numpy().astype(np.float32), -known.astype(np.float32))


def test_nothing_is_computed_with_them():
    x = tf.cast([1.0, 2.0], "float8_e5m2")
    for operation in (tf.add, tf.multiply, tf.less, tf.equal):
        with pytest.raises(DtypeError, match="not defined for f8e5m2"):
            operation(x, x)
    with pytest.raises(DtypeError):
        tf.reduce_sum(x)


def test_gradients_end_at_casts():
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.cast(tf.cast(v, "float8_e4m3fn"), "float32"))
    assert tape.gradient(y, v) is None, "as in TensorFlow"
