"""Small models for tests of what is compiled ahead of time for CUDA devices."""

import numpy as np

import graphc.v1 as tf
from graphc.ir.graph import Graph
from graphc.ir.parser import parse
from graphc.options import Options
from graphc.runtime.host import fitting_targets

FUSED = next((target.name for target in fitting_targets() if target.fma), None)  # has fused multiply-add, as GPUs do
CPU = Options(target=FUSED)
WAVE = """graph @wave(%x: f32[n], %y: f32[n]) {
  %exp0: f32[n] = exp(%x)
  %mul0: f32[n] = mul(%exp0, %y)
  return %mul0
}
"""

PRODUCTS = """graph @products(%x: f32[256,128], %w: f32[128,256], %v: f32[256,256]) {
  %a: bf16[256,128] = cast(%x, dtype=bf16)
  %b: bf16[128,256] = cast(%w, dtype=bf16)
  %c: bf16[256,256] = cast(%v, dtype=bf16)
  %d: bf16[256,256] = dot(%a, %b, transpose_x=false, transpose_y=false)
  %e: bf16[256,256] = dot(%d, %c, transpose_x=false, transpose_y=false)
  %f: f32[256,256] = cast(%e, dtype=f32)
  return %f
}
"""


def wave() -> Graph:
    """Element-wise: the same program for all GPUs."""
    return parse(WAVE)


def _fresh(seed: int = 5) -> tf.Session:
    tf.reset_default_graph()
    tf.set_random_seed(seed)
    return tf.Session()


def digits() -> Graph:
    """Two layers and a softmax over an open batch: the sizes of blocks depend on the GPU."""
    session = _fresh()
    pixels = tf.placeholder(tf.float32, [None, 64], name="pixels")
    hidden = tf.layers.dense(pixels, 32, activation=tf.nn.relu)
    probabilities = tf.nn.softmax(tf.layers.dense(hidden, 10), name="probabilities")
    session.run(tf.global_variables_initializer())
    return tf.freeze(session, [pixels], [probabilities], name="digits")


def step() -> Graph:
    """A step of training."""
    _fresh()
    x, y = tf.placeholder(tf.float32, [None, 6], name="x"), tf.placeholder(tf.float32, [None, 1], name="y")
    hidden = tf.layers.dense(x, 5, activation=tf.nn.tanh, kernel_initializer=tf.ones_initializer())
    loss = tf.reduce_mean(tf.square(tf.layers.dense(hidden, 1, kernel_initializer=tf.ones_initializer()) - y))
    return tf.step_graph([loss, tf.train.AdamOptimizer(0.01).minimize(loss)], name="step")


def loops() -> Graph:
    """A loop until values decide, a choice, a loop over rows, and a value that is refused."""
    session = _fresh()
    x = tf.placeholder(tf.float32, [None, 8], name="x")
    _, doubled = tf.while_loop(lambda k, v: tf.reduce_sum(v) < 100.0, lambda k, v: (k + 1, v * 2.0 + 0.125), (tf.constant(0), x))
    chosen = tf.cond(tf.reduce_max(x) > 0.5, lambda: doubled - 1.0, lambda: doubled + 1.0)
    summed = tf.scan(lambda a, row: a * 0.5 + row, x, initializer=tf.zeros([8]))
    with tf.control_dependencies([tf.debugging.assert_less(x, 1e6, message="x must be small")]):
        out = tf.identity(chosen, name="chosen")
    return tf.freeze(session, [x], [out, summed], name="loops")


def rows() -> Graph:
    """A loop over rows: the host counts, and no value decides."""
    session = _fresh()
    x = tf.placeholder(tf.float32, [None, 8], name="x")
    summed = tf.scan(lambda a, row: a * 0.5 + row, x, initializer=tf.zeros([8]))
    return tf.freeze(session, [x], [summed], name="rows")


def products() -> Graph:
    """Two products of 16-bit floats of known sizes: large enough for sm_90a where a GPU has one multiprocessor."""
    return parse(PRODUCTS)


def ramp(*shape: int) -> np.ndarray:
    """What examples in C are given."""
    return (np.arange(np.prod(shape)) % 10 * np.float32(0.1)).astype(np.float32).reshape(shape)
