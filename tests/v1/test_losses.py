"""``tf.losses``: values that TensorFlow gave, arguments, collections."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from interpreted import Interpreted
from loss_programs import calls, outcome

import graphc.v1 as tf

RECORDED = json.loads((Path(__file__).parent / "recorded" / "losses.json").read_text())

RANDOM = np.random.default_rng(0)
P = RANDOM.uniform(0.1, 0.9, (4, 3)).astype(np.float32)
Y = RANDOM.integers(0, 2, (4, 3)).astype(np.float32)
W = np.array([[1], [0], [2], [1]], np.float32)
CASES = {
    "tf.losses.mean_squared_error(Y, P)": 0.33472,
    "tf.losses.mean_squared_error(Y, P, W)": 0.53758,
    "tf.losses.absolute_difference(Y, P, 2.0, reduction='weighted_mean')": 0.51075,
    "tf.losses.huber_loss(Y, P, delta=0.3)": 0.1114,
    "tf.losses.log_loss(Y, P)": 0.91666,
    "tf.losses.hinge_loss(Y, P)": 0.92742,
    "tf.losses.cosine_distance(Y, P, 1)": 0.10875,
    "tf.losses.cosine_distance(Y, P, dim=1)": 0.10875,
    "tf.losses.softmax_cross_entropy(Y.astype(int), tf.constant(P), label_smoothing=0.1)": 1.89771,
    "tf.losses.sigmoid_cross_entropy(Y.astype(int), tf.constant(P))": 0.69913,
    "tf.losses.sparse_softmax_cross_entropy([0, 1, 2, 1], P)": 0.988,
    "tf.losses.mean_pairwise_squared_error(Y, P)": 3.44499,
    "tf.losses.mean_pairwise_squared_error(Y, P, W)": 4.08237,
    "tf.losses.compute_weighted_loss(P, W)": 0.70764,
}


@pytest.mark.parametrize("text", CASES)
def test_value_is_tensorflows(text):
    value = eval(text)
    assert tf.losses.get_losses() == [value]
    assert tf.Session().run(value) == pytest.approx(CASES[text], abs=1e-5)


def test_collections_and_scopes():
    tf.losses.mean_squared_error(Y, P, loss_collection=None)
    own = tf.losses.mean_squared_error(Y, P, 1.0, "own", "mine")
    assert tf.losses.get_losses() == [] and tf.get_collection("mine") == [own] and own.op.name == "own/value"
    arguments = ["labels", "predictions", "weights", "scope", "loss_collection", "reduction"]
    assert list(inspect.signature(tf.losses.mean_squared_error).parameters) == arguments
    assert tf.losses.mean_squared_error.__name__ == "mean_squared_error" and tf.losses.huber_loss.__doc__


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graphc.api.run.compile_graph", lambda graph, options=None: Interpreted(graph))
        return outcome(tf)


@pytest.mark.parametrize("k", range(len(calls())), ids=calls())
def test_names_and_values_are_tensorflows(found, k):
    assert found["names"][k] == RECORDED["names"][k]
    np.testing.assert_allclose(found["values"][k], RECORDED["values"][k], atol=2e-5, rtol=1e-5)


def test_collection_and_gradient_are_tensorflows(found):
    assert found["listed"] == RECORDED["listed"]
    np.testing.assert_allclose(found["values"][-1], RECORDED["values"][-1], atol=2e-4, rtol=1e-5)


@pytest.mark.parametrize("call, words", [
    ("mean_squared_error(Y, P, weights=W[:, 0])", r"weights of shape \(4,\) cannot be broadcast to values of shape"),
    ("absolute_difference(Y, P, weights=np.ones((4, 2, 2)))", "cannot be broadcast"),
    ("mean_squared_error(Y, P[:, :2])", r"labels of shape \(4, 3\) and predictions of shape \(4, 2\) do not fit"),
    ("mean_squared_error(None, P)", "labels must be given, not None"),
    ("softmax_cross_entropy(Y, None)", "logits must be given, not None"),
    ("softmax_cross_entropy(Y, P[:2])", "onehot_labels of shape"),
    ("mean_squared_error(Y, P, reduction='nope')", "reduction 'nope' is none of none, weighted_sum"),
    ("cosine_distance(Y, P)", "pass axis"),
    ("add_loss(3.0)", "needs a tensor, got 3.0"),
    ("get_total_loss()", "the graph has no losses yet"),
])  # fmt: skip
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        eval(f"tf.losses.{call}")


def test_weights_of_unknown_rank_are_checked_when_running():
    weights = tf.placeholder(tf.float32)
    loss = tf.losses.mean_squared_error([1.0, 2.0], [0.0, 0.0], weights)
    with tf.Session() as session:
        assert session.run(loss, {weights: [1.0, 0.0]}) == 1
        assert session.run(loss, {weights: 2.0}) == 5
        with pytest.raises(ValueError):
            session.run(loss, {weights: [[1.0], [0.0]]})


def test_totals_and_reductions():
    one, two = tf.losses.mean_squared_error([2.0], [0.0]), tf.losses.absolute_difference([3.0], [0.0], scope="own")
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tf.constant(0.5))
    totals = [tf.losses.get_total_loss(), tf.losses.get_total_loss(False, "plain"), tf.losses.get_regularization_loss()]
    assert tf.losses.get_losses() == [one, two] and tf.losses.get_losses("own") == [two]
    assert [t.op.name for t in totals] == ["total_loss", "plain", "total_regularization_loss"]
    assert tf.Session().run(totals) == [7.5, 7.0, 0.5]
    assert tf.losses.Reduction.SUM_OVER_NONZERO_WEIGHTS == tf.losses.Reduction.SUM_BY_NONZERO_WEIGHTS
    assert len(tf.losses.Reduction.all()) == 5 and tf.losses.Reduction.validate("none") is None
