"""TensorFlow: a ``tf.function``, as it is or through XLA, with the kernels that it has for what graphc composes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..workload import Workload
from . import tensorflow_api
from .tensorflow_api import around

VERSION = tf.__version__


class Ops(tensorflow_api.Ops):
    """The operations; images are NHWC."""

    def __init__(self, xla: bool):
        super().__init__(tf)
        self._xla = xla

    def batch_norm(self, x, scale, offset, mean, variance, epsilon=1e-3):
        return tf.raw_ops.FusedBatchNormV3(
            x=x, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon, is_training=False
        )[0]

    def max_pool(self, x, size, stride, padding=0):
        if padding:
            x = tf.pad(x, around(padding), constant_values=-3e38)
        return super().max_pool(x, size, stride)

    def lstm(self, x, w, r, b):
        if self._xla:
            return super().lstm(x, w, r, b)
        units = r.shape[0]
        zero = tf.zeros([x.shape[1], units])
        none = tf.zeros([units])
        return tf.raw_ops.BlockLSTMV2(
            seq_len_max=tf.constant(x.shape[0], tf.int64),
            x=x,
            cs_prev=zero,
            h_prev=zero,
            w=np.concatenate([w, r]),
            wci=none,
            wcf=none,
            wco=none,
            b=b,
            cell_clip=0.0,
        )[-1]

    def product(self, a, b):
        return tf.matmul(tf.cast(a, tf.int32), tf.cast(b, tf.int32))


class Built(tensorflow_api.Program):
    """A workload as one ``tf.function``, ``xla`` or not."""

    def __init__(self, workload: Workload, variant: str, threads: int, folder: str):
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        xla = variant == "xla"
        super().__init__(tf, workload, Ops(xla), jit_compile=xla, autograph=False)
