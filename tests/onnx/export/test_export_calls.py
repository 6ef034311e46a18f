"""``export`` itself: what it takes, what it names, what it writes, and what it says when it cannot."""

import os
import sys

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

from exported import answers, operators, session

import graphc as tf
import graphc.onnx
from graphc.errors import FormatError, UnavailableError, UnimplementedError, UsageError
from graphc.onnx.export import export

SPEC = tf.TensorSpec((None, 3))
X = np.arange(6, dtype=np.float32).reshape(2, 3)


def double(x):
    return {"twice": x * 2.0, "least": tf.reduce_min(x)}


def test_functions_in_every_spelling():
    signed = tf.function(double, input_signature=[SPEC])
    concrete = tf.function(double).get_concrete_function(SPEC)

    class Doubling(tf.Module):
        @tf.function(input_signature=[SPEC])
        def __call__(self, x):
            return double(x)

    module = Doubling()
    subjects = [signed, concrete, concrete.graph.ir, module, module.__call__]
    for subject in subjects:
        assert answers(export(subject), [X])[-1].tolist() == (X * 2).tolist()
    for inputs in ([SPEC], SPEC, {"x": SPEC}, [X], {"x": tf.constant(X)}):
        assert answers(export(double, inputs=inputs), [X])[-1].tolist() == (X * 2).tolist()


def test_names_of_inputs_and_outputs():
    model = export(double, inputs=[SPEC])
    assert [o.name for o in model.graph.output] == ["least", "twice"]
    assert [i.name for i in model.graph.input] == ["x"]
    named = export(double, inputs=[SPEC], names={"x": "images", "twice": "scores"})
    assert ([i.name for i in named.graph.input], [o.name for o in named.graph.output]) == (
        ["images"],
        ["least", "scores"],
    )
    listed = export(double, inputs=[SPEC], names=["a", "b"])
    assert [o.name for o in listed.graph.output] == ["a", "b"]
    assert session(listed).run(["b"], {"x": X})[0].tolist() == (X * 2).tolist()


def test_what_is_given_back_as_it_came():
    weight = tf.Variable([1.0, 2.0], name="weight")
    model = export(lambda x: (x, x, weight, tf.constant(3.0)), inputs=[SPEC])
    found = answers(model, [X])
    assert [a.tolist() for a in found] == [X.tolist(), X.tolist(), [1.0, 2.0], 3.0]
    assert operators(model) == {"Identity": 4}


def test_a_model_that_was_loaded(tmp_path):
    path = tmp_path / "model.onnx"
    first = export(double, path, inputs=[SPEC])
    assert path.read_bytes() == first.SerializeToString()
    loaded = graphc.onnx.load(path)
    again = export(loaded)
    for got, wanted in zip(answers(again, [X]), loaded.run([X]), strict=True):
        assert got.tolist() == np.asarray(wanted).tolist()


def test_large_values_beside_the_model(tmp_path):
    table = tf.Variable(np.arange(4000, dtype=np.float32), name="table")
    specs = [tf.TensorSpec((None,), tf.int32)]
    export(lambda i: tf.gather(table, i), tmp_path / "a.onnx", inputs=specs, external_data=True)
    export(lambda i: tf.gather(table, i), tmp_path / "b.onnx", inputs=specs, external_data="b.bin")
    assert sorted(os.listdir(tmp_path)) == ["a.onnx", "a.onnx.data", "b.bin", "b.onnx"]
    assert (tmp_path / "a.onnx").stat().st_size < 2000
    onnx.checker.check_model(str(tmp_path / "a.onnx"))
    import onnxruntime

    for name in "ab":
        runs = onnxruntime.InferenceSession(str(tmp_path / f"{name}.onnx"))
        assert runs.run(None, {"i": np.array([3999, 7], np.int32)})[0].tolist() == [3999.0, 7.0]
    with pytest.raises(UsageError, match="external_data needs a path"):
        export(lambda i: i, inputs=specs, external_data=True)


def test_everything_that_has_no_meaning_is_told_at_once(tmp_path):
    def program(x):
        y = tf.math.lgamma(x) + tf.math.igamma(x, x)
        z = tf.signal.fft(tf.cast(y, tf.complex64))
        return tf.cond(x[0] > 0, lambda: tf.math.lgamma(y), lambda: tf.math.real(z))

    with pytest.raises(UnimplementedError) as caught:
        export(program, tmp_path / "no.onnx", inputs=[tf.TensorSpec((4,))])
    told = str(caught.value)
    assert "program: 6 operations have no meaning in ONNX (opset 18); nothing was written" in told
    assert "2 x  lgamma   test_export_calls.py:" in told
    for what in ("1 x  igamma", "cast of complex numbers", "fft of complex numbers", "real of complex numbers"):
        assert what in told
    assert not os.listdir(tmp_path)


def test_what_a_later_opset_has_is_told():
    def program(x):
        return tf.bitwise.bitwise_xor(x, 3), tf.tensor_scatter_nd_add(x, [[0]], [1])

    specs = [tf.TensorSpec((None,), tf.int32)]
    with pytest.raises(
        UnimplementedError, match=r"(?s)'add', which opset 16 has.*xor of bits \(int32\), which opset 18 has"
    ):
        export(program, inputs=specs, opset=15)
    assert answers(export(program, inputs=specs), [np.array([1, 6], np.int32)])[0].tolist() == [2, 5]


def test_effects_are_told():
    def program(x):
        tf.print("seen", x)
        tf.debugging.assert_positive(x)
        return x + 1.0

    with pytest.raises(UnimplementedError, match="print"):
        export(tf.function(program), inputs=[tf.TensorSpec((None,))])


def test_wrong_calls():
    for opset in (12, 99, "18"):
        with pytest.raises(UsageError, match="opset must be 13 to 26"):
            export(double, inputs=[SPEC], opset=opset)
    with pytest.raises(UsageError, match="double has no input_signature: say by inputs="):
        export(tf.function(double))
    with pytest.raises(UsageError, match="list is neither a function nor a model"):
        export([double])
    with pytest.raises(UsageError, match="inputs are for functions"):
        export(tf.function(double).get_concrete_function(SPEC).graph.ir, inputs=[SPEC])
    with pytest.raises(UsageError, match="there is no input or output y; there are least, twice, x"):
        export(double, inputs=[SPEC], names={"y": "z"})
    with pytest.raises(UsageError, match="3 names for 2 outputs"):
        export(double, inputs=[SPEC], names=["a", "b", "c"])
    with pytest.raises(UsageError, match="unknown rank"):
        export(double, inputs=[tf.TensorSpec(None)])


def test_the_check(monkeypatch):
    assert export(double, inputs=[SPEC], check=True).ir_version == 8

    def refuse(*args, **kwargs):
        raise onnx.checker.ValidationError("no")

    monkeypatch.setattr(onnx.checker, "check_model", refuse)
    with pytest.raises(FormatError, match="the onnx package refuses the model: no"):
        export(double, inputs=[SPEC], check=True)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UnavailableError, match=r"graphc\[onnx\]"):
        export(double, inputs=[SPEC], check=True)


def test_equal_values_are_written_once():
    def program(x):
        return tf.exp(x) + 1.5, tf.exp(x) * 1.5, tf.transpose(x) - 1.5, tf.transpose(x) + 2.5

    model = export(program, inputs=[SPEC])
    assert operators(model)["Exp"] == operators(model)["Transpose"] == 1
    assert [t.name for t in model.graph.initializer] == ["float_1.5", "float_2.5"]


def test_a_long_program_is_written_without_recursion():
    def program(x):
        for k in range(1500):
            x = tf.sin(x) + float(k)
        return x

    assert len(export(program, inputs=[SPEC]).graph.node) == 3000
