"""``tf.random.Generator``: a stream of random numbers with a state of its own (Philox)."""

from __future__ import annotations

import enum
import secrets
import threading

import numpy as np

from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.api.scope import init_scope
from graphc.api.variable import Variable
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import binomial, generator_state, random, stateless
from graphc.lib.shape import stack


class Algorithm(enum.Enum):
    """Methods of making random numbers; the streams here are Philox's."""

    PHILOX = 1
    THREEFRY = 2
    AUTO_SELECT = 3


def _number(alg) -> int:
    stateless.check_algorithm("Generator", alg)
    text = str(getattr(alg, "value", alg)).lower()
    return 3 if text in ("3", "auto_select", "autoselect") else 1


def _uniform(state, shape, minval, maxval, dtype):
    if dtype.is_integer and minval is None and maxval is None:
        return generator_state.drawn(generator_state.full_int, state, shape, dtype=dtype)
    return generator_state.drawn(random.uniform, state, shape, minval=minval, maxval=maxval, dtype=dtype)


def _normal(state, shape, mean, stddev, dtype):
    return generator_state.drawn(random.normal, state, shape, mean=mean, stddev=stddev, dtype=dtype)


def _truncated_normal(state, shape, mean, stddev, dtype):
    return generator_state.drawn(random.truncated_normal, state, shape, mean=mean, stddev=stddev, dtype=dtype)


def _binomial(state, shape, counts, probs, dtype):
    return generator_state.drawn(binomial.binomial, state, shape, counts=counts, probs=probs, dtype=dtype)


def _seeds(state, count):
    keys, after = generator_state.drawn(generator_state.full_int, state, [count], dtype=dt.i64)
    return stack([keys, keys - keys]), after


def _made(kind: str, function):
    return lift(Op(f"random.Generator.{kind}", kind, function, "state"), eager)


_DRAW = {
    "uniform": _made("StatefulUniform", _uniform),
    "normal": _made("StatefulStandardNormalV2", _normal),
    "truncated_normal": _made("StatefulTruncatedNormal", _truncated_normal),
    "binomial": _made("StatefulRandomBinomial", _binomial),
    "make_seeds": _made("StatefulUniformFullInt", _seeds),
}
_SKIP = _made("RngSkip", generator_state.skipped)
_STATE = lift(Op("random.create_rng_state", "RngState", stateless.create_rng_state), eager)


class Generator:
    """Random numbers from a state that every draw advances; equal states give equal numbers.

    Args:
        copy_from: a generator whose state is copied.
        state: i64[3], or a Variable of that, which the generator then uses itself.
        alg: ``philox`` or ``auto_select``.

    Raises:
        UsageError: neither a generator nor a state with an algorithm is given, or another algorithm.
    """

    def __init__(self, copy_from=None, state=None, alg=None):
        if copy_from is not None:
            if alg is not None or state is not None:
                raise UsageError(explain("Generator: pass copy_from, or state and alg, not both"))
            state, alg = copy_from.state.numpy(), copy_from.algorithm
        if state is None or alg is None:
            raise UsageError(explain("Generator: pass copy_from, or both state and alg"))
        self._algorithm = _number(alg)
        if not isinstance(state, Variable):
            state = Variable(_as_state(state), trainable=False, name="StateVar")
        self._state_var = state

    @classmethod
    def from_state(cls, state, alg):
        """A generator with this state."""
        return cls(state=state, alg=alg)

    @classmethod
    def from_seed(cls, seed, alg=None):
        """A generator from an integer or a vector of them."""
        alg = "philox" if alg is None else alg
        with init_scope():  # a function that is being traced keeps it
            state = _STATE(seed, alg)
        return cls(state=state, alg=alg)

    @classmethod
    def from_non_deterministic_state(cls, alg=None):
        """A generator from the system's randomness."""
        words = np.frombuffer(secrets.token_bytes(24), np.int64)
        return cls(state=words, alg="philox" if alg is None else alg)

    @classmethod
    def from_key_counter(cls, key, counter, alg):
        """A generator from a key (scalar) and a counter (two numbers)."""
        return cls(state=_joined(key, counter), alg=alg)

    def reset(self, state):
        """Go to a state."""
        self._state_var.assign(_as_state(state))

    def reset_from_seed(self, seed):
        """Go to the state that ``from_seed`` makes."""
        self._state_var.assign(_STATE(seed, self._algorithm))

    def reset_from_key_counter(self, key, counter):
        """Go to the state that ``from_key_counter`` makes."""
        self._state_var.assign(_joined(key, counter))

    @property
    def state(self) -> Variable:
        """The state, i64[3]."""
        return self._state_var

    @property
    def algorithm(self) -> int:
        """The number of the algorithm."""
        return self._algorithm

    @property
    def key(self):
        """The key: the last element of the state."""
        return self._state_var.value()[2]

    def _draw(self, kind: str, *arguments):
        out, after = _DRAW[kind](self._state_var.value(), *arguments)
        self._state_var.assign(after)
        return out

    def skip(self, delta):
        """Leave out ``delta`` numbers; the state before that."""
        before = self._state_var.value()
        self._state_var.assign(_SKIP(before, delta))
        return before

    def normal(self, shape, mean=0.0, stddev=1.0, dtype=dt.f32, name=None):
        """Normally distributed."""
        return self._draw("normal", shape, mean, stddev, dt.as_dtype(dtype))

    def truncated_normal(self, shape, mean=0.0, stddev=1.0, dtype=dt.f32, name=None):
        """Normally distributed without the values beyond two standard deviations."""
        return self._draw("truncated_normal", shape, mean, stddev, dt.as_dtype(dtype))

    def uniform(self, shape, minval=0, maxval=None, dtype=dt.f32, name=None):
        """Uniform in [minval, maxval): floats (default [0, 1)), or integers; without limits, any integer.

        Raises:
            UsageError: integers with one limit only.
        """
        kind = dt.as_dtype(dtype)
        if kind.is_integer and (minval is None) != (maxval is None):
            raise UsageError(explain(f"Generator.uniform: {kind.name} needs minval and maxval both None, or both"))
        return self._draw("uniform", shape, minval, maxval, kind)

    def uniform_full_int(self, shape, dtype=dt.u64, name=None):
        """Any value of an integer dtype."""
        return self.uniform(shape, None, None, dtype)

    def binomial(self, shape, counts, probs, dtype=dt.i32, name=None):
        """Successes among ``counts`` trials of probability ``probs``."""
        return self._draw("binomial", shape, counts, probs, dt.as_dtype(dtype))

    def make_seeds(self, count=1):
        """``count`` seeds for stateless operations as columns, i64[2, count]."""
        return self._draw("make_seeds", count)

    def split(self, count=1) -> list["Generator"]:
        """Generators that are independent of each other and of this one."""
        keys = self.make_seeds(count).numpy()[0]
        return [Generator(state=np.array([0, 0, key], np.int64), alg=self._algorithm) for key in keys]


def _as_state(state):
    array = np.asarray(state)
    if array.shape != (3,) or array.dtype.kind not in "iu":
        raise UsageError(explain(f"Generator: a state is three integers, got {state!r}"))
    return array.astype(np.int64)


def _joined(key, counter) -> np.ndarray:
    words = [*np.asarray(counter).reshape(-1).tolist(), int(np.asarray(key).reshape(()))]
    return _as_state(np.array([w & 0xFFFFFFFFFFFFFFFF for w in words], np.uint64))


_global: list[Generator] = []
_lock = threading.Lock()


def get_global_generator() -> Generator:
    """The generator of the whole program, made from the system's randomness when it is first asked for."""
    with _lock:
        if not _global:
            _global.append(Generator.from_non_deterministic_state())
        return _global[0]


def set_global_generator(generator: Generator) -> None:
    """Let ``get_global_generator`` answer with another generator."""
    with _lock:
        _global[:] = [generator]
