"""One side of a comparison of eager programs: the same ones under graphc or TensorFlow, timed on request.

    python tools/bench/eager_peer.py graphc
    /path/to/python tools/bench/eager_peer.py tensorflow

Reads names of workloads, one a line, and answers each with the seconds of one step; ``promises.py`` asks both
sides in turn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from timed_peer import answer


def seconds_of(step, count: int) -> Iterator[float]:
    """Seconds of a step, the mean of several, again and again."""
    for _ in range(10):
        step()
    while True:
        start = time.perf_counter()
        for _ in range(count):
            step()
        yield (time.perf_counter() - start) / count


def regression(tf) -> Iterator[float]:
    """A step of linear regression with a tape, as in course notes."""
    x = np.random.default_rng(0).normal(size=100).astype("f")
    y = 3 * x + 2
    w, b = tf.Variable(0.5), tf.Variable(0.1)

    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(w * x + b - y))
        dw, db = tape.gradient(loss, [w, b])
        w.assign_sub(0.01 * dw)
        b.assign_sub(0.01 * db)

    return seconds_of(step, 200)


def adam(tf) -> Iterator[float]:
    """A step of Adam for a 784-256-10 perceptron and a batch of 128, with its loss."""
    rng = np.random.default_rng(0)
    x, y = tf.constant(rng.normal(size=(128, 784)).astype("f")), tf.constant(rng.integers(0, 10, 128))
    w1, w2 = (tf.Variable(rng.normal(size=s).astype("f") * 0.05) for s in ((784, 256), (256, 10)))
    b1, b2 = tf.Variable(np.zeros(256, "f")), tf.Variable(np.zeros(10, "f"))
    variables = [w1, b1, w2, b2]
    optimizers = tf.optimizers if tf.__name__ == "graphc" else tf.keras.optimizers
    optimizer = optimizers.Adam(0.001)

    def step():
        with tf.GradientTape() as tape:
            h = tf.nn.relu(tf.matmul(x, w1) + b1)
            logits = tf.matmul(h, w2) + b2
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return float(loss)

    return seconds_of(step, 20)


WORKLOADS = {"regression": regression, "adam": adam}


if __name__ == "__main__":
    answer(WORKLOADS)
