"""The promise of reproducible numbers: the same bits whatever the threads, the batch, the cache or the way of compiling."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

import graphc
import graphc.v1 as tf
from graphc.options import Options

PROGRAM = """
import hashlib, sys
import numpy as np
import graphc.v1 as tf

rng = np.random.default_rng(3)
draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
x, t = tf.placeholder(tf.float32, [None, 300]), tf.placeholder(tf.float32, [None, 10])
w1, w2 = tf.Variable(draw(300, 200) / 17), tf.Variable(draw(200, 10) / 14)
b1, b2 = tf.Variable(np.zeros(200, np.float32)), tf.Variable(np.zeros(10, np.float32))
logits = tf.matmul(tf.tanh(tf.matmul(x, w1) + b1), w2) + b2
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=t, logits=logits))
step = tf.train.AdamOptimizer(0.01).minimize(loss)
long = tf.placeholder(tf.float32, [None])
chain = tf.reduce_sum(tf.exp(-long * long) * tf.sin(long)), tf.sqrt(tf.abs(long)) + long
found = []
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    feed = {x: draw(500, 300), t: np.eye(10, dtype=np.float32)[rng.integers(0, 10, 500)]}
    for _ in range(5):
        found += session.run([loss, logits, step], feed)[:2]
    found += session.run([w1, w2, b1, b2]) + list(session.run(chain, {long: draw(300_001)}))
print(hashlib.sha256(b"".join(np.ascontiguousarray(v).tobytes() for v in found)).hexdigest(), "llvmlite" in sys.modules)
"""


def outcome(folder, **environment) -> list[str]:
    env = {**os.environ, "GRAPHC_CACHE_DIR": str(folder), **environment}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_threads_and_cache_do_not_change_bits(tmp_path):
    alone, compiled = outcome(tmp_path / "a", GRAPHC_NUM_THREADS="1")
    again, from_cache = outcome(tmp_path / "a", GRAPHC_NUM_THREADS="1")
    assert (compiled, from_cache) == ("True", "False"), "the second run was to come from the cache"
    assert again == alone
    for threads in ("2", "5"):
        assert outcome(tmp_path / "a", GRAPHC_NUM_THREADS=threads)[0] == alone
    assert outcome(tmp_path / "b", GRAPHC_NUM_THREADS="2", GRAPHC_CACHE="off")[0] == alone
    assert outcome(tmp_path / "a", GRAPHC_CALL_PATH="ctypes")[0] == alone


def test_targets_with_fma_give_the_same_bits(tmp_path):
    alone, _ = outcome(tmp_path)
    try:
        narrow, _ = outcome(tmp_path, GRAPHC_TARGET="x86-64-v3")
    except AssertionError as error:
        if "cannot run here" in str(error):
            pytest.skip("this machine has no second target with fused multiply-add")
        raise
    assert narrow == alone


@pytest.fixture
def model():
    """A frozen network with a softmax, and 64 rows for it."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 97], name="x")
        w = tf.constant(rng.standard_normal((97, 130)).astype(np.float32))
        v = tf.constant(rng.standard_normal((130, 33)).astype(np.float32))
        h = tf.sigmoid(tf.matmul(x, w))
        h = (h - tf.reduce_mean(h, 1, keepdims=True)) * tf.rsqrt(tf.reduce_mean(tf.square(h), 1, keepdims=True) + 1e-3)
        y = tf.nn.softmax(tf.matmul(h, v))
        with tf.Session() as session:
            return tf.freeze(session, [x], [y], name="model"), rng.standard_normal((64, 97)).astype(np.float32)


def test_a_row_alone_and_in_a_batch_of_64(model):
    graph, rows = model
    call = graphc.compile_graph(graph)
    (together,) = call(rows)
    for size in (1, 3, 13):
        parts = [call(rows[k : k + size])[0] for k in range(0, 64, size)]
        assert np.concatenate(parts).tobytes() == together.tobytes()


def test_ahead_of_time_and_in_the_session(model, tmp_path):
    graph, rows = model
    (fresh,) = graphc.compile_graph(graph, Options(cache=False))(rows)
    graphc.save(graph, tmp_path / "model.gc")
    (loaded,) = graphc.load(tmp_path / "model.gc")(rows)
    assert hashlib.sha256(loaded).digest() == hashlib.sha256(fresh).digest()
