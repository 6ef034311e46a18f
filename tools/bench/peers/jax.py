"""JAX under ``jit``: weights are constants of the program, trained ones are given away and come back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..workload import Workload, as_tuple

VERSION = jax.__version__
LAYOUT = ("NHWC", "HWIO", "NHWC")


class Ops:
    """The operations; images are NHWC."""

    tanh, exp, sqrt, abs, sin, square = map(staticmethod, (jnp.tanh, jnp.exp, jnp.sqrt, jnp.abs, jnp.sin, jnp.square))
    sigmoid, relu, relu6, softmax = map(staticmethod, (jax.nn.sigmoid, jax.nn.relu, jax.nn.relu6, jax.nn.softmax))
    matmul, sum, mean, transpose = map(staticmethod, (jnp.matmul, jnp.sum, jnp.mean, jnp.transpose))

    def gelu(self, x):
        return jax.nn.gelu(x, approximate=False)

    def layer_norm(self, x, gamma, beta, epsilon=1e-5):
        mean = x.mean(-1, keepdims=True)
        d = x - mean
        return d * lax.rsqrt(jnp.square(d).mean(-1, keepdims=True) + epsilon) * gamma + beta

    def dense(self, x, w, b=None):
        return x @ w if b is None else x @ w + b

    def flatten(self, x):
        return x.reshape(x.shape[0], -1)

    def cross_entropy(self, logits, labels):
        return -(labels * jax.nn.log_softmax(logits)).sum(-1).mean()

    def batch_norm(self, x, scale, offset, mean, variance, epsilon=1e-3):
        return (x - mean) * (scale * lax.rsqrt(variance + epsilon)) + offset

    def conv(self, x, w, b=None, stride=1, padding=0):
        y = lax.conv_general_dilated(x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=LAYOUT)
        return y if b is None else y + b

    def depthwise(self, x, w, b=None, stride=1, padding=0):
        w = jnp.transpose(w, (0, 1, 3, 2))
        y = lax.conv_general_dilated(
            x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=LAYOUT, feature_group_count=x.shape[-1]
        )
        return y if b is None else y + b

    def max_pool(self, x, size, stride, padding=0):
        padded = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, stride, stride, 1), padded)

    def global_mean(self, x):
        return x.mean((1, 2))

    def attention(self, q, k, v, heads):
        q, k, v = (a.reshape(*a.shape[:2], heads, -1) for a in (q, k, v))
        return jax.nn.dot_product_attention(q, k, v).reshape(*q.shape[:2], -1)

    def lstm(self, x, w, r, b):
        zero = jnp.zeros((x.shape[1], r.shape[0]))

        def step(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ r, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        return lax.scan(step, (zero, zero), x @ w + b)[1]

    def product(self, a, b):
        return jnp.matmul(a.astype(jnp.int32), b.astype(jnp.int32))


def _adam(rate: float):
    """One step for all parameters: what optax does."""

    def step(values, state, gradients):
        count, m, v = state
        count = count + 1
        m = {k: 0.9 * m[k] + 0.1 * g for k, g in gradients.items()}
        v = {k: 0.999 * v[k] + 0.001 * g * g for k, g in gradients.items()}
        first, second = 1 - 0.9**count, 1 - 0.999**count
        return {k: p - rate * (m[k] / first) / (jnp.sqrt(v[k] / second) + 1e-8) for k, p in values.items()}, (
            count,
            m,
            v,
        )

    return step


class Built:
    """A workload as one jitted function."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        self._workload, ops = workload, Ops()
        _, weights = workload.data()
        constants = {k: w.array for k, w in weights.items()}
        if workload.training:
            self._train(ops, constants)
        elif workload.gradient:
            wrt = workload.gradient

            def gradient(*inputs):
                def value(*watched):
                    given = list(inputs[:-1])
                    for k, x in zip(wrt, watched):
                        given[k] = x
                    return workload.program(ops, given, constants)

                return jax.vjp(value, *(inputs[k] for k in wrt))[1](inputs[-1])

            self._call = jax.jit(gradient)
        else:
            self._call = jax.jit(lambda *inputs: workload.program(ops, inputs, constants))

    def _train(self, ops, constants):
        kind, rate = self._workload.training
        self._order = list(constants)  # what comes back from a program is in alphabetical order
        self._values = {k: jnp.array(a) for k, a in constants.items()}  # copies: they are given away
        zeros = {k: jnp.zeros_like(a) for k, a in self._values.items()}
        self._state = (jnp.zeros(()), zeros, {k: jnp.zeros_like(a) for k, a in zeros.items()}) if kind == "adam" else ()
        adam = _adam(rate)

        def step(values, state, *inputs):
            loss, gradients = jax.value_and_grad(lambda p: self._workload.program(ops, inputs, p))(values)
            if kind == "adam":
                return loss, *adam(values, state, gradients)
            return loss, {k: p - rate * gradients[k] for k, p in values.items()}, state

        jitted = jax.jit(step, donate_argnums=(0, 1))

        def call(*inputs):
            loss, self._values, self._state = jitted(self._values, self._state, *inputs)
            return loss

        self._call = call

    def load(self, arrays):
        return [jnp.asarray(a) for a in arrays]

    def call(self, inputs):
        return self._call(*inputs)

    def numpy_call(self, arrays):
        """Of arrays, to an array; arguments of a jitted function may be NumPy's."""
        return np.asarray(self._call(*arrays))

    def finish(self, outputs):
        jax.block_until_ready(outputs)

    def numpy(self, outputs) -> list[np.ndarray]:
        return [np.asarray(t) for t in as_tuple(outputs)]

    def first(self, outputs) -> list[np.ndarray]:
        found = self.numpy(outputs)
        return found + [np.array(self._values[k]) for k in self._order] if self._workload.training else found
