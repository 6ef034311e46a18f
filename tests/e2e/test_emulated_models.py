"""Whole models on machines that this one is not: the bits of the program that runs here."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.compile import compile_graph, lower_graph, optimise
from graphc.ir.target import AARCH64, RISCV64, X86_64, X86_64_V2
from graphc.options import Options
from graphc.runtime.host import host_target, runs_here
from tests.emulated import Run, emulate, needs_emulator
from tests.native import bits_equal

RNG = np.random.default_rng(7)


def weights(*shape):
    return tf.constant(RNG.normal(size=shape).astype(np.float32) * 0.3)


def perceptron(x):
    """Two layers, with an open batch size."""
    hidden = tf.nn.relu(tf.matmul(x, weights(20, 33)) + weights(33))
    return [tf.nn.softmax(tf.matmul(hidden, weights(33, 10)) + weights(10)), tf.argmax(hidden, 1)]


def convolutions(x):
    """Convolutions of several kinds, pooling and a norm, with an open batch size."""
    y = tf.nn.relu(tf.nn.conv2d(tf.reshape(x, [-1, 4, 5, 1]), weights(3, 3, 1, 16), [1, 1, 1, 1], "SAME"))
    y = tf.nn.depthwise_conv2d(y, weights(3, 3, 16, 1), [1, 1, 1, 1], "SAME")
    y = tf.nn.max_pool(tf.nn.conv2d(y, weights(1, 1, 16, 24), [1, 1, 1, 1], "VALID"), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    mean, variance = tf.nn.moments(y, [1, 2], keepdims=True)
    return [tf.reduce_mean(tf.tanh((y - mean) * tf.rsqrt(variance + 1e-3)), [1, 2])]


def narrow_types(x):
    """Half precision, bytes, random bits."""
    half, brain = tf.cast(x, tf.float16), tf.cast(x, tf.bfloat16)
    noise = tf.random.stateless_normal([4, 5], seed=[3, 4])
    return [tf.matmul(half, half, transpose_b=True), tf.exp(brain), tf.quantize_v2(x, -3.0, 3.0, tf.quint8)[0], noise]


def loops(x):
    """A loop with a branch inside, and a recurrence; the number of turns depends on the data."""
    def turn(k, y):
        return k + 1, tf.cond(tf.reduce_sum(y) > 0, lambda: tf.sin(y) * 1.5, lambda: tf.cumsum(y, 1))

    turns = tf.cast(tf.reduce_max(x) * 3.0, tf.int32) + 2
    _, y = tf.while_loop(lambda k, y: k < turns, turn, [0, x])
    return [y, tf.sort(y), tf.scan(lambda a, b: tf.tanh(a + b), tf.transpose(x))]


MODELS = (perceptron, convolutions, narrow_types, loops)


@cache
def cases() -> list[tuple[str, object, tuple, tuple]]:
    """(name, graph, arrays, what the program here answers)."""
    found = []
    for model in MODELS:
        with tf.Graph().as_default() as graph:
            x = tf.placeholder(tf.float32, [None, 20], name="x")
            pure = tf.freeze(tf.Session(graph=graph), [x], model(x), name=model.__name__)
        for n in (1, 7):
            arrays = (RNG.normal(size=(n, 20)).astype(np.float32),)
            found.append((model.__name__, pure, arrays, compile_graph(pure)(*arrays)))
    return found + training()


def training() -> list[tuple[str, object, tuple, tuple]]:
    """Three steps of Adam, each from where the program here left the one before."""
    with tf.Graph().as_default():
        x, label = tf.placeholder(tf.float32, [None, 20], name="x"), tf.placeholder(tf.int64, [None], name="label")
        hidden = tf.tanh(tf.layers.dense(x, 16))
        loss = tf.losses.sparse_softmax_cross_entropy(label, tf.layers.dense(hidden, 4))
        graph = tf.step_graph([tf.train.AdamOptimizer(0.1).minimize(loss), loss], name="adam")
    program, found = compile_graph(graph), []
    shapes = [[9 if type(d) is not int else d for d in i.type.shape] for i in graph.inputs]
    state = [np.asarray(abs(RNG.normal(size=s)) * 0.9, i.type.dtype.numpy) for s, i in zip(shapes, graph.inputs)]
    for _ in range(3):
        answer = program(*[a.copy() for a in state])
        found.append(("adam", graph, tuple(state), answer))
        state = list(state)
        for o, i in graph.donated:
            state[i] = answer[o]
    return found


def check(target, expected: list[tuple]) -> None:
    options, programs = Options(target=target.name), {}
    for name, graph, _, _ in cases():
        programs[name] = programs.get(name) or lower_graph(optimise(graph, options), options)
    found = emulate(target, [Run(programs[name], graph, arrays) for name, graph, arrays, _ in cases()])
    for (name, _, arrays, _), right, answer in zip(cases(), expected, found):
        assert all(map(bits_equal, right, answer)), f"{name} on {target.name} with {arrays[0].shape}\n{right}\n{answer}"


@pytest.mark.skipif(not host_target().fma, reason="needs a processor with fused multiply-add, to compare with")
@needs_emulator(AARCH64)
@needs_emulator(RISCV64)
def test_machines_with_fma():
    for target in (AARCH64, RISCV64):
        check(target, [answer for *_, answer in cases()])


@pytest.mark.skipif(not runs_here(X86_64_V2), reason="needs an x86-64-v2 processor")
def test_vectors_without_fma():
    plain = [compile_graph(graph, Options(target=X86_64.name)) for _, graph, _, _ in cases()]
    check(X86_64_V2, [program(*[a.copy() for a in arrays]) for program, (_, _, arrays, _) in zip(plain, cases())])
