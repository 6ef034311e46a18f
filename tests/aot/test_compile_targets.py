"""``graphc compile`` for several machines: one container, and a folder of files for each."""

import importlib
import json
import os

import numpy as np
import pytest

import graphc
from graphc import aot
from graphc.aot import c_files
from graphc.cli import main
from graphc.errors import CompileError, UsageError
from graphc.ir.target import TARGETS
from graphc.runtime.container import Container
from graphc.runtime.host import host_target, run_by

FOREIGN = "x86-64-v3" if host_target().name == "aarch64" else "aarch64"


def test_one_container_and_a_folder_for_each(predictor, tmp_path):
    host = host_target().name
    written = aot.compile(predictor.graph, f"{tmp_path}/new/", targets=[host, FOREIGN, "riscv64", host])
    folder = tmp_path / "new"
    assert written[0] == folder / "predictor.gc" and all(path.exists() for path in written)
    assert sorted(path.name for path in folder.iterdir()) == sorted([host, FOREIGN, "riscv64", "predictor.gc"])
    for name in (host, FOREIGN, "riscv64"):
        made = {path.name for path in (folder / name).iterdir()}
        code = {f"predictor{ending}" for ending in c_files.endings(TARGETS[name])}
        assert made == code | {"predictor.h", "predictor_main.c"}
    model = aot.read(folder / "predictor.gc")
    assert model.targets == tuple(t for t in (host, FOREIGN, "riscv64") if c_files.SHARED in c_files.endings(TARGETS[t]))
    for loaded in (graphc.load(folder / "predictor.gc"), graphc.load(folder / host / "predictor.so")):
        assert loaded(predictor.data(5))[0].tobytes() == predictor.answer(5).tobytes()


@pytest.mark.skipif(len(run_by(host_target().name)) < 2, reason="this machine runs code for one target alone")
def test_the_best_code_that_runs_here_is_loaded(predictor, tmp_path, monkeypatch):
    best, *others = run_by(host_target().name)
    aot.compile(predictor.graph, tmp_path / "m.gc", targets=[others[-1], best])
    assert {"library:" + name for name in (best, others[-1])} <= set(Container.open(tmp_path / "m.gc").names)
    used = []
    through = aot.load.__globals__["from_sections"]
    monkeypatch.setitem(aot.load.__globals__, "from_sections", lambda c, name: used.append(name) or through(c, name))
    assert graphc.load(tmp_path / "m.gc")(predictor.data(3))[0].tobytes() == predictor.answer(3).tobytes()
    assert used == [best]


def test_one_target_is_beside_the_container(predictor, tmp_path):
    aot.compile(predictor.graph, tmp_path / "m.gc", targets=[FOREIGN])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.a", "m.gc", "m.h", "m.o", "m.so", "m_main.c"]


def test_files_of_another_compilation_stay_and_are_named(predictor, tmp_path):
    notes = []
    for target in (FOREIGN, "wasm32", "wasm32"):
        aot.compile(predictor.graph, tmp_path / "m.gc", targets=[target], separate_weights=target == FOREIGN, on_note=notes.append)
    assert len({*tmp_path.iterdir()}) == 9 and len(notes) == 2 and notes[0] == notes[1]
    others = ", ".join([str(tmp_path / name) for name in ("m.so", "m.weights", "m_main.c")])
    assert notes[0] == f"not of this compilation, and left as they were: {others}"


def test_no_device_or_pipe_is_replaced(predictor, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for write in (graphc.export, aot.save):
        with pytest.raises(FileExistsError, match="A device or pipe is there"):
            write(predictor.graph, tmp_path / "pipe")
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"] and (tmp_path / "pipe").is_fifo()


def test_nothing_is_left_where_one_target_fails(predictor, tmp_path, monkeypatch):
    (tmp_path / "m.gc").write_text("old")
    module = importlib.import_module("graphc.compile")
    through = module.lower_graph

    def lower(graph, options, notes):
        if options.target == FOREIGN:
            raise CompileError("no code")
        return through(graph, options, notes)

    monkeypatch.setattr(module, "lower_graph", lower)
    for output in (tmp_path / "m.gc", f"{tmp_path}/new/folder/"):
        with pytest.raises(CompileError):
            aot.compile(predictor.graph, output, targets=[host_target().name, FOREIGN])
    assert [p.name for p in tmp_path.iterdir()] == ["m.gc"] and (tmp_path / "m.gc").read_text() == "old"


def test_nothing_is_left_where_a_file_cannot_be_written(predictor, tmp_path):
    (tmp_path / FOREIGN / "m.h").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        aot.compile(predictor.graph, tmp_path / "m.gc", targets=["x86-64", FOREIGN])
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == [FOREIGN, f"{FOREIGN}/m.h"]


def test_the_command_line(tmp_path, capsys):
    graph = tmp_path / "g.txt"
    graph.write_text("graph @g(%x: f32[n]) {\n  %add0: f32[n] = add(%x, %x)\n  return %add0\n}\n")
    assert main(["compile", str(graph), "-o", f"{tmp_path}/all", "--target", "all", "--opt", "checks=off", "--opt", "skip=simplify,lay_out"]) == 0
    assert {p.name for p in (tmp_path / "all").iterdir()} == {*TARGETS, "g.gc"}
    manifest = json.loads(bytes(Container.open(tmp_path / "all" / "g.gc")["manifest"]))
    assert manifest["checks"] is False
    (y,) = graphc.load(tmp_path / "all" / "g.gc")(np.ones(3, np.float32))
    assert y.tolist() == [2, 2, 2]
    capsys.readouterr()
    for option, words in (
        ("fastmath=true", "no option 'fastmath'; those that can be given are fast_math, checks, allow, skip"),
        ("skip=simplfy", "skip: there is no 'simplfy'; there are inline_calls, "),
        ("allow=all", "allow: there is no 'all'; there are fold_norm, sum_order, integer_products"),
        ("checks=maybe", "give checks=true or checks=false"),
    ):
        assert main(["compile", str(graph), "-o", f"{tmp_path}/none/", "--opt", option]) == 1
        assert words in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_wrong_arguments_are_explained(predictor, tmp_path):
    for words, given in {
        "no target 'z80'; known: x86-64": {"targets": ["z80"]},
        "must be a list of names": {"targets": "aarch64"},
        "no option 'fast'": {"fast": True},
        "entries are for FILE.py": {"entry": ["predict"]},
        "neither": {"weights": "m.gc"},
    }.items():
        with pytest.raises(UsageError, match=words):
            aot.compile(predictor.graph, f"{tmp_path}/new/", **given)
    assert not (tmp_path / "new").exists()
