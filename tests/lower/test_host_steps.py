"""Host steps in compiled programs: strings, sizes that depend on data, and control flow that Python drives."""

import numpy as np
import pytest

from graphc import compile_graph
from graphc.aot import save
from graphc.aot.load import load as load_model
from graphc.aot.load import read
from graphc.compile import from_sections, load, lower_graph, optimise, sections
from graphc.compile import build as build_artifact
from graphc.errors import ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, substitute
from graphc.ir.node import INDEX, compare, const, symbol
from graphc.ir.parser import parse
from graphc.ir.type import Type
from graphc.passes.canonical import canonical
from graphc.passes.specialise import specialise
from graphc.passes.pipeline import infer
from graphc.ir.verify import verify_graph, verify_program
from graphc.inspect.memory import memory
from graphc.inspect.sizes import Sizes
from graphc.prims import (
    add, broadcast, cast, cholesky, concat, cond, dot, ensure, eq, gather, host, iota, loop, measured, mul, ne, nonzero,
    pad, reduce, reshape, reverse, select, slice, transpose, unique, while_,
)  # fmt: skip
from graphc.prims.control import results_of
from graphc.prims.host import register_callback
from graphc.prims.interpret import interpret

N = symbol("n")
TEXT, MASK, VECTOR = Type(dt.string, (N,)), Type(dt.b1, (N,)), Type(dt.f32, (N,))


def x(name: str = "x", type: Type = VECTOR):
    return input_node(name, type)


def words(*values, shape=None) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array if shape is None else array.reshape(shape)


def same(got, want) -> None:
    assert len(got) == len(want)
    for g, w in zip(got, want):
        assert g.dtype == w.dtype and g.shape == w.shape
        assert np.array_equal(g, w, equal_nan=g.dtype.kind == "f"), (g, w)


def check(graph: Graph, *arrays) -> tuple:
    """The same from the interpreter, the compiled program (twice), its text, and its sections."""
    want = interpret(graph, *arrays)
    run = compile_graph(graph)
    same(run(*arrays), want)
    same(run(*arrays), want)
    closed = canonical(graph)
    verify_graph(closed, infer)
    assert parse(str(closed), _blobs(closed)) == closed
    made = sections(build_artifact(graph))

    class Container(dict):
        def text(self, name):
            return self[name]

        json = text

    (target,) = [k.partition(":")[2] for k in made if k.startswith("program:")]
    same(load(from_sections(Container(made), target))(*arrays), want)
    return want


def _blobs(graph: Graph) -> dict:
    from graphc.ir.printer import graph_text

    found: dict = {}
    graph_text(graph, blobs=found)
    return found


# ------------------------------------------------------------------------------------------------- strings


def test_a_string_goes_through():
    t = x("t", TEXT)
    check(Graph("through", (t,), (t,)), words(b"a", b"bc\0"))


@pytest.mark.parametrize("type", [Type(dt.string, ()), Type(dt.string, (0,)), Type(dt.string, (2, 2))])
def test_string_constants(type):
    array = np.full(type.shape, b"w\0", object)
    assert check(Graph("words", (), (const(array, type), const(b"one", type))))[0].shape == type.shape


def test_moving_strings():
    t, s = x("t", Type(dt.string, (N, 2))), x("s", Type(dt.string, (N, 2)))
    k = x("k", Type(dt.i64, (3,)))
    outputs = (
        reshape(t, (N * 2,)), transpose(t, (1, 0)), concat(t, s, axis=1), reverse(t, (0,)), broadcast(t, (2, N, 2), (1, 2)),
        slice(t, (0, 1), (N, 2)), gather(t, reshape(k, (3, 1))), pad(t, const(b"-", Type(dt.string, ())), (1, 0), (0, 1)),
        select(eq(t, s), t, const(b"differs", t.type)), eq(t, s), ne(t, s), reshape(concat(t, s, axis=0), (4, N)),
    )  # fmt: skip
    arrays = (words(b"a", b"b", b"c", b"d", shape=(2, 2)), words(b"a", b"x", b"c", b"y", shape=(2, 2)), np.array([1, 0, 1]))
    check(Graph("moves", (t, s, k), outputs), *arrays)


def test_strings_and_numbers_in_one_program():
    t, v = x("t", TEXT), x("v")
    chosen = select(compare("lt", const(0, v.type), v), t, const(b"", t.type))
    check(Graph("mixed", (t, v), (chosen, mul(v, v))), words(b"p", b"q"), np.array([-1, 2], np.float32))


# --------------------------------------------------------------------------------------------------- sizes


def test_indices_of_true_elements():
    m = x("m", Type(dt.b1, (N, 3)))
    found = nonzero(m)
    assert found is nonzero(m) and found.shape[0] is not nonzero(x("o", m.type)).shape[0]
    graph = Graph("where", (m,), (found, mul(found, found), reduce(found, "sum", (0,))))
    mask = np.random.default_rng(0).random((5, 3)) > 0.5
    check(graph, mask)
    check(graph, mask[:0])
    check(graph, np.zeros((4, 3), bool))


def test_a_size_without_its_values():
    m, v = x("m", MASK), x()
    k = nonzero(m).shape[0]
    ones = broadcast(const(2.0, Type(dt.f32, ())), (k, N))
    graph = Graph("size", (m, v), (iota((k,)), add(ones, broadcast(v, (k, N), (1,))), k))
    check(graph, np.array([True, False, True]), np.ones(3, np.float32))
    check(specialise(graph, {"n": 3}), np.array([True, False, True]), np.ones(3, np.float32))


def test_sizes_in_turn():
    v = x("v", Type(dt.i64, (N,)))
    values, places, counts = unique(v)
    top = measured(reduce(counts, "max", (0,)))
    line = iota((top,))
    odd = nonzero(eq(cast(line, "int64"), const(1, line.type)))
    graph = Graph("turns", (v,), (values, places, counts, line, odd, broadcast(values, (top, *values.shape), (1,))))
    check(graph, np.array([3, 1, 3, 3, 2]))
    check(graph, np.array([7]))


def test_arena_of_late_sizes():
    m, v = x("m", MASK), x()
    k = nonzero(m)
    rows = gather(v, k)
    square = dot(reshape(rows, (k.shape[0], 1)), reshape(rows, (1, k.shape[0])))
    total = reduce(dot(square, square), "sum", (1,))
    graph = Graph("late", (m, v), (total, add(v, v)))
    for n in (4, 700, 3):
        check(graph, np.arange(n) % 2 == 0, np.ones(n, np.float32))


def test_two_sizes_are_different_until_promised():
    a, b = x("a", MASK), x("b", MASK)
    first, second = nonzero(a), nonzero(b)
    with pytest.raises(ShapeError):
        add(first, second)
    graph = Graph("promised", (a, b), (add(first, ensure(second, first.shape)),))
    check(graph, np.array([True, False]), np.array([False, True]))
    for run in (compile_graph(graph), graph_of(graph)):
        with pytest.raises(ShapeError, match="ensure|sizes do not fit"):
            run(np.array([True, False]), np.array([True, True]))


def graph_of(graph):
    return lambda *arrays: interpret(graph, *arrays)


def test_computed_sizes():
    n = x("n", INDEX)
    graph = Graph("range", (n,), (iota((measured(n) * 2,), 0, dt.f32),))
    check(graph, np.int64(3))
    check(graph, np.int64(0))
    for size, message in ((-1, "negative"), (1 << 60, "size"), (1 << 46, "64 TiB")):
        with pytest.raises(ShapeError, match=message):
            compile_graph(graph)(np.int64(size))


def test_other_operands_make_other_sizes():
    m, a, b = x("m", MASK), x("a", MASK), x("b", MASK)
    found = iota((nonzero(m).shape[0],))
    (first,), (second,) = substitute((found,), {m: a}), substitute((found,), {m: b})
    assert first.type != second.type
    check(Graph("both", (a, b), (first, second)), np.array([True, True]), np.array([False, True]))


def test_names_do_not_depend_on_history():
    texts = []
    for _ in range(2):
        m = x("m", MASK)
        texts.append(str(canonical(Graph("g", (m,), (mul(nonzero(m), nonzero(m)),)))))
        nonzero(x("other", MASK))
        del m
    assert texts[0] == texts[1] and "k0" in texts[0]


# --------------------------------------------------------------------------------------------- control flow


def test_strings_in_a_loop_that_ends_by_itself():
    t, k = x("t", Type(dt.string, ())), x("k", INDEX)
    test = Graph("test", (t, k), (compare("lt", k, const(3, INDEX)),))
    body = Graph("body", (t, k), (const(b"later", t.type), k + 1))
    u, i = x("u", t.type), x("i", INDEX)
    found = results_of(while_(u, i, test=test, body=body))
    graph = Graph("words", (u, i), tuple(found))
    check(graph, np.array(b"now", object), np.int64(0))
    check(graph, np.array(b"now", object), np.int64(5))


def test_a_factorisation_in_a_loop():
    i, a = x("i", INDEX), x("a", Type(dt.f64, (N, N)))
    shift = add(a, dot(a, transpose(a, (1, 0))))
    body = Graph("body", (i, a), (cholesky(shift), reduce(a, "sum", (1,))))
    m = x("m", a.type)
    found = results_of(loop(m, count=3, carries=1, scanned=0, body=body))
    check(Graph("factor", (m,), tuple(found)), np.eye(3))


def test_only_the_branch_taken_runs():
    calls = []

    def note(a):
        calls.append(a.shape)
        return a * 2

    register_callback("test_host_steps.note", note)
    v, p = x("v"), x("p", Type(dt.b1, ()))
    then = Graph("then", (v,), (host(v, callback="test_host_steps.note", types=(v.type,)),))
    orelse = Graph("orelse", (v,), (add(v, v),))
    w = x("w")
    graph = Graph("choice", (p, w), (cond(p, w, then=then, orelse=orelse),))
    run = compile_graph(graph)
    same(run(np.array(False), np.ones(2, np.float32)), (np.full(2, 2, np.float32),))
    assert not calls
    check(graph, np.array(True), np.ones(2, np.float32))
    assert calls


def test_sizes_that_depend_on_data_inside_a_loop():
    w = x("w", Type(dt.f32, (N + 1,)))
    outer = loop(const(0.0, Type(dt.f32, ())), w, count=3, carries=1, scanned=0,
                 body=_longer_body())
    u = x("u")
    wide = pad(u, const(5.0, Type(dt.f32, ())), (0,), (1,))
    results = substitute(results_of(outer), {w: wide})
    check(Graph("sums", (u,), tuple(results)), np.array([0.5, 1.5, 2.5], np.float32))


def _longer_body() -> Graph:
    """A body whose input has a size that is an expression."""
    w = x("longer", Type(dt.f32, (N + 1,)))
    i, total = x("i", INDEX), x("total", Type(dt.f32, ()))
    mask = compare("lt", broadcast(cast(i, "float32"), w.shape), w)
    k = nonzero(mask)
    line = gather(w, k)
    return Graph("body", (i, total, w), (add(total, reduce(line, "sum", (0,))), cast(k.shape[0], "float32")))


def test_outer_sizes_inside_a_driven_loop():
    i, c = x("i", INDEX), x("c", Type(dt.f64, (2, 2)))
    m = x("m", MASK)
    k = nonzero(m).shape[0]
    ones = reduce(broadcast(const(1.0, Type(dt.f64, ())), (k,)), "sum", (0,))
    body = Graph("body", (i, c), (add(cholesky(c), broadcast(ones, (2, 2))),))
    a = x("a", c.type)
    graph = Graph("outer", (m, a), (loop(a, count=1, carries=1, scanned=0, body=body),))
    check(graph, np.array([True, True, False]), np.eye(2))


# ---------------------------------------------------------------------------------------------------- files


def test_saved_and_loaded(tmp_path):
    m, t = x("m", MASK), x("t", TEXT)
    found = nonzero(m)
    graph = Graph("kept", (m, t), (gather(t, found), iota((found.shape[0] * 2,)), const(b"w", Type(dt.string, (12,)))))
    arrays = (np.array([True, False, True]), words(b"a", b"b", b"c"))
    want = interpret(graph, *arrays)
    save(graph, tmp_path / "model.gc")
    same(load_model(tmp_path / "model.gc")(*arrays), want)
    again = read(tmp_path / "model.gc").graph
    same(compile_graph(again)(*arrays), want)
    same(interpret(again, *arrays), want)


def test_what_is_kept_in_memory_is_shown():
    m = x("m", MASK)
    program = lower_graph(optimise(Graph("shown", (m,), (nonzero(m) * 2, const(b"w", Type(dt.string, ()))))))
    verify_program(program)
    assert "host nonzero" in memory(program, Sizes(program.signature)) and parse(str(program), {}) is not None


def test_callbacks_without_names_are_not_mixed_up():
    v = x("v")
    graphs = [Graph("f", (v,), (host(v, callback=f, types=(v.type,)),)) for f in (lambda a: a + 1, lambda a: a + 2)]
    runs = [compile_graph(g) for g in graphs]
    assert [float(run(np.zeros(1, np.float32))[0][0]) for run in runs] == [1.0, 2.0]


# ------------------------------------------------------------------------------------- what the rows mean


@pytest.mark.parametrize(
    ("given", "axis", "wanted"),
    [
        (np.array([3.0, 1.0, 3.0], np.float32), 0, ([3, 1], [0, 1, 0], [2, 1])),
        (np.array([[1, 1], [0, 0], [1, 1]]), 0, ([[1, 1], [0, 0]], [0, 1, 0], [2, 1])),
        (np.array([[1, 0, 1]]), 1, ([[1, 0]], [0, 1, 0], [2, 1])),
        (np.array([2.5, 2.5], dt.bf16.numpy), 0, ([2.5], [0, 0], [2])),
        (np.zeros((0,), np.int32), 0, ([], [], [])),
        (words(b"b", b"a", b"b"), 0, ([b"b", b"a"], [0, 1, 0], [2, 1])),
        (words(b"b", b"a", b"b", b"a", shape=(2, 2)), 0, ([[b"b", b"a"]], [0, 0], [2])),
        (np.zeros((3, 0)), 0, (np.zeros((1, 0)).tolist(), [0, 0, 0], [3])),
        (np.array([np.nan, np.nan]), 0, (None, [0, 1], [1, 1])),
    ],
)
def test_different_elements(given, axis, wanted):
    leading = given.shape if given.ndim > 1 else (N,)
    v = x("v", Type(dt.as_dtype(given.dtype), leading))
    found = check(Graph("different", (v,), tuple(unique(v, axis))), given)
    for one, right in zip(found, wanted):
        assert right is None or one.tolist() == right
