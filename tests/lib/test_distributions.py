"""Random streams: bits, distributions and their moments, symbolic sizes, gradients, seeds."""

from math import erf, sqrt

import numpy as np
import pytest

from graphc import errors
from graphc.autodiff.reverse import grad
from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.lib import binomial, candidates, distributions, generator_state, initializers, random, stateless
from graphc.prims.interpret import interpret

KEY, COUNTER = const(np.array([7, 11], np.uint32)), const(np.array([0, 3], np.uint64))
MANY = 40_000


def run(*outputs, arrays=(), inputs=()):
    found = compile_graph(Graph("test", tuple(inputs), tuple(outputs)))(*arrays)
    return found if isinstance(found, tuple) else (found,)


def draw(function, shape=(MANY,), *args, **kwargs):
    return np.asarray(run(function(KEY, COUNTER, shape, *args, **kwargs))[0])


def distance(values, probability) -> float:
    """How far the empirical distribution function lies from the true one, in units of what chance explains."""
    x = np.sort(values.astype(np.float64))
    place = np.arange(len(x)) / len(x)
    return np.sqrt(len(x)) * np.abs(np.array([probability(v) for v in x[::40]]) - place[::40]).max()


def test_full_words_are_tensorflows():
    found = run(stateless.stateless_uniform([4], [5, 6], None, None, dt.u64))[0]
    again = run(stateless.stateless_uniform([8], [5, 6], None, None, dt.u32))[0].astype(np.uint64)
    np.testing.assert_array_equal(found, again[::2] | again[1::2] << np.uint64(32))
    assert found[0] == 10279991767390587243


def test_uniform_covers_its_range_evenly():
    for kind in ("float32", "float64"):
        assert distance(draw(random.uniform, dtype=kind), lambda v: v) < 2
    x = draw(random.uniform, (MANY,), -3, 4, "int32")
    counts = np.bincount(x + 3)
    assert len(counts) == 7 and np.abs(counts - MANY / 7).max() < 5 * np.sqrt(MANY / 7)


def test_normal_values_follow_their_distribution():
    for kind in ("float32", "float64"):
        assert distance(draw(random.normal, dtype=kind), lambda v: (1 + erf(v / sqrt(2))) / 2) < 2
    wide = erf(sqrt(2))
    x = draw(random.truncated_normal)
    assert np.abs(x).max() < 2
    assert distance(x, lambda v: (1 + erf(v / sqrt(2)) / wide) / 2) < 2


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0, 50.0])
def test_gamma_moments(alpha):
    x = draw(distributions.gamma, (MANY,), alpha, 2.0, dtype="float64")
    assert x.min() > 0
    assert abs(x.mean() - alpha / 2) < 5 * np.sqrt(alpha / 4 / MANY)
    assert abs(x.var() * 4 / alpha - 1) < 0.12


@pytest.mark.parametrize("rate", [0.3, 4.0, 12.0, 300.0])
def test_poisson_moments(rate):
    x = draw(distributions.poisson, (MANY,), rate, dtype="int32")
    assert x.min() >= 0 and abs(x.mean() - rate) < 5 * np.sqrt(rate / MANY) and abs(x.var() / rate - 1) < 0.05


@pytest.mark.parametrize("count, p", [(10.0, 0.3), (400.0, 0.5), (50.0, 0.97), (3.0, 0.0), (4.0, 1.0)])
def test_binomial_moments(count, p):
    x = draw(binomial.binomial, (MANY,), count, p)
    spread = count * p * (1 - p)
    assert 0 <= x.min() and x.max() <= count and abs(x.mean() - count * p) <= 5 * np.sqrt(spread / MANY)
    assert abs(x.var() - spread) <= 0.05 * spread + 1e-9


def test_strange_parameters_give_nan():
    rate = const(np.array([-1.0, np.inf, np.nan, 0.0]))
    found = draw(distributions.poisson, (2,), rate, dtype="float32")
    np.testing.assert_array_equal(np.isnan(found), [[True, True, True, False]] * 2)
    assert (found[:, 3] == 0).all()


@pytest.mark.parametrize("low, high", [(-2.0, 2.0), (1.0, np.inf), (-0.5, 3.0), (3.0, 4.0), (8.0, 9.0)])
def test_normal_between_limits(low, high):
    x = draw(binomial.parameterized_truncated_normal, (MANY,), 0.0, 1.0, low, high, dtype="float64")
    assert x.min() >= low and x.max() <= high
    grid = np.linspace(low, min(high, low + 12), 200_001)
    weight = np.exp(low * low / 2 - grid * grid / 2)
    mean = (grid * weight).sum() / weight.sum()
    deviation = np.sqrt((weight * (grid - mean) ** 2).sum() / weight.sum())
    assert abs(x.mean() - mean) < 5 * deviation / np.sqrt(MANY) + 0.02 * deviation


def test_gamma_values_follow_their_concentration():
    """The derivative keeps the probability of smaller values: for large concentrations it is near 1."""
    a = input_node("a", Type(dt.f64, (2,)))
    y = stateless.stateless_gamma([2000, 2], [1, 2], a, dtype=dt.f64)
    (slope,) = grad([y], [a], [None])
    (found,) = run(slope, inputs=(a,), arrays=(np.array([1.0, 1e4]),))
    assert abs(found[0] / 2000 - 1) < 0.1 and abs(found[1] / 2000 - 1) < 1e-2


def test_one_compile_for_every_size():
    n = symbol("n")
    x = input_node("x", Type(dt.f32, (n, 3)))
    draws = [
        stateless.stateless_normal(x.shape, [1, 2]), stateless.stateless_uniform(x.shape, [1, 2], dtype=dt.f64),
        stateless.stateless_truncated_normal(x.shape, [1, 2]), stateless.stateless_shuffle(x, [1, 2]),
        stateless.stateless_poisson(x.shape, [1, 2], 4.0), stateless.stateless_gamma(x.shape, [1, 2], 0.5),
        stateless.stateless_uniform(x.shape, [1, 2], None, None, dt.i64),
    ]  # fmt: skip
    graph = Graph("sizes", (x,), tuple(draws))
    executable = compile_graph(graph)
    for size in (0, 1, 5, 22):
        values = np.arange(size * 3, dtype=np.float32).reshape(size, 3)
        for found, wanted in zip(executable(values), interpret(graph, values)):
            assert found.shape == wanted.shape == (size, 3) and found.dtype == wanted.dtype
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_parts_of_a_stream_fit_together():
    """A counter further on gives the same numbers, also across the end of its low half."""
    start = np.array([2**64 - 3, 5], np.uint64)
    whole = run(random.uniform(KEY, const(start), (40,)))[0]
    rest = run(random.uniform(KEY, const(np.array([1, 6], np.uint64)), (24,)))[0]
    np.testing.assert_array_equal(whole[16:], rest)


def test_generator_state_advances():
    state = const(np.array([-512, 4, 9], np.int64))
    out, after = generator_state.drawn(random.normal, state, (5, 2))
    found, next_state = run(out, after)
    assert found.shape == (5, 2) and next_state.tolist() == [2560 - 512, 5, 9]


def test_shuffle_is_a_permutation_and_even():
    x = const(np.arange(4))
    seen = np.zeros((4, 4))
    key = input_node("key", Type(dt.u32, (2,)))
    executable = compile_graph(Graph("shuffle", (key,), (random.shuffle(key, COUNTER, x),)))
    for k in range(2000):
        (order,) = executable(np.array([k, 1], np.uint32))
        assert sorted(order.tolist()) == [0, 1, 2, 3]
        seen[np.arange(4), order] += 1
    assert np.abs(seen - 500).max() < 110


def test_categorical_frequencies():
    logits = const(np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.0, 0.5]])) + 3.0)
    found = run(random.categorical(KEY, COUNTER, logits, 20_000))[0]
    shares = np.stack([np.bincount(row, minlength=3) for row in found]) / 20_000
    np.testing.assert_allclose(shares, [[0.1, 0.2, 0.7], [0.5, 0, 0.5]], atol=0.02)
    assert shares[1, 1] == 0


def test_unique_candidates_are_different():
    true = const(np.array([[1], [2]]))
    found = candidates.log_uniform_candidate_sampler(KEY, COUNTER, true, 1, 8, True, 20)
    drawn, wanted, expected = interpret(Graph("c", (), tuple(found)))
    assert len(set(drawn.tolist())) == 8 and 0 <= drawn.min() and drawn.max() < 20
    assert wanted.shape == (2, 1) and expected.shape == (8,) and (expected < 1).all()


def test_orthogonal_columns_or_rows():
    for shape in ((5, 3), (3, 5), (2, 3, 4)):
        (q,) = run(initializers.orthogonal(KEY, COUNTER, shape, 2.0, dt.f64))
        flat = q.reshape(-1, shape[-1]) / 2
        small = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
        np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-12)


def test_variance_follows_the_fans():
    for mode, fan in (("fan_in", 90), ("fan_out", 180), ("fan_avg", 135)):
        for distribution in initializers.DISTRIBUTIONS:
            (x,) = run(initializers.variance_scaling(KEY, COUNTER, (3, 3, 10, 20), 2.0, mode, distribution))
            assert abs(x.var() * fan / 2 - 1) < 0.15, (mode, distribution)


def test_bad_seeds_and_ranges_are_refused():
    with pytest.raises(errors.ShapeError, match=r"the seed must have shape \[2\]"):
        stateless.stateless_normal([2], [1, 2, 3])
    with pytest.raises(errors.UsageError, match="minval must be below maxval"):
        random.uniform(KEY, COUNTER, [2], 3, 3, "int32")
    with pytest.raises(errors.UsageError, match="threefry"):
        stateless.stateless_uniform([2], [1, 2], alg="threefry")
