"""Graphs cut into parts, arrays on devices, and programs in parts; devices have memory, and the CPU computes for them."""

import gc
import re
import threading

import numpy as np
import pytest
from memory_device import MemoryDevice, MemoryExecutable

import graphc.compile_placed
from graphc.autodiff.reverse import grad
from graphc.compile import compile_graph
from graphc.errors import ResourceExhaustedError
from graphc.inspect.stages import Stages
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.node import const, make, symbol
from graphc.ir.parts import Copy
from graphc.ir.type import Type
from graphc.options import Options
from graphc.passes.parts import cut
from graphc.passes.standalone import standalone
from graphc.prims import add, apply, broadcast, call, dot, exp, mul, neg, reduce, transfer, while_
from graphc.prims.interpret import interpret
from graphc.runtime.device_memory import forget_peak, memory_held
from graphc.runtime.resident import Resident
from tests.passes.random_graphs import random_graph

GPU = "cuda:0"
N = symbol("n")
X, W, B = input_node("x", Type(dt.f32, (N, 4))), input_node("w", Type(dt.f32, (4, 3))), input_node("b", Type(dt.f32, (3,)))


def up(x, device=GPU):
    return transfer(x, "", device)


def down(x, device=GPU):
    return transfer(x, device, "")


def layer():
    """A product on the GPU, an offset on the CPU, and the gradient of their sum by the weights."""
    h = down(dot(up(X), up(W)))
    y = add(h, broadcast(B, (N, 3), (1,)))
    loss = reduce(mul(y, y), "sum", (0, 1))
    (slope,) = grad([loss], [W])
    return Graph("layer", (X, W, B), (loss, slope))


@pytest.fixture
def devices(monkeypatch):
    """Programs for GPUs are those of the CPU, over the memory of these devices."""
    found = {name: MemoryDevice(name) for name in ("cuda:0", "cuda:1")}
    placed = graphc.compile_placed.placed

    def on_device(parts, options, compile):
        def compiled(graph, options):
            name = options.device
            program = compile(graph, Options())
            return MemoryExecutable(program, found[name]) if name in found else program

        return placed(parts, options, compiled)

    monkeypatch.setattr("graphc.compile.placed", on_device)
    return found


def arrays(seed=0, rows=5):
    random = np.random.default_rng(seed)
    return [random.standard_normal(s).astype(np.float32) for s in ((rows, 4), (4, 3), (3,))]


def test_parts_as_text(golden):
    golden("cuda/placement/layer.txt", re.sub("  # .*", "", str(cut(layer(), "cpu:0"))))


def test_one_device_is_not_cut():
    assert cut(Graph("g", (X,), (exp(X),)), "cpu:0") is None
    assert cut(Graph("g", (X,), (down(exp(up(X))),)), GPU) is None  # it is the device of the program
    assert cut(Graph("g", (X,), (transfer(exp(X), "cpu:0", ""),)), "cpu:0") is None


def test_a_program_in_parts_computes_the_same(devices):
    graph = layer()
    program = compile_graph(graph)
    assert [s.device for s in program.parts.steps if hasattr(s, "device")] == [GPU, "cpu:0", GPU]
    for rows in (5, 2):
        for got, wanted in zip(program(*arrays(rows, rows)), interpret(graph, *arrays(rows, rows))):
            np.testing.assert_allclose(got, wanted, rtol=1e-5)
            assert got.flags.writeable


def test_two_gpus(devices):
    a, b = down(exp(up(X)), GPU), down(neg(up(X, "cuda:1")), "cuda:1")
    graph = Graph("g", (X,), (down(mul(up(a), up(b))), b))
    x = arrays()[0]
    program = compile_graph(graph)
    got = program.bind(residents=True)(x)
    np.testing.assert_allclose(got[0].array(), np.exp(x) * -x, rtol=1e-6)
    assert [r.device.name for r in got] == ["cuda:0", "cuda:1"]
    assert devices["cuda:1"].copies == {"up": x.nbytes, "down": x.nbytes, "across": 0}


def test_what_depends_on_no_input_is_made_where_it_is_used():
    half = const(np.float32(0.5))
    parts = cut(Graph("g", (X,), (half, down(mul(up(X), broadcast(half, (N, 4), ()))))), "cpu:0")
    assert [(s.device, len(s.takes)) for s in parts.steps] == [(GPU, 1), ("cpu:0", 0)]


def test_several_results_are_made_together(devices):
    """One of them is used at once, the other after a copy there and back."""
    both = apply("sort", up(X), axis=1, descending=False)
    first = down(apply("item", both, index=0))
    again = up(exp(first))
    graph = Graph("g", (X,), (down(mul(again, apply("cast", apply("item", both, index=1), dtype=dt.f32))),))
    program, x = compile_graph(graph), arrays()[0]
    assert [s.device for s in program.parts.steps if hasattr(s, "device")] == [GPU, "cpu:0", GPU]
    np.testing.assert_allclose(program(x)[0], np.exp(np.sort(x, axis=1)) * np.argsort(x, axis=1, kind="stable"), rtol=1e-5)


def test_outputs_are_arrays_of_their_own(devices):
    y = down(exp(up(X)))
    program = compile_graph(Graph("g", (X,), (X, y, y)))
    x = arrays()[0]
    given, first, second = program(x)
    assert given is not x and np.array_equal(given, x)
    first[:] = 0
    assert second.all()


def test_operations_inside_functions_and_loops(devices):
    inside = Graph("inside", (X,), (down(exp(up(X))),))
    parts = cut(Graph("g", (X,), (neg(call(X, graph=inside)),)), "cpu:0")
    assert [s.device for s in parts.steps if hasattr(s, "device")] == [GPU, "cpu:0"]
    start = input_node("i", Type(dt.i64, ()))
    body = Graph("body", (start, X), (add(start, const(np.int64(1))), down(exp(up(X)))))
    test = Graph("test", (start, X), (apply("lt", start, const(np.int64(2))),))
    looped = while_(const(np.int64(0)), X, test=test, body=body)
    graph = Graph("g", (X,), (apply("item", looped, index=1),))
    assert cut(graph, "cpu:0") is None
    np.testing.assert_allclose(compile_graph(graph)(arrays()[0])[0], np.exp(np.exp(arrays()[0])), rtol=1e-5)


@pytest.mark.parametrize("on_device", [False, True])
def test_state_is_written_when_all_is_done(devices, on_device):
    v = input_node("v", Type(dt.f32, (4,)))
    x = input_node("x", Type(dt.f32, (4,)))
    new = down(add(up(v), up(x)))
    graph = Graph("g", (x, v), (neg(new), new), (), ((1, 1),))
    start = np.zeros(4, np.float32)
    state = Resident.of(devices[GPU], start) if on_device else start
    step = compile_graph(graph).bind({1: state}, single=True, sealed=True)
    for k in (1, 2, 3):
        got = step(np.ones(4, np.float32))
        assert got.tolist() == [-k] * 4 and not got.flags.writeable
    assert np.asarray(state).tolist() == [3] * 4
    if on_device:
        assert devices[GPU].copies["up"] == 16 + 3 * 16  # the start, and what each turn made: state stays there
        with pytest.raises(Exception, match="input x wants f32"):
            step(np.ones(5, np.float32))
        assert state.array().tolist() == [3] * 4


def test_values_that_change_places(devices):
    types = [Type(dt.f32, (2,))] * 2
    a, b = (input_node(n, t) for n, t in zip("ab", types))
    both = down(add(up(a), up(b)))
    graph = Graph("swap", (a, b), (both, b, a), (), ((1, 0), (2, 1)))
    state = {k: Resident.of(devices[GPU], np.full(2, k, np.float32)) for k in (0, 1)}
    swap = compile_graph(graph).bind(state, single=True)
    for k in (1, 0, 1):
        assert swap().tolist() == [1, 1]
        assert [state[j].array()[0] for j in (0, 1)] == [k, 1 - k]


def test_a_program_of_the_cpu_over_state_on_a_device(devices):
    v = input_node("v", Type(dt.f32, (2,)))
    step = compile_graph(Graph("g", (v,), (mul(v, v), add(v, v)), (), ((1, 0),)))
    state = Resident.of(devices[GPU], np.array([1.0, 2.0], np.float32))
    call = step.bind({0: state}, single=True)
    assert call().tolist() == [1, 4] and call().tolist() == [4, 16] and state.array().tolist() == [4, 8]
    assert step(state)[0].tolist() == [16, 64]  # as an argument


def test_residents_are_copied_once():
    device = MemoryDevice(GPU)
    one = Resident.of(device, np.arange(6, dtype=np.float32).reshape(2, 3))
    assert (one.ndim, one.size, one.nbytes) == (2, 6, 24) and "cuda:0" in repr(one)
    seen = one.array()
    assert one.array() is seen and not seen.flags.writeable and device.copies == {"up": 24, "down": 24, "across": 0}
    assert one.copied().flags.writeable and np.asarray(one, np.float64).dtype == np.float64
    one.put(np.ones((2, 3)))
    assert seen[1, 2] == 5 and one.array()[1, 2] == 1 and device.copies["up"] == 24  # when it is asked for there
    one.address()
    one.address()
    assert device.copies == {"up": 48, "down": 24, "across": 0}
    one.written()
    assert one.array()[0, 0] == 1 and device.copies["down"] == 48
    empty = Resident.of(device, np.zeros((0, 3), np.float32))
    assert empty.array().shape == (0, 3)


def test_memory_is_counted_and_given_back():
    device = MemoryDevice(GPU, limit=100)
    one = Resident.of(device, np.zeros(20, np.float32))
    with pytest.raises(ResourceExhaustedError):
        Resident.of(device, np.zeros(20, np.float32))
    assert memory_held(device) == (80, 80)
    del one
    gc.collect()
    assert memory_held(device) == (0, 80)
    forget_peak(device)
    two = Resident.of(device, np.ones(25, np.float32))
    assert memory_held(device) == (100, 100) and two.array().sum() == 25


def test_threads_share_a_device():
    device, failed = MemoryDevice(GPU), []

    def work(k):
        for n in range(50):
            one = Resident.of(device, np.full(8, k * 100 + n, np.float32))
            if one.copied()[3] != k * 100 + n:
                failed.append((k, n))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not failed and memory_held(device)[0] == 0


def test_parts_in_the_inspector():
    assert Stages(layer()).parts == str(cut(layer(), "cpu:0"))
    assert Stages(Graph("g", (X,), (exp(X),))).parts == "all of g runs on one device\n"


def scattered(graph, seed):
    """The graph with its operations on random devices, each between transfers."""
    random = np.random.default_rng(seed)
    names = ["", "", GPU, "cuda:1"]

    def visit(node, inputs):
        device = names[random.integers(len(names))]
        if not inputs or not device or node.op == "item":
            return None
        return down(make(node.op, tuple([up(x, device) for x in inputs]), node.attrs, node.type), device)

    return graph.with_roots(rebuild(graph.roots, visit))


def by_parts(parts, *given):
    """What the parts compute, each by its NumPy meaning; a value is only where it was made or copied to."""
    values = {(name, ""): a for name, a in zip(parts.inputs, given)}

    def find(name, device):
        return values[name, device] if (name, device) in values else values[name, ""]

    sizes = {d: n for x, a in zip(parts.whole.inputs, given) for d, n in zip(x.shape, a.shape) if not isinstance(d, int)}
    for step in parts.steps:
        if isinstance(step, Copy):
            values[step.value, step.target] = find(step.value, step.source)
            continue
        graph, wanted = standalone(step.graph)
        more = [np.empty((next(n for d, n in sizes.items() if d.attr("name") == name), 0), np.uint8) for name in wanted]
        made = interpret(graph, *[find(name, step.device) for name in step.takes], *more)
        values.update({(name, step.device): a for name, a in zip(step.makes, made)})
    return [find(name, parts.places.get(name, parts.device)) for name in parts.results]


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_on_random_devices(seed):
    graph, given = random_graph(seed)
    parts = cut(scattered(graph, seed), "cpu:0")
    with np.errstate(all="ignore"):
        for got, wanted in zip(by_parts(parts, *given), interpret(graph, *given), strict=True):
            np.testing.assert_array_equal(got, wanted)
