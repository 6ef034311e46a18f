"""``tf.metrics``: names, variables and results after several batches as TensorFlow has them; collections, refusals."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from interpreted import Interpreted
from metric_programs import calls, outcome

import graphc.v1 as tf
from graphc.api.mode import MODE

RECORDED = json.loads((Path(__file__).parent / "recorded" / "metrics.json").read_text())


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graphc.api.run.compile_graph", lambda graph, options=None: Interpreted(graph))
        return outcome(tf)


@pytest.mark.parametrize("k", range(len(calls())), ids=calls())
def test_results_are_tensorflows(found, k):
    assert found["names"][k] == RECORDED["names"][k]
    for mine, theirs in zip(found["after"], RECORDED["after"]):
        np.testing.assert_allclose(mine[k], theirs[k], atol=3e-6)
    np.testing.assert_allclose(found["values"][k], RECORDED["values"][k], atol=3e-6)


def test_variables_are_tensorflows(found):
    assert found["variables"] == found["listed"] == RECORDED["variables"] == RECORDED["listed"]


def test_compiled_accuracy_over_batches():
    labels, predictions = tf.placeholder(tf.int64, [None]), tf.placeholder(tf.int64, [None])
    value, update = tf.metrics.accuracy(labels, predictions)
    area, update_area = tf.metrics.auc(labels, tf.to_float(predictions) / 2.0)
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        both = [update, update_area]
        assert session.run(both, {labels: [1, 0, 1], predictions: [1, 1, 1]})[0] == pytest.approx(2 / 3)
        assert session.run(both, {labels: [0], predictions: [0]})[0] == pytest.approx(3 / 4)
        assert session.run(value) == pytest.approx(3 / 4) and session.run(area) == pytest.approx(0.75, abs=1e-4)
        session.run(tf.local_variables_initializer())
        assert session.run(value) == 0


def test_collections_and_scopes():
    x = tf.placeholder(tf.float32, [None])
    with tf.variable_scope("eval"):
        tf.metrics.mean(x)
        value, update = tf.metrics.mean(x, name="mm", metrics_collections=["mc", "all"], updates_collections="uc")
        again, _ = tf.metrics.mean(x, name="mm")
    assert tf.get_collection("mc") == tf.get_collection("all") == [value] and tf.get_collection("uc") == [update]
    assert (value.name, update.name, again.name) == ("eval/mm/value:0", "eval/mm/update_op:0", "eval/mm_1/value:0")
    assert tf.global_variables() == tf.trainable_variables() == []
    wanted = [f"eval/{scope}/{part}:0" for scope in ("mean", "mm", "mm_1") for part in ("total", "count")]
    assert [v.name for v in tf.local_variables()] == wanted


def test_predictions_outside_the_range_are_refused_when_running():
    x = tf.placeholder(tf.float32, [None])
    _, update = tf.metrics.auc(tf.constant([True, False]), x)
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"metrics.auc: predictions must be in \[0, 1\]"):
            session.run(update, {x: [0.5, 1.5]})
        assert session.run(update, {x: [0.5, 0.25]}) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("call, words", [
    ("accuracy(tf.zeros([3]), tf.zeros([4]))", "labels of shape \\(3,\\) and predictions of shape \\(4,\\) do not fit"),
    ("mean_iou(tf.zeros([3]), tf.zeros([4]), 2)", "metrics.mean_iou: labels of shape"),
    ("mean(tf.zeros([3, 2]), tf.zeros([2, 2]))", r"weights of shape \(2, 2\) cannot be broadcast to values of shape"),
    ("true_positives(tf.zeros([3, 2, 2]), tf.zeros([3, 2, 2]), tf.zeros([3]))", "must be a scalar or have that rank"),
    ("auc(tf.zeros([3]), tf.zeros([3]), curve='X')", "curve must be ROC or PR, got 'X'"),
    ("auc(tf.zeros([3]), tf.zeros([3]), summation_method='X')", "summation_method must be one of trapezoidal"),
    ("auc(tf.zeros([3]), tf.zeros([3]), num_thresholds=1)", "num_thresholds must be an int above 1"),
    ("precision_at_thresholds(tf.zeros([3]), tf.zeros([3]), 0.5)", "thresholds must be a list of numbers, got 0.5"),
    ("sensitivity_at_specificity(tf.zeros([3]), tf.zeros([3]), 2)", r"specificity must be in \[0, 1\]"),
    ("precision_at_k(tf.zeros([3], tf.int64), tf.zeros([3, 4]), 0)", "k must be a positive int, got 0"),
    ("precision_at_k(tf.zeros([3, 1, 1], tf.int64), tf.zeros([3, 4]), 2)", "labels may lack the last axis only"),
])  # fmt: skip
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        eval(f"tf.metrics.{call}")


def test_eager_execution_is_refused():
    tf.enable_eager_execution()
    try:
        for call in (lambda: tf.metrics.mean([1.0]), lambda: tf.metrics.recall_at_k([1], [[0.5, 1.0]], 1)):
            with pytest.raises(RuntimeError, match="needs a graph, but eager execution is on"):
                call()
    finally:
        MODE.choose(None)


def test_arguments_are_tensorflows():
    common = "metrics_collections updates_collections".split()
    for name, own in {"accuracy": "labels predictions weights", "percentage_below": "values threshold weights",
                      "mean_iou": "labels predictions num_classes weights",
                      "recall_at_top_k": "labels predictions_idx k class_id weights",
                      "true_positives_at_thresholds": "labels predictions thresholds weights"}.items():  # fmt: skip
        function = getattr(tf.metrics, name)
        assert list(inspect.signature(function).parameters) == [*own.split(), *common, "name"]
        assert function.__doc__ and function.__name__ == name and name in dir(tf.metrics)
