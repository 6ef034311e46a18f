"""Text of any stage is compiled from there, to the same bits."""

import re

import numpy as np
import pytest

import graphc
import graphc.v1 as tf
from graphc import aot
from graphc.cli import main
from graphc.errors import CompileError, DeviceUnavailable, UsageError
from graphc.inspect import show
from graphc.inspect.stages import Stages


def training():
    """A step of training of two layers."""
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, 20], name="x"), tf.placeholder(tf.int64, [None], name="y")
        w = tf.get_variable("w", [20, 33], initializer=tf.random_normal_initializer(seed=1))
        v = tf.get_variable("v", [33, 5], initializer=tf.random_normal_initializer(seed=2))
        logits = tf.matmul(tf.nn.relu(-(-tf.matmul(x, w))) + tf.sin(tf.range(33.0)), v)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        return tf.step_graph([loss, tf.train.GradientDescentOptimizer(0.1).minimize(loss)], name="step")


def arrays_for(graph) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = [[d if type(d) is int else 7 for d in x.shape] for x in graph.inputs]
    return [rng.integers(0, 5, s) if x.dtype.kind == "i" else rng.standard_normal(s).astype(np.float32) for s, x in zip(shapes, graph.inputs)]


@pytest.mark.parametrize("kind", ["predict", "train"])
def test_every_stage(predictor, tmp_path, kind):
    graph = predictor.graph if kind == "predict" else training()
    weights = str(aot.save(graph, tmp_path / "m.gc"))
    arrays, stages = arrays_for(graph), Stages(graph)
    expected = [a.tobytes() for a in graphc.load(weights)(*arrays)]
    changed = [record.name for record in stages.passes if record.changed]
    assert changed
    for stage in ("traced", *changed, "optimised", "program"):
        (tmp_path / "s.txt").write_text(show.stage_text(stages, stage))
        aot.compile(tmp_path / "s.txt", tmp_path / "s.gc", weights=weights)
        for file in ("s.gc", "s.so"):
            assert [a.tobytes() for a in graphc.load(tmp_path / file)(*arrays)] == expected, (stage, file)
        again = aot.read(tmp_path / "s.gc")
        assert ("graph" in again.container) == (stage != "program")


def test_a_program_that_is_edited(tmp_path, capsys):
    (tmp_path / "g.txt").write_text("graph @g(%x: f32[n]) {\n  %exp0: f32[n] = exp(%x)\n  %y: f32[n] = add(%exp0, %x)\n  return %y\n}\n")
    assert main(["inspect", str(tmp_path / "g.txt"), "--stage", "program"]) == 0
    text = capsys.readouterr().out
    edited, source = tmp_path / "p.txt", str(tmp_path / "p.txt")
    edited.write_text(text.replace("exp(", "neg("))
    assert edited.read_text() != text
    assert main(["compile", source, "-o", f"{tmp_path}/new/"]) == 0
    x = np.arange(5, dtype=np.float32)
    for file in ("p.gc", "p.so"):
        assert graphc.load(tmp_path / "new" / file)(x)[0].tolist() == [0.0] * 5
    capsys.readouterr()
    for arguments, words in (
        (["inspect", f"{tmp_path}/new/p.gc"], "was compiled from a program: it has machine code for "),
        (["compile", f"{tmp_path}/new/p.gc", "-o", f"{tmp_path}/q.gc"], "was compiled from a program"),
        (["run", source, "--random", "2"], "p.txt holds a program, which graphc compile makes machine code of"),
        (["compile", source, "-o", f"{tmp_path}/q.gc", "--batch", "2"], "is a program, whose sizes are settled"),
        (["compile", source, "-o", f"{tmp_path}/q/", "--target", "x86-64", "--target", "aarch64"], "give one target"),
    ):
        assert main(arguments) == 1
        assert words in capsys.readouterr().err
    edited.write_text(re.sub(r"launch @(\w+)\(", r"launch @\1(nothing, ", text))
    with pytest.raises(CompileError, match="nothing"):
        aot.compile(source, tmp_path / "q.gc")
    edited.write_text(text[: text.index("program @")])
    with pytest.raises(UsageError, match="a kernel alone"):
        aot.compile(source, tmp_path / "q.gc")
    assert not (tmp_path / "q.gc").exists() and not (tmp_path / "q").exists()


def test_a_program_for_another_machine(predictor, tmp_path, capsys):
    weights = str(aot.save(predictor.graph, tmp_path / "m.gc"))
    assert main(["inspect", weights, "--stage", "program", "--target", "riscv64"]) == 0
    text, source = capsys.readouterr().out, tmp_path / "p.txt"
    source.write_text(text)
    with pytest.raises(UsageError, match="p.txt refers to 1 constants that are not in the model given by --weights, compiled for aarch64.*: --target"):
        aot.compile(source, tmp_path / "p.gc", weights=weights, targets=["aarch64"])
    aot.compile(source, tmp_path / "p.gc", weights=weights, targets=["riscv64"])
    assert aot.read(tmp_path / "p.gc").targets == ("riscv64",)
    with pytest.raises(DeviceUnavailable, match="p.gc was compiled from a program for riscv64, whose code this machine .* holds no graph"):
        graphc.load(tmp_path / "p.gc")


def test_machine_code_is_no_model(predictor, tmp_path):
    stages = Stages(predictor.graph)
    for stage in ("llvm", "asm"):
        (tmp_path / "t.txt").write_text(show.stage_text(stages, stage))
        with pytest.raises(UsageError, match="t.txt is text of LLVM or of an assembler"):
            aot.compile(tmp_path / "t.txt", tmp_path / "t.gc")
