"""Operations of one seed go on in its stream where the one before them has ended, as far as TensorFlow reserves."""

import numpy as np
import pytest

import graphc as tf

LOGITS = np.log(np.array([[0.1, 0.2, 0.3, 0.4]] * 2, np.float32))


def first_numbers(*functions):
    """The first six numbers that each of them draws, in order."""
    tf.random.set_seed(7)
    return [np.asarray(f()).reshape(-1)[:6].tolist() for f in functions]


def shuffled(n, dtype=tf.int32):
    return lambda: tf.random.shuffle(tf.cast(tf.range(n), dtype), seed=3)


def chosen(of=tf.float32, dtype=tf.int64, count=5):
    return lambda: tf.random.categorical(tf.constant(LOGITS, of), count, dtype, seed=3)


def uniform(sizes, **kwargs):
    return lambda: tf.random.uniform(sizes, seed=3, **kwargs)


NINE = [[3, 0, 5, 1, 6, 2], [8, 1, 5, 0, 6, 4], [5, 7, 1, 2, 0, 6]]


@pytest.mark.parametrize("calls", [
    [shuffled(9)] * 3,
    [lambda: tf.random.shuffle(np.arange(9), seed=3)] * 3,
    [lambda: tf.random.shuffle(list(range(9)), seed=3)] * 3,
    [tf.function(shuffled(9))] * 3,
])  # fmt: skip
def test_a_shuffle_again(calls):
    assert first_numbers(*calls) == NINE


def test_shuffles_of_other_dtypes_and_of_nothing_to_shuffle():
    assert first_numbers(shuffled(9), shuffled(9, tf.float32), shuffled(9), shuffled(9, tf.float32)) == [
        NINE[0], NINE[0], NINE[1], NINE[1],
    ]  # fmt: skip
    assert first_numbers(shuffled(9), shuffled(1), shuffled(9), shuffled(0), shuffled(9)) == [
        NINE[0], [0], NINE[1], [], NINE[2],
    ]  # fmt: skip


def test_categorical_again():
    one, two = [1, 2, 3, 0, 2, 3], [1, 2, 3, 3, 1, 3]
    assert first_numbers(chosen(), chosen(tf.float64), chosen(dtype=tf.int32), chosen(), chosen(tf.float64)) == [
        one, one, one, two, two,
    ]  # fmt: skip
    assert first_numbers(chosen(), chosen(count=0), chosen()) == [one, [], two]
    assert first_numbers(*[lambda: tf.random.categorical(LOGITS.tolist(), 5, seed=3)] * 3)[:2] == [one, two]


def test_uniform_and_dropout_again():
    found = first_numbers(uniform([3]), uniform([0]), uniform(tf.constant([3])), uniform(tf.TensorShape([3])))
    assert found[1] == []
    expected = [
        [0.40108788, 0.3768389, 0.3092928],
        [0.5707437, 0.57991314, 0.14430916],
        [0.58751893, 0.5976852, 0.771982],
    ]
    np.testing.assert_allclose([found[0], *found[2:]], expected, rtol=2e-6)
    whole = lambda: tf.nn.dropout(tf.ones([6]), 0.5, seed=3)  # noqa: E731
    listed = lambda: tf.nn.dropout([1.0] * 4, 0.5, seed=3)  # noqa: E731
    found = first_numbers(whole, uniform([3]), listed, uniform([3]))
    assert found[0] == [0, 0, 0, 0, 2, 0] and found[2] == [2, 0, 0, 0]
    np.testing.assert_allclose(found[1], expected[2], rtol=2e-6)
    rows = lambda: tf.nn.dropout(tf.ones([6, 3]), 0.5, noise_shape=[None, 1], seed=3)  # noqa: E731
    assert first_numbers(rows, rows) == [[0.0] * 6, [2.0] * 6]
