"""How tests evaluate: in a new session, or eagerly."""

import contextlib

import graphc.v1 as tf
from graphc.api.mode import MODE


def value(fetches, feed=None):
    """What a new session answers after the variables are initialised."""
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feed)


@contextlib.contextmanager
def eagerly():
    """Eager evaluation of TensorFlow 1's names inside."""
    tf.enable_eager_execution()
    try:
        yield
    finally:
        MODE.choose(None)
