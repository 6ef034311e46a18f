"""Random numbers in traced functions: new ones in every call, equal ones after equal seeds."""

import pytest

import graphc as tf
from graphc.api.stream import SEEDS


@pytest.mark.parametrize("turn", ("first", "second"))
def test_no_test_leaves_a_seed_to_the_next_one(turn):
    assert SEEDS.seed is None
    tf.random.set_seed(3)


def test_every_call_draws_new_numbers():
    f = tf.function(lambda: (tf.random.uniform([]), tf.random.uniform([]), tf.random.normal([])))
    found = [tuple(map(float, f())) for _ in range(5)]
    assert len({v for row in found for v in row}) == 15
    assert f.experimental_get_tracing_count() == 1
    other = tf.function(lambda: tf.random.uniform([]))
    assert float(other()) not in {row[0] for row in found}


def test_the_seed_decides():
    def draw():
        return tf.concat([tf.random.uniform([2]), tf.random.uniform([2])], 0)

    tf.random.set_seed(7)
    f = tf.function(draw)
    one = [f().numpy().tolist() for _ in range(2)]
    tf.random.set_seed(7)
    assert tf.function(draw)().numpy().tolist() == one[0] != one[1]
    assert len(set(one[0] + one[1])) == 8
    tf.random.set_seed(8)
    assert tf.function(draw)().numpy().tolist() != one[0]


def test_setting_the_seed_again_begins_anew():
    tf.random.set_seed(5)
    f = tf.function(lambda: tf.random.uniform([3]))
    first = [f().numpy().tolist() for _ in range(3)]
    tf.random.set_seed(5)
    assert [f().numpy().tolist() for _ in range(3)] == first
    tf.random.set_seed(5)
    g = tf.function(lambda: tf.random.uniform([3]))
    assert [g().numpy().tolist() for _ in range(3)] == first


def test_seeds_of_operations():
    tf.random.set_seed(5)
    f = tf.function(lambda: (tf.random.uniform([1], seed=1), tf.random.uniform([1], seed=1)))
    (a, b), (c, d) = f(), f()
    assert a.numpy() == b.numpy() == pytest.approx([0.3875184])  # as TensorFlow 2.21 draws
    assert c.numpy() == d.numpy() != a.numpy()


def test_nested_functions_draw_their_own():
    draw = tf.function(lambda: tf.random.uniform([2]))
    f = tf.function(lambda: tf.concat([draw(), draw(), tf.random.uniform([2])], 0))
    found = [v for _ in range(3) for v in f().numpy().tolist()]
    assert len(set(found)) == 18
    tf.random.set_seed(1)
    seeded = tf.function(lambda: tf.random.uniform([2]))  # traced with the seed, which decides how draws are numbered
    g = tf.function(lambda: tf.concat([seeded(), seeded()], 0))
    one = g().numpy().tolist()
    tf.random.set_seed(1)
    assert g().numpy().tolist() == one == pytest.approx([0.81269646, 0.07857466] * 2)  # as TensorFlow numbers them


def test_every_step_of_a_loop_draws_new_numbers():
    @tf.function
    def f(n):
        total = tf.TensorArray(tf.float32, 4)
        for k in tf.range(n):
            total = total.write(k, tf.random.uniform([]))
        return total.stack()

    found = f(tf.constant(4)).numpy().tolist() + f(tf.constant(4)).numpy().tolist()
    assert len(set(found)) == 8


def test_a_generator_inside():
    generator = tf.random.Generator.from_seed(3)
    f = tf.function(lambda: generator.normal([2]))
    inside = [f().numpy().tolist() for _ in range(2)]
    same = tf.random.Generator.from_seed(3)
    assert inside == [same.normal([2]).numpy().tolist() for _ in range(2)]
