"""Random numbers as functions of a seed of Keras, on Nodes.

The two words of a seed are the key of a Philox stream, whose beginning is drawn: nothing has to be computed before, and
the seeds that a generator hands on one after the other are streams of their own.
"""

from __future__ import annotations

import math

import numpy as np
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.lib import binomial as counts_of_successes
from graphc.lib import distributions, nn, random
from graphc.lib import math as elements
from graphc.lib.dims import shape_of
from graphc.lib.promote import as_node, broadcast_to

_EDGE = 2.0  # deviations at which normal values are cut off


def _place(seed: Node, part: int = 0) -> tuple[Node, Node]:
    """The key of a seed, and the counter at which a part of its stream begins.

    Parts count from 1: a counter of zeros would be written by every call, others lie in a program's constants.
    """
    return elements.cast(seed, dt.u32), const(np.array([0, part + 1], np.uint64))


def _parameter(value, dtype) -> Node:
    """A number or a tensor, in the dtype of what is drawn."""
    return elements.cast(value, dtype) if isinstance(value, Node) else as_node(value, dtype)


def _uniform(seed, shape, minval, maxval, dtype) -> Node:
    dtype = dt.as_dtype(dtype)
    return random.uniform(*_place(seed), shape, _parameter(minval, dtype), _parameter(maxval, dtype), dtype)


def _normal(seed, shape, mean, stddev, dtype) -> Node:
    return _inverted(seed, shape, mean, stddev, dt.as_dtype(dtype), None)


def _truncated_normal(seed, shape, mean, stddev, dtype) -> Node:
    return _inverted(seed, shape, mean, stddev, dt.as_dtype(dtype), _EDGE)


def _inverted(seed, shape, mean, stddev, dtype, edge: float | None) -> Node:
    """Normal values up to ``edge`` deviations by inversion: one number of the stream makes one value."""
    kind = dt.f64 if dtype is dt.f64 else dt.f32
    reach = 1.0 if edge is None else math.erf(edge / math.sqrt(2))
    level = random.uniform(*_place(seed), shape, -reach, reach, kind)
    level = elements.maximum(level, float(np.nextafter(kind.numpy.type(-reach), kind.numpy.type(0))))
    value = elements.multiply(elements.erfinv(level), math.sqrt(2))
    value = elements.cast(value if edge is None else elements.minimum(elements.maximum(value, -edge), edge), dtype)
    return elements.add(elements.multiply(value, _parameter(stddev, dtype)), _parameter(mean, dtype))


def _categorical(seed, logits, num_samples, dtype) -> Node:
    return random.categorical(*_place(seed), logits, num_samples, dtype)


def _dropout(seed, x, rate, noise_shape) -> Node:
    return nn.dropout(*_place(seed), x, rate, noise_shape)


def _shuffle(seed, x) -> Node:
    return random.shuffle(*_place(seed), x)


def _gamma(seed, shape, alpha, dtype) -> Node:
    return elements.cast(_gamma_values(_place(seed), *_wide("gamma", shape, alpha)), dtype)


def _wide(op: str, shape, *parameters) -> tuple:
    """A shape, and parameters of it in double precision."""
    shape = shape_of(shape, op)
    return shape, *(broadcast_to(_parameter(x, dt.f64), shape, op) for x in parameters)


def _gamma_values(place: tuple, shape: tuple, alpha: Node) -> Node:
    return distributions.gamma_of_shape(*place, shape, alpha, 1, dt.f64)


def _beta(seed, shape, alpha, beta, dtype) -> Node:
    """The part that the first of two gamma values has of their sum, from their logarithms, as small ones are 0."""
    shape, *concentrations = _wide("beta", shape, alpha, beta)
    first, second = (_log_gamma(seed, 2 * k, shape, x) for k, x in enumerate(concentrations))
    return elements.cast(elements.sigmoid(elements.subtract(first, second)), dtype)


def _log_gamma(seed, part: int, shape: tuple, alpha: Node) -> Node:
    """Logarithms of gamma values: a value of ``alpha + 1`` times a fraction to the power of ``1 / alpha``."""
    larger = _gamma_values(_place(seed, part), shape, elements.add(alpha, 1.0))
    fraction = elements.subtract(as_node(1.0, dt.f64), random.uniform(*_place(seed, part + 1), shape, dtype=dt.f64))
    return elements.add(elements.log(larger), elements.truediv(elements.log(fraction), alpha))


def _binomial(seed, shape, counts, probabilities, dtype) -> Node:
    return counts_of_successes.binomial(*_place(seed), *_wide("binomial", shape, counts, probabilities), dtype)


uniform, normal, truncated_normal, categorical, dropout, shuffle, gamma, beta, binomial = (
    lift(Op(f"keras.random{function.__name__.replace('_', '.', 1)}", function.__name__[1:], function, tensors), eager)
    for function, tensors in (
        (_uniform, "seed"), (_normal, "seed"), (_truncated_normal, "seed"), (_categorical, "seed | logits"),
        (_dropout, "seed | x"), (_shuffle, "seed | x"), (_gamma, "seed"), (_beta, "seed"), (_binomial, "seed"),
    )
)  # fmt: skip
