"""Random operators: with a seed the same numbers in every run, without one others; their distributions."""

import numpy as np
import pytest
from onnx_models import NUMBERS, graph, model, node

import graphc
from graphc.errors import DtypeError, FormatError


def loaded(nodes, inputs, outputs, opset=22, **initialisers):
    return graphc.onnx.load(
        model(nodes if isinstance(nodes, list) else [nodes], inputs, outputs, initialisers, opset=opset)
    )


def test_a_seed_decides_the_numbers_and_its_lack_does_not():
    seeded = node("RandomUniform", "", "a", shape=[50], seed=3.0)
    seeded.input[:] = []
    free = node("RandomNormal", "", "b", shape=[50])
    free.input[:] = []
    one = loaded([seeded, free], [], ["a: float32[50]", "b: float32[50]"])
    first, second = one.run([]), one.run([])
    np.testing.assert_array_equal(first[0], second[0])
    assert (first[1] != second[1]).all()
    again = loaded([seeded, free], [], ["a: float32[50]", "b: float32[50]"]).run([])
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[1] != again[1]).all()


def test_two_nodes_draw_different_numbers():
    one = loaded([node("RandomUniformLike", "x", "a"), node("RandomUniformLike", "x", "b")], ["x: float32[n]"],
                 ["a: float32[n]", "b: float32[n]"])  # fmt: skip
    for n in (1, 100):
        a, b = one.run([np.zeros(n, np.float32)])
        assert a.shape == (n,) and (a != b).all()


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_distributions(kind):
    x = np.zeros((100, 100), np.float32)
    one = loaded(
        [
            node("RandomNormalLike", "x", "a", mean=3.0, scale=2.0, seed=1.0, dtype=NUMBERS[kind]),
            node("RandomUniformLike", "x", "b", low=-1.0, high=3.0, seed=1.0, dtype=NUMBERS[kind]),
        ],
        ["x: float32[n, m]"],
        [f"a: {kind}[n, m]", f"b: {kind}[n, m]"],
    )
    a, b = (v.astype(np.float64) for v in one.run([x]))
    assert abs(a.mean() - 3) < 0.1 and abs(a.std() - 2) < 0.1
    assert -1 <= b.min() < -0.98 and 2.98 < b.max() <= 3 and abs(b.mean() - 1) < 0.05


def test_bernoulli_trials_have_the_probability_of_each_element():
    p = np.repeat(np.float32([0, 0.2, 1]), 5000).reshape(3, 5000)
    one = loaded(node("Bernoulli", "p", "y", dtype=NUMBERS["bool"], seed=7.0), ["p: float32[a, b]"], ["y: bool[a, b]"])
    (y,) = one.run([p])
    assert y.dtype == bool and not y[0].any() and y[2].all() and abs(y[1].mean() - 0.2) < 0.02


def test_classes_are_drawn_by_their_probabilities():
    logits = np.log(np.float32([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-30]]))
    one = loaded(
        node("Multinomial", "x", "y", sample_size=4000, dtype=NUMBERS["int64"], seed=5.0),
        ["x: float32[n, c]"],
        ["y: int64[n, m]"],
    )
    (y,) = one.run([logits])
    assert y.shape == (2, 4000) and y.dtype == np.int64
    np.testing.assert_allclose([np.mean(y[0] == k) for k in range(3)], [0.1, 0.2, 0.7], atol=0.03)
    assert set(y[1]) == {0, 1}


def test_branches_draw_too():
    def branch(name):
        draw = node("RandomUniform", "", name, shape=[4])
        draw.input[:] = []
        return graph([draw], [], [f"{name}: float32[4]"])

    one = loaded(
        node("If", "c", "y", then_branch=branch("a"), else_branch=branch("b")), ["c: bool[]"], ["y: float32[4]"]
    )
    found = [one.run([np.array(c)])[0] for c in (True, False, True)]
    assert len({f.tobytes() for f in found}) == 3 and all((0 <= f).all() and (f < 1).all() for f in found)


def test_steps_of_a_loop_draw_different_numbers():
    draw = node("RandomUniform", "", "r", shape=[2])
    draw.input[:] = []
    body = graph(
        [draw, node("Identity", "go", "still"), node("Add", "t r", "u")],
        ["k: int64[]", "go: bool[]", "t: float32[2]"],
        ["still: bool[]", "u: float32[2]", "r: float32[2]"],
    )
    one = loaded(
        node("Loop", "n _ t0", "t rs", body=body),
        [],
        ["t: float32[2]", "rs: float32[n, 2]"],
        n=np.int64(4),
        t0=np.zeros(2, np.float32),
    )
    t, rs = one.run([])
    assert rs.shape == (4, 2) and len(np.unique(rs)) == 8
    np.testing.assert_allclose(t, rs.sum(0), rtol=1e-6)


def test_dropout_draws_a_new_mask_in_every_run():
    one = loaded(
        node("Dropout", "x r t", "y m"),
        ["x: float32[n]"],
        ["y: float32[n]", "m: bool[n]"],
        r=np.float32(0.25),
        t=np.array(True),
    )
    x = np.ones(4000, np.float32)
    (y, kept), (_, other) = one.run([x]), one.run([x])
    assert (kept != other).any() and abs(kept.mean() - 0.75) < 0.04
    np.testing.assert_allclose(y, kept / np.float32(0.75), rtol=1e-6)


def test_wrong_types_are_refused():
    with pytest.raises(DtypeError, match="RandomNormalLike: draws floats, not int32"):
        loaded(node("RandomNormalLike", "x", "y"), ["x: int32[n]"], ["y: int32[n]"]).run([np.zeros(2, np.int32)])
    with pytest.raises(DtypeError, match="answers with int32 or int64, not with float32"):
        loaded(node("Multinomial", "x", "y", dtype=1), ["x: float32[n, m]"], ["y: int32[n, k]"]).run(
            [np.zeros((2, 2), np.float32)]
        )
    with pytest.raises(FormatError, match="'sample_size' is 0"):
        loaded(node("Multinomial", "x", "y", sample_size=0), ["x: float32[n, m]"], ["y: int32[n, k]"]).run(
            [np.zeros((2, 2), np.float32)]
        )
