"""Operators of ai.onnx.preview.training: gradients of named tensors, steps of optimizers."""

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.errors import DtypeError, FormatError

DOMAIN = "ai.onnx.preview.training"


def loaded(nodes, inputs, outputs, **initialisers):
    return graphc.onnx.load(model(nodes, inputs, outputs, initialisers, opset=18, domains={DOMAIN: 1}))


def gradient(inputs: str, outputs: str, **attributes):
    return node("Gradient", inputs, outputs, DOMAIN, **attributes)


A, B = np.float32([1, 2, 3]), np.float32([0.5, -1, 2])


def test_gradient_by_inputs():
    one = loaded([node("Mul", "a b", "h"), node("Mul", "h a", "y"), gradient("a b", "da db", xs=["a", "b"], y="y")],
                 ["a: float32[n]", "b: float32[n]"], ["y: float32[n]", "da: float32[n]", "db: float32[n]"])  # fmt: skip
    y, da, db = one.run([A, B])
    np.testing.assert_allclose(y, A * A * B)
    np.testing.assert_allclose(da, 2 * A * B)
    np.testing.assert_allclose(db, A * A)


def test_gradient_by_a_weight_and_at_other_values():
    weight = np.float32([3, 3, 3])
    nodes = [node("Mul", "x w", "h"), node("Mul", "h h", "y"), gradient("w x", "dw", xs=["w"], zs=["x"], y="y"),
             gradient("w2 x", "dv", xs=["w"], zs=["x"], y="y")]  # fmt: skip
    one = loaded(nodes, ["x: float32[n]"], ["dw: float32[n]", "dv: float32[n]"], w=weight, w2=weight + 1)
    dw, dv = one.run([A])
    np.testing.assert_allclose(dw, 2 * A * A * weight)
    np.testing.assert_allclose(dv, 2 * A * A * (weight + 1))


def test_weights_that_are_equal_are_different_variables():
    one = loaded([node("Mul", "v w", "h"), node("Mul", "h x", "y"), gradient("v w", "dv dw", xs=["v", "w"], y="y")],
                 ["x: float32[n]"], ["dv: float32[n]", "dw: float32[n]"], v=B, w=B)  # fmt: skip
    dv, dw = one.run([A])
    np.testing.assert_allclose(dv, B * A)
    np.testing.assert_allclose(dw, B * A)


def test_gradient_by_something_on_the_way_and_of_a_gradient():
    nodes = [node("Mul", "x x", "h"), node("Mul", "h x", "y"), gradient("h x", "dh dx", xs=["h", "x"], y="y"),
             gradient("x", "d1", xs=["x"], y="y"), gradient("x", "d2", xs=["x"], y="d1")]  # fmt: skip
    dh, d1, d2 = loaded(nodes, ["x: float32[n]"], ["dh: float32[n]", "d1: float32[n]", "d2: float32[n]"]).run([A])
    np.testing.assert_allclose(dh, A)
    np.testing.assert_allclose(d1, 3 * A * A, rtol=1e-6)
    np.testing.assert_allclose(d2, 6 * A, rtol=1e-6)


def test_wrong_gradients_are_told():
    x = ["x: float32[n]"], ["d: float32[n]"]
    with pytest.raises(FormatError, match="1 inputs are given for the 2 names"):
        loaded([node("Mul", "x x", "y"), gradient("x", "d", xs=["x", "y"], y="y")], *x).run([A])
    with pytest.raises(FormatError, match="there twice: x, x"):
        loaded([node("Mul", "x x", "y"), gradient("x x", "d", xs=["x", "x"], y="y")], *x).run([A])
    with pytest.raises(DtypeError, match="which is 'y', must be a tensor of floats"):
        loaded([node("Cast", "x", "y", to=7), gradient("x", "d", xs=["x"], y="y")], *x).run([A])


def stepped(op, turn, *values, **attributes):
    names = [f"v{k}" for k in range(len(values))]
    outs = [f"o{k}" for k in range(len(values) - len(values) // (4 if op == "Adam" else 3))]
    one = loaded(
        [node(op, " ".join(["r", "t", *names]), " ".join(outs), DOMAIN, **attributes)],
        ["r: float32[]", "t: int64[]", *[f"{n}: float32[{n}]" for n in names]],
        [f"{o}: float32[{o}]" for o in outs],
    )
    return one.run([np.float32(0.1), np.int64(turn), *values])


X, G, V, H = (np.random.default_rng(k).uniform(0.1, 1, 4).astype(np.float32) for k in range(4))


@pytest.mark.parametrize("turn", [0, 3])
def test_adam(turn):
    x, v, h = stepped(
        "Adam", turn, X, G, V, H, alpha=0.8, beta=0.95, epsilon=1e-2, norm_coefficient=0.1, norm_coefficient_post=0.2
    )
    g = G + 0.1 * X
    v_new, h_new = 0.8 * V + 0.2 * g, 0.95 * H + 0.05 * g * g
    rate = 0.1 * np.sqrt(1 - 0.95**turn) / (1 - 0.8**turn) if turn else 0.1
    np.testing.assert_allclose(x, 0.8 * (X - rate * v_new / (np.sqrt(h_new) + 1e-2)), rtol=1e-5)
    np.testing.assert_allclose(v, v_new, rtol=1e-5)
    np.testing.assert_allclose(h, h_new, rtol=1e-5)


@pytest.mark.parametrize("turn", [0, 3])
@pytest.mark.parametrize("mode", ["standard", "nesterov"])
def test_momentum(turn, mode):
    x, v = stepped("Momentum", turn, X, G, V, alpha=0.9, beta=0.5, norm_coefficient=0.1, mode=mode)
    g = G + 0.1 * X
    new = 0.9 * V + (0.5 if turn else 1) * g
    np.testing.assert_allclose(v, new, rtol=1e-5)
    np.testing.assert_allclose(x, X - 0.1 * (new if mode == "standard" else g + 0.9 * new), rtol=1e-5)


def test_adagrad_of_two_tensors_of_different_sizes():
    x1, x2, h1, h2 = stepped("Adagrad", 2, X, X[:2], G, G[:2], H, H[:2], decay_factor=0.5, epsilon=1e-3)
    new = H + G * G
    wanted = X - 0.1 / 2 * G / (np.sqrt(new) + 1e-3)
    for found, like in ((x1, wanted), (x2, wanted[:2]), (h1, new), (h2, new[:2])):
        np.testing.assert_allclose(found, like, rtol=1e-5)
    with pytest.raises(FormatError, match="a rate, a count and 3 inputs for each tensor, 4 are given"):
        stepped("Adagrad", 2, X, G)
