"""Text parses back to the identical object; malformed text gives a FormatError and nothing else."""

import random

import numpy as np
import pytest
from ir_samples import NAMES, SPECIAL, random_constant, random_graph, random_kernel, random_program

from graphc.errors import FormatError, Location, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Array, For, Kernel, Store, load
from graphc.ir.node import INDEX, const, make, symbol, var
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text, program_text
from graphc.ir.type import Type

F32 = Type(dt.f32, ())


@pytest.mark.parametrize("seed", range(120))
def test_graph(seed):
    graph, blobs = random_graph(seed), {}
    text = graph_text(graph, blobs)
    back = parse(text, blobs)
    assert back == graph and all(x is y for x, y in zip(back.outputs, graph.outputs))
    assert graph_text(back) == text


@pytest.mark.parametrize("seed", range(120))
def test_kernel(seed):
    kernel = random_kernel(seed)
    assert parse(str(kernel)) == kernel


@pytest.mark.parametrize("seed", range(80))
def test_program(seed):
    program, blobs = random_program(seed), {}
    text = program_text(program, blobs)
    back = parse(text, blobs)
    assert back == program and program_text(back) == text


@pytest.mark.parametrize("name", NAMES)
def test_names_survive(name):
    x = input_node(name, Type(dt.f32, (symbol(name), 2)))
    graph = Graph(name, (x,), (make("neg", (x,), (("note", name),), x.type),), (name,))
    assert parse(str(graph)) == graph


@pytest.mark.parametrize("dtype", [d for d in dt.ALL if d.is_inexact], ids=repr)
def test_special_constants_survive(dtype):
    with np.errstate(all="ignore"):
        for value in SPECIAL:
            node = const(np.asarray(value).astype(dtype.numpy), Type(dtype, (2,)))
            graph = Graph("g", (), (node,))
            assert parse(str(graph)).outputs[0] is node


def test_nan_payload_survives():
    array = np.array([0x7FC00001, 0xFFC00000, 0x7F800001], np.uint32).view(np.float32)
    node = const(array, Type(dt.f32, (3,)))
    assert parse(str(Graph("g", (), (node,)))).outputs[0] is node


def test_constants_of_all_dtypes_survive():
    r = random.Random(7)
    for _ in range(300):
        node, blobs = random_constant(r), {}
        text = graph_text(Graph("g", (), (node,)), blobs)
        assert parse(text, blobs).outputs[0] is node
        assert bool(blobs) == (not node.attr("value").is_splat and node.type.size > 8)


@pytest.mark.parametrize("value", ["", "a\"b\\\n", "größe", b"", b"\x00\xff\"", "\ud800"])
def test_strings_survive(value):
    splat = const(value, Type(dt.string, (4,)))
    listed = const(np.array([value, "other"], dtype=object), Type(dt.string, (2,)))
    graph = Graph("g", (), (splat, listed))
    assert all(x is y for x, y in zip(parse(str(graph)).outputs, graph.outputs))


def test_missing_and_damaged_blobs():
    node, blobs = const(np.arange(12.0, dtype=np.float32).reshape(3, 4)), {}
    text = graph_text(Graph("g", (), (node,)), blobs)
    with pytest.raises(FormatError, match="not among the blobs"):
        parse(text)
    (digest,) = blobs
    for wrong in (blobs[digest] + 1, blobs[digest].reshape(4, 3), blobs[digest].astype(np.float64)):
        with pytest.raises(FormatError, match="blob"):
            parse(text, {digest: wrong})


def test_text_does_not_depend_on_locations_or_other_nodes():
    x = input_node("x", F32)
    with located(Location("a.py", 1)):
        y = make("neg", (x,), (), F32)
    assert "# a.py:1" in graph_text(Graph("g", (x,), (y,)))
    assert "#" not in graph_text(Graph("g", (x,), (y,)), locations=False)


def test_location_is_read_back():
    text = "graph @g(%x: f32[]) {\n  %neg0: f32[] = neg_of_location(%x)  # some model.py:14 dense_1\n  return %neg0\n}"
    assert parse(text).outputs[0].location == Location("some model.py", 14, "dense_1")


def test_nested_graphs_of_one_name_stay_apart():
    x = input_node("x", F32)
    inner = Graph("body", (x,), (make("neg", (x,), (), F32),))
    outer = Graph("body", (x,), (make("call", (x,), (("graph", inner), ("gradient", None)), F32),))
    call = make("cond", (x, x), (("then", outer), ("orelse", inner)), F32)
    graph = Graph("body", (x,), (call,))
    text = str(graph)
    assert text.count("graph @") == 3 and parse(text) == graph


def test_operands_need_not_be_in_normal_form():
    n, i = symbol("n"), var("i", extent=4)

    def raw(op, x, y):
        return make(op, (x, y), (), INDEX)

    def c(value):
        return const(value, INDEX)

    forms = [
        raw("add", c(-3), n), raw("add", n, c(-3)), raw("sub", n, c(3)), raw("sub", n, i), raw("mul", c(-2), i),
        raw("add", n, raw("mul", i, c(-1))), raw("add", n, raw("mul", c(2), c(-1))), raw("add", n, c(-(2**63))),
        raw("add", n, raw("mul", raw("mul", i, c(3)), c(-1))), raw("add", n, raw("mul", raw("mul", i, c(3)), c(-4))),
        raw("add", n, raw("mul", raw("add", i, n), c(-1))), raw("add", n, raw("mul", i, c(1))), raw("mod", n, i),
        raw("add", n, raw("add", n, c(-1))), raw("mul", n, raw("floordiv", i, n)), raw("add", n, c(0)),
        raw("add", n, raw("mul", i, c(-(2**63)))),
    ]  # fmt: skip
    body = tuple(Store("out", (form,), const(1.0, F32)) for form in forms)
    kernel = Kernel("k", (Array("out", Type(dt.f32, (n,)), written=True),), (n,), (For(i, 4, body),))
    back = parse(str(kernel))
    for x, y in zip(back.body[0].body, body):
        assert x.index[0] is y.index[0], str(y.index[0])


def test_shared_expressions_stay_small():
    x = load("x", (0,), dt.f32)
    for _ in range(200):
        x = x * x + x
    kernel = Kernel("k", (Array("x", Type(dt.f32, (1,)), written=True),), (), (Store("x", (0,), x),))
    text = str(kernel)
    assert len(text) < 30_000
    assert parse(text) == kernel


def test_the_same_parentheses_mean_the_same_in_every_line_of_a_program():
    lines = "".join(f"  buffer b{k}: f32[(n + 1)//2,((n + 1)//2 + 1)//2] = arena ((n + 1)//2 + 1)//2*{64 * k}\n" for k in range(3))
    found = parse("program @p {\n  input x: f32[n]\n  symbols n\n" + lines + "}\n")
    half = (symbol("n") + 1) // 2
    quarter = (half + 1) // 2
    assert [b.type.shape for b in found.buffers] == [(half, quarter)] * 3
    assert found.buffers[2].place == ("arena", quarter * 128)
    with pytest.raises(FormatError, match="line 4"):
        parse("program @p {\n  input x: f32[n]\n  symbols n\n  buffer b: f32[((n + 1)//2] = arena 0\n}\n")


def test_deep_graphs_print_and_parse():
    x = node = input_node("x", F32)
    for _ in range(30_000):
        node = make("add", (node, x), (), F32)
    graph = Graph("deep", (x,), (node,))
    assert parse(str(graph)).outputs[0] is node


def test_python_callables_are_refused():
    x = input_node("x", F32)
    text = str(Graph("g", (x,), (make("host", (x,), (("callback", print), ("types", (F32,))), F32),)))
    assert "<python print 0>" in text
    with pytest.raises(FormatError, match="line 2"):
        parse(text)


PIECES = ["(", ")", "[", "]", "{", "}", ",", '"', "%x", "@g", "#", "9" * 5000, "-", "1e999", "f32", "$", "'", "\n",
          "\x00", "((" * 3000, "f32'0x7f", "if", "for", "true", "i64(", "=", "->", "9223372036854775808", "1.5", ":",
          "é"]  # fmt: skip


def mutated(r: random.Random, text: str) -> str:
    for _ in range(r.randint(1, 3)):
        at, end = sorted((r.randrange(len(text) + 1), r.randrange(len(text) + 1)))
        match r.randrange(5):
            case 0:
                text = text[:at] + r.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + r.randint(1, 4) :]
            case 2:
                text = text[:at] + text[end:]
            case 3:
                text = text[:at] + text[at:end] * 2 + text[end:]
            case 4:
                lines = text.split("\n")
                r.shuffle(lines) if r.random() < 0.1 else lines.pop(r.randrange(len(lines)))
                text = "\n".join(lines) or "x"
    return text


@pytest.mark.parametrize("make_sample", [random_graph, random_kernel, random_program])
def test_malformed_text_gives_format_errors_only(make_sample):
    r, refused, blobs = random.Random(11), 0, {}
    write = {random_graph: graph_text, random_program: program_text}.get(make_sample, lambda x, _: str(x))
    for seed in range(60):
        text = write(make_sample(seed), blobs)
        for _ in range(12):
            try:
                str(parse(mutated(r, text), blobs))
            except FormatError as error:
                assert str(error)
                refused += 1
    assert refused > 300


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "holds no graph"),
        ("what", "line 1: expected 'graph', 'kernel' or 'program', found 'what'"),
        ("graph @g(%x: f32[]) {", "line 1: expected a value, 'return' or '}', found the end of the text"),
        ("graph @g(%x: f99[]) {", "expected an element type such as f32, found 'f99'"),
        ("graph @g(%x: f32[-1]) {", "expected a dimension, found '-'"),
        ("graph @g(%x: f32[], %x: f32[]) {", "expected a name that is not taken, found '%x'"),
        ("graph @g() {\n  return %y\n}", "line 2: expected a value that is defined before, found '%y'\n  return %y"),
        ("graph @g() {\n  %a: f32[2] = const([f32(1.0)])\n  return\n}", "1 elements for f32\\[2\\]"),
        ("graph @g() {\n  %a: u8[] = const(u8(256))\n  return\n}", "expected a value of u8, found '256'"),
        ("graph @g() {\n  %a: f32[] = const(f32(1e99))\n  return\n}", "expected a value of f32"),
        ("graph @g() {\n  %a: f32[] = const(f64(1.0))\n  return\n}", "expected an element of f32"),
        ("graph @g() {\n  %a: f32[] = call(graph=@h)\n  return\n}", "expected a graph that stands before, found '@h'"),
        ("kernel @k(x: f32[3]) {\n  y[0] = f32(1.0)\n}", "expected an array that is declared before, found 'y'"),
        ("kernel @k(x: f32[3]) {\n  x[i] = f32(1.0)\n}", "expected a variable or dimension that is declared before"),
        ("kernel @k(x: f32[3]) {\n  x[0] = f32(1.0) + 1\n}", "the operands of '\\+' are f32 and i64"),
        ("kernel @k() {\n  let a: f32 = " + "(" * 5000, "less nesting"),
        ("program @p {\n  frobnicate\n}", "line 2: expected a step, found 'frobnicate'"),
        ("program @p {\n  constants 4 #0123456789abcdef\n}", "not among the blobs"),
    ],
)
def test_messages(text, message):
    with pytest.raises(FormatError, match=message):
        parse(text)


def test_only_text_is_parsed():
    with pytest.raises(FormatError, match="not bytes"):
        parse(b"graph")
