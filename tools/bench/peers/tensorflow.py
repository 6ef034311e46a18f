"""TensorFlow: a ``tf.function``, as it is or through XLA."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..workload import Workload, as_tuple

VERSION = tf.__version__


class Ops:
    """The operations; images are NHWC."""

    tanh, exp, sqrt, abs, sin, sigmoid = map(staticmethod, (tf.tanh, tf.exp, tf.sqrt, tf.abs, tf.sin, tf.sigmoid))
    relu, relu6, softmax, matmul = map(staticmethod, (tf.nn.relu, tf.nn.relu6, tf.nn.softmax, tf.matmul))
    mean, transpose, square = map(staticmethod, (tf.reduce_mean, tf.transpose, tf.square))

    def __init__(self, xla: bool):
        self._xla = xla

    def gelu(self, x):
        return tf.nn.gelu(x)

    def layer_norm(self, x, gamma, beta, epsilon=1e-5):
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)

    def sum(self, x, axis=None):
        return tf.reduce_sum(x, axis)

    def dense(self, x, w, b=None):
        return tf.matmul(x, w) if b is None else tf.nn.bias_add(tf.matmul(x, w), b)

    def flatten(self, x):
        return tf.reshape(x, [x.shape[0], -1])

    def cross_entropy(self, logits, labels):
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))

    def batch_norm(self, x, scale, offset, mean, variance, epsilon=1e-3):
        return tf.raw_ops.FusedBatchNormV3(
            x=x, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon, is_training=False
        )[0]

    def conv(self, x, w, b=None, stride=1, padding=0):
        y = tf.nn.conv2d(x, w, stride, _padding(padding))
        return y if b is None else tf.nn.bias_add(y, b)

    def depthwise(self, x, w, b=None, stride=1, padding=0):
        y = tf.nn.depthwise_conv2d(x, w, [1, stride, stride, 1], _padding(padding))
        return y if b is None else tf.nn.bias_add(y, b)

    def max_pool(self, x, size, stride, padding=0):
        if padding:
            x = tf.pad(x, _padding(padding), constant_values=-3e38)
        return tf.nn.max_pool2d(x, size, stride, "VALID")

    def global_mean(self, x):
        return tf.reduce_mean(x, [1, 2])

    def attention(self, q, k, v, heads):
        batch, steps, width = q.shape
        q, k, v = (tf.transpose(tf.reshape(a, [batch, steps, heads, -1]), [0, 2, 1, 3]) for a in (q, k, v))
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * (width // heads) ** -0.5)
        return tf.reshape(tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3]), [batch, steps, width])

    def lstm(self, x, w, r, b):
        units = r.shape[0]
        zero = tf.zeros([x.shape[1], units])
        if not self._xla:
            i, f, g, o = range(0, 4 * units, units)
            order = np.concatenate([np.arange(k, k + units) for k in (i, g, f, o)])
            none = tf.zeros([units])
            return tf.raw_ops.BlockLSTMV2(
                seq_len_max=tf.constant(x.shape[0], tf.int64),
                x=x,
                cs_prev=zero,
                h_prev=zero,
                w=np.concatenate([w, r])[:, order],
                wci=none,
                wcf=none,
                wco=none,
                b=b[order],
                cell_clip=0.0,
            )[-1]

        def step(state, z):
            h, c = state
            i, f, g, o = tf.split(z + tf.matmul(h, r), 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return tf.sigmoid(o) * tf.tanh(c), c

        return tf.scan(step, tf.tensordot(x, w, 1) + b, (zero, zero))[0]

    def product(self, a, b):
        return tf.matmul(tf.cast(a, tf.int32), tf.cast(b, tf.int32))


def _padding(size: int):
    return [[0, 0], [size, size], [size, size], [0, 0]] if size else "VALID"


class Built:
    """A workload as one ``tf.function``, ``xla`` or not; constants are its own, variables where they are trained."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        xla = variant == "xla"
        self._workload, ops = workload, Ops(xla)
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

        self._call = tf.function(call, jit_compile=xla, autograph=False)

    def load(self, arrays):
        return [tf.constant(a) for a in arrays]

    def call(self, inputs):
        return self._call(*inputs)

    def numpy_call(self, arrays):
        """Of arrays, to an array."""
        return self._call(*map(tf.constant, arrays)).numpy()

    def finish(self, outputs):
        """Nothing: results on the CPU are there when a call returns."""

    def numpy(self, outputs) -> list[np.ndarray]:
        return [t.numpy() for t in as_tuple(outputs)]

    def first(self, outputs) -> list[np.ndarray]:
        return self.numpy(outputs) + [v.numpy() for v in self._variables]
