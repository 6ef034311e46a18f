"""When a function is traced again: kinds of arguments, sizes, Python values; counts and warnings."""

import warnings

import numpy as np
import pytest

import graphc as tf
from graphc.errors import GraphcWarning


def traced(python_function, **options):
    f = tf.function(python_function, **options)
    return f, f.experimental_get_tracing_count


def test_sizes_are_generalised_once():
    f, count = traced(lambda x: tf.reduce_sum(x * 2, axis=0))
    for rows in (3, 4, 5, 100, 1, 0):
        assert f(tf.ones([rows, 2])).numpy().tolist() == [2 * rows, 2 * rows]
    assert count() == 2
    assert [c.inputs[0].shape.as_list() for c in f.concrete_functions] == [[3, 2], [None, 2]]
    f(tf.ones([7, 9]))
    assert count() == 3 and f.concrete_functions[-1].inputs[0].shape.as_list() == [None, None]
    for shape in ([8, 3], [2, 11], [3, 2]):
        assert f(tf.ones(shape)).shape.as_list() == shape[1:]
    assert count() == 3


def test_several_tensors_of_changing_sizes():
    f, count = traced(lambda x, y: x @ y)
    for n, k in ((2, 3), (4, 5), (6, 7), (1, 1)):
        assert f(tf.ones([n, k]), tf.ones([k, 2])).numpy().tolist() == [[k, k]] * n
    assert count() == 2


def test_a_size_of_one_that_broadcasts_has_its_own_trace():
    f, count = traced(lambda x, y: x + y)
    assert f(tf.ones([2]), tf.ones([2])).shape == (2,)
    assert f(tf.ones([3]), tf.ones([3])).shape == (3,)
    assert f(tf.ones([1]), tf.ones([3])).numpy().tolist() == [2, 2, 2]
    before = count()
    assert f(tf.ones([1]), tf.ones([3])).numpy().tolist() == [2, 2, 2]
    assert f(tf.ones([5]), tf.ones([5])).shape == (5,)
    assert count() == before
    with pytest.raises(ValueError, match="add"):
        f(tf.ones([2]), tf.ones([3]))


def test_where_python_needs_the_size_every_size_has_its_own():
    def total(x):
        result = tf.zeros([])
        for k in range(x.shape[0]):
            result += x[k]
        return result

    f, count = traced(total)
    for n in (1, 2, 3, 2, 1):
        assert float(f(tf.ones([n]))) == n
    assert count() == 3


def test_dtypes_ranks_structures_and_python_values():
    f, count = traced(lambda x, n=1: tf.nest.flatten(x)[0] * n)
    f(tf.constant(1.0)), f(tf.constant(2.0))
    assert count() == 1
    f(tf.constant(1)), f(tf.constant([1.0])), f([tf.constant(1.0)]), f((tf.constant(1.0),)), f({"a": tf.constant(1.0)})
    assert count() == 6
    f(tf.constant(1.0), 2), f(tf.constant(1.0), 3), f(tf.constant(1.0), 2), f(tf.constant(1.0), 2.0)
    assert count() == 9
    f(3.0), f(3.0), f(4.0), f(True), f(1)
    assert count() == 13


def test_objects_go_by_identity():
    class Config:
        scale = 2

    one, two = Config(), Config()
    f, count = traced(lambda x, c: x * c.scale)
    f(1, one), f(1, one), f(1, two), f(1, one)
    assert count() == 2
    g, count = traced(lambda x, fn: fn(x))
    assert g(tf.constant(1.0), tf.exp).numpy() == pytest.approx(np.e, rel=1e-6)
    assert g(tf.constant(1.0), tf.negative).numpy() == -1
    g(tf.constant(2.0), tf.exp)
    assert count() == 2


def test_input_signature():
    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([], tf.int32, name="times")])
    def f(x, n):
        return x * tf.cast(n, tf.float32)

    assert f([[1.0, 2.0, 3.0]], 2).numpy().tolist() == [[2, 4, 6]]
    assert f(np.ones((4, 3), np.float32), tf.constant(5)).shape == (4, 3)
    assert f(x=tf.ones([2, 3]), n=np.int32(1)).numpy().tolist() == [[1, 1, 1]] * 2
    assert f.experimental_get_tracing_count() == 1
    with pytest.raises(ValueError, match=r"f: x must be TensorSpec\(shape=\(None, 3\), dtype=tf.float32, name=None\) by "
                                         r"input_signature, got float32 of shape \(2, 2\)"):  # fmt: skip
        f(tf.ones([2, 2]), 1)
    with pytest.raises(TypeError, match=r"n must be TensorSpec\(.*name='times'\) by input_signature, got 1.5"):
        f(tf.ones([2, 3]), 1.5)
    with pytest.raises(TypeError, match="got float32 of shape"):
        f(tf.ones([2, 3]), tf.constant(1.0))
    with pytest.raises(TypeError, match="missing a required argument: 'n'"):
        f(tf.ones([2, 3]))
    assert f.get_concrete_function().inputs[1].name == "times"


def test_input_signature_of_unknown_rank_and_of_structures():
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def f(x):
        return tf.reduce_sum(x)

    assert [float(f(tf.ones(s))) for s in ([], [3], [4], [2, 2], [5, 1])] == [1, 3, 4, 4, 5]
    assert f.experimental_get_tracing_count() == 3

    @tf.function(input_signature=[{"a": tf.TensorSpec([None]), "b": [tf.TensorSpec([])]}])
    def g(d):
        return d["a"] * d["b"][0]

    assert g({"a": tf.constant([1.0, 2.0]), "b": [3.0]}).numpy().tolist() == [3, 6]
    with pytest.raises(ValueError, match="input_signature"):
        tf.function(lambda x, y: x, input_signature=[tf.TensorSpec([])])(1.0, 2.0)
    with pytest.raises(ValueError, match="must hold TensorSpecs"):
        tf.function(lambda x: x, input_signature=[3])


def test_a_storm_is_warned_of_once_with_the_reason():
    def add(x, n):
        return x + n

    f = tf.function(add)
    with pytest.warns(GraphcWarning, match=r"function 'add' is compiled for the 10th time: n is 9, it was 8; give numbers that "
                                           r"change as tensors") as caught:  # fmt: skip
        for n in range(20):
            f(tf.constant(1), n)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_a_storm_of_sizes():
    def total(x):
        return sum([x[k] for k in range(x.shape[0])])

    f = tf.function(total, autograph=False)
    with pytest.warns(GraphcWarning, match=r"x has shape \(10,\), it was \(9,\); the Python function needs the sizes"):
        for n in range(1, 13):
            f(tf.ones([n]))


def test_no_warning_without_a_storm():
    f = tf.function(lambda x, n: x * n)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(1, 40):
            f(tf.ones([n]), 2)


def test_compilations_tell():
    def told(x):
        return x

    f = tf.function(told)
    f(tf.constant(1.0)), f(tf.constant(1))
    assert f.experimental_get_tracing_count() == 2


def test_nested_functions_share_traces_for_unknown_sizes():
    inner = tf.function(lambda x: x * 2)
    outer = tf.function(lambda x: inner(x) + inner(x + 1))
    for n in (2, 3, 4):
        assert outer(tf.ones([n])).numpy().tolist() == [6] * n
    assert outer.experimental_get_tracing_count() == 2 and inner.experimental_get_tracing_count() == 2


def test_what_fails_while_tracing_is_not_kept():
    calls = []

    @tf.function
    def f(x):
        calls.append(1)
        if len(calls) < 3:
            raise KeyError("not yet")
        return x

    for _ in range(2):
        with pytest.raises(KeyError, match="not yet"):
            f(tf.constant(1.0))
    assert f(tf.constant(1.0)).numpy() == f(tf.constant(1.0)).numpy() == 1
    assert len(calls) == 3 and f.experimental_get_tracing_count() == 1


def test_arrays_of_another_dtype_are_converted_in_every_call():
    @tf.function(input_signature=[tf.TensorSpec([None])])
    def f(x):
        return x * 2

    for _ in range(3):
        assert f(np.array([1, 2])).numpy().tolist() == f([1, 2]).numpy().tolist() == [2, 4]


def test_a_size_of_one_where_something_is_printed(capfd):
    @tf.function
    def f(x, y):
        tf.print("run")
        return x + y

    for n, m in ((2, 2), (3, 3), (1, 3), (4, 4), (1, 5), (1, 3), (1, 1)):
        assert f(tf.ones([n]), tf.ones([m])).shape == (max(n, m),)
    assert capfd.readouterr().err == "run\n" * 7
    assert f.experimental_get_tracing_count() <= 5


def test_sizes_that_the_function_says_itself():
    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def f(x):
        x.set_shape([None, 3])
        assert x.shape.as_list() == [None, 3]
        return tf.reshape(x, [-1, x.shape[1], 1])

    assert f(tf.ones([2, 3])).shape == (2, 3, 1) and f(tf.ones([5, 3])).shape == (5, 3, 1)
    with pytest.raises(ValueError, match=r"got f32\[2,4\] \(axis 1: 4 != 3\)"):
        f(tf.ones([2, 4]))


def test_functions_made_for_a_single_call_each_are_warned_of_once():
    with pytest.warns(GraphcWarning, match="another tf.function of 'twice' is called here for the first time, after 8 that "
                                           "were called once; .* outside of the loop") as caught:  # fmt: skip
        for _ in range(14):

            @tf.function
            def twice(x):
                return x * 2.0

            twice(tf.constant(1.0))
    assert len(caught) == 1 and caught[0].filename == __file__


def test_functions_of_many_models_are_no_storm():
    def trained(size: int) -> float:
        w = tf.Variable(tf.ones([size]))

        @tf.function
        def step(x):
            w.assign_sub(0.1 * w * x)
            return tf.reduce_sum(w)

        return [float(step(tf.constant(float(k)))) for k in range(3)][-1]

    @tf.function
    def apart(x, scale):
        return x * scale

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in range(1, 13):
            assert trained(size) == pytest.approx(size * 0.9 * 0.8)
            concrete = tf.function(lambda x: x + 1.0).get_concrete_function(tf.TensorSpec([]))
            assert float(concrete(tf.constant(1.0))) == 2
            assert float(apart(tf.constant(2.0), scale=tf.constant(3.0))) == 6


def test_models_with_one_function_each_are_warned_of_once():
    def model():
        @tf.function
        def add(x, n):
            return x + n

        return add

    with pytest.warns(GraphcWarning, match="function 'add' is compiled for the 10th time") as caught:
        for _ in range(3):
            add = model()
            for n in range(12):
                add(tf.constant(1), n)
    assert len(caught) == 1
