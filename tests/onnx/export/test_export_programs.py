"""Whole programs exported: ONNX Runtime answers what the interpreter does, and operators are what a person expects."""

import json

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from exported import answers, checked, expect_same, operators, session

import graphc as tf
from graphc.onnx.export import export

_random = np.random.default_rng(7)


def floats(*shape):
    return _random.standard_normal(shape).astype(np.float32)


def spec(*shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype)


def weights(*shape, name, scale=0.3):
    return tf.Variable(floats(*shape) * np.float32(scale), name=name)


def names(model):
    return [t.name for t in model.graph.initializer]


# ------------------------------------------------------------------------------------------------- networks


def test_a_perceptron_is_two_products():
    w1, b1 = weights(20, 8, name="dense/kernel"), weights(8, name="dense/bias")
    w2, b2 = weights(8, 3, name="logits/kernel"), weights(3, name="logits/bias")

    @tf.function(input_signature=[spec(None, 20)])
    def network(x):
        return tf.nn.softmax(tf.nn.relu(x @ w1 + b1) @ w2 + b2)

    model = expect_same(network, [floats(5, 20)])
    assert [n.op_type for n in model.graph.node] == ["Gemm", "Relu", "Gemm", "Softmax"]
    assert sorted(names(model)) == ["dense/bias", "dense/kernel", "logits/bias", "logits/kernel"]
    assert [n.name for n in model.graph.node if n.op_type == "Gemm"] == ["dense/Gemm", "logits/Gemm"]
    assert "test_export_programs.py" in model.graph.node[0].doc_string
    assert "@ w1 + b1" in model.graph.node[0].doc_string
    (x,), (y,) = model.graph.input, model.graph.output
    assert (x.name, y.name) == ("x", "output_0")
    assert x.type.tensor_type.shape.dim[0].dim_param == y.type.tensor_type.shape.dim[0].dim_param == "x_0"
    assert (model.producer_name, model.opset_import[0].version) == ("graphc", 18)


def images():
    k1, b1 = weights(3, 3, 3, 8, name="conv1/kernel"), weights(8, name="conv1/bias")
    k2 = weights(3, 3, 8, 16, name="conv2/kernel")
    scale, offset, mean, variance = [tf.Variable(np.abs(floats(16)) + 0.5, name=f"norm/{n}") for n in "abcd"]
    w, b = weights(16, 10, name="head/kernel"), weights(10, name="head/bias")

    def network(x):
        x = tf.nn.relu(tf.nn.conv2d(x, k1, 1, "SAME") + b1)
        x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        x = tf.nn.batch_normalization(tf.nn.conv2d(x, k2, 2, "SAME"), mean, variance, offset, scale, 1e-3)
        x = tf.nn.avg_pool2d(tf.nn.relu6(x), 3, 1, "SAME")
        return tf.matmul(tf.reduce_mean(x, [1, 2]), w) + b

    return network


@pytest.mark.parametrize("opset", [13, 18, 24])
def test_a_network_for_images_is_turned_once(opset):
    model = expect_same(images(), [floats(2, 16, 16, 3)], [spec(None, 16, 16, 3)], 1e-4, opset=opset)
    assert [n.op_type for n in model.graph.node] == [
        "Transpose", "Conv", "Relu", "MaxPool", "Conv", "BatchNormalization", "Clip", "AveragePool", "ReduceMean",
        "Gemm",
    ]  # fmt: skip
    kernel = next(t for t in model.graph.initializer if t.name == "conv1/kernel")
    assert list(kernel.dims) == [8, 3, 3, 3]


@pytest.mark.parametrize("size", [7, 8, 9, 12])
def test_images_of_any_size_keep_their_border(size):
    kernel = weights(3, 3, 3, 4, name="kernel")

    def network(x):
        return tf.nn.max_pool2d(tf.nn.conv2d(x, kernel, 2, "SAME"), 3, 2, "SAME"), tf.nn.avg_pool2d(x, 3, 2, "SAME")

    model = expect_same(network, [floats(2, size, size + 1, 3)], [spec(None, None, None, 3)], 1e-4)
    assert operators(model) == {"Transpose": 3, "Conv": 1, "MaxPool": 1, "AveragePool": 1}


def test_depthwise_and_transposed_convolutions():
    depth, up = weights(3, 3, 4, 2, name="depth"), weights(3, 3, 5, 8, name="up")

    def network(x):
        x = tf.nn.depthwise_conv2d(x, depth, [1, 2, 2, 1], "SAME")
        return tf.nn.conv2d_transpose(x, up, (tf.shape(x)[0], 8, 8, 5), 2, "SAME")

    model = expect_same(network, [floats(2, 8, 8, 4)], [spec(None, 8, 8, 4)], 1e-4)
    assert operators(model) == {"Transpose": 2, "Conv": 1, "ConvTranspose": 1}


def test_convolutions_of_one_and_three_axes():
    line_kernel, volume_kernel = weights(3, 2, 4, name="line"), weights(2, 2, 2, 3, 4, name="volume")

    def network(x, y):
        line = tf.nn.conv1d(x, line_kernel, 1, "SAME", dilations=2)
        volume = tf.nn.conv3d(y, volume_kernel, [1] * 5, "SAME")
        return tf.nn.max_pool1d(line, 2, 2, "VALID"), tf.nn.avg_pool3d(volume, 2, 2, "VALID")

    model = expect_same(
        network, [floats(2, 9, 2), floats(1, 4, 4, 6, 3)], [spec(None, 9, 2), spec(None, 4, 4, 6, 3)], 1e-4
    )
    assert operators(model) == {"Transpose": 4, "Conv": 2, "MaxPool": 1, "AveragePool": 1}


def attention(width=16, heads=4):
    q, k, v, o = [weights(width, width, name=f"attention/{n}") for n in "qkvo"]
    gamma, beta = weights(width, name="norm/gamma", scale=1), weights(width, name="norm/beta")

    def block(x):
        batch, length = tf.shape(x)[0], tf.shape(x)[1]

        def split(t):
            return tf.transpose(tf.reshape(t, (batch, length, heads, width // heads)), (0, 2, 1, 3))

        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        h = (x - mean) * tf.math.rsqrt(variance + 1e-5) * gamma + beta
        scores = tf.matmul(split(h @ q), split(h @ k), transpose_b=True) / np.float32(np.sqrt(width // heads))
        mixed = tf.matmul(tf.nn.softmax(scores), split(h @ v))
        return x + tf.nn.gelu(tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (batch, length, width)) @ o)

    return block


@pytest.mark.parametrize(("batch", "length"), [(2, 5), (0, 5), (2, 0), (1, 1)])
def test_attention_serves_any_batch_and_length(batch, length):
    model = expect_same(attention(), [floats(batch, length, 16)], [spec(None, None, 16)], opset=20)
    found = operators(model)
    assert found["LayerNormalization"] == found["Softmax"] == found["Gelu"] == 1
    assert found["MatMul"] == 6
    assert found["Expand"] == found["Shape"] == 0


def test_a_recurrent_network_is_a_loop():
    kernel, bias = weights(24, 64, name="lstm/kernel"), weights(64, name="lstm/bias")

    def network(x):
        h = c = tf.zeros((tf.shape(x)[0], 16))
        outputs = tf.TensorArray(tf.float32, tf.shape(x)[1])
        for t in tf.range(tf.shape(x)[1]):
            i, j, f, o = tf.split(tf.concat([x[:, t], h], 1) @ kernel + bias, 4, 1)
            c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
            h = tf.tanh(c) * tf.sigmoid(o)
            outputs = outputs.write(t, h)
        return tf.transpose(outputs.stack(), (1, 0, 2)), h

    for length in (4, 0):
        model = expect_same(network, [floats(3, length, 8)], [spec(None, None, 8)])
    assert operators(model)["Loop"] == 1
    assert operators(model)["Gemm"] == 1


# --------------------------------------------------------------------------------------- programs, not networks


def test_branches_and_loops():
    def program(x):
        i = tf.constant(0)
        while tf.reduce_sum(x) < 100.0 and i < 50:
            if i % 2 == 0:
                x = x * 2.0
            else:
                x = x + 1.0
            i += 1
        return x, i

    for start in ([0.5, 1.0, 2.0], [200.0], [-1.0]):
        model = expect_same(program, [np.array(start, np.float32)], [spec(None)])
    assert operators(model)["Loop"] == operators(model)["If"] == 1
    (loop,) = [n for n in model.graph.node if n.op_type == "Loop"]
    assert len(loop.output) == 2  # what counts the steps serves nothing


def test_a_branch_uses_what_is_around_it():
    def program(x, y):
        z = x @ y
        return tf.cond(
            tf.reduce_sum(x) > 0.0, lambda: z + tf.reduce_max(y), lambda: tf.cond(z[0, 0] > 0, lambda: z, lambda: -z)
        )

    for sign in (1, -1):
        model = expect_same(
            program, [np.abs(floats(3, 3)) * np.float32(sign), floats(3, 3)], [spec(None, 3), spec(3, 3)]
        )
    assert operators(model)["If"] == 2
    assert operators(model)["MatMul"] == 1


def test_a_step_of_training():
    w, b = weights(4, 3, name="w"), weights(3, name="b")

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.nn.relu(x @ w + b)))
        for variable, gradient in zip((w, b), tape.gradient(loss, [w, b])):
            variable.assign_sub(0.1 * gradient)
        return loss

    x, y = floats(8, 4), _random.integers(0, 3, 8).astype(np.int32)
    model = expect_same(step, [x, y, w.numpy(), b.numpy()], [spec(None, 4), spec(None, dtype=tf.int32)])
    assert [i.name for i in model.graph.input] == ["x", "y", "w", "b"]
    assert sorted(o.name for o in model.graph.output) == ["b:next", "output_0", "w:next"]
    assert json.loads({p.key: p.value for p in model.metadata_props}["graphc.state"]) == {"w": "w:next", "b": "b:next"}


def test_gradients_of_a_convolution_and_its_pooling():
    kernel = weights(3, 3, 3, 4, name="kernel")

    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME")), 2, 2, "VALID") ** 2)
        return tape.gradient(y, [x, kernel])

    expect_same(gradients, [floats(2, 9, 9, 3)], [spec(None, 9, 9, 3)], 1e-4)


@pytest.mark.parametrize("shape", [(48, 64, 3), (None, None, 3)])
def test_images_are_prepared(shape):
    def prepare(image):
        x = tf.image.resize(tf.image.convert_image_dtype(image, tf.float32), (32, 32))
        x = tf.image.central_crop(x, 0.75)
        x = (x - tf.constant([0.485, 0.456, 0.406])) / tf.constant([0.229, 0.224, 0.225])
        return tf.expand_dims(tf.transpose(x, (2, 0, 1)), 0)

    image = _random.integers(0, 256, (48, 64, 3)).astype(np.uint8)
    expect_same(prepare, [image], [spec(*shape, dtype=tf.uint8)], 1e-4)


def test_lookups_sorting_and_positions():
    table = weights(16, 6, name="table")

    def program(ids):
        rows = tf.gather(table, ids)
        top = tf.math.top_k(tf.reduce_sum(rows, 2), 3)
        return (
            rows,
            tf.reduce_max(rows, 1),
            *top,
            tf.argmax(rows, -1),
            tf.one_hot(ids, 5),
            tf.cumsum(rows, 1),
            tf.argsort(ids),
        )

    model = expect_same(program, [_random.integers(0, 16, (2, 7)).astype(np.int32)], [spec(None, 7, dtype=tf.int32)])
    assert operators(model)["Gather"] == 1


def test_sizes_that_data_tell():
    def program(x):
        found = tf.boolean_mask(x, x > 0)
        values, places, counts = tf.unique_with_counts(tf.cast(x[:, 0] * 2, tf.int32))
        return found, tf.reduce_sum(found), tf.where(x > 0.5), values, places, counts, tf.shape(found)

    expect_same(program, [floats(6, 5)], [spec(None, 5)])
    expect_same(program, [-np.abs(floats(2, 5))], [spec(None, 5)])


def test_random_numbers_are_drawn_by_the_runtime():
    def drop(x):
        return tf.nn.dropout(x, 0.5), tf.random.normal((4000,)), tf.random.uniform((400,), 3, 9, tf.int32)

    model = export(drop, inputs=[spec(None, 50)])
    assert operators(model)["RandomUniformLike"] == operators(model)["RandomNormal"] == 1
    checked(model)
    kept, normal, dice = answers(model, [np.ones((40, 50), np.float32)])
    assert set(np.unique(kept)) == {0.0, 2.0}
    assert 0.4 < (kept > 0).mean() < 0.6
    assert abs(normal.mean()) < 0.1 and abs(normal.std() - 1) < 0.1
    assert set(np.unique(dice)) == set(range(3, 9))
    runs = session(model)
    first, second = (runs.run(None, {"x": np.ones((40, 50), np.float32)})[1] for _ in range(2))
    assert not np.array_equal(first, second)


def test_strings():
    def program(s):
        joined = tf.strings.join([s, tf.constant(["a", "b"])], "-")
        return joined, tf.strings.regex_full_match(s, "[a-z]+B"), tf.equal(s, "abB"), tf.gather(s, [1, 0])

    expect_same(program, [np.array(["abB", "x9"], object)], [spec(2, dtype=tf.string)], opset=20)
