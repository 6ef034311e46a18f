"""Initial values: objects that make a tensor of a given shape."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.api.shape import TensorShape
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import initializers as lib
from graphc.v1 import ops, random
from graphc.v1.catalogue import SHARED, members_of
from graphc.v1.define import random_op
from graphc.v1.variables import global_variables_initializer as global_variables  # noqa: F401  TensorFlow's names
from graphc.v1.variables import local_variables_initializer as local_variables  # noqa: F401
from graphc.v1.variables import variables_initializer as variables  # noqa: F401


class Initializer:
    """Makes a tensor: ``initializer(shape, dtype)``.

    Attributes:
        arguments: the names of the attributes that make another one like it.
    """

    arguments: tuple[str, ...] = ("dtype",)
    dtype = dt.f32

    def __call__(self, shape, dtype=None, partition_info=None):
        raise UsageError(explain(f"{type(self).__name__} makes no tensors"))

    def get_config(self) -> dict:
        """The arguments that make another one like it, as plain values."""
        found = {name: getattr(self, name) for name in self.arguments}
        if "dtype" in found:
            found["dtype"] = dt.as_dtype(self.dtype).name
        return found

    @classmethod
    def from_config(cls, config: dict) -> "Initializer":
        """One like that whose ``get_config`` answered with ``config``."""
        return cls(**config)

    def _dtype(self, dtype):
        return dt.as_dtype(self.dtype if dtype is None else dtype)


def _floating(name: str, dtype) -> dt.DType:
    kind = dt.as_dtype(dtype)
    if not kind.is_inexact or kind.is_complex:
        raise DtypeError(explain(f"{name}: the dtype must be floating, got {kind.name}"))
    return kind


def _sizes(shape) -> list:
    return TensorShape(shape).as_list() if isinstance(shape, TensorShape) else shape


class Zeros(Initializer):
    """Zeros; of strings, empty ones; of booleans, False."""

    def __init__(self, dtype=dt.f32):
        self.dtype = dt.as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return ops.zeros(_sizes(shape), self._dtype(dtype))


class Ones(Initializer):
    """Ones."""

    def __init__(self, dtype=dt.f32):
        self.dtype = dt.as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return ops.ones(_sizes(shape), self._dtype(dtype))


class Constant(Initializer):
    """One value everywhere, or the elements of a list or array, of which the last one fills what is left.

    Args:
        verify_shape: refuse a value that has not exactly the shape.

    Raises:
        UsageError: the value is none of these.
    """

    arguments = ("value", "dtype")

    def __init__(self, value=0, dtype=dt.f32, verify_shape=False):
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            what = f"Constant: the value must be a number, a list or an array, got {value!r}"
            raise UsageError(explain(what))
        self.value, self.dtype, self._verify = value, dt.as_dtype(dtype), verify_shape

    def __call__(self, shape, dtype=None, partition_info=None, verify_shape=None):
        value = self.value.tolist() if isinstance(self.value, (np.ndarray, np.generic)) else self.value
        verify = self._verify if verify_shape is None else verify_shape
        return ops.constant(value, self._dtype(dtype), _sizes(shape), verify_shape=verify)


class RandomNormal(Initializer):
    """Normally distributed."""

    arguments = ("mean", "stddev", "seed", "dtype")
    draw = staticmethod(random.random_normal)

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=dt.f32):
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self.dtype = _floating(type(self).__name__, dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return self.draw(_sizes(shape), self.mean, self.stddev, self._dtype(dtype), self.seed)


class TruncatedNormal(RandomNormal):
    """Normally distributed without the values beyond two standard deviations."""

    draw = staticmethod(random.truncated_normal)


class RandomUniform(Initializer):
    """Uniformly distributed between ``minval`` and ``maxval`` (1 for floats if None), the latter excluded."""

    arguments = ("minval", "maxval", "seed", "dtype")

    def __init__(self, minval=0.0, maxval=None, seed=None, dtype=dt.f32):
        self.minval, self.maxval, self.seed, self.dtype = minval, maxval, seed, dt.as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return random.random_uniform(_sizes(shape), self.minval, self.maxval, self._dtype(dtype), self.seed)


class VarianceScaling(Initializer):
    """Random with a variance of ``scale`` divided by the number of inputs, outputs, or their mean.

    Args:
        mode: ``fan_in``, ``fan_out`` or ``fan_avg``.
        distribution: ``truncated_normal`` (also ``normal``), ``untruncated_normal`` or ``uniform``.

    Raises:
        UsageError: one of these is unknown, or the scale is not positive. DtypeError: the dtype is not floating.
    """

    arguments = ("scale", "mode", "distribution", "seed", "dtype")

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, dtype=dt.f32):
        mode, distribution = (v.lower() if isinstance(v, str) else v for v in (mode, distribution))
        lib.check_scaling(scale, mode, distribution)
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed
        self.dtype = _floating(type(self).__name__, dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        shape = _sizes(shape)
        whole = shape if partition_info is None else partition_info.full_shape
        arguments = {"shape": shape, "scale": self.scale, "mode": self.mode, "distribution": self.distribution,
                     "dtype": self._dtype(dtype), "whole": whole}  # fmt: skip
        kind, name = _DRAWN[self.distribution]
        return random_op(kind, name, lib.variance_scaling, arguments, {}, self.seed)


_DRAWN = {  # distribution -> the kind and name of the operation
    "truncated_normal": ("TruncatedNormal", "truncated_normal"), "normal": ("TruncatedNormal", "truncated_normal"),
    "untruncated_normal": ("RandomStandardNormal", "random_normal"), "uniform": ("RandomUniform", "random_uniform"),
}  # fmt: skip


class UniformUnitScaling(Initializer):
    """Uniform, such that what a linear layer makes has the variance of its input, times ``factor`` squared."""

    arguments = ("factor", "seed", "dtype")

    def __init__(self, factor=1.0, seed=None, dtype=dt.f32):
        self.factor, self.seed, self.dtype = factor, seed, _floating("UniformUnitScaling", dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        shape = _sizes(shape)
        whole = shape if partition_info is None else partition_info.full_shape
        inputs = python_math.prod(int(d) for d in whole[:-1])
        limit = python_math.sqrt(3.0 / max(1.0, inputs)) * self.factor
        return random.random_uniform(shape, -limit, limit, self._dtype(dtype), self.seed)


class Orthogonal(Initializer):
    """A matrix with orthonormal columns or rows, times ``gain``; the factorisation runs on the host."""

    arguments = ("gain", "seed", "dtype")

    def __init__(self, gain=1.0, seed=None, dtype=dt.f32):
        self.gain, self.seed, self.dtype = gain, seed, _floating("Orthogonal", dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        arguments = {"shape": _sizes(shape), "gain": self.gain, "dtype": self._dtype(dtype)}
        return random_op("Qr", "orthogonal", lib.orthogonal, arguments, {}, self.seed)


class Identity(Initializer):
    """``gain`` where row and column agree, else 0."""

    arguments = ("gain", "dtype")

    def __init__(self, gain=1.0, dtype=dt.f32):
        self.gain, self.dtype = gain, _floating("Identity", dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        shape = _sizes(shape)
        lib.known_shape("Identity", shape)
        whole = shape if partition_info is None else partition_info.full_shape
        if len(whole) != 2:
            raise ShapeError(explain(f"Identity: the shape needs two axes, got {list(whole)}"))
        value = self.gain * np.eye(*whole)
        if partition_info is not None:
            row, column = partition_info.var_offset
            value = value[row : row + shape[0], column : column + shape[1]]
        return ops.constant(value.tolist(), self._dtype(dtype), shape)


def _scaled(name: str, scale: float, mode: str, distribution: str, doc: str) -> type:
    """A class of initializers of which only the seed and the dtype are free."""

    def __init__(self, seed=None, dtype=dt.f32):  # noqa: N807
        VarianceScaling.__init__(self, scale, mode, distribution, seed, dtype)

    members = {"__init__": __init__, "__doc__": doc, "__module__": __name__, "arguments": ("seed", "dtype")}
    return type(name, (VarianceScaling,), members)


_UNIFORM, _NORMAL = "Uniform with a variance of", "Truncated normal with a variance of"
GlorotUniform = _scaled("GlorotUniform", 1.0, "fan_avg", "uniform", f"{_UNIFORM} 2 / (inputs + outputs).")
GlorotNormal = _scaled("GlorotNormal", 1.0, "fan_avg", "truncated_normal", f"{_NORMAL} 2 / (inputs + outputs).")
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", f"{_UNIFORM} 2 / inputs.")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", f"{_NORMAL} 2 / inputs.")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", f"{_UNIFORM} 1 / inputs.")
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal", f"{_NORMAL} 1 / inputs.")

zeros, ones, constant = Zeros, Ones, Constant
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, uniform_unit_scaling = VarianceScaling, UniformUnitScaling
orthogonal, identity = Orthogonal, Identity
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal, lecun_uniform, lecun_normal = HeUniform, HeNormal, LecunUniform, LecunNormal


def tables_initializer(name="init_all_tables"):
    """An operation that initialises all tables."""
    return SHARED.get("tables_initializer")(name=name)


__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "Initializer", "LecunNormal",
    "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal",
    "UniformUnitScaling", "VarianceScaling", "Zeros", "constant", "global_variables", "glorot_normal", "glorot_uniform",
    "he_normal", "he_uniform", "identity",
    "lecun_normal", "lecun_uniform", "local_variables", "ones", "orthogonal", "random_normal",
    "random_uniform", "tables_initializer", "truncated_normal", "uniform_unit_scaling", "variables", "variance_scaling",
    "zeros",
]  # fmt: skip


__getattr__ = members_of("initializers")


def __dir__() -> list[str]:
    return __all__
