"""Measure what graphc promises, beside its peers, in one run; print a table and optionally write docs/benchmarks.md.

    python tools/bench promises [--write docs/benchmarks.md] [--only NAME ...] [--tensorflow PYTHON]

Peers run interleaved with graphc, NumPy in the same process, TensorFlow (where PYTHON, an interpreter that has it, is given) in
one beside, so their ratio holds although absolute times drift on shared machines.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import inspect
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import graphc.v1 as tf
from graphc import Options, compile_graph
from graphc.ir import node as ir_node

from . import figures
from .figures import Row, interleaved, per_call, python


def bench_import():
    code = "import time; s = time.perf_counter(); import graphc; print(time.perf_counter() - s)"
    seconds = statistics.median(map(float, python(code)))
    silent = subprocess.run([sys.executable, "-c", "import graphc"], capture_output=True)
    quiet = not silent.stdout and not silent.stderr
    yield Row("`import graphc`", f"{seconds:.3f} s, {'silent' if quiet else 'NOT silent'}", "<= 0.3 s, silent", seconds <= 0.3 and quiet)


def bench_size():
    total = 0
    for name in ("graphc", "numpy", "llvmlite", "ml-dtypes"):
        for file in importlib.metadata.files(name) or ():
            path = Path(file.locate())
            total += path.stat().st_size if path.is_file() else 0
    package = Path(tf.__file__).resolve().parent.parent
    total += sum(f.stat().st_size for f in package.rglob("*.py"))
    megabytes = total / 1e6
    yield Row("installed size with dependencies", f"{megabytes:.0f} MB", "<= 270 MB", megabytes <= 270)


def bench_scalar():
    tf.reset_default_graph()
    a, b = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    y = a + b
    with tf.Session() as sess:
        feed = {a: 1, b: 2}
        seconds = per_call(lambda: sess.run(y, feed_dict=feed))
        call = sess.make_callable(y, [a, b])
        one, two = np.array(1, np.float32), np.array(2, np.float32)
        direct = per_call(lambda: call(one, two))
        plain = per_call(lambda: call(1.0, 2.0))
    yield Row("`sess.run(a + b, {a: 1, b: 2})`", f"{seconds * 1e6:.2f} us", "<= 3 us", seconds <= 3e-6)
    yield Row("`make_callable`, two 0-d arrays", f"{direct * 1e6:.2f} us", "<= 0.5 us", direct <= 0.5e-6)
    yield Row("`make_callable`, two Python floats", f"{plain * 1e6:.2f} us", "", None)


MLP = """
import time, numpy as np
import graphc.v1 as tf
rng = np.random.default_rng(0)
x, t = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
w1 = tf.Variable(rng.standard_normal((784, 256)).astype("f") * 0.05); b1 = tf.Variable(np.zeros(256, "f"))
w2 = tf.Variable(rng.standard_normal((256, 10)).astype("f") * 0.05); b2 = tf.Variable(np.zeros(10, "f"))
logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1) + b1), w2) + b2
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=t, logits=logits))
step = tf.train.AdamOptimizer(1e-3).minimize(loss)
X = rng.standard_normal((100, 784)).astype("f"); T = np.eye(10, dtype="f")[rng.integers(0, 10, 100)]
begin = time.perf_counter()
sess = tf.Session()
sess.run(tf.global_variables_initializer())
start = time.perf_counter()
{run}
print(time.perf_counter() - start, time.perf_counter() - begin)
"""
INFERENCE = "sess.run(tf.nn.softmax(logits), {x: X})"
TRAINING = "sess.run(step, {x: X, t: T})"


def bench_compile():
    for name, run, goal in (("inference", INFERENCE, 0.3), ("Adam training step", TRAINING, 1.0)):
        code = MLP.format(run=run)
        with tempfile.TemporaryDirectory() as folder:
            lines = [python(code, 1, GRAPHC_CACHE_DIR=os.path.join(folder, str(k)))[0] for k in range(3)]
            again = python(code, 5, GRAPHC_CACHE_DIR=os.path.join(folder, "0"))
        seconds, whole = (statistics.median(float(line.split()[k]) for line in lines) for k in (0, 1))
        warm = statistics.median(float(line.split()[0]) for line in again)
        figure = f"{seconds:.3f} s ({whole:.2f} s with loading LLVM, the call path and the initialisers, empty cache)"
        yield Row(f"784-256-10 MLP, {name}: cold compile and first run", figure, f"<= {goal} s", seconds <= goal)
        yield Row(f"784-256-10 MLP, {name}: second process to a result", f"{warm * 1e3:.1f} ms", "<= 20 ms", warm <= 0.02)


def bench_step():
    space: dict = {}
    exec(MLP.format(run="pass").replace("print", "_ = lambda *v: v; _"), space)
    sess, step, feed = space["sess"], space["step"], {space["x"]: space["X"], space["t"]: space["T"]}
    w1, b1, w2, b2 = (sess.run(v) for v in (space["w1"], space["b1"], space["w2"], space["b2"]))
    x, t = space["X"], space["T"]
    state = [(p, np.zeros_like(p), np.zeros_like(p)) for p in (w1, b1, w2, b2)]

    def by_hand():
        h = np.maximum(x @ w1 + b1, 0)
        z = h @ w2 + b2
        e = np.exp(z - z.max(1, keepdims=True))
        d = (e / e.sum(1, keepdims=True) - t) / len(x)
        dh = (d @ w2.T) * (h > 0)
        for (p, m, v), g in zip(state, (x.T @ dh, dh.sum(0), h.T @ d, d.sum(0))):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= 1e-3 * m / (np.sqrt(v) + 1e-8)

    ours, theirs = interleaved(lambda: sess.run(step, feed), by_hand)
    yield Row("784-256-10 MLP, batch 100: one Adam step, against NumPy by hand", f"{ours * 1e3:.2f} ms, {theirs / ours:.1f}x", "", None)


def bench_chain():
    n = 10_000_000
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(n, dtype="f"), rng.standard_normal(n, dtype="f")
    tf.reset_default_graph()
    px, pw = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    y = tf.tanh(px * pw + 0.5) * tf.sigmoid(px) + tf.exp(-px * px) + tf.sqrt(tf.abs(px))
    with tf.Session() as sess:
        call = sess.make_callable(y, [px, pw])

        def by_numpy():
            return np.tanh(x * w + np.float32(0.5)) * (1 / (1 + np.exp(-x))) + np.exp(-x * x) + np.sqrt(np.abs(x))

        ours, theirs = interleaved(lambda: call(x, w), by_numpy, seconds=4)
        worst = float(np.max(np.abs(call(x, w) - by_numpy())))
    yield Row("fused chain on 10M floats, against NumPy", f"{ours * 1e3:.1f} ms, {theirs / ours:.1f}x (max difference {worst:.1e})", ">= 5x", theirs / ours >= 5)


def bench_matmul():
    rng = np.random.default_rng(0)
    for n, goal in ((1024, 0.85), (512, None), (2048, None)):
        a, b = rng.standard_normal((n, n), dtype="f"), rng.standard_normal((n, n), dtype="f")
        tf.reset_default_graph()
        pa, pb = tf.placeholder(tf.float32, [n, n]), tf.placeholder(tf.float32, [n, n])
        with tf.Session() as sess:
            call = sess.make_callable(tf.matmul(pa, pb), [pa, pb])
            packed = sess.make_callable(tf.matmul(pa, tf.constant(b)), [pa])
            out = np.empty_like(a)
            ours, ahead, theirs = interleaved(lambda: call(a, b), lambda: packed(a), lambda: np.matmul(a, b, out=out), seconds=3)
        figure = f"{2 * n**3 / ours / 1e9:.0f} GFlop/s, {theirs / ours:.2f} of OpenBLAS; constant right operand {theirs / ahead:.2f}"
        yield Row(f"{n}^3 float32 matmul, one thread", figure, f">= {goal}" if goal else "", theirs / ours >= goal if goal else None)


def bench_softmax():
    n = 4096
    x = np.random.default_rng(0).standard_normal((n, n), dtype="f")
    tf.reset_default_graph()
    px = tf.placeholder(tf.float32, [None, n])
    out = np.empty_like(x)
    with tf.Session() as sess:
        call = sess.make_callable(tf.nn.softmax(px), [px])
        ours, copy = interleaved(lambda: call(x), lambda: np.copyto(out, x), seconds=4)
    yield Row("row softmax 4096x4096, against copying the array", f"{ours * 1e3:.1f} ms, {ours / copy:.2f}x of a copy", "<= 1.6x", ours / copy <= 1.6)


def lstm(steps: int, size: int, units: int) -> tuple:
    """An LSTM over ``[steps, batch, size]`` with an open batch: input, last output, training step, its weights."""
    tf.reset_default_graph()
    x = tf.placeholder(tf.float32, [steps, None, size], name="x")
    rng = np.random.default_rng(0)
    weights = [(0.05 * rng.standard_normal((rows, 4 * units))).astype("f") for rows in (size, units)]
    w, r, b = (tf.Variable(v) for v in (*weights, np.zeros(4 * units, "f")))
    zero = tf.zeros([tf.shape(x)[1], units])

    def step(state, z):
        h, c = state
        i, j, f, o = tf.split(z + tf.matmul(h, r), 4, axis=1)
        c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(j)
        return tf.sigmoid(o) * tf.tanh(c), c

    last = tf.scan(step, tf.tensordot(x, w, 1) + b, (zero, zero))[0][-1]
    return x, last, tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(last * last)), weights


def bench_loop():
    steps, size, units, batch = 1000, 128, 128, 32
    x, last, train, (w, r) = lstm(steps, size, units)
    compile_graph(tf.step_graph(tf.reduce_sum(x)), Options(cache=False))  # loads LLVM
    for name, what in (("forward", last), ("training step", train)):
        graph = tf.step_graph(what)
        start = time.perf_counter()
        compile_graph(graph, Options(cache=False))
        seconds = time.perf_counter() - start
        label = f"LSTM of {steps} steps, {units} units, open batch, {name}: cold compile"
        yield Row(label, f"{seconds:.2f} s, {len(graph.nodes)} nodes", "<= 0.5 s", seconds <= 0.5)
    data = np.random.default_rng(1).standard_normal((steps, batch, size), dtype="f")

    def by_numpy():
        z = (data.reshape(-1, size) @ w).reshape(steps, batch, 4 * units)
        h, c = np.zeros((batch, units), "f"), np.zeros((batch, units), "f")
        for k in range(steps):
            i, j, f, o = np.split(z[k] + h @ r, 4, axis=1)
            c = c / (1 + np.exp(-1 - f)) + np.tanh(j) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
        return h

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        call = sess.make_callable(last, [x])
        worst = float(np.max(np.abs(call(data) - by_numpy())))
        ours, theirs = interleaved(lambda: call(data), by_numpy, seconds=3)
    figure = f"{ours * 1e3:.0f} ms, {theirs / ours:.1f}x (max difference {worst:.0e})"
    yield Row(f"the same forward, batch {batch}, against NumPy", figure, "", None)


def bench_memory():
    tf.reset_default_graph()
    x = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(tf.sin(x) * x)
    data = np.ones(1000, "f")
    with tf.Session() as sess:
        for _ in range(100):
            sess.run(y, {x: data})
        before, nodes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, ir_node.live_nodes()
        for _ in range(10_000):
            sess.run(y, {x: data})
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        more = ir_node.live_nodes() - nodes
    yield Row("10 000 runs: growth", f"{grown} KiB, {more} nodes", "none", grown < 512 and more == 0)
    before, nodes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, ir_node.live_nodes()
    for k in range(10_000):
        with tf.Graph().as_default():
            tf.tanh(tf.constant([1.0, 2.0]) * float(k)) + 1.0
        if k == 1000:
            gc.collect()
            before, nodes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, ir_node.live_nodes()
    gc.collect()
    grown, more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, ir_node.live_nodes() - nodes
    yield Row("9 000 graph builds: growth", f"{grown} KiB, {more} nodes", "none", grown < 2048 and more <= 10)


def bench_linear():
    def build(count: int) -> float:
        code = f"""
import time, numpy as np
import graphc.v1 as tf
x = tf.placeholder(tf.float32, [None, 64]); h = x
for k in range({count // 5}):
    h = tf.tanh(h * (1 + k / 1000)) + x * 0.5 - h  # another constant each time: no two kernels are equal
start = time.perf_counter()
tf.Session().run(h, {{x: np.ones((4, 64), 'f')}})
print(time.perf_counter() - start)
"""
        return statistics.median(map(float, python(code, 3, GRAPHC_CACHE="off")))

    small, large = build(500), build(5000)
    yield Row("compile time, 5 000 nodes against 500", f"{large:.2f} s / {small:.2f} s = {large / small:.1f}x", "<= 12x", large / small <= 12)


class Side:
    """A process that times the workloads of a program of ``tools`` under one of the two."""

    def __init__(self, interpreter: str, module: str, program: str = "session_peer.py"):
        one_each = {k: v for k, v in os.environ.items() if k not in ("GRAPHC_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        program = str(Path(__file__).with_name(program))
        self._process = subprocess.Popen(
            [interpreter, program, module], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env={**one_each, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
        self._answer()

    def seconds(self, workload: str) -> float:
        self._process.stdin.write(workload + "\n")
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._process.args)} ended")
        return line.strip()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.wait()


FUNCTION = """
from __future__ import annotations
import statistics, time
import {module} as tf

{per_call}
@tf.function
def add(x, y):
    return x + y

x, y = tf.constant(1.0), tf.constant(2.0)
images, classes = tf.random.normal([100, 784], seed=1), tf.one_hot(tf.range(100) % 10, 10)
weights = [tf.Variable(tf.random.normal(s, stddev=0.05, seed=2)) for s in ([784, 256], [256], [256, 10], [10])]

@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        logits = tf.nn.relu(x @ weights[0] + weights[1]) @ weights[2] + weights[3]
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, logits))
    for w, g in zip(weights, tape.gradient(loss, weights)):
        w.assign_sub(0.1 * g)
    return loss

def many(x):
    for k in range(250):
        x = tf.tanh(x * (1 + k / 1000)) - x
    return x

def traced(n=[0]):
    n[0] += 1
    tf.function(many).get_concrete_function(tf.TensorSpec([8, n[0]]))

print(per_call(lambda: add(x, y), 3000), per_call(lambda: step(images, classes), 50), per_call(traced, 1))
"""


EAGER_STEPS = """
import gc, resource
import numpy as np
import graphc as tf
from graphc.ir.node import live_nodes

w, x = tf.Variable(np.ones((64, 8), "f")), np.random.default_rng(0).normal(size=(32, 64)).astype("f")

def steps(count):
    for _ in range(count):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
        w.assign_sub(0.01 * tape.gradient(loss, w))
        float(loss)
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, live_nodes(), sum(c.count for c in tf.compilations())

before, after = steps(100), steps(10_000)
print(*[b - a for a, b in zip(before, after)])
"""


def bench_eager():
    memory, nodes, compiled = map(int, python(EAGER_STEPS, 1)[0].split())
    figure = f"{memory} KiB, {nodes} nodes, {compiled} compilations"
    yield Row("10 000 eager steps with a tape: growth", figure, "none", memory < 1024 and nodes <= 10 and not compiled)
    if TENSORFLOW is None:
        return
    goals = {"regression": ("a step of linear regression with a tape, eager, against TensorFlow", 5),
             "adam": ("784-256-10 Adam step, eager, against TensorFlow", 3)}  # fmt: skip
    with Side(sys.executable, "graphc", "eager_peer.py") as ours, Side(TENSORFLOW, "tensorflow", "eager_peer.py") as theirs:
        for name, (what, goal) in goals.items():
            a, b = interleaved_sides(ours, theirs, name)
            yield Row(what, f"{shown_time(a)} / {shown_time(b)} = {b / a:.1f}x", f">= {goal}x", b / a >= goal)


def interleaved_sides(ours: Side, theirs: Side, name: str, repeats: int = 7) -> tuple[float, float]:
    """Median seconds of a workload on both sides, asked in turn."""
    found = [(ours.seconds(name), theirs.seconds(name)) for _ in range(repeats)]
    return statistics.median(a for a, _ in found), statistics.median(b for _, b in found)


def bench_function():
    sides = [(sys.executable, "graphc")] + ([(TENSORFLOW, "tensorflow")] if TENSORFLOW else [])
    programs = [(i, FUNCTION.format(module=m, per_call=inspect.getsource(per_call))) for i, m in sides]
    rounds = [[[float(n) for n in python_of(i, program).split()] for i, program in programs] for _ in range(3)]
    figures = [[statistics.median(r[side][k] for r in rounds) for side in range(len(sides))] for k in range(3)]
    goals = (("`function` of a scalar add: one call", 20), ("784-256-10 MLP, batch 100: one SGD step in a `function`", None))
    for (what, goal), (mine, *other) in zip(goals, figures):
        ratio = other[0] / mine if other else None
        figure = shown_time(mine) + (f", TensorFlow: {shown_time(other[0])}, {ratio:.1f}x" if other else "")
        yield Row(what, figure, f">= {goal}x" if goal and other else "", ratio >= goal if goal and other else None)
    mine, *other = figures[2]
    figure = shown_time(mine) + (f", TensorFlow: {shown_time(other[0])}" if other else "")
    yield Row("tracing a `function` of 750 operations", figure, "<= 60 ms", mine <= 0.06)


def bench_data():
    if TENSORFLOW is None:
        print("data: not compared, no --tensorflow PYTHON was given")
        return
    goals = {"pipeline": ("60 000 rows of 784 bytes: map, shuffle(10 000), batch(128)", 2),
             "augmented": ("10 000 images of 28 x 28: a random flip, batch(128)", None)}  # fmt: skip
    with Side(sys.executable, "graphc", "data_peer.py") as ours, Side(TENSORFLOW, "tensorflow", "data_peer.py") as theirs:
        for name, (what, goal) in goals.items():
            a, b = interleaved_sides(ours, theirs, name, 3)
            figure = f"{shown_time(a)} / {shown_time(b)} = {b / a:.1f}x"
            yield Row(what, figure, f">= {goal}x" if goal else "", b / a >= goal if goal else None)


COMPARED = (  # workload, what it is, goal as a ratio
    ("scalar", "`sess.run(a + b, {a: 1, b: 2})`", 20),
    ("step", "784-256-10 MLP, batch 100: one Adam step, all threads", 2),
    ("build", "building a graph of 1 000 operations", 3),
    ("save", "`Saver.save` of 500 MB", None),
)


def bench_tensorflow():
    if not TENSORFLOW:
        print("tensorflow: not compared, no --tensorflow PYTHON was given")
        return
    version = subprocess.run(
        [TENSORFLOW, "-c", "import tensorflow; print(tensorflow.__version__)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with Side(sys.executable, "graphc.v1") as ours, Side(TENSORFLOW, "tensorflow.compat.v1") as theirs:
        for workload, what, goal in COMPARED:
            rounds = [(ours.seconds(workload), theirs.seconds(workload)) for _ in range(7)][1:]
            mine, other = (statistics.median(column) for column in zip(*rounds))
            figure = f"{shown_time(mine)}, TensorFlow {version}: {shown_time(other)}, {other / mine:.1f}x"
            yield Row(what, figure, f">= {goal}x" if goal else "", other / mine >= goal if goal else None)
    seconds = [
        statistics.median(float(python_of(i, f"import time; s = time.perf_counter(); import {m}; print(time.perf_counter() - s)")) for _ in range(3))
        for i, m in ((sys.executable, "graphc.v1"), (TENSORFLOW, "tensorflow.compat.v1"))
    ]  # fmt: skip
    figure = f"{seconds[0]:.3f} s, TensorFlow {version}: {seconds[1]:.2f} s"
    yield Row("`import graphc.v1`", figure, "<= 0.3 s", seconds[0] <= 0.3)


def python_of(interpreter: str, code: str) -> str:
    """The last line that a program prints under an interpreter."""
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True, env=env).stdout.strip().splitlines()[-1]


def shown_time(seconds: float) -> str:
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            break
    return f"{seconds * scale:.3g} {unit}"


def bench_checkpoint():
    """The Saver against copying a file of the same size, both flushed to the disk."""
    megabytes = 500
    with tempfile.TemporaryDirectory() as folder:
        with tf.Graph().as_default(), tf.Session() as sess:
            for k in range(5):
                tf.get_variable(f"v{k}", [megabytes * 50_000], initializer=tf.random_uniform_initializer(seed=k))
            sess.run(tf.global_variables_initializer())
            saver, source = tf.train.Saver(max_to_keep=1), os.path.join(folder, "source")
            with open(source, "wb") as file:
                file.write(np.random.default_rng(0).bytes(megabytes * 1_000_000))

            def copy():
                with open(source, "rb") as file, open(source + ".copy", "wb") as to:
                    shutil.copyfileobj(file, to, 1 << 20)
                    to.flush()
                    os.fsync(to.fileno())

            def save():
                saver.save(sess, os.path.join(folder, "model"), write_meta_graph=False)

            ours, theirs = interleaved(save, copy, seconds=10)
    figure = f"{megabytes / 1e3 / ours:.2f} GB/s, {theirs / ours:.0%} of copying a file"
    yield Row("`Saver.save` of 500 MB, flushed to the disk", figure, ">= 70 %", theirs / ours >= 0.7)


TENSORFLOW = None  # an interpreter that has it

BENCHES = {
    "import": bench_import,
    "size": bench_size,
    "scalar": bench_scalar,
    "compile": bench_compile,
    "step": bench_step,
    "chain": bench_chain,
    "matmul": bench_matmul,
    "softmax": bench_softmax,
    "loop": bench_loop,
    "memory": bench_memory,
    "linear": bench_linear,
    "checkpoint": bench_checkpoint,
    "eager": bench_eager,
    "function": bench_function,
    "data": bench_data,
    "tensorflow": bench_tensorflow,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command, and what it does."""
    figures.arguments(parser, BENCHES)
    parser.add_argument("--tensorflow", metavar="PYTHON", help="an interpreter that has TensorFlow, to compare with")
    parser.set_defaults(do=run)


def run(options: argparse.Namespace) -> None:
    global TENSORFLOW
    TENSORFLOW = options.tensorflow
    rows = (row for name in options.only for row in BENCHES[name]())
    note = "Peers run interleaved in the same process, on one thread; on a shared machine read the ratios."
    figures.report(rows, options.write, "promises", note)
