"""Small models to write to files."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.aot import export, save


class Predictor:
    """A network of two layers with an open batch size: its frozen graph, and what the session answers."""

    def __init__(self):
        with tf.Graph().as_default() as graph:
            graph.seed = 3
            self.x = tf.placeholder(tf.float32, [None, 64], name="pixels")
            hidden = tf.nn.relu(self._layer(self.x, 96, "hidden"))
            self.y = tf.nn.softmax(self._layer(hidden, 10, "output"), name="probabilities")
            self.session = tf.Session(graph=graph)
            self.session.run(tf.global_variables_initializer())
            self.graph = tf.freeze(self.session, [self.x], [self.y], name="predictor")

    @staticmethod
    def _layer(x, size, name):
        with tf.variable_scope(name):
            w = tf.get_variable("w", [x.shape[-1], size], initializer=tf.random_normal_initializer(seed=1))
            b = tf.get_variable("b", [size], initializer=tf.random_normal_initializer(seed=2))
        return tf.matmul(x, w) + b

    def data(self, n: int) -> np.ndarray:
        return np.random.default_rng(n).standard_normal((n, 64)).astype(np.float32)

    def answer(self, n: int) -> np.ndarray:
        return self.session.run(self.y, {self.x: self.data(n)})


@pytest.fixture(scope="session")
def predictor():
    return Predictor()


@pytest.fixture(scope="session")
def saved(predictor, tmp_path_factory):
    """The predictor in a container for this machine; not to be changed."""
    return save(predictor.graph, tmp_path_factory.mktemp("saved") / "predictor.gc")


@pytest.fixture(scope="session")
def exported(predictor, tmp_path_factory):
    """A folder with predictor.gc, .o, .a, .so and .h; not to be changed."""
    folder = tmp_path_factory.mktemp("exported")
    export(predictor.graph, folder / "predictor.gc")
    return folder
