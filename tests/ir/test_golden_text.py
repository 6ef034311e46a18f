"""The text of one small graph, kernel and program, whole; each is legal and parses back."""

import numpy as np
import pytest

from graphc.errors import Location, located
from graphc.ir.blob import Blob
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Alloc, Array, For, If, Kernel, Let, Set, Store, load
from graphc.ir.node import INDEX, compare, const, make, symbol, var
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text, program_text
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Param, Program, Repeat, Signature
from graphc.ir.type import TupleType, Type
from graphc.ir.verify import verify_graph, verify_kernel, verify_program

F32 = Type(dt.f32, ())
n = symbol("n")


def train_graph() -> Graph:
    x, w = input_node("x", Type(dt.f32, (n, 784))), input_node("w", Type(dt.f32, (784, 10)))
    b, key = input_node("dense/bias:0", Type(dt.f32, (10,))), input_node("key", Type(dt.u32, (2,)))
    y = Type(dt.f32, (n, 10))
    with located(Location("/home/user/model.py", 14)):
        product = make("dot", (x, w), (("transpose_x", False), ("transpose_y", False)), y)
        bias = make("broadcast", (b,), (("shape", y.shape), ("axes", (1,))), y)
        logits = product + bias
    with located(Location("/home/user/model.py", 20)):
        a = input_node("a", y)
        body = Graph("relu", (a,), (make("max", (a, const(0.0, y)), (), y),))
        act = make("call", (logits,), (("graph", body), ("gradient", None)), y)
        pair = TupleType((y, Type(dt.i32, (n, 10))))
        order = make("sort", (act,), (("axis", 1), ("descending", True)), pair)
        best = make("item", (order,), (("index", 1),), pair.items[1])
        table = const(np.arange(20, dtype=np.float32).reshape(2, 10))
        small = const(np.array([1.0, -0.0, np.nan, np.inf, 0.1], np.float16))
        bits = Type(dt.u32, (n * 28, 2))
        # nodes of the same content are one, with the first one's location: this value is no other test's
        noise = make("random_bits", (key, const(61803398, Type(dt.u64, ()))), (("shape", bits.shape),), bits)
        new_w = w * const(0.9, w.type)
    names = ("activation", "best", "table", "small", "noise", "w")
    return Graph("train", (x, w, b, key), (act, best, table, small, noise, new_w), names, ((5, 1),))


def row_kernel() -> Kernel:
    """Softmax of rows of 100 over a symbolic number of rows, scaled from a padded array."""
    i, j, u, v = var("i"), var("j", extent=100), var("u", extent=4), var("v", extent=8)
    top, flag = var("top", F32), var("flag", Type(dt.b1, ()))
    arrays = (
        Array("x", Type(dt.f32, (n, 100))),
        Array("scale", Type(dt.bf16, (n + 2, 3)), strides=(8, 1)),
        Array("out", Type(dt.f32, (n, 100)), written=True),
    )
    acc = Array("acc", Type(dt.f32, (4, 8)), "register", True)
    zero = const(0.0, F32)
    guard = make("and", (compare("le", i, n - 2), compare("lt", j * 2 + 1, 100)), (), Type(dt.b1, ()))
    scale = make("cast", (load("scale", (i + 2, j % 3), dt.bf16, guard),), (("dtype", dt.f32),), F32)
    value = load("x", (i, j), dt.f32)
    body = (
        Alloc(acc),
        For(u, 4, (For(v, 8, (Store("acc", (u, v), zero),), "vector"),), "unrolled"),
        Let(top, const(float("-inf"), F32)),
        For(j, 100, (Set(top, make("max", (top, value), (), F32)),)),
        Let(flag, make("isfinite", (top,), (), Type(dt.b1, ()))),
        If(
            flag,
            (For(j, 100, (Store("out", (i, j), make("exp", (value - top,), (), F32) * scale),), "vector"),),
            (For(j, 100, (Store("out", (i, j), zero, compare("le", const(50, INDEX), j)),), "vector"),),
        ),
        For(v, 8, (Store("acc", (0, v), load("acc", (1, v), dt.f32) + load("acc", (0, v), dt.f32)),), "vector"),
        Store("out", (i, 0), make("fold", (), (("buffer", "acc"), ("combine", "add")), F32)),
    )
    return Kernel("rows", arrays, (n,), (For(i, n, body, "parallel", 16),))


def step_program() -> Program:
    rows = row_kernel()
    x, y = Type(dt.f32, (n, 100)), Type(dt.i32, (n, 100))
    signature = Signature(
        (Param("x", x, Location("/home/user/model.py", 3)), Param("more:0", Type(dt.b1, ()))),
        (Param("y", x), Param("order", y)),
        ("n",),
        ((0, 0),),
        n * 448 + 64,
    )
    buffers = (
        Buffer("x", x, ("input", 0)),
        Buffer("more", Type(dt.b1, ()), ("input", 1)),
        Buffer("y", x, ("output", 0)),
        Buffer("order", y, ("output", 1)),
        Buffer("scale", Type(dt.bf16, (n + 2, 3)), ("arena", 64)),
        Buffer("k", Type(dt.i64, ()), ("arena", 0)),
        Buffer("table", Type(dt.u8, (100,)), ("constant", 0)),
    )
    launch = Launch("rows", ("x", "scale", "y"), (n,))
    attrs = (("axis", 1), ("descending", False))
    sort = Host("sort", attrs, ("y",), ("y", "order"), Location("/home/user/model.py", 9))
    steps = (
        launch,
        Repeat((launch, Copy("x", "y")), count=n * 2, counter="k"),
        Repeat((launch,), test=(Copy("y", "x"),), condition="more"),
        Branch("more", (sort,), (Copy("x", "y"),)),
    )
    return Program("step", signature, buffers, (rows,), steps, Blob.of(bytes(range(100))))


def test_graph(golden):
    graph, blobs = train_graph(), {}
    text = graph_text(graph, blobs)
    golden("ir/graph.txt", text)
    verify_graph(graph)
    assert parse(text, blobs) == graph


def test_kernel(golden):
    kernel = row_kernel()
    golden("ir/kernel.txt", str(kernel))
    verify_kernel(kernel)
    assert parse(str(kernel)) == kernel


def test_program(golden):
    program, blobs = step_program(), {}
    text = program_text(program, blobs)
    golden("ir/program.txt", text)
    verify_program(program)
    assert parse(text, blobs) == program


def test_a_missing_file_fails(golden, request):
    if request.config.getoption("--update-golden"):
        pytest.skip("would write the file")
    with pytest.raises(pytest.fail.Exception, match="--update-golden writes it"):
        golden("ir/never_written.txt", "")
