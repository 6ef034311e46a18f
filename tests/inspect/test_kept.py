"""What a file holds of a compilation is shown without compiling, and as if it had been compiled."""

import os
import re
import zlib

import numpy as np
import pytest

from graphc import aot, cli
from graphc.compile import KERNELS, RECORD, compile_graph, target_of
from graphc.errors import FormatError, UsageError
from graphc.inspect import command, show
from graphc.inspect.kept import kept
from graphc.inspect.report import report
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.values import named_values
from graphc.ir import dtype as dt
from graphc.ir.data import Data, Named
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel_section import kernel_section, read_kernels
from graphc.ir.machine import machine_of
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims import contract
from graphc.prims.control import loop
from graphc.prims.table import apply
from graphc.runtime.container import Container, encode

VIEWS = (
    "--kernels --memory --dot --mermaid --diff --stat --passes",
    "--stage traced", "--stage optimised", "--at simplify.2", "--stage program", "--stage llvm", "--kernel dot0",
    "--kernel dot0 --as llvm", "--kernel dot0 --as asm", "--why dot0", "--why @dot0 --as llvm", "--node dot0 --stage traced", "--diff simplify",
)  # fmt: skip


def model():
    """A product with weights, a loop, and what passes have something to do for."""
    x, k = input_node("x", Type(dt.f32, (symbol("rows"), 6))), input_node("k", INDEX)
    w = const(np.arange(24, dtype=np.float32).reshape(6, 4) / 3)
    y = contract.dot(apply("neg", apply("neg", x)), w)
    row = input_node("row", y.type)
    body = Graph("body", (k, row), (apply("exp", row),))
    return Graph("net", (x,), (apply("sqrt", loop(y, count=3, carries=1, scanned=0, body=body)),), names=("answer",))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(aot.save(model(), tmp_path_factory.mktemp("kept") / "net.gc"))


@pytest.fixture(scope="module")
def both(path):
    return kept(path), Stages(model())


def shown(capsys, *arguments):
    assert cli.main(["inspect", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("view", [*VIEWS[0].replace("--diff --stat", "--diff").split(), "--diff --stat", *VIEWS[1:]])
def test_a_view_is_the_same_from_the_file_and_compiled(path, view, monkeypatch, capsys):
    found = shown(capsys, path, *view.split())
    monkeypatch.setattr(command, "kept", lambda *_: None)
    compiled = shown(capsys, path, *view.split())
    if view == "--passes":  # times are not in files
        assert " ms" not in found
        compiled = re.sub(r" +[0-9.]+ ms$| +time$", "", compiled, flags=re.M)
    assert found == compiled and len(found) > 3


def test_the_summary_and_its_numbers_need_no_compiler(path, both, monkeypatch, capsys):
    def refuse(*_):
        raise AssertionError("this compiles again")

    monkeypatch.setattr(command, "Stages", refuse)
    text = shown(capsys, path, "--fail-if", "nodes < 1")
    assert f"code: {len(Container.open(path)[f'library:{both[0].target.name}']) / 1024:.1f} KiB for " in text and "%" not in text
    assert "dot" in text and "n is axis 0 of x" in text
    found, made = (report(s, Sizes(s.program.signature)) for s in both)
    assert found.pop("cache") == {"state": "file", "digest": None, "path": path} and made.pop("cache")["digest"]
    for one in (found, made):
        assert all((p.pop("seconds") is None) == (one is found) for p in one["passes"])
        for at in (at for k in one["kernels"] for at in k["locations"]):
            at["file"] = os.path.basename(at["file"])  # all that the text of a graph says
    assert found == made


def test_every_graph_is_there_without_its_weights(both):
    found, made = both
    assert [p.name for p in found.passes] == [p.name for p in made.passes]
    for a, b in zip(found.passes, made.passes):
        assert (len(a.after.nodes), a.changed) == (len(b.after.nodes), b.changed)
    (weights,) = [n for n in found.graph.nodes if n.op == "const" and n.shape == (6, 4)]
    assert isinstance(weights.attr("value"), Named) and not weights.attr("value").is_splat
    blobs = {}
    graph_text(made.graph, blobs)
    assert weights.attr("value").digest in blobs


def test_values_have_the_names_of_the_record_in_every_stage(both):
    for stages in both:
        for stage in ("traced", "optimised", *(p.name for p in stages.passes)):
            graph, names, lines = named_values(stages, stage)
            assert len(set(names.values())) == len(names) == len({*graph.inputs, *graph.nodes})
            for node, line in lines.items():
                assert line.startswith(f"  %{names[node]}: {node.type} = {node.op}(")


def test_what_has_no_weights_is_never_compiled(both, tmp_path):
    for use in (compile_graph, lambda graph: aot.save(graph, tmp_path / "m.gc"), lambda graph: Stages(graph).program):
        with pytest.raises(UsageError, match="net was read without its weights, to be looked at; it cannot be compiled"):
            use(both[0].graph)
    assert not (tmp_path / "m.gc").exists()


def test_other_constants_of_one_shape_are_other_values():
    text = "graph @g() {{\n  %a: f32[3,4] = const(#f32[3,4]:{})\n  return %a\n}}\n"
    one, other = (parse(text.format(digest * 16), named=True) for digest in "ab")
    assert one != other and one == parse(text.format("a" * 16), named=True)
    assert str(one) == text.format("a" * 16).replace("%a", "%const0")
    with pytest.raises(FormatError, match="is not among the blobs given"):
        parse(text.format("a" * 16))
    with pytest.raises(FormatError, match="is not of type"):
        parse(text.format("a" * 16).replace("%a: f32[3,4]", "%a: f32[4,3]"), named=True)
    assert Named(np.dtype("f4"), (3,), "a" * 16) != Data(np.zeros(3, np.float32))


def test_an_entry_of_the_cache_has_all_views(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("GRAPHC_CACHE", raising=False)
    compile_graph(model(), Options(machine=machine_of({"tile_rows": 4})))
    (entry,) = [str(p) for p in tmp_path.glob("*.gc") if any(RECORD in name for name in Container.open(p).names)]
    text = shown(capsys, entry)
    assert "graph net" in text and "tuned: tile_rows=4" in text and " 24 " in text
    assert shown(capsys, entry, "--kernel", "dot0").startswith("kernel @dot0(")
    assert cli.main(["inspect", entry, "--profile"]) == cli.main(["inspect", entry, entry, "--diff"]) == 1
    assert capsys.readouterr().err.count("is an entry of the cache: its code and record can be looked at") == 2


def test_a_file_for_another_machine_is_shown_as_it_is(tmp_path, capsys):
    path = str(aot.save(model(), tmp_path / "m.gc", Options(target="aarch64")))
    assert "program for aarch64" in shown(capsys, path)
    assert "program for x86-64\n" in shown(capsys, path, "--kernels", "--target", "x86-64").replace(":", "\n")


def test_what_a_file_without_code_lacks_is_for_the_target_that_it_tells(tmp_path, capsys):
    name = str(aot.save(model(), tmp_path / "net.gc", Options(target="wasm32")))
    assert not kept(name).has_program
    assert "program for wasm32:" in shown(capsys, name)
    assert shown(capsys, name, "--stage", "program") == shown(capsys, name, "--stage", "program", "--target", "wasm32")
    shown(capsys, name, "--html", str(tmp_path / "net.html"))
    assert shown(capsys, name, "--json", "--target", "x86-64-v3").count('"target": "x86-64-v3"') == 1


def test_kernels_are_shown_without_their_operations_where_these_were_not_noted(path):
    found = kept(path)
    found.record.lowering = None
    assert found.launched == {} and "dot0" in show.kernels(found, Sizes(found.program.signature))


@pytest.mark.parametrize("section", [RECORD, KERNELS, "program:"])
@pytest.mark.parametrize("content", [b"", b"graph", zlib.compress(b"kernel @"), zlib.compress(b"\xff")])
def test_damage_is_told(path, tmp_path, capsys, section, content):
    container = Container.open(path)
    name = section + target_of(Options()).name
    changed = {n: content if n == name else bytes(container[n]) for n in container.names}
    (tmp_path / "m.gc").write_bytes(b"".join(encode(changed)))
    assert cli.main(["inspect", str(tmp_path / "m.gc")]) == 1
    said = capsys.readouterr().err
    assert "FormatError" in said and "m.gc: " in said


def test_kernels_read_back(path, both):
    kernels = both[1].program.kernels
    assert read_kernels(Container.open(path)[KERNELS + both[0].target.name]) == kernels
    assert read_kernels(kernel_section(())) == ()
