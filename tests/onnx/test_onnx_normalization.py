"""Normalisation and dropout of ONNX."""

import numpy as np
import pytest
from operator_calls import beside_ort, check_slopes, operator_model, run

import graphc
from graphc.compile import optimise
from graphc.errors import FormatError, ShapeError, UnimplementedError


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = floats(4, 6, 3, 5)
S, B, M, V = floats(6, seed=1), floats(6, seed=2), floats(6, seed=3), np.abs(floats(6, seed=4))


def normalised(x, axes, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def wide(v):
    return v[:, None, None]


def test_batches_by_given_moments():
    beside_ort("BatchNormalization", X, S, B, M, V, opset=15, constants=(1, 2, 3, 4), epsilon=0.01)
    beside_ort("BatchNormalization", X[:, :, 0, 0].copy(), S, B, M, V, opset=9)
    each = [np.abs(floats(6, 3, 5, seed=k)) for k in range(4)]  # of every element, as version 7 could
    expected = (X - each[2]) / np.sqrt(each[3] + np.float32(1e-5)) * each[0] + each[1]
    np.testing.assert_allclose(run("BatchNormalization", X, *each, opset=7, spatial=0), expected, 1e-4, 1e-5)


def test_batches_by_their_own_moments():
    y, mean, variance = run("BatchNormalization", X, S, B, M, V, opset=15, outputs=3, training_mode=1, momentum=0.75)
    axes = (0, 2, 3)
    np.testing.assert_allclose(y, normalised(X, axes) * wide(S) + wide(B), 1e-4, 1e-5)
    np.testing.assert_allclose(mean, 0.75 * M + 0.25 * X.mean(axes), 1e-5, 1e-6)
    np.testing.assert_allclose(variance, 0.75 * V + 0.25 * X.var(axes), 1e-5, 1e-6)
    old = run("BatchNormalization", X, S, B, M, V, opset=9, outputs=5, momentum=0.75)
    np.testing.assert_allclose(old[4], X.var(axes), 1e-5, 1e-6)


def test_a_known_normalisation_is_one_product_and_one_sum():
    made, _ = operator_model("BatchNormalization", [X, S, B, M, V], constants=(1, 2, 3, 4), symbolic=True)
    graph = graphc.onnx.load(made).graph
    ops = [n.op for n in optimise(graph).nodes if len(n.shape) == 4 and n.op not in ("input", "const", "broadcast")]
    assert sorted(ops) == ["add", "mul"]


def test_instances_and_groups():
    beside_ort("InstanceNormalization", X, S, B, epsilon=0.1)
    grouped = normalised(X.reshape(4, 3, 2, 3, 5), (2, 3, 4))
    found = run("GroupNormalization", X, S, B, opset=21, num_groups=3)
    np.testing.assert_allclose(found, grouped.reshape(X.shape) * wide(S) + wide(B), 1e-4, 1e-5)
    s, b = S[:3], B[:3]  # before version 21 one for each group
    found = run("GroupNormalization", X, s, b, opset=18, num_groups=3)
    expected = grouped * s[:, None, None, None] + b[:, None, None, None]
    np.testing.assert_allclose(found, expected.reshape(X.shape), 1e-4, 1e-5)
    with pytest.raises(ShapeError, match="the channels are not 4 equal groups"):
        run("GroupNormalization", X, S, B, opset=21, num_groups=4)


@pytest.mark.parametrize("axis", [-1, 1, 0])
def test_layers(axis):
    x = X[:, :, :, 0].copy()
    shape = x.shape[axis:]
    beside_ort("LayerNormalization", x, floats(*shape), floats(*shape, seed=1), opset=17, outputs=3, axis=axis)
    beside_ort("LayerNormalization", x, floats(*shape), opset=17, axis=axis, epsilon=0.1)
    axes = tuple(range(axis % 3, 3))
    expected = x / np.sqrt((x * x).mean(axes, keepdims=True) + np.float32(1e-5)) * floats(*shape)
    np.testing.assert_allclose(run("RMSNormalization", x, floats(*shape), opset=23, axis=axis), expected, 1e-4, 1e-5)


def test_halves_are_normalised_in_float32():
    x = (floats(3, 300) * 30 + 200).astype(np.float16)
    ones = np.ones(300, np.float16)
    y, mean, inverse = run("LayerNormalization", x, ones, opset=17, outputs=3)
    assert (y.dtype, mean.dtype, inverse.dtype) == (np.float16, np.float32, np.float32)
    np.testing.assert_allclose(y, normalised(x.astype(np.float32), 1), 2e-3, 2e-3)


def test_by_moments_lengths_and_neighbours():
    np.testing.assert_allclose(run("MeanVarianceNormalization", X), normalised(X, (0, 2, 3), 0), 1e-4, 1e-5)
    x = floats(3, 4)
    x[1] = 0
    size = np.sqrt((x * x).sum(1, keepdims=True))
    np.testing.assert_allclose(run("LpNormalization", x, opset=22), x / np.where(size == 0, 1, size), 1e-5)
    assert np.abs(run("LpNormalization", x, opset=22, p=1, axis=0)).sum(0) == pytest.approx(np.ones(4))
    with pytest.raises(FormatError, match="'p' must be 1 or 2, it is 3"):
        run("LpNormalization", x, p=3)
    beside_ort("LRN", X, size=3, alpha=0.3, beta=0.6, bias=1.2)
    beside_ort("LRN", X, size=5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="input 1 must have one element for each channel"):
        run("BatchNormalization", X, S[:3], B, M, V, opset=15)
    with pytest.raises(UnimplementedError, match="training with spatial=0"):
        run("BatchNormalization", X, S, B, M, V, opset=7, outputs=3, spatial=0)
    with pytest.raises(ShapeError, match="LayerNormalization"):
        run("LayerNormalization", X, np.ones(4, np.float32), opset=17)


def test_dropout_keeps_everything_unless_training():
    x = floats(50, 40)
    for opset, attributes in ((6, {"is_test": 1}), (7, {}), (10, {"ratio": 0.9}), (13, {})):
        y, mask = run("Dropout", x, opset=opset, outputs=2, **attributes)
        np.testing.assert_array_equal(y, x)
        assert mask.all() and mask.dtype == (bool if opset >= 10 else np.float32)


def test_dropout_while_training():
    x = np.abs(floats(50, 40)) + 1
    arrays = [x, np.float32(0.25), np.array(True)]
    y, mask = run("Dropout", *arrays, opset=13, outputs=2, seed=5)
    assert mask.mean() == pytest.approx(0.75, abs=0.05)
    np.testing.assert_allclose(y, np.where(mask, x / 0.75, 0), 1e-6)
    again, _ = run("Dropout", *arrays, opset=13, outputs=2, seed=5, constants=(1, 2))
    np.testing.assert_allclose(again, y, 1e-6)
    other, _ = run("Dropout", *arrays, opset=13, outputs=2, seed=6)
    assert (other != y).any()
    unseeded, fed = operator_model("Dropout", arrays, opset=13, outputs=2)
    loaded = graphc.onnx.load(unseeded)
    assert (loaded.run(fed)[1] != loaded.run(fed)[1]).any()
    with pytest.raises(FormatError, match=r"the ratio must lie in \[0, 1\), it is 1.5"):
        run("Dropout", x, np.float32(1.5), np.array(True), opset=13, constants=(1, 2))


@pytest.mark.parametrize("op, arrays, setting", [
    ("LayerNormalization", [floats(3, 4), floats(4), floats(4)], {"opset": 17}),
    ("BatchNormalization", [floats(5, 4), *[np.abs(floats(4, seed=k)) for k in range(4)]],
     {"opset": 15, "training_mode": 1, "outputs": 3}),
    ("GroupNormalization", [floats(2, 4, 3), floats(4), floats(4)], {"opset": 21, "num_groups": 2}),
    ("LRN", [floats(2, 4, 3)], {"size": 3}), ("LpNormalization", [floats(2, 4)], {}),
])  # fmt: skip
def test_slopes(op, arrays, setting):
    check_slopes(op, *[a.astype(np.float64) for a in arrays], **setting)
