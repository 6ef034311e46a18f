"""The neighbourhood of a value, and graphs as DOT and Mermaid."""

import argparse
import re
import shutil
import subprocess

import pytest

from graphc.errors import UsageError, scoped
from graphc.inspect import command
from graphc.inspect.draw import MOST, boxes, dot_text, mermaid_text
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.neighbours import neighbours
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims.control import loop
from graphc.prims.table import apply
from tests.inspect.scoped_net import scoped_net


@pytest.fixture(scope="module")
def stages():
    return Stages(scoped_net(6))


@pytest.fixture(scope="module")
def sizes(stages):
    return Sizes(stages.program.signature)


def names_in(text):
    return re.findall(r"^[> ] +%(\w+):", text, re.M)


def test_neighbours_go_both_ways(stages):
    text = neighbours(stages, "exp0", "traced", 1)
    assert names_in(text) == ["dot0", "exp0", "add0"]
    assert [line for line in text.splitlines() if line.startswith(">")] == [
        line for line in text.splitlines() if "= exp(" in line
    ]
    assert names_in(neighbours(stages, "%exp0", "traced", 2)) == ["x", "const0", "dot0", "exp0", "add0", "sqrt0"]
    assert names_in(neighbours(stages, "exp0", "traced", 0)) == ["exp0"]
    assert re.search(r"> +%x: f32\[batch,6\] \(input\)", neighbours(stages, "x", None, 1))
    assert neighbours(stages, "neg1", "traced", 0).endswith("output answer")


def test_neighbours_beside_nested_graphs():
    x, k = input_node("x", Type(dt.f32, (8,))), input_node("k", INDEX)
    body = Graph("body", (k, x), (apply("exp", x),))
    stages = Stages(Graph("g", (x,), (apply("sin", loop(x, count=5, carries=1, scanned=0, body=body)),)))
    text = neighbours(stages, "sin0", "traced", 1)
    assert names_in(text) == ["loop0", "sin0"] and "count=5" in text


def test_neighbours_that_are_not_there(stages):
    with pytest.raises(UsageError, match="the optimised graph has no value 'exp7'; it has exp0"):
        neighbours(stages, "exp7", None, 1)
    with pytest.raises(UsageError, match="the optimised graph has no value 'sqtr0'; it has sqrt0"):
        neighbours(stages, "sqtr0", None, 1)
    with pytest.raises(UsageError, match="stage llvm is no graph; graphs are traced, optimised"):
        neighbours(stages, "exp0", "llvm", 1)


def test_dot_has_clusters_and_shapes(stages, sizes):
    text = dot_text(stages.graph, sizes)
    assert text.startswith('digraph "net" {') and text.count("{") == text.count("}")
    assert re.search(r'subgraph cluster_1 \{\n +label="net";\n +subgraph cluster_2 \{\n +label="dense";\n +b\d+ \[label="dot0\\nf32\[n,4\]"', text)
    assert 'label="answer\\nf32[n,4]"' in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it(stages, sizes):
    text = dot_text(stages.graph, sizes).replace("answer", 'a \\"quoted\\" answer')
    drawn = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True)
    assert drawn.returncode == 0 and not drawn.stderr and "sqrt0" in drawn.stdout


def test_mermaid_has_subgraphs(stages, sizes):
    text = mermaid_text(stages.graph, sizes)
    assert text.startswith("flowchart TD\n")
    assert text.count("subgraph ") == text.count("\n  end") + text.count("\n    end") == 3
    numbers = dict(re.findall(r'(b\d+)\["(\w+)', text))
    arrows = [(numbers[a], numbers[b]) for a, b in re.findall(r"(b\d+) --> (b\d+)", text)]
    assert ("dot0", "exp0") in arrows and ("x", "dot0") in arrows and ("neg1", "answer") in arrows


def test_signs_in_labels_are_escaped():
    x = input_node('a "b" <c>', Type(dt.f32, (3,)))
    stages = Stages(Graph("g", (x,), (apply("exp", x),)))
    sizes = Sizes(stages.program.signature)
    assert r'label="a \"b\" <c>\nf32[3]"' in dot_text(stages.graph, sizes)
    assert '["a #quot;b#quot; #lt;c#gt;<br>f32[3]"]' in mermaid_text(stages.graph, sizes)


def test_large_graphs_are_drawn_by_scope():
    x = input_node("x", Type(dt.f32, (3,)))
    y = x
    for layer in range(30):
        for part in range(8):
            with scoped(f"net/layer{layer}/part{part}"):
                y = apply("sin", y)
    graph = Graph("g", (x,), (y,))
    made, arrows = boxes(graph, Sizes(Stages(graph).program.signature))
    groups = [b.lines for b in made if b.kind == "group"]
    assert ("net/layer7", "8 values") in groups and len(made) <= MOST and len(groups) == 31
    assert set(arrows.values()) == {"f32[3]", ""} and len(arrows) == 31


def test_a_stage_is_shown_though_lowering_fails(monkeypatch, capsys):
    def fail(self):
        raise AssertionError("lowered")

    monkeypatch.setattr(Stages, "program", property(fail))
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    command.add_arguments(parser)
    for view in (["--stage", "traced"], ["--passes"], ["--node", "exp0"], ["--diff", "simplify"]):
        assert command.inspect(parser.parse_args(["m", *view]), lambda _: (scoped_net(6), Options())) == 0
    assert "graph @net(" in capsys.readouterr().out
