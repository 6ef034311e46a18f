"""Initial values: objects that make a tensor of a given shape."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import initializers as lib
from graphc.v1 import ops, random
from graphc.v1.catalogue import members_of
from graphc.v1.define import random_op


class Initializer:
    """Makes a tensor: ``initializer(shape, dtype)``."""

    dtype = dt.f32

    def __call__(self, shape, dtype=None, partition_info=None):
        raise UsageError(explain(f"{type(self).__name__} makes no tensors"))

    def _dtype(self, dtype):
        return dt.as_dtype(self.dtype if dtype is None else dtype)


class Zeros(Initializer):
    """Zeros."""

    def __init__(self, dtype=dt.f32):
        self.dtype = dtype

    def __call__(self, shape, dtype=None, partition_info=None):
        return ops.zeros(shape, self._dtype(dtype))


class Ones(Initializer):
    """Ones."""

    def __init__(self, dtype=dt.f32):
        self.dtype = dtype

    def __call__(self, shape, dtype=None, partition_info=None):
        return ops.ones(shape, self._dtype(dtype))


class Constant(Initializer):
    """One value everywhere, or the elements of an array."""

    def __init__(self, value=0, dtype=dt.f32, verify_shape=False):
        self.value, self.dtype = value, dtype

    def __call__(self, shape, dtype=None, partition_info=None, verify_shape=None):
        return ops.constant(np.asarray(self.value).tolist(), self._dtype(dtype), shape)


class RandomNormal(Initializer):
    """Normally distributed."""

    draw = staticmethod(random.random_normal)

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=dt.f32):
        self.mean, self.stddev, self.seed, self.dtype = mean, stddev, seed, dtype

    def __call__(self, shape, dtype=None, partition_info=None):
        return self.draw(shape, self.mean, self.stddev, self._dtype(dtype), self.seed)


class TruncatedNormal(RandomNormal):
    """Normally distributed without the values beyond two standard deviations."""

    draw = staticmethod(random.truncated_normal)


class RandomUniform(Initializer):
    """Uniformly distributed."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None, dtype=dt.f32):
        self.minval, self.maxval, self.seed, self.dtype = minval, maxval, seed, dtype

    def __call__(self, shape, dtype=None, partition_info=None):
        return random.random_uniform(shape, self.minval, self.maxval, self._dtype(dtype), self.seed)


class VarianceScaling(Initializer):
    """Random with a variance of ``scale`` divided by the number of inputs, outputs, or their mean.

    Args:
        mode: ``fan_in``, ``fan_out`` or ``fan_avg``.
        distribution: ``truncated_normal`` (also ``normal``), ``untruncated_normal`` or ``uniform``.
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, dtype=dt.f32):
        lib.check_scaling(scale, mode, distribution)
        self.scale, self.mode, self.distribution, self.seed, self.dtype = scale, mode, distribution, seed, dtype

    def __call__(self, shape, dtype=None, partition_info=None):
        arguments = {"shape": shape, "scale": self.scale, "mode": self.mode, "distribution": self.distribution,
                     "dtype": self._dtype(dtype)}  # fmt: skip
        return random_op("RandomUniform", "variance_scaling", lib.variance_scaling, arguments, {}, self.seed)


class UniformUnitScaling(Initializer):
    """Uniform, such that what a linear layer makes has the variance of its input, times ``factor`` squared."""

    def __init__(self, factor=1.0, seed=None, dtype=dt.f32):
        self.factor, self.seed, self.dtype = factor, seed, dtype

    def __call__(self, shape, dtype=None, partition_info=None):
        inputs = python_math.prod(int(d) for d in shape[:-1])
        limit = python_math.sqrt(3.0 / max(1.0, inputs)) * self.factor
        return random.random_uniform(shape, -limit, limit, self._dtype(dtype), self.seed)


class Orthogonal(Initializer):
    """A matrix with orthonormal columns or rows, times ``gain``; the factorisation runs on the host."""

    def __init__(self, gain=1.0, seed=None, dtype=dt.f32):
        self.gain, self.seed, self.dtype = gain, seed, dtype

    def __call__(self, shape, dtype=None, partition_info=None):
        arguments = {"shape": shape, "gain": self.gain, "dtype": self._dtype(dtype)}
        return random_op("Qr", "orthogonal", lib.orthogonal, arguments, {}, self.seed)


class Identity(Initializer):
    """``gain`` where row and column agree, else 0."""

    def __init__(self, gain=1.0, dtype=dt.f32):
        self.gain, self.dtype = gain, dtype

    def __call__(self, shape, dtype=None, partition_info=None):
        lib.known_shape("Identity", shape)
        if len(shape) != 2:
            raise ShapeError(explain(f"Identity: the shape needs two axes, got {list(shape)}"))
        return ops.constant((self.gain * np.eye(*shape)).tolist(), self._dtype(dtype), shape)


def glorot_uniform(seed=None, dtype=dt.f32):
    """Uniform with a variance of 2 / (inputs + outputs)."""
    return VarianceScaling(1.0, "fan_avg", "uniform", seed, dtype)


def glorot_normal(seed=None, dtype=dt.f32):
    """Truncated normal with a variance of 2 / (inputs + outputs)."""
    return VarianceScaling(1.0, "fan_avg", "truncated_normal", seed, dtype)


def he_normal(seed=None, dtype=dt.f32):
    """Truncated normal with a variance of 2 / inputs."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed, dtype)


def he_uniform(seed=None, dtype=dt.f32):
    """Uniform with a variance of 2 / inputs."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed, dtype)


def lecun_normal(seed=None, dtype=dt.f32):
    """Truncated normal with a variance of 1 / inputs."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed, dtype)


def lecun_uniform(seed=None, dtype=dt.f32):
    """Uniform with a variance of 1 / inputs."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed, dtype)


zeros, ones, constant = Zeros, Ones, Constant
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, uniform_unit_scaling = VarianceScaling, UniformUnitScaling
orthogonal, identity = Orthogonal, Identity


__all__ = [
    "Constant", "Identity", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal",
    "UniformUnitScaling", "VarianceScaling", "Zeros", "constant", "glorot_normal", "glorot_uniform", "he_normal",
    "he_uniform", "identity", "lecun_normal", "lecun_uniform", "ones", "orthogonal", "random_normal",
    "random_uniform", "truncated_normal", "uniform_unit_scaling", "variance_scaling", "zeros",
]  # fmt: skip


__getattr__ = members_of("initializers")


def __dir__() -> list[str]:
    return __all__
