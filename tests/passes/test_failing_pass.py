"""A pass that fails: the message begins with it, and the inspector shows how far the others got."""

import pytest

from graphc import cli
from graphc.compile import compile_graph
from graphc.errors import CompileError, GraphError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import make
from graphc.ir.type import Type
from graphc.options import Options
from graphc.passes import pipeline
from graphc.prims.table import apply

TEXT = "graph @two(%x: f32[4]) {\n  %a: f32[4] = neg(%x)\n  %b: f32[4] = neg(%a)\n  return %b\n}\n"


def graph():
    x = input_node("x", Type(dt.f32, (4,)))
    return Graph("two", (x,), (apply("neg", apply("neg", x)),))


def replaced(monkeypatch, fails):
    monkeypatch.setattr(pipeline, "keep_grids", fails)


def test_errors_of_users_keep_their_kind(monkeypatch):
    def fails(graph):
        raise ShapeError("sizes do not fit")

    replaced(monkeypatch, fails)
    with pytest.raises(ShapeError, match="^pass fails of graph two: sizes do not fit$") as found:
        compile_graph(graph(), Options(cache=False))
    assert str(found.value.__cause__) == "sizes do not fit"


def test_mistakes_of_a_pass_are_errors_of_the_compiler(monkeypatch):
    def fails(graph):
        return {}["axis"]

    replaced(monkeypatch, fails)
    with pytest.raises(CompileError, match="^pass fails of graph two failed: KeyError: 'axis'$") as found:
        compile_graph(graph(), Options(cache=False))
    assert isinstance(found.value.__cause__, KeyError)


def test_illegal_graphs_are_laid_to_the_pass(monkeypatch):
    def fails(graph):
        return graph.with_roots((make("neg", graph.inputs, (), Type(dt.f32, (5,))),))

    replaced(monkeypatch, fails)
    with pytest.raises(GraphError, match="^pass fails of graph two: "):
        compile_graph(graph(), Options(cache=False))


def test_the_inspector_shows_the_passes_before_it(monkeypatch, tmp_path, capsys):
    def fails(graph):
        raise ShapeError("sizes do not fit")

    replaced(monkeypatch, fails)
    path = tmp_path / "two.txt"
    path.write_text(TEXT)

    def said(*options):
        assert cli.main(["inspect", str(path), *options]) == 1
        found = capsys.readouterr()
        assert "pass fails of graph two: sizes do not fit" in found.err
        return found.out

    assert "simplify" in said("--passes") and "settle_guards" not in said("--passes", "--all")
    assert said("--diff", "settle_guards") == said("--stage", "optimised") == said() == ""
    for options, line in ((("--stage", "traced"), "neg"), (("--stage", "simplify"), "return %x"), (("--diff", "simplify"), "-  %neg1")):
        assert cli.main(["inspect", str(path), *options]) == 0
        assert line in capsys.readouterr().out
