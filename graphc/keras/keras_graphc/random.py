"""``keras.random`` by graphc's operations: drawn from a seed, which Keras' generators hand on."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.config import floatx
from keras.src.random.seed_generator import SeedGenerator, draw_seed, make_default_seed  # noqa: F401  Keras finds them here


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    dtype = dtype or floatx()
    return tf.random.stateless_uniform(shape, draw_seed(seed), tf.cast(minval, dtype), tf.cast(maxval, dtype), dtype)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return tf.random.stateless_normal(shape, draw_seed(seed), mean, stddev, dtype or floatx())
