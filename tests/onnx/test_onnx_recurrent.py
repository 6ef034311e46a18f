"""Recurrent networks of ONNX: gates, directions, lengths, activations; one loop for each direction."""

import numpy as np
import pytest
from operator_calls import beside_ort, check_slopes, operator_model, run

import graphc
from graphc.errors import FormatError, ShapeError, UnimplementedError
from graphc.prims.interpret import interpret

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
COUNT = {"LSTM": 3, "GRU": 2, "RNN": 2}


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def weights(op, directions=1, size=2, units=3):
    g = GATES[op] * units
    shapes = [(directions, g, size), (directions, g, units), (directions, 2 * g)]
    return [floats(*shape, seed=k) for k, shape in enumerate(shapes, 1)]


@pytest.mark.parametrize("op", GATES)
def test_beside_onnx_runtime(op):
    setting = {"opset": 14, "outputs": COUNT[op], "hidden_size": 3, "constants": (1, 2, 3)}
    x = floats(5, 2, 2)
    beside_ort(op, x, *weights(op)[:2], **setting)
    beside_ort(op, x, *weights(op), np.int32([5, 3]), floats(1, 2, 3, seed=4), direction="reverse", **setting)
    both = weights(op, 2)
    last = np.int32([2, 5]), floats(2, 2, 3, seed=4)
    beside_ort(op, x, *both, *last, direction="bidirectional", clip=0.4, **setting)


def test_one_step():
    for lengths in (None, np.int32([1, 1])):
        arrays = [floats(1, 2, 2), *weights("GRU"), lengths, floats(1, 2, 3)]
        beside_ort("GRU", *arrays, opset=14, outputs=2, hidden_size=3)


def test_peepholes_and_coupled_gates():
    eyes, states = floats(1, 9, seed=5), [floats(1, 2, 3, seed=6), floats(1, 2, 3, seed=7)]
    arrays = [floats(4, 2, 2), *weights("LSTM"), None, *states, eyes]
    for coupled in (0, 1):
        beside_ort("LSTM", *arrays, opset=14, outputs=3, hidden_size=3, input_forget=coupled, clip=0.5)


def test_where_a_reset_gate_acts():
    x = floats(4, 2, 2)
    for after in (0, 1):
        setting = {"opset": 14, "hidden_size": 3, "linear_before_reset": after}
        beside_ort("GRU", x, *weights("GRU"), outputs=2, **setting)
        beside_ort("GRU", x, *weights("GRU")[:2], **setting)


@pytest.mark.parametrize("name, function", [
    ("Affine", lambda x: 0.3 * x + 0.2), ("ScaledTanh", lambda x: 0.3 * np.tanh(0.2 * x)),
    ("Relu", lambda x: np.maximum(x, 0)),
    ("HardSigmoid", lambda x: np.clip(0.3 * x + 0.2, 0, 1)), ("Softsign", lambda x: x / (1 + np.abs(x))),
    ("Softplus", lambda x: np.log1p(np.exp(x))), ("LeakyRelu", lambda x: np.where(x < 0, 0.3 * x, x)),
    ("ThresholdedRelu", lambda x: np.where(x > 0.3, x, 0)), ("Elu", lambda x: np.where(x < 0, 0.3 * np.expm1(x), x)),
    ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
])  # fmt: skip
def test_activations(name, function):
    x, (w, u, b) = floats(3, 2, 2), weights("RNN")
    h = np.zeros((2, 3), np.float32)
    for row in x:
        h = function(row @ w[0].T + b[0, :3] + h @ u[0].T + b[0, 3:])
    setting = {"activations": [name], "activation_alpha": [0.3], "activation_beta": [0.2]}
    made, fed = operator_model("RNN", [x, w, u, b], opset=14, outputs=2, hidden_size=3, **setting)
    traced = graphc.onnx.load(made).trace(fed)
    _, last = interpret(traced.graph, *[fed[name] for name in traced.fed])
    np.testing.assert_allclose(last[0], h, 1e-4, 1e-5)


def test_numbers_go_to_the_activations_that_take_them():
    x, w = floats(3, 2, 2), weights("GRU", 2)
    names = ["Sigmoid", "LeakyRelu", "HardSigmoid", "Tanh"]
    beside_ort("GRU", x, *w, opset=14, hidden_size=3, direction="bidirectional", activations=names,
               activation_alpha=[0.3, 0.25], activation_beta=[0.45])  # fmt: skip


@pytest.mark.parametrize("op", ["LSTM", "RNN"])
def test_batches_first(op):
    x, w, first = floats(4, 2, 2), weights(op, 2), floats(2, 2, 3, seed=4)
    setting = {"opset": 14, "outputs": COUNT[op], "hidden_size": 3, "direction": "bidirectional"}
    plain = run(op, x, *w, None, first, **setting)
    swapped = run(op, x.swapaxes(0, 1).copy(), *w, None, first.swapaxes(0, 1).copy(), layout=1, **setting)
    np.testing.assert_array_equal(swapped[0], plain[0].transpose(2, 0, 1, 3))
    for a, b in zip(swapped[1:], plain[1:]):
        np.testing.assert_array_equal(a, b.swapaxes(0, 1))


def test_a_network_is_one_loop_and_one_product_before_it():
    arrays = [floats(4, 2, 2), *weights("LSTM")]
    made, _ = operator_model("LSTM", arrays, constants=(1, 2, 3), symbolic=True, hidden_size=3)
    ops = [n.op for n in graphc.onnx.load(made).graph.nodes]
    assert (ops.count("loop"), ops.count("dot")) == (1, 1)
    single, _ = operator_model("LSTM", [floats(1, 2, 2), *weights("LSTM")], constants=(1, 2, 3), hidden_size=3)
    assert "loop" not in [n.op for n in graphc.onnx.load(single).graph.nodes]


def test_halves_are_summed_in_float32():
    arrays = [floats(4, 2, 2), *weights("GRU")]
    found = run("GRU", *[a.astype(np.float16) for a in arrays], opset=22, hidden_size=3)
    exact = run("GRU", *[a.astype(np.float64) for a in arrays], opset=22, hidden_size=3)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, exact, 1e-2, 2e-3)


@pytest.mark.parametrize("change, attributes, kind, words", [
    ({0: floats(4, 2)}, {}, ShapeError, "must have rank 3"),
    ({1: floats(1, 11, 2)}, {}, ShapeError, r"input 1 must be \[1,12,2\]"),
    ({3: floats(1, 12)}, {}, ShapeError, r"input 3 must be \[1,24\]"),
    ({}, {"hidden_size": 4}, FormatError, "hidden_size is 4, the weights have 3 units"),
    ({}, {"direction": "both"}, FormatError, "'direction' is 'both', not one of forward"),
    ({}, {"activations": ["Tanh"]}, FormatError, "1 activations instead of 3"),
    ({}, {"activations": ["Tanh", "Tanh", "Sine"]}, UnimplementedError, "the activation 'Sine' is not known"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(change, attributes, kind, words):
    arrays = [floats(4, 2, 2), *weights("LSTM")]
    for k, array in change.items():
        arrays[k] = array
    made, fed = operator_model("LSTM", arrays, opset=14, **attributes)
    with pytest.raises(kind, match=words):
        graphc.onnx.load(made).run(fed)


@pytest.mark.parametrize("op", GATES)
def test_slopes(op):
    arrays = [a.astype(np.float64) for a in (floats(3, 2, 2), *weights(op, 2))]
    check_slopes(op, *arrays, opset=14, outputs=COUNT[op], hidden_size=3, direction="bidirectional")
