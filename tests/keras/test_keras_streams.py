"""Random numbers of Keras: streams that stay the same everywhere, their distributions, and what a compiled step pays."""

import numpy as np
import pytest

import graphc as tf
from graphc import keras
from graphc.keras.keras_graphc import streams
from graphc.keras.keras_graphc.random import _program as programs_of

random, ops = keras.random, keras.ops


def values(x) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x), np.float64)


RECORDED = {
    "uniform": [0.46037483, 0.92851818, 0.34555566],
    "normal": [-0.099489443, 1.4648434, -0.39734736],
    "randint": [728.0, 871.0, 403.0],
    "dropout": [0.0, 2.0, 0.0, 0.0, 0.0],
}


def recorded_draws() -> dict:
    return {
        "uniform": random.uniform((3,), seed=7), "normal": random.normal((3,), seed=7),
        "randint": random.randint((3,), 0, 1000, seed=7), "dropout": random.dropout(ops.ones(5), 0.5, seed=7),
    }  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_seed_gives_never_changes(name):
    np.testing.assert_allclose(values(recorded_draws()[name]), RECORDED[name], rtol=1e-5)


MOMENTS = {  # mean and variance
    "uniform": (lambda n: random.uniform((n,), 1.0, 3.0, seed=2), 2.0, 1 / 3),
    "normal": (lambda n: random.normal((n,), 1.0, 2.0, seed=2), 1.0, 4.0),
    "normal of float16": (lambda n: random.normal((n,), dtype="float16", seed=2), 0.0, 1.0),
    "normal of float64": (lambda n: random.normal((n,), dtype="float64", seed=2), 0.0, 1.0),
    "truncated": (lambda n: random.truncated_normal((n,), seed=2), 0.0, 0.7737),
    "randint": (lambda n: random.randint((n,), 0, 10, dtype="uint8", seed=2), 4.5, 8.25),
    "gamma": (lambda n: random.gamma((n,), 0.5, seed=2), 0.5, 0.5),
    "beta": (lambda n: random.beta((n,), 2.0, 3.0, seed=2), 0.4, 0.04),
    "beta of tiny values": (lambda n: random.beta((n,), 1e-3, 1e-3, seed=2), 0.5, 0.2495),
    "binomial": (lambda n: random.binomial((n,), 50, 0.3, seed=2), 15.0, 10.5),
    "categorical": (lambda n: random.categorical(np.log([[0.1, 0.2, 0.7]]), n, seed=2), 1.6, 0.44),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_mean_and_variance(name):
    draw, mean, variance = MOMENTS[name]
    x = values(draw(20000))
    assert np.isfinite(x).all()
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / 20000) + 1e-3 and abs(x.var() / variance - 1) < 0.05


def test_normal_values_are_finite_and_truncated_ones_within_two_deviations():
    edges = values(random.truncated_normal((200000,), 1.0, 3.0, seed=3))
    assert -5 <= edges.min() < -4.99 and 6.99 < edges.max() <= 7
    assert 4 < np.abs(values(random.normal((200000,), seed=3))).max() < 6


def test_seeds_of_a_generator_and_neighbouring_seeds_are_independent():
    generator = random.SeedGenerator(1)
    of_one = [values(random.normal((4000,), seed=generator)) for _ in range(8)]
    of_many = [values(random.normal((4000,), seed=k)) for k in range(100, 108)]
    assert np.abs(np.corrcoef([*of_one, *of_many]) - np.eye(16)).max() < 0.08


def test_a_seed_may_be_any_integer_of_32_bits():
    for seed in (2**31 + 7, 2**32 - 1):
        generator = random.SeedGenerator(seed)
        assert values(random.normal((), seed=seed)) == values(random.normal((), seed=generator))
        assert values(generator.state).tolist() == [seed, 1]


def test_dropout_in_a_function_is_that_outside_and_moves_its_generator_once():
    inside, outside = (keras.layers.Dropout(0.5, seed=3) for _ in range(2))
    step = tf.function(lambda x: inside(x, training=True), autograph=False, input_signature=[tf.TensorSpec((None, 5))])
    for rows in (6, 3, 6):
        x = np.ones((rows, 5), np.float32)
        assert (values(step(x)) == values(outside(x, training=True))).all()
    assert values(inside.seed_generator.state).tolist() == [3, 3]


def test_a_dropout_is_one_kernel_of_bits_and_one_of_elements():
    layer = keras.layers.Dropout(0.5, seed=3)
    step = tf.function(lambda x: layer(x, training=True), autograph=False)
    step(np.ones((64, 64), np.float32))
    program = str(step.get_concrete_function(tf.TensorSpec((64, 64))).lower())
    assert program.count("launch @random_bits") == 1 and program.count("launch @") <= 3, program


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_shuffle_keeps_slices(axis):
    x = np.arange(60).reshape(3, 4, 5)
    found = values(random.shuffle(x, axis=axis, seed=4))
    order = np.argsort(np.moveaxis(found, axis, 0)[:, 0, 0])
    assert (np.take(found, order, axis) == x).all() and (found != x).any()


def test_draws_of_sizes_that_only_a_run_knows():
    generator = random.SeedGenerator(5)

    def draws(x):
        n = ops.shape(x)[0]
        return (random.normal((n, 2), seed=generator), random.gamma((n,), 0.5, seed=generator),
                random.beta((n, 3), [1.0, 2.0, 3.0], 2.0, seed=generator), random.binomial((n,), 9, 0.5, seed=generator),
                random.randint((n,), 0, 9, seed=generator), random.shuffle(x, seed=generator))  # fmt: skip

    step = tf.function(draws, autograph=False, input_signature=[tf.TensorSpec((None,))])
    for n in (4, 7):
        assert [len(found) for found in step(np.arange(n, dtype=np.float32))] == [n] * 6


SHAPED = {
    "uniform": lambda: random.uniform((3, 5), -0.3, 0.5, seed=6),
    "uniform of bfloat16": lambda: random.uniform((3, 5), -0.3, 0.5, dtype="bfloat16", seed=6),
    "normal": lambda: random.normal((7,), 0.1, 3, seed=6),
    "normal of a scalar": lambda: random.normal((), seed=6),
    "truncated": lambda: random.truncated_normal((2, 1, 3), 0.1, 3.0, seed=6),
    "randint": lambda: random.randint((4,), -5, 5, dtype="int16", seed=6),
    "gamma": lambda: random.gamma((4,), 1.5, seed=6),
    "beta": lambda: random.beta((4,), 1.5, 0.5, seed=6),
    "binomial": lambda: random.binomial((4,), 20, 0.3, seed=6),
    "nothing": lambda: random.normal((0, 3), seed=6),
}


@pytest.mark.parametrize("name", SHAPED)
def test_functions_draw_what_is_drawn_outside(name):
    outside, inside = SHAPED[name](), tf.function(SHAPED[name], autograph=False)()
    assert outside.dtype is inside.dtype and outside.shape == inside.shape
    assert (values(outside) == values(inside)).all()


def test_a_new_shape_outside_of_functions_compiles_nothing():
    draws = (lambda n: random.uniform((n, 4), 0.0, 1.0 + n, seed=n), lambda n: random.truncated_normal((4, n), seed=n))
    for draw in draws:
        draw(3)
    before = programs_of.cache_info().currsize
    assert [draw(n).shape for draw in draws for n in (5, 8)] == [(5, 4), (8, 4), (4, 5), (4, 8)]
    assert programs_of.cache_info().currsize == before
    one = programs_of(streams.uniform, "float32", 2, ("float64", "float64"))
    assert one.experimental_get_tracing_count() == 1


def test_limits_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="minval < maxval"):
        random.randint((2,), 5, 5)
