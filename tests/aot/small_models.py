"""Graphs of small models for machines that are emulated."""

from __future__ import annotations

import numpy as np

import graphc.v1 as tf
from graphc import prims
from graphc.compile import optimise
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.type import Type


def normal(*shape: int, seed: int = 11) -> np.ndarray:
    """Random numbers of single precision."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def small_bytes(*shape: int) -> np.ndarray:
    """Random numbers of 8 bits without sign."""
    return np.random.default_rng(7).integers(0, 256, shape).astype(np.uint8)


def convolutions(size=None) -> Graph:
    """Pictures of 9 by 11 to three probabilities: convolutions with padding and stride, pooling, a mean."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [size, 9, 11, 3], name="x")
        y = tf.nn.relu(tf.nn.conv2d(x, tf.constant(normal(3, 3, 3, 8)), 1, "SAME") + tf.constant(normal(8)))
        y = tf.nn.max_pool2d(y, 2, 2, "VALID")
        y = tf.tanh(tf.nn.conv2d(y, tf.constant(normal(3, 3, 8, 5)), [1, 2, 2, 1], "SAME"))
        y = tf.nn.softmax(tf.matmul(tf.reduce_mean(y, [1, 2]), tf.constant(normal(5, 3))))
        return tf.freeze(tf.Session(graph=graph), [x], [y], name="convolutions")


def bytes_product() -> Graph:
    """Bytes with a zero point times known ones, as integers."""
    x = input_node("x", Type(dt.u8, (5, 37)))
    weights = prims.cast(const(small_bytes(37, 19).view(np.int8)), dt.i32)
    wide = prims.cast(x, dt.i32)
    return optimise(Graph("bytes", (x,), (prims.dot(prims.sub(wide, const(7, wide.type)), weights),)))


def training_step() -> Graph:
    """A step of gradient descent, which writes its weights over."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        w = tf.get_variable("w", [3, 1], initializer=tf.ones_initializer())
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.0))
        return tf.step_graph(tf.train.GradientDescentOptimizer(0.5).minimize(loss), name="step")
