"""Parameters after five steps are those of TensorFlow 2.21, recorded in ``cases.json``."""

import json
from pathlib import Path

import numpy as np
import pytest

import graphc as tf

CASES = json.loads((Path(__file__).parent / "cases.json").read_text())


def made(value):
    if isinstance(value, dict):
        own = {k: v for k, v in value.items() if k != "schedule"}
        return getattr(tf.optimizers.schedules, value["schedule"])(**own)
    return value


def optimizer_of(case):
    return getattr(tf.optimizers, case["class"])(**{k: made(v) for k, v in case["arguments"].items()})


def variables():
    w = tf.Variable(np.array([[1.0, -2.0, 3.0], [0.5, 0.25, -1.5]], "f"), name="w")
    return w, tf.Variable(np.array([0.1, -0.2, 0.3], "f"), name="b")


def gradients(k):
    grid = np.array([[1.0, 2.0, -3.0], [0.5, -0.25, 4.0]])
    first = grid * (1 + 0.3 * k) * np.cos(k * np.arange(6).reshape(2, 3))
    return first.astype("f"), (np.array([0.01, -2.0, 0.3]) * (1 - 0.2 * k)).astype("f")


def check(case, w, b):
    np.testing.assert_allclose(w.numpy().ravel(), case["w"], rtol=3e-5, atol=3e-6)
    np.testing.assert_allclose(b.numpy(), case["b"], rtol=3e-5, atol=3e-6)


@pytest.mark.parametrize("name", CASES)
def test_five_steps(name):
    optimizer, (w, b) = optimizer_of(CASES[name]), variables()
    for k in range(5):
        optimizer.apply_gradients(zip(map(tf.constant, gradients(k)), (w, b)))
    check(CASES[name], w, b)


@pytest.mark.parametrize("name", [n for n in CASES if n.split()[0] in ("SGD", "Adam") and "defaults" not in n])
def test_five_steps_by_update_step(name):
    """A subclass with an ``update_step`` of its own goes another way to the same values."""
    case = CASES[name]
    base = getattr(tf.optimizers, case["class"])

    class Own(base):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)

    optimizer, (w, b) = Own(**{k: made(v) for k, v in case["arguments"].items()}), variables()
    for k in range(5):
        optimizer.apply_gradients(zip(gradients(k), (w, b)))
    check(case, w, b)
