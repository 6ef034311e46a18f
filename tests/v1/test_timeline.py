"""Traced runs: the same values, one entry for every step, and a trace that Chrome reads."""

import json

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import UsageError
from graphc.v1.timeline import Timeline


@pytest.fixture
def full():
    return tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)


def layer():
    x = tf.placeholder(tf.float32, [None, 20], name="x")
    w = tf.Variable(tf.ones([20, 30]) * 0.1, name="w")
    with tf.name_scope("layer"):
        h = tf.nn.relu(tf.matmul(x, w, name="mm"), name="act")
    y = tf.nn.softmax(tf.matmul(h, tf.random_normal([30, 5], seed=3)), name="sm")
    text = tf.as_string(tf.reduce_sum(y, name="total"), name="text")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(y * y))
    return x, w, y, text, train


def test_a_traced_run_computes_the_same(full):
    x, w, y, text, train = layer()
    data = np.random.default_rng(0).normal(size=(7, 20)).astype(np.float32)
    found = []
    for options in (None, full):
        tf.set_random_seed(1)
        sess, meta = tf.Session(), tf.RunMetadata()
        sess.run(w.initializer)
        for _ in range(3):
            out = sess.run([y, text, train], {x: data}, options, meta)
        found.append((out[0], out[1], sess.run(w)))
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)


def test_steps_are_named_after_operations(full):
    x, w, y, text, train = layer()
    sess, meta = tf.Session(), tf.RunMetadata()
    sess.run(w.initializer)
    sess.run([y, text, train], {x: np.ones((3, 20))}, full, meta)
    (device,) = meta.step_stats.dev_stats
    assert device.device.endswith("device:CPU:0")
    labels = {node.node_name: node.timeline_label for node in device.node_stats}
    assert labels["layer/act"] == "layer/act = MatMul+Relu(x, w)"
    assert "text" in labels and "GradientDescent/update_w/ApplyGradientDescent" in labels
    starts = [node.all_start_micros for node in device.node_stats]
    assert starts == sorted(starts) and all(node.op_end_rel_micros >= 1 for node in device.node_stats)
    act = next(node for node in device.node_stats if node.node_name == "layer/act")
    assert [d.size for d in act.output[0].tensor_description.shape.dim] == [-1, 30]


def test_the_trace_is_chromes(full):
    x, w, y, text, _ = layer()
    sess, meta = tf.Session(), tf.RunMetadata()
    sess.run(w.initializer)
    sess.run([y, text], {x: np.ones((3, 20))}, full, meta)
    events = json.loads(Timeline(meta.step_stats).generate_chrome_trace_format(show_memory=True))["traceEvents"]
    steps = [e for e in events if e["ph"] == "X"]
    assert len(steps) == len(meta.step_stats.dev_stats[0].node_stats) >= 3
    assert all({"name", "pid", "tid", "ts", "dur", "args"} <= e.keys() and e["dur"] >= 1 for e in steps)
    assert any(e["ph"] == "M" and e["name"] == "process_name" and "CPU:0" in e["args"]["name"] for e in events)
    arrows = [e for e in events if e["ph"] in "st"]
    assert {e["name"] for e in arrows} >= {"layer/act"} and len(arrows) % 2 == 0
    assert all(e["args"]["requested_bytes"] >= 0 for e in events if e["ph"] == "C")


def test_what_is_not_traced_reports_nothing():
    y, sess, meta = tf.constant(1.0) + 1.0, tf.Session(), tf.RunMetadata()
    assert sess.run(y, options=tf.RunOptions(), run_metadata=meta) == 2.0
    assert not meta.step_stats.dev_stats
    assert sess.run(y, options=tf.RunOptions(report_tensor_allocations_upon_oom=True)) == 2.0


def test_effects_happen_once_in_a_traced_run(full):
    v, seen = tf.Variable(1.0), []
    y = v.assign_add(tf.py_func(lambda a: (seen.append(1), a)[1], [tf.constant(2.0)], tf.float32))
    sess, meta = tf.Session(), tf.RunMetadata()
    sess.run(v.initializer)
    assert sess.run(y, options=full, run_metadata=meta) == 3.0 and sess.run(v) == 3.0 and seen == [1]
    call = sess.make_callable(y, accept_options=True)
    assert call() == 5.0 and call(options=full, run_metadata=tf.RunMetadata()) == 7.0


def test_refusals(full):
    y, sess = tf.constant(1.0), tf.Session()
    with pytest.raises(UsageError, match="options must be a tf.RunOptions, got 5"):
        sess.run(y, options=5)
    with pytest.raises(UsageError, match="run_metadata must be a tf.RunMetadata, got 'm'"):
        sess.run(y, options=full, run_metadata="m")
    with pytest.raises(UsageError, match="step_stats must be run_metadata.step_stats"):
        Timeline(None)
