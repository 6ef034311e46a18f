"""tf.saved_model.load and save of TensorFlow 2, and tf.Module; both directions with TensorFlow."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from saved_models import unpacked

import graphc as tf
from graphc.errors import (
    AlreadyExistsError, DataLossError, DtypeError, GraphError, NotFoundError, ResourceExhaustedError, ShapeError,
    UsageError,
)  # fmt: skip
from graphc.formats import atomic, protos


def close(found, expected) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5, atol=1e-6)


@pytest.fixture
def linear(tmp_path):
    expected = unpacked("linear", tmp_path / "linear")
    expected["x"] = np.array(expected["x"], np.float32)
    return tf.saved_model.load(tmp_path / "linear"), expected


def edited(folder, change) -> None:
    """Change the message in a SavedModel."""
    path = folder / "saved_model.pb"
    model = protos.SavedModel.FromString(path.read_bytes())
    change(model)
    path.write_bytes(model.SerializeToString())


# ---------------------------------------------------------------------------------- what TensorFlow has made


def test_objects_and_variables(linear):
    model, _ = linear
    assert [v.name for v in (model.w, model.b, model.count)] == ["w:0", "b:0", "count:0"]
    assert (model.w.trainable, model.count.trainable, model.count.dtype) == (True, False, tf.as_dtype("int64"))
    close(model.b, [0.5, -0.5])
    assert model.layers[0] is model.w and model.layers[1] == {"bias": model.b}
    assert model.trainable_variables == (model.b, model.w)
    assert model.tensorflow_version == "2.21.0"


def test_functions(linear):
    model, e = linear
    x = e["x"]
    close(model(x), e["call"])
    close(model(tf.constant(x)), e["call"])
    close(model.scaled(x)["y"], e["scaled"])
    close(model.scaled(x, flag=False)["y"], e["scaled_false"])
    close(model.scaled(x, factor=tf.constant(3.0))["y"], e["scaled_3"])
    close(model.scaled(x)["k"], [2, 3])
    assert int(model.bump(5)) == 5 and int(model.bump(tf.constant(2, "int64"))) == 7 and int(model.count) == 7
    assert len(model.scaled.concrete_functions) == 3
    assert model.double.input_signature == (tf.TensorSpec([None, 3], name="x"),)


def test_signatures(linear):
    model, e = linear
    assert list(model.signatures) == ["serving_default", "double"] and len(model.signatures) == 2
    f = model.signatures["serving_default"]
    assert f.structured_input_signature == ((), {"x": tf.TensorSpec([None, 3], name="x")})
    assert f.structured_outputs == {"output_0": tf.TensorSpec([None, 2], name="output_0")}
    assert f.inputs == [tf.TensorSpec([None, 3], name="x")] and [s.shape.as_list() for s in f.outputs] == [[None, 2]]
    assert f.variables == (model.w, model.b)
    close(f(x=e["x"])["output_0"], e["call"])
    close(f(tf.constant(e["x"]))["output_0"], e["call"])
    found = model.signatures["double"](x=e["x"])
    close(found["twice"], 2 * np.array(e["call"]))
    close(found["sum"], e["x"].sum(1))


def test_gradients_flow_to_variables_and_inputs(linear):
    model, e = linear
    x = tf.constant(e["x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(model(x) ** 2)
    slopes = tape.gradient(loss, [model.w, model.b, x])
    y = np.array(e["call"])
    close(slopes[0], 2 * e["x"].T @ y)
    close(slopes[1], 2 * y.sum(0))
    close(slopes[2], 2 * y @ model.w.numpy().T)


def test_new_values_are_used(linear):
    model, e = linear
    model.w.assign(model.w * 0)
    close(model(e["x"]), [[0.5, -0.5]] * 2)
    close(model.signatures["serving_default"](x=e["x"])["output_0"], [[0.5, -0.5]] * 2)


def test_branches_and_loops(tmp_path):
    e = unpacked("flow", tmp_path)
    model = tf.saved_model.load(str(tmp_path), tags=["serve"])
    assert (float(model.branch(2.0)), float(model.branch(-2.0))) == (e["pos"], e["neg"])
    assert float(model.power(4)) == e["power"]
    close(model.cumulative([1.0, 2.0, 3.0]), e["cum"])
    assert [float(model.choose(k)) for k in range(3)] == e["choose"]
    for function, slope in (
        (lambda: model.branch(2.0), 2),
        (lambda: model.branch(-2.0), 1),
        (lambda: model.power(3), 27),
    ):
        with tf.GradientTape() as tape:
            y = function()
        assert float(tape.gradient(y, model.v)) == slope


def test_strings_tables_and_files(tmp_path):
    e = unpacked("words", tmp_path)
    model = tf.saved_model.load(tmp_path)
    found = model.ids(tf.constant(["A", "c", "z"]))
    assert found["ids"].numpy().tolist() == e["ids"]
    close(found["emb"], e["emb"])
    assert model.lines(["cat", "dog"]).numpy().tolist() == e["lines"]
    assert os.fspath(model.asset) == str(tmp_path / "assets" / "vocab.txt")
    assert model.path().numpy() == b"the\ncat\nsat\n"
    assert model.signatures["serving_default"](words=["a"])["ids"].numpy().tolist() == [1]


def test_a_network_with_batch_normalization(tmp_path):
    e = unpacked("cnn", tmp_path)
    found = tf.saved_model.load(tmp_path)(np.array(e["x"], np.float32))
    close(found["probabilities"], e["probabilities"])
    assert found["classes"].numpy().tolist() == e["classes"]


def test_a_keras_model(tmp_path):
    e = unpacked("keras", tmp_path)
    model, x = tf.saved_model.load(tmp_path), np.array(e["x"], np.float32)
    close(model(x), e["y"])
    close(model(x, training=False), e["y"])
    close(model.signatures["serving_default"](x)["dense_1"], e["y"])
    assert len(model.variables) == 8 and len(model.trainable_variables) == 6


@pytest.mark.parametrize("name", ["v1_linear", "v1_words", "v1_cnn"])
def test_models_of_tensorflow_1(tmp_path, name):
    e = unpacked(name, tmp_path)
    if name == "v1_words":
        model = tf.saved_model.load(tmp_path, "serve")
        assert model.signatures["ids"](w=["cat", "dog", "the"])["ids"].numpy().tolist() == e["ids"]
        close(model.signatures["serving_default"](words=["cat", "dog", "the"])["emb"], e["emb"])
        with pytest.raises(UsageError, match=r"several graphs; pass tags=, one of \['serve'\], \['gpu', 'train'\]"):
            tf.saved_model.load(tmp_path)
        return
    model, output = tf.saved_model.load(tmp_path), "p" if name == "v1_cnn" else "out"
    x = np.array(e["x"], np.float32)
    with tf.GradientTape() as tape:
        found = model.signatures["serving_default"](x=x)[output]
        loss = tf.reduce_sum(found)
    close(found, e[output])
    if name == "v1_linear":
        close(tape.gradient(loss, model.graph_variables["b"]), [2, 2])
        assert [v.name for v in model.trainable_variables] == ["b:0", "w:0"]


# --------------------------------------------------------------------------------------------------- saving


class Net(tf.Module):
    def __init__(self, file=None):
        super().__init__()
        self.w = tf.Variable(np.arange(6.0, dtype=np.float32).reshape(3, 2), name="w")
        self.parts = [tf.Variable(1.5, name="p"), {"n": tf.Variable(np.int64(3), trainable=False, name="n")}]
        self.pair, self.again, self.number = (tf.Variable(True),), self.w, 5
        if file is not None:
            self.asset = tf.saved_model.Asset(str(file))


def test_variables_are_saved_with_their_objects(tmp_path):
    (tmp_path / "file.txt").write_text("hello")
    net = Net(tmp_path / "file.txt")
    tf.saved_model.save(net, tmp_path / "net")
    (tmp_path / "file.txt").unlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net"]
    assert tf.saved_model.contains_saved_model(tmp_path / "net")
    found = tf.saved_model.load(tmp_path / "net")
    close(found.w, net.w)
    assert float(found.parts[0]) == 1.5 and int(found.parts[1]["n"]) == 3 and not found.parts[1]["n"].trainable
    assert isinstance(found.pair, tuple) and bool(found.pair[0]) and found.again is found.w
    assert dict(found.signatures) == {} and not hasattr(found, "number")
    with open(found.asset) as file:
        assert file.read() == "hello"
    other = Net()
    other.w.assign(other.w * 0)
    tf.train.Checkpoint(other).restore(str(tmp_path / "net" / "variables" / "variables"))
    close(other.w, net.w)


def test_a_saved_model_is_replaced(tmp_path):
    net = Net()
    tf.saved_model.save(net, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    net.w.assign(net.w + 1)
    tf.saved_model.save(net, tmp_path)
    close(tf.saved_model.load(tmp_path).w, net.w)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt", "saved_model.pb", "variables"]


@pytest.mark.parametrize("name", ["write", "fsync", "rename"])
def test_a_full_disk(tmp_path, monkeypatch, name):
    net, folder = Net(), tmp_path / "net"
    tf.saved_model.save(net, folder)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    original, calls = os.rename, []

    def full(*args):
        calls.append(args)
        if name != "rename" or len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*args)

    net.w.assign(net.w + 1)
    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, name, full)
        with pytest.raises(ResourceExhaustedError, match="no space is left on the disk.*unchanged"):
            tf.saved_model.save(net, folder)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    close(tf.saved_model.load(folder).w, net.w.numpy() - 1)


def test_a_loaded_model_is_changed_and_saved_again(linear, tmp_path):
    model, e = linear
    model.w.assign(model.w * 2)
    model.extra = tf.Variable(7.0)
    given = {"serving_default": model.__call__, "bump": model.bump, "double": model.signatures["double"]}
    given["serving_default"] = model.double
    tf.saved_model.save(model, tmp_path / "again", signatures=given)
    found = tf.saved_model.load(tmp_path / "again")
    close(found(e["x"]), model(e["x"]))
    close(found.scaled(e["x"], flag=False)["y"], model.scaled(e["x"], flag=False)["y"])
    close(found.signatures["serving_default"](x=e["x"])["twice"], 2 * model(e["x"]).numpy())
    assert int(found.signatures["bump"](n=4)["output_0"]) == 4 and float(found.extra) == 7
    tf.saved_model.save(found, tmp_path / "third")
    assert sorted(tf.saved_model.load(tmp_path / "third").signatures) == ["bump", "double", "serving_default"]


def test_what_cannot_be_saved(linear, tmp_path):
    model, _ = linear
    for arguments, words in (
        ((tf.Variable(1.0), tmp_path / "m"), "needs an object with attributes"),
        (([tf.Variable(1.0)], tmp_path / "m"), "needs an object with attributes"),
        ((Net(), 5), "export_dir must be a path"),
        ((Net(), tmp_path / "m", lambda x: x), "it must be a tf.function or one of its concrete functions"),
        ((Net(), tmp_path / "m", None, "fast"), "options must be SaveOptions"),
        ((Net(), tmp_path / "m", model.scaled), "there are several saved forms"),
    ):
        with pytest.raises(UsageError, match=words):
            tf.saved_model.save(*arguments)
    (tmp_path / "file").write_text("x")
    with pytest.raises(AlreadyExistsError, match="is no folder"):
        tf.saved_model.save(Net(), tmp_path / "file")
    with pytest.raises(NotFoundError, match="nowhere.txt"):
        tf.saved_model.save(Net(tmp_path / "nowhere.txt"), tmp_path / "m")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "linear"]


def test_functions_with_tables_cannot_be_saved_again(tmp_path):
    unpacked("words", tmp_path / "a")
    model = tf.saved_model.load(tmp_path / "a")
    with pytest.raises(UsageError, match="uses a table of the model that it was loaded from"):
        tf.saved_model.save(model, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    other = tf.Module("other")
    other.path = model.path
    tf.saved_model.save(other, tmp_path / "c", signatures=model.path)
    (tmp_path / "c").rename(tmp_path / "d")
    (tmp_path / "a" / "assets" / "vocab.txt").unlink()
    found = tf.saved_model.load(tmp_path / "d")
    assert found.path().numpy() == found.signatures["serving_default"]()["output_0"].numpy() == b"the\ncat\nsat\n"


_READ = """
import json, sys, numpy as np, tensorflow as tf
net = tf.saved_model.load(sys.argv[1])
again = tf.saved_model.load(sys.argv[2])
x = tf.constant(json.loads(sys.argv[3]), tf.float32)
print("FOUND", json.dumps({
    "w": net.w.numpy().tolist(), "p": float(net.parts[0]), "n": int(net.parts[1]["n"]), "same": net.again is net.w,
    "signatures": sorted(again.signatures), "call": again(x).numpy().tolist(),
    "scaled": again.scaled(x)["y"].numpy().tolist(), "bump": int(again.bump(tf.constant(3, tf.int64))),
    "output_0": again.signatures["serving_default"](x=x)["output_0"].numpy().tolist(),
}))
"""


def test_tensorflow_reads_what_is_saved(linear, tmp_path):
    pytest.importorskip("tensorflow", reason="needs TensorFlow beside graphc")
    model, e = linear
    model.w.assign(model.w * 2)
    tf.saved_model.save(Net(), tmp_path / "net")
    tf.saved_model.save(model, tmp_path / "again")
    command = [sys.executable, "-c", _READ, str(tmp_path / "net"), str(tmp_path / "again"), json.dumps(e["x"].tolist())]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("FOUND"))[6:])
    close(found["w"], Net().w)
    assert (found["p"], found["n"], found["same"], found["bump"]) == (1.5, 3, True, 3)
    assert found["signatures"] == ["double", "serving_default"]
    close(found["call"], model(e["x"]))
    close(found["output_0"], model(e["x"]))
    close(found["scaled"], model.scaled(e["x"])["y"])


# ----------------------------------------------------------------------------------------------- bad input


def test_wrong_arguments(linear):
    model, e = linear
    f = model.signatures["serving_default"]
    for call, kind, words in (
        (lambda: model.signatures["other"], KeyError, "no signature 'other'; it has 'serving_default', 'double'"),
        (lambda: f(), TypeError, "'x' is missing; its inputs are x"),
        (lambda: f(x=e["x"], z=1), TypeError, "'z' is no input; its inputs are x"),
        (lambda: f(e["x"], x=e["x"]), TypeError, "'x' is given twice"),
        (lambda: f(e["x"], e["x"]), TypeError, "takes 1 inputs by position, got 2"),
        (lambda: f(x=tf.constant([[1, 2, 3]])), DtypeError, "'x' must be float32, got int32"),
        (lambda: f(x=[[1.0, 2.0]]), ShapeError, r"'x' must have shape \(None, 3\), got \(1, 2\)"),
        (lambda: model([[1.0, 2.0]]), TypeError, r"no saved form takes.*saved are: \(float32\(None, 3\)\)"),
        (lambda: model.scaled(e["x"], "a"), TypeError, r"saved are: \(float32\(2, 3\), 2.0, True\)"),
        (lambda: model.scaled(e["x"], wrong=1), TypeError, "unexpected keyword argument 'wrong'"),
        (lambda: model.double(tf.constant("text")), TypeError, "no saved form takes"),
    ):
        with pytest.raises(kind, match=words):
            call()
    close(f(x=e["x"])["output_0"], e["call"])


def test_an_object_that_cannot_be_called(tmp_path):
    unpacked("flow", tmp_path)
    with pytest.raises(TypeError, match="no tf.function when it was saved; it has the signatures branch, power"):
        tf.saved_model.load(tmp_path)(1.0)


def test_operations_that_do_not_exist(tmp_path):
    """Variables can be used all the same, and other functions."""
    unpacked("cnn", tmp_path)

    def change(model):
        for f in model.meta_graphs[0].graph_def.library.function:
            for node in f.node_def:
                node.op = {"Conv2D": "TheirConvolution", "Relu": "TheirRelu"}.get(node.op, node.op)

    edited(tmp_path, change)
    model = tf.saved_model.load(tmp_path)
    assert model.k.shape == (3, 3, 1, 4)
    words = r"needs 2 types of operations that do not exist here: TheirConvolution \(1\), TheirRelu \(1\)"
    with pytest.raises(GraphError, match=words):
        model(np.zeros((1, 4, 4, 1), np.float32))
    with pytest.raises(GraphError, match=words):
        model.signatures["serving_default"](images=np.zeros((1, 4, 4, 1), np.float32))


def test_missing_and_damaged_models(tmp_path):
    with pytest.raises(NotFoundError, match="does not exist"):
        tf.saved_model.load(tmp_path / "nowhere")
    unpacked("linear", tmp_path)
    with pytest.raises(UsageError, match=r"no graph with the tags \['train'\]; it has \['serve'\]"):
        tf.saved_model.load(tmp_path, tags="train")
    with pytest.raises(UsageError, match="options must be LoadOptions"):
        tf.saved_model.load(tmp_path, options=3)
    (tmp_path / "variables" / "variables.index").rename(tmp_path / "index")
    with pytest.raises(NotFoundError, match="has lost its variables"):
        tf.saved_model.load(tmp_path)
    skipped = tf.saved_model.load(tmp_path, options=tf.saved_model.LoadOptions(experimental_skip_checkpoint=True))
    assert skipped.w.numpy().tolist() == [[0, 0]] * 3
    (tmp_path / "index").rename(tmp_path / "variables" / "variables.index")
    data = tmp_path / "variables" / "variables.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(b"\x01" + content[1:9] + b"\xff" + content[10:])
    with pytest.raises(DataLossError, match="check sum"):
        tf.saved_model.load(tmp_path)
    data.unlink()
    with pytest.raises(NotFoundError, match="variables.data"):
        tf.saved_model.load(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    with pytest.raises(DataLossError, match="saved_model.pb"):
        tf.saved_model.load(tmp_path)


def _other_dtype(meta):
    meta.object_graph_def.nodes[1].variable.dtype = protos.DT_DOUBLE


def _other_shape(meta):
    meta.object_graph_def.nodes[1].variable.shape.dim[0].size = 9


def _far_child(meta):
    meta.object_graph_def.nodes[0].children[0].node_id = 999


def _far_capture(meta):
    meta.object_graph_def.concrete_functions["__inference___call___79"].bound_inputs[0] = 999


def _no_function(meta):
    del meta.graph_def.library.function[:]


def _no_description(meta):
    meta.object_graph_def.concrete_functions.clear()


def _circle(meta):
    for f in meta.graph_def.library.function:
        if f.signature.name == "__inference___call___79":
            next(n for n in f.node_def if n.op == "MatMul").op = f.signature.name


@pytest.mark.parametrize("change, words", [
    (_other_dtype, "variable 'w' is float64, its value is float32"),
    (_other_shape, r"'w' is \[9, 2\], its value is \[3, 2\]"),
    (_far_child, "refer to one that is not there"), (_far_capture, "uses an object that is not there"),
    (_no_function, "it has no function '__inference___call___79'"), (_no_description, "does not describe function"),
    (_circle, "call themselves"),
])  # fmt: skip
def test_messages_that_make_no_sense(tmp_path, change, words):
    unpacked("linear", tmp_path)
    edited(tmp_path, lambda model: change(model.meta_graphs[0]))
    with pytest.raises((DataLossError, DtypeError, ShapeError), match=words):
        tf.saved_model.load(tmp_path)(np.zeros((1, 3), np.float32))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", ""])
def test_files_outside_of_the_folder_are_refused(tmp_path, name):
    unpacked("words", tmp_path / "m")
    (tmp_path / "secret").write_text("x")

    def change(model):
        for asset in model.meta_graphs[0].asset_file_def:
            asset.filename = name

    edited(tmp_path / "m", change)
    with pytest.raises(UsageError, match="outside of its folder"):
        tf.saved_model.load(tmp_path / "m")


# --------------------------------------------------------------------------------------------------- Module


class Dense(tf.Module):
    def __init__(self, size, width, name=None):
        super().__init__(name=name)
        with self.name_scope:
            self.w, self.b = tf.Variable(tf.ones([size, width]), name="w"), tf.Variable(tf.zeros([width]), name="b")

    @tf.Module.with_name_scope
    def __call__(self, x):
        if not hasattr(self, "late"):
            self.late = tf.Variable(1.0, trainable=False, name="late")
        return tf.matmul(x, self.w) + self.b


class MyMLP2D(tf.Module):
    def __init__(self):
        super().__init__()
        with self.name_scope:
            self.layers = [Dense(3, 4), Dense(4, 2, name="last")]
        self.named = {"first": self.layers[0], "scale": tf.Variable(2.0, name="scale")}

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x * self.named["scale"]


def test_modules_know_their_variables():
    mlp = MyMLP2D()
    assert float(tf.reduce_sum(mlp(tf.ones([1, 3])))) == 48
    assert mlp.name == "my_mlp2_d" and [m.name for m in mlp.submodules] == ["dense", "last"]
    assert [v.name for v in mlp.variables] == [
        "scale:0", "my_mlp2_d/dense/b:0", "my_mlp2_d/dense/late:0", "my_mlp2_d/dense/w:0", "my_mlp2_d/last/b:0",
        "my_mlp2_d/last/late:0", "my_mlp2_d/last/w:0",
    ]  # fmt: skip
    assert [v.name for v in mlp.non_trainable_variables] == ["my_mlp2_d/dense/late:0", "my_mlp2_d/last/late:0"]
    assert len(mlp.trainable_variables) == 5
    paths = [path for path, _ in mlp._flatten(predicate=lambda v: isinstance(v, tf.Variable), with_path=True)]
    assert paths[:2] == [("named", "scale"), ("layers", 0, "b")]
    with pytest.raises(UsageError, match="identifier such as 'dense_1', got 'a b'"):
        tf.Module(name="a b")


def test_modules_in_checkpoints(tmp_path):
    mlp = MyMLP2D()
    mlp.layers[0].w.assign(mlp.layers[0].w * 3)
    path = tf.train.Checkpoint(model=mlp).save(str(tmp_path / "ckpt"))
    other = MyMLP2D()
    tf.train.Checkpoint(model=other).restore(path).assert_existing_objects_matched()
    close(other.layers[0].w, mlp.layers[0].w)
