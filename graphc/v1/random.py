"""``tf.random`` of TensorFlow 1: every run draws new numbers, and seeds make them repeat."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.lib import distributions
from graphc.lib import random as lib_random
from graphc.v1.catalogue import members_of
from graphc.v1.control import set_random_seed  # noqa: F401  also found here
from graphc.v1.define import random_op
from graphc.v1.tensor import Tensor


def random_normal(shape, mean=0.0, stddev=1.0, dtype=dt.f32, seed=None, name=None) -> Tensor:
    """Normally distributed."""
    arguments = {"shape": shape, "mean": mean, "stddev": stddev, "dtype": dtype}
    return random_op("RandomStandardNormal", "random_normal", lib_random.normal, arguments, {}, seed, name)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=dt.f32, seed=None, name=None) -> Tensor:
    """Normally distributed without the values beyond two standard deviations."""
    arguments = {"shape": shape, "mean": mean, "stddev": stddev, "dtype": dtype}
    return random_op("TruncatedNormal", "truncated_normal", lib_random.truncated_normal, arguments, {}, seed, name)


def random_uniform(shape, minval=0, maxval=None, dtype=dt.f32, seed=None, name=None) -> Tensor:
    """Uniform in [minval, maxval); [0, 1) by default; integers need ``maxval``."""
    arguments = {"shape": shape, "minval": minval, "maxval": maxval, "dtype": dtype}
    return random_op("RandomUniform", "random_uniform", lib_random.uniform, arguments, {}, seed, name)


def random_shuffle(value, seed=None, name=None) -> Tensor:
    """The slices along the first axis in a random order."""
    return random_op("RandomShuffle", "RandomShuffle", lib_random.shuffle, {"value": value}, {"value": 0}, seed, name)


def multinomial(logits, num_samples, seed=None, name=None, output_dtype=dt.i64) -> Tensor:
    """Class numbers drawn for each row of unnormalised log-probabilities."""
    arguments = {"logits": logits, "num_samples": num_samples, "dtype": output_dtype or dt.i64}
    return random_op("Multinomial", "multinomial", lib_random.categorical, arguments, {"logits": 0}, seed, name)


def categorical(logits, num_samples, dtype=None, seed=None, name=None) -> Tensor:
    """The newer name of ``multinomial``."""
    return multinomial(logits, num_samples, seed, name, dtype)


def random_gamma(shape, alpha, beta=None, dtype=dt.f32, seed=None, name=None) -> Tensor:
    """Gamma distributed with concentration ``alpha`` and rate ``beta``: ``shape`` values for each of them."""
    arguments = {"shape": shape, "alpha": alpha, "beta": beta, "dtype": dtype}
    return random_op("RandomGamma", "random_gamma", distributions.gamma, arguments, {}, seed, name)


def random_poisson(lam, shape, dtype=dt.f32, seed=None, name=None) -> Tensor:
    """Poisson distributed with rate ``lam``: ``shape`` values for each of its elements."""
    arguments = {"lam": lam, "shape": shape, "dtype": dtype}
    return random_op("RandomPoissonV2", "random_poisson", distributions.poisson, arguments, {}, seed, name)


gamma, poisson = random_gamma, random_poisson
normal, uniform, shuffle = random_normal, random_uniform, random_shuffle


__all__ = [
    "categorical", "gamma", "multinomial", "normal", "poisson", "random_gamma", "random_normal", "random_poisson",
    "random_shuffle", "random_uniform", "set_random_seed", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip


__getattr__ = members_of("random")


def __dir__() -> list[str]:
    return __all__
