"""tools/irdump.py: all stages as files, from which each graph can be compiled again."""

import re

import numpy as np
import pytest

from graphc import aot, cli
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.parser import parse
from graphc.ir.program import Program
from graphc.ir.type import Type
from graphc.prims import contract
from graphc.prims.table import apply
from tools import irdump


@pytest.fixture(scope="module")
def dumped(tmp_path_factory):
    """A model's container, and the folder with its stages."""
    folder = tmp_path_factory.mktemp("dumped")
    x = input_node("x", Type(dt.f32, (symbol("n"), 6)))
    w = const(np.arange(24, dtype=np.float32).reshape(6, 4) / 7)
    y = apply("neg", apply("neg", contract.dot(apply("abs", x), w)))
    path = aot.save(Graph("net", (x,), (apply("tanh", y),), names=("y",)), folder / "net.gc")
    assert irdump.main([str(path), "--out", str(folder / "stages")]) == 0
    return path, folder / "stages"


def test_the_files(dumped):
    _, folder = dumped
    names = sorted(p.name for p in folder.iterdir())
    assert names[0] == "00-traced.txt" and names[-3:] == ["module.ll", "module.s", "program.txt"]
    assert re.fullmatch(r"\d\d-optimised.txt", names[-4]) and any(name.endswith("-simplify.txt") for name in names)
    assert "@gc_net" in (folder / "module.ll").read_text() and "gc_net" in (folder / "module.s").read_text()
    assert "program @net" in (folder / "program.txt").read_text()
    assert isinstance(parse((folder / "program.txt").read_text(), _constants(dumped[0])), Program)


def _constants(path):
    return {m.constants.digest: np.frombuffer(m.constants.view, np.uint8) for m in [irdump.kept(path).program]}


def test_each_graph_and_the_program_can_be_compiled_again(dumped, tmp_path):
    path, folder = dumped
    array = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    (right,) = aot.load(path)(array)
    graphs = sorted(folder.glob("[0-9]*.txt"))
    assert len(graphs) > 2
    for text in (*graphs, folder / "program.txt"):
        assert cli.main(["compile", str(text), "--weights", str(path), "-o", str(tmp_path / "again.gc")]) == 0
        (found,) = aot.load(tmp_path / "again.gc")(array)
        assert np.array_equal(found, right), text.name


def test_every_pass_if_wanted(dumped, tmp_path, capsys):
    path, folder = dumped
    assert irdump.main([str(path), "--out", str(tmp_path), "--all"]) == 0
    some, every = ({p.name for p in f.iterdir()} for f in (folder, tmp_path))
    assert some < every and len([n for n in every if n[0].isdigit()]) == 2 + len(irdump.kept(path).record.passes)
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "00-traced.txt")


def test_one_stage(dumped, capsys):
    path, folder = dumped
    assert irdump.main([str(path), "simplify"]) == 0
    assert capsys.readouterr().out.strip() == next(folder.glob("*-simplify.txt")).read_text().strip()
    assert irdump.main([str(path), "simplfy"]) == 1
    assert "irdump.py: no stage 'simplfy'; did you mean simplify?" in capsys.readouterr().err
    for wrong in ([str(path)], [str(path), "traced", "--out", "there"]):
        with pytest.raises(SystemExit):
            irdump.main(wrong)
    assert irdump.main(["absent.gc", "traced"]) == 1
