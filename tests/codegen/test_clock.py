"""Timed programs: the same results from the same kernels, and times that fit together, whoever runs them."""

import threading
import time

import numpy as np
import pytest

import graphc as tf
from graphc.codegen.llvm.clock import clock_text
from graphc.codegen.llvm.module import program_modules
from graphc.compile import compile_graph, load_timed, lower_graph, optimise, target_of
from graphc.errors import InvalidArgumentError
from graphc.ir import clock as clock_module
from graphc.ir.clock import BEGIN, with_clock
from graphc.ir.program import Branch, Host, Launch, flat
from graphc.ir.target import TARGETS
from graphc.options import Options
from graphc.runtime.jit import compile_object


def graph_of(function, *types):
    specs = [tf.TensorSpec(shape, dtype) for shape, dtype in types]
    return tf.function(function).get_concrete_function(*specs).traced.graph


def looped(x, count):
    for k in tf.range(count):
        x = tf.tanh(tf.matmul(x, x)) + tf.cast(k, tf.float32)
    return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.sin(x), lambda: x * x)


LOOPED = graph_of(looped, ((24, 24), tf.float32), ((), tf.int32))
WIDE = graph_of(lambda x: tf.exp(tf.tanh(x)) @ tf.transpose(x), ((300, 512), tf.float32))
MIXED = graph_of(
    lambda x: (tf.unique(tf.cast(tf.reshape(x, [-1]), tf.int32))[0] * 2, tf.exp(x), tf.linalg.det(x)), ((6, 6), tf.float32)
)  # fmt: skip
FIRST = graph_of(lambda x: (tf.linalg.det(tf.linalg.inv(x)) * 2, tf.linalg.det(x)), ((6, 6), tf.float32))


def square(seed, rows, columns=None):
    return np.random.default_rng(seed).standard_normal((rows, columns or rows)).astype(np.float32)


def run(timed, hosts, *arrays):
    hosts.clear()
    begin = time.perf_counter_ns()
    *results, words = timed.executable(*arrays)
    return results, timed.times(words, dict(hosts), time.perf_counter_ns()), begin


@pytest.mark.parametrize("detailed", (False, True))
@pytest.mark.parametrize("graph, arrays", (
    (LOOPED, (square(0, 24), np.int32(5))), (LOOPED, (square(1, 24), np.int32(0))), (WIDE, (square(2, 300, 512),)),
    (MIXED, (square(3, 6),)), (FIRST, (square(4, 6),)),
), ids=("loop", "no turn", "wide", "host", "host first"))  # fmt: skip
def test_results_have_the_same_bits_and_times_fit(graph, arrays, detailed):
    hosts = {}
    timed = load_timed(graph, lambda number: hosts.__setitem__(number, time.perf_counter_ns()), detailed=detailed)
    results, times, begin = run(timed, hosts, *arrays)
    plain = compile_graph(graph)(*arrays)
    assert [a.tobytes() for a in results] == [a.tobytes() for a in plain]
    assert len(timed.executable.signature.outputs) == len(graph.outputs) + 1
    edges = [t for span in times.spans for t in span]
    assert begin <= edges[0] and edges[-1] <= times.end and edges == sorted(edges)
    assert set(hosts) == {k for k, s in enumerate(flat(timed.program.steps)) if isinstance(s, Host)}
    assert times.cost > 0
    assert all(end - begin == times.nanoseconds[number] for number, (begin, end) in times.host_spans.items())
    if detailed:
        assert times.is_complete
        steps = [n for n in times.events[:, 0].tolist() if n != BEGIN]
        assert [steps.count(n) for n in range(timed.clock.steps)] == times.runs.tolist()
        assert (np.diff(times.events[:, 1]) >= 0).all()


def test_kernels_are_the_same_text():
    program, target = lower_graph(optimise(LOOPED)), target_of(Options())
    timed, clock = with_clock(program, detailed=True)
    plain, looked = ("\n".join(program_modules(p, target, "e", clock=c)) for p, c in ((program, None), (timed, clock)))
    names = {s.kernel for s in flat(program.steps) if isinstance(s, Launch)}
    for name in names:
        assert _function(plain, f"@k_{name}(") == _function(looked, f"@k_{name}(") != ""
    assert "gc_clock" not in plain


def _function(text, head):
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("define") and head in line)
    return "\n".join(lines[start : lines.index("}", start)])


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize("detailed", (False, True))
def test_every_target_has_a_clock(name, detailed):
    target = TARGETS[name]
    program, clock = with_clock(lower_graph(optimise(WIDE)), detailed)
    text = clock_text(clock)
    assert ("define hidden void @gc_parallel" in text) is detailed and "$" not in text
    assert compile_object(text, target)
    assert program.signature.outputs[-1].type.shape == (clock.words,)


def test_both_arms_of_a_branch_have_numbers_of_their_own():
    program = lower_graph(optimise(LOOPED))
    if not any(isinstance(s, Branch) for s in flat(program.steps)):
        pytest.skip("it was lowered to no branch")
    timed = load_timed(LOOPED, lambda number: None)
    sine = next(k for k, s in enumerate(flat(timed.program.steps)) if isinstance(s, Branch)) + 1
    positive, negative = (run(timed, {}, np.full((24, 24), v, np.float32), np.int32(0))[1].runs for v in (1, -1))
    assert positive[sine] == 1 and negative[sine] == 0 and positive.sum() == negative.sum()


def test_a_run_longer_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(clock_module, "_LONG", 10)
    timed = load_timed(LOOPED, lambda number: None, detailed=True)
    _, times, _ = run(timed, {}, square(0, 24), np.int32(50))
    assert len(times.events) == 10 and not times.is_complete and times.runs.max() == 51  # of the test of the loop
    assert times.spans[-1][1] - times.spans[0][0] == times.nanoseconds.sum()


def test_runs_of_several_threads_keep_apart():
    timed = load_timed(WIDE, lambda number: None, detailed=True)
    x = square(2, 300, 512)
    expected = timed.executable(x)[0].tobytes()
    found = []

    def work():
        for _ in range(20):
            results, times, _ = run(timed, {}, x)
            inside = [(times.spans[0][0] <= a <= b <= times.spans[-1][1]) for _, a, b in times.parts.tolist()]
            found.append(results[0].tobytes() == expected and (times.runs == 1).all() and all(inside))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80 and all(found)


def test_a_refused_run_leaves_the_next_one_whole():
    graph = graph_of(lambda x, k: tf.gather(tf.tanh(x), k) * 2, ((512, 512), tf.float32), ((512,), tf.int32))
    timed, x = load_timed(graph, lambda number: None, detailed=True), square(5, 512)

    def refused():
        with pytest.raises(InvalidArgumentError):
            timed.executable(x, np.full(512, 512, np.int32))

    thread = threading.Thread(target=refused)
    thread.start()
    thread.join()
    results, times, _ = run(timed, {}, x, np.arange(512, dtype=np.int32))
    assert times.runs.max() == 1 and len(times.parts) and np.allclose(results[0], np.tanh(x) * 2, atol=1e-6)
