"""``graphc run``, ``compile``, ``inspect`` and ``doctor`` on ONNX models."""

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc import cli

LINE = model([node("Mul", "x w", "a"), node("Add", "a b", "y")], ["x: float32[n, 3]"], ["y: float32[n, 3]"],
             {"w": np.float32([1, 2, 3]), "b": np.float32([0.5])})  # fmt: skip
MOVING = model([node("Unsqueeze", "x axes", "y")], ["x: float32[n]", "axes: int64[k]"], ["y: float32"])
STRANGE = model([node("Strange", "x", "a", name="first"), node("Relu", "a", "b"), node("Unique", "x", "c"), node("Odd", "c", "d")],
                ["x: float32[n]"], ["b: float32[n]", "d: float32[k]"])  # fmt: skip
X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def at(tmp_path, monkeypatch):
    """A folder with the models and an array."""
    monkeypatch.chdir(tmp_path)
    for name, made in (("line", LINE), ("moving", MOVING), ("strange", STRANGE)):
        (tmp_path / f"{name}.onnx").write_bytes(made.SerializeToString())
    np.save("x.npy", X)
    np.save("axes.npy", np.int64([1]))
    return tmp_path


def call(capsys, *arguments):
    status = cli.main(list(map(str, arguments)))
    found = capsys.readouterr()
    return status, found.out, found.err


def test_run(at, capsys):
    status, out, _ = call(capsys, "run", "line.onnx", "--input", "x.npy")
    assert status == 0 and out.startswith("y: float32[2, 3]") and "2.5" in out
    status, out, _ = call(capsys, "run", "line.onnx", "--random", 4, "-o", "y.npz")
    assert status == 0 and np.load("y.npz")["y"].shape == (4, 3)


def test_run_says_what_is_missing(at, capsys):
    status, _, err = call(capsys, "run", "line.onnx")
    assert status == 1 and "input x: float32[n, 3] is missing; give --input x=FILE.npy or --random SIZE" in err


def test_compile_into_a_folder_and_run_without_the_model(at, capsys):
    status, out, _ = call(capsys, "compile", "line.onnx", "-o", "made")
    assert status == 0 and "made/line.gc" in out
    assert sorted(p.name for p in (at / "made").iterdir()) == ["line.a", "line.gc", "line.h", "line.o", "line.so", "line_main.c"]
    np.testing.assert_array_equal(graphc.load("made/line.gc")(X)[0], X * np.float32([1, 2, 3]) + np.float32(0.5))


def test_inspect(at, capsys):
    status, out, _ = call(capsys, "inspect", "line.onnx", "--stage", "traced")
    assert status == 0 and "graph @main(%x: f32[n,3])" in out and "line.onnx:2" in out


def test_modules_that_exporters_put_into_names_are_scopes(at, capsys):
    nodes = [node("Mul", "x x", "a", name="/stem/square 1/Mul"), node("Exp", "a", "y", name="/Exp")]
    (at / "named.onnx").write_bytes(model(nodes, ["x: float32[n]"], ["y: float32[n]"]).SerializeToString())
    _, out, _ = call(capsys, "inspect", "named.onnx", "--stage", "traced")
    lines = [line.partition("  # ")[2] for line in out.splitlines() if "#" in line]
    assert lines == ["named.onnx:1 stem/square_1", "named.onnx:2"]


def test_a_value_that_decides_what_is_computed(at, capsys):
    status, _, err = call(capsys, "inspect", "moving.onnx")
    assert status == 1 and "depends on the value" in err and "axes" in err
    status, out, _ = call(capsys, "inspect", "moving.onnx", "--input", "axes=axes.npy")
    assert status == 0 and "output  y  f32[n,1]" in out


def test_doctor_names_everything(at, capsys):
    status, out, _ = call(capsys, "doctor", "strange.onnx")
    assert status == 1
    assert "BAD   Strange (1 node: first): not implemented" in out and "BAD   Odd (1 node: d): not implemented" in out
    status, out, _ = call(capsys, "doctor", "line.onnx")
    assert status == 0 and "operator sets ai.onnx 18, made by tests; 2 nodes of 2 operators, 4 numbers in initialisers" in out
    assert "everything is compiled: 1 kernel" in out


def test_doctor_on_a_damaged_file(at, capsys):
    (at / "bad.onnx").write_bytes(LINE.SerializeToString()[:-20])
    status, out, _ = call(capsys, "doctor", "bad.onnx")
    assert status == 1 and "BAD " in out and "bad.onnx" in out
    status, _, err = call(capsys, "doctor", "none.onnx")
    assert status == 1 and "none.onnx" in err
