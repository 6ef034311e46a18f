"""tf.saved_model of TensorFlow 1: builder, loader, signatures; both directions with TensorFlow."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from saved_models import unpacked

import graphc.v1 as tf
from graphc.errors import (
    AlreadyExistsError, DataLossError, DtypeError, GraphError, NotFoundError, ResourceExhaustedError, StateError,
    UsageError,
)  # fmt: skip
from graphc.formats import atomic, protos

X = np.array([[1, 2, 3], [0, 1, 0]], np.float32)


def session():
    return tf.Session(graph=tf.Graph())


def run(sess, meta, key: str, **feeds) -> dict:
    signature = meta.signature_def[key]
    fetches = {name: info.name for name, info in signature.outputs.items()}
    return sess.run(fetches, {signature.inputs[name].name: value for name, value in feeds.items()})


def linear(sess, train: bool = True):
    """A model of two variables, trained with Adam; its input, output and train operation."""
    x = tf.placeholder(tf.float32, [None, 3], "x")
    w = tf.get_variable("w", [3, 2], initializer=tf.constant_initializer(0.5))
    b = tf.Variable(tf.zeros([2]), name="b")
    out = tf.add(tf.matmul(x, w), b, name="out")
    step = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(tf.square(out - 1)), name="train_it") if train else None
    sess.run(tf.global_variables_initializer())
    if train:
        sess.run(step, {x: X})
    return x, out, step


def simple(folder) -> np.ndarray:
    with session() as sess:
        x, out, _ = linear(sess)
        tf.saved_model.simple_save(sess, str(folder), {"x": x}, {"y": out})
        return sess.run(out, {x: X})


# ------------------------------------------------------------------------------------------- own models


def test_what_is_saved_is_loaded_and_trained_on(tmp_path):
    expected = simple(tmp_path / "model")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model"]
    assert sorted(str(p.relative_to(tmp_path / "model")) for p in (tmp_path / "model").rglob("*")) == [
        "saved_model.pb", "variables", "variables/variables.data-00000-of-00001", "variables/variables.index",
    ]  # fmt: skip
    with session() as sess:
        meta = tf.saved_model.loader.load(sess, [tf.saved_model.tag_constants.SERVING], str(tmp_path / "model"))
        assert list(meta.signature_def) == ["serving_default"]
        assert meta.signature_def["serving_default"].method_name == "tensorflow/serving/predict"
        np.testing.assert_array_equal(run(sess, meta, "serving_default", x=X)["y"], expected)
        assert [v.name for v in tf.trainable_variables()] == ["w:0", "b:0"]
        assert sess.run("beta1_power:0") == np.float32(0.9) * np.float32(0.9)
        sess.run("train_it", {"x:0": X})
        assert not np.array_equal(sess.run("out:0", {"x:0": X}), expected)


def test_into_a_scope_and_twice(tmp_path):
    expected = simple(tmp_path / "model")
    with session() as sess:
        tf.saved_model.load(sess, ["serve"], tmp_path / "model", import_scope="one")
        tf.saved_model.load(sess, ["serve"], tmp_path / "model", import_scope="two")
        for scope in ("one", "two"):
            np.testing.assert_array_equal(sess.run(f"{scope}/out:0", {f"{scope}/x:0": X}), expected)


def test_an_input_map(tmp_path):
    expected = simple(tmp_path / "model")
    with session() as sess:
        doubled = tf.placeholder(tf.float32, [None, 3]) * 2
        tf.saved_model.load(sess, ["serve"], tmp_path / "model", import_scope="m", input_map={"x:0": doubled})
        np.testing.assert_allclose(sess.run("m/out:0", {doubled.op.inputs[0]: X / 2}), expected, rtol=1e-6)


def test_several_graphs_files_and_an_operation_to_run(tmp_path):
    vocabulary = tmp_path / "words.txt"
    vocabulary.write_text("cat\ndog\n")
    folder = tmp_path / "model"
    with session() as sess:
        x, out, step = linear(sess)
        path = tf.constant(str(vocabulary), name="path")
        content = tf.read_file(path, name="content")
        counter = tf.Variable(0, name="counter", trainable=False)
        init = tf.assign(counter, 7).op
        sess.run(counter.initializer)
        builder = tf.saved_model.Builder(str(folder))
        signatures = {
            "predict": tf.saved_model.predict_signature_def({"x": x}, {"y": out}),
            "content": tf.saved_model.predict_signature_def({"x": x}, {"text": content}),
        }
        builder.add_meta_graph_and_variables(sess, ["train"], signatures, assets_collection=[path, path], main_op=init)
        with tf.Graph().as_default():
            a = tf.placeholder(tf.float32, [], "a")
            total = tf.reduce_sum(tf.get_variable("w", [3, 2])) * a
            builder.add_meta_graph(
                ["serve", "gpu"], {"sum": tf.saved_model.predict_signature_def({"a": a}, {"s": total})}
            )
        assert not folder.exists()
        assert builder.save(as_text=True) == str(folder / "saved_model.pbtxt")
        expected, weights = sess.run([out, "w:0"], {x: X})
    vocabulary.unlink()
    assert (folder / "assets" / "words.txt").read_text() == "cat\ndog\n"
    assert tf.saved_model.contains_saved_model(folder) and tf.saved_model.maybe_saved_model_directory(str(folder))
    with session() as sess:
        meta = tf.saved_model.load(sess, {"train"}, str(folder))
        np.testing.assert_array_equal(run(sess, meta, "predict", x=X)["y"], expected)
        assert sess.run("counter:0") == 7
        assert run(sess, meta, "content", x=X)["text"] == b"cat\ndog\n"
    with session() as sess:
        meta = tf.saved_model.load(sess, ["gpu", "serve"], str(folder))
        np.testing.assert_allclose(run(sess, meta, "sum", a=2)["s"], 2 * weights.sum(), rtol=1e-6)


def test_a_graph_without_variables(tmp_path):
    with session() as sess:
        x = tf.placeholder(tf.float32, [None])
        tf.saved_model.simple_save(sess, str(tmp_path / "m"), {"x": x}, {"y": x * 2})
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path / "m"))
        assert run(sess, meta, "serving_default", x=[1, 2])["y"].tolist() == [2, 4]


def test_loops_and_branches(tmp_path):
    with session() as sess:
        x = tf.placeholder(tf.float32, [], "x")
        v = tf.Variable(3.0)
        _, power = tf.while_loop(lambda i, p: i < 3, lambda i, p: (i + 1, p * v), (0, x))
        y = tf.cond(x > 0, lambda: power, lambda: -x)
        sess.run(v.initializer)
        tf.saved_model.simple_save(sess, str(tmp_path / "m"), {"x": x}, {"y": y})
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path / "m"))
        assert [float(run(sess, meta, "serving_default", x=v)["y"]) for v in (2, -2)] == [54, 2]


def words(folder) -> dict:
    """Save a model with two tables; what it answers to ``WORDS``."""
    with session() as sess:
        w = tf.placeholder(tf.string, [None], "w")
        content = tf.lookup.KeyValueTensorInitializer(["a", "b"], np.array([10, 20], np.int64))
        ids = tf.lookup.StaticHashTable(content, -1).lookup(tf.strings.lower(w))
        vocabulary = tf.lookup.KeyValueTensorInitializer(["a", "b"], np.array([0, 1], np.int64))
        numbers = tf.lookup.StaticVocabularyTable(vocabulary, 3).lookup(w)
        emb = tf.nn.embedding_lookup(tf.get_variable("e", [5, 2]), numbers)
        sess.run([tf.global_variables_initializer(), tf.tables_initializer()])
        tf.saved_model.simple_save(sess, str(folder), {"w": w}, {"ids": ids, "numbers": numbers, "emb": emb})
        found = sess.run({"ids": ids, "numbers": numbers, "emb": emb}, {w: WORDS})
        assert found["ids"].tolist() == [10, 20, -1, 10] and found["numbers"][:2].tolist() == [0, 1]
        return {name: value.tolist() for name, value in found.items()}


WORDS = ["a", "b", "other", "A"]
_AGAIN = """
import json, sys, graphc.v1 as tf
with tf.Session(graph=tf.Graph()) as sess:
    s = tf.saved_model.load(sess, ["serve"], sys.argv[1]).signature_def["serving_default"]
    found = sess.run({k: v.name for k, v in s.outputs.items()}, {s.inputs["w"].name: json.loads(sys.argv[2])})
print(json.dumps({k: v.tolist() for k, v in found.items()}))
"""


def test_tables_in_another_process(tmp_path):
    expected = words(tmp_path / "m")
    command = [sys.executable, "-c", _AGAIN, str(tmp_path / "m"), json.dumps(WORDS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(tf.__file__).parents[2])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


# ------------------------------------------------------------------------------------- TensorFlow's models


def test_tensorflows_trained_model(tmp_path):
    expected = unpacked("v1_linear", tmp_path)
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path))
        found = run(sess, meta, "serving_default", x=expected["x"])["out"]
        np.testing.assert_allclose(found, expected["out"], rtol=1e-6)
        names = ["w", "b", "beta1_power", "beta2_power", "w/Adam", "w/Adam_1", "b/Adam", "b/Adam_1"]
        assert [v.op.name for v in tf.global_variables()] == names


def test_tensorflows_network_with_layers(tmp_path):
    expected = unpacked("v1_cnn", tmp_path)
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path))
        np.testing.assert_allclose(run(sess, meta, "serving_default", x=expected["x"])["p"], expected["p"], rtol=1e-5)


def test_tensorflows_table_and_file(tmp_path):
    expected = unpacked("v1_words", tmp_path)
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path))
        words = ["cat", "dog", "the"]
        assert run(sess, meta, "ids", w=words)["ids"].tolist() == expected["ids"]
        np.testing.assert_allclose(run(sess, meta, "serving_default", words=words)["emb"], expected["emb"], rtol=1e-6)
    with session() as sess:
        meta = tf.saved_model.load(sess, ["gpu", "train"], str(tmp_path))
        assert run(sess, meta, "sum", x=1.0)["y"] == pytest.approx(0.3253298)


@pytest.mark.parametrize("name, feeds, output", [
    ("linear", {"x": "x"}, ("output_0", "call")), ("cnn", {"images": "x"}, ("probabilities", "probabilities")),
    ("keras", {"input_1": "x"}, ("dense_1", "y")),
])  # fmt: skip
def test_models_of_tensorflow_2(tmp_path, name, feeds, output):
    expected = unpacked(name, tmp_path)
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path))
        found = run(sess, meta, "serving_default", **{k: expected[v] for k, v in feeds.items()})
        np.testing.assert_allclose(found[output[0]], expected[output[1]], rtol=1e-5, atol=1e-6)


def test_control_flow_and_tables_of_tensorflow_2(tmp_path):
    expected = unpacked("flow", tmp_path / "flow")
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path / "flow"))
        assert run(sess, meta, "branch", x=2.0) == {"output_0": expected["pos"]}
        assert run(sess, meta, "branch", x=-2.0) == {"output_0": expected["neg"]}
        assert run(sess, meta, "power", n=4) == {"output_0": expected["power"]}
    expected = unpacked("words", tmp_path / "words")
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path / "words"))
        found = run(sess, meta, "serving_default", words=["A", "c", "z"])
        assert found["ids"].tolist() == expected["ids"]
        np.testing.assert_allclose(found["emb"], expected["emb"], rtol=1e-6)


_READ = """
import json, sys, numpy as np, tensorflow as tf2, tensorflow.compat.v1 as tf
folder, feeds = sys.argv[1], json.loads(sys.argv[2])
with tf.Graph().as_default(), tf.Session() as sess:
    meta = tf.saved_model.load(sess, ["serve"], folder)
    s = meta.signature_def["serving_default"]
    first = sess.run({k: v.name for k, v in s.outputs.items()}, {s.inputs[k].name: v for k, v in feeds.items()})
f = tf2.saved_model.load(folder).signatures["serving_default"]
second = f(**{k: tf2.constant(v, f.structured_input_signature[1][k].dtype) for k, v in feeds.items()})
second = {k: v.numpy() for k, v in second.items()}
print("FOUND", json.dumps([{k: v.tolist() for k, v in found.items()} for found in (first, second)]))
"""


def read_by_tensorflow(folder, **feeds) -> list[dict]:
    """What TensorFlow answers, with its two interfaces; the test is skipped where TensorFlow is not installed."""
    pytest.importorskip("tensorflow", reason="needs TensorFlow beside graphc")
    command = [
        sys.executable,
        "-c",
        _READ,
        str(folder),
        json.dumps({k: np.asarray(v).tolist() for k, v in feeds.items()}),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("FOUND"))[6:])


def test_tensorflow_reads_a_trained_model(tmp_path):
    expected = simple(tmp_path / "m")
    for found in read_by_tensorflow(tmp_path / "m", x=X):
        np.testing.assert_allclose(found["y"], expected, rtol=1e-6)


def test_tensorflow_reads_a_network_with_layers(tmp_path):
    images = np.random.RandomState(0).rand(2, 6, 6, 1).astype("f")
    with session() as sess:
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, 6, 6, 1], "x")
        h = tf.layers.conv2d(x, 3, 3, activation=tf.nn.relu)
        h = tf.layers.batch_normalization(h, training=False)
        h = tf.layers.max_pooling2d(h, 2, 2)
        p = tf.nn.softmax(tf.layers.dense(tf.layers.flatten(h), 2))
        sess.run(tf.global_variables_initializer())
        expected = sess.run(p, {x: images})
        tf.saved_model.simple_save(sess, str(tmp_path / "m"), {"x": x}, {"p": p})
    for found in read_by_tensorflow(tmp_path / "m", x=images):
        np.testing.assert_allclose(found["p"], expected, rtol=1e-5)


def test_tensorflow_reads_tables(tmp_path):
    expected = words(tmp_path / "m")
    for found in read_by_tensorflow(tmp_path / "m", w=WORDS):
        assert (found["ids"], found["numbers"]) == (expected["ids"], expected["numbers"])


# ---------------------------------------------------------------------------------------------- signatures


def test_tensor_infos():
    x = tf.placeholder(tf.int64, [None, 3], "x")
    info = tf.saved_model.utils.build_tensor_info(x)
    assert (info.name, info.dtype, [d.size for d in info.tensor_shape.dim]) == ("x:0", protos.DT_INT64, [-1, 3])
    assert tf.saved_model.get_tensor_from_tensor_info(info) is x
    assert tf.saved_model.build_tensor_info(tf.placeholder(tf.float32)).tensor_shape.unknown_rank
    assert tf.saved_model.build_tensor_info(tf.Variable(1.0, name="v")).name == "v:0"
    sparse = tf.sparse_placeholder(tf.float32, [2, 3], name="s")
    found = tf.saved_model.get_tensor_from_tensor_info(tf.saved_model.build_tensor_info(sparse))
    assert found.values is sparse.values and found.indices is sparse.indices
    with pytest.raises(UsageError, match="needs a tensor of a graph, got 3"):
        tf.saved_model.build_tensor_info(3)
    with pytest.raises(UsageError, match="names no tensor"):
        tf.saved_model.get_tensor_from_tensor_info(protos.TensorInfo())


def test_signatures_and_whether_they_are_valid():
    text, number = tf.placeholder(tf.string, [None], "t"), tf.placeholder(tf.float32, [None], "n")
    utils = tf.saved_model.signature_def_utils
    good = [
        utils.regression_signature_def(text, number), utils.classification_signature_def(text, None, number),
        utils.classification_signature_def(text, text, number), utils.predict_signature_def({"a": text}, {"b": number}),
    ]  # fmt: skip
    assert [utils.is_valid_signature(s) for s in good] == [True] * 4
    info = tf.saved_model.build_tensor_info(number)
    bad = [
        utils.build_signature_def({"inputs": info}, {"outputs": info}, "tensorflow/serving/regress"),
        utils.build_signature_def({"a": info}, None, "tensorflow/serving/predict"),
        utils.build_signature_def({"a": info}, {"b": info}, "other"), utils.build_signature_def(), None,
    ]  # fmt: skip
    assert [utils.is_valid_signature(s) for s in bad] == [False] * 5
    assert good[0].method_name == tf.saved_model.signature_constants.REGRESS_METHOD_NAME
    with_default = utils.build_signature_def({"a": info}, {"b": info}, "m", defaults={"a": [1.5]})
    assert list(with_default.defaults["a"].float_val) == [1.5]
    for call, words in (
        (lambda: utils.predict_signature_def({}, {"y": number}), "inputs must be a dict"),
        (lambda: utils.predict_signature_def({"x": 3}, {"y": number}), "needs a tensor"),
        (lambda: utils.regression_signature_def(number, number), "examples must be string, but n:0 is float32"),
        (lambda: utils.regression_signature_def(None, number), "examples must be a tensor"),
        (lambda: utils.classification_signature_def(text, None, None), "classes or scores"),
        (lambda: utils.build_signature_def({"x": number}), "use build_tensor_info"),
        (lambda: utils.build_signature_def({"x": info}, defaults={"z": 1}), "'z', which is no input"),
    ):
        with pytest.raises((UsageError, DtypeError), match=words):
            call()


def test_methods_of_signatures_are_changed(tmp_path):
    simple(tmp_path / "m")
    updater = tf.saved_model.signature_def_utils.MethodNameUpdater(str(tmp_path / "m"))
    updater.replace_method_name("serving_default", "classify", tags="serve")
    updater.save()
    with session() as sess:
        assert (
            tf.saved_model.load(sess, ["serve"], tmp_path / "m").signature_def["serving_default"].method_name
            == "classify"
        )
    with pytest.raises(UsageError, match="no signature 'other'; there are \\['serving_default'\\]"):
        updater.replace_method_name("other", "m")


def test_names():
    module = tf.saved_model
    assert module.constants.SAVED_MODEL_FILENAME_PB == module.SAVED_MODEL_FILENAME_PB == "saved_model.pb"
    assert module.builder.SavedModelBuilder is module.Builder
    assert module.utils.build_tensor_info is module.build_tensor_info
    assert (module.tag_constants.TRAINING, module.SERVING) == ("train", "serve")
    assert module.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY == "serving_default"
    assert module.load is module.loader.load and module.load_v2 is not module.load


def test_the_operation_that_initialises_all():
    v = tf.Variable(2.0)
    with tf.Session() as sess:
        sess.run(tf.saved_model.main_op.main_op())
        assert sess.run(v) == 2


# --------------------------------------------------------------------------------------------- bad input


def test_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "file").write_text("mine")
    with session() as sess:
        x, out, _ = linear(sess, train=False)
        with pytest.raises(AlreadyExistsError, match="exists and is not empty") as error:
            tf.saved_model.simple_save(sess, str(tmp_path), {"x": x}, {"y": out})
        assert isinstance(error.value, AssertionError)
        (tmp_path / "empty").mkdir()
        tf.saved_model.simple_save(sess, str(tmp_path / "empty"), {"x": x}, {"y": out})
    assert (tmp_path / "file").read_text() == "mine" and (tmp_path / "empty" / "saved_model.pb").exists()


def test_order_of_calls(tmp_path):
    with session() as sess:
        x, out, _ = linear(sess, train=False)
        builder = tf.saved_model.Builder(str(tmp_path / "m"))
        with pytest.raises(AssertionError, match="first graph must come with variables"):
            builder.add_meta_graph(["serve"])
        builder.add_meta_graph_and_variables(sess, ["serve"])
        with pytest.raises(StateError, match="use add_meta_graph for further graphs"):
            builder.add_meta_graph_and_variables(sess, ["other"])
        builder.save()
        with pytest.raises(StateError, match="written already"):
            builder.add_meta_graph(["other"])


def test_a_builder_that_is_dropped_leaves_nothing(tmp_path):
    with session() as sess:
        linear(sess, train=False)
        builder = tf.saved_model.Builder(str(tmp_path / "m"))
        builder.add_meta_graph_and_variables(sess, ["serve"])
        assert len(list(tmp_path.iterdir())) == 1
        del builder
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_saved(tmp_path):
    with session() as sess:
        x, out, _ = linear(sess, train=False)
        add = tf.saved_model.Builder(str(tmp_path / "m")).add_meta_graph_and_variables
        info = tf.saved_model.build_tensor_info(x)
        gone = protos.TensorInfo(name="gone:0", dtype=protos.DT_FLOAT)
        define = tf.saved_model.build_signature_def
        for arguments, words in (
            ((3, ["serve"]), "sess must be a tf.Session"),
            ((sess, [1]), "tags must be strings"),
            ((sess, ["s"], {"k": x}), "must be a SignatureDef"),
            (
                (sess, ["s"], {"k": define({"x": gone}, {"y": info}, "m")}),
                "'x' of signature 'k' is gone:0, which is not in",
            ),
            ((sess, ["s"], {"k": define({"x": protos.TensorInfo()}, None, "m")}), "names no tensor or dtype"),
            ((sess, ["s"], {"__saved_model_init_op": define({"x": info}, {"y": info}, "m")}), "is taken"),
            ((sess, ["s"], None, [x]), "scalar string constants"),
            ((sess, ["s"], None, None, 5), "main_op must be an operation of the graph"),
        ):
            with pytest.raises((UsageError, GraphError), match=words):
                add(*arguments)
        with pytest.raises(NotFoundError, match="nowhere"):
            add(sess, ["s"], assets_collection=[tf.constant(str(tmp_path / "nowhere"))])
        tf.Variable(1.0, name="late")
        with pytest.raises(StateError, match="uninitialised variable late"):
            add(sess, ["s"])
        sess.graph.finalize()
        with pytest.raises(StateError, match="finalized"):
            add(sess, ["s"])
    assert not (tmp_path / "m").exists()


def test_a_full_disk(tmp_path, monkeypatch):
    with session() as sess:
        x, out, _ = linear(sess, train=False)

        def full(*args):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(atomic.os, "fsync", full)
            with pytest.raises(ResourceExhaustedError, match="no space is left"):
                tf.saved_model.simple_save(sess, str(tmp_path / "m"), {"x": x}, {"y": out})
        assert list(tmp_path.iterdir()) == []
        tf.saved_model.simple_save(sess, str(tmp_path / "m"), {"x": x}, {"y": out})


def load(folder, tags=("serve",)):
    with session() as sess:
        return tf.saved_model.load(sess, list(tags), str(folder))


def test_missing_and_damaged_models(tmp_path):
    with pytest.raises(NotFoundError, match="does not exist") as error:
        load(tmp_path / "nowhere")
    assert isinstance(error.value, OSError)
    with pytest.raises(NotFoundError, match="has neither saved_model.pb nor saved_model.pbtxt"):
        load(tmp_path)
    simple(tmp_path / "m")
    with pytest.raises(UsageError, match=r"no graph with the tags \['eval'\]; it has \['serve'\]") as error:
        load(tmp_path / "m", ["eval"])
    assert isinstance(error.value, RuntimeError)
    index = tmp_path / "m" / "variables" / "variables.index"
    content = index.read_bytes()
    index.unlink()
    with pytest.raises(NotFoundError, match="has lost its variables"):
        load(tmp_path / "m")
    index.write_bytes(content[:20] + b"\xff" + content[21:])
    with pytest.raises(DataLossError, match="variables.index"):
        load(tmp_path / "m")
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"\x08\x01\xff\xff\xff")
    with pytest.raises(DataLossError, match="saved_model.pb"):
        load(tmp_path / "m")
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(DataLossError, match="without a graph"):
        load(tmp_path / "m")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "..\\secret", ""])
def test_files_outside_of_the_folder_are_refused(tmp_path, name):
    unpacked("v1_words", tmp_path / "m")
    (tmp_path / "secret").write_text("x")
    path = tmp_path / "m" / "saved_model.pbtxt"
    model = text_format.Parse(path.read_text(), protos.SavedModel())
    for kept in (True, False):  # as TensorFlow 2 and TensorFlow 1 write it
        for meta in model.meta_graphs:
            del meta.asset_file_def[:]
            if kept:
                meta.asset_file_def.add(filename=name)
            elif "saved_model_assets" in meta.collection_def:
                asset = meta.collection_def["saved_model_assets"].any_list.value[0]
                asset.value = protos.AssetFileDef(filename=name).SerializeToString()
        path.write_text(text_format.MessageToString(model))
        refused(tmp_path / "m")


def refused(folder):
    with pytest.raises(UsageError, match="outside of its folder"):
        load(folder)


def test_missing_files_and_links(tmp_path):
    unpacked("v1_words", tmp_path / "m")
    (tmp_path / "m" / "assets" / "vocab.txt").unlink()
    with pytest.raises(NotFoundError, match="'vocab.txt' of the SavedModel is missing"):
        load(tmp_path / "m")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "m" / "assets" / "vocab.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError, match="a link out of its folder"):
        load(tmp_path / "m")


def changed_type(folder: Path, old: str, new: str) -> None:
    path = folder / "saved_model.pb"
    model = protos.SavedModel.FromString(path.read_bytes())
    for node in model.meta_graphs[0].graph_def.node:
        node.op = new if node.op == old else node.op
    path.write_bytes(model.SerializeToString())


def test_operations_that_do_not_exist(tmp_path):
    """Where signatures need them, the message counts them; where only training does, they are left out."""
    unpacked("v1_linear", tmp_path / "a")
    changed_type(tmp_path / "a", "ResourceApplyAdam", "TheirOptimizer")
    with session() as sess:
        meta = tf.saved_model.load(sess, ["serve"], str(tmp_path / "a"))
        assert run(sess, meta, "serving_default", x=X)["out"].shape == (2, 2)
        assert not sess.graph.has_operation("Adam/update_w/ResourceApplyAdam")
    changed_type(tmp_path / "a", "MatMul", "TheirProduct")
    with pytest.raises(
        GraphError, match=r"out of the SavedModel needs operations that do not exist here: TheirProduct \(1\)"
    ):
        load(tmp_path / "a")
