"""Messages of any type as tensors, Examples as JSON, and the names of tf.io and tf.train that are no operations."""

import threading

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import graphc as tf
import graphc.v1 as tf1
from graphc.errors import DataLossError, DtypeError, InvalidArgumentError, ShapeError, UsageError

SCALARS = dict(d=1, f=2, l=3, ul=4, i=5, fu=6, fi=7, b=8, s=9, y=12, ui=13, sf=15, sl=16, si=17, zl=18)
DTYPES = dict(d="float64", f="float32", l="int64", ul="uint64", i="int32", fu="uint64", fi="uint32", b="bool",
              s="string", y="string", ui="uint32", sf="int32", sl="int64", si="int32", zl="int64", e="int32",
              m="string", ds="float64", ss="string")  # fmt: skip


@pytest.fixture(scope="module")
def message():
    """A message class with a field of every kind, and its descriptors as bytes."""
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto2")
    made = file.message_type.add(name="M")
    for k, (name, kind) in enumerate(SCALARS.items()):
        made.field.add(name=name, number=k + 1, type=kind, label=1)
        made.field.add(name=name + "s", number=k + 101, type=kind, label=3)
    made.field.add(name="dflt", number=50, type=5, label=1, default_value="42")
    enum = made.enum_type.add(name="E")
    enum.value.add(name="A", number=0)
    enum.value.add(name="B", number=2)
    made.field.add(name="e", number=51, type=14, label=1, type_name=".t.M.E")
    made.field.add(name="m", number=52, type=11, label=1, type_name=".t.M")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    source = b"bytes://" + descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.M")), source


def int64s(*values):
    return tf.train.Int64List(value=values).SerializeToString()


def test_fields_of_messages_as_tensorflow_decodes_them(message):
    M, source = message
    one = M(d=1.5, f=2.5, l=-3, ul=2**64 - 1, i=-5, fu=6, fi=7, b=True, s="s", y=b"y", ui=2**32 - 1, sf=-15, sl=-16,
            si=-17, zl=-18, e=2, m=M(i=3))  # fmt: skip
    other = M(ds=[1, 2], ss=["p", "q"])
    texts = [one.SerializeToString(), other.SerializeToString()]
    sizes, values = tf.io.decode_proto(texts, "t.M", list(DTYPES), [getattr(tf, d) for d in DTYPES.values()], source)
    assert sizes.numpy().tolist() == [[1] * 17 + [0, 0], [0] * 17 + [2, 2]]
    found = {name: v.numpy().tolist() for name, v in zip(DTYPES, values)}
    assert found["ul"] == [[2**64 - 1], [0]] and found["ui"] == [[2**32 - 1], [0]] and found["zl"] == [[-18], [0]]
    assert found["ds"] == [[0.0, 0.0], [1.0, 2.0]] and found["ss"] == [[b"", b""], [b"p", b"q"]]
    assert found["m"] == [[b"(\x03"], [b""]] and found["b"] == [[True], [False]] and found["e"] == [[2], [0]]
    sizes, (default,) = tf.io.decode_proto(texts, "t.M", ["dflt"], [tf.int32], source)
    assert default.numpy().tolist() == [[42], [42]] and sizes.numpy().tolist() == [[0], [0]]
    assert tf.io.decode_proto(texts[:1], "t.M", ["i"], [tf.int64], source)[1][0].numpy().tolist() == [[-5]]


def test_messages_of_tensorflow(tmp_path, message):
    sizes, (values,) = tf.io.decode_proto([int64s(1, -2, 3), int64s(7)], "tensorflow.Int64List", ["value"], [tf.int64])
    assert sizes.numpy().tolist() == [[3], [1]] and values.numpy().tolist() == [[1, -2, 3], [7, 0, 0]]
    text = ["value: 3 value: 4"]
    found = tf.io.decode_proto(text, "tensorflow.Int64List", ["value"], [tf.int64], message_format="text")
    assert found[1][0].numpy().tolist() == [[3, 4]]
    job = tf.train.JobDef(name="j", tasks={3: "a"}).SerializeToString()
    sizes, (name, tasks) = tf.io.decode_proto([[job], [b""]], "tensorflow.JobDef", ["name", "tasks"], [tf.string] * 2)
    assert sizes.numpy().tolist() == [[[1, 1]], [[0, 0]]] and name.shape == (2, 1, 1)
    assert tasks.numpy().tolist() == [[[b"\x08\x03\x12\x01a"]], [[b""]]]
    (tmp_path / "descriptors").write_bytes(message[1][len(b"bytes://") :])
    found = tf.io.decode_proto([b"(\x03"], "t.M", ["i"], [tf.int32], str(tmp_path / "descriptors"))
    assert found[1][0].numpy().tolist() == [[3]]


def test_messages_are_made_of_their_fields(message):
    made = tf.io.encode_proto([[2], [1]], [tf.constant([[1, 2], [3, 4]], tf.int64)], ["value"], "tensorflow.Int64List")
    assert made.numpy().tolist() == [b"\n\x02\x01\x02", b"\n\x01\x03"]
    M, source = message
    inner, texts = tf.constant([[b"(\x03"]]), tf.constant([["p", "q"]])
    (made,) = tf.io.encode_proto([[1, 2]], [inner, texts], ["m", "ss"], "t.M", source).numpy()
    assert M.FromString(made) == M(m=M(i=3), ss=["p", "q"])


def test_in_a_graph_and_in_a_pipeline():
    tf1.reset_default_graph()
    texts = tf1.placeholder(tf1.string, [None])
    sizes, (values,) = tf1.io.decode_proto(texts, "tensorflow.Int64List", ["value"], [tf1.int64])
    assert values.shape.as_list() == [None, None] and sizes.shape.as_list() == [None, 1]
    with tf1.Session() as sess:
        assert sess.run(tf1.reduce_sum(values, 1), {texts: [int64s(1, 2), int64s(5)]}).tolist() == [3, 5]
    records = tf.data.Dataset.from_tensor_slices([int64s(1, 2), int64s(5)]).batch(2)
    parsed = records.map(lambda t: tf.io.decode_proto(t, "tensorflow.Int64List", ["value"], [tf.int64])[1][0])
    assert next(iter(parsed)).numpy().tolist() == [[1, 2], [5, 0]]


@pytest.mark.parametrize("arguments, error, what", [
    (([b"\xff"], "tensorflow.JobDef", ["name"], [tf.string]), DataLossError, "unable to parse a tensorflow.JobDef"),
    (([b""], "tensorflow.JobDef", ["nam"], [tf.string]), UsageError, "JobDef has no field 'nam'; it has name, tasks"),
    (([b""], "tensorflow.JobDef", ["name"], [tf.int32]), UsageError, "JobDef.name cannot be int32, but string"),
    (([b""], "tensorflow.Job", ["name"], [tf.string]), UsageError, "no message 'tensorflow.Job' in local://"),
    (([b""], "tensorflow.JobDef", ["name"], []), UsageError, "1 field_names for 0 output_types"),
    (([1], "tensorflow.JobDef", ["name"], [tf.string]), DtypeError, "string"),
    (([b""], "t.M", ["i"], [tf.int32], b"bytes://\xff\xff"), UsageError, "holds no FileDescriptorSet"),
    (([b""], "t.M", ["i"], [tf.int32], "local://", "json"), UsageError, "'binary' or 'text', got 'json'"),
])  # fmt: skip
def test_what_cannot_be_decoded(arguments, error, what):
    with pytest.raises(error, match=what):
        tf.io.decode_proto(*arguments)


def test_what_cannot_be_encoded():
    ints = tf.constant([[1, 2]], tf.int64)
    with pytest.raises(InvalidArgumentError, match="message 0 has 3 values of 'value', but there are 2"):
        tf.io.encode_proto([[3]], [ints], ["value"], "tensorflow.Int64List")
    with pytest.raises(ShapeError, match=r"sizes must be of shape \[n, ..., 1\]"):
        tf.io.encode_proto([1], [ints], ["value"], "tensorflow.Int64List")
    with pytest.raises(InvalidArgumentError, match="do not fit"):
        tf.io.encode_proto([[1], [1]], [ints], ["value"], "tensorflow.Int64List")


def test_examples_as_json():
    text = '{"features":{"feature":{"a":{"int64List":{"value":["1","2"]}},"b":{"bytesList":{"value":["YQ=="]}}}}}'
    made = tf.io.decode_json_example([text])
    found = tf.io.parse_example(made, {"a": tf.io.FixedLenFeature([2], tf.int64), "b": tf.io.VarLenFeature(tf.string)})
    assert found["a"].numpy().tolist() == [[1, 2]] and found["b"].values.numpy().tolist() == [b"a"]
    assert tf.io.decode_json_example("{}").numpy() == b""
    with pytest.raises(InvalidArgumentError, match="element 1 is no Example.*featres"):
        tf.io.decode_json_example(["{}", '{"featres":{}}'])
    with pytest.raises(DtypeError, match="string"):
        tf.io.decode_json_example([1])


def test_names_of_files_are_looked_up_once(tmp_path):
    (tmp_path / "a.txt").write_text("")
    names = tf.io.match_filenames_once(str(tmp_path / "*.txt"))
    (tmp_path / "b.txt").write_text("")
    assert names.numpy().tolist() == [str(tmp_path / "a.txt").encode()] and isinstance(names, tf.Variable)


def test_graphs_in_files(tmp_path):
    path = tf.io.write_graph(tf1.Graph(), str(tmp_path), "graph.pbtxt")
    assert "versions" in open(path).read()
    with pytest.raises(UsageError, match="needs a Graph or a GraphDef, got 3"):
        tf.io.write_graph(3, str(tmp_path), "x")


# -------------------------------------------------------------------------------------------- tf.train


def test_moving_averages_are_tensorflows():
    v, h, count = tf.Variable([1.0, 2.0], name="w"), tf.Variable(1.0, dtype=tf.float64), tf.Variable(0)
    average = tf.train.ExponentialMovingAverage(0.9)
    average.apply([v, h])
    assert average.average(v).name == "w/ExponentialMovingAverage:0" and average.name == "ExponentialMovingAverage"
    v.assign([3.0, 4.0])
    h.assign(5.0)
    average.apply([v, h])
    np.testing.assert_allclose(average.average(v).numpy(), [1.2, 2.2], rtol=1e-6)
    np.testing.assert_allclose(average.average(h).numpy(), 1.4, rtol=1e-6)
    faster = tf.train.ExponentialMovingAverage(0.9, num_updates=count)
    faster.apply([v])
    v.assign([5.0, 5.0])
    faster.apply([v])
    np.testing.assert_allclose(faster.average(v).numpy(), [4.8, 4.9], rtol=1e-6)
    count.assign(100)
    v.assign([9.0, 9.0])
    faster.apply([v])
    np.testing.assert_allclose(faster.average(v).numpy(), [5.22, 5.31], rtol=1e-6)
    assert list(average.variables_to_restore([v])) == ["w/ExponentialMovingAverage"]
    assert faster.average(h) is None and not faster.average(v).trainable


def test_what_has_no_moving_average():
    average = tf.train.ExponentialMovingAverage(0.9)
    with pytest.raises(UsageError, match="only variables have averages"):
        average.apply([tf.constant(1.0)])
    with pytest.raises(DtypeError, match="must be half, float or double"):
        average.apply([tf.Variable(1)])
    with pytest.raises(UsageError, match="needs a list of variables"):
        average.apply()


def test_a_coordinator_stops_threads():
    coordinator, seen = tf.train.Coordinator(), []

    def work():
        with coordinator.stop_on_exception():
            while not coordinator.should_stop():
                seen.append(1)
                if len(seen) == 3:
                    raise ValueError("enough")

    thread = threading.Thread(target=work)
    thread.start()
    with pytest.raises(ValueError, match="enough"):
        coordinator.join([thread])
    assert len(seen) == 3


def test_clusters_and_options_are_data():
    cluster = tf.train.ClusterSpec({"worker": ["a:1", "b:2"], "ps": ["c:3"]})
    assert cluster.num_tasks("worker") == 2 and cluster.task_address("ps", 0) == "c:3"
    assert tf.train.ClusterSpec(cluster.as_cluster_def()) == cluster
    assert isinstance(cluster.as_cluster_def(), tf.train.ClusterDef)
    assert tf.train.ServerDef(job_name="ps").job_name == "ps"
    assert tf.train.CheckpointOptions(enable_async=True).enable_async
    with pytest.raises(UsageError, match="experimental_write_callbacks is not supported"):
        tf.train.CheckpointOptions(experimental_write_callbacks=[print])
