"""What sessions survive: threads, forks, interrupts, deep graphs, every batch size; and that nothing grows."""

import gc
import multiprocessing
import os
import signal
import threading

import numpy as np
import pytest

import graphc.api.run
import graphc.v1 as tf
from graphc.ir.node import live_nodes


@pytest.fixture
def compiles(monkeypatch):
    """A list that grows by one with every compilation."""
    seen, original = [], graphc.api.run.compile_graph

    def counted(graph, options):
        seen.append(graph.name)
        return original(graph, options)

    monkeypatch.setattr(graphc.api.run, "compile_graph", counted)
    return seen


def test_one_compile_for_a_thousand_batch_sizes(compiles):
    x, w = tf.placeholder(tf.float32, [None, 3]), tf.Variable(tf.ones([3, 2]))
    y, sess = tf.reduce_sum(tf.matmul(x, w), 1), tf.Session()
    sess.run(w.initializer)
    del compiles[:]
    for size in (*range(2, 1000), 1, 0):
        assert sess.run(y, {x: np.ones((size, 3), np.float32)}).tolist() == [6.0] * size
    assert len(compiles) == 1


def test_one_compile_for_each_rank(compiles):
    x, sess = tf.placeholder(tf.float32), tf.Session()
    y = x * 2.0
    for round_ in range(3):
        for rank in range(4):
            shape = (2 + round_,) * rank
            assert sess.run(y, {x: np.ones(shape)}).shape == shape
    assert len(compiles) == 4


def test_sizes_of_one_are_compiled_once_more_at_most(compiles):
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    z, sess = x + y, tf.Session()
    for k in range(2, 20):
        for sizes in ((k, k), (k, 1), (1, k), (1, 1)):
            assert sess.run(z, dict(zip((x, y), map(np.ones, sizes)))).shape == (max(sizes),)
    assert len(compiles) <= 5


def test_deep_graphs(compiles):
    x, sess = tf.placeholder(tf.float32, [None]), tf.Session()
    y = x
    for _ in range(5_000):
        y = y + 1.0
    assert sess.run(y, {x: [0.0, 1.0]}).tolist() == [5_000.0, 5_001.0]


def test_threads_share_a_session():
    x, total = tf.placeholder(tf.float32, [None, 3]), tf.Variable(0.0)
    y, more, sess = tf.reduce_sum(x, 1), total.assign_add(1.0), tf.Session()
    sess.run(total.initializer)
    failed = []

    def work(k):
        try:
            for _ in range(50):
                assert sess.run(y, {x: np.full((k + 1, 3), k)}).tolist() == [3.0 * k] * (k + 1)
                sess.run(more)
            graph = tf.Graph()
            with graph.as_default(), tf.Session() as own:
                assert own.run(tf.constant(float(k)) + 1.0) == k + 1
        except BaseException as error:  # noqa: BLE001  reported below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed and sess.run(total) == 300.0


def test_a_forked_child_runs_on():
    x, sess = tf.placeholder(tf.float32, [None, 1000]), tf.Session()
    y, data = tf.reduce_sum(tf.exp(x)), np.ones((500, 1000), np.float32)
    expected = sess.run(y, {x: data})

    def child():
        os._exit(0 if sess.run(y, {x: data}) == expected else 1)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(30)
    alive = process.is_alive()
    if alive:
        process.kill()
    assert not alive and process.exitcode == 0
    assert sess.run(y, {x: data}) == expected


def test_an_interrupt_leaves_the_session_usable(monkeypatch):
    x, v = tf.placeholder(tf.float32, [None, 4]), tf.Variable(tf.ones([4, 4]))
    y, sess = tf.matmul(x, v), tf.Session()
    sess.run(v.initializer)
    original = graphc.api.run.compile_graph

    def interrupted(graph, options):
        monkeypatch.setattr(graphc.api.run, "compile_graph", original)
        signal.raise_signal(signal.SIGINT)
        return original(graph, options)

    monkeypatch.setattr(graphc.api.run, "compile_graph", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sess.run(y, {x: np.ones((2, 4))})
    assert sess.run(y, {x: np.ones((2, 4))}).tolist() == [[4.0] * 4] * 2


def test_a_failing_with_block_leaves_no_scope_open():
    graph = tf.get_default_graph()
    with pytest.raises(ZeroDivisionError):
        with tf.Session(), tf.variable_scope("s"), tf.name_scope("n"), tf.control_dependencies([tf.no_op()]):
            1 / 0
    assert tf.get_default_session() is None and graph.get_name_scope() == "" and not graph.has_control
    assert tf.get_variable_scope().name == "" and tf.constant(1, name="c").name == "c:0"
    with pytest.raises(ZeroDivisionError):
        tf.Variable(lambda: 1 / 0)
    assert graph.get_name_scope() == "" and tf.global_variables() == []


def train_once(size: int) -> None:
    """Build a graph with an optimizer and take one step in a session of its own."""
    graph = tf.Graph()
    with graph.as_default():
        x, y = tf.placeholder(tf.float32, [None, 4]), tf.placeholder(tf.float32, [None, 1])
        loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.layers.dense(x, 3, tf.nn.relu), 1) - y))
        step = tf.train.AdamOptimizer(0.1).minimize(loss)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            sess.run([step, loss], {x: np.ones((size, 4)), y: np.zeros((size, 1))})


def handles() -> int:
    return len(os.listdir("/proc/self/fd")) + len(os.listdir("/proc/self/task"))


def test_graphs_and_sessions_leave_nothing():
    for size in (3, 4):
        train_once(size)
    gc.collect()
    before = live_nodes(), handles()
    for k in range(30):
        train_once(k % 5 + 2)
    gc.collect()
    assert (live_nodes(), handles()) == before


def test_hundreds_of_sessions_leave_nothing():
    x, w = tf.placeholder(tf.float32, [None, 4]), tf.Variable(tf.ones([4, 4]))
    y = tf.matmul(x, w)

    def once():
        with tf.Session() as sess:
            sess.run(w.initializer)
            sess.run(y, {x: np.ones((2, 4))})

    once()
    gc.collect()
    before, operations = (live_nodes(), handles()), len(tf.get_default_graph().get_operations())
    for _ in range(300):
        once()
    gc.collect()
    assert (live_nodes(), handles()) == before and len(tf.get_default_graph().get_operations()) == operations


def test_a_thousand_builds_leave_nothing():
    def build():
        with tf.Graph().as_default():
            tf.gradients(tf.sin(tf.placeholder(tf.float32, [None]) * 2.0) + 1.0, tf.Variable(1.0))

    build()
    gc.collect()
    before = live_nodes()
    for _ in range(1000):
        build()
    gc.collect()
    assert live_nodes() == before
