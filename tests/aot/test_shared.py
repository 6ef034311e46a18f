"""Shared libraries called from Python: what they answer, what they need, and which are refused before their code runs."""

import _ctypes
import json
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import graphc
import graphc.v1 as tf
from graphc import aot
from graphc.aot.signature import read_signature
from graphc.cli import main
from graphc.compile import compile_graph
from graphc.errors import DeviceUnavailable, DtypeError, FeedError, FormatError, InvalidArgumentError, ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.lib import index
from graphc.options import Options
from graphc.prims.table import apply
from graphc.runtime.elf_find import find_data
from graphc.runtime.executable import call_path
from graphc.runtime.host import host_target

FRESH = """
import json, sys, time
import numpy as np
start = time.perf_counter()
import graphc
imported = time.perf_counter()
predict = graphc.load(sys.argv[1])
seconds = time.perf_counter() - imported
(y,) = predict(np.load(sys.argv[2]))
np.save(sys.argv[3], y)
print(json.dumps({"llvm": "llvmlite" in sys.modules, "load": seconds, "all": time.perf_counter() - start}))
"""


@pytest.fixture(scope="module")
def library(exported):
    return exported / "predictor.so"


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A library with two open sizes and conditions on them."""
    path = tmp_path_factory.mktemp("uneven") / "uneven.gc"
    with tf.Graph().as_default() as graph:
        a, b = (tf.placeholder(tf.float32, [None, 4], name=name) for name in "ab")
        y = tf.reshape(a, [-1, 3]) + b[:, :3]
        aot.export(tf.freeze(tf.Session(graph=graph), [a, b], [y]), path)
    return path.with_suffix(".so")


@pytest.fixture(params=["fast", "alone"])
def way(request, monkeypatch):
    """Both ways of calls: through the support library, and with nothing but the library."""
    if request.param == "alone":
        monkeypatch.setattr("graphc.aot.shared.fast_call", lambda *_: None)


@pytest.mark.usefixtures("way")
def test_the_same_bits(library, predictor):
    predict = graphc.load(library)
    for n in (0, 1, 64, 700):
        assert predict(predictor.data(n))[0].tobytes() == predictor.answer(n).tobytes()
    (x,), (y,) = predict.signature.inputs, predict.signature.outputs
    assert (x.name, str(y.type), predict.target) == ("pixels", "f32[pixels_0_0,10]", host_target().name)


@pytest.mark.parametrize("suffix", [".so", ".gc"])
def test_a_fresh_process_needs_no_compiler(exported, predictor, tmp_path, suffix):
    np.save(tmp_path / "x.npy", predictor.data(64))
    (tmp_path / "alone").mkdir()
    file = shutil.copy(exported / f"predictor{suffix}", tmp_path / "alone")
    command = [sys.executable, "-c", FRESH, str(file), str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    environment = {**os.environ, "GRAPHC_CACHE_DIR": str(tmp_path / "empty")}
    report = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60, env=environment).stdout)
    assert not report["llvm"]
    assert np.load(tmp_path / "y.npy").tobytes() == predictor.answer(64).tobytes()


@pytest.mark.usefixtures("way")
def test_arguments_are_checked(library, predictor):
    predict = graphc.load(library)
    with pytest.raises(FeedError, match="takes 1 inputs"):
        predict()
    with pytest.raises(DtypeError, match="pixels wants f32"):
        predict(np.zeros((2, 64)))
    with pytest.raises(ShapeError, match="63 != 64"):
        predict(np.zeros((2, 63), np.float32))
    sliced = np.repeat(predictor.data(3), 2, axis=0)[::2]
    assert predict(sliced)[0].tobytes() == predictor.answer(3).tobytes()


@pytest.mark.usefixtures("way")
def test_sizes_are_refused_as_by_the_container(uneven):
    texts = []
    for path in (uneven, uneven.with_suffix(".gc")):
        program = graphc.load(path)
        assert program(np.ones((6, 4), np.float32), np.ones((8, 4), np.float32))[0].tolist() == np.full((8, 3), 2).tolist()
        with pytest.raises(ShapeError, match=r"for the sizes given, .* == .* does not hold") as info:
            program(np.ones((5, 4), np.float32), np.ones((8, 4), np.float32))
        texts.append(str(info.value).split("\n")[0])
    assert texts[0] == texts[1]


@pytest.mark.usefixtures("way")
def test_a_step_leaves_what_it_is_given(tmp_path):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        w = tf.get_variable("w", [3, 1], initializer=tf.ones_initializer())
        step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_mean(tf.square(tf.matmul(x, w))))
        aot.export(tf.step_graph(step, name="step"), tmp_path / "step.gc")
    step, same = graphc.load(tmp_path / "step.so"), graphc.load(tmp_path / "step.gc")
    assert step.signature.donated == ((0, 1),)
    x, w = np.random.default_rng(0).random((7, 3), np.float32), np.ones((3, 1), np.float32)
    for _ in range(3):
        (after,) = step(x, w)
        assert after.tobytes() == same(x, w)[0].tobytes() and (w == 1).all()


@pytest.mark.usefixtures("way")
def test_refused_values_say_why_as_the_container_does(tmp_path):
    x, i = input_node("x", Type(dt.f32, (5, 2))), input_node("i", Type(dt.i32, (symbol("count"),)))
    aot.export(Graph("lookup", (x, i), (index.gather(x, i),)), tmp_path / "lookup.gc")
    table, texts = np.arange(10, dtype=np.float32).reshape(5, 2), []
    for suffix in (".so", ".gc"):
        program = graphc.load(tmp_path / f"lookup{suffix}")
        assert program(table, np.int32([4, 0]))[0].tolist() == table[[4, 0]].tolist()
        with pytest.raises(InvalidArgumentError, match=r"indices are not in \[0, 5\)") as info:
            program(table, np.int32([4, 5]))
        texts.append(str(info.value).split("\n")[0])
    assert texts[0] == texts[1]


@pytest.mark.usefixtures("way")
def test_threads_and_forks(library, predictor):
    predict, wrong = graphc.load(library), []

    def work(n):
        for _ in range(20):
            if predict(predictor.data(n))[0].tobytes() != answers[n]:
                wrong.append(n)

    answers = {n: predictor.answer(n).tobytes() for n in (3, 300, 700)}
    threads = [threading.Thread(target=work, args=(n,)) for n in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    child = os.fork()
    if child == 0:
        os._exit(0 if predict(predictor.data(700))[0].tobytes() == answers[700] else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_calls_are_fast_where_the_support_library_is_at_hand(library, predictor, monkeypatch):
    if call_path() != "native":
        pytest.skip("calls are not native here")
    predict = graphc.load(library)
    predict(predictor.data(1))
    assert type(predict._call).__name__ == "builtin_function_or_method"
    monkeypatch.setattr("graphc.aot.shared_call.missing", lambda: "something to compile")
    predict = graphc.load(library)
    predict(predictor.data(1))
    assert predict._call == predict._called


def test_a_file_that_is_replaced_is_another_library(library, uneven, tmp_path):
    path = tmp_path / "m.so"
    shutil.copy(library, path)
    first = graphc.load(path)
    shutil.copy(uneven, tmp_path / "other.so")
    os.replace(tmp_path / "other.so", path)
    assert len(graphc.load(path).signature.inputs) == 2 and len(first.signature.inputs) == 1
    assert graphc.load(path)(np.ones((3, 4), np.float32), np.ones((4, 4), np.float32))[0].shape == (4, 3)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_libraries_that_another_linker_made(exported, uneven, predictor, tmp_path):
    objects = [str(exported / "predictor.o"), str(uneven.with_suffix(".o"))]
    subprocess.run(["cc", "-shared", "-o", str(tmp_path / "one.so"), objects[0]], check=True)
    assert graphc.load(tmp_path / "one.so")(predictor.data(5))[0].tobytes() == predictor.answer(5).tobytes()
    subprocess.run(["cc", "-shared", "-o", str(tmp_path / "two.so"), *objects], check=True)
    for entry, words in ((None, "say which is meant"), ("two", "there is no 'two'")):
        with pytest.raises(UsageError, match=f"two.so has the functions .*: {words}"):
            graphc.load(tmp_path / "two.so", entry)
    model = graphc.load(tmp_path / "two.so", "predictor")
    assert model(predictor.data(5))[0].tobytes() == predictor.answer(5).tobytes()


def test_the_command_line(library, predictor, tmp_path, capsys):
    np.save(tmp_path / "x.npy", predictor.data(4))
    assert main(["run", str(library), "-i", f"pixels={tmp_path / 'x.npy'}", "-o", str(tmp_path / "y.npz")]) == 0
    (y,) = aot.read_arrays(tmp_path / "y.npz").values()
    assert y.tobytes() == predictor.answer(4).tobytes()
    assert main(["inspect", str(library)]) == 1 and "the graph is in the .gc container" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------- refused


def test_another_machine_is_refused_before_its_code_is_loaded(predictor, tmp_path, monkeypatch):
    other = "x86-64-v3" if host_target().name == "aarch64" else "aarch64"
    aot.export(predictor.graph, tmp_path / "m.gc", Options(target=other))
    monkeypatch.setattr("graphc.aot.shared.load_for_good", None)
    with pytest.raises(DeviceUnavailable, match=f"m.so was compiled for {other}.*cannot run"):
        graphc.load(tmp_path / "m.so")


@pytest.mark.skipif(not host_target().name.startswith("x86-64-v"), reason="needs a machine above the baseline")
@pytest.mark.parametrize("suffix", [".so", ".gc"])
def test_a_missing_level_of_the_processor(exported, predictor, tmp_path, suffix):
    """The library is refused; the container, which has the graph, is compiled anew."""
    np.save(tmp_path / "x.npy", predictor.data(4))
    command = [sys.executable, "-c", FRESH, str(exported / f"predictor{suffix}"), str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, "GRAPHC_TARGET": "x86-64"})
    if suffix == ".so":
        assert done.returncode == 1 and "DeviceUnavailable" in done.stderr and "cannot run" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        np.testing.assert_allclose(np.load(tmp_path / "y.npy"), predictor.answer(4), rtol=1e-4, atol=1e-30)


def with_signature(library, out, change):
    """A copy of a library whose signature, of the same length, is changed."""
    content = library.read_bytes()
    (said,) = find_data(memoryview(content), "_signature").values()
    changed = change(said)
    assert len(changed) == len(said) and content.count(said) == 1
    out.write_bytes(content.replace(said, changed))
    return out


@pytest.mark.parametrize("old, new, words", [
    (b'"graphc library": 1', b'"graphc library": 2', "format 2; this version of graphc reads format 1: compile it again"),
    (b'"graphc library": 1', b'"graphc_library": 1', "does not hold the signature"),
    (b'"name": "predictor"', b'"name": "predictos"', "is that of 'predictos'"),
    (b'"f32"', b'"f99"', "signature of the library is damaged"),
    (b'"shape"', b'"shapf"', "signature of the library is damaged"),
    (b'"donated": []', b'"donated": 12', "signature of the library is damaged"),
    (b', 64]', b', -4]', "signature of the library is damaged"),
    (b'["pixels_0_0"]', b'["pixels_0_1"]', "is no symbol"),
])  # fmt: skip
def test_signatures_that_are_refused(library, tmp_path, monkeypatch, old, new, words):
    monkeypatch.setattr("graphc.aot.shared.load_for_good", None)
    with pytest.raises(FormatError, match=f"m.so: .*{words}"):
        graphc.load(with_signature(library, tmp_path / "m.so", lambda said: said.replace(old, new, 1)))


def test_any_damaged_signature_is_a_format_error(library):
    ((_, said),) = find_data(memoryview(library.read_bytes()), "_signature").items()
    rng = np.random.default_rng(0)
    for _ in range(2000):
        made = bytearray(said)
        for _ in range(rng.integers(1, 4)):
            made[rng.integers(len(made))] = rng.integers(256)
        try:
            read_signature(bytes(made[: rng.integers(len(made))] if rng.random() < 0.2 else made), "predictor")
        except FormatError:
            pass


def test_other_files_are_refused(library, exported, tmp_path):
    content, path = library.read_bytes(), tmp_path / "m.so"
    for size in (4, 63, 64, 200, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(FormatError, match="m.so: "):
            graphc.load(path)
    with pytest.raises(FormatError, match="predictor.o: .*no shared library.*linked first"):
        graphc.load(exported / "predictor.o")
    path.write_bytes(b"\x7fELF\x01\x01" + bytes(100))
    with pytest.raises(FormatError, match="m.so: .*64-bit"):
        graphc.load(path)
    if getattr(_ctypes, "__file__", "").endswith(".so"):
        with pytest.raises(FormatError, match="a symbol that ends with '_signature', and this one has none"):
            graphc.load(_ctypes.__file__)
    path.write_bytes(b"text")
    with pytest.raises(FormatError, match="m.so"):
        graphc.load(path)
    with pytest.raises(FileNotFoundError):
        graphc.load(tmp_path / "absent.so")


def test_damaged_tables_are_a_format_error(library):
    """Nothing of the file is run, so any damage may be tried here."""
    content = library.read_bytes()
    table = int.from_bytes(content[40:48], "little")
    places = [*range(16, 64), *range(table, len(content))]
    rng = np.random.default_rng(0)
    for _ in range(2000):
        made = bytearray(content)
        made[places[rng.integers(len(places))]] = rng.integers(256)
        try:
            find_data(memoryview(bytes(made)), "_signature")
        except FormatError:
            pass


@pytest.mark.usefixtures("way")
def test_weights_of_their_own_and_no_threads(tmp_path):
    draw = np.random.default_rng(0)
    x = input_node("x", Type(dt.f32, (3, 40)))
    graph = Graph("dense", (x,), (apply("dot", x, const(draw.random((40, 30), np.float32)), transpose_x=False, transpose_y=False),), ("y",))
    given = draw.random((3, 40), np.float32)
    (want,) = compile_graph(graph)(given)
    aot.export(graph, tmp_path / "d.gc", threads=False, separate_weights=True)
    (found,) = graphc.load(tmp_path / "d.so")(given)
    np.testing.assert_array_equal(found, want)
    weights = (tmp_path / "d.weights").read_bytes()
    (tmp_path / "d.weights").write_bytes(weights[:-64])
    with pytest.raises(FormatError, match="d.weights: the file is cut off"):
        graphc.load(tmp_path / "d.so")
    (tmp_path / "d.weights").write_bytes(weights[:40] + bytes(8) + weights[48:])
    with pytest.raises(FormatError, match="of another model"):
        graphc.load(tmp_path / "d.so")
    (tmp_path / "d.weights").unlink()
    with pytest.raises(FileNotFoundError, match="d.weights"):
        graphc.load(tmp_path / "d.so")


def test_what_the_loader_does_not_accept_names_the_file(tmp_path):
    x = input_node("x", Type(dt.f32, (3,)))
    aot.export(Graph("twice", (x,), (apply("add", x, x),), ("y",)), tmp_path / "t.gc")
    content = bytearray((tmp_path / "t.so").read_bytes())
    content[54:56] = bytes(2)  # the size of a program header
    (tmp_path / "t.so").write_bytes(content)
    with pytest.raises(FormatError, match="t.so: .*cannot be loaded"):
        graphc.load(tmp_path / "t.so")
