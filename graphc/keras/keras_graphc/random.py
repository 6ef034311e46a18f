"""``keras.random`` by graphc's operations: drawn from a seed, which Keras' generators hand on."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import standardize_dtype
from keras.src.backend.config import floatx
from keras.src.random.seed_generator import (  # noqa: F401  Keras finds them here
    SeedGenerator, draw_seed, make_default_seed,
)  # fmt: skip

from graphc.keras.keras_graphc.core import cast, convert_to_tensor


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    dtype = dtype or floatx()
    return tf.random.stateless_uniform(shape, draw_seed(seed), tf.cast(minval, dtype), tf.cast(maxval, dtype), dtype)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return tf.random.stateless_normal(shape, draw_seed(seed), mean, stddev, dtype or floatx())


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return tf.random.stateless_truncated_normal(shape, draw_seed(seed), mean, stddev, dtype or floatx())


def randint(shape, minval, maxval, dtype="int32", seed=None):
    drawn = dtype if standardize_dtype(dtype) in ("int32", "int64") else "int64"
    limits = (limit if isinstance(limit, int) else tf.cast(limit, drawn) for limit in (minval, maxval))
    return cast(tf.random.stateless_uniform(shape, draw_seed(seed), *limits, drawn), dtype)


def categorical(logits, num_samples, dtype="int32", seed=None):
    drawn = dtype if standardize_dtype(dtype) in ("int32", "int64") else "int32"
    return cast(tf.random.stateless_categorical(convert_to_tensor(logits), num_samples, draw_seed(seed), drawn), dtype)


def dropout(inputs, rate, noise_shape=None, seed=None):
    inputs = convert_to_tensor(inputs)
    if rate == 1.0:
        return tf.zeros_like(inputs)
    if rate == 0.0:
        return inputs
    return tf.nn.experimental.stateless_dropout(inputs, rate, draw_seed(seed), noise_shape=noise_shape)


def shuffle(x, axis=0, seed=None):
    """The slices along an axis in a random order, as the TensorFlow back end has it."""
    x = convert_to_tensor(x)
    axis = axis % x.shape.rank
    if axis == 0:
        return tf.random.experimental.stateless_shuffle(x, draw_seed(seed))
    places = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(x)[axis]), draw_seed(seed))
    return tf.gather(x, places, axis=axis)


def _gamma(shape, alpha, seed):
    return tf.random.stateless_gamma(shape, seed, tf.broadcast_to(tf.cast(alpha, "float64"), shape), dtype="float64")


def gamma(shape, alpha, dtype=None, seed=None):
    return cast(_gamma(shape, alpha, draw_seed(seed)), dtype or floatx())


def beta(shape, alpha, beta, dtype=None, seed=None):
    """By two gamma distributed values, ``a / (a + b)``; in float64, where small ones are not 0 / 0."""
    first, second = tf.unstack(tf.random.split(draw_seed(seed)))
    a, b = _gamma(shape, alpha, first), _gamma(shape, beta, second)
    return cast(a / (a + b), dtype or floatx())


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    counts, probabilities = (tf.broadcast_to(tf.cast(x, "float64"), shape) for x in (counts, probabilities))
    drawn = tf.random.stateless_binomial(shape, draw_seed(seed), counts, probabilities, "float64")
    return cast(drawn, dtype or floatx())
