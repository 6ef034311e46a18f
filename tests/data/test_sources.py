"""Datasets of files and other sources: what they give, in which order, and what they say about damaged ones."""

import gzip
import os
import sqlite3
import tracemalloc
import zlib

import numpy as np
import pytest

import graphc as tf
from graphc.api.data.optional import Optional
from graphc.errors import (
    DataLossError, DtypeError, InvalidArgumentError, NotFoundError, OutOfRangeError, UnknownError, UsageError,
)  # fmt: skip
from graphc.formats import blocks
from graphc.formats.records import records


def values(dataset):
    return list(dataset.as_numpy_iterator())


def written(path, found, kind=None):
    with tf.io.TFRecordWriter(str(path), kind) as writer:
        for record in found:
            writer.write(record)
    return str(path)


@pytest.fixture
def three(tmp_path):
    """Files of 4, 3 and 2 records."""
    return [written(tmp_path / f"{k}.rec", [b"%d.%d" % (k, i) for i in range(4 - k)]) for k in range(3)]


IN_ORDER = [b"0.0", b"0.1", b"0.2", b"0.3", b"1.0", b"1.1", b"1.2", b"2.0", b"2.1"]


# ---------------------------------------------------------------------------------------------- TFRecords


def test_names_may_come_in_any_form(three):
    names = tf.data.Dataset.from_tensor_slices(three)
    for given in (three, tuple(three), tf.constant(three), tf.constant([three]), np.array(three), names):
        assert values(tf.data.TFRecordDataset(given)) == IN_ORDER
    assert values(tf.data.TFRecordDataset(three[2])) == values(tf.data.TFRecordDataset([])) + [b"2.0", b"2.1"]
    assert tf.data.TFRecordDataset(three).element_spec == tf.TensorSpec((), tf.string)


@pytest.mark.parametrize("count, wanted", [
    (1, IN_ORDER), (-1, IN_ORDER),
    (2, [b"0.0", b"1.0", b"0.1", b"1.1", b"0.2", b"1.2", b"0.3", b"2.0", b"2.1"]),
    (5, [b"0.0", b"1.0", b"2.0", b"0.1", b"1.1", b"2.1", b"0.2", b"1.2", b"0.3"]),
])  # fmt: skip
def test_files_in_turn(three, count, wanted):
    """As TensorFlow orders them."""
    assert values(tf.data.TFRecordDataset(three, num_parallel_reads=count)) == wanted


def test_an_ended_file_gives_its_place_away(tmp_path):
    """As TensorFlow orders files of 1, 3, 0, 3 and 2 records."""
    names = [written(tmp_path / str(i), [b"%d.%d" % (i, k) for k in range(n)]) for i, n in enumerate((1, 3, 0, 3, 2))]
    found = values(tf.data.TFRecordDataset(names, num_parallel_reads=2))
    assert b" ".join(found) == b"0.0 1.0 1.1 1.2 3.0 3.1 4.0 3.2 4.1"
    found = values(tf.data.TFRecordDataset(names, num_parallel_reads=3))
    assert b" ".join(found) == b"0.0 1.0 1.1 3.0 4.0 1.2 3.1 4.1 3.2"


@pytest.mark.parametrize("kind", ["", "ZLIB", "GZIP"])
@pytest.mark.parametrize("size", [1, 7, 1 << 18])
def test_records_do_not_depend_on_how_they_are_read(tmp_path, kind, size):
    content = [b"", b"a", bytes(range(256)) * 9, b"b" * 13]
    path = written(tmp_path / "x", content, kind)
    assert list(records(path, kind, size)) == content
    assert values(tf.data.TFRecordDataset(path, compression_type=kind, buffer_size=size)) == content


def test_gzip_files_may_have_several_parts(tmp_path):
    plain = open(written(tmp_path / "plain", [b"one", b"two"]), "rb").read()
    (tmp_path / "parts").write_bytes(gzip.compress(plain[:10]) + gzip.compress(plain[10:]))
    assert values(tf.data.TFRecordDataset(str(tmp_path / "parts"), "GZIP")) == [b"one", b"two"]


@pytest.mark.parametrize("at, what", [
    (None, "record 2 at byte 40 is truncated or damaged: the file ends inside of it"),
    (35, "record 1 at byte 20 is truncated or damaged: its content has another check sum"),
    (20, "record 1 at byte 20 is truncated or damaged: its length has another check sum"),
])  # fmt: skip
def test_damage_is_told_with_its_place(tmp_path, at, what):
    path = written(tmp_path / "damaged.rec", [b"rec0", b"rec1", b"rec2"])
    data = open(path, "rb").read()
    data = data[:-1] if at is None else data[:at] + b"x" + data[at + 1 :]
    open(path, "wb").write(data)
    iterator = iter(tf.data.TFRecordDataset(path))
    assert next(iterator).numpy() == b"rec0"
    with pytest.raises(DataLossError, match=f"damaged.rec: {what}"):
        list(iterator)


def test_a_file_of_another_kind(tmp_path):
    path = written(tmp_path / "x.gz", [b"one"], "GZIP")
    with pytest.raises(DataLossError, match="record 0 at byte 0.*or a compressed one"):
        values(tf.data.TFRecordDataset(path))
    with pytest.raises(DataLossError, match="x.gz: damaged ZLIB data"):
        values(tf.data.TFRecordDataset(path, "ZLIB"))
    data = open(path, "rb").read()
    open(path, "wb").write(data[: len(data) // 2])
    with pytest.raises(DataLossError, match="x.gz: damaged GZIP data: the file ends too early"):
        values(tf.data.TFRecordDataset(path, "GZIP"))


def test_files_that_are_missing(tmp_path, three):
    missing = str(tmp_path / "none.rec")
    iterator = iter(tf.data.TFRecordDataset([three[2], missing, three[2]]))
    assert [next(iterator).numpy(), next(iterator).numpy()] == [b"2.0", b"2.1"]
    with pytest.raises(NotFoundError, match="none.rec: no such file"):
        next(iterator)
    assert next(iterator).numpy() == b"2.0"
    assert values(tf.data.TFRecordDataset([missing, three[2]]).ignore_errors()) == [b"2.0", b"2.1"]


def test_arguments_that_mean_nothing(three):
    with pytest.raises(DtypeError, match="filenames must be strings.*int32"):
        tf.data.TFRecordDataset(5)
    with pytest.raises(UsageError, match="compression_type must be one of '', 'ZLIB', 'GZIP', got 'BZ'"):
        tf.data.TFRecordDataset(three, "BZ")
    with pytest.raises(UsageError, match="filenames must be a dataset of strings of shape"):
        tf.data.TFRecordDataset(tf.data.Dataset.from_tensor_slices(three).batch(2))
    with pytest.raises(UsageError, match="num_parallel_reads must be positive"):
        tf.data.TFRecordDataset(three, num_parallel_reads=0)
    with pytest.raises(UsageError, match="buffer_size must be a whole number, got 'big'"):
        tf.data.TFRecordDataset(three, buffer_size="big")


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = written(tmp_path / "long", (b"x" * 10000 for _ in range(2000)))
    tracemalloc.start()
    count = sum(1 for _ in records(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2000 and peak < 4 * blocks.SIZE < os.path.getsize(path)


def test_a_dataset_is_written_to_a_file(tmp_path):
    path = str(tmp_path / "out")
    texts = tf.data.Dataset.from_tensor_slices(["a", "bc"])
    tf.data.experimental.TFRecordWriter(path, "GZIP").write(texts)
    assert values(tf.data.TFRecordDataset(path, "GZIP")) == [b"a", b"bc"]
    with pytest.raises(DtypeError, match="elements must be scalar strings"):
        tf.data.experimental.TFRecordWriter(path).write(tf.data.Dataset.range(3))


def test_a_writer_takes_bytes_and_nothing_else(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "x")) as writer:
        writer.write(b"one")
        with pytest.raises(TypeError, match=r"SerializeToString\(\), not 3"):
            writer.write(3)
        writer.write(tf.constant("two"))
    assert values(tf.data.TFRecordDataset(str(tmp_path / "x"))) == [b"one", b"two"]


# ------------------------------------------------------------------------------ lines and records of one size


def test_lines(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"a\rb\r\n\nc\r")
    assert values(tf.data.TextLineDataset(str(path))) == [b"ab", b"", b"c"]  # as TensorFlow reads them
    (tmp_path / "packed").write_bytes(zlib.compress(b"one\ntwo"))
    assert values(tf.data.TextLineDataset([str(tmp_path / "packed")], "ZLIB")) == [b"one", b"two"]
    assert list(blocks.lines(iter([b"o", b"ne\ntw", b"o\r", b"\n"]))) == [b"one", b"two"]
    with pytest.raises(NotFoundError, match="/nowhere: no such file"):
        values(tf.data.TextLineDataset("/nowhere"))


def test_lines_of_files_that_are_mapped_to(tmp_path):
    for k in range(2):
        (tmp_path / f"{k}.txt").write_text(f"head\nx{k}\ny{k}\n")
    files = tf.data.Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
    lines = files.interleave(lambda name: tf.data.TextLineDataset(name).skip(1), cycle_length=2)
    assert values(lines) == [b"x0", b"x1", b"y0", b"y1"]
    assert values(files.flat_map(tf.data.TextLineDataset).take(2)) == [b"head", b"x0"]


def test_records_of_one_size(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"HHabcdefFF")
    assert values(tf.data.FixedLengthRecordDataset(str(path), 3, 2, 2)) == [b"abc", b"def"]
    for size in (1, 2, 3, 4, 100):
        data = path.read_bytes()
        pieces = iter([data[k : k + size] for k in range(0, len(data), size)])
        assert list(blocks.records_of_size(pieces, "x", 3, 2, 2)) == [b"abc", b"def"]
    (tmp_path / "z").write_bytes(gzip.compress(b"abcd"))
    assert values(tf.data.FixedLengthRecordDataset(str(tmp_path / "z"), 2, compression_type="GZIP")) == [b"ab", b"cd"]
    with pytest.raises(DataLossError, match=r"10 bytes without the header \(2 bytes\) and footer \(0 bytes\) are no"):
        values(tf.data.FixedLengthRecordDataset(str(path), 3, 2))
    with pytest.raises(UsageError, match="record_bytes must be at least 1, got 0"):
        tf.data.FixedLengthRecordDataset(str(path), 0)


# -------------------------------------------------------------------------------------------- other sources


def test_names_of_files(tmp_path):
    for name in ("b.txt", "a.txt", "c.dat"):
        (tmp_path / name).write_text("")
    found = tf.data.Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
    assert [os.path.basename(n) for n in values(found)] == [b"a.txt", b"b.txt"]
    both = tf.data.Dataset.list_files([str(tmp_path / "c*"), str(tmp_path / "a*")], shuffle=False)
    assert [os.path.basename(n) for n in values(both)] == [b"a.txt", b"c.dat"]
    shuffled = tf.data.Dataset.list_files(str(tmp_path / "*"), seed=3)
    assert sorted(values(shuffled)) == sorted(os.fsencode(p) for p in tmp_path.iterdir())
    with pytest.raises(InvalidArgumentError, match=r"No files matched pattern: .*\.zip"):
        tf.data.Dataset.list_files(str(tmp_path / "*.zip"))


def test_random_numbers_are_tensorflows():
    wanted = [1992159687, 3200305987, 237021325]
    assert values(tf.data.experimental.RandomDataset(7).take(3)) == wanted
    assert values(tf.data.Dataset.random(7).skip(1).take(2)) == wanted[1:]
    other = tf.data.experimental.RandomDataset(7, rerandomize_each_iteration=True).take(3)
    assert values(other) == wanted and values(other) != wanted


def test_rows_of_a_database(tmp_path):
    path = str(tmp_path / "x.db")
    with sqlite3.connect(path) as db:
        db.execute("create table t (a int, b text, c real)")
        db.executemany("insert into t values (?, ?, ?)", [(1, "x", 1.5), (2, None, 2.5)])
    db.close()
    sql = tf.data.experimental.SqlDataset
    types = (tf.int32, tf.string, tf.float64)
    assert values(sql("sqlite", path, "select a, b, c from t order by a", types)) == [(1, b"x", 1.5), (2, b"", 2.5)]
    assert values(sql("sqlite", path, "select b from t", (tf.int32,))) == [(0,), (0,)]
    with pytest.raises(UnknownError, match="no such table: u"):
        values(sql("sqlite", path, "select * from u", types))
    with pytest.raises(InvalidArgumentError, match="the query has 1 columns, but there are 3 output_types"):
        values(sql("sqlite", path, "select a from t", types))
    with pytest.raises(InvalidArgumentError, match="'mysql' is not supported"):
        sql("mysql", path, "select a from t", types)
    with pytest.raises(DtypeError, match="must not be float32"):
        sql("sqlite", path, "select c from t", (tf.float32,))


# --------------------------------------------------------------------------------- batches of examples


@pytest.fixture
def examples(tmp_path):
    def example(k):
        features = {"a": tf.train.Feature(int64_list=tf.train.Int64List(value=[k])),
                    "y": tf.train.Feature(float_list=tf.train.FloatList(value=[k / 2]))}  # fmt: skip
        return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()

    return written(tmp_path / "examples", [example(k) for k in range(5)])


FEATURES = {"a": tf.io.FixedLenFeature([], tf.int64), "y": tf.io.FixedLenFeature([1], tf.float32)}


def test_batches_of_examples(examples):
    make = tf.data.experimental.make_batched_features_dataset
    found = values(make(examples, 2, FEATURES, num_epochs=1, shuffle=False))
    assert [d["a"].tolist() for d in found] == [[0, 1], [2, 3], [4]] and found[1]["y"].tolist() == [[1.0], [1.5]]
    pairs = values(make(examples, 2, FEATURES, label_key="y", num_epochs=1, shuffle=False, drop_final_batch=True))
    assert [(list(x), y.tolist()) for x, y in pairs] == [(["a"], [[0.0], [0.5]]), (["a"], [[1.0], [1.5]])]
    endless = make(examples, 3, FEATURES, shuffle=True, shuffle_seed=1)
    first = [d["a"].tolist() for d in endless.take(5).as_numpy_iterator()]
    assert sorted(sum(first, [])) == sorted([*range(5)] * 3)
    with pytest.raises(UsageError, match="label_key must be one of the features a, y, got 'z'"):
        make(examples, 2, FEATURES, label_key="z")


def test_parsing_batches(examples):
    batches = tf.data.TFRecordDataset(examples).batch(2)
    parsed = batches.apply(tf.data.experimental.parse_example_dataset(FEATURES))
    assert [d["a"].tolist() for d in values(parsed)] == [[0, 1], [2, 3], [4]]
    with pytest.raises(DtypeError, match="vectors of strings"):
        tf.data.TFRecordDataset(examples).apply(tf.data.experimental.parse_example_dataset(FEATURES))
    with pytest.raises(UsageError, match="features are missing"):
        tf.data.experimental.parse_example_dataset({})


# --------------------------------------------------------------------------------- functions of experimental


def test_transformations_as_functions():
    e, numbers = tf.data.experimental, tf.data.Dataset.range(6)
    assert [v.tolist() for v in values(numbers.apply(e.map_and_batch(lambda v: v * 2, 4)))] == [[0, 2, 4, 6], [8, 10]]
    assert values(numbers.apply(e.enumerate_dataset(3)).take(1)) == [(3, 0)]
    assert values(numbers.batch(2).apply(e.unbatch())) == list(range(6))
    assert values(numbers.apply(e.take_while(lambda v: v < 2))) == [0, 1]
    assert sorted(values(numbers.apply(e.shuffle_and_repeat(6, 2, seed=1)))) == sorted([*range(6)] * 2)
    twice = e.parallel_interleave(lambda v: tf.data.Dataset.from_tensors(v).repeat(2), 2)
    assert values(numbers.apply(twice).take(4)) == [0, 1, 0, 1]
    assert values(numbers.apply(e.scan(np.int64(0), lambda s, v: (s + v, s + v)))) == [0, 1, 3, 6, 10, 15]
    assert values(numbers.apply(e.copy_to_device("/cpu:0")).apply(e.prefetch_to_device("/cpu:0"))) == list(range(6))
    assert values(tf.data.Dataset.from_tensor_slices([1, 1, 2]).apply(e.unique())) == [1, 2]
    assert values(e.Counter(3).take(2)) == [3, 4]
    assert e.cardinality(numbers).numpy() == 6 and e.get_structure(numbers) == tf.TensorSpec((), tf.int64)
    assert e.get_single_element(numbers.take(1)).numpy() == 0 and e.at(numbers, 4).numpy() == 4
    with pytest.raises(OutOfRangeError):
        e.at(numbers, 6)
    with pytest.raises(UsageError, match="needs a dataset or an iterator"):
        e.get_structure(3)


def test_reducing_by_key():
    """As in TensorFlow: one element for each key, in the order of the keys."""
    mean = tf.data.experimental.Reducer(
        lambda key: (np.float64(0), np.int64(0)),
        lambda state, v: (state[0] + tf.cast(v, tf.float64), state[1] + 1),
        lambda total, count: total / tf.cast(count, tf.float64),
    )
    numbers = tf.data.Dataset.from_tensor_slices(np.array([3, 4, 5, 6, 8], np.int64))
    assert values(numbers.apply(tf.data.experimental.group_by_reducer(lambda v: v % 2, mean))) == [6.0, 4.0]
    with pytest.raises(UsageError, match="must be a tf.data.experimental.Reducer"):
        tf.data.experimental.group_by_reducer(lambda v: v, 3)


def test_lists_of_elements():
    made = tf.data.experimental.from_list([(1, "a", [1.0, 2.0]), (2, "b", [3.0, 4.0])])
    found = values(made)
    assert [(x, y, z.tolist()) for x, y, z in found] == [(1, b"a", [1.0, 2.0]), (2, b"b", [3.0, 4.0])]
    with pytest.raises(UsageError, match="at least one element"):
        tf.data.experimental.from_list([])


def test_padding_to_a_number_of_elements():
    rows = tf.data.Dataset.from_tensor_slices({"a": [1, 2], "s": ["x", "y"]})
    found = values(rows.apply(tf.data.experimental.pad_to_cardinality(3)))
    assert found == [{"a": 1, "s": b"x", "valid": True}, {"a": 2, "s": b"y", "valid": True},
                     {"a": 0, "s": b"", "valid": False}]  # fmt: skip
    with pytest.raises(UsageError, match="has 2 elements, not 1 or fewer"):
        rows.apply(tf.data.experimental.pad_to_cardinality(1))


def test_a_promised_number_of_elements():
    known = tf.data.Dataset.range(6).filter(lambda v: v > 2).apply(tf.data.experimental.assert_cardinality(3))
    assert known.cardinality().numpy() == 3 and values(known) == [3, 4, 5]


def test_optional():
    iterator = iter(tf.data.Dataset.range(1))
    one, none = iterator.get_next_as_optional(), tf.data.experimental.get_next_as_optional(iterator)
    assert isinstance(one, Optional) and one.has_value().numpy() and one.get_value().numpy() == 0
    assert not none.has_value().numpy() and none.element_spec == tf.TensorSpec((), tf.int64)
    with pytest.raises(InvalidArgumentError, match="does not have a value"):
        none.get_value()
    made = tf.experimental.Optional.from_value({"a": 1})
    assert made.get_value()["a"].numpy() == 1 and made.element_spec == {"a": tf.TensorSpec((), tf.int32)}
    assert not tf.experimental.Optional.empty(tf.TensorSpec((), tf.int32)).has_value().numpy()
    with pytest.raises(UsageError, match="ask has_value"):
        bool(one)


def test_names_may_be_tensors_of_a_function(tmp_path, three):
    names = tf.data.Dataset.from_tensor_slices(three)
    assert values(names.flat_map(lambda name: tf.data.TFRecordDataset([name]))) == IN_ORDER
    in_turn = names.interleave(lambda name: tf.data.TFRecordDataset(name), 3)
    assert values(in_turn)[:4] == [b"0.0", b"1.0", b"2.0", b"0.1"]


def test_tables_of_datasets():
    """As TensorFlow answers."""
    e, words = tf.data.experimental, tf.data.Dataset.from_tensor_slices(["a", "b", "c"])
    pairs = tf.data.Dataset.zip((words.take(2), tf.data.Dataset.range(5, 7)))
    looked_up = tf.constant(["b", "z"])
    assert e.table_from_dataset(pairs, default_value=-1).lookup(looked_up).numpy().tolist() == [6, -1]
    assert e.table_from_dataset(pairs, num_oov_buckets=3).lookup(looked_up).numpy().tolist() == [6, 3]
    assert e.index_table_from_dataset(words).lookup(tf.constant(["c", "z"])).numpy().tolist() == [2, -1]
    assert e.index_table_from_dataset(words, vocab_size=1).lookup(looked_up).numpy().tolist() == [-1, -1]
    found = e.index_table_from_dataset(words, num_oov_buckets=2).lookup(tf.constant(["c", "z", "y"]))
    assert found.numpy().tolist() == [2, 4, 4]
    table = tf.lookup.StaticHashTable(e.DatasetInitializer(pairs), 7)
    assert table.lookup(tf.constant(["a", "z"])).numpy().tolist() == [5, 7] and table.size().numpy() == 2
    with pytest.raises(UsageError, match="pairs of a key and a value"):
        e.table_from_dataset(words)
    with pytest.raises(UsageError, match="needs a tf.data.Dataset, got None"):
        e.index_table_from_dataset()


def test_files_behind_one_another(three):
    lines = tf.data.Dataset.concatenate(tf.data.TFRecordDataset(three[2]), tf.data.TFRecordDataset(three[1]))
    assert values(lines) == [b"2.0", b"2.1", b"1.0", b"1.1", b"1.2"]
