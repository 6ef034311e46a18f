"""What functions of elements may do: control flow, variables, tables, other functions, Python; and what is compiled."""

import numpy as np
import pytest

import graphc as tf
from graphc.api.data import functions

D = tf.data.Dataset


def values(dataset):
    return [int(x) for x in dataset]


def test_if_and_for_on_tensors():
    def branch(x):
        if x > 1:
            y = x * 10
        else:
            y = x
        return y

    def loop(x):
        total = tf.constant(0, tf.int64)
        for i in tf.range(x):
            total += i
        return total

    assert values(D.range(4).map(branch)) == [0, 1, 20, 30]
    assert values(D.range(5).map(loop)) == [0, 0, 1, 3, 6]


def test_the_value_of_a_variable_at_the_time():
    v = tf.Variable(5, dtype=tf.int64)
    dataset = D.range(2).map(lambda x: x + v)
    assert values(dataset) == [5, 6]
    v.assign(7)
    assert values(dataset) == [7, 8]


def test_changing_a_variable_happens_once_for_each_element_in_order():
    v = tf.Variable(0, dtype=tf.int64)

    def add(x):
        v.assign_add(x)
        return v + 0

    dataset = D.range(4).map(add)
    assert int(v) == 0
    assert values(dataset) == [0, 1, 3, 6] and int(v) == 6


def test_a_table():
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
    assert values(D.from_tensor_slices(["a", "c", "b"]).map(table.lookup)) == [1, -1, 2]


def test_a_function_that_is_traced_already():
    @tf.function
    def twice(x):
        return x * 2

    assert values(D.range(3).map(twice)) == [0, 2, 4]
    assert values(D.range(3).map(lambda x: twice(x) + 1)) == [1, 3, 5]


def test_datasets_inside_of_a_function():
    sums = D.range(4).map(lambda x: D.range(x + 1).reduce(np.int64(0), lambda a, b: a + b))
    assert values(sums) == [0, 1, 3, 6]
    scaled = D.range(3).flat_map(lambda x: D.range(2).map(lambda y: x * 10 + y))
    assert values(scaled) == [0, 1, 10, 11, 20, 21]


def test_reduce_inside_of_a_traced_function():
    numbers = D.range(5)

    @tf.function
    def total(start):
        return numbers.reduce(start, lambda a, b: a + b)

    assert int(total(tf.constant(3, tf.int64))) == 13
    assert int(total(tf.constant(0, tf.int64))) == 10


def test_several_answers_of_python():
    def both(x):
        return tf.py_function(lambda v: (v, v * 2.0), [tf.cast(x, tf.float32)], (tf.float32, tf.float32))

    dataset = D.range(2).map(both)
    assert [s.shape.dims for s in dataset.element_spec] == [None, None]
    assert [[float(v) for v in pair] for pair in dataset] == [[0.0, 0.0], [1.0, 2.0]]


def test_set_shape_after_python():
    def read(x):
        found = tf.numpy_function(lambda v: np.full((2,), v), [x], tf.int64)
        found.set_shape([2])
        return found

    dataset = D.range(3).map(read).batch(3)
    assert dataset.element_spec == tf.TensorSpec((None, 2), tf.int64)
    assert next(iter(dataset)).numpy().tolist() == [[0, 0], [1, 1], [2, 2]]


def test_one_program_serves_every_number_of_elements(monkeypatch):
    compiled = []
    monkeypatch.setattr(functions, "compile_graph", lambda graph: compiled.append(graph) or compile_graph(graph))
    dataset = D.range(100).map(lambda x: tf.cast(x, tf.float32) / 3.0)
    whole = [float(x) for x in dataset]
    for size in (1, 7, 100):
        assert [float(v) for b in dataset.batch(size) for v in b] == whole
    assert [float(v) for v in dataset.shuffle(100).take(50)].__len__() == 50
    assert len(compiled) == 1
    assert whole == [float(np.float32(k) / np.float32(3)) for k in range(100)]


compile_graph = functions.compile_graph


def test_batches_of_an_open_size_share_a_program(monkeypatch):
    compiled = []
    monkeypatch.setattr(functions, "compile_graph", lambda graph: compiled.append(graph) or compile_graph(graph))
    dataset = D.range(10).batch(4).map(lambda x: tf.reduce_sum(tf.cast(x, tf.float32)))
    assert [float(x) for x in dataset] == [6.0, 22.0, 17.0] and len(compiled) == 1


def test_a_part_of_a_function_that_is_not_known_while_tracing():
    with pytest.raises(TypeError, match="not known while the function around it is traced|no value while"):
        D.range(3).map(lambda x: x.numpy() + 1)
