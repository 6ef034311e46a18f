"""Illegal graphs, kernels and programs are refused with a message that says where."""

from dataclasses import replace

import pytest
from test_golden_text import F32, n, row_kernel, step_program, train_graph

from graphc.errors import CompileError, DtypeError, GraphError, Location, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Alloc, Array, At, Barrier, Call, For, If, Kernel, Let, Set, Store, load
from graphc.ir.node import BOOL, INDEX, const, make, symbol, var
from graphc.ir.program import Branch, Copy, Host, Launch, Repeat
from graphc.ir.type import Type
from graphc.ir.verify import verify_graph, verify_kernel, verify_program

x = input_node("x", Type(dt.f32, (n, 3)))
m = symbol("m")
one = const(1.0, F32)


def neg(operand, type=None):
    return make("neg", (operand,), (), type or operand.type)


def refused_graph(graph, message, infer=None):
    with pytest.raises(GraphError, match=message) as error:
        verify_graph(graph, infer)
    assert str(error.value).startswith("graph @")


BAD_DIMS = {
    "unbound": (m, "the symbol m is in no input's shape"),
    "negative": (-1, "-1 in f32"),
    "node": (const(3, INDEX), "the dimension 3 is a Node, but should be an int"),
    "dtype": (const(3, Type(dt.i32, ())), "a dimension is a rank-0 i64, not i32"),
    "order": (make("mul", (const(2, INDEX), n), (), INDEX), r"2\*n is not in normal form, which is n\*2"),
}


@pytest.mark.parametrize("case", BAD_DIMS)
def test_bad_dimensions(case):
    dim, message = BAD_DIMS[case]
    refused_graph(Graph("g", (x,), (neg(x, Type(dt.f32, (dim,))),)), message)
    if case != "negative":
        refused_graph(Graph("g", (x,), (make("reshape", (x,), (("shape", (3, dim)),), x.type),)), message)


def test_inputs():
    y = input_node("y", x.type)
    refused_graph(Graph("g", (x,), (neg(y),)), "input 'y' is used, but the graph does not declare it")
    refused_graph(Graph("g", (x, input_node("x", F32)), ()), "two inputs are called 'x'")
    refused_graph(Graph("g", (neg(x),), ()), "an input of a graph has op input, not neg")


def test_outputs_and_donations():
    refused_graph(Graph("g", (x,), (x,), ("a", "b")), "1 outputs with 2 names")
    refused_graph(Graph("g", (x,), (x,), (), ((0, 1),)), "donation 0->1 names an output or input")
    refused_graph(Graph("g", (x,), (x, x), (), ((0, 0), (1, 0))), "an input is donated twice")
    graph = Graph("g", (x,), (one,), (), ((0, 0),))
    refused_graph(graph, r"donation 0->0: output of f32\[\] over input 'x' of f32\[n,3\]")


def test_kernel_operations_are_refused():
    refused_graph(Graph("g", (), (load("a", (), dt.f32),)), "load is for kernels only")


def test_constants_have_their_type():
    bad = make("const", (), (("value", one.attr("value")),), Type(dt.f64, ()))
    refused_graph(Graph("g", (), (bad,)), "the elements are float32, but the constant is f64")


def test_nested_graphs_are_checked_and_see_outer_symbols():
    a = input_node("a", Type(dt.f32, (4,)))

    def using(dim):
        wide = Type(dt.f32, (dim, 4))
        body = Graph("body", (a,), (make("broadcast", (a,), (("shape", wide.shape), ("axes", (1,))), wide),))
        return Graph("g", (x, a), (make("call", (a,), (("graph", body), ("gradient", None)), wide),))

    verify_graph(using(n))
    with pytest.raises(GraphError, match="@.*: %call0: the symbol m is in"):
        verify_graph(using(m))
    inner = Graph("inner", (), (neg(a),))
    call = make("call", (), (("graph", inner), ("gradient", None)), a.type)
    refused_graph(Graph("g", (), (call,)), "@inner: %input0: input 'a'")


def test_host_results_bring_symbols():
    found = make("host", (x,), (("callback", "unique"), ("types", (Type(dt.f32, (m,)),))), Type(dt.f32, (m,)))
    verify_graph(Graph("g", (x,), (neg(found),)))


def test_type_rule():
    def infer(op, types, attrs):
        if op == "refuse":
            raise DtypeError("refuse: never")
        return types[0]

    verify_graph(Graph("g", (x,), (neg(x),)), infer)
    with located(Location("model.py", 7)):
        wrong = make("neg", (x,), (("why", "typed wrongly"),), Type(dt.f32, (n,)))
    with pytest.raises(GraphError) as error:
        verify_graph(Graph("g", (x,), (neg(wrong),)), infer)
    assert "%neg0: declared f32[n], but neg(f32[n,3]) gives f32[n,3]" in str(error.value)
    assert "at model.py:7" in str(error.value)
    refused_graph(Graph("g", (x,), (make("refuse", (x,), (), x.type),)), "refuse: never", infer)


def test_deep_graphs_verify():
    node = x
    for _ in range(5_000):
        node = neg(node)
    verify_graph(Graph("g", (x,), (node,)))


# ------------------------------------------------------------------------------------------- kernels

i, j, u = var("i", extent=8), var("j", extent=8), var("u", extent=4)
count = var("count")
total = var("total", F32)
A = Array("a", Type(dt.f32, (8, 8)))
OUT = Array("out", Type(dt.f32, (8,)), written=True)
ACC = Array("acc", Type(dt.f32, (4, 8)), "register", True)
TILE = Array("tile", Type(dt.f32, (8,)), "shared")
t = var("t", extent=64)
LONG = Array("long", Type(dt.f32, (n,)), "stack")


def store(index, value=one, guard=None):
    return Store("out", (index,), value, guard)


def acc(*index):
    return load("acc", index, dt.f32)


BAD_BODIES = {
    "undefined": ([store(i)], "the variable i of i64\\[\\] is not defined here"),
    "other extent": ([For(var("i"), 8, (store(i),))], "the variable i of i64"),
    "out of scope": ([For(i, 8, ()), store(i)], "the variable i of"),
    "two of a name": ([For(i, 8, (For(i, 8, ()),))], "the name i is visible already"),
    "symbol": ([store(m)], "the symbol m is no parameter"),
    "no array": ([Store("b", (0,), one)], "there is no array b here"),
    "rank": ([Store("out", (0, 0), one)], r"2 indices for the array out of f32\[8\]"),
    "dtype": ([store(0, const(1, INDEX))], r"a value of i64\[\] for the array out"),
    "read only": ([Store("a", (0, 0), one)], "the array a is not marked as written"),
    "outside": ([store(8)], "index 8 is outside of the array out"),
    "index dtype": ([store(const(1, Type(dt.i32, ())))], r"an index of the array out is of i32\[\]"),
    "load dtype": ([store(0, load("a", (0, 0), dt.f64))], "a load of f64 from the array a"),
    "load guard": ([store(0, load("a", (0, 0), dt.f32, one))], "the guard of a load is of f32"),
    "store guard": ([store(0, one, one)], r"a guard is of f32\[\], not b1"),
    "condition": ([If(one, ())], r"a condition is of f32\[\], not b1"),
    "tensor": ([store(0, neg(input_node("x", OUT.type), F32))], "input of f32\\[8\\] is not of rank 0"),
    "kind": ([For(i, 8, (), "sideways")], "'sideways' is no kind of loop"),
    "parallel": ([For(i, 8, (For(j, 8, (), "parallel"),))], "a parallel loop stands only at the top"),
    "vector": ([For(i, 8, (For(j, 8, ()),), "vector")], "a serial loop inside a vector loop"),
    "barrier": ([For(i, 8, (Barrier(),), "vector")], "a barrier inside a vector loop"),
    "unrolled": ([For(count, n, (), "unrolled")], "an unrolled loop has a static extent"),
    "promise": ([For(i, 9, ())], "the variable promises to stay below 8"),
    "let type": ([Let(total, const(1, INDEX))], r"a variable of f32\[\] for a value of i64"),
    "set loop": ([For(i, 8, (Set(i, const(1, INDEX)),))], "i is no Let's variable"),
    "set type": ([Let(total, one), Set(total, const(1, INDEX))], r"a variable of f32\[\] for a value of i64"),
    "race": ([Let(total, one), For(i, 8, (Set(total, one),), "parallel")], "outside a parallel loop is set inside"),
    "lanes": ([Let(total, one), For(i, 8, (Set(total, one),), "vector")], "made outside a vector loop is set inside"),
    "alloc": ([Alloc(A)], "an array made in a kernel lies in register, stack or shared memory, not global"),
    "dynamic": ([Alloc(LONG)], "the stack array long has a symbolic shape"),
    "register": ([Alloc(ACC), For(i, 8, (store(i, acc(0, i)),))], "i, an index of the register array acc, is not"),
    "stride": ([Alloc(ACC), For(u, 4, (store(0, acc(0, u * 2)),), "vector")], "u\\*2, an index of acc, is not a"),
    "diagonal": ([Alloc(ACC), For(u, 4, (store(0, acc(u, u)),), "vector")], "two indices of the register array acc"),
    "shared": ([Alloc(TILE)], "the shared array tile is made outside of a block loop"),
    "block": ([For(i, 8, (For(j, 8, (), "block"),))], "a block loop stands only at the top of a kernel or directly in"),
    "thread": ([For(t, 64, (), "thread")], "a thread loop stands only directly in a block loop"),
    "threads": ([For(i, 8, (For(u, 4, (), "thread"),), "block")], "a multiple of 32 up to 1024"),
    "no thread": ([For(i, 8, (For(j, 8, ()),), "block")], "a serial loop in a block loop stands in a thread loop"),
    "call": ([Call("f", (At("a", (0,)),))], r"1 indices for the array a of f32\[8,8\]"),
    "argument": ([Call("f", ("a",))], "the argument 'a' is no Node, number or address"),
    "fold": ([store(0, make("fold", (), (("buffer", "a"), ("combine", "add")), F32))], "fold is for register arrays"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_BODIES)
def test_bad_kernels(case):
    body, message = BAD_BODIES[case]
    with pytest.raises(CompileError, match=message) as error:
        verify_kernel(Kernel("k", (A, OUT), (n,), tuple(body)))
    assert str(error.value).startswith("kernel @k: ") and "\n  in" in str(error.value)


def test_the_message_names_the_loops():
    body = For(i, 8, (If(const(True, BOOL), (store(j),)),), "parallel")
    with pytest.raises(CompileError) as error:
        verify_kernel(Kernel("k", (OUT,), (), (body,)))
    assert str(error.value).split("\n") == [
        "kernel @k: the variable j of i64[] is not defined here",
        "  in out[j] = f32(1.0)",
        "  inside if true",
        "  inside for i in 8 parallel",
    ]


def test_legal_register_indices_and_scopes():
    inner = For(j, 8, (store(j, acc(u, j)), store(0, acc(3 - u, 7))), "vector")
    body = (Alloc(ACC), For(u, 4, (inner,), "unrolled"), For(u, 4, ()), Let(total, one), Set(total, one))
    verify_kernel(Kernel("k", (OUT,), (), body))


def test_bad_parameters():
    for arrays, dims, message in (
        ((OUT, OUT), (), "two arrays are called out"),
        ((ACC,), (), "the parameter acc lies in register memory"),
        ((replace(OUT, strides=(1, 2)),), (), "2 strides for the array out"),
        ((), (n, n), "a dimension parameter stands twice"),
        ((), (i,), "i is no dimension parameter"),
    ):
        with pytest.raises(CompileError, match=message):
            verify_kernel(Kernel("k", arrays, dims, ()))


# ------------------------------------------------------------------------------------------ programs


def with_buffer(name, **changes):
    def change(program):
        return replace(program, buffers=tuple(replace(b, **changes) if b.name == name else b for b in program.buffers))

    return change


def with_steps(*steps):
    return lambda program: replace(program, steps=steps)


def with_signature(**changes):
    return lambda program: replace(program, signature=replace(program.signature, **changes))


BAD_PROGRAMS = {
    "kernel": (with_steps(Launch("absent", ())), "there is no kernel @absent\n  in launch @absent"),
    "buffer": (with_steps(Copy("x", "absent")), "there is no buffer 'absent'\n  in copy x -> absent"),
    "arguments": (with_steps(Launch("rows", ("x",), (n,))), "takes 3 arrays and 1 dims, not 1 and 1"),
    "dims": (with_steps(Launch("rows", ("x", "scale", "y"))), "takes 3 arrays and 1 dims, not 3 and 0"),
    "dim": (with_steps(Launch("rows", ("x", "scale", "y"), (m,))), "a dims value uses the symbol m"),
    "dtype": (with_steps(Launch("rows", ("x", "x", "y"), (n,))), r"'x' of f32\[n,100\] is given for the array scale"),
    "constant": (with_steps(Copy("table", "table")), "'table' is written, but it is a constant"),
    "input": (with_steps(Copy("more", "more")), "'more' is written, but it is an input"),
    "copy": (with_steps(Copy("x", "order")), r"copy of f32\[n,100\] to i32"),
    "branch": (with_steps(Branch("x", (), ())), r"'x' is f32\[n,100\], not b1\[\]\n  in if x {"),
    "counter": (with_steps(Repeat((), count=3, counter="more")), r"'more' is b1\[\], not i64"),
    "repeat": (with_steps(Repeat((), count=3, condition="more")), "either a condition or a count"),
    "host": (with_steps(Host("f", (), ("absent",), (), Location("m.py", 5))), "'absent'\n  in host f.*\n  at m.py:5"),
    "inner": (with_steps(Branch("more", (Copy("x", "absent"),), ())), "no buffer 'absent'\n  in copy x -> absent"),
    "place": (with_buffer("x", place=("attic", 0)), "which is no place"),
    "position": (with_buffer("x", place=("input", 2)), "buffer 'x' is input 2 of 2"),
    "type": (with_buffer("y", type=Type(dt.i8, ())), r"buffer 'y' of i8\[\] is output 0 of f32"),
    "alignment": (with_buffer("scale", place=("arena", 24)), "at arena 24 is not aligned to 64"),
    "offset": (with_buffer("scale", place=("arena", m)), "the place of buffer 'scale' uses the symbol m"),
    "constants": (with_buffer("table", type=Type(dt.u8, (101,))), "ends at byte 101 of 100 in constant"),
    "arena": (with_signature(arena=0), "buffer 'k' ends at byte 8 of 0 in arena"),
    "symbols": (with_signature(symbols=()), "a dimension of 'x' uses the symbol n"),
    "donation": (with_signature(donated=((1, 0),)), r"donation 1->0: output of i32"),
    "twice": (lambda p: replace(p, buffers=p.buffers * 2), "two buffers are called 'x'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_PROGRAMS)
def test_bad_programs(case):
    change, message = BAD_PROGRAMS[case]
    with pytest.raises(CompileError, match=message):
        verify_program(change(step_program()))


def test_legal_samples():
    verify_graph(train_graph())
    verify_kernel(row_kernel())
    verify_program(step_program())
