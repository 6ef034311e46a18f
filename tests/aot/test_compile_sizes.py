"""``graphc compile --batch`` and ``--size``: programs for sizes that are known."""

import numpy as np
import pytest

import graphc
import graphc.v1 as tf
from graphc import aot
from graphc.cli import main
from graphc.errors import ShapeError, UsageError
from graphc.ir.parser import parse


def product():
    """x @ w + b for x and b with batches of their own that must be equal, and an open inner size."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, None], name="x")
        w = tf.placeholder(tf.float32, [None, 4], name="w")
        b = tf.placeholder(tf.float32, [None, 4], name="b")
        return tf.freeze(tf.Session(graph=graph), [x, w, b], [tf.matmul(x, w) + b], name="product")


def shapes(path) -> list[tuple]:
    return [tuple(d if type(d) is int else "?" for d in p.type.shape) for p in graphc.load(path).signature.inputs]


def test_a_batch_of_one_size(predictor, tmp_path):
    notes = []
    aot.compile(predictor.graph, tmp_path / "m.gc", batch=5, on_note=notes.append)
    assert notes == ["batch of 5: axis 0 of pixels"]
    for file in ("m.gc", "m.so"):
        model = graphc.load(tmp_path / file)
        assert model.signature.inputs[0].type.shape == (5, 64) and model.signature.symbols == ()
        assert model(predictor.data(5))[0].tobytes() == predictor.answer(5).tobytes()
        with pytest.raises(ShapeError):
            model(predictor.data(4))
    header = (tmp_path / "m.h").read_text()
    assert "#define M_DIMS 0" in header and "#define M_INPUT0_ELEMENTS 320" in header


def test_sizes_that_must_be_equal_are_bound_together(tmp_path):
    for given, expected in (
        ({"x.0": 3}, [(3, "?"), ("?", 4), (3, 4)]),
        ({"b.0": 3}, [(3, "?"), ("?", 4), (3, 4)]),
        ({"x.1": 7}, [("?", 7), (7, 4), ("?", 4)]),
        ({"n": 3, "m": 7}, [(3, 7), (7, 4), (3, 4)]),
    ):
        aot.compile(product(), tmp_path / "m.gc", sizes=given)
        assert shapes(tmp_path / "m.gc") == expected
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(s).astype(np.float32) for s in ((3, 7), (7, 4), (3, 4)))
    (expected,) = graphc.compile_graph(product())(x, w, b)
    assert graphc.load(tmp_path / "m.gc")(x, w, b)[0].tobytes() == expected.tobytes()


def test_several_open_first_axes(tmp_path):
    notes = []
    aot.compile(product(), tmp_path / "m.gc", batch=4, on_note=notes.append)
    assert shapes(tmp_path / "m.gc") == [(4, 4), (4, 4), (4, 4)]  # w has one too, which --size leaves
    assert notes == ["batch of 4: axis 0 of x, w, b"]


def test_the_command_line(predictor, tmp_path, capsys):
    aot.save(predictor.graph, tmp_path / "m.gc")
    container, out = str(tmp_path / "m.gc"), f"{tmp_path}/new/"
    assert main(["compile", container, "-o", out, "--size", "n=2", "--batch", "2"]) == 0
    assert shapes(tmp_path / "new" / "m.gc") == [(2, 64)]
    assert main(["compile", container, "-o", out, "--batch", "symbolic"]) == 0
    assert shapes(tmp_path / "new" / "m.gc") == [("?", 64)]
    capsys.readouterr()
    for arguments, words in (
        (["--batch", "0"], "--batch 0: give a number, 1 or more, or symbolic"),
        (["--batch", "many"], "--batch many: give"),
        (["--size", "n"], "--size n: give NAME=SIZE"),
        (["--size", "n=1", "--size", "n=1"], "size n is given twice"),
        (["--size", "k=1"], "no open dimension of that name; those open are n, pixels.0"),
        (["--size", "n=1", "--batch", "2"], "size of the batch is 2, but it is 1 too"),
    ):
        assert main(["compile", container, "-o", f"{tmp_path}/none/", *arguments]) == 1
        assert words in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_fixed_batch_is_made_open_or_what_fixes_it_is_named(predictor, tmp_path, capsys):
    aot.compile(predictor.graph, tmp_path / "fixed.gc", batch=1)
    graphc.onnx.export(aot.read(tmp_path / "fixed.gc").graph, tmp_path / "m.onnx")
    for model, batch, shape in (("fixed.gc", "symbolic", "?"), ("m.onnx", "symbolic", "?"), ("fixed.gc", "6", 6), ("m.onnx", "1", 1)):
        assert main(["compile", f"{tmp_path}/{model}", "-o", f"{tmp_path}/out.gc", "--batch", batch]) == 0
        assert shapes(tmp_path / "out.gc") == [(shape, 64)]
        said = capsys.readouterr().out
        assert ("the batch was of fixed size: axis 0 of pixels" in said) == (batch != "1")
        rows = 6 if shape == "?" else shape
        found = graphc.load(tmp_path / "out.so")(predictor.data(rows))[0]
        assert found.tobytes() == predictor.answer(rows).tobytes()
    (tmp_path / "mean.txt").write_text(
        'graph @mean(%x: f32[4,3]) {\n  %reduce0: f32[3] = reduce(%x, kind="sum", axes=(0,))  # net.py:7\n  return %reduce0\n}\n'
    )
    assert main(["compile", f"{tmp_path}/mean.txt", "-o", f"{tmp_path}/mean.gc", "--batch", "symbolic"]) == 1
    said = capsys.readouterr().err
    assert "fixed at 4 and cannot be made open: reduce takes all rows of f32[4,3] together" in said and "net.py:7" in said


def test_a_size_that_the_model_asks_for(tmp_path):
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        y = tf.freeze(tf.Session(graph=graph), [x], [tf.ensure_shape(x, [4, 3]) + 1.0], name="y")
    aot.compile(y, tmp_path / "m.gc", batch=4)
    assert shapes(tmp_path / "m.gc") == [(4, 3)]
    with pytest.raises(UsageError, match="no other size than 4 for axis 0 of x, so no batch of 5"):
        aot.compile(y, tmp_path / "m.gc", batch=5)
    for batch in ("5", 0, True):
        with pytest.raises(UsageError, match="give a number, 1 or more, or 'symbolic'"):
            aot.compile(y, tmp_path / "m.gc", batch=batch)


def test_requirements_of_a_text_stay(tmp_path):
    text = 'graph @g(%x: f32[n], %y: f32[m]) {{\n  %add0: f32[n] = add(%x, %x)\n  require n == m*{} "n must be twice m"\n  return %add0\n}}\n'
    model = parse(text.format(2))
    aot.compile(model, tmp_path / "m.gc", sizes={"y.0": 3})
    run, y = graphc.load(tmp_path / "m.gc"), np.ones(3, np.float32)
    assert run(np.ones(6, np.float32), y)[0].shape == (6,)
    with pytest.raises(ShapeError, match="n must be twice m"):
        run(np.ones(4, np.float32), y)
    with pytest.raises(ShapeError, match=r"^with x.0 = 5, y.0 = 3: n must be twice m$"):
        aot.compile(model, tmp_path / "m.gc", sizes={"x.0": 5, "y.0": 3})
    aot.compile(model, tmp_path / "m.gc", sizes={"x.0": 6, "y.0": 3})
    assert aot.read(tmp_path / "m.gc").graph.requires == ()


@pytest.mark.parametrize("given", [{"batch": 3}, {"sizes": {"a b.0": 3}}, {"sizes": {"n": 3}}])
def test_sizes_whose_names_are_no_identifiers(given, tmp_path):
    text = 'graph @g(%"a b": f32[$"rows of a", 2]) {\n  %add0: f32[$"rows of a", 2] = add(%"a b", %"a b")\n  return %add0\n}\n'
    aot.compile(parse(text), tmp_path / "m.gc", **given)
    assert shapes(tmp_path / "m.gc") == [(3, 2)]


def test_a_size_that_is_no_number(tmp_path):
    model = parse("graph @g(%x: f32[n]) {\n  return %x\n}\n")
    with pytest.raises(UsageError, match="size n = '3' must be a number"):
        aot.compile(model, tmp_path / "m.gc", sizes={"n": "3"})
