"""Datasets and iterators in graphs: what is fed when, what each session has for itself, and what is refused."""

import threading

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.api.mode import MODE
from graphc.errors import DtypeError, InvalidArgumentError, OutOfRangeError, StateError, SymbolicError, UsageError


def all_of(sess, fetches):
    found = []
    while True:
        try:
            found.append(sess.run(fetches))
        except tf.errors.OutOfRangeError:
            return found


def test_every_session_has_a_place_of_its_own():
    following = tf.data.Dataset.range(3).make_one_shot_iterator().get_next()
    with tf.Session() as one, tf.Session() as other:
        assert [one.run(following), one.run(following), other.run(following)] == [0, 1, 0]
        assert all_of(one, following) == [2] and all_of(other, following) == [1, 2]


def test_an_operation_gives_one_element_in_a_run():
    following = tf.data.Dataset.range(6).make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        assert sess.run([following, following + 10, following * 2]) == [0, 10, 0]
        assert sess.run(following) == 1


def test_two_operations_give_two_elements_in_order():
    iterator = tf.data.Dataset.range(6).make_one_shot_iterator()
    one, other = iterator.get_next(), iterator.get_next()
    with tf.Session() as sess:
        assert [sess.run([one, other]) for _ in range(3)] == [[0, 1], [2, 3], [4, 5]]


def test_names_and_kinds_are_those_of_tensorflow():
    dataset = tf.data.Dataset.from_tensor_slices((np.zeros((2, 3), np.float32), ["a", "b"]))
    iterator = dataset.make_initializable_iterator()
    x, y = iterator.get_next()
    assert (x.name, y.name, x.op.type) == ("IteratorGetNext:0", "IteratorGetNext:1", "IteratorGetNext")
    assert (iterator.initializer.type, iterator.initializer.name) == ("MakeIterator", "MakeIterator")
    assert iterator.get_next("again")[0].name == "again:0"
    assert iterator.output_types == (tf.float32, tf.string)
    assert [s.as_list() for s in iterator.output_shapes] == [[3], []]
    assert iterator.output_classes == (tf.Tensor, tf.Tensor)
    assert tf.data.get_output_types(dataset) == (tf.float32, tf.string)


def test_an_iterator_starts_anew_with_what_is_fed():
    x, size = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.int64, [])
    dataset = tf.data.Dataset.from_tensor_slices(x).map(lambda v: v * 2).batch(size).repeat(2)
    assert dataset.output_shapes.as_list() == [None]
    iterator = dataset.make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as sess:
        sess.run(iterator.initializer, {x: [1.0, 2.0, 3.0], size: 2})
        found = all_of(sess, following)
        assert [v.tolist() for v in found] == [[2.0, 4.0], [6.0]] * 2
        sess.run(iterator.initializer, {x: [5.0], size: 7})
        assert sess.run(following).tolist() == [10.0]


def test_files_to_read_are_fed(tmp_path):
    for k in range(2):
        (tmp_path / f"{k}.txt").write_text(f"a{k}\nb{k}\n")
    names = tf.placeholder(tf.string, [None])
    iterator = tf.data.TextLineDataset(names).make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as sess:
        for k in range(2):
            sess.run(iterator.initializer, {names: [str(tmp_path / f"{k}.txt")]})
            assert all_of(sess, following) == [b"a%d" % k, b"b%d" % k]
        sess.run(iterator.initializer, {names: [str(tmp_path / "none.txt")]})
        with pytest.raises(tf.errors.NotFoundError, match="none.txt: no such file"):
            sess.run(following)


def test_a_dataset_of_computed_tensors():
    rows = tf.reshape(tf.range(6), [3, 2]) * 10
    following = tf.data.Dataset.from_tensor_slices(rows).make_one_shot_iterator().get_next()
    assert following.shape.as_list() == [2]
    with tf.Session() as sess:
        assert [v.tolist() for v in all_of(sess, following)] == [[0, 10], [20, 30], [40, 50]]


def test_sparse_and_ragged_elements():
    sparse = tf.SparseTensor([[0, 1], [2, 0]], [5, 7], [3, 2])
    row = tf.data.Dataset.from_tensor_slices(sparse).make_one_shot_iterator().get_next()
    dense = tf.sparse.to_dense(row)
    words = tf.data.Dataset.from_tensor_slices(["a b", "c"]).batch(2)
    split = words.map(lambda text: tf.strings.split(text, result_type="RaggedTensor"))
    ragged = split.make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        assert [v.tolist() for v in all_of(sess, dense)] == [[0, 5], [0, 0], [7, 0]]
        assert sess.run(ragged).to_list() == [[b"a", b"b"], [b"c"]]


def test_structures_keep_their_keys():
    dataset = tf.data.Dataset.from_tensor_slices({"b": [1, 2], "a": ([3, 4], [5, 6])})
    following = tf.data.make_one_shot_iterator(dataset).get_next()
    with tf.Session() as sess:
        assert sess.run(following) == {"b": 1, "a": (3, 5)}


def test_errors_of_elements_name_the_users_line():
    dataset = tf.data.Dataset.from_tensor_slices([4.0, -1.0]).map(lambda v: tf.check_numerics(tf.log(v), "log"))
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        assert sess.run(following) == pytest.approx(np.log(4.0))
        with pytest.raises(InvalidArgumentError, match="log: tensor had NaN"):
            sess.run(following)


def test_an_iterator_must_be_initialised():
    iterator = tf.data.Dataset.range(3).make_initializable_iterator()
    what = r"not been initialized.*sess.run\(iterator.initializer\)"
    with tf.Session() as sess, pytest.raises(StateError, match=what):
        sess.run(iterator.get_next())


def test_the_end_says_which_iterator():
    following = tf.data.Dataset.range(0).make_one_shot_iterator().get_next()
    with tf.Session() as sess, pytest.raises(OutOfRangeError, match="OneShotIterator: End of sequence"):
        sess.run(following)


def test_a_one_shot_iterator_cannot_be_fed():
    x = tf.placeholder(tf.float32, [None], name="features")
    dataset = tf.data.Dataset.from_tensor_slices(x * 2)
    with pytest.raises(UsageError, match="placeholder features.*make_initializable_iterator"):
        dataset.make_one_shot_iterator()
    with pytest.raises(UsageError, match="no initializer"):
        assert tf.data.Dataset.range(3).make_one_shot_iterator().initializer


def test_a_dataset_must_fit_the_iterator():
    iterator = tf.data.Iterator.from_structure((tf.float32, tf.int64), ([None, 2], [None]))
    good = tf.data.Dataset.from_tensors((np.zeros((3, 2), np.float32), np.zeros(3, np.int64)))
    iterator.make_initializer(good)
    with pytest.raises(DtypeError, match="Expected output types"):
        iterator.make_initializer(tf.data.Dataset.from_tensors((np.zeros((3, 2), np.int32), np.zeros(3, np.int64))))
    with pytest.raises(DtypeError, match="Expected output shapes"):
        iterator.make_initializer(tf.data.Dataset.from_tensors((np.zeros((3, 3), np.float32), np.zeros(3, np.int64))))
    with pytest.raises(DtypeError, match="elements"):
        iterator.make_initializer(tf.data.Dataset.range(3))


def test_a_handle_must_be_one():
    handle = tf.placeholder(tf.string, [])
    following = tf.data.Iterator.from_string_handle(handle, tf.int64, []).get_next()
    with tf.Session() as sess, pytest.raises(InvalidArgumentError, match="'nothing' is no handle"):
        sess.run(following, {handle: "nothing"})
    with pytest.raises(DtypeError, match="expected string, got 3"):
        tf.data.Iterator.from_string_handle(3, tf.int64)


def test_a_graph_is_no_place_for_python_loops():
    with pytest.raises(UsageError, match="only with eager evaluation.*make_one_shot_iterator"):
        list(tf.data.Dataset.range(3))
    with pytest.raises(UsageError, match="needs a tf.data.Dataset"):
        tf.data.make_one_shot_iterator([1, 2])


def test_many_calls_of_get_next_are_remarked():
    iterator = tf.data.Dataset.range(3).make_one_shot_iterator()
    with pytest.warns(UserWarning, match="get_next was called more than 32 times"):
        for _ in range(33):
            iterator.get_next()


def test_unknown_ranks_are_found_out():
    iterator = tf.data.Iterator.from_structure(tf.float32)
    start = iterator.make_initializer(tf.data.Dataset.from_tensors(np.ones((2, 3), np.float32)))
    following = iterator.get_next()
    assert following.shape.rank is None
    with tf.Session() as sess:
        sess.run(start)
        assert sess.run(following).shape == (2, 3)


def test_eagerly_datasets_are_those_of_version_2():
    try:
        tf.enable_eager_execution()
        dataset = tf.data.Dataset.from_tensor_slices([1, 2, 3]).map(lambda v: v + 1)
        assert [int(v) for v in dataset] == [2, 3, 4]
        assert int(dataset.make_one_shot_iterator().get_next()) == 2
        with pytest.raises(UsageError, match="for graphs"):
            dataset.make_initializable_iterator()
    finally:
        MODE.choose(None)


def test_answers_of_datasets_in_a_graph_are_tensors():
    total = tf.data.Dataset.range(5).reduce(np.int64(0), lambda a, b: a + b)
    with tf.Session() as sess:
        assert sess.run(total) == 10
    x = tf.placeholder(tf.float32, [None])
    with pytest.raises(UsageError, match="reduce: the dataset is made of tensors of a graph"):
        tf.data.Dataset.from_tensor_slices(x).reduce(0.0, lambda a, b: a + b)


def test_what_functions_of_elements_may_use():
    scale = tf.constant(3.0)
    scaled = tf.data.Dataset.from_tensor_slices([1.0, 2.0]).map(lambda v: v * scale)
    following = scaled.make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        assert all_of(sess, following) == [3.0, 6.0]
    weights = tf.Variable(2.0)
    with pytest.raises(SymbolicError, match="belongs to a graph and has no value inside of this function"):
        tf.data.Dataset.from_tensor_slices([1.0]).map(lambda v: v * weights)


def test_words_are_looked_up():
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [0, 1]), -1)
    iterator = tf.data.Dataset.from_tensor_slices(["b", "z"]).map(table.lookup).make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as sess:
        sess.run(tf.tables_initializer())
        sess.run(iterator.initializer)
        assert all_of(sess, following) == [1, -1]


def test_older_transformations():
    numbers = tf.data.Dataset.range(7)
    batches = numbers.apply(tf.contrib.data.batch_and_drop_remainder(3))
    assert batches.output_shapes.as_list() == [3]
    mapped = numbers.apply(tf.data.experimental.map_and_batch(lambda v: v * 2, 4))
    repeated = numbers.apply(tf.contrib.data.shuffle_and_repeat(7, 2, seed=1))
    found = [d.make_one_shot_iterator().get_next() for d in (batches, mapped, repeated)]
    with tf.Session() as sess:
        assert [v.tolist() for v in all_of(sess, found[0])] == [[0, 1, 2], [3, 4, 5]]
        assert [v.tolist() for v in all_of(sess, found[1])] == [[0, 2, 4, 6], [8, 10, 12]]
        assert sorted(all_of(sess, found[2])) == sorted([*range(7)] * 2)


def test_sources_of_experimental_are_datasets_of_graphs(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2.5\n3,4.5\n")
    made = tf.data.experimental.make_csv_dataset(str(tmp_path / "x.csv"), 2, num_epochs=1, shuffle=False)
    following = made.make_one_shot_iterator().get_next()
    name = tf.placeholder(tf.string, [])
    iterator = tf.data.experimental.CsvDataset(name, [0, 0.0], header=True).make_initializable_iterator()
    with tf.Session() as sess:
        assert {k: v.tolist() for k, v in sess.run(following).items()} == {"a": [1, 3], "b": [2.5, 4.5]}
        sess.run(iterator.initializer, {name: str(tmp_path / "x.csv")})
        assert sess.run(iterator.get_next()) == (1, 2.5)


def test_a_graph_with_iterators_is_saved(tmp_path):
    following = tf.data.Dataset.range(5).make_one_shot_iterator().get_next()
    total = tf.Variable(0, dtype=tf.int64)
    add = tf.assign_add(total, following)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert [sess.run(add) for _ in range(3)] == [0, 1, 3]
        path = tf.train.Saver().save(sess, str(tmp_path / "model"))
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, path)
        assert sess.run(add) == 3 and sess.run(add) == 4


def test_threads_share_an_iterator():
    following = tf.data.Dataset.range(200).map(lambda v: v * 1).make_one_shot_iterator().get_next()
    found = []
    with tf.Session() as sess:

        def work():
            found.extend(all_of(sess, following))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == list(range(200))


def test_a_generator_that_raises_keeps_its_words():
    def numbers():
        yield 1
        raise KeyError("no such number")

    following = tf.data.Dataset.from_generator(numbers, tf.int32, []).make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        assert sess.run(following) == 1
        with pytest.raises(tf.errors.OpError, match="no such number"):
            sess.run(following)


def test_scopes_and_control_flow_in_functions_of_elements():
    def described(v):
        with tf.name_scope("scope"), tf.device("/cpu:0"):
            larger = tf.cond(tf.greater(v, 2.0), lambda: v * 10, lambda: -v)
        with tf.control_dependencies([tf.assert_positive(v)]):
            total = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + v), [0, 0.0])[1]
        return larger, total, tf.random_uniform([], seed=1)

    dataset = tf.data.Dataset.from_tensor_slices([1.0, 3.0, -1.0]).map(described)
    larger, total, drawn = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        one, other = sess.run([larger, total, drawn]), sess.run([larger, total, drawn])
        assert (one[:2], other[:2]) == ([-1.0, 3.0], [30.0, 9.0]) and one[2] != other[2]
        with pytest.raises(InvalidArgumentError):
            sess.run(larger)
