"""What is compiled again is counted, with the reason, and warned of once."""

import gc
import warnings

import numpy as np
import pytest

import graphc
import graphc.v1 as tf
from graphc.errors import GraphcWarning


def counted(fetch) -> graphc.Compilation:
    """The entry of the request that fetched one tensor."""
    return next(c for c in graphc.compilations() if f"[{fetch.name}]" in c.what)


@pytest.fixture
def told():
    """The warnings of a test."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield seen


def test_sizes_are_no_reason(told):
    x = tf.placeholder(tf.float32, [None, 3], name="sizes_x")
    y, session = tf.reduce_sum(x * 2.0, 1, name="sizes_y"), tf.Session()
    for n in range(6):
        session.run(y, {x: np.ones((n, 3))})
    assert counted(y).count == 1 and not told


def test_ranks_are_warned_of_once(told):
    x = tf.placeholder(tf.float32, name="ranks_x")
    y, session = tf.multiply(x, 2.0, name="ranks_y"), tf.Session()
    for rank in range(4):
        session.run(y, {x: np.ones((2,) * rank)})
    found = counted(y)
    assert found.count == 4 and found.reasons[-1] == "ranks_x:0 is fed a value of rank 3, it was 2"
    (one,) = told
    assert issubclass(one.category, GraphcWarning) and one.filename == __file__
    advice = "give the placeholder a shape, such as [None, 3], or feed values of one rank"
    assert str(one.message) == f"{found.what} is compiled for the 4th time: {found.reasons[-1]}; {advice}"


def test_few_changes_are_normal(told):
    x = tf.placeholder(tf.float32, name="few_x")
    y, session = tf.add(x, 1.0, name="few_y"), tf.Session()
    for value in (1.0, [1.0, 2.0], [[1.0]], 2.0, [3.0]):
        session.run(y, {x: value})
    assert counted(y).count == 3 and not told


def test_sizes_of_one_that_broadcast_are_a_reason(told):
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None], name="ones_y")
    z, session = tf.add(x, y, name="ones_z"), tf.Session()
    for k in (2, 3, 4):
        for sizes in ((k, k), (k, 1), (1, k), (1, 1)):
            assert session.run(z, dict(zip((x, y), map(np.ones, sizes)))).shape == (max(sizes),)
    assert counted(z).count == 4 and len(told) == 1
    assert "the size of ones_y:0 at axis 0 is 1, which broadcasts" in counted(z).reasons[0]
    assert "for the 4th time: the size of" in str(told[0].message)


def test_only_values_that_decide_are_a_reason(told):
    x, axis = tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.int32, [], name="which")
    labels = tf.placeholder(tf.int32, [None])
    y = tf.add(tf.reduce_sum(x, axis), tf.cast(tf.reduce_sum(labels), tf.float32), name="valued_y")
    session = tf.Session()
    for k in range(6):
        session.run(y, {x: np.ones((2, 3)), axis: k % 2, labels: [k, k]})
    assert counted(y).count == 2 and not told
    for k in (-2, -1):
        session.run(y, {x: np.ones((2, 3)), axis: k, labels: [k, k]})
    assert counted(y).count == 4 and len(told) == 1
    assert "the value of which:0 decides a shape or an axis and is [-1], it was [-2]" in str(told[0].message)


def test_a_graph_that_grows_between_runs_is_no_reason(told):
    x, session = tf.placeholder(tf.float32, [None]), tf.Session()
    y = tf.reduce_max(x, name="grown_y")
    for _ in range(12):
        session.run(y, {x: np.ones(3)})
        tf.constant(1.0)
    assert counted(y).count == 1 and not told


def test_counts_go_with_their_session():
    x, session = tf.placeholder(tf.float32, [None], name="gone_x"), tf.Session()
    y = tf.negative(x, name="gone_y")
    session.run(y, {x: [1.0]})
    assert counted(y).count == 1
    del session
    gc.collect()
    assert not any("gone_y" in c.what for c in graphc.compilations())
