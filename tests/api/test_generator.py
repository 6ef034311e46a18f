"""``random.Generator``: TensorFlow's numbers and states, in functions and checkpoints, too."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import SymbolicError, UsageError


def close(found, expected):
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-7), found


def test_streams_are_tensorflows():
    def seeded(seed=1):
        return tf.random.Generator.from_seed(seed)

    close(seeded().normal([2]), [0.43842274, -0.53439844])
    assert seeded().uniform([2], minval=0, maxval=10, dtype=tf.int32).numpy().tolist() == [4, 9]
    assert seeded().uniform_full_int([2]).numpy().tolist() == [6679402142117448868, 684265014234019051]
    assert seeded().make_seeds(2).numpy().tolist() == [[6679402142117448868, 684265014234019051], [0, 0]]
    close(seeded().truncated_normal([2], 1.0, 2.0, tf.float64), [3.6095510788403815, -0.6801946484970645])
    assert seeded().binomial([3], [5.0, 6, 7], [0.1, 0.5, 0.9], tf.float64).numpy().tolist() == [0, 3, 6]
    assert seeded().split(2)[1].state.numpy().tolist() == [0, 0, 684265014234019051]
    close(tf.random.Generator.from_state([1, 2, 3], alg="philox").normal([1]), [-0.26016375])


def test_states_and_what_changes_them():
    generator = tf.random.Generator.from_seed(1)
    assert generator.state.numpy().tolist() == [1, 0, 0] and generator.algorithm == 1 and generator.key.numpy() == 0
    assert tf.random.Generator.from_seed([1, 2]).state.numpy().tolist() == [0, 1, 2]
    assert generator.skip(3).numpy().tolist() == [1, 0, 0] and generator.state.numpy().tolist() == [769, 0, 0]
    generator.reset([1, 2, 3])
    assert generator.state.numpy().tolist() == [1, 2, 3]
    generator.reset_from_key_counter(4, [5, 6])
    assert generator.state.numpy().tolist() == [5, 6, 4] and generator.key.numpy() == 4
    close(tf.random.Generator(copy_from=generator).normal([1]), [-0.43460423])
    assert generator.state.numpy().tolist() == [5, 6, 4] and generator.state.name == "StateVar:0"
    assert tf.random.create_rng_state(3, tf.random.Algorithm.PHILOX).numpy().tolist() == [3, 0, 0]


def test_a_function_draws_from_the_same_stream():
    generator = tf.random.Generator.from_seed(7)

    @tf.function
    def normal(count):
        return generator.normal([count])

    close(normal(2), [-1.32403958, 0.28785667])
    close(normal(2), [0.43116674, -1.44420648])
    close(generator.normal([2]), [-0.49695425, 1.35295498])
    assert generator.state.numpy().tolist() == [1543, 0, 0]

    @tf.function
    def several():
        generator.skip(3)
        first = generator.uniform([2])
        generator.reset_from_seed(5)
        return first, generator.uniform([2], 0, 9, tf.int64)

    first, second = several()
    close(first, [0.24774504, 0.65519226])
    assert second.numpy().tolist() == [8, 2] and generator.state.numpy().tolist() == [517, 0, 0]
    with pytest.raises(SymbolicError, match="numpy"):
        tf.function(lambda: generator.split(2)[0].normal([1]))()


def test_a_checkpoint_keeps_the_state(tmp_path):
    generator = tf.random.Generator.from_seed(3)
    checkpoint = tf.train.Checkpoint(generator=generator)
    path = checkpoint.save(str(tmp_path / "g"))
    first = generator.normal([3]).numpy()
    checkpoint.restore(path)
    assert np.array_equal(generator.normal([3]), first)
    assert "generator/_state_var/.ATTRIBUTES/VARIABLE_VALUE" in [name for name, _ in tf.train.list_variables(path)]


def test_the_global_generator_can_be_set():
    before = tf.random.get_global_generator()
    try:
        own = tf.random.Generator.from_seed(1)
        tf.random.set_global_generator(own)
        assert tf.random.get_global_generator() is own
    finally:
        tf.random.set_global_generator(before)
    one, other = (tf.random.Generator.from_non_deterministic_state() for _ in range(2))
    assert not np.array_equal(one.state, other.state)


def test_the_global_seed_gives_tensorflows_numbers():
    tf.random.set_seed(3)
    close(tf.random.normal([2]), [-0.82963723, -1.82662714])
    close(tf.random.uniform([2], seed=4), [0.92373669, 0.37043047])


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda g: tf.random.Generator(), "pass copy_from, or both state and alg"),
        (lambda g: tf.random.Generator(copy_from=g, alg="philox"), "not both"),
        (lambda g: tf.random.Generator.from_state([1, 2], alg="philox"), "a state is three integers"),
        (lambda g: tf.random.Generator.from_seed(1, alg="foo"), "algorithm 'foo' is not"),
        (lambda g: g.uniform([2], minval=1, dtype=tf.int32), "minval and maxval both None, or both"),
    ],
)
def test_misuse(make, words):
    generator = tf.random.Generator.from_seed(1)
    with pytest.raises(UsageError, match=words):
        make(generator)
    assert generator.state.numpy().tolist() == [1, 0, 0]
