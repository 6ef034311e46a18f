"""graphc, as its users write it: a ``tf.function``, over tensors or over NumPy arrays."""

from __future__ import annotations

import numpy as np

import graphc as tf

from ..workload import Workload, as_tuple

VERSION = tf.version.VERSION


class Ops:
    """The operations; images are NHWC."""

    tanh, exp, sqrt, abs, sin, sigmoid = map(staticmethod, (tf.tanh, tf.exp, tf.sqrt, tf.abs, tf.sin, tf.sigmoid))
    relu, relu6, softmax, matmul = map(staticmethod, (tf.nn.relu, tf.nn.relu6, tf.nn.softmax, tf.matmul))
    mean, transpose, square = map(staticmethod, (tf.reduce_mean, tf.transpose, tf.square))

    def gelu(self, x):
        return tf.nn.gelu(x)

    def layer_norm(self, x, gamma, beta, epsilon=1e-5):
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)

    def sum(self, x, axis=None):
        return tf.reduce_sum(x, axis)

    def dense(self, x, w, b=None):
        return tf.matmul(x, w) if b is None else tf.matmul(x, w) + b

    def flatten(self, x):
        return tf.reshape(x, [x.shape[0], -1])

    def cross_entropy(self, logits, labels):
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))

    def batch_norm(self, x, scale, offset, mean, variance, epsilon=1e-3):
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, epsilon)

    def conv(self, x, w, b=None, stride=1, padding=0):
        y = tf.nn.conv2d(x, w, stride, _padding(padding))
        return y if b is None else y + b

    def depthwise(self, x, w, b=None, stride=1, padding=0):
        y = tf.nn.depthwise_conv2d(x, w, [1, stride, stride, 1], _padding(padding))
        return y if b is None else y + b

    def max_pool(self, x, size, stride, padding=0):
        return tf.nn.max_pool2d(x, size, stride, _padding(padding))

    def global_mean(self, x):
        return tf.reduce_mean(x, [1, 2])

    def attention(self, q, k, v, heads):
        batch, steps, width = q.shape
        q, k, v = (tf.transpose(tf.reshape(a, [batch, steps, heads, -1]), [0, 2, 1, 3]) for a in (q, k, v))
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * (width // heads) ** -0.5)
        return tf.reshape(tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3]), [batch, steps, width])

    def lstm(self, x, w, r, b):
        zero = tf.zeros([x.shape[1], r.shape[0]])

        def step(state, z):
            h, c = state
            i, f, g, o = tf.split(z + tf.matmul(h, r), 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return tf.sigmoid(o) * tf.tanh(c), c

        return tf.scan(step, tf.tensordot(x, w, 1) + b, (zero, zero))[0]

    def product(self, a, b):
        return tf.matmul(a, b, output_type=tf.int32)


def _padding(size: int):
    return [[0, 0], [size, size], [size, size], [0, 0]] if size else "VALID"


class Built:
    """A workload as one ``tf.function``; constants are variables where they are trained, else part of the function."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        self._workload, ops = workload, Ops()
        _, weights = workload.data()
        constants = {k: w.array for k, w in weights.items()}
        self._variables = []
        if workload.training:
            constants = {k: tf.Variable(a) for k, a in constants.items()}
            self._variables = list(constants.values())
            kind, rate = workload.training
            optimizer = tf.optimizers.Adam(rate, epsilon=1e-8) if kind == "adam" else tf.optimizers.SGD(rate)

            @tf.function
            def call(*inputs):
                with tf.GradientTape() as tape:
                    loss = workload.program(ops, inputs, constants)
                optimizer.apply_gradients(zip(tape.gradient(loss, self._variables), self._variables))
                return loss
        elif workload.gradient:

            @tf.function
            def call(*inputs):
                watched = [inputs[k] for k in workload.gradient]
                with tf.GradientTape() as tape:
                    tape.watch(watched)
                    value = workload.program(ops, inputs[:-1], constants)
                return tape.gradient(value, watched, output_gradients=inputs[-1])
        else:

            @tf.function
            def call(*inputs):
                return workload.program(ops, inputs, {k: tf.constant(a) for k, a in constants.items()})

        self._call = call

    def load(self, arrays):
        return [tf.constant(a) for a in arrays]

    def call(self, inputs):
        return self._call(*inputs)

    def numpy_call(self, arrays):
        """Of arrays, to an array."""
        return self._call(*arrays).numpy()

    def finish(self, outputs):
        """Nothing: results are there when a call returns."""

    def numpy(self, outputs) -> list[np.ndarray]:
        return [t.numpy() for t in as_tuple(outputs)]

    def first(self, outputs) -> list[np.ndarray]:
        return self.numpy(outputs) + [v.numpy() for v in self._variables]
