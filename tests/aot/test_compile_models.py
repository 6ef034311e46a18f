"""What can be compiled: objects of a program, and their names in FILE.py."""

import subprocess
import sys

import numpy as np
import pytest

import graphc
import graphc.v1 as v1
from graphc import aot
from graphc.cli import main
from graphc.errors import UsageError

X = np.arange(12, dtype=np.float32).reshape(3, 4)
PROGRAM = """
import numpy as np
import graphc

v = graphc.Variable(np.full((4, 2), 0.5, np.float32), name="v")
count = graphc.Variable(np.zeros((), np.float32), name="count")

@graphc.function(input_signature=[graphc.TensorSpec([None, 4], graphc.float32, name="rows")])
def scores(rows):
    return {"low": rows @ v, "high": 2.0 * (rows @ v)}

@graphc.function(input_signature=[graphc.TensorSpec([None, 4], graphc.float32)])
def counted(rows):
    count.assign_add(1.0)
    return graphc.reduce_sum(rows @ v) + count

@graphc.function
def loose(rows):
    return rows + 1.0

def make():
    return scores

def broken():
    return undefined
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "net.py").write_text(PROGRAM)
    return str(tmp_path / "net.py")


def names(params) -> list[str]:
    return [p.name for p in params]


def test_functions_in_a_file(program, tmp_path):
    for name in ("scores", "make"):
        aot.compile(f"{program}:{name}", f"{tmp_path}/out/")
        model = graphc.load(tmp_path / "out" / f"{name}.so")
        assert names(model.signature.inputs) == ["rows"] and names(model.signature.outputs) == ["high", "low"]
        high, low = model(X)
        np.testing.assert_array_equal(low, X @ np.full((4, 2), 0.5, np.float32))
        assert (high == 2 * low).all()
    aot.compile(program, f"{tmp_path}/out/", entry=["scores", "counted"])
    step = graphc.load(tmp_path / "out" / "net.so", "net_counted")
    assert names(step.signature.inputs) == ["rows", "count"] and names(step.signature.outputs) == ["output_0", "count"]
    first = step(X, np.float32(0))
    assert [float(a) for a in step(X, first[1])] == [float(first[0]) + 1, 2.0]


def test_functions_that_cannot_be(program, tmp_path, capsys):
    for name, words in {
        "loose": "loose has no input_signature and was not traced yet",
        "broken": "net.py stopped with NameError",
        "PI": "net.py defines no 'PI'; it defines counted, loose, scores",
        "np": "np is a module; a model is a Graph, v1 tensors",
    }.items():
        assert main(["compile", f"{program}:{name}", "-o", f"{tmp_path}/none/"]) == 1
        assert words in capsys.readouterr().err
    assert main(["compile", program, "-o", f"{tmp_path}/none/"]) == 1
    assert "say which model" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_functions_as_objects(tmp_path):
    @graphc.function
    def loose(rows):
        return rows + 1.0

    with pytest.raises(UsageError, match="loose has no input_signature and was not traced yet"):
        aot.compile(loose, f"{tmp_path}/out/")
    concrete = loose.get_concrete_function(graphc.TensorSpec([3, 4], graphc.float32))
    for model in (loose, concrete):
        written = aot.compile(model, f"{tmp_path}/out/")
        assert written[0] == tmp_path / "out" / "loose.gc"
        assert (graphc.load(written[0])(X)[0] == X + 1).all()
    loose(np.float32(1))
    with pytest.raises(UsageError, match="was traced 2 times"):
        aot.compile(loose, f"{tmp_path}/out/")

    def fails():
        raise ZeroDivisionError("of the user")

    with pytest.raises(ZeroDivisionError, match="of the user"):
        aot.compile(fails, f"{tmp_path}/out/")
    with pytest.raises(UsageError, match="model is a int; a model is"):
        aot.compile(3, f"{tmp_path}/out/")


def test_tensors(tmp_path):
    with v1.Graph().as_default():
        x = v1.placeholder(v1.float32, [None, 4], name="x")
        w = v1.get_variable("w", [4], initializer=v1.ones_initializer())
        y = x * w
        step = w.assign(2 * w).op
        for model, outputs in ((y, ["mul"]), ([y, x + 1], ["mul", "add"]), ({"out": y}, ["out"]), ([y, step], ["mul", "w"])):
            aot.compile(model, tmp_path / "m.gc")
            found = graphc.load(tmp_path / "m.gc")
            assert names(found.signature.outputs) == outputs
            inputs = [X] if len(found.signature.inputs) == 1 else [X, np.ones(4, np.float32)]
            assert (found(*inputs)[0] == X).all()


def test_a_dict_is_entries(predictor, tmp_path):
    models = {"digits": predictor.graph, "same": lambda: predictor.graph}
    aot.compile(models, tmp_path / "net", entry=["same"])  # a folder, as there are entries
    assert sorted(p.name for p in (tmp_path / "net").glob("*.gc")) == ["model_same.gc"]
    aot.compile(models, tmp_path / "net.gc")
    for entry in models:
        found = graphc.load(tmp_path / "net.so", f"net_{entry}")
        assert found(predictor.data(2))[0].tobytes() == predictor.answer(2).tobytes()


def test_loading_imports_nothing_of_it(predictor, tmp_path):
    aot.compile(predictor.graph, tmp_path / "m.gc")
    program = (
        "import sys, graphc, numpy; graphc.load(sys.argv[1]); "
        "print([m for m in sys.modules if m.startswith(('graphc.models', 'graphc.v1', 'llvmlite'))])"
    )
    run = subprocess.run([sys.executable, "-c", program, tmp_path / "m.gc"], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
