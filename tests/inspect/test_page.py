"""The page of a compilation as data: what is in it, that it is one file, that no name of a model can break it."""

import base64
import random
import re
from hashlib import sha256
from pathlib import Path

import pytest
from page_models import HOSTILE, Parts, hostile_graph, made, network_stages, unpacked

from graphc.cli import main
from graphc.inspect.page import code as page_code
from graphc.inspect.page.edits import edits
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.work import flat
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.printer import graph_text
from graphc.ir.program import Launch
from graphc.ir.type import Type
from graphc.prims.control import loop
from graphc.prims.table import apply


@pytest.fixture(scope="module")
def stages():
    return network_stages()


@pytest.fixture(scope="module")
def text(stages):
    return made(stages)


@pytest.fixture(scope="module")
def model(text):
    return unpacked(text, "model")


def test_every_value_kernel_and_buffer_is_there(stages, model):
    for stage, graph in (("traced", stages.passes[0].before), ("optimised", stages.optimised)):
        told = next(g for g in model["graphs"] if g["stage"] == stage and g["main"])
        nodes = list(dict.fromkeys((*graph.inputs, *graph.nodes)))
        assert [model["operations"][k][0] for k in told["operation"]] == [n.op for n in nodes]
        assert told["operands"] == [[nodes.index(x) for x in n.inputs] for n in nodes]
        assert len(set(told["name"])) == len(nodes)
    launched = {s.kernel for s in flat(stages.program.steps) if isinstance(s, Launch)}
    assert {k["name"] for k in model["kernels"]} == launched
    assert [b[0] for b in model["memory"]["buffers"]] == [b.name for b in stages.program.buffers]
    assert len(model["memory"]["steps"]) == len(stages.program.steps)
    end = max(b[3] + b[4] for b in model["memory"]["buffers"] if b[2] == "arena")
    assert 0 <= model["memory"]["arena"] - end < 4096 and model["memory"]["arena"] == model["summary"]["arena"]


def test_values_have_the_names_of_the_texts_and_lead_to_kernels_lines_and_buffers(stages, model):
    after = next(g for g in model["graphs"] if g["stage"] == "optimised")
    text = "\n".join(stages.record.at("optimised", locations=False))
    assert all(f"%{name}" in text for name in after["name"] if re.fullmatch(r"\w+", name))
    kernel = next(k for k in model["kernels"] if k["name"] == "dot0")
    names = {after["name"][k] for _, k in kernel["values"]}
    assert "dot0" in names and len(kernel["given"]) == len(kernel["arrays"])
    sources = [model["lines"][line][2] for line in kernel["lines"]]
    assert any('tf.get_variable("w", [64, 512])' in source for source in sources)
    held = {b[0]: after["name"][b[7][1]] for b in model["memory"]["buffers"] if b[7] is not None}
    assert held["x0"] == "x" and held["max0"] == "max0"


def test_texts_of_all_stages_follow_from_the_first(stages, model):
    sizes = Sizes(stages.program.signature)
    lines = model["text"]
    assert lines == [sizes.text(line) for line in stages.record.at("traced", locations=False)]
    for name, _, after, changed, changes in model["passes"]:
        for first, count, new in reversed(changes):
            lines = [*lines[:first], *new, *lines[first + count :]]
        assert lines == [sizes.text(line) for line in stages.record.at(name, locations=False)]
        assert changed or not changes
    assert any(changes for *_, changes in model["passes"])
    assert after == model["summary"]["optimised_nodes"]


def test_edits_are_small():
    before = [f"line {k}" for k in range(100)]
    after = [*before[:40], "new", *before[41:60], *before[63:]]
    assert edits(before, after) == [[40, 1, ["new"]], [60, 3, []]]
    assert edits(before, before) == edits([], []) == []
    assert edits([], ["a"]) == [[0, 0, ["a"]]] and edits(["a", "a"], ["a"]) == [[1, 1, []]]
    assert edits([*"a}", *"b}", "c"], [*"A}", *"b}", "d"]) == [[0, 1, ["A"]], [4, 1, ["d"]]]


def test_edits_lead_from_any_text_to_any_other():
    draw = random.Random(7)
    for _ in range(2000):
        before, after = ([draw.choice("abcdefgh") for _ in range(draw.randrange(9))] for _ in range(2))
        lines = list(before)
        for first, count, new in reversed(edits(before, after)):
            assert count or new
            lines[first : first + count] = new
        assert lines == after


def test_code_of_every_kernel_is_there(stages, text, model):
    codes = unpacked(text, "code")
    assert set(codes) == {k["name"] for k in model["kernels"]}
    loops, llvm, assembly = codes["dot0"]
    assert loops.startswith("kernel @dot0(") and "define" in llvm and "k_dot0" in assembly
    assert "x_0_0" not in loops  # sizes are called as everywhere else in the page


def test_code_of_a_large_program_is_cut(stages, monkeypatch):
    whole = unpacked(made(stages), "code")
    monkeypatch.setattr(page_code, "MOST", sum(map(len, whole["dot4"])) + 10)
    assert set(unpacked(made(stages), "code")) == {"dot4"}  # which computes most


def test_without_llvm_there_is_no_assembly(stages, monkeypatch):
    def missing(self, text):
        raise ImportError("No module named 'llvmlite'")

    monkeypatch.setattr(Stages, "_assembled", missing)
    assert {assembly for _, _, assembly in unpacked(made(stages), "code").values()} == {None}


def test_nothing_is_loaded(text):
    found = Parts(text)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in found.tags}
    assert not {"src", "href", "style", "onclick", "onload"} & {name for _, attrs in found.tags for name in attrs}
    assert not re.search(r"https?:|@import|url\(|\beval\b|innerHTML|outerHTML|insertAdjacentHTML|document\.write|fetch\(|XMLHttpRequest", found.texts["style"] + found.texts["script"])
    policy = next(attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none';")
    for name in ("style", "script"):  # no other script may run
        assert f"{name}-src 'sha256-{base64.b64encode(sha256(found.texts[name].encode()).digest()).decode()}'" in policy


def test_it_is_small(text):
    assert len(text.encode()) < 300_000


def test_one_model_makes_the_same_bytes_but_for_times(stages, text):
    again = made(Stages(stages.graph))
    without = [re.sub(r'(<script type="text/plain" id="data-times">)[^<]*', r"\1", t) for t in (text, again)]
    assert without[0] == without[1]
    assert unpacked(text, "times")["timeline"] is None
    assert len(unpacked(text, "times")["passes"]) == len(stages.record.passes)


def test_hostile_names_stay_text():
    text = made(Stages(hostile_graph()))
    tags = [tag for tag, _ in Parts(text).tags]
    assert tags.count("script") == 4 and "img" not in tags
    model = unpacked(text, "model")
    assert model["name"] == HOSTILE and HOSTILE in model["graphs"][0]["name"]


def test_graphs_inside_are_there():
    x, k = input_node("x", Type(dt.f32, (8,))), input_node("k", Type(dt.i64, ()))
    body = Graph("body", (k, x), (apply("tanh", apply("add", x, x)),))
    model = unpacked(made(Stages(Graph("g", (x,), (loop(x, count=5, carries=1, scanned=0, body=body),)))), "model")
    after = [g for g in model["graphs"] if g["stage"] == "optimised"]
    assert len(after) == 2 and after[0]["label"] == "g" and not after[1]["main"]
    assert list(after[0]["bodies"].values()) == [[after[1]["label"]]]
    assert any(g == len(model["graphs"]) - 1 for kernel in model["kernels"] for g, _ in kernel["values"])  # of the body


def test_values_that_share_names_with_graphs_inside_keep_theirs():
    """Texts with several graphs: the names of each are those of its own lines."""
    x, k = input_node("x", Type(dt.f32, (8,))), input_node("k", Type(dt.i64, ()))
    inner = Graph("inner", (k, x), (apply("exp", x),))
    graph = Graph("g", (x,), (apply("exp", loop(apply("neg", x), count=3, carries=1, scanned=0, body=inner)),))
    model = unpacked(made(Stages(graph)), "model")
    traced = [g for g in model["graphs"] if g["stage"] == "traced"]
    assert traced[0]["name"] == ["x", "neg0", "loop0", "exp0"]
    assert traced[1]["name"][:2] == ["k", "x"] and "exp0" in traced[1]["name"]
    assert "%loop0" in graph_text(graph)


def test_a_row_is_in_use_with_the_buffer_that_it_is_a_row_of():
    x, k, row = input_node("x", Type(dt.f32, (5, 8))), input_node("k", Type(dt.i64, ())), input_node("row", Type(dt.f32, (8,)))
    body = Graph("body", (k, row), (apply("tanh", row),))
    stages = Stages(Graph("g", (x,), (apply("exp", loop(x, count=5, carries=0, scanned=1, body=body)),)))
    rows = [b for b in stages.program.buffers if b.place[0] == "row"]
    memory = unpacked(made(stages), "model")["memory"]
    told = {b[0]: b for b in memory["buffers"]}
    assert rows
    for row in rows:
        whole = told[row.place[1][0]]
        assert whole[5] <= told[row.name][5] and whole[6] >= told[row.name][6]


def test_without_source_no_text_of_lines_is_told(stages):
    model = unpacked(made(stages, source=False), "model")
    assert model["lines"] and all(text == "" for _, _, text in model["lines"])
    assert all("/" not in file for file, *_ in model["lines"])  # and no folders in any case


def test_the_command_writes_one_file(tmp_path, capsys):
    source, out = tmp_path / "g.txt", tmp_path / "out.html"
    x = input_node("x", Type(dt.f32, (3, 4)))
    source.write_text(graph_text(Graph("g", (x,), (apply("exp", x),))))
    assert main(["inspect", str(source), "--html", str(out)]) == 0
    said = capsys.readouterr().out
    assert str(out) in said and "KiB" in said and unpacked(out.read_text(), "model")["name"] == "g"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.txt", "out.html"]
    assert main(["inspect", str(source), "--html", str(tmp_path / "no" / "out.html")]) == 1
    assert main(["inspect", str(source), "--no-source"]) == 1
    assert "goes with --html" in capsys.readouterr().err
    assert main(["inspect", str(source), "--html", str(out), "--json"]) == 1
    assert "does not go with --json" in capsys.readouterr().err


def test_what_the_page_is_made_of_is_installed():
    folder = Path(page_code.__file__).parent
    project = (folder.parents[2] / "pyproject.toml").read_text()
    for file in folder.iterdir():
        assert file.suffix in (".py", "") or f'"inspect/page/*{file.suffix}"' in project, file
