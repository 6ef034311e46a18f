"""One side of a comparison of TensorFlow 1 programs: the same ones under graphc or TensorFlow, timed on request.

    python tools/bench/session_peer.py graphc.v1
    /path/to/python tools/bench/session_peer.py tensorflow.compat.v1

Reads names of workloads, one a line, and answers each with the seconds of one measurement; ``promises.py`` asks both
sides in turn.
"""

from __future__ import annotations

import importlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

HIDDEN, CLASSES, BATCH, PIXELS = 256, 10, 100, 784
CHECKPOINT = (5, 25_000_000)  # variables and float32 elements of each: 500 MB


def seconds_of(call: Callable, count: int = 1) -> float:
    """Median seconds of one call of several loops of ``count`` calls."""
    found = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            call()
        found.append((time.perf_counter() - start) / count)
    return statistics.median(found)


@contextmanager
def session(tf) -> Iterator:
    """A session of the default graph, its variables initialised."""
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        yield sess


def scalar(tf) -> Iterator[float]:
    """``sess.run(a + b, {a: 1, b: 2})``."""
    a, b = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    y = a + b
    with session(tf) as sess:
        feed = {a: 1, b: 2}
        assert sess.run(y, feed) == 3
        while True:
            yield seconds_of(lambda: sess.run(y, feed), 1000)


def step(tf) -> Iterator[float]:
    """One Adam step of a 784-256-10 perceptron, fed a batch of 100."""
    rng = np.random.default_rng(0)
    x, t = tf.placeholder(tf.float32, [None, PIXELS]), tf.placeholder(tf.float32, [None, CLASSES])
    w1 = tf.Variable(rng.standard_normal((PIXELS, HIDDEN)).astype("f") * 0.05)
    w2 = tf.Variable(rng.standard_normal((HIDDEN, CLASSES)).astype("f") * 0.05)
    b1, b2 = tf.Variable(np.zeros(HIDDEN, "f")), tf.Variable(np.zeros(CLASSES, "f"))
    logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1) + b1), w2) + b2
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=t, logits=logits))
    train = tf.train.AdamOptimizer(1e-3).minimize(loss)
    labels = np.eye(CLASSES, dtype="f")[rng.integers(0, CLASSES, BATCH)]
    feed = {x: rng.standard_normal((BATCH, PIXELS)).astype("f"), t: labels}
    with session(tf) as sess:
        before = sess.run(loss, feed)
        for _ in range(20):
            sess.run(train, feed)
        assert sess.run(loss, feed) < 0.9 * before
        while True:
            yield seconds_of(lambda: sess.run(train, feed), 50)


def build(tf) -> Iterator[float]:
    """A graph of 1 000 operations, as programs write them: products with bias and activation, sums, shapes."""

    def make():
        with tf.Graph().as_default() as graph:
            x = h = tf.placeholder(tf.float32, [None, 64])
            w, b = tf.zeros([64, 64]), tf.zeros([64])
            for _ in range(125):
                h = tf.nn.relu(tf.matmul(h, w) + b)
                h = tf.tanh(h * x - tf.sigmoid(x)) + h
            assert len(graph.get_operations()) >= 1000

    while True:
        yield seconds_of(make)


def save(tf) -> Iterator[float]:
    """``Saver.save`` of 500 MB of variables."""
    count, size = CHECKPOINT
    for k in range(count):
        tf.get_variable(f"v{k}", [size], initializer=tf.random_uniform_initializer(seed=k))
    saver, folder = tf.train.Saver(max_to_keep=1), tempfile.mkdtemp(dir=os.environ.get("BENCH_FOLDER"))
    try:
        with session(tf) as sess:
            for number in range(1_000_000):
                start = time.perf_counter()
                saver.save(sess, os.path.join(folder, "model"), global_step=number, write_meta_graph=False)
                yield time.perf_counter() - start
    finally:
        shutil.rmtree(folder)


WORKLOADS = {"scalar": scalar, "step": step, "build": build, "save": save}


def main() -> None:
    tf = importlib.import_module(sys.argv[1])
    if sys.argv[1].startswith("tensorflow"):
        tf.disable_eager_execution()
        tf.logging.set_verbosity(tf.logging.ERROR)
    running: dict[str, Iterator[float]] = {}
    graphs: list = []
    print("ready", flush=True)
    for line in sys.stdin:
        name = line.strip()
        if name not in running:
            graphs.append(tf.Graph())
            graphs[-1].as_default().__enter__()
            running[name] = WORKLOADS[name](tf)
        print(next(running[name]), flush=True)


if __name__ == "__main__":
    main()
