"""``keras.random`` by graphc's operations: drawn from a seed, which Keras' generators hand on."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import standardize_dtype
from keras.src.backend.config import floatx
from keras.src.random.seed_generator import (  # noqa: F401  Keras finds them here
    SeedGenerator, draw_seed, make_default_seed,
)  # fmt: skip

from graphc.keras.keras_graphc import streams
from graphc.keras.keras_graphc.core import cast, convert_to_tensor

_DRAWN_INTEGERS = ("int32", "int64")  # others are drawn as one of these and cast


def _in_dtype(value, dtype):
    """A parameter: a Python number, which adopts the dtype, or a tensor of the dtype."""
    return value if isinstance(value, (int, float)) else convert_to_tensor(value, dtype)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    dtype = dtype or floatx()
    return streams.uniform(draw_seed(seed), shape, _in_dtype(minval, dtype), _in_dtype(maxval, dtype), dtype)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    dtype = dtype or floatx()
    return streams.normal(draw_seed(seed), shape, _in_dtype(mean, dtype), _in_dtype(stddev, dtype), dtype)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    dtype = dtype or floatx()
    return streams.truncated_normal(draw_seed(seed), shape, _in_dtype(mean, dtype), _in_dtype(stddev, dtype), dtype)


def randint(shape, minval, maxval, dtype="int32", seed=None):
    drawn = dtype if standardize_dtype(dtype) in _DRAWN_INTEGERS else "int64"
    limits = (limit if isinstance(limit, int) else cast(limit, drawn) for limit in (minval, maxval))
    return cast(streams.uniform(draw_seed(seed), shape, *limits, drawn), dtype)


def categorical(logits, num_samples, dtype="int32", seed=None):
    drawn = dtype if standardize_dtype(dtype) in _DRAWN_INTEGERS else "int32"
    return cast(streams.categorical(draw_seed(seed), convert_to_tensor(logits), num_samples, drawn), dtype)


def dropout(inputs, rate, noise_shape=None, seed=None):
    inputs = convert_to_tensor(inputs)
    if rate == 1.0:
        return tf.zeros_like(inputs)
    if rate == 0.0:
        return inputs
    return streams.dropout(draw_seed(seed), inputs, rate, noise_shape)


def shuffle(x, axis=0, seed=None):
    """The slices along an axis in a random order, as the TensorFlow back end has it."""
    x = convert_to_tensor(x)
    if axis % x.shape.rank == 0:
        return streams.shuffle(draw_seed(seed), x)
    return tf.gather(x, streams.shuffle(draw_seed(seed), tf.range(tf.shape(x)[axis])), axis=axis)


def gamma(shape, alpha, dtype=None, seed=None):
    return streams.gamma(draw_seed(seed), shape, alpha, dtype or floatx())


def beta(shape, alpha, beta, dtype=None, seed=None):
    return streams.beta(draw_seed(seed), shape, alpha, beta, dtype or floatx())


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    return streams.binomial(draw_seed(seed), shape, counts, probabilities, dtype or floatx())
