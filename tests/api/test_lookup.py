"""Tables from keys to values: fixed, vocabularies, from files, changing ones; eager and in sessions."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as tf
from graphc import errors
from graphc import v1 as tf1


def words(default=-1):
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), default)


def test_fixed_table_answers_with_values_and_the_default():
    table = words()
    assert table.lookup(tf.constant([["a", "x"], ["b", "a"]])).numpy().tolist() == [[1, -1], [2, 1]]
    assert table[["b"]].numpy().tolist() == [2]
    assert int(table.size()) == 2 and table.key_dtype is tf.string and table.value_dtype is tf.int32
    keys, values = table.export()
    assert dict(zip(keys.numpy(), values.numpy())) == {b"a": 1, b"b": 2}


def test_elements_of_sparse_and_ragged_tensors_are_looked_up():
    table = words()
    found = table.lookup(tf.ragged.constant([["a"], [], ["x", "b"]]))
    assert found.to_list() == [[1], [], [-1, 2]]
    sparse = table.lookup(tf.SparseTensor([[0, 1], [2, 0]], ["b", "?"], [3, 3]))
    assert sparse.values.numpy().tolist() == [2, -1] and sparse.dense_shape.numpy().tolist() == [3, 3]


def test_equal_tables_share_compiled_code_and_different_ones_do_not_mix():
    one = words()
    other = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [3, 4]), -1)
    assert one.lookup(["a"]).numpy() == [1] and other.lookup(["a"]).numpy() == [3]


def test_bad_tables_are_refused():
    with pytest.raises(errors.StateError, match="has the value 1 and another one, 2"):
        tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "a"], [1, 2]), -1)
    with pytest.raises(errors.ShapeError, match="2 keys|\\[2\\] keys"):
        tf.lookup.KeyValueTensorInitializer(["a", "b"], [1])
    with pytest.raises(errors.DtypeError, match="keys must be string, not int32"):
        words().lookup(tf.constant([1]))
    with pytest.raises(errors.UsageError, match="num_oov_buckets must be positive"):
        tf.lookup.StaticVocabularyTable(None, 0)
    with pytest.raises(errors.NotFoundError):
        tf.lookup.TextFileInitializer("/no/such/file", tf.string, -2, tf.int64, -1)


def test_vocabulary_spreads_other_words_over_buckets():
    ids = tf.constant([0, 1], tf.int64)
    table = tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], ids), 3)
    assert table.lookup(tf.constant(["a", "b", "c", "d", "e"])).numpy().tolist() == [0, 1, 3, 4, 3]  # TensorFlow's
    assert int(table.size()) == 5
    numbers = tf.lookup.KeyValueTensorInitializer(tf.constant([5, 6], tf.int64), ids)
    table = tf.lookup.StaticVocabularyTable(numbers, 3, lookup_key_dtype=tf.int32)
    assert table.lookup(tf.constant([5, 7, 8])).numpy().tolist() == [0, 3, 3]
    assert tf.lookup.StaticVocabularyTable(None, 3).lookup(["x", "y"]).numpy().tolist() == [2, 2]


def test_files_have_columns_lines_and_numbers(tmp_path):
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(b"a 3\r\nb 4\n")
    columns = tf.lookup.TextFileInitializer(str(path), tf.string, 0, tf.int64, 1, delimiter=" ")
    assert tf.lookup.StaticHashTable(columns, -1).lookup(["a", "b"]).numpy().tolist() == [3, 4]
    index = tf.lookup.TextFileIndex
    lines = tf.lookup.TextFileInitializer(str(path), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER)
    assert tf.lookup.StaticHashTable(lines, -1).lookup(["b 4", "b"]).numpy().tolist() == [1, -1]
    with pytest.raises(errors.InvalidArgumentError, match="expected 5 lines, got 2"):
        tf.lookup.TextFileInitializer(str(path), tf.string, -2, tf.int64, -1, vocab_size=5)
    with pytest.raises(errors.InvalidArgumentError, match="line 0 has no column 2"):
        tf.lookup.TextFileInitializer(str(path), tf.string, 0, tf.int64, 2, delimiter=" ")


def test_changing_table_inserts_removes_and_exports():
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.float32, [0.0, 0.0])
    table.insert(["a", "b"], [[1.0, 2.0], [3.0, 4.0]])
    table.insert_or_assign(["b"], [[5.0, 6.0]])
    assert table.lookup(["b", "x"]).numpy().tolist() == [[5, 6], [0, 0]]
    assert table.lookup(["x", "b"], [[7.0, 7.0], [8.0, 8.0]]).numpy().tolist() == [[7, 7], [5, 6]]
    assert int(table.size()) == 2
    keys, values = table.export()
    assert keys.numpy().tolist() == [b"a", b"b"] and values.numpy().tolist() == [[1, 2], [5, 6]]
    table.remove(["a", "never"])
    assert int(table.size()) == 1
    with pytest.raises(errors.ShapeError, match="do not fit together"):
        table.insert(["a"], [1.0])


def test_dense_table_keeps_two_keys_to_itself():
    table = tf.lookup.experimental.DenseHashTable(tf.int64, tf.int64, -1, empty_key=-1, deleted_key=-2)
    table.insert([3], [4])
    assert table.lookup([3, 4]).numpy().tolist() == [4, -1]
    with pytest.raises(errors.InvalidArgumentError, match="cannot be used as a key"):
        table.insert([-1], [3])


def test_tables_work_in_sessions():
    with tf1.Graph().as_default():
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
        keys = tf1.placeholder(tf.string, [None])
        found = table.lookup(keys) * 10
        changing = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
        fill = changing.insert(keys, tf.constant([7, 8], tf.int64))
        now = changing.lookup(keys)
        with tf1.Session() as session:
            session.run([table.initializer, tf1.tables_initializer()])
            fed = {keys: np.array([b"b", b"x"], object)}
            assert session.run(found, fed).tolist() == [20, -10]
            assert session.run(now, fed).tolist() == [-1, -1]
            session.run(fill, fed)
            assert session.run(now, fed).tolist() == [7, 8]


def test_an_initializer_that_stands_for_a_content_to_come_makes_an_empty_table():
    class Placeholder(tf.lookup.KeyValueTensorInitializer):
        key_dtype, value_dtype = tf.string, "int64"

        def __init__(self):
            pass

    table = tf.lookup.StaticHashTable(Placeholder(), -1)
    assert table.size().numpy() == 0 and table.lookup(tf.constant(["a"])).numpy().tolist() == [-1]
    assert (table.key_dtype, table.value_dtype) == (tf.string, tf.int64)
