"""The record of a compilation: replaying it gives each graph, names stay, it is small, damage is refused."""

import importlib
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

import graphc.v1 as tf
from graphc import aot, cli
from graphc.compile import RECORD, TIMES, compile_graph, lower_for, lower_graph, lower_recorded, optimise, optimise_recorded, target_of
from graphc.errors import FormatError, UsageError
from graphc.inspect import command
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.notes import Notes
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.record import OPTIMISED, TRACED, Record
from graphc.ir.recorder import Recorder
from graphc.ir.type import Type
from graphc.lower import reasons
from graphc.options import Options
from graphc.passes.pipeline import pass_name
from graphc.prims.table import apply
from graphc.runtime.cache import default_cache
from graphc.runtime.container import Container, encode


def training():
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x, y = tf.placeholder(tf.float32, [None, 12], name="x"), tf.placeholder(tf.int64, [None], name="y")
        h = tf.nn.relu(tf.matmul(x, tf.get_variable("w", [12, 9])) + tf.get_variable("b", [9]))
        logits = tf.matmul(tf.nn.dropout(h, rate=0.2), tf.get_variable("v", [9, 5]))
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        return tf.step_graph([loss, tf.train.AdamOptimizer(0.1).minimize(loss)], name="train")


def convolutions():
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, 16, 16, 1], name="x")
        h = tf.layers.max_pooling2d(tf.layers.conv2d(x, 6, 5, activation=tf.nn.relu), 2, 2)
        h = tf.layers.batch_normalization(tf.layers.conv2d(h, 16, 3))
        return tf.freeze_initial(tf.nn.softmax(tf.layers.dense(tf.layers.flatten(h), 10)), name="lenet")


def loops():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        w = tf.constant(np.arange(16, dtype=np.float32).reshape(4, 4))

        def body(i, h):
            inner = tf.while_loop(lambda j, g: j < 3, lambda j, g: (j + 1, tf.tanh(g @ w) * 1.0 + 0.0), (0, h))[1]
            return i + 1, tf.cond(i > 2, lambda: inner * 2.0, lambda: inner - 1.0)

        return tf.freeze_initial(tf.while_loop(lambda i, h: i < 5, body, (0, x * 1.0))[1], name="loops")


MODELS = {"training": training, "convolutions": convolutions, "loops": loops}


def recorded(graph: Graph, options: Options = Options()):
    """The record of a graph's passes, and the graph at each of its stages."""
    recorder, graphs = Recorder(), []

    def note(one, before, after):
        recorder.note(pass_name(one), before, after)
        graphs.extend([after] if graphs else [before, after])

    optimise(graph, options, note)
    section = recorder.encoded()
    record = Record.read(section)
    return section, record, dict(zip((TRACED, *(p.name for p in record.passes)), graphs, strict=True))


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return recorded(MODELS[request.param](), Options(fast_math=True))


def test_replaying_gives_every_graph(model):
    _, record, graphs = model
    for name, graph in graphs.items():
        blobs = {}
        graph_text(graph, blobs=blobs)
        assert parse("\n".join(record.at(name)), blobs) == graph, name
        assert len(record.at(name)) == len(graph_text(graph).splitlines())
    assert record.at(OPTIMISED) == record.at(record.passes[-1].name)


def test_counts_are_those_of_the_graphs(model):
    _, record, graphs = model
    stages = list(graphs.values())
    for one, before, after in zip(record.passes, stages, stages[1:]):
        assert (one.before, one.after) == (len(before.nodes), len(after.nodes))
        assert one.changed == (before != after)
        assert bool(record.diff(record.before(one.name), one.name)) == one.changed


def test_a_name_stands_for_one_value(model):
    """A line that is not in a pass's changes is the same Node as before, or does the same to values of the same names."""
    content = json.loads(zlib.decompress(model[0]))
    record, told = model[1], set()
    for stage, name in zip(content["stages"], (TRACED, *(p.name for p in record.passes))):
        changed = {line[0] for change in stage.get("graphs", {}).values() for line in change.get("nodes", ())}
        lines = {x.strip() for x in record.at(name, locations=False) if x.startswith("  %")}
        assert {x for x in lines - told if x.split(":")[0].strip('%"') not in changed} == set()
        told |= lines


def test_what_follows_a_replaced_operand_does_not_show():
    x = input_node("x", Type(dt.f32, (symbol("n"), 3)))
    y = apply("neg", apply("neg", x))
    for _ in range(30):
        y = apply("tanh", apply("exp", y))
    _, record, _ = recorded(Graph("chain", (x,), (y,)))
    (name,) = [p.name for p in record.passes if p.changed]
    different = [line for line in record.diff(record.before(name), name)[2:] if line[0] in "+-"]
    assert different == [
        "-  %neg0: f32[n,3] = neg(%x)",
        "-  %neg1: f32[n,3] = neg(%neg0)",
        "-  %exp0: f32[n,3] = exp(%neg1)",
        "+  %exp0: f32[n,3] = exp(%x)",
    ]


def said(record: Record) -> tuple:
    """What a record says, but for lines of programs: equal Nodes of another test that are alive know theirs."""
    stages = [record.at(name, locations=False) for name in (TRACED, *(p.name for p in record.passes))]
    return stages, [(p.name, p.changed, p.rules) for p in record.passes], record.lowering


def test_two_compilations_have_one_record():
    first, second = lower_recorded(training()), lower_recorded(training())
    assert len(first.times) == len(Record.read(first.record).passes)
    assert said(Record.read(first.record)) == said(Record.read(second.record))


@pytest.fixture(scope="module", params=MODELS)
def lowered(request):
    """The whole record of a model, what was lowered, and what lowering noted."""
    recorder, notes = Recorder(), Notes()
    program = lower_graph(optimise_recorded(MODELS[request.param](), Options(), recorder), Options(), notes)
    recorder.note_lowering(notes, program)
    return Record.read(recorder.encoded()), program, notes


def test_every_launch_tells_what_it_computes(lowered):
    record, program, notes = lowered
    assert {x.kernel for x in record.lowering.launches} == {k.name for k in program.kernels} == notes.launched().keys()
    (_, graphs) = list(record.graphs())[-1]
    for launch, noted in zip(record.lowering.launches, notes.launches, strict=True):
        assert [graphs[launch.graph].values[name].op for name in launch.values] == [n.op for n in noted.nodes]


def test_every_value_has_a_fate(lowered):
    record, _, notes = lowered
    (_, graphs) = list(record.graphs())[-1]
    launched = {(x.graph, name) for x in record.lowering.launches for name in x.values}
    assert graphs.keys() == record.lowering.graphs.keys()
    for label, fusion in record.lowering.graphs.items():
        assert not fusion.arrays.keys() & fusion.inline.keys()
        for name, value in graphs[label].values.items():
            is_known = name in fusion.arrays or name in fusion.inline or (label, name) in launched
            assert is_known or value.op in ("input", "const"), value.text


def test_reasons_are_sentences_of_lowering(lowered):
    record = lowered[0].lowering
    known = {v for k, v in vars(reasons).items() if k.isupper()}
    fates = [x for g in record.graphs.values() for x in (g.arrays, g.inline, g.apart)]
    assert {why for found in (*fates, record.memory, record.separate) for why in found.values()} <= known


def test_buffers_are_those_of_the_program(lowered):
    record, program, _ = lowered
    place = {b.name: b.place for b in program.buffers}
    for own, other in record.lowering.memory:
        assert place[own] == place[other] or place[own][0] == "row"
    for own, other in record.lowering.separate:
        assert place[own] != place[other] or own != other
    assert record.lowering.holds.keys() <= place.keys()


def test_it_is_small(model):
    section, _, graphs = model
    assert len(section) < 100_000
    assert len(section) < 2 * len(zlib.compress("".join(map(graph_text, graphs.values())).encode()))


def test_damage_is_refused(model):
    section = model[0]
    whole = json.loads(zlib.decompress(lower_recorded(training()).record))
    for key, value in whole["lowering"].items():
        wrong = {k: [] for k in value} if isinstance(value, dict) else [[7, *x] if isinstance(x, list) else 7 for x in value]
        others = [{**whole["lowering"], key: [[x[0], "train", "nobody"]]} for x in value if key in ("launches", "holds")][:1]
        for lowering in (*others, {**whole["lowering"], key: wrong}, {k: v for k, v in whole["lowering"].items() if k != key}):
            with pytest.raises(FormatError, match="record"):
                Record.read(zlib.compress(json.dumps({**whole, "lowering": lowering}).encode()))
    content = json.loads(zlib.decompress(section))
    damaged = [section[:-9], b"", bytes(reversed(section)), zlib.compress(b"[]"), zlib.compress(b"{}")]
    for key in content:
        damaged.append(zlib.compress(json.dumps({k: v for k, v in content.items() if k != key}).encode()))
        damaged.append(zlib.compress(json.dumps({**content, key: 7}).encode()))
    first = next(iter(content["stages"][0]["graphs"].values()))
    line = first["nodes"][-1]
    line.append(line[0])  # a value that needs itself
    damaged.append(zlib.compress(json.dumps(content).encode()))
    for bad in damaged:
        with pytest.raises(FormatError, match="record"):
            Record.read(bad)
    with pytest.raises(FormatError, match="format 99; this version of graphc reads up to format 2"):
        Record.read(zlib.compress(json.dumps({**content, "format": 99}).encode()))


def test_an_unknown_stage_is_named(model):
    with pytest.raises(UsageError, match="no pass 'nonsense'; these ran: inline_calls, .*simplify"):
        model[1].at("nonsense")


# --------------------------------------------------------------------------------- in files, and the command line


@pytest.fixture
def no_compiler(monkeypatch):
    """Fails what would compile a graph."""

    def refuse(*_):
        raise AssertionError("this compiles again")

    monkeypatch.setattr(command, "Stages", refuse)


def test_a_container_tells_its_passes_without_compiling(tmp_path, capsys, no_compiler):
    path = str(aot.save(training(), tmp_path / "m.gc"))
    assert cli.main(["inspect", path, "--passes"]) == 0
    out = capsys.readouterr().out
    assert "together" in out and " ms\n" not in out  # times are not in files, which are the same each time
    assert cli.main(["inspect", path, "--diff", "simplify.2"]) == 0
    assert capsys.readouterr().out.startswith("--- before simplify.2\n+++ after simplify.2\n@@")
    assert cli.main(["inspect", path, "--stage", "simplify.2"]) == 0
    assert isinstance(parse(capsys.readouterr().out), Graph)
    assert cli.main(["inspect", path, "--diff", "simplest"]) == 1
    assert "no pass 'simplest'; did you mean simplify? These ran: inline_calls" in capsys.readouterr().err


def test_an_entry_of_the_cache_tells_its_passes(tmp_path, capsys, no_compiler, monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("GRAPHC_CACHE", raising=False)
    x = input_node("x", Type(dt.f32, (5,)))
    compile_graph(Graph("kept", (x,), (apply("neg", apply("neg", apply("exp", x))),)))
    assert default_cache().stats().path == str(tmp_path)
    (entry,) = tmp_path.glob("*.gc")
    section = Container.open(entry)[RECORD + target_of(Options()).name]
    assert Record.read(section).at(OPTIMISED, locations=False)[1:-1] == ["  %exp0: f32[5] = exp(%x)", "  return %exp0"]
    assert cli.main(["inspect", str(entry), "--passes"]) == 0
    assert re.search(r"together +4 +2 +-2 +60 B +20 B +\d+\.\d ms", capsys.readouterr().out)
    assert cli.main(["inspect", str(entry), "--diff", "simplify"]) == 0
    assert "-  %neg1: f32[5] = neg(%neg0)" in capsys.readouterr().out


def test_what_was_compiled_otherwise_is_compiled_again(tmp_path, capsys):
    path = str(aot.save(convolutions(), tmp_path / "m.gc"))
    for more in (["--fast-math"], ["--target", "aarch64"]):
        assert cli.main(["inspect", path, "--passes", *more]) == 0
        assert ("fold_norm" in capsys.readouterr().out) == ("--fast-math" in more)


def test_a_container_for_another_machine_has_its_record(tmp_path, no_compiler, capsys):
    path = str(aot.save(convolutions(), tmp_path / "m.gc", Options(target="riscv64")))
    assert cli.main(["inspect", path, "--stage", "optimised", "--target", "riscv64"]) == 0
    assert "%conv" in capsys.readouterr().out


def test_each_target_has_the_record_of_its_own_lowering():
    made = lower_for(training(), Options(), ("x86-64-v4", "aarch64"))
    records = {target: Record.read(one.record) for target, one in made.items()}
    assert len({str(r.passes) for r in records.values()}) == 1
    for target, record in records.items():
        assert {x.kernel for x in record.lowering.launches} == {k.name for k in made[target].program.kernels}
    other = Record.read(lower_recorded(training(), Options(target="aarch64")).record)
    assert said(records["aarch64"]) == said(other)


def test_records_of_the_first_format_are_read(model):
    content = json.loads(zlib.decompress(model[0]))
    names = [s["name"] for s in content["stages"]]
    first = {**content, "format": 1, "times": [0.0, *range(1, len(names))]}
    for stage in first["stages"]:
        for change in stage.get("graphs", {}).values():
            change.pop("rules", None)
            change.pop("names", None)
    del first["rules"]
    record = Record.read(zlib.compress(json.dumps(first).encode()))
    assert [p.seconds for p in record.passes] == [k / 1e3 for k in range(1, len(names))]
    assert record.at(OPTIMISED) == model[1].at(OPTIMISED) and record.lowering is None


def test_damaged_times_are_refused(tmp_path, capsys):
    made = Container.open(aot.save(training(), tmp_path / "m.gc"))
    content = {name: made[name] for name in made.names} | {TIMES + target_of(Options()).name: ["no times"]}
    (tmp_path / "bad.gc").write_bytes(b"".join(encode(content)))
    assert cli.main(["inspect", str(tmp_path / "bad.gc"), "--passes"]) == 1
    assert "must list milliseconds" in capsys.readouterr().err


def test_containers_without_a_record_are_compiled_to_be_inspected(tmp_path, capsys, monkeypatch):
    module = importlib.import_module("graphc.aot.container")
    without = replace(lower_recorded(training()), record=b"")
    monkeypatch.setattr(module, "lower_for", lambda graph, options, targets: dict.fromkeys(targets, without))
    path = str(aot.save(training(), tmp_path / "m.gc"))
    assert not any(name.startswith(RECORD) for name in Container.open(path).names)
    assert len(aot.load(path).signature.inputs) > 2
    assert cli.main(["inspect", path, "--passes"]) == 0
    assert "simplify.2" in capsys.readouterr().out
