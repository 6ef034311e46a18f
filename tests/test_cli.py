"""The command line: every command, what it prints, and how it fails."""

import os
import json
import linecache
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphc.cli import main
from graphc.cli.pipe import reader_may_leave

ROOT = Path(__file__).resolve().parents[1]

MODEL = """
import numpy as np
import graphc.v1 as tf

x = tf.placeholder(tf.float32, [None, 8], name="x")
w = tf.get_variable("w", [8, 3], initializer=tf.random_normal_initializer(seed=1))
y = tf.nn.relu(tf.matmul(x, w), name="y")
loss = tf.reduce_mean(y)
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
train = [loss, step]
named = {"out": y}
number = 7

def function():
    return y

def fails():
    return undefined_name

def wants(argument):
    return argument

def odd():
    return tf.matmul(y, w)

def solve():
    a = tf.placeholder(tf.float64, [2, 2], name="a")
    return tf.matmul(a, a) + tf.constant(np.arange(4.0).reshape(2, 2))
"""


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    before = os.environ.get("GRAPHC_CACHE_DIR")
    os.environ["GRAPHC_CACHE_DIR"] = str(tmp_path_factory.mktemp("cli_cache"))
    yield
    if before is None:
        del os.environ["GRAPHC_CACHE_DIR"]
    else:
        os.environ["GRAPHC_CACHE_DIR"] = before


@pytest.fixture(autouse=True)
def own_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    linecache.clearcache()  # it may know another net.py, of another test's path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "net.py"
    path.write_text(MODEL)
    return str(path)


@pytest.fixture(scope="module")
def compiled(model, tmp_path_factory):
    """The model's y, compiled; not to be changed."""
    path = tmp_path_factory.mktemp("compiled") / "net.gc"
    assert main(["compile", f"{model}:y", "-o", str(path)]) == 0
    return str(path)


@pytest.fixture
def succeed(capsys):
    def run(*arguments) -> str:
        status = main([str(a) for a in arguments])
        output = capsys.readouterr()
        assert (status, output.err) == (0, "")
        return output.out

    return run


@pytest.fixture
def fail(capsys):
    """Runs a command that must fail with status 1 and one message; answers the message."""

    def run(*arguments) -> str:
        assert main([str(a) for a in arguments]) == 1
        output = capsys.readouterr()
        assert output.err.startswith("graphc: ") and "Traceback" not in output.err
        assert "internal error" not in output.err
        return output.err

    return run


# ----------------------------------------------------------------------------------------------- compile


def test_compile_writes_its_files(succeed, model, tmp_path):
    out = succeed("compile", f"{model}:y", "-o", tmp_path / "m.gc")
    assert re.findall(r"wrote .*/m((?:_main)?\.\w+) \(", out) == [".gc", ".o", ".a", ".so", ".h", "_main.c"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.a", "m.gc", "m.h", "m.o", "m.so", "m_main.c"]


def test_compile_without_threads_and_weights(succeed, model, tmp_path):
    out = succeed("compile", f"{model}:y", "-o", tmp_path / "m.gc", "--threads", "none", "--separate-weights")
    assert "m.weights" in out and b"pthread" not in (tmp_path / "m.o").read_bytes()
    assert "m_init(" in (tmp_path / "m.h").read_text() and "m_threads(" not in (tmp_path / "m.h").read_text()


@pytest.mark.parametrize("target", ["aarch64", "x86-64", "riscv64", "wasm32", "thumbv7em"])
def test_compile_for_another_target(succeed, model, tmp_path, target):
    out = succeed("compile", f"{model}:named", "-o", tmp_path / "m.gc", "--target", target, "--fast-math")
    assert "m.o" in out
    assert "f32[n,3]" in succeed("inspect", tmp_path / "m.gc")


def test_a_training_step_can_be_compiled(succeed, model, tmp_path):
    succeed("compile", f"{model}:train", "-o", tmp_path / "m.gc")
    x = np.ones((4, 8), np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "w.npy", np.ones((8, 3), np.float32))
    succeed(
        "run", tmp_path / "m.gc", "-i", tmp_path / "x.npy", "-i", f"w={tmp_path / 'w.npy'}", "-o", tmp_path / "out.npz"
    )
    with np.load(tmp_path / "out.npz") as result:
        assert sorted(result.files) == ["Mean", "w"]
        np.testing.assert_allclose(result["Mean"], 8)
        np.testing.assert_allclose(result["w"], np.full((8, 3), 1 - 0.1 / 3), rtol=1e-6)


# ---------------------------------------------------------------------------------------------------- run


def test_run_gives_the_same_from_every_form(succeed, model, compiled, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32))
    results = []
    for k, name in enumerate((compiled, f"{model}:y", f"{model}:function", f"{model}:named")):
        assert (
            succeed("run", name, "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path / f"{k}.npz")
            == f"wrote {tmp_path / f'{k}.npz'}\n"
        )
        with np.load(tmp_path / f"{k}.npz") as result:
            results += [result[file].tobytes() for file in result.files]
    assert len(set(results)) == 1 and len(results) == 4


def test_run_prints(succeed, compiled):
    out = succeed("run", compiled, "--random", 2)
    assert out.startswith("y: float32[2, 3]\n[[")
    assert succeed("run", compiled, "--random", 2) == out
    assert succeed("run", compiled, "--random", 0).startswith("y: float32[0, 3]\n")


def test_run_refuses_what_does_not_fit(fail, compiled, tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((2, 9), np.float32))
    np.save(tmp_path / "text.npy", np.array(["a"]))
    np.savez(tmp_path / "two.npz", a=np.zeros(3))
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "junk.npy").write_bytes(b"not an array")
    assert "--random SIZE" in fail("run", compiled)
    assert "no input 'z'; it has x" in fail("run", compiled, "-i", f"z={tmp_path / 'wide.npy'}")
    message = fail("run", compiled, "-i", tmp_path / "wide.npy")
    assert "f32[2,9] (axis 1: 9 != 8)" in message and "net.py:5" in message and "runpy" not in message
    assert "DtypeError" in fail("run", compiled, "-i", tmp_path / "text.npy")
    assert "holds a; the inputs that are not given are x" in fail("run", compiled, "-i", tmp_path / "two.npz")
    assert "holds a; give one array" in fail("run", compiled, "-i", f"x={tmp_path / 'two.npz'}")
    assert "empty.npy is no .npy file" in fail("run", compiled, "-i", tmp_path / "empty.npy")
    assert "junk.npy is no .npy file" in fail("run", compiled, "-i", tmp_path / "junk.npy")
    assert "absent.npy: No such file" in fail("run", compiled, "-i", tmp_path / "absent.npy")
    wide = tmp_path / "wide.npy"
    assert "more inputs than the model has (1)" in fail("run", compiled, "-i", wide, "-i", wide)
    assert "given twice" in fail("run", compiled, "-i", f"x={wide}", "-i", f"x={wide}")
    assert "No such file" in fail("run", compiled, "--random", 1, "-o", tmp_path / "absent" / "out.npz")


# ------------------------------------------------------------------------------------------------ inspect


def test_inspect_overview(succeed, compiled, model):
    for name in (compiled, f"{model}:y"):
        out = succeed("inspect", name, "--kernels")
        assert re.search(r"net.py:7 +y = tf.nn.relu\(tf.matmul\(x, w\), name=\"y\"\)", out)
        assert "dot0" in out
        assert re.search(r"dot0 +1x .* dot, max  net.py:\d+", succeed("inspect", name))
        assert re.search(r"simplify +\d+ +\d+", succeed("inspect", name, "--passes", "--all"))
    assert "minimize(loss)" in succeed("inspect", f"{model}:train", "--kernels")


def test_inspect_as_json_and_with_conditions(succeed, fail, compiled):
    found = json.loads(succeed("inspect", compiled, "--json", "--size", "n=32"))
    assert found["version"] == 1 and found["sizes"] == {"n": 32} and found["summary"]["kernels"] == 1
    assert succeed("inspect", compiled, "--json", "--fail-if", "kernels > 12 or host_steps > 0")
    assert "true of y: launches >= 1" in fail("inspect", compiled, "--fail-if", "launches >= 1")
    assert "no number 'kernel'; did you mean kernels? The summary has: " in fail("inspect", compiled, "--fail-if", "kernel > 1")
    assert "no open dimension of that name; those open are n, x.0" in fail("inspect", compiled, "--size", "m=3")


def test_inspect_views(succeed, compiled):
    assert succeed("inspect", compiled, "--stage", "traced").startswith("graph @y(")
    assert "define i32 @gc_" in succeed("inspect", compiled, "--stage", "llvm")
    assert succeed("inspect", compiled, "--kernel", "dot0").startswith("kernel @dot0(")
    assert "k_dot0" in succeed("inspect", compiled, "--kernel", "dot0", "--as", "asm")
    assert "define internal void @k_dot0" in succeed(
        "inspect", compiled, "--kernel", "dot0", "--as", "llvm", "--target", "aarch64"
    )
    assert "arena" in succeed("inspect", compiled, "--memory")
    assert "simplify" in succeed("inspect", compiled, "--diff", "simplify")
    assert succeed("inspect", compiled, "--diff") == "traced..optimised changed nothing; no pass did\n"


def test_inspect_follows_and_draws(succeed, fail, compiled):
    assert "= dot(" in succeed("inspect", compiled, "--node", "dot0", "--neighbours", 1)
    assert "= dot(" in succeed("inspect", compiled, "--node", "dot0", "--stage", "traced")
    assert "dot0  computes %dot0" in succeed("inspect", compiled, "--why", "net.py:7")
    assert "@k_dot0, lines " in succeed("inspect", compiled, "--why", "net.py:7", "--as", "llvm")
    assert succeed("inspect", compiled, "--dot").startswith("digraph")
    assert succeed("inspect", compiled, "--mermaid", "--stage", "traced").startswith("flowchart")
    assert "no value 'x7'" in fail("inspect", compiled, "--node", "x7")
    assert "no value 'x7'; it has" in (said := fail("inspect", compiled, "--why", "x7")) and "no output, scope or FILE:LINE" in said
    assert "--neighbours goes with --node" in fail("inspect", compiled, "--neighbours", "1")
    assert "--weights is for models in .txt files" in fail("inspect", compiled, "--weights", compiled)
    assert "--input gives values to models in .onnx files" in fail("inspect", compiled, "--input", "x.npy")
    assert "there must be 0 or more" in fail("inspect", compiled, "--node", "x", "--neighbours", -1)


def test_inspect_refuses(fail, compiled):
    assert "no stage 'x'" in fail("inspect", compiled, "--stage", "x")
    assert "no pass 'x'" in fail("inspect", compiled, "--diff", "x")
    assert "no kernel 'x'" in fail("inspect", compiled, "--kernel", "x")
    assert "give --kernel or --why too" in fail("inspect", compiled, "--as", "asm")
    assert "view of its own" in fail("inspect", compiled, "--memory", "--stage", "llvm")
    assert "--all goes with --passes" in fail("inspect", compiled, "--all")


def test_a_dump_is_edited_and_compiled_again(succeed, fail, compiled, tmp_path):
    dump = tmp_path / "a.txt"
    dump.write_text(succeed("inspect", compiled, "--stage", "optimised"))
    assert "--weights FILE.gc" in fail("compile", dump, "-o", tmp_path / "b.gc")
    succeed("compile", dump, "-o", tmp_path / "b.gc", "--weights", compiled)
    before = succeed("run", compiled, "--random", 4)
    assert succeed("run", tmp_path / "b.gc", "--random", 4) == before
    assert succeed("run", dump, "--random", 4, "--weights", compiled) == before
    assert "dot0" in succeed("inspect", dump, "--weights", compiled)
    dump.write_text(dump.read_text().replace("max(", "min("))
    changed = succeed("run", dump, "--random", 4, "--weights", compiled)
    assert changed != before and "-" in changed
    dump.write_text(dump.read_text().replace("min(", "maximum("))
    assert "maximum" in fail("run", dump, "--random", 4, "--weights", compiled)
    assert "net.gc has its own" in fail("run", compiled, "--weights", compiled)


def test_text_without_weights_needs_nothing_else(succeed, tmp_path):
    (tmp_path / "g.txt").write_text("graph @g(%x: f32[n]) {\n  %add0: f32[n] = add(%x, %x)\n  return %add0\n}\n")
    assert succeed("run", tmp_path / "g.txt", "--random", 3).startswith("out0: float32[3]")


# ------------------------------------------------------------------------------------------------- models


@pytest.mark.parametrize("name, words", [
    ("absent.gc", "absent.gc: No such file or directory"),
    ("absent.py:y", "absent.py: No such file or directory"),
    ("net.py", "say which model of"),
    ("net.py:absent", "defines no 'absent'; it defines loss, step, x, y"),
    ("net.py:number", "number is a int; a model is"),
    ("net.py:fails", "NameError: name 'undefined_name' is not defined\n  at net.py:18: return undefined_name"),
    ("net.py:wants", "stopped with TypeError"),
    ("net.py:odd", "inner sizes differ"),
    ("broken.py:y", "stopped with SyntaxError"),
    ("exits.py:y", "stopped with SystemExit: 3"),
    ("divides.py:y", "stopped with ZeroDivisionError: division by zero\n  at divides.py:2: y = 1 / 0"),
    ("folder.gc", "Is a directory"),
    ("empty.gc", "the file is empty"),
    ("junk.gc", "no .gc container"),
    ("junk.txt", "junk.txt is not text"),
    ("words.txt", "words.txt: line 1"),
    ("words.bin", "words.bin: "),
])  # fmt: skip
def test_models_that_are_none(fail, model, tmp_path, name, words):
    (tmp_path / "net.py").write_text(Path(model).read_text())
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(3)")
    (tmp_path / "divides.py").write_text("x = 1\ny = 1 / 0")
    (tmp_path / "folder.gc").mkdir()
    (tmp_path / "empty.gc").write_bytes(b"")
    (tmp_path / "junk.gc").write_bytes(b"\xff" * 100)
    (tmp_path / "junk.txt").write_bytes(b"\xff" * 100)
    (tmp_path / "words.txt").write_text("some words")
    (tmp_path / "words.bin").write_text("some words")
    assert words in fail("inspect", tmp_path / name)


def test_a_model_may_import_its_neighbours(succeed, model, tmp_path):
    (tmp_path / "neighbour_of_cli_test.py").write_text("SIZE = 4")
    (tmp_path / "imports.py").write_text(
        "import graphc.v1 as tf\nfrom neighbour_of_cli_test import SIZE\ny = tf.placeholder(tf.float32, [SIZE]) * 2.0\n"
    )
    assert "f32[4]" in succeed("inspect", f"{tmp_path / 'imports.py'}:y")
    assert "float64[2, 2]" in succeed("run", f"{model}:solve", "--random", 1)


def test_a_damaged_container_is_refused(fail, compiled, tmp_path):
    content = bytearray(Path(compiled).read_bytes())
    content[len(content) // 2] ^= 8
    (tmp_path / "m.gc").write_bytes(content)
    assert "FormatError" in fail("run", tmp_path / "m.gc", "--random", 1)
    assert "FormatError" in fail("inspect", tmp_path / "m.gc")


# ------------------------------------------------------------------------------------------ cache, doctor


def test_the_cache(succeed, monkeypatch, model, tmp_path):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "cache"))
    assert succeed("cache").splitlines()[1].startswith("0 programs, 0 B of ")
    succeed("run", f"{model}:solve", "--random", 1)
    assert re.search(r"^[1-9]\d* programs", succeed("cache", "stats").splitlines()[1])
    assert re.match(r"removed [1-9]\d* programs", succeed("cache", "clear"))
    assert "0 programs" in succeed("cache")
    monkeypatch.setenv("GRAPHC_CACHE", "off")
    assert succeed("cache") == succeed("cache", "clear") == "the cache is off\n"


def test_a_wrong_setting_is_explained(fail, monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_LIMIT", "much")
    assert "GRAPHC_CACHE_LIMIT=much" in fail("cache")


def test_the_doctor(succeed):
    out = succeed("doctor")
    assert out.startswith("ok    graphc ") and "a small program compiles and runs" in out and "BAD" not in out


# -------------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize("arguments", [
    [], ["fly"], ["compile", "x.py:y"], ["run"], ["run", "x.gc", "--random", "-1"], ["run", "x.gc", "--random", "two"],
    ["inspect", "x.gc", "--memory", "--json"], ["inspect", "x.gc", "--size", "n"], ["cache", "fill"],
    ["compile", "x.py:y", "-o", "x.gc", "--target", "z80"],
])  # fmt: skip
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("usage: graphc")


def test_an_internal_error_is_one_line(monkeypatch, capsys):
    def broken():
        raise KeyError("left\nright")

    monkeypatch.setattr("graphc.cli.cache.default_cache", broken)
    assert main(["cache"]) == 1
    assert (
        capsys.readouterr().err == "graphc: internal error: KeyError: 'left\\nright' (GRAPHC_TRACEBACK=1 shows where)\n"
    )
    monkeypatch.setenv("GRAPHC_TRACEBACK", "1")
    with pytest.raises(KeyError):
        main(["cache"])


def without_reader(*command) -> tuple[int, bytes]:
    """Status and errors of a Python program whose output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    try:
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}  # complains at exit, if anywhere
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=buffered, stdout=write, stderr=subprocess.PIPE)
        return done.returncode, done.stderr
    finally:
        os.close(write)


@pytest.mark.parametrize("command", ["-m graphc inspect {} --stage asm", "tools/irdump.py {} asm", "tools/bench list"])
def test_a_reader_that_leaves_is_no_error_to_talk_about(compiled, command):
    assert without_reader(*command.format(compiled).split()) == (1, b"")


def test_where_nobody_reads_the_status_and_errors_are_as_ever(compiled):
    assert without_reader("-m", "graphc", "--help") == (0, b"")
    status, errors = without_reader("-m", "graphc", "inspect", compiled, "--fail-if", "arena>=0")
    assert status == 1 and errors.startswith(b"graphc: true of")
    assert without_reader("-m", "graphc", "run", "absent.gc")[0] == 1


def test_an_error_of_another_pipe_stays_one():
    with pytest.raises(BrokenPipeError), reader_may_leave():
        raise BrokenPipeError


def test_a_file_is_looked_into_without_interfaces_and_llvm(compiled):
    program = (
        "import sys\nfrom graphc.cli import main\nassert main(sys.argv[1:]) == 0\n"
        "late = ('graphc.v1.', 'graphc.api.ops', 'graphc.lib', 'graphc.onnx', 'graphc.keras', 'llvmlite', 'importlib.metadata')\n"
        "print([m for m in sys.modules if m.startswith(late)], file=sys.stderr)"
    )
    for view in ([], ["--passes"], ["--why", "dot0"], ["--memory"], ["--json"]):
        found = subprocess.run([sys.executable, "-c", program, "inspect", compiled, *view], capture_output=True, text=True)
        assert (found.returncode, found.stderr) == (0, "[]\n"), view
