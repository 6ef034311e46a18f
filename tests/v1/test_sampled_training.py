"""Training with steps that run on the host: only what they could leave half done is kept aside."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.compile import build, from_sections, sections


class Sections(dict):
    """What a container answers."""

    def json(self, name):
        return self[name]

    def text(self, name):
        return self[name]


def word_vectors():
    words, labels = tf.placeholder(tf.int32, [4]), tf.placeholder(tf.int32, [4, 1])
    vectors = tf.Variable(tf.random_uniform([50, 8], -1.0, 1.0, seed=1))
    weights = tf.Variable(tf.truncated_normal([50, 8], stddev=0.3, seed=2))
    loss = tf.reduce_mean(tf.nn.nce_loss(
        weights, tf.Variable(tf.zeros([50])), labels, tf.nn.embedding_lookup(vectors, words), 5, 50))  # fmt: skip
    step = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
    return [step, loss], {words: [1, 2, 3, 4], labels: [[2], [3], [4], [5]]}


def artifact(session):
    return build(list(session._runners.values())[-1].current.traced.graph)


def test_word_vectors_are_not_copied_in_every_step():
    fetches, feeds = word_vectors()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        losses = [sess.run(fetches, feeds)[1] for _ in range(60)]
        assert np.mean(losses[-10:]) < np.mean(losses[:10]) / 2
        made = artifact(sess)
    graph_inputs = [p.type.size for p in made.program.signature.inputs]
    assert all(graph_inputs[k] < 50 for k in made.early)
    held = Sections(sections(made))
    assert from_sections(held, made.target).early == made.early
    del held[f"early:{made.target}"]
    assert from_sections(held, made.target).early is None


def test_a_host_step_that_fails_after_an_update_leaves_the_variable_as_it_was():
    v = tf.Variable([1.0, 2.0])
    fails = tf.placeholder(tf.bool, [])

    def check(value, wanted):
        if wanted:
            raise ValueError("refused")
        return value

    with tf.control_dependencies([tf.assign_add(v, [1.0, 1.0])]):
        seen = tf.py_func(check, [v.read_value(), fails], tf.float32)
    with tf.Session() as sess:
        sess.run(v.initializer)
        np.testing.assert_array_equal(sess.run(seen, {fails: False}), [2, 3])
        with pytest.raises(Exception, match="refused"):
            sess.run(seen, {fails: True})
        np.testing.assert_array_equal(sess.run(v), [2, 3])
