"""Files that were written once, in each released format: containers are read and compute what they did then, signatures say what they said.

``pytest --update-golden`` writes those of the formats that this version writes where there are none yet, and changes no others.
"""

import base64
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import graphc.v1 as tf
from graphc import aot
from graphc.aot import c_files, signature
from graphc.aot.load import FORMAT, SUPPORT
from graphc.compile import RECORD, compile_graph, lower_graph, optimise
from graphc.errors import FormatError
from graphc.ir import record
from graphc.ir.graph import Graph
from graphc.ir.parser import parse
from graphc.ir.target import TARGETS
from graphc.options import VERSION, Options
from graphc.prims.interpret import interpret
from graphc.runtime import container
from graphc.runtime.container import Container, encode
from graphc.runtime.dims import evaluate
from graphc.runtime.host import runs_here

FOLDER = Path(__file__).resolve().parent.parent / "golden" / "released"
NOW = FOLDER / f"container{container.VERSION}_manifest{FORMAT}_record{record.FORMAT}"
X = np.arange(12, dtype=np.float32).reshape(3, 4) - 5
NATIVE, NONE = "x86-64", "riscv64"  # containers for the second hold no code here, as where nothing can be linked for it


def mlp():
    """Weights, an open batch size, native code."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        w, v = (tf.constant(np.arange(size, dtype=np.float32).reshape(-1, n) - 9) for size, n in ((24, 6), (18, 3)))
        y = tf.matmul(tf.nn.relu(tf.matmul(x, w) + 1.0), v)
        return tf.freeze(tf.Session(graph=graph), [x], {"y": y}, name="mlp"), [X], NATIVE


def rows():
    """A step on the host between native ones, and a size that only it knows."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        kept = tf.boolean_mask(x * 2.0, tf.reduce_sum(x, axis=1) > 0.0)
        return tf.freeze(tf.Session(graph=graph), [x], {"kept": kept + 1.0}, name="rows"), [X], NATIVE


def step():
    """Training with Adam and dropout: state that is written over, and random numbers."""
    with tf.Graph().as_default():
        tf.set_random_seed(5)
        x, y = tf.placeholder(tf.float32, [None, 4], name="x"), tf.placeholder(tf.int64, [None], name="y")
        w = tf.get_variable("w", initializer=np.ones((4, 3), np.float32))
        loss = tf.losses.sparse_softmax_cross_entropy(y, tf.matmul(tf.nn.dropout(x, rate=0.5), w))
        graph = tf.step_graph([loss, tf.train.AdamOptimizer(0.1).minimize(loss)], name="step")
    state = {"w": np.ones((4, 3)), "beta1_power": 0.9, "beta2_power": 0.999, "random_step": 7}
    given = [np.asarray(state.get(p.attr("name"), np.zeros((4, 3))), p.dtype.numpy) for p in graph.inputs[2:]]
    return graph, [X, np.arange(3), *given], NONE


MADE = {make.__name__: make for make in (mlp, rows, step)}


def said_of(graph: Graph) -> dict:
    """Names and types of inputs and outputs, and which outputs are written over which inputs."""
    return {
        "inputs": [[x.attr("name"), str(x.type)] for x in graph.inputs],
        "outputs": [[name, str(y.type)] for name, y in zip(graph.names, graph.outputs, strict=True)],
        "donated": [list(pair) for pair in graph.donated],
    }


def write(make, path: Path, folder: Path, patch) -> None:
    """Write the golden file of a model as containers are written now.

    The library with the pool of threads is left out: no other version takes it, as each finds its own by a digest.
    """
    graph, feeds, target = make()
    if target == NONE:
        patch.setattr(c_files, "_LINKED", ())
    whole = Container.open(aot.save(graph, folder / "model.gc", Options(target=target)))
    raw = b"".join(encode({name: whole[name] for name in whole.names if not name.startswith(SUPPORT)}))
    model = aot.read(folder / "model.gc")
    text = base64.b64encode(zlib.compress(raw, 9)).decode()
    said = {
        "what": make.__doc__, "graphc": VERSION, **said_of(model.graph),
        "weights": {digest: array.tolist() for digest, array in model.blobs().items()},
        "feeds": [a.tolist() for a in feeds], "results": [np.asarray(a).tolist() for a in interpret(graph, *feeds)],
        "file": [text[k : k + 110] for k in range(0, len(text), 110)],
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f" {json.dumps(key)}: {json.dumps(value, indent=1 if key == 'file' else None)}" for key, value in said.items()]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")


@pytest.mark.parametrize("name", MADE)
def test_there_are_containers_of_the_formats_that_are_written(name, request, tmp_path, monkeypatch):
    path = NOW / f"{name}.json"
    if request.config.getoption("--update-golden") and not path.exists():
        write(MADE[name], path, tmp_path, monkeypatch)
    assert path.exists(), f"{path} is missing: a format has a new number; pytest --update-golden writes containers of it"
    assert path.stat().st_size < 12_000


class Golden:
    """A golden file, its container written to a folder."""

    def __init__(self, path: Path, folder: Path):
        self.said = json.loads(path.read_text())
        self.path = folder / "model.gc"
        self.path.write_bytes(zlib.decompress(base64.b64decode("".join(self.said["file"]))))
        self.model = aot.read(self.path)
        self.feeds = [np.array(a, x.dtype.numpy) for a, x in zip(self.said["feeds"], self.model.graph.inputs)]

    def expect_results(self, results) -> None:
        for found, wanted, y in zip(results, self.said["results"], self.model.graph.outputs, strict=True):
            np.testing.assert_allclose(found, np.array(wanted, y.dtype.numpy), rtol=1e-5, atol=1e-7)


@pytest.fixture(params=sorted(FOLDER.glob("*/*.json")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def golden_file(request, tmp_path):
    return Golden(request.param, tmp_path)


def test_graph_weights_and_record_are_read(golden_file):
    model, said = golden_file.model, golden_file.said
    assert said_of(model.graph) == {key: said[key] for key in ("inputs", "outputs", "donated")}
    assert {digest: array.tolist() for digest, array in model.blobs().items()} == said["weights"]
    golden_file.expect_results(interpret(model.graph, *golden_file.feeds))
    (section,) = [name for name in model.container.names if name.startswith(RECORD)]
    read = record.Record.read(model.container[section])
    assert len(read.passes) > 3
    for stage in (record.TRACED, record.OPTIMISED):
        golden_file.expect_results(interpret(parse("\n".join(read.at(stage)), model.blobs()), *golden_file.feeds))


def test_the_graph_compiles_anew(golden_file):
    golden_file.expect_results(compile_graph(golden_file.model.graph)(*golden_file.feeds))


def test_the_code_in_it_runs(golden_file, monkeypatch):
    targets = golden_file.model.targets
    if not any(runs_here(TARGETS[name]) for name in targets):
        pytest.skip(f"this machine runs no code for {', '.join(targets) or 'no machine'}")
    monkeypatch.setattr(sys.modules["graphc.aot.load"], "compile_graph", None)  # the name means the function, too
    golden_file.expect_results(aot.load(golden_file.path)(*golden_file.feeds))


def test_containers_of_newer_formats_are_refused(tmp_path, monkeypatch):
    golden_file = Golden(NOW / "mlp.json", tmp_path)
    whole, path = Container.open(golden_file.path), tmp_path / "newer.gc"
    manifest = {**whole.json("manifest"), "format": FORMAT + 1, "graphc": "9.9"}
    path.write_bytes(b"".join(encode({name: whole[name] for name in whole.names} | {"manifest": manifest})))
    with pytest.raises(FormatError, match=rf"newer.gc: graphc 9.9 wrote format {FORMAT + 1}, .* reads format {FORMAT}"):
        aot.load(path)
    with monkeypatch.context() as patch:
        patch.setattr(container, "VERSION", container.VERSION + 1)
        path.write_bytes(b"".join(encode({name: whole[name] for name in whole.names})))
    with pytest.raises(FormatError, match=rf"newer.gc: container version {container.VERSION + 1} .* newer version of graphc"):
        aot.load(path)


def signed() -> bytes:
    """The signature of a library that writes over an input, and refuses some sizes and values."""
    with tf.Graph().as_default():
        x, k = tf.placeholder(tf.float32, [None, 4], name="x"), tf.placeholder(tf.int32, [None], name="k")
        w = tf.get_variable("w", [3], initializer=tf.zeros_initializer())
        new = tf.assign_add(w, tf.reduce_sum(tf.reshape(x, [-1, 3]), 0))
        graph = tf.step_graph([tf.gather(new, k, name="picked"), new.op], name="signed")
    return signature.signature_bytes(lower_graph(optimise(graph)), TARGETS[NATIVE], "signed")


def test_there_is_a_signature_of_the_format_that_is_written(request):
    path = FOLDER / f"signature{signature.FORMAT}.json"
    if request.config.getoption("--update-golden") and not path.exists():
        path.write_bytes(signed().replace(bytes(Path(__file__).parent), b"models") + b"\n")  # not where this file lies
    assert path.exists(), f"{path} is missing: the format has a new number; pytest --update-golden writes one of it"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("signature*.json")), ids=lambda p: p.stem)
def test_a_signature_is_read(path):
    found = signature.read_signature(path.read_bytes(), "signed")
    assert (found.name, found.target) == ("signed", NATIVE)
    assert [(p.name, str(p.type)) for p in found.signature.inputs] == [("x", "f32[x_0_0,4]"), ("k", "i32[k_0_0]"), ("w", "f32[3]")]
    assert [(p.name, str(p.type)) for p in found.signature.outputs] == [("picked", "f32[k_0_0]"), ("w", "f32[3]")]
    assert found.signature.donated == ((1, 2),) and found.signature.symbols == ("x_0_0", "k_0_0")
    (check,) = found.checks
    assert [bool(evaluate(check.condition, {"x_0_0": n, "k_0_0": 1})) for n in (3, 4, 6)] == [True, False, True]
    ((message, line),) = found.reasons
    assert "gather" in message and line.startswith("models/test_golden_containers.py:")
