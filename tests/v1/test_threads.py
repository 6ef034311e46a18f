"""One session in many threads: no update is lost, no value is torn, nobody waits for who waits for him."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import graphc.v1 as tf

THREADS = 8


def together(*functions, seconds=60):
    """Run functions in threads; what they raised."""
    failed = []

    def guarded(function):
        try:
            function()
        except BaseException as error:  # noqa: BLE001  handed to the test
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(f,), daemon=True) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    assert not any(t.is_alive() for t in threads), "threads wait for one another"
    return failed


def test_no_update_is_lost_between_different_runs():
    big = tf.Variable(tf.zeros([40_000]), name="big")  # large enough that other threads run meanwhile
    x = tf.placeholder(tf.float32, [])
    plus = [big.assign_add(tf.fill([40_000], float(k + 1))) for k in range(THREADS - 1)]
    plus.append(big.assign_add(tf.fill([40_000], x)))
    sess = tf.Session()
    sess.run(big.initializer)

    def add(k):
        for _ in range(20):
            sess.run(plus[k].op, {x: float(THREADS)} if k == THREADS - 1 else None)

    assert not together(*[lambda k=k: add(k) for k in range(THREADS)])
    assert set(sess.run(big).tolist()) == {20.0 * sum(range(1, THREADS + 1))}


def test_readers_see_whole_values():
    v = tf.Variable(tf.zeros([100_000]))
    up, twice, sess = v.assign_add(tf.ones([100_000])), v * 2.0, tf.Session()
    sess.run(v.initializer)
    over = threading.Event()

    def write():
        for _ in range(100):
            sess.run(up.op)
        over.set()

    def read():
        last = 0.0
        while not over.is_set():
            seen = sess.run(twice)
            assert seen.min() == seen.max() >= last
            last = seen.max()

    assert not together(write, read, read, read)
    assert sess.run(v)[0] == 100.0


def test_concurrent_runs_draw_different_numbers():
    tf.set_random_seed(7)
    r, sess, seen = tf.random_uniform([20_000]), tf.Session(), []
    assert not together(*[lambda: seen.extend(float(sess.run(r)[0]) for _ in range(20)) for _ in range(4)])
    with tf.Session() as alone:
        assert sorted(seen) == sorted(float(alone.run(r)[0]) for _ in range(80))
    assert len(set(seen)) == 80


def test_sessions_do_not_disturb_each_other():
    v, x = tf.Variable(0.0), tf.placeholder(tf.float32, [])
    more = v.assign_add(x)

    def work(k):
        with tf.Session() as sess:
            sess.run(v.initializer)
            for _ in range(50):
                sess.run(more, {x: k})
            assert sess.run(v) == 50.0 * k

    assert not together(*[lambda k=k: work(k) for k in range(THREADS)])


def test_a_run_that_waits_and_writes_keeps_nobody_out():
    queue = tf.FIFOQueue(1, tf.float32, shapes=[[]])
    total, count = tf.Variable(0.0), tf.Variable(0.0)
    taken = queue.dequeue()
    train = tf.group(total.assign_add(taken), count.assign_add(1.0))
    put = queue.enqueue([count.assign_add(1.0) * 0.0 + 2.0])  # the producer writes the same variables
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())

    def consume():
        for _ in range(50):
            sess.run(train)

    def produce():
        for _ in range(50):
            sess.run(put)

    assert not together(consume, consume, produce, produce)
    assert sess.run([total, count]) == [200.0, 200.0]


def test_batches_larger_than_the_queue_and_writes():
    queue, v = tf.FIFOQueue(2, tf.int32, shapes=[[]]), tf.Variable(0)
    many, put = v.assign_add(tf.reduce_sum(queue.dequeue_many(5))), queue.enqueue([v * 0 + 3])
    several, sess = queue.enqueue_many([tf.fill([5], v * 0 + 1)]), tf.Session()
    sess.run(v.initializer)

    def produce():
        for _ in range(5):
            sess.run(put)
        sess.run(several)

    def consume():
        assert sess.run(many) == 15
        assert sess.run(many) == 20

    assert not together(produce, consume)


def test_counted_elements_are_unique():
    queue, count = tf.FIFOQueue(1000, tf.int32, shapes=[[]]), tf.Variable(0)
    put, all_, sess = queue.enqueue([count.assign_add(1)]), queue.dequeue_many(400), tf.Session()
    sess.run(count.initializer)
    assert not together(*[lambda: [sess.run(put) for _ in range(50)] for _ in range(THREADS)])
    assert sorted(sess.run(all_).tolist()) == list(range(1, 401))


def test_a_python_function_may_use_the_session():
    v, sess = tf.Variable(1.0), tf.Session()
    double = v.assign(v * 2.0)

    def peek(x):
        return np.float32(sess.run(double) + x)

    y = v.assign_add(tf.py_func(peek, [tf.constant(10.0)], tf.float32))
    sess.run(v.initializer)
    assert not together(lambda: sess.run(y))
    assert sess.run(v) == 14.0  # the write before, seen by the run that goes on


def test_closing_while_others_run():
    queue, v = tf.FIFOQueue(1, tf.float32, shapes=[[]]), tf.Variable(tf.zeros([50_000]))
    waits, adds = v.assign_add(queue.dequeue() + tf.zeros([50_000])), v.assign_add(tf.ones([50_000]))
    sess = tf.Session()
    sess.run(v.initializer)
    started = threading.Barrier(4)

    def wait():
        started.wait()
        with pytest.raises(tf.errors.CancelledError):
            sess.run(waits)

    def add():
        started.wait()
        with pytest.raises((tf.errors.CancelledError, RuntimeError), match="(closed|cancelled)"):
            while True:
                sess.run(adds.op)

    def close():
        started.wait()
        sess.run(adds.op)
        sess.close()

    assert not together(wait, add, add, close)


def test_a_run_gives_up_waiting_after_its_time():
    queue, v = tf.FIFOQueue(1, tf.float32, shapes=[[]]), tf.Variable(0.0)
    options, sess = tf.RunOptions(timeout_in_ms=50), tf.Session()
    sess.run(v.initializer)
    for fetch in (queue.dequeue(), v.assign_add(queue.dequeue())):
        with pytest.raises(tf.errors.DeadlineExceededError, match="timeout_in_ms"):
            sess.run(fetch, options=options)
    sess.run(queue.enqueue([1.0]))
    assert sess.run(queue.dequeue(), options=options) == 1.0


def test_a_python_function_that_waits_for_another_thread():
    v, go, sess = tf.Variable(0.0), threading.Event(), tf.Session()
    y = v.assign_add(tf.py_func(lambda x: (go.wait(30), x)[1], [tf.constant(1.0)], tf.float32))
    more = v.assign_add(100.0)
    sess.run(v.initializer)

    def other():
        sess.run(more)
        go.set()

    assert not together(lambda: sess.run(y), other)
    assert sess.run(v) == 101.0


@pytest.mark.parametrize("path", ["native", "ctypes"])
def test_turns_come_in_order(path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CALL_PATH", path)
    v = tf.Variable(tf.zeros([200_000]))
    step, read, sess = v.assign_add(tf.sin(tf.fill([200_000], 0.5))).op, v * 2.0, tf.Session()
    sess.run(v.initializer)
    sess.run(step), sess.run(read)
    over, steps, between = threading.Event(), [0], []

    def train():
        while not over.is_set():
            sess.run(step)
            steps[0] += 1

    def take(shared):
        hold = sess.state.turn.hold(shared)
        before = steps[0]
        try:
            hold.enter()
            between.append(steps[0] - before)
        finally:
            hold.leave()

    def others():
        while steps[0] < 5:
            pass
        for k in range(50):
            take(k % 2 == 0)
            before = steps[0]
            sess.run(read)
            between.append(steps[0] - before)
        over.set()

    assert not together(train, train, others)
    assert sum(between) <= 6 * len(between) and max(between) <= 40  # each of the two trainers goes first once or twice


def holding(sess, shared=False):
    """A thread that has the session's turn until an event is set; the thread and the event."""
    has, let_go = threading.Event(), threading.Event()

    def hold():
        turn = sess.state.turn.hold(shared)
        try:
            turn.enter()
            has.set()
            let_go.wait(60)
        finally:
            turn.leave()

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert has.wait(60)
    return thread, let_go


def counter():
    v = tf.Variable(0.0)
    up, sess = v.assign_add(1.0), tf.Session()
    sess.run(v.initializer)
    sess.run(up)
    return v, up, sess


@pytest.mark.parametrize("path", ["native", "ctypes"])
def test_a_wait_for_the_turn_can_be_interrupted(path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CALL_PATH", path)
    v, up, sess = counter()
    thread, let_go = holding(sess)
    for wait in (lambda: sess.run(up), sess.make_callable(up), sess.state.turn.hold(True).enter):
        threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            wait()
    let_go.set()
    thread.join(60)
    assert sess.run(up) == 2.0  # nobody has kept the turn


@pytest.mark.parametrize("path", ["native", "ctypes"])
def test_a_signal_handler_runs_the_session_while_others_wait(path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CALL_PATH", path)
    v, up, sess = counter()
    thread, let_go = holding(sess)
    seen, before = [], signal.getsignal(signal.SIGUSR1)

    def handler(*_):
        let_go.set()
        seen.append(sess.run(up))

    others = [threading.Thread(target=lambda: seen.append(sess.run(up)), daemon=True) for _ in range(4)]
    signal.signal(signal.SIGUSR1, handler)
    try:
        for other in others[:2]:
            other.start()
        for other in others[2:]:
            threading.Timer(0.05, other.start).start()
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        seen.append(sess.run(up))
        for other in (*others, thread):
            other.join(60)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert sorted(seen) == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


@pytest.mark.parametrize("path", ["native", "ctypes"])
def test_a_run_inside_of_a_run_is_refused_where_it_would_wait_for_itself(path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CALL_PATH", path)
    v, up, sess = counter()
    assert sess.run(v) == 1.0
    for shared in (False, True):
        hold = sess.state.turn.hold(shared)
        try:
            hold.enter()
            with pytest.raises(tf.errors.OpError, match="called again"):
                sess.run(up)
            if shared:
                assert sess.run(v) == 1.0
        finally:
            hold.leave()
    assert sess.run(up) == 2.0


def test_a_reader_reads_again_while_a_writer_waits():
    v, up, sess = counter()
    sess.run(v)
    hold, writer = sess.state.turn.hold(True), threading.Thread(target=lambda: sess.run(up), daemon=True)
    try:
        hold.enter()
        writer.start()
        writer.join(0.1)
        assert writer.is_alive() and sess.run(v) == 1.0
    finally:
        hold.leave()
    writer.join(60)
    assert sess.run(v) == 2.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("path", ["native", "ctypes"])
def test_a_child_waits_for_none_of_its_parents_threads(path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CALL_PATH", path)
    v, up, sess = counter()
    thread, let_go = holding(sess)
    waits = threading.Thread(target=lambda: sess.run(up), daemon=True)
    waits.start()
    waits.join(0.1)
    over = threading.Event()
    plans = threading.Thread(target=lambda: [planned(v) for _ in iter(over.is_set, True)], daemon=True)
    plans.start()
    try:
        for _ in range(5):
            assert child_answers(lambda: sess.run(up) == 2.0 and sess.run(v * 3.0) == 6.0)
    finally:
        over.set()
        let_go.set()
    for other in (thread, waits, plans):
        other.join(60)
    assert sess.run(v) == 2.0


def planned(v):
    """A run that must be planned, in a session of its own."""
    with tf.Session(graph=v.graph) as sess:
        sess.run(v.initializer)


def child_answers(check) -> bool:
    """Whether ``check()`` is true in a forked child, which has half a minute."""
    pid = os.fork()
    if not pid:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False
