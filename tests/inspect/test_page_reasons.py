"""Reasons in the page, and pages of what files hold: as `--why` and `--memory` tell them, and without compiling."""

from pathlib import Path

import numpy as np
import pytest
from page_models import made, network_stages, unpacked

from graphc import aot
from graphc.cli import main, page
from graphc.compile import RECORD, compile_graph
from graphc.errors import Location, located
from graphc.inspect.kept import Kept, kept
from graphc.inspect.stages import Stages
from graphc.inspect.why import why
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.printer import graph_text
from graphc.ir.type import Type
from graphc.prims import contract
from graphc.prims.control import loop
from graphc.prims.table import apply
from graphc.runtime.container import Container


def small(columns=6):
    """Rules that replace something, a product with weights, and a loop, whose body has values of its own."""
    x, k = input_node("x", Type(dt.f32, (symbol("rows"), columns))), input_node("k", INDEX)
    y = contract.dot(apply("neg", apply("neg", x)), const(np.arange(4 * columns, dtype=np.float32).reshape(columns, 4) / 3))
    row = input_node("row", y.type)
    body = Graph("body", (k, row), (apply("tanh", apply("exp", row)),))
    return Graph("net", (x,), (apply("sqrt", loop(y, count=3, carries=1, scanned=0, body=body)),), names=("answer",))


@pytest.fixture(scope="module")
def stages():
    return network_stages()


@pytest.fixture(scope="module")
def model(stages):
    return unpacked(made(stages), "model")


def of_values(model, key):
    """What the page says of the values of the graph after the passes, by name."""
    after = next(g for g in model["graphs"] if g["stage"] == "optimised" and g["main"])
    return dict(zip(after["name"], after[key])), after


def test_the_fate_of_a_value_is_what_why_tells(stages, model):
    fates, after = of_values(model, "fate")
    assert fates["x"] == -1  # an input is known to be one
    told = {name: model["sentences"][k] for name, k in fates.items() if k >= 0}
    assert len({text.partition(":")[0] for text in told.values()}) > 1
    for name in ("max0", "dot0", "broadcast3"):
        assert f"%{name}  {told[name]}" in why(stages.whole_record, name, {})
    pairs = {(after["name"][a], after["name"][b]): model["sentences"][k] for k, a, b in after["apart"]}
    assert pairs and pairs == stages.whole_record.lowering.graphs["network"].apart
    assert len(model["sentences"]) == len(set(model["sentences"])) < 40


def test_memory_has_its_reasons(stages, model):
    known = stages.whole_record.lowering
    for key, wanted in (("over", known.memory), ("separate", known.separate)):
        assert wanted and {(a, b): model["sentences"][k] for a, b, k in model["memory"][key]} == wanted


def test_what_replaced_a_value_is_told_with_pass_and_rule(stages, model):
    names = [p[0] for p in model["passes"]]
    assert len(model["replaced"]) == len(names) + 1  # lowering is the last
    told = {(old, tuple(new)): model["sentences"][how] for _, old, new, how in model["replaced"][names.index("move_less")]}
    assert told["reshape1", ("reduce1",)] == "by the rule reshape_of"
    assert "%reshape1 -> %reduce1, by the rule reshape_of" in why(stages.whole_record, "reshape1", {})
    (found,) = model["replaced"][names.index("unify_dims")]
    assert found[1:3] == ["ensure0", ["y"]] and model["sentences"][found[3]] == "which is read instead"


def test_values_of_graphs_inside_have_reasons():
    model = unpacked(made(Stages(small())), "model")
    body = next(g for g in model["graphs"] if g["stage"] == "optimised" and not g["main"])
    assert any(k >= 0 and model["sentences"][k].startswith("an array: ") for k in body["fate"])
    assert any(kernel["values"] and kernel["values"][0][0] == model["graphs"].index(body) for kernel in model["kernels"])


def as_read():
    """A graph that no other test makes, with lines as files tell them: equal values have the line that made them first."""
    with located(Location("m.py", 8, "block")):
        return small(columns=5)


def test_the_page_of_a_file_is_that_of_compiling(tmp_path, monkeypatch):
    path, out = str(aot.save(as_read(), tmp_path / "m.gc")), tmp_path / "out.html"
    command = ["inspect", path, "--html", str(out)]
    with monkeypatch.context() as patched:
        patched.setattr(page, "Stages", None)
        patched.setattr(page, "graph_of", None)
        assert main(command) == 0
    found = out.read_text()
    monkeypatch.setattr(page, "in_file", lambda _: None)
    assert main(command) == 0
    compiled = out.read_text()
    for block in ("model", "code"):
        assert unpacked(found, block) == unpacked(compiled, block)
    assert set(unpacked(found, "times")["passes"]) == {None} and None not in unpacked(compiled, "times")["passes"]


def test_the_page_of_a_file_needs_no_llvm(tmp_path, monkeypatch):
    def missing(self, text):
        raise ImportError("No module named 'llvmlite'")

    path = aot.save(small(), tmp_path / "m.gc")
    monkeypatch.setattr(Kept, "_assembled", missing)
    codes = unpacked(made(kept(path)), "code")
    assert codes and all(loops and "define" in llvm and assembly is None for loops, llvm, assembly in codes.values())


def test_an_entry_of_the_cache_has_a_page_with_times(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("GRAPHC_CACHE", raising=False)
    compile_graph(small())
    (entry,) = [str(p) for p in tmp_path.glob("*.gc") if any(RECORD in name for name in Container.open(p).names)]
    monkeypatch.setattr(page, "Stages", None)
    assert main(["inspect", entry, "--html", str(tmp_path / "out.html")]) == 0
    text = (tmp_path / "out.html").read_text()
    assert unpacked(text, "model")["name"] == "net" and None not in unpacked(text, "times")["passes"]


def test_a_file_without_reasons_is_compiled(tmp_path, monkeypatch):
    """Such files were written before reasons were noted."""
    path, out = str(aot.save(small(), tmp_path / "m.gc")), tmp_path / "out.html"
    record = kept(path).record
    record.lowering = None
    monkeypatch.setattr(Kept, "record", record)
    assert main(["inspect", path, "--html", str(out)]) == 0
    assert any(unpacked(out.read_text(), "model")["replaced"])


@pytest.mark.parametrize("arguments, said", [
    (["other.gc"], "to compare two: graphc inspect g.txt other.gc --diff"),
    (["other.gc", "--diff"], "to compare two: graphc inspect g.txt other.gc --diff"),
    (["--diff"], "does not go with --diff"), (["--stat"], "does not go with --stat"), (["--stage", "traced"], "does not go with --stage"),
    (["--fail-if", "kernels > 1"], "does not go with --fail-if"), (["--all"], "--all goes with"), (["--as", "llvm"], "--as says how"),
    (["--neighbours", "1"], "--neighbours goes with --node"), (["--trace", "t.json"], "--trace goes with --profile"),
])  # fmt: skip
def test_what_a_page_does_not_go_with_is_refused(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    x = input_node("x", Type(dt.f32, (3, 4)))
    Path("g.txt").write_text(graph_text(Graph("g", (x,), (apply("exp", x),))))
    assert main(["inspect", "g.txt", *arguments, "--html", "out.html"]) == 1
    assert said in capsys.readouterr().err and not Path("out.html").exists()


def test_a_page_is_not_written_over_its_model(tmp_path, capsys):
    path = aot.save(small(), tmp_path / "m.gc")
    before = path.read_bytes()
    assert main(["inspect", str(path), "--html", str(tmp_path / "." / "m.gc")]) == 1
    assert "give the page a name of its own" in capsys.readouterr().err and path.read_bytes() == before
