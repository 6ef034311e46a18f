"""Eager evaluation, functions and sessions with a GPU: what runs there, what stays there, and what is brought."""

import gc

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.api import places
from graphc.runtime.resident import Resident

CPU, GPU = (f"/job:localhost/replica:0/task:0/device:{kind}:0" for kind in ("CPU", "GPU"))
A = np.arange(6, dtype=np.float32).reshape(2, 3)


# -------------------------------------------------------------------------------------------------- eager


def test_operations_in_a_scope_stay_on_the_device(memory_gpu):
    a = tf.constant(A)
    with tf.device("/gpu:0"):
        b = tf.exp(a) * 2.0
        parts = tf.split(b, 3, axis=1)
        top = tf.argmax(b, axis=1)
    c = b + 1.0
    assert (a.device, b.device, c.device) == (CPU, GPU, CPU)
    memory_gpu.copies["down"] = 0
    assert isinstance(b.carried, Resident) and memory_gpu.copies["down"] == 0
    np.testing.assert_allclose(b.numpy(), np.exp(A) * 2, rtol=1e-6)
    np.testing.assert_allclose(c.numpy(), np.exp(A) * 2 + 1, rtol=1e-6)
    assert len(parts) == 3 and parts[1].device == GPU and parts[1].shape == (2, 1) and top.numpy().tolist() == [2, 2]
    assert b.cpu().device == CPU and c.gpu().device == GPU and c.gpu().numpy()[0, 0] == 3.0


def test_a_value_on_a_device_is_not_brought_back_for_the_device(memory_gpu):
    with tf.device("/gpu:0"):
        b = tf.exp(tf.constant(A))
        b.carried  # computed
        memory_gpu.copies.update(up=0, down=0)
        c = b * b
        assert isinstance(c.carried, Resident) and memory_gpu.copies["down"] == 0
    np.testing.assert_allclose((c + 0.0).numpy(), np.exp(A) ** 2, rtol=1e-6)
    assert str(b.numpy()) in str(b) and float(tf.reduce_sum(b)) == pytest.approx(np.exp(A).sum())
    assert tf.identity(b).numpy().tolist() == b.numpy().tolist() == np.asarray(b).tolist()


def test_gradients_go_through(memory_gpu):
    w = tf.Variable(A)
    with tf.GradientTape(persistent=True) as tape:
        with tf.device("/gpu:0"):
            y = tf.reduce_sum(tf.tanh(w) * w)
        z = y * 2.0
    slope = tape.gradient(z, w)
    t = np.tanh(A)
    np.testing.assert_allclose(slope.numpy(), 2 * (t + A * (1 - t * t)), rtol=1e-5)
    assert slope.device == GPU


def test_shapes_random_numbers_and_strings(memory_gpu):
    with tf.device("/gpu:0"):
        shape = tf.shape(tf.constant(A))
        assert tf.reshape(tf.range(6), shape).shape == (2, 3) and tf.random.normal([3]).shape == (3,)
        assert tf.boolean_mask(tf.constant(A), tf.constant(A) > 3).numpy().tolist() == [4, 5]
        assert tf.strings.length("abc").numpy() == 3 and tf.constant("a").device == CPU
        assert float(tf.constant(2.0)) == 2.0
    assert tf.constant(1.0).device == CPU


# ---------------------------------------------------------------------------------------------- functions


def test_a_function_called_in_a_scope_runs_there(memory_gpu):
    v = tf.Variable(np.zeros((2, 3), np.float32))

    @tf.function
    def step(x):
        v.assign_add(x)
        return x * 2.0, tf.reduce_sum(v)

    first, total = step(tf.constant(A))
    assert (first.device, float(total), v.device) == (CPU, 15, CPU)
    with tf.device("/gpu:0"):
        x = tf.constant(A)
        for k in (2, 3, 4):
            first, total = step(x)
            assert first.device == GPU and float(total) == 15 * k
        assert v.device == GPU
        memory_gpu.copies.update(up=0, down=0)
        for _ in range(3):
            x, total = step(x)
        assert memory_gpu.copies["down"] == 0
    assert v.numpy().tolist() == (A * (4 + 1 + 2 + 4)).tolist()  # x doubles in every call
    assert float(step(tf.constant(A))[1]) == 15 * 12 and v.device == CPU  # and back again
    v.assign(A)
    with tf.device("/gpu:0"):
        assert float(step(tf.constant(A))[1]) == 30
    assert (v + 0.0).numpy().tolist() == (2 * A).tolist()


def test_random_numbers_go_on_wherever_a_function_runs(memory_gpu):
    @tf.function
    def draw():
        return tf.random.uniform([4], seed=3)

    tf.random.set_seed(1)
    plain = [draw().numpy().tolist() for _ in range(3)]
    tf.random.set_seed(1)
    found = [draw().numpy().tolist()]
    with tf.device("/gpu:0"):
        found.append(draw().numpy().tolist())
    found.append(draw().numpy().tolist())
    tf.random.set_seed(None)
    assert found == plain and len({str(f) for f in found}) == 3


def test_scopes_inside_of_a_function(memory_gpu):
    with tf.device("/gpu:0"):
        w = tf.Variable(A)
    captured = tf.constant(A)

    @tf.function
    def f(x):
        with tf.device("/gpu:0"):
            h = tf.tanh(x * w + captured)
            w.assign(h)
        return tf.reduce_sum(h)

    wanted = A
    for _ in range(3):
        wanted = np.tanh(A * wanted + A)
        np.testing.assert_allclose(float(f(tf.constant(A))), wanted.sum(), rtol=1e-5)
    assert w.device == GPU
    np.testing.assert_allclose(w.numpy(), wanted, rtol=1e-5)
    parts = f.get_concrete_function(tf.constant(A)).compile().parts
    assert "on cuda:0" in str(parts) and "return %reduce0 on cpu:0, %tanh0 on cuda:0" in str(parts)


def test_a_tape_around_a_function_with_a_scope(memory_gpu):
    w = tf.Variable(A)

    @tf.function
    def f(x):
        with tf.device("/gpu:0"):
            return tf.reduce_sum(tf.exp(x * w))

    with tf.GradientTape() as tape:
        y = f(tf.constant(A / 10)) * 2.0
    np.testing.assert_allclose(tape.gradient(y, w).numpy(), 2 * np.exp(A * A / 10) * A / 10, rtol=1e-5)


def test_a_training_step_stays_on_the_device(memory_gpu):
    with tf.device("/gpu:0"):
        w = tf.Variable(np.ones(3, np.float32))
        optimizer = tf.optimizers.Adam(0.1)

        @tf.function
        def step(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum((w - x) ** 2)
            optimizer.apply_gradients([(tape.gradient(loss, w), w)])
            return loss

        x = tf.constant(np.zeros(3, np.float32))
        losses = [step(x) for _ in range(2)]
        memory_gpu.copies.update(up=0, down=0)
        losses += [step(x) for _ in range(3)]
        assert memory_gpu.copies["down"] == 0
    numbers = [float(v) for v in losses]
    assert numbers == sorted(numbers, reverse=True) and memory_gpu.copies["down"] == 5 * 4


# ------------------------------------------------------------------------------------------------ sessions


def model():
    x = v1.placeholder(v1.float32, [None, 3], name="x")
    with v1.device("/gpu:0"):
        w = v1.get_variable("w", [3, 2], initializer=v1.ones_initializer())
        h = v1.tanh(v1.matmul(x, w))
    with v1.device("/cpu:0"):
        b = v1.get_variable("b", [2], initializer=v1.zeros_initializer())
        loss = v1.reduce_mean(v1.square(h + b - 0.5))
    return x, w, b, loss, v1.train.GradientDescentOptimizer(0.1).minimize(loss)


def trained(**how):
    with v1.Graph().as_default():
        x, w, b, loss, step = model()
        with v1.Session(**how) as session:
            session.run(v1.global_variables_initializer())
            losses = [session.run([loss, step], {x: A / 5})[0] for _ in range(4)]
            kept = [type(session.state.array(v)) for v in (w, b)]
            return losses, session.run([w, b]), kept


def test_a_session_over_two_devices(memory_gpu):
    placed, values, kept = trained()
    assert kept == [Resident, np.ndarray]
    whole, on_gpu, everything = trained(device="cuda")
    assert everything == [Resident, np.ndarray]  # b says that it is on the CPU
    places.Seen.gpus = ()
    plain, on_cpu, host = trained(config=v1.ConfigProto(allow_soft_placement=True))
    assert host == [np.ndarray, np.ndarray] and placed == plain == whole
    for one, two, three in zip(values, on_gpu, on_cpu):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_a_session_of_a_device(memory_gpu):
    with v1.Graph().as_default():
        v = v1.get_variable("v", [3], initializer=v1.zeros_initializer())
        grown = v1.assign_add(v, v1.ones([3]))
        drawn = v1.random_normal([4], seed=1)
        with v1.Session(device="cuda") as session:
            session.run(v.initializer)
            memory_gpu.copies.update(up=0, down=0)
            for _ in range(3):
                session.run(grown.op)
            assert memory_gpu.copies["down"] == 0
            found = session.run(v)
            found[:] = 0  # the caller's own
            assert session.run(v).tolist() == [3, 3, 3] and session.run(drawn).shape == (4,)
            assert [d.device_type for d in session.list_devices()] == ["CPU", "GPU"]


def test_checkpoints_of_what_lies_on_a_device(memory_gpu, tmp_path):
    with v1.Graph().as_default():
        with v1.device("/gpu:0"):
            v = v1.get_variable("v", [3], initializer=v1.ones_initializer())
        saver = v1.train.Saver()
        with v1.Session() as session:
            session.run(v.initializer)
            path = saver.save(session, str(tmp_path / "model"))
            session.run(v1.assign(v, [5.0, 6.0, 7.0]))
            saver.restore(session, path)
            assert session.run(v).tolist() == [1, 1, 1] and isinstance(session.state.array(v), Resident)
            frozen = v1.graph_util.convert_variables_to_constants(session, v1.get_default_graph().as_graph_def(), ["v/read"])
            assert any(n.op == "Const" for n in frozen.node)


def test_a_loop_in_a_scope_runs_as_a_whole(memory_gpu):
    with v1.Graph().as_default():
        with v1.device("/gpu:0"):
            _, y = v1.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, v1.exp(y) * 0.1), [0, v1.constant(A / 5)])
        wanted = A / 5
        for _ in range(3):
            wanted = np.exp(wanted) * np.float32(0.1)
        np.testing.assert_allclose(v1.Session().run(y), wanted, rtol=1e-5)


def test_memory_of_a_gpu(memory_gpu):
    with tf.device("/gpu:0"):
        x = tf.exp(tf.constant(A))
        x.carried
    info = tf.config.experimental.get_memory_info("GPU:0")
    assert info["current"] >= A.nbytes and info["peak"] >= info["current"]
    del x
    gc.collect()
    assert tf.config.experimental.get_memory_usage("/device:GPU:0") < info["current"]
    tf.config.experimental.reset_memory_stats("GPU:0")
    assert tf.config.experimental.get_memory_info("GPU:0")["peak"] < info["peak"]


def test_the_device_of_a_process(memory_gpu, monkeypatch):
    monkeypatch.setenv("GRAPHC_DEVICE", "cuda")
    v = tf.Variable(A)

    @tf.function
    def step(x):
        v.assign_add(x)
        with tf.device("/cpu:0"):
            y = tf.tanh(x)
        return y + v

    x = tf.constant(A)
    result = step(x)
    assert v.device == GPU and isinstance(result.carried, Resident)
    np.testing.assert_allclose(result.numpy(), np.tanh(A) + 2 * A, rtol=1e-6)
    assert "on cuda:0 {" in str(step.get_concrete_function(x).compile().parts)
    with v1.Graph().as_default():
        w = v1.get_variable("w", [2], initializer=v1.ones_initializer())
        with v1.Session() as session:
            session.run(w.initializer)
            assert isinstance(session.state.array(w), Resident) and session.run(w).tolist() == [1, 1]
