"""Initialisers of TensorFlow 2: objects that make a tensor of a given shape; a seed makes it the same every time."""

from __future__ import annotations

import numpy as np

from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import initializers as lib
from graphc.lib import random, shape as lib_shape
from graphc.lib.promote import as_node, broadcast_to


def _constant(shape, value, dtype):
    sizes, array = lib.known_shape("Constant", shape), np.asarray(value).astype(dt.as_dtype(dtype).numpy)
    if array.size == int(np.prod(sizes)) and array.ndim:
        array = array.reshape(sizes)
    elif array.size != 1:
        raise ShapeError(explain(f"Constant: value of shape {array.shape} does not fit shape {list(sizes)}"))
    return broadcast_to(as_node(array if array.size != 1 else array.reshape(())), sizes)


class Initializer:
    """Makes a tensor: ``initializer(shape, dtype=None)``."""

    def __call__(self, shape, dtype=None, **kwargs):
        raise UsageError(explain(f"{type(self).__name__} makes no tensors"))

    def get_config(self) -> dict:
        """The arguments from which ``from_config`` makes an equal object."""
        return {}

    @classmethod
    def from_config(cls, config: dict):
        """An initialiser from what ``get_config`` answered."""
        return cls(**{k: v for k, v in config.items() if k != "dtype"})

    def clone(self):
        """An equal object."""
        return type(self).from_config(self.get_config())

    def _dtype(self, dtype, kinds: str = "f"):
        kind = dt.as_dtype(dt.f32 if dtype is None else dtype)
        if kind.kind not in kinds:
            raise DtypeError(explain(f"{type(self).__name__}: makes no values of {kind.name}"))
        return kind


class Zeros(Initializer):
    """Zeros (False)."""

    def __call__(self, shape, dtype=None, **kwargs):
        return _ZEROS(shape, self._dtype(dtype, "biufcs"))


class Ones(Initializer):
    """Ones (True)."""

    def __call__(self, shape, dtype=None, **kwargs):
        return _ONES(shape, self._dtype(dtype, "biufc"))


class Constant(Initializer):
    """One value everywhere, or the elements of an array."""

    def __init__(self, value=0, support_partition=False):
        self.value = value

    def __call__(self, shape, dtype=None, **kwargs):
        given = np.asarray(self.value).dtype if dtype is None and isinstance(self.value, np.ndarray) else dtype
        return _CONSTANT(shape, self.value, self._dtype(given, "biufc"))

    def get_config(self):
        return {"value": self.value}


class _Random(Initializer):
    """Draws by the function ``_draws`` with the arguments of the configuration."""

    seed = None

    def __call__(self, shape, dtype=None, **kwargs):
        arguments = {"shape": shape, **self._arguments(), "dtype": self._dtype(dtype)}
        public = _DRAWN[type(self)._draws, self.seed is not None]
        return public(**arguments) if self.seed is None else public(self.seed, **arguments)

    def _arguments(self) -> dict:
        return {k: v for k, v in self.get_config().items() if k not in ("seed", "input_axes", "output_axes")}


class RandomNormal(_Random):
    """Normally distributed."""

    _draws = "normal"

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class TruncatedNormal(RandomNormal):
    """Normally distributed without the values beyond two standard deviations."""

    _draws = "truncated_normal"


class RandomUniform(_Random):
    """Uniformly distributed in [minval, maxval); also integers."""

    _draws = "uniform"

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def get_config(self):
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}

    def _dtype(self, dtype, kinds: str = "fiu"):
        return super()._dtype(dtype, kinds)


class VarianceScaling(_Random):
    """Random with a variance of ``scale`` divided by the number of inputs, outputs, or their mean.

    Args:
        mode: ``fan_in``, ``fan_out`` or ``fan_avg``.
        distribution: ``truncated_normal`` (also ``normal``), ``untruncated_normal`` or ``uniform``.
        input_axes, output_axes: which axes count as inputs and outputs; only the usual ones (None) exist here.
    """

    _draws = "variance_scaling"

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, input_axes=None,
                 output_axes=None):  # fmt: skip
        if (input_axes, output_axes) != (None, None):
            raise UsageError(explain("VarianceScaling: the axes of inputs and outputs cannot be chosen"))
        lib.check_scaling(scale, mode, distribution)
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed

    def get_config(self):
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self.seed}


def _scaled(name: str, scale: float, mode: str, distribution: str, doc: str) -> type:
    def __init__(self, seed=None, input_axes=None, output_axes=None):
        VarianceScaling.__init__(self, scale, mode, distribution, seed, input_axes, output_axes)

    def get_config(self):
        return {"seed": self.seed}

    def _arguments(self):
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution}

    members = {"__init__": __init__, "get_config": get_config, "_arguments": _arguments, "__doc__": doc,
               "__module__": __name__}  # fmt: skip
    return type(name, (VarianceScaling,), members)


GlorotUniform = _scaled("GlorotUniform", 1.0, "fan_avg", "uniform",
                        "Uniform with a variance of 2 / (inputs + outputs).")  # fmt: skip
GlorotNormal = _scaled("GlorotNormal", 1.0, "fan_avg", "truncated_normal",
                       "Truncated normal with a variance of 2 / (inputs + outputs).")  # fmt: skip
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", "Uniform with a variance of 2 / inputs.")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", "Truncated normal with a variance of 2 / inputs.")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", "Uniform with a variance of 1 / inputs.")
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal",
                      "Truncated normal with a variance of 1 / inputs.")  # fmt: skip


class Orthogonal(_Random):
    """A matrix with orthonormal columns or rows, times ``gain``; the factorisation runs on the host."""

    _draws = "orthogonal"

    def __init__(self, gain=1.0, seed=None):
        self.gain, self.seed = gain, seed

    def get_config(self):
        return {"gain": self.gain, "seed": self.seed}


class Identity(Initializer):
    """``gain`` where row and column agree, else 0."""

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None, **kwargs):
        return _IDENTITY(shape, self.gain, self._dtype(dtype, "fiu"))

    def get_config(self):
        return {"gain": self.gain}


_FUNCTIONS = {
    "normal": random.normal, "truncated_normal": random.truncated_normal, "uniform": random.uniform,
    "variance_scaling": lib.variance_scaling, "orthogonal": lib.orthogonal,
}  # fmt: skip


def _drawn() -> dict:
    """Public functions: (name, whether a seed alone decides) -> function."""
    found = {}
    for name, function in _FUNCTIONS.items():
        found[name, False] = lift(Op(f"initializers.{name}", name, function, random=True), eager)
        found[name, True] = _Seeded(name, function)
    return found


class _Seeded:
    """Draws from the stream of a seed."""

    def __init__(self, name: str, function):
        self.name, self.function = name, function

    def __call__(self, seed: int, **arguments):
        def build(shape):
            return lib.seeded(self.function, seed, **{**arguments, "shape": shape})

        return lift(Op(f"initializers.{self.name}", self.name, build), eager)(arguments["shape"])


_DRAWN = _drawn()
_ZEROS = lift(Op("initializers.zeros", "Zeros", lib_shape.zeros), eager)
_ONES = lift(Op("initializers.ones", "Ones", lib_shape.ones), eager)
_CONSTANT = lift(Op("initializers.constant", "Const", _constant), eager)
_IDENTITY = lift(Op("initializers.identity", "Identity", lib.identity), eager)

_CLASSES = {
    "Zeros": "zeros", "Ones": "ones", "Constant": "constant", "RandomNormal": "random_normal",
    "RandomUniform": "random_uniform", "TruncatedNormal": "truncated_normal", "VarianceScaling": "variance_scaling",
    "GlorotUniform": "glorot_uniform", "GlorotNormal": "glorot_normal", "HeUniform": "he_uniform",
    "HeNormal": "he_normal", "LecunUniform": "lecun_uniform", "LecunNormal": "lecun_normal",
    "Orthogonal": "orthogonal", "Identity": "identity",
}  # fmt: skip

#: Every public name of an initialiser, with those of the top level.
NAMES = {
    "initializers.Initializer": Initializer,
    **{f"initializers.{name}": globals()[name] for name in _CLASSES},
    **{f"initializers.{alias}": globals()[name] for name, alias in _CLASSES.items()},
    "zeros_initializer": Zeros, "ones_initializer": Ones, "constant_initializer": Constant,
    "random_normal_initializer": RandomNormal, "random_uniform_initializer": RandomUniform,
}  # fmt: skip
