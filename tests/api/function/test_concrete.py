"""ConcreteFunction and what can be seen of a function: signatures, graphs, programs."""

import numpy as np
import pytest

import graphc as tf
from graphc.ir.parser import parse
from graphc.ir.program import Program


@pytest.fixture
def affine():
    w, b = tf.Variable([[2.0], [3.0]], name="w"), tf.Variable([1.0], trainable=False, name="b")

    @tf.function
    def f(x, scale=1.0):
        return {"y": (x @ w + b) * scale}

    return f, w, b


def test_for_specifications(affine):
    f, w, b = affine
    c = f.get_concrete_function(tf.TensorSpec([None, 2], name="rows"))
    assert c.name == "f" and c.variables == (w, b) and c.trainable_variables == (w,)
    assert c.structured_input_signature == ((tf.TensorSpec([None, 2], name="rows"), 1.0), {})
    assert c.structured_outputs == {"y": tf.TensorSpec([None, 1])}
    assert [s.shape.as_list() for s in c.outputs] == [[None, 1]] and c.inputs == [tf.TensorSpec([None, 2], name="rows")]
    for n in (1, 3):
        assert c(tf.ones([n, 2]))["y"].numpy().tolist() == [[6]] * n
    assert c(rows=[[1.0, 0.0]])["y"].numpy().tolist() == [[3]]
    w.assign([[0.0], [0.0]])
    assert c(tf.ones([1, 2]))["y"].numpy().tolist() == [[1]]
    assert f.experimental_get_tracing_count() == 1
    assert f(tf.ones([5, 2]))["y"].shape == (5, 1) and f.experimental_get_tracing_count() == 1
    assert f.get_concrete_function(tf.TensorSpec([None, 2])) is c


def test_wrong_calls_of_a_concrete_function(affine):
    c = affine[0].get_concrete_function(tf.TensorSpec([None, 2], name="rows"))
    with pytest.raises(ValueError, match=r"f: rows must have shape \(None, 2\), got f32\[2,3\]"):
        c(tf.ones([2, 3]))
    with pytest.raises(TypeError, match="f: rows must be float32, got i32"):
        c(tf.constant([[1, 2]]))
    with pytest.raises(ValueError, match=r"f: takes 1 tensors \(rows\), got 2"):
        c(tf.ones([1, 2]), tf.ones([1, 2]))
    with pytest.raises(ValueError, match="takes 1 tensors"):
        c(cols=tf.ones([1, 2]))


def test_the_graph_is_text_that_is_read_back(affine):
    f, _, _ = affine
    graph = f.get_concrete_function(tf.TensorSpec([None, 2])).graph
    text = str(graph)
    assert text.startswith("graph @f(%x: f32[x_0,2], %w: f32[2,1], %b: f32[1]) {")
    assert str(parse(text)) == text
    assert f.get_concrete_function(tf.TensorSpec([4, 2])).graph is graph  # it serves any size


def test_variables_are_inputs_and_outputs_of_the_graph():
    w = tf.Variable(1.0, name="w")

    @tf.function
    def f(x):
        w.assign_add(x)
        return w * 2

    graph = f.get_concrete_function(tf.TensorSpec([])).graph
    assert [x.attr("name") for x in graph.inputs] == ["x", "w"] and len(graph.outputs) == 2
    assert graph.donated == ((1, 1),)
    assert float(w) == 1


def test_lowered_and_compiled(affine):
    f, _, _ = affine
    spec = tf.TensorSpec([None, 2])
    assert isinstance(f.lower(spec), Program)
    executable = f.compile(spec)
    (y,) = executable(np.ones((3, 2), np.float32), np.ones((2, 1), np.float32), np.zeros(1, np.float32))
    assert y.tolist() == [[2], [2], [2]]
    assert isinstance(f.get_concrete_function(spec).lower(), Program)


def test_printed(affine):
    f, _, _ = affine
    f(tf.ones([1, 2]))
    text = f.pretty_printed_concrete_signatures()
    assert "f(TensorSpec(shape=(1, 2), dtype=tf.float32, name='x'), 1.0) -> {'y': TensorSpec(" in text
    assert repr(f) == "<tf.function f(x, scale=1.0)>"
    assert "ConcreteFunction f(TensorSpec" in repr(f.concrete_functions[0])


def test_a_rank_that_is_not_known():
    f = tf.function(lambda x, n: x * n)
    any_rank = f.get_concrete_function(tf.TensorSpec(None, tf.float32), n=2.0)
    assert any_rank(tf.constant(3.0)).numpy() == 6
    assert any_rank(x=[1.0, 2.0]).numpy().tolist() == [2, 4] and any_rank([1.0, 2.0, 3.0]).shape == (3,)
    assert f.experimental_get_tracing_count() == 2
    with pytest.raises(AttributeError, match="graph is not known before the rank is"):
        any_rank.graph
    with pytest.raises(TypeError, match="x must be float32"):
        any_rank(tf.constant(1))


def test_specifications_are_no_arguments(affine):
    with pytest.raises(ValueError, match="called with a TensorSpec; get_concrete_function takes these"):
        affine[0](tf.TensorSpec([1, 2]))


def test_shapes_and_dtypes_of_answers(affine):
    c = affine[0].get_concrete_function(tf.TensorSpec([None, 2]))
    assert c.output_shapes == {"y": tf.TensorShape([None, 1])} and c.output_dtypes == {"y": tf.float32}


def test_inside_another_function(affine):
    c = affine[0].get_concrete_function(tf.TensorSpec([None, 2]))
    outer = tf.function(lambda x: c(x * 2)["y"] + 1)
    assert outer(tf.ones([1, 2])).numpy().tolist() == [[12]]


def test_under_a_tape(affine):
    f, w, b = affine
    c = f.get_concrete_function(tf.TensorSpec([None, 2]))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(c(tf.ones([3, 2]))["y"])
    assert tape.gradient(loss, w).numpy().tolist() == [[3], [3]]
    assert tape.watched_variables() == (w,)
