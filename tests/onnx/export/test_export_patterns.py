"""What becomes one operator of ONNX, and what only looks as if it did."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from exported import expect_same, operators

import graphc as tf

_random = np.random.default_rng(11)


def floats(*shape):
    return _random.standard_normal(shape).astype(np.float32)


def softmax(x, axis):
    e = tf.exp(x - tf.reduce_max(x, axis, keepdims=True))
    return e / tf.reduce_sum(e, axis, keepdims=True)


def normalised(x, division):
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), -1, keepdims=True)
    away = (x - mean) / tf.sqrt(variance + 1e-3) if division else (x - mean) * tf.math.rsqrt(variance + 1e-3)
    return away


def moments_normalised(x):
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, OFFSET, SCALE, 1e-3)


def other_variance(x):
    variance = tf.math.reduce_variance(x, -1, True)
    return (x - 1.0) * tf.math.rsqrt(variance + 1e-3) * SCALE + OFFSET


MATRIX = tf.constant(floats(6, 4))
SCALE, OFFSET = tf.constant(floats(6)), tf.constant(floats(6))

ONE = {
    "Relu": lambda x: tf.nn.relu(x),
    "Clip": lambda x: tf.nn.relu6(x),
    "Clip ": lambda x: tf.maximum(tf.minimum(x, 0.5), -0.25),
    "Softmax": lambda x: tf.nn.softmax(x),
    "Softmax ": lambda x: tf.nn.softmax(x, 0),
    "Softmax  ": lambda x: softmax(x, 1),
    "LogSoftmax": lambda x: tf.nn.log_softmax(x, 1),
    "Sigmoid": lambda x: tf.sigmoid(x),
    "Gelu": lambda x: tf.nn.gelu(x),
    "Gelu ": lambda x: tf.nn.gelu(x, True),
    "Elu": lambda x: tf.nn.elu(x),
    "Selu": lambda x: tf.nn.selu(x),
    "LeakyRelu": lambda x: tf.nn.leaky_relu(x, 0.3),
    "Softplus": lambda x: tf.nn.softplus(x),
    "Softsign": lambda x: tf.nn.softsign(x),
    "ReduceMean": lambda x: tf.reduce_mean(x, [1, 2]),
    "ReduceMean ": lambda x: tf.reduce_mean(x, -1, keepdims=True),
    "ReduceSum": lambda x: tf.reduce_sum(x, 1, keepdims=True),
    "LayerNormalization": lambda x: normalised(x, True) * SCALE + OFFSET,
    "LayerNormalization ": lambda x: OFFSET + SCALE * normalised(x, False),
    "LayerNormalization  ": lambda x: moments_normalised(x),
    "Transpose": lambda x: tf.transpose(tf.transpose(tf.transpose(x, (2, 0, 1)), (0, 2, 1)), (1, 0, 2)),
    "MatMul": lambda x: x @ MATRIX,
    "CumSum": lambda x: tf.cumsum(x, 1, exclusive=True, reverse=True),
    "Unsqueeze": lambda x: tf.expand_dims(x, 2),
    "Pad": lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 0]]),
    "Slice": lambda x: x[:, 1:4:2],
    "Concat": lambda x: tf.concat([x, x], 1),
}


@pytest.mark.parametrize("kind", ONE)
def test_one_operator(kind):
    x = floats(3, 5, 6)
    x[0, 0, 0] = np.float32(-0.0)
    model = expect_same(ONE[kind], [x], [tf.TensorSpec((None, 5, 6))], 1e-5, opset=20)
    assert operators(model) == {kind.strip(): 1}


def test_operators_that_come_later_are_written_out():
    gelu = expect_same(tf.nn.gelu, [floats(3)], [tf.TensorSpec((None,))], opset=19)
    assert "Gelu" not in operators(gelu) and "Erf" in operators(gelu)
    norm = expect_same(ONE["LayerNormalization"], [floats(3, 5, 6)], [tf.TensorSpec((None, 5, 6))], opset=16)
    assert "LayerNormalization" not in operators(norm) and "ReduceMean" in operators(norm)


NEAR = {
    "a sum that is divided by another number": lambda x: tf.reduce_sum(x, 1) / 4.0,
    "exponentials of what is not shifted": lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x), 1, keepdims=True),
    "softmax along one axis, divided along another": lambda x: _mixed(x),
    "limits in the wrong order": lambda x: tf.maximum(tf.minimum(x, -0.5), 0.5),
    "another slope": lambda x: tf.where(x > 0, x * 2.0, x * 0.3),
    "a norm of every second row": lambda x: normalised(x[:, ::2], True) * SCALE + OFFSET,
    "the variance of something else": lambda x: other_variance(x),
    "windows that are not whole": lambda x: tf.maximum(x[:, 0:4:2], x[:, 2:5:2]),
    "a maximum of neighbours of different tensors": lambda x: tf.maximum(x[:, 1:], (x * 2)[:, :-1]),
}


def _mixed(x):
    e = tf.exp(x - tf.reduce_max(x, 1, keepdims=True))
    return e / tf.reduce_sum(e, 2, keepdims=True)


@pytest.mark.parametrize("what", NEAR)
def test_what_only_looks_like_it(what):
    expect_same(NEAR[what], [floats(3, 5, 6)], [tf.TensorSpec((None, 5, 6))], 1e-5, opset=20)


@pytest.mark.parametrize("padding", ["SAME", "VALID", [[0, 0], [1, 1], [0, 2], [0, 0]]])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1), ((1, 3), (1, 2)), (12, 5), (9, 1)])
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_pooling_of_every_form(kind, size, stride, padding):
    pool = tf.nn.max_pool2d if kind == "max" else tf.nn.avg_pool2d
    if not isinstance(padding, str) and size in (2, (1, 3)):
        padding = [[0, 0], [0, 0], [1, 0], [0, 0]]  # less than the window
    model = expect_same(
        lambda x: pool(x, size, stride, padding), [floats(2, 13, 14, 3)], [tf.TensorSpec((None, 13, 14, 3))], 1e-5
    )
    if size in (2, 3):
        assert operators(model) == {"Transpose": 2, f"{'Max' if kind == 'max' else 'Average'}Pool": 1}


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_pooling_in_both_layouts(layout):
    shape = (2, 8, 9, 3) if layout == "NHWC" else (2, 3, 8, 9)
    model = expect_same(
        lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID", layout), [floats(*shape)], [tf.TensorSpec((None, *shape[1:]))]
    )
    assert operators(model)["Transpose"] == (2 if layout == "NHWC" else 0)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(
    ("stride", "dilation", "padding"), [(1, 1, "SAME"), (2, 1, "SAME"), (1, 2, "VALID"), (3, 1, "VALID")]
)
def test_convolutions_of_every_form(groups, stride, dilation, padding):
    kernel = tf.Variable(floats(3, 2, 8 // groups, 4))

    def network(x):
        return tf.nn.conv2d(x, kernel, stride, padding, dilations=dilation) + tf.constant([1.0, 2.0, 3.0, 4.0])

    model = expect_same(network, [floats(2, 9, 10, 8)], [tf.TensorSpec((None, 9, 10, 8))], 1e-4)
    assert operators(model) == {"Transpose": 2, "Conv": 1}


@pytest.mark.parametrize(("stride", "padding"), [(1, "SAME"), (2, "SAME"), (3, "VALID"), (2, "VALID")])
def test_convolutions_back(stride, padding):
    kernel = tf.Variable(floats(3, 3, 3, 4))

    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.square(tf.nn.conv2d(x, kernel, stride, padding)))
        return tape.gradient(y, [x, kernel])

    model = expect_same(gradients, [floats(2, 8, 9, 3)], [tf.TensorSpec((None, 8, 9, 3))], 1e-3)
    assert operators(model)["Conv"] + operators(model)["ConvTranspose"] == 3
