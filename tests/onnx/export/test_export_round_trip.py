"""What was exported is read again and computes the same, and a loaded model is exported again."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from exported import answers, differs, operators

import graphc as tf
import graphc.onnx
from graphc.onnx.export import export

_random = np.random.default_rng(3)


def floats(*shape):
    return _random.standard_normal(shape).astype(np.float32)


SHAPES = {"conv/kernel": (3, 3, 3, 8), "conv/bias": (8,), "dense/kernel": (8, 5)}
KERNEL, BIAS, DENSE = (tf.Variable(floats(*s) * np.float32(0.3), name=n) for n, s in SHAPES.items())


def images(x):
    x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, KERNEL, 2, "SAME") + BIAS), 2, 2, "VALID")
    return tf.nn.softmax(tf.reduce_mean(x, [1, 2]) @ DENSE)


def steps(x):
    i = tf.constant(0)
    while tf.reduce_sum(x) < 10.0:
        x, i = tf.cond(i % 2 == 0, lambda: x * 2.0, lambda: x + 1.0), i + 1
    return x, i


def rows(x):
    def body(total, row):
        return total + row

    return tf.scan(body, x, tf.zeros((3,))), tf.math.top_k(x, 2)[1], tf.argmax(x, 0), tf.boolean_mask(x, x > 0)


PROGRAMS = {
    "images": (images, [floats(2, 16, 16, 3)], [tf.TensorSpec((None, 16, 16, 3))]),
    "steps": (steps, [np.array([0.5, 1.0], np.float32)], [tf.TensorSpec((None,))]),
    "rows": (rows, [floats(4, 3)], [tf.TensorSpec((None, 3))]),
    "integers": (lambda x: (x // 3, x % -4, tf.bitwise.invert(x), tf.cast(x, tf.float32) / 2.0),
                 [np.arange(-6, 6, dtype=np.int32)], [tf.TensorSpec((None,), tf.int32)]),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("opset", [18, 22])
def test_there_and_back(name, opset):
    program, arrays, specs = PROGRAMS[name]
    model = export(program, inputs=specs, opset=opset)
    wanted = answers(model, arrays)
    loaded = graphc.onnx.load(model)
    for a, b in zip(loaded.run(arrays), wanted, strict=True):
        assert (wrong := differs(a, b, 1e-4)) is None, wrong
    again = export(loaded, opset=opset)
    for a, b in zip(answers(again, arrays), wanted, strict=True):
        assert (wrong := differs(a, b, 1e-4)) is None, wrong


def test_a_network_stays_what_it_was():
    program, arrays, specs = PROGRAMS["images"]
    first = export(program, inputs=specs)
    again = export(graphc.onnx.load(first))
    assert operators(again) == operators(first)
    assert {t.name for t in again.graph.initializer} >= {"conv/kernel", "dense/kernel"}
    assert [i.name for i in again.graph.input] == ["x"]


def test_weights_that_were_trained_are_written():
    program, arrays, specs = PROGRAMS["images"]
    loaded = graphc.onnx.load(export(program, inputs=specs))
    before = loaded.run(arrays)[0]
    loaded.variables["dense/kernel"].assign(loaded.variables["dense/kernel"] * 2.0)
    after = loaded.run(arrays)[0]
    model = export(loaded)
    (found,) = answers(model, arrays)
    assert differs(found, after, 1e-4) is None and differs(found, before, 1e-4) is not None
    assert [o.name for o in model.graph.output] == ["output_0"]
    assert "dense/kernel" in {t.name for t in model.graph.initializer}


def test_graphs_of_tensorflow_1():
    from graphc import v1

    graph = v1.Graph()
    with graph.as_default():
        x = v1.placeholder(v1.float32, (None, 3), name="x")
        w = v1.get_variable("w", initializer=v1.constant([[1.0], [2.0], [3.0]]))
        frozen = v1.freeze_initial({"y": v1.sigmoid(v1.matmul(x, w)), "total": v1.reduce_sum(x)})
    model = export(frozen)
    assert [i.name for i in model.graph.input] == ["x"]
    data = floats(2, 3)
    by_name = dict(zip([o.name for o in model.graph.output], answers(model, [data])))
    assert differs(by_name["y"], 1 / (1 + np.exp(-(data @ np.array([[1], [2], [3]], np.float32)))), 1e-5) is None
    assert differs(by_name["total"], data.sum(), 1e-5) is None
