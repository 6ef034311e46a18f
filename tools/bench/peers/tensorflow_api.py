"""A workload in TensorFlow's API, with which graphc and TensorFlow are programmed alike: the module ``tf`` is either."""

from __future__ import annotations

import numpy as np

from ..workload import Workload, as_tuple


class Ops:
    """The operations; images are NHWC."""

    def __init__(self, tf):
        self._tf = tf
        self.tanh, self.exp, self.sqrt, self.abs, self.sin, self.sigmoid = tf.tanh, tf.exp, tf.sqrt, tf.abs, tf.sin, tf.sigmoid
        self.relu, self.relu6, self.softmax, self.gelu = tf.nn.relu, tf.nn.relu6, tf.nn.softmax, tf.nn.gelu
        self.matmul, self.mean, self.sum = tf.matmul, tf.reduce_mean, tf.reduce_sum
        self.transpose, self.square = tf.transpose, tf.square

    def layer_norm(self, x, gamma, beta, epsilon=1e-5):
        mean, variance = self._tf.nn.moments(x, [-1], keepdims=True)
        return self._tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)

    def dense(self, x, w, b=None):
        return self._biased(self._tf.matmul(x, w), b)

    def flatten(self, x):
        return self._tf.reshape(x, [x.shape[0], -1])

    def cross_entropy(self, logits, labels):
        return self._tf.reduce_mean(self._tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))

    def batch_norm(self, x, scale, offset, mean, variance, epsilon=1e-3):
        return self._tf.nn.batch_normalization(x, mean, variance, offset, scale, epsilon)

    def conv(self, x, w, b=None, stride=1, padding=0):
        return self._biased(self._tf.nn.conv2d(x, w, stride, around(padding)), b)

    def depthwise(self, x, w, b=None, stride=1, padding=0):
        return self._biased(self._tf.nn.depthwise_conv2d(x, w, [1, stride, stride, 1], around(padding)), b)

    def _biased(self, x, b):
        return x if b is None else self._tf.nn.bias_add(x, b)

    def max_pool(self, x, size, stride, padding=0):
        return self._tf.nn.max_pool2d(x, size, stride, around(padding))

    def global_mean(self, x):
        return self._tf.reduce_mean(x, [1, 2])

    def attention(self, q, k, v, heads):
        tf, (batch, steps, width) = self._tf, q.shape
        q, k, v = (tf.transpose(tf.reshape(a, [batch, steps, heads, -1]), [0, 2, 1, 3]) for a in (q, k, v))
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * (width // heads) ** -0.5)
        return tf.reshape(tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3]), [batch, steps, width])

    def lstm(self, x, w, r, b):
        tf = self._tf
        zero = tf.zeros([x.shape[1], r.shape[0]])

        def step(state, z):
            h, c = state
            i, f, g, o = tf.split(z + tf.matmul(h, r), 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return tf.sigmoid(o) * tf.tanh(c), c

        return tf.scan(step, tf.tensordot(x, w, 1) + b, (zero, zero))[0]

    def product(self, a, b):
        return self._tf.matmul(a, b, output_type=self._tf.int32)


def around(size: int):
    """The padding of images by so many pixels."""
    return [[0, 0], [size, size], [size, size], [0, 0]] if size else "VALID"


class Program:
    """A workload as one ``tf.function``; constants are variables where they are trained, else part of the function.

    Args:
        options: of ``tf.function``.
    """

    def __init__(self, tf, workload: Workload, ops: Ops, **options):
        self._tf = tf
        _, weights = workload.data()
        constants = {k: w.array for k, w in weights.items()}
        self._variables = []
        if workload.training:
            constants = {k: tf.Variable(a) for k, a in constants.items()}
            self._variables = list(constants.values())
            kind, rate = workload.training
            optimizer = tf.optimizers.Adam(rate, epsilon=1e-8) if kind == "adam" else tf.optimizers.SGD(rate)
            optimizer.build(self._variables)

            def call(*inputs):
                with tf.GradientTape() as tape:
                    loss = workload.program(ops, inputs, constants)
                optimizer.apply_gradients(zip(tape.gradient(loss, self._variables), self._variables))
                return loss
        elif workload.gradient:

            def call(*inputs):
                watched = [inputs[k] for k in workload.gradient]
                with tf.GradientTape() as tape:
                    tape.watch(watched)
                    value = workload.program(ops, inputs[:-1], constants)
                return tape.gradient(value, watched, output_gradients=inputs[-1])
        else:

            def call(*inputs):
                return workload.program(ops, inputs, constants)

        self._call = tf.function(call, **options)

    def load(self, arrays):
        return [self._tf.constant(a) for a in arrays]

    def call(self, inputs):
        return self._call(*inputs)

    def numpy_call(self, arrays):
        """Of arrays, to an array."""
        return self._call(*map(self._tf.constant, arrays)).numpy()

    def finish(self, outputs):
        """Nothing: results on the CPU are there when a call returns."""

    def numpy(self, outputs) -> list[np.ndarray]:
        return [t.numpy() for t in as_tuple(outputs)]

    def first(self, outputs) -> list[np.ndarray]:
        return self.numpy(outputs) + [v.numpy() for v in self._variables]
