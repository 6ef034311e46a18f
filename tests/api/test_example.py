"""Examples, their parsing, TensorProto, record files and gfile: bytes as TensorFlow writes them, bad input refused."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as tf
from graphc import errors, v1
from graphc.api.records import tf_record_iterator


def example(**features):
    kinds = {int: ("int64_list", tf.train.Int64List), float: ("float_list", tf.train.FloatList),
             bytes: ("bytes_list", tf.train.BytesList)}  # fmt: skip
    made = {}
    for name, values in features.items():
        field, kind = kinds[type(values[0])]
        made[name] = tf.train.Feature(**{field: kind(value=values)})
    return tf.train.Example(features=tf.train.Features(feature=made))


def test_bytes_are_tensorflows():
    assert example(a=[1.5]).SerializeToString() == b"\n\x0f\n\r\n\x01a\x12\x08\x12\x06\n\x04\x00\x00\xc0?"
    wanted = b"\n\x16\n\x14\n\x01b\x12\x0f\x1a\r\n\x0b\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    assert example(b=[1, -2]).SerializeToString() == wanted
    assert example(c=[b"x"]).SerializeToString() == b"\n\x0c\n\n\n\x01c\x12\x05\n\x03\n\x01x"
    empty = tf.train.Example(features=tf.train.Features(feature={"d": tf.train.Feature()}))
    assert empty.SerializeToString() == b"\n\x07\n\x05\n\x01d\x12\x00"


def test_messages_read_what_they_write():
    record = example(a=[1.5, 1e-7], b=[1, -2, 2**62], c=[b"x\xff\n\"'", b""])
    again = tf.train.Example.FromString(record.SerializeToString())
    assert again == record and again.ByteSize() == len(record.SerializeToString())
    feature = again.features.feature
    assert feature["b"].int64_list.value == [1, -2, 2**62] and feature["c"].bytes_list.value[1] == b""
    assert feature["a"].WhichOneof("kind") == "float_list" and not feature["a"].HasField("int64_list")
    sequence = tf.train.SequenceExample(
        context=record.features,
        feature_lists=tf.train.FeatureLists(
            feature_list={"s": tf.train.FeatureList(feature=[feature["a"], feature["b"]])}
        ),
    )
    assert tf.train.SequenceExample.FromString(sequence.SerializeToString()) == sequence


def test_messages_can_be_filled_in_place():
    record = tf.train.Example()
    record.features.feature["a"].int64_list.value.extend([1, 2])
    record.features.feature["a"].int64_list.value.append(np.int64(3))
    assert record == example(a=[1, 2, 3])
    other = tf.train.Example()
    other.CopyFrom(record)
    other.features.feature["a"].float_list.value.append(0.5)
    assert other == example(a=[0.5])
    record.Clear()
    assert record == tf.train.Example()


def test_text_form_is_protobufs():
    assert str(example(c=[b"x\xff\n\"'"])) == (
        'features {\n  feature {\n    key: "c"\n    value {\n      bytes_list {\n        value: "x\\377\\n\\"\\\'"\n'
        "      }\n    }\n  }\n}\n"
    )
    assert str(tf.train.FloatList(value=[1.0, 2.5, 1e10])) == "value: 1\nvalue: 2.5\nvalue: 1e+10\n"


def test_wrong_values_are_refused():
    with pytest.raises(TypeError, match="expected bytes|has type str, but expected"):
        tf.train.BytesList(value=["text"])
    with pytest.raises(TypeError, match="float"):
        tf.train.Int64List(value=[1.5])
    with pytest.raises(TypeError, match="FloatList"):
        tf.train.Feature(int64_list=tf.train.FloatList(value=[1]))
    with pytest.raises(ValueError, match='no "feature" field'):
        tf.train.Example(feature={})
    with pytest.raises(Exception, match="parsing message"):
        tf.train.Example.FromString(example(a=[1.5]).SerializeToString()[:-3])


@pytest.mark.parametrize("features, words", [
    ({"z": tf.io.FixedLenFeature([], tf.int64)}, "example 1: feature 'z' of int64 is required but could not be found"),
    ({"b": tf.io.FixedLenFeature([2], tf.int64)}, "example 1: feature 'b' of int64 has 1 values, expected 2"),
    ({"b": tf.io.VarLenFeature(tf.float32)}, "example 0: feature 'b' holds int64, expected float32"),
])  # fmt: skip
def test_bad_examples_are_told_with_their_number(features, words):
    data = [example(b=[1, 2], z=[3]).SerializeToString(), example(b=[1]).SerializeToString()]
    with pytest.raises(errors.InvalidArgumentError, match=words):
        for value in tf.io.parse_example(data, features).values():
            getattr(value, "values", value).numpy()


def test_damaged_examples_are_told():
    with pytest.raises(errors.InvalidArgumentError, match="could not parse example 0"):
        tf.io.parse_single_example(b"junk", {"a": tf.io.FixedLenFeature([], tf.int64)})["a"].numpy()
    with pytest.raises(errors.UsageError, match="needs allow_missing"):
        tf.io.parse_example([b""], {"a": tf.io.FixedLenSequenceFeature([], tf.int64)})
    with pytest.raises(errors.DtypeError, match="not float32, int64 or string"):
        tf.io.parse_example([b""], {"a": tf.io.FixedLenFeature([], tf.int32)})


def test_examples_are_parsed_in_sessions():
    data = example(a=[1.5, 2.0], b=[1, -2]).SerializeToString()
    features = {"a": tf.io.FixedLenFeature([2], tf.float32), "b": tf.io.VarLenFeature(tf.int64)}
    with v1.Graph().as_default(), v1.Session() as session:
        fed = v1.placeholder(tf.string, [None])
        found = tf.io.parse_example(fed, features)
        for count in (1, 3):
            a, b = session.run([found["a"] + 1, found["b"].values], {fed: np.array([data] * count, object)})
            assert a.tolist() == [[2.5, 3.0]] * count and b.tolist() == [1, -2] * count


# ----------------------------------------------------------------------------------------------- TensorProto


@pytest.mark.parametrize("value", [
    np.float32([[1.5, 2]]), np.int64(-3), np.array([b"a", b""], object), np.bool_([True, False]),
    np.complex64([1 + 2j]), np.complex128([[1 - 2j, 3]]), np.float16([1.5, -2]), np.uint16([7, 65535]),
    np.uint64([2**64 - 1, 1]), np.uint32([2**32 - 1]), np.int8([-128, 127]),
    np.zeros((0, 2), np.float16), np.uint8([[7]]), np.arange(300, dtype=np.int16),
])  # fmt: skip
def test_tensors_survive_serialisation(value):
    kind = tf.as_dtype(np.asarray(value).dtype)
    found = tf.io.parse_tensor(tf.io.serialize_tensor(value), kind)
    assert found.dtype is kind and found.numpy().tolist() == np.asarray(value).tolist()
    made = tf.make_ndarray(tf.make_tensor_proto(value))
    assert made.shape == np.shape(value) and made.tolist() == np.asarray(value).tolist()


def test_tensor_protos_are_tensorflows():
    assert tf.make_tensor_proto(3).SerializeToString() == b"\x08\x03\x12\x00:\x01\x03"
    assert tf.make_tensor_proto("a").SerializeToString() == b"\x08\x07\x12\x00B\x01a"
    assert tf.io.serialize_tensor(np.float32([1.5])).numpy() == b'\x08\x01\x12\x04\x12\x02\x08\x01"\x04\x00\x00\xc0?'
    with pytest.raises(errors.InvalidArgumentError, match="is int32, not float32"):
        tf.io.parse_tensor(tf.io.serialize_tensor(np.int32(1)), tf.float32)
    with pytest.raises(errors.InvalidArgumentError, match=r"unknown dtype 0\n  at test_example.py:"):
        tf.io.parse_tensor(b"xx", tf.float32)
    with pytest.raises(errors.InvalidArgumentError, match="bytes for float32"):
        tf.io.parse_tensor(tf.io.serialize_tensor(np.float32([1])).numpy()[:-6] + b'"\x00', tf.float32)


def test_graphs_parse_tensors_of_known_rank():
    with v1.Graph().as_default(), v1.Session() as session:
        fed = v1.placeholder(tf.string, [])
        found = tf.io.parse_tensor(fed, tf.float32, shape=[None, 2]) * 2
        for rows in (1, 3):
            data = tf.make_tensor_proto(np.ones((rows, 2), np.float32)).SerializeToString()
            assert session.run(found, {fed: data}).tolist() == [[2, 2]] * rows


_OF_ANY_RANK = (np.float32(3), np.float32([[1, 2], [3, 4]]))


def test_graphs_parse_tensors_of_unknown_rank():
    strings = [tf.io.serialize_tensor(value).numpy() for value in (*_OF_ANY_RANK, np.int32(1))]
    with v1.Graph().as_default(), v1.Session() as session:
        fed = v1.placeholder(tf.string, [])
        parsed = tf.io.parse_tensor(fed, tf.float32)
        assert parsed.dtype is tf.float32 and parsed.shape.rank is None
        wanted = [parsed, parsed * 2, tf.reduce_sum(parsed)]
        for value, string in zip(_OF_ANY_RANK, strings):
            found = session.run(wanted, {fed: string})
            assert [x.tolist() for x in found] == [value.tolist(), (value * 2).tolist(), value.sum()]
        with pytest.raises(errors.InvalidArgumentError, match="is int32, not float32"):
            session.run(parsed, {fed: strings[-1]})


def test_functions_parse_tensors_of_unknown_rank():
    @tf.function
    def read(serialized):
        parsed = tf.io.parse_tensor(serialized, tf.float32)
        return parsed * 2, tf.reduce_sum(parsed)

    for value in _OF_ANY_RANK:
        doubled, total = read(tf.io.serialize_tensor(value))
        assert doubled.numpy().tolist() == (value * 2).tolist() and total.numpy() == value.sum()
    with pytest.raises(errors.InvalidArgumentError, match="is int32, not float32"):
        read(tf.io.serialize_tensor(np.int32(1)))


def test_data_sets_parse_tensors_of_unknown_rank():
    strings = [tf.io.serialize_tensor(value).numpy() for value in _OF_ANY_RANK]
    doubled = tf.data.Dataset.from_tensor_slices(strings).map(lambda s: tf.io.parse_tensor(s, tf.float32) * 2)
    assert doubled.element_spec == tf.TensorSpec(None, tf.float32)
    assert [x.tolist() for x in doubled.as_numpy_iterator()] == [(value * 2).tolist() for value in _OF_ANY_RANK]


# ----------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("kind", ["", "ZLIB", "GZIP"])
def test_records_are_read_back(tmp_path, kind):
    path, records = tmp_path / "a.tfrecord", [b"", b"abc", b"x" * 5000]
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type=kind)) as writer:
        for record in records:
            writer.write(record)
    assert list(tf_record_iterator(str(path), kind)) == records
    data = path.read_bytes()
    path.write_bytes(data[:-7])
    with pytest.raises(errors.DataLossError):
        list(tf_record_iterator(str(path), kind))


def test_one_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(b"some data")
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        with pytest.raises(errors.DataLossError):
            list(tf_record_iterator(path))


def test_files_are_tensors(tmp_path):
    name = str(tmp_path / "new" / "file.bin")
    tf.io.write_file(name, b"hello\0")
    assert tf.io.read_file(name).numpy() == b"hello\0"
    assert tf.io.matching_files(str(tmp_path / "*" / "*.bin")).numpy().tolist() == [name.encode()]
    with pytest.raises(errors.NotFoundError, match="no such file"):
        tf.io.read_file(str(tmp_path / "none"))


def test_gfile(tmp_path):
    gfile, name = tf.io.gfile, str(tmp_path / "a.txt")
    with gfile.GFile(name, "w") as file:
        file.write("hé\nb\n")
    assert gfile.GFile(name).read() == "hé\nb\n" and gfile.GFile(name, "rb").read(2) == b"h\xc3"
    assert [line for line in gfile.GFile(name)] == ["hé\n", "b\n"] and gfile.GFile(name).size() == 6
    assert gfile.exists(name) and not gfile.isdir(name) and gfile.listdir(tmp_path) == ["a.txt"]
    with pytest.raises(errors.AlreadyExistsError):
        gfile.copy(name, name)
    gfile.makedirs(gfile.join(str(tmp_path), "d", "e"))
    gfile.copy(name, gfile.join(str(tmp_path), "d", "b.txt"))
    assert gfile.glob(str(tmp_path / "d" / "*.txt")) == [str(tmp_path / "d" / "b.txt")]
    assert [sorted(folders) for _, folders, _ in gfile.walk(tmp_path)][0] == ["d"]
    gfile.rmtree(str(tmp_path / "d"))
    gfile.rename(name, str(tmp_path / "c.txt"))
    gfile.remove(str(tmp_path / "c.txt"))
    assert gfile.listdir(tmp_path) == []
    with pytest.raises(errors.NotFoundError):
        gfile.GFile(name).read()
    assert v1.gfile.Exists(str(tmp_path))
