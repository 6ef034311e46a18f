"""Damaged containers: what the mutation run of tools/fuzz_containers.py has found, and a short run of it."""

import json

import numpy as np
import pytest

from graphc import aot
from graphc.compile import compile_graph
from graphc.compile_sources import recall, remember
from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims.table import apply
from graphc.runtime.cache import DiskCache
from graphc.runtime.container import Container, encode
from graphc.runtime.host import host_target
from tools import fuzz_containers


def test_a_short_run(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path / "cache")
    monkeypatch.setattr(fuzz_containers, "default_cache", lambda: cache)
    monkeypatch.setattr("graphc.compile.default_cache", lambda: cache)
    fuzz_containers.make_models(tmp_path)
    assert (tmp_path / "cached0.gc").exists()
    counts, failures = fuzz_containers.run(tmp_path, range(500))
    assert failures == []
    assert sum(counts.values()) == 500 and counts["raw refused"] > 150 and counts["sealed refused"] > 30, counts


def rewritten(path, out, **changed):
    """A container with other sections and the right checksums; colons in names are spelled ``__``."""
    opened = Container.open(path)
    sections = {name: bytes(opened[name]) for name in opened.names}
    for name, value in changed.items():
        sections[name.replace("__", ":")] = value
    out.write_bytes(b"".join(encode(sections)))
    return out


def host_graph():
    x = input_node("x", Type(dt.f64, (3, 3)))
    return Graph("g", (x,), (apply("cholesky", apply("add", x, x)),))


@pytest.fixture(scope="module")
def with_host_step(tmp_path_factory):
    return aot.save(host_graph(), tmp_path_factory.mktemp("host") / "h.gc")


@pytest.mark.parametrize("allow", [1, 1.5, True, None, {"a": 1}, "tanh"])
def test_names_that_are_no_list(saved, tmp_path, allow):
    manifest = Container.open(saved).json("manifest")
    path = rewritten(saved, tmp_path / "m.gc", manifest=json.dumps({**manifest, "allow": allow}))
    with pytest.raises(FormatError, match="m.gc.*'allow'"):
        aot.load(path)


def test_every_message_names_the_file_and_the_section(saved, with_host_step, tmp_path):
    target = host_target().name
    program = {f"program__{target}": "program @x {\n"}
    with pytest.raises(FormatError, match=f"m.gc: section 'program:{target}': line"):
        aot.load(rewritten(saved, tmp_path / "m.gc", **program))
    with pytest.raises(FormatError, match=f"n.gc: section 'program:{target}' holds a Graph"):
        aot.load(rewritten(saved, tmp_path / "n.gc", **{f"program__{target}": str(host_graph())}))
    with pytest.raises(FormatError, match="g.gc: section 'graph': line 1"):
        aot.read(rewritten(saved, tmp_path / "g.gc", graph="graph @f(")).graph  # noqa: B018
    for k, early in enumerate(("5", "[[]]", "[1]", "[-1]", "[true]", "{}", "nil")):
        with pytest.raises(FormatError, match=f"e{k}.gc: section 'early:{target}'"):
            aot.load(rewritten(with_host_step, tmp_path / f"e{k}.gc", **{f"early__{target}": early}))
    for k, row in enumerate((["f32", [1], -4, 4], ["f32", [1], 0, 400], ["f9", [1], 0, 4], 5, ["f32", [2], 0, 4])):
        table = {f"table__{target}": json.dumps({"0123": row}), f"blobs__{target}": bytes(8)}
        with pytest.raises(FormatError, match=f"t{k}.gc: section 'table:{target}'"):
            aot.load(rewritten(with_host_step, tmp_path / f"t{k}.gc", **table))


@pytest.mark.parametrize("there, gone", [("cholesky(add0)", "cholesky(gone)"), ("-> (cholesky0)", "-> (gone)")])
def test_a_host_step_of_a_buffer_that_is_not_there(with_host_step, tmp_path, there, gone):
    section = f"program:{host_target().name}"
    text = Container.open(with_host_step).text(section)
    assert there in text
    path = rewritten(with_host_step, tmp_path / "m.gc", **{section.replace(":", "__"): text.replace(there, gone)})
    with pytest.raises(FormatError, match=f"m.gc: section '{section}': a step of cholesky on the host needs the buffer gone"):
        aot.load(path)


@pytest.mark.parametrize("change, words", [
    (("arena", "donates(0->1)\n  arena"), "1 inputs and 1 outputs"),
    (("f32[pixels_0_0,64]", "f32[n,64]"), "n is no symbol"),
    (("f32[pixels_0_0,64]", "f32[pixels_0_0*2,64]"), "is no symbol"),
    (("f32[pixels_0_0,64]", f"f32[{','.join('1' * 70)}]"), "rank 70"),
    (("= constant 0", "= constant 1000000"), "does not lie within"),
])  # fmt: skip
def test_a_signature_that_no_call_could_fit(saved, tmp_path, change, words):
    target = host_target().name
    text = Container.open(saved).text(f"program:{target}")
    assert change[0] in text
    with pytest.raises(FormatError, match=f"m.gc: section 'program:{target}': .*{words}"):
        aot.load(rewritten(saved, tmp_path / "m.gc", **{f"program__{target}": text.replace(*change, 1)}))


def test_constants_that_are_too_short(saved, tmp_path):
    constants = bytes(Container.open(saved)[f"constants:{host_target().name}"])
    with pytest.raises(FormatError, match="m.gc: .*does not lie within"):
        aot.load(rewritten(saved, tmp_path / "m.gc", **{f"constants__{host_target().name}": constants[: len(constants) // 2]}))


@pytest.mark.parametrize("size", [float("inf"), float("nan"), 10**30, -1, None, [], "9" * 5000])
def test_sizes_of_weights_that_are_none(saved, tmp_path, size):
    manifest = Container.open(saved).json("manifest")
    next(iter(manifest["weights"].values()))["bytes"] = size
    with pytest.raises(FormatError, match="m.gc: weight"):
        aot.read(rewritten(saved, tmp_path / "m.gc", manifest=json.dumps(manifest))).blobs()


def test_a_program_that_its_code_does_not_have(saved, tmp_path):
    target = host_target().name
    text = Container.open(saved).text(f"program:{target}").replace("program @predictor", "program @other")
    with pytest.raises(Exception, match="m.gc: the code for .* has no symbol 'gc_other"):
        aot.load(rewritten(saved, tmp_path / "m.gc", **{f"program__{target}": text}))


def test_a_cached_entry_of_another_meaning_is_made_anew(tmp_path, monkeypatch):
    """Its checksums fit, so the cache hands it out; what reads it must not fail for that."""
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("graphc.compile.default_cache", lambda: DiskCache(tmp_path / "cache"))
    x = input_node("x", Type(dt.f32, (5,)))
    graph = Graph("g", (x,), (apply("add", x, x),))
    compile_graph(graph)
    (entry,) = (tmp_path / "cache").glob("*.gc")
    rewritten(entry, entry, **{f"program__{host_target().name}": "nothing"})
    np.testing.assert_array_equal(compile_graph(graph)(np.ones(5, np.float32))[0], np.full(5, 2, np.float32))
    assert Container.open(entry).text(f"program:{host_target().name}").startswith("program @g")


@pytest.mark.parametrize("source", ["[]", "7", "{}", '{"program": 7, "lines": [], "note": {}}', '{"program": "../x", "lines": [], "note": {}}', "nil"])
def test_a_note_of_another_meaning_is_missing(tmp_path, monkeypatch, source):
    monkeypatch.setattr("graphc.compile_sources.default_cache", lambda: DiskCache(tmp_path / "cache"))
    remember({"model": "m"}, ("ir",), Options(), {"kept": 1}, None)
    assert recall({"model": "m"}, ("ir",), Options()) == (None, {"kept": 1})
    (entry,) = (tmp_path / "cache").glob("*.gc")
    rewritten(entry, entry, source=source)
    assert recall({"model": "m"}, ("ir",), Options()) is None
