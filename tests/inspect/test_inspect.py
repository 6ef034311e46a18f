"""The inspector: stages, what the overview says, diffs, memory, edited text, the doctor."""

import re

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.compile import compile_graph
from graphc.errors import FormatError, GraphcError, UsageError
from graphc.inspect import recorded, show
from graphc.inspect.doctor import examine
from graphc.inspect.memory import memory
from graphc.inspect.sizes import Sizes, unit
from graphc.inspect.stages import Stages
from graphc.inspect.text_model import read_text
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.parser import parse
from graphc.ir.program import Buffer, Launch, Param, Program, Signature
from graphc.ir.recorded_lowering import RecordedLowering
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims.table import apply


def network():
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, 20], name="x")
        y = tf.placeholder(tf.int64, [None], name="y")
        w = tf.get_variable("w", [20, 5])
        logits = tf.matmul(x, w)  # the line of the product
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        return tf.freeze_initial(tf.nn.softmax(logits), name="predict"), tf.step_graph([loss, step], name="train")


@pytest.fixture(scope="module")
def predict():
    return Stages(network()[0])


@pytest.fixture(scope="module")
def train():
    return Stages(network()[1])


def sizes(stages):
    return Sizes(stages.program.signature)


def kernels(stages):
    return show.kernels(stages, sizes(stages))


def test_kernels_name_lines_of_the_program(predict):
    text = kernels(predict)
    assert "n is axis 0 of x" in text
    assert re.search(r"dot0 +1x .* -> f32\[n,5\]\n +dot\n +test_inspect.py:\d+ +logits = tf.matmul\(x, w\)", text)
    assert "x_0" not in text and "[None" not in text


def test_the_kernels_of_a_training_step(train):
    text = kernels(train)
    assert "sparse_softmax_cross_entropy_with_logits" in text and "minimize(loss)" in text
    assert max(map(len, text.splitlines())) < 200


def test_every_kernel_knows_its_operations(train):
    kernels = {k.name for k in train.program.kernels}
    assert set(train.origins) == kernels
    assert all(train.origins.values())
    assert {n.op for nodes in train.origins.values() for n in nodes} >= {"dot", "exp", "log", "sub"}


def test_stages_parse_back(predict):
    blobs = {}
    show.graph_text(predict.graph, blobs=blobs)
    for name in ("traced", "optimised", *(r.name for r in predict.passes)):
        assert isinstance(parse(show.stage_text(predict, name), blobs), Graph)
    assert show.stage_text(predict, "traced") == str(predict.graph)
    assert "launch @dot0" in show.stage_text(predict, "program")
    assert "define i32 @gc_" in show.stage_text(predict, "llvm")
    assert f"gc_{predict.graph.name}:" in show.stage_text(predict, "asm")
    with pytest.raises(UsageError, match="no stage 'nonsense'.*traced.*simplify"):
        show.stage_text(predict, "nonsense")


def test_kernels_in_three_forms(predict):
    assert predict.kernel_as("dot0", "ir").startswith("kernel @dot0(")
    assert "define internal void @k_dot0(" in predict.kernel_as("dot0", "llvm")
    listing = predict.kernel_as("dot0", "asm")
    assert listing.startswith("k_dot0") and "k_reduce0" not in listing and ".cfi" not in listing
    with pytest.raises(UsageError, match="no kernel 'dot9'.*dot0"):
        predict.kernel_as("dot9", "ir")


def test_other_targets(predict):
    stages = Stages(predict.graph, Options(target="aarch64"))
    assert "program for aarch64" in kernels(stages)
    assert "fmla" in stages.kernel_as("dot0", "asm")


def test_passes_without_effect_are_hidden(train):
    idle = next(r.name for r in train.passes if not r.changed)
    some, every = show.passes(train.record), show.passes(train.record, every=True)
    assert idle not in some and f"  {idle} " in every and "--all" in some
    assert re.search(r"^  together +52 +44 +-8 +[0-9.]+ ms$", some, re.M)


def test_diffs(train):
    changing = next(r.name for r in train.passes if r.changed)
    text = recorded.diff(train.record, changing)
    assert text.startswith(f"--- before {changing}\n+++ after {changing}\n@@")
    idle = next(r.name for r in train.passes if not r.changed)
    assert recorded.diff(train.record, idle).startswith(f"{idle} changed nothing; these passes did: ")
    with pytest.raises(UsageError, match="no pass 'x'"):
        recorded.diff(train.record, "x")


def test_the_picture_of_memory(train):
    text = memory(train.program, sizes(train), train.whole_record.lowering)
    steps = len(train.program.steps)
    rows = re.findall(r"^  (\S+) +(\d+) +\S+ \S+ +\S.* +\|([#.]+)\|(?: +(?:over|after) .*)?$", text, re.M)
    arena = [b for b in train.program.buffers if b.place[0] == "arena"]
    assert sorted(name for name, _, _ in rows) == sorted(b.name for b in arena)
    offsets = [int(offset) for _, offset, _ in rows]
    assert offsets == sorted(offsets)
    assert all(len(bar) == steps and re.fullmatch(r"\.*#+\.*", bar) for _, _, bar in rows)
    assert f"steps 1 to {steps}" in text
    assert re.search(r"^peak: [0-9.]+ KiB in step \d+, \w+\(", text, re.M)
    assert re.search(r"^  sub\d+ +w0: an input that the caller gave away$", text.split("in the memory of another one")[1], re.M)


def test_the_peak_counts_shared_memory_once():
    def buffer(name, at, *shape):
        return Buffer(name, Type(dt.u8, shape), ("arena", at))

    steps = (Launch("one", ("a",), ()), Launch("two", ("a", "b", "c"), ()), Launch("three", ("d",), ()))
    buffers = (buffer("a", 0, 128), buffer("b", 0, 128), buffer("c", 128, 64), buffer("d", 64, 100))
    program = Program("p", Signature((), (), (), (), 192), buffers, (), steps)
    text = memory(program, Sizes(program.signature), RecordedLowering({}, (), {}, {("b", "a"): "for a reason"}, {}))
    assert "peak: 192 B in step 2, two(a, b, c)\n  a 128 B, b 128 B, c 64 B" in text
    assert re.search(r"^  a +0 .*\|##\.\|$", text, re.M) and re.search(r"^  b +0 .*\|\.#\.\| +over a$", text, re.M)
    assert re.search(r"^  d +64 .*\|\.\.#\| +after a, b$", text, re.M)
    assert "in the memory of another one\n  b  a: for a reason" in text and "not in the memory" not in text


def test_memory_of_a_program_without_arena():
    x = input_node("x", Type(dt.f32, (4,)))
    stages = Stages(Graph("g", (x,), (apply("add", x, x),)))
    text = memory(stages.program, sizes(stages))
    assert "arena: 0 B" in text and "f32[4]" in text


def test_loops_and_host_steps_are_shown():
    x = input_node("x", Type(dt.f64, (4, 4)))
    stages = Stages(Graph("g", (x,), (apply("cholesky", apply("add", x, x)),)))
    assert "on the host: cholesky" in kernels(stages)
    assert "host cholesky" in memory(stages.program, sizes(stages))


def test_short_names_of_symbols():
    n, m = symbol("batch_0"), symbol("batch_0_1")
    signature = Signature(
        (Param("n", Type(dt.f32, (n, m))),), (Param("y", Type(dt.f32, (m, n))),), ("batch_0", "batch_0_1")
    )
    sizes = Sizes(signature)
    assert sizes.text(signature.outputs[0].type) == "f32[k,m]"  # n is the name of an input
    assert sizes.legend == ["m is axis 0 of n", "k is axis 1 of n"]
    assert sizes.growth(n * m * 4, (1, 16)) == "4 B for m = k = 1, 1.0 KiB for m = k = 16"
    assert [unit(v) for v in (0, 1023, 1024, 5 << 20, 300 << 20, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "300 MiB",
        "5120 GiB",
    ]


# ------------------------------------------------------------------------------------------ edited text


def test_edited_text_compiles_with_the_weights_of_its_model(predict):
    x = np.random.default_rng(0).standard_normal((3, 20)).astype(np.float32)
    text = show.stage_text(predict, "optimised")
    assert compile_graph(read_text(text, predict.graph))(x)[0].tobytes() == compile_graph(predict.graph)(x)[0].tobytes()
    edited = re.sub(r"kind=\"max\"", 'kind="min"', text)
    assert edited != text
    assert compile_graph(read_text(edited, predict.graph))(x)[0].shape == (3, 5)


def test_constants_made_by_passes_are_found():
    x = input_node("x", Type(dt.f32, (40,)))
    count = apply("iota", shape=(40,), axis=0, dtype=dt.f32)
    graph = Graph("g", (x,), (apply("add", x, apply("sin", count)),))
    text = show.stage_text(Stages(graph), "optimised")
    assert isinstance(read_text(text, graph), Graph)


def test_missing_weights_and_bad_edits_are_explained(predict):
    text = show.stage_text(predict, "optimised")
    with pytest.raises(UsageError, match="a.txt refers to 1 constants.*--weights"):
        read_text(text, None, "a.txt")
    with pytest.raises(UsageError, match="not in the model given"):
        read_text(text, network()[1], "a.txt")
    with pytest.raises(FormatError, match="a.txt: line"):
        read_text(text.replace("= dot(", "= dot["), predict.graph, "a.txt")
    with pytest.raises(GraphcError):
        read_text(text.replace("f32[20,5] = const(", "f32[20,6] = const("), predict.graph)
    program = show.stage_text(predict, "program")
    assert isinstance(read_text(program, predict.graph), Program)
    with pytest.raises(UsageError, match="holds a kernel alone"):
        read_text(program[: program.index("program @")], predict.graph)


def test_the_doctor_is_content():
    findings = list(examine())
    assert not [f for f in findings if f.level == "bad"]
    assert any("compiles and runs" in f.what for f in findings)


def test_the_doctor_notices_a_cache_that_is_off(monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE", "off")
    assert any(f.level == "note" and "cache is off" in f.what for f in examine())


def test_the_doctor_notices_a_wrong_target(monkeypatch):
    from graphc.runtime.host import host_target

    monkeypatch.setenv("GRAPHC_TARGET", "z80")
    host_target.cache_clear()
    try:
        assert any(f.level == "bad" and "z80" in f.what for f in examine())
    finally:
        host_target.cache_clear()


def test_what_a_kernel_computes_again_is_named():
    x = input_node("x", Type(dt.f32, (128, 64)))
    mean = apply("reduce", x, kind="sum", axes=(1,))
    low = apply("sub", x, apply("broadcast", mean, shape=x.shape, axes=(0,)))
    rows = apply("reduce", apply("mul", low, low), kind="sum", axes=(1,))
    wide = apply("broadcast", rows, shape=x.shape, axes=(0,))
    text = kernels(Stages(Graph("g", (x,), (rows, apply("reduce", apply("mul", low, wide), kind="sum", axes=(0,))))))
    assert "again: sub" in text
