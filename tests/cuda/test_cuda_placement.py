"""Devices of the front doors on the emulated one: kernels for GPUs, arrays that stay there, programs over both devices."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.compile import compile_graph, device_at
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims import add, exp, mul, neg, reduce
from graphc.runtime.resident import Resident

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="kernels of the emulated device are compiled by g++")
EMULATED = Options(target="cuda-emulated")
A = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)


def test_a_program_takes_and_makes_residents():
    x = input_node("x", Type(dt.f32, (symbol("n"), 8)))
    v = input_node("v", Type(dt.f32, (8,)))
    total = add(v, reduce(mul(x, x), "sum", (0,)))
    graph = Graph("step", (x, v), (exp(neg(x)), total), (), ((1, 1),))
    program, plain = compile_graph(graph, EMULATED), compile_graph(graph)
    start = np.ones(8, np.float32)
    state, on_host = Resident.of(program.device, start), start.copy()
    step, wanted = program.bind({1: state}, single=True, residents=True), plain.bind({1: on_host}, single=True)
    place = state.address()
    for rows in (6, 6, 6, 3, 6):  # recorded in the third run
        given, expected = step(A[:rows]), wanted(A[:rows])
        assert given.device is program.device and state.address() == place
        np.testing.assert_array_equal(given.array(), expected)
        np.testing.assert_array_equal(state.copied(), on_host)
    np.testing.assert_array_equal(step(given).array(), wanted(expected))  # what it made goes in again
    np.testing.assert_array_equal(state.array(), on_host)
    outputs, again = program(given, state), plain(expected, on_host)  # none of them is written to
    for one, two in zip(outputs, again):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(state.array(), on_host)


def model():
    x = v1.placeholder(v1.float32, [None, 8], name="x")
    with v1.device("/cuda-emulated:0"):
        w = v1.get_variable("w", [8, 4], initializer=v1.constant_initializer(np.arange(32).reshape(8, 4) / 50))
        h = v1.tanh(v1.matmul(x, w))
    with v1.device("/cpu:0"):
        loss = v1.reduce_mean(v1.square(h - 0.5))
    return x, w, loss, v1.train.GradientDescentOptimizer(0.1).minimize(loss)


def trained(build, **how):
    with v1.Graph().as_default():
        x, w, loss, step = build()
        with v1.Session(**how) as session:
            session.run(v1.global_variables_initializer())
            losses = [session.run([loss, step], {x: A})[0] for _ in range(4)]
            return losses, session.run(w), type(session.state.array(w))


def test_a_session_over_both_devices_computes_what_the_cpu_does():
    losses, weights, kept = trained(model)
    assert kept is Resident


    with v1.Graph().as_default():
        x, w, loss, step = model()
        for op in v1.get_default_graph().get_operations():
            op._set_device("/cpu:0")
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            plain = [session.run([loss, step], {x: A})[0] for _ in range(4)]
            np.testing.assert_array_equal(weights, session.run(w))
    assert losses == plain


def test_a_function_on_the_emulated_device():
    with tf.device("/cuda-emulated:0"):
        v = tf.Variable(np.zeros((6, 8), np.float32))
        optimizer = tf.optimizers.SGD(0.5)

        @tf.function
        def step(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum((v - x) ** 2)
            optimizer.apply_gradients([(tape.gradient(loss, v), v)])
            return loss

        x = tf.constant(A)
        first, second = step(x), step(x)
        assert isinstance(first.carried, Resident) and v.device.endswith("/device:CUDA-EMULATED:0") and first.device == v.device
    np.testing.assert_array_equal(v.numpy(), A)
    assert float(second) == 0 and float(first) == pytest.approx(np.sum(A * A), rel=1e-5)
    assert device_at(EMULATED) is first.carried.device


def test_a_fault_names_the_device_and_leaves_the_session_usable():
    with v1.Graph().as_default():
        x = v1.placeholder(v1.float32, [None])
        i = v1.placeholder(v1.int32, [])
        y = v1.gather(x, i) * 2.0
        with v1.Session(device="cuda-emulated") as session:
            assert session.run(y, {x: [1.0, 2.0], i: 1}) == 4.0
            with pytest.raises(tf.errors.InvalidArgumentError, match="test_cuda_placement.py"):
                session.run(y, {x: [1.0, 2.0], i: 5})
            assert session.run(y, {x: [1.0, 2.0], i: 0}) == 2.0


def test_the_code_on_devices_runs(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs/cuda.md").read_text()
    program = tmp_path / "program.py"  # a file, as functions are converted from their source
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.S)[:2]))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for shown in re.findall(r"This prints `(.*?)` and `(.*?)`", page)[0] + tuple(re.findall(r"```\n(parts @.*?)```", page, re.S)):
        assert shown in done.stdout
