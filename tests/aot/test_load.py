"""Containers: what comes back, in which process, how fast; and what is refused, with which words."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import graphc
from graphc import aot
from graphc.compile import compile_graph
from graphc.errors import CompileError, FormatError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, make
from graphc.ir.type import Type
from graphc.options import INEXACT, Options
from graphc.prims.table import apply
from graphc.runtime.container import Container, encode
from graphc.runtime.host import host_target

FRESH = """
import json, sys, time
import numpy as np
import graphc
from graphc import aot
aot.load(sys.argv[1])
start = time.perf_counter()
predict = aot.load(sys.argv[1])
seconds = time.perf_counter() - start
(y,) = predict(np.load(sys.argv[2]))
np.save(sys.argv[3], y)
print(json.dumps({"llvm": "llvmlite" in sys.modules, "seconds": seconds}))
"""


def test_the_same_bits_as_the_session(saved, predictor):
    loaded, compiled = aot.load(saved), compile_graph(predictor.graph)
    for n in (0, 1, 3, 64):
        expected = predictor.answer(n)
        assert loaded(predictor.data(n))[0].tobytes() == expected.tobytes()
        assert compiled(predictor.data(n))[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("cache", ["", "off"])
def test_a_fresh_process_loads_without_a_compiler(saved, predictor, tmp_path, monkeypatch, cache):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("GRAPHC_CACHE", cache)
    np.save(tmp_path / "x.npy", predictor.data(64))
    command = [sys.executable, "-c", FRESH, str(saved), str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    report = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert not report["llvm"]
    assert report["seconds"] < 0.2  # some milliseconds; the machine may be busy
    assert np.load(tmp_path / "y.npy").tobytes() == predictor.answer(64).tobytes()


def test_the_graph_comes_back_node_for_node(saved, predictor):
    assert aot.read(saved).graph == predictor.graph


def test_weights_are_views_of_the_file(saved):
    blobs = aot.read(saved).blobs()
    assert sorted(b.shape for b in blobs.values()) == [(10,), (64, 96), (96,), (96, 10)]
    for blob in blobs.values():
        assert not blob.flags.owndata and not blob.flags.writeable and blob.ctypes.data % 64 == 0


def test_the_public_names(predictor, tmp_path):
    graphc.save(predictor.graph, tmp_path / "m.gc")
    assert graphc.load(tmp_path / "m.gc")(predictor.data(2))[0].shape == (2, 10)


def test_another_machine_compiles_the_graph(predictor, tmp_path):
    other = "x86-64-v3" if host_target().name == "aarch64" else "aarch64"
    path = aot.save(predictor.graph, tmp_path / "m.gc", Options(target=other))
    assert aot.read(path).targets == (other,)
    assert aot.load(path)(predictor.data(7))[0].tobytes() == predictor.answer(7).tobytes()


def test_how_it_was_compiled_is_kept(predictor, tmp_path):
    path = aot.save(predictor.graph, tmp_path / "m.gc", Options(allow=INEXACT))
    assert aot.read(path).allow == INEXACT
    assert aot.read(aot.save(predictor.graph, tmp_path / "n.gc")).allow == ()


@pytest.mark.skipif(host_target().name not in ("x86-64-v4-vnni", "x86-64-v4", "x86-64-v3"), reason="needs a machine above the baseline")
def test_code_for_a_lesser_machine_is_used(predictor, tmp_path, monkeypatch):
    path = aot.save(predictor.graph, tmp_path / "m.gc", Options(target="x86-64"))
    monkeypatch.setattr(sys.modules["graphc.aot.load"], "compile_graph", None)  # the name means the function, too
    np.testing.assert_allclose(aot.load(path)(predictor.data(7))[0], predictor.answer(7), rtol=1e-4, atol=1e-30)


def test_host_steps_come_back(tmp_path):
    x = input_node("x", Type(dt.f64, (3, 3)))
    graph = Graph("g", (x,), (apply("cholesky", apply("add", x, x)),))
    written = aot.export(graph, tmp_path / "m.gc")
    assert [p.name for p in written] == ["m.gc"]
    a = np.eye(3) * 2
    np.testing.assert_allclose(aot.load(written[0])(a)[0], np.eye(3) * 2)


def test_every_dtype_of_weights(tmp_path):
    inputs, outputs = [], []
    for d in (d for d in dt.ALL if d.bits):
        x = input_node(d.short, Type(d, (20,)))
        value = np.arange(20).astype(d.numpy)
        inputs.append(x)
        op = "or" if d is dt.b1 else "add"
        always = const(np.ones(20, bool), Type(dt.b1, (20,)))
        weight = const(value, x.type)
        outputs.append(apply("select", always, weight, x) if d.kind == "e" else apply(op, x, weight))
    graph = Graph("all", tuple(inputs), tuple(outputs))
    path = aot.save(graph, tmp_path / "m.gc")
    assert aot.read(path).graph == graph
    arrays = [np.zeros(20, x.dtype.numpy) for x in inputs]
    for got, x in zip(aot.load(path)(*arrays), inputs):
        assert got.tobytes() == np.arange(20).astype(x.dtype.numpy).tobytes(), x.dtype


def test_python_functions_are_refused(tmp_path):
    x = input_node("x", Type(dt.f32, (3,)))
    graph = Graph("g", (x,), (make("host", (x,), (("callback", len), ("types", (x.type,))), x.type),))
    with pytest.raises(CompileError, match="Python functions"):
        aot.save(graph, tmp_path / "m.gc")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_target_is_refused(predictor, tmp_path):
    with pytest.raises(UsageError, match="z80.*x86-64"):
        aot.save(predictor.graph, tmp_path / "m.gc", Options(target="z80"))


# ------------------------------------------------------------------------------------------------ damage


def test_any_changed_byte_is_noticed(saved, tmp_path):
    content = saved.read_bytes()
    path = tmp_path / "m.gc"
    for at in range(0, len(content), len(content) // 60):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(FormatError, match="m.gc"):
            aot.load(path)


def test_a_cut_file_is_noticed(saved, tmp_path):
    content = saved.read_bytes()
    path = tmp_path / "m.gc"
    for size in (0, 1, 63, 64, 200, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(FormatError, match="m.gc"):
            aot.load(path)


def test_what_is_no_model(tmp_path):
    path = tmp_path / "m.gc"
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(FormatError, match="no .gc container"):
        aot.load(path)
    path.write_bytes(b"".join(encode({})))
    with pytest.raises(FormatError, match="holds no model"):
        aot.load(path)
    for manifest, words in (([], "not that of a model"), ({"format": 2}, "format 2"), ({"format": 1}, "must list"),
                            ({"format": 1, "targets": [3], "weights": {}}, "must list")):  # fmt: skip
        path.write_bytes(b"".join(encode({"manifest": manifest})))
        with pytest.raises(FormatError, match=words):
            aot.load(path)
    with pytest.raises(FileNotFoundError):
        aot.load(tmp_path / "absent.gc")
    with pytest.raises(IsADirectoryError):
        aot.load(tmp_path)


@pytest.mark.parametrize("entry", [
    {"dtype": "f32", "shape": [64, 96], "offset": 1 << 40, "bytes": 24576},
    {"dtype": "f32", "shape": [64, 97], "offset": 0, "bytes": 24576},
    {"dtype": "f99", "shape": [64, 96], "offset": 0, "bytes": 24576},
    {"dtype": "f32", "shape": [64, 96], "offset": -8, "bytes": 8},
    {"dtype": "f32", "shape": None, "offset": "x", "bytes": 8}, 7, {},
])  # fmt: skip
def test_weights_that_do_not_fit(saved, tmp_path, entry):
    container = Container.open(saved)
    manifest = container.json("manifest")
    digest = next(iter(manifest["weights"]))
    manifest["weights"][digest] = entry
    sections = {name: container[name] for name in container.names}
    (tmp_path / "m.gc").write_bytes(b"".join(encode({**sections, "manifest": manifest})))
    with pytest.raises(FormatError, match=digest):
        aot.read(tmp_path / "m.gc").graph  # noqa: B018


def test_weights_of_another_content(saved, tmp_path):
    container = Container.open(saved)
    sections = {name: container[name] for name in container.names}
    (tmp_path / "m.gc").write_bytes(b"".join(encode({**sections, "weights": bytes(len(container["weights"]))})))
    with pytest.raises(FormatError):
        aot.read(tmp_path / "m.gc").graph  # noqa: B018


# --------------------------------------------------------------------------------------- failing to write


def test_a_full_disk_leaves_nothing(predictor, tmp_path, monkeypatch):
    (tmp_path / "m.gc").write_bytes(b"before")
    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device.*m\\."):
        aot.export(predictor.graph, tmp_path / "m.gc")
    assert [p.name for p in tmp_path.iterdir()] == ["m.gc"]
    assert (tmp_path / "m.gc").read_bytes() == b"before"


def test_places_that_cannot_be_written(predictor, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent/m.gc"):
        aot.save(predictor.graph, tmp_path / "absent" / "m.gc")
    (tmp_path / "folder.gc").mkdir()
    with pytest.raises(IsADirectoryError, match="folder.gc"):
        aot.save(predictor.graph, tmp_path / "folder.gc")
    assert [p.name for p in tmp_path.iterdir()] == ["folder.gc"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(predictor, saved, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="m.gc"):
            aot.save(predictor.graph, tmp_path / "m.gc")
    finally:
        tmp_path.chmod(0o700)
