"""``keras.random`` by graphc's operations: drawn from a seed, which Keras' generators hand on."""

from __future__ import annotations

import functools

import graphc as tf
import numpy as np
from keras.src.backend.common import standardize_dtype
from keras.src.random.seed_generator import (  # noqa: F401  Keras finds them here
    SeedGenerator, draw_seed, make_default_seed,
)  # fmt: skip

from graphc.keras.keras_graphc import streams
from graphc.keras.keras_graphc.core import cast, convert_to_tensor

_KINDS = {int: "int64", float: "float64"}
_DRAWN_INTEGERS = ("int32", "int64")  # others are drawn as one of these and cast


@functools.cache
def _program(draw, dtype: str, rank: int, parameters: tuple):
    """The draw as one compiled function for all sizes of a rank and all parameters (dtypes of scalars)."""

    def drawn(seed, like, *parameters):
        return draw(seed, tf.shape(like), *parameters, dtype)

    specs = [tf.TensorSpec((2,), "uint32"), tf.TensorSpec((None,) * rank, "uint8")]
    return tf.function(drawn, [*specs, *(tf.TensorSpec((), kind) for kind in parameters)], autograph=False)


def _drawn(draw, seed, shape, parameters: tuple, dtype: str):
    """What ``draw`` answers. Outside of functions initializers draw many shapes, for which nothing more is compiled."""
    seed = draw_seed(seed)
    sizes = list(shape) if isinstance(shape, (list, tuple)) else [None]
    kinds = tuple([_KINDS.get(type(x)) for x in parameters])
    if tf.inside_function() or None in kinds or any(type(size) is not int for size in sizes):
        return draw(seed, shape, *parameters, dtype)
    return _program(draw, dtype, len(sizes), kinds)(seed, np.empty(sizes, np.uint8), *parameters)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    return _drawn(streams.uniform, seed, shape, (minval, maxval), standardize_dtype(dtype))


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return _drawn(streams.normal, seed, shape, (mean, stddev), standardize_dtype(dtype))


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return _drawn(streams.truncated_normal, seed, shape, (mean, stddev), standardize_dtype(dtype))


def randint(shape, minval, maxval, dtype="int32", seed=None):
    dtype = standardize_dtype(dtype)
    if isinstance(minval, int) and isinstance(maxval, int) and minval >= maxval:
        raise ValueError(f"`randint` needs `minval < maxval`. Received: minval={minval}, maxval={maxval}")
    drawn = dtype if dtype in _DRAWN_INTEGERS else "int64"
    return cast(_drawn(streams.uniform, seed, shape, (minval, maxval), drawn), dtype)


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
    return _drawn(streams.gamma, seed, shape, (alpha,), standardize_dtype(dtype))


def beta(shape, alpha, beta, dtype=None, seed=None):
    return _drawn(streams.beta, seed, shape, (alpha, beta), standardize_dtype(dtype))


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    return _drawn(streams.binomial, seed, shape, (counts, probabilities), standardize_dtype(dtype))
