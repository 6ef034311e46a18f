"""Imported models that are trained further: variables, calls on tensors, tapes, functions, optimizers."""

import numpy as np
import pytest
from onnx_models import NUMBERS, model, node

import graphc as tf
from graphc.errors import DtypeError, FeedError, ShapeError, UsageError

rng = np.random.default_rng(0)
W, B, V = (rng.normal(size=s).astype(np.float32) for s in ((4, 8), (8,), (8, 3)))
X, T = rng.normal(size=(5, 4)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)


def network():
    nodes = [node("Gemm", "x w b", "h"), node("Relu", "h", "r"), node("MatMul", "r v", "y")]
    return tf.onnx.load(model(nodes, ["x: float32[n, 4]"], ["y: float32[n, 3]"], {"w": W, "b": B, "v": V}))


def expected(x, w=W, b=B, v=V):
    return np.maximum(x @ w + b, 0) @ v


def test_variables_are_the_initialisers_of_floats():
    one = network()
    assert list(one.variables) == ["w", "b", "v"] and one.variables["w"] is one.variables["w"]
    assert [v.name for v in one.trainable_variables] == ["w:0", "b:0", "v:0"]
    np.testing.assert_array_equal(one.variables["v"].numpy(), V)


def test_what_is_not_learnt_is_not_trainable():
    ones = np.ones(3, np.float32)
    one = tf.onnx.load(
        model(
            [node("BatchNormalization", "x s b m v", "h"), node("Mul", "h two", "y")],
            ["x: float32[n, 3, k]"],
            ["y: float32[n, 3, k]"],
            {"s": ones, "b": ones, "m": 0 * ones, "v": ones, "two": np.float32(2), "k": np.int64([1])},
        )
    )
    assert {n: v.trainable for n, v in one.variables.items()} == {
        "s": True,
        "b": True,
        "m": False,
        "v": False,
        "two": False,
    }


def test_weights_may_be_constants_of_the_graph():
    nodes = [
        node("Constant", "", "w", value=W),
        node("Constant", "", "two", value=np.float32([2])),
        node("MatMul", "x w", "h"),
    ]
    for one in nodes[:2]:
        one.input[:] = []
    one = tf.onnx.load(model([*nodes, node("Mul", "h two", "y")], ["x: float32[n, 4]"], ["y: float32[n, 8]"]))
    assert {n: v.trainable for n, v in one.variables.items()} == {"w": True, "two": False}
    one.variables["w"].assign(3 * W)
    np.testing.assert_allclose(one.run([X])[0], 6 * X @ W, rtol=1e-5)
    np.testing.assert_allclose(one(X).numpy(), 6 * X @ W, rtol=1e-5)


def test_calls_give_tensors_for_any_size():
    one = network()
    for n in (5, 2, 5):
        y = one(X[:n])
        assert isinstance(y, tf.Tensor)
        np.testing.assert_allclose(y.numpy(), expected(X[:n]), rtol=1e-5)
    np.testing.assert_allclose(one(x=tf.constant(X)).numpy(), expected(X), rtol=1e-5)


def test_gradients_by_inputs_and_variables():
    one, x = network(), tf.Variable(X)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(one(x) ** 2)
    dx, dv = tape.gradient(loss, [x, one.variables["v"]])
    hidden, y = np.maximum(X @ W + B, 0), expected(X)
    np.testing.assert_allclose(dv.numpy(), hidden.T @ (2 * y), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dx.numpy(), ((2 * y @ V.T) * (hidden > 0)) @ W.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("in_function", [False, True])
def test_run_uses_what_was_learnt(in_function):
    one, optimizer = network(), tf.optimizers.Adam(0.02)
    before = one.run([X])[0]

    def step(x, t):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((one(x) - t) ** 2)
        variables = one.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    step = tf.function(step) if in_function else step
    losses = [float(step(X, T)) for _ in range(40)]
    assert losses[-1] < 0.3 * losses[0]
    after = one.run([X])[0]
    assert np.abs(after - before).max() > 0.1
    now = {n: v.numpy() for n, v in one.variables.items()}
    np.testing.assert_allclose(after, expected(X, **now), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(one(X).numpy(), after, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(one.run({"x": X[:1]}, ["y"])[0], after[:1], rtol=1e-4, atol=1e-5)


def test_variables_that_nobody_changed_leave_the_program_as_it_is():
    one = network()
    one.run([X])
    before = tf.compilations()
    assert one.variables
    one.run([X])
    assert tf.compilations() == before


def test_functions_of_unknown_sizes_contain_models():
    one = network()

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def twice(x):
        return 2 * one(x)

    for n in (1, 5):
        np.testing.assert_allclose(twice(X[:n]).numpy(), 2 * expected(X[:n]), rtol=1e-5)
    assert twice.experimental_get_tracing_count() == 1
    one.variables["v"].assign(0 * V)
    assert not twice(X).numpy().any()


def test_several_outputs_sequences_and_values_that_decide_shapes():
    nodes = [node("Reshape", "x shape", "y"), node("SequenceConstruct", "x y", "s")]
    text = model(nodes, ["x: float32[n]", "shape: int64[2]"], ["y: float32[a, b]"])
    text.graph.output.add(name="s").type.sequence_type.elem_type.tensor_type.elem_type = 1
    one = tf.onnx.load(text)
    y, s = one(np.arange(6, dtype=np.float32), np.int64([2, 3]))
    assert y.shape == (2, 3) and [t.shape for t in s] == [(6,), (2, 3)]
    y, _ = one(np.arange(6, dtype=np.float32), np.int64([3, 2]))
    assert y.numpy().tolist() == [[0, 1], [2, 3], [4, 5]]


def resized(**attributes):
    weights = {"s": np.float32([1, 1, 2]), "roi": np.float32([0, 0, 0, 1, 1, 1]), "w": np.float32([3.0])}
    return tf.onnx.load(
        model(
            [node("Resize", "x roi s", "y", **attributes), node("Mul", "y w", "z")],
            ["x: float32[1, 1, n]"],
            ["z: float32[1, 1, m]"],
            weights,
        )
    )


def test_initialisers_that_decide_sizes_may_change():
    one, x = resized(), np.float32([[[1, 2]]])
    assert one(x).numpy().tolist() == [[[3, 3, 6, 6]]]
    one.variables["s"].assign([1, 1, 3])
    assert one(x).numpy().tolist() == one.run([x])[0].tolist() == [[[3, 3, 3, 6, 6, 6]]]


def test_initialisers_that_are_a_part_of_the_program_cannot_be_changed():
    one, x = resized(coordinate_transformation_mode="tf_crop_and_resize"), np.float32([[[1, 2]]])
    one.variables["w"].assign([1.0])
    assert one.run([x])[0].shape == one(x).shape == (1, 1, 4)
    one.variables["roi"].assign([0, 0, 0, 1, 1, 0.5])
    for call in (lambda: one(x), lambda: one.run([x])):
        with pytest.raises(UsageError, match="the value of roi decides sizes or axes and cannot be changed"):
            call()


def test_random_operators_draw_in_calls_too():
    one = tf.onnx.load(
        model(
            [node("Dropout", "x r t", "y"), node("Mul", "y w", "z")],
            ["x: float32[n]"],
            ["z: float32[n]"],
            {"r": np.float32(0.5), "t": np.array(True), "w": np.float32([2.0])},
            opset=22,
        )
    )
    x = np.ones(200, np.float32)
    first, second = one(x).numpy(), one(x).numpy()
    assert set(first) == {0.0, 4.0} and (first != second).any()
    tf.random.set_seed(1)
    again = [one(x).numpy() for _ in range(2)]
    tf.random.set_seed(1)
    np.testing.assert_array_equal(again, [one(x).numpy() for _ in range(2)])
    inside = tf.function(lambda v: one(v))
    assert (inside(x).numpy() != inside(x).numpy()).any()
    with tf.GradientTape() as tape:
        z = one(x)
    assert float(tape.gradient(z, one.variables["w"])[0]) == pytest.approx(z.numpy().sum() / 2)
    one.variables["w"].assign([1.0])
    assert set(one.run([x])[0]) == {0.0, 2.0}


@pytest.mark.parametrize("args, kwargs, kind, words", [
    ((), {}, FeedError, "input x: float32\\[n, 4\\] is missing"),
    ((X, X), {}, FeedError, "2 inputs given; it takes 1"),
    ((X,), {"x": X}, FeedError, "'x' is given twice or is no input; it has x"),
    ((X,), {"z": X}, FeedError, "'z' is given twice or is no input"),
    ((X.astype(np.float64),), {}, DtypeError, "must be float32, got float64"),
    ((X[:, :3],), {}, ShapeError, "does not fit f32\\[5,3\\]"),
])  # fmt: skip
def test_wrong_calls_are_told(args, kwargs, kind, words):
    with pytest.raises(kind, match=words):
        network()(*args, **kwargs)


def test_what_no_tensor_holds_is_left_to_run():
    one = tf.onnx.load(
        model([node("Cast", "x", "y", to=NUMBERS["float8e5m2"])], ["x: float32[n]"], ["y: float8e5m2[n]"], opset=25)
    )
    with pytest.raises(UsageError, match="no tensor holds float8e5m2; ask run"):
        one(np.zeros(2, np.float32))
    one = tf.onnx.load(model([node("Cast", "x", "y", to=1)], ["x: float8e5m2[n]"], ["y: float32[n]"], opset=25))
    with pytest.raises(UsageError, match="is not an ordinary tensor; give it to run"):
        one(np.zeros(2, np.float32))


def test_values_that_decide_shapes_must_be_known_in_functions():
    one = tf.onnx.load(model([node("Reshape", "x shape", "y")], ["x: float32[n]", "shape: int64[k]"], ["y: float32"]))

    @tf.function
    def reshaped(x, shape):
        return one(x, shape)

    with pytest.raises(UsageError, match="depends on the value or the sizes of input shape: give it"):
        reshaped(np.zeros(6, np.float32), np.int64([2, 3]))
