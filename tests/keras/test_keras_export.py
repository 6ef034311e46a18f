"""Models of Keras as files: compiled programs, SavedModels, ONNX models, and what the command line makes of them."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest
from c_programs import expect_same_steps, needs_cc, run_example

import graphc as tf
from graphc import cli, keras
from graphc.errors import UsageError

layers = keras.layers
X = np.random.default_rng(0).normal(size=(6, 8, 8, 1)).astype(np.float32)
Y = np.arange(6, dtype=np.int32)


def small(optimizer="adam"):
    keras.utils.clear_session(free_memory=False)  # names are counted anew: the optimizer is "adam", not "adam_1"
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [layers.Input((8, 8, 1), name="pixels"), layers.Conv2D(2, 3, activation="relu", name="conv"),
         layers.BatchNormalization(name="norm"), layers.Flatten(), layers.Dense(7, activation="softmax", name="digit")],
        name="digits",
    )  # fmt: skip
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def two_ways():
    keras.utils.set_random_seed(2)
    a, b = layers.Input((3,), name="a"), layers.Input((4,), name="b")
    both = layers.Concatenate()([a, b])
    return keras.Model({"a": a, "b": b}, {"sum": layers.Dense(1, name="s")(both), "kind": layers.Dense(2, name="k")(both)})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a model, and what is compiled of it."""
    folder = tmp_path_factory.mktemp("written")
    model = small()
    model.export(folder / "net.gc", format="graphc", verbose=False)
    model.save(folder / "net.keras")
    return folder, model


def test_graphc_format_predicts_for_any_batch(written):
    folder, model = written
    predict = tf.load(folder / "net.gc")
    np.testing.assert_allclose(predict(X)[0], model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(predict(X[:1])[0], model.predict(X[:1], verbose=0), rtol=1e-5, atol=1e-6)
    assert [p.name for p in predict.signature.inputs] == ["pixels"]
    assert [p.name for p in predict.signature.outputs] == ["digit"]


def test_graphc_format_trains_as_fit_does(written):
    folder, _ = written
    step = tf.load(folder / "net_train.gc")
    with np.load(folder / "net_train.npz") as file:
        state = {name: file[name] for name in file.files}
    model = small()
    for _ in range(3):
        inputs = [p.name for p in step.signature.inputs]
        state |= {name: np.zeros_like(state[name]) for name in ("loss/total", "loss/count", "total", "count")}  # as a new epoch
        answers = step(X, Y, *[state[name] for name in inputs[2:]])
        outputs = dict(zip([p.name for p in step.signature.outputs], answers))
        state.update({name: value for name, value in outputs.items() if name in state})
        loss, accuracy = model.train_on_batch(X, Y)
        np.testing.assert_allclose([outputs["loss"], outputs["accuracy"]], [loss, accuracy], rtol=1e-5)
    assert state["adam/iteration"] == 3
    for variable in model.trainable_variables:
        np.testing.assert_allclose(state[variable.path], variable.numpy(), rtol=1e-4, atol=1e-5)


def test_random_state_stays_in_the_step(tmp_path):
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [layers.Input((None,), dtype="int32", name="words"), layers.Embedding(9, 4), layers.GRU(3, dropout=0.2),
         layers.Dropout(0.3), layers.Dense(1)]
    )  # fmt: skip
    model.compile("sgd", "mse")
    model.export(tmp_path / "m.gc", format="graphc", verbose=False)
    assert [p.name for p in tf.load(tmp_path / "m.gc").signature.inputs] == ["words"]
    step = tf.load(tmp_path / "m_train.gc")
    with np.load(tmp_path / "m_train.npz") as file:
        state = dict(file)
    words, y = (X[:, :5, 0, 0] > 0).astype(np.int32), np.ones((6, 1), np.float32)
    inputs, outputs = ([p.name for p in place] for place in (step.signature.inputs, step.signature.outputs))
    for _ in range(2):
        answers = dict(zip(outputs, step(words, y, *[state[name] for name in inputs[2:]])))
        state.update({name: value for name, value in answers.items() if name in state})
        model.train_on_batch(words, y)
    for variable in model.variables:
        np.testing.assert_allclose(state[variable.path], variable.numpy(), rtol=1e-4, atol=1e-6)


def test_files_for_programs_without_python(written):
    folder, model = written
    library = ctypes.CDLL(str(folder / "net.so"))
    image = np.zeros(6 * 64 + 16, np.float32)
    image[: X.size] = X.reshape(-1)
    answer = np.zeros(6 * 7 + 16, np.float32)
    dims = (ctypes.c_int64 * 1)(6)
    library.net_arena.restype = ctypes.c_int64
    raw = np.zeros(library.net_arena(dims) + 64, np.uint8)
    arena = raw[-raw.ctypes.data % 64 :]
    inputs, outputs = (ctypes.c_void_p * 1)(image.ctypes.data), (ctypes.c_void_p * 1)(answer.ctypes.data)
    assert library.net(inputs, outputs, dims, ctypes.c_void_p(arena.ctypes.data)) == 0
    np.testing.assert_allclose(answer[:42].reshape(6, 7), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


@needs_cc
def test_the_example_in_c_takes_steps(written):
    folder, _ = written
    expect_same_steps(run_example(folder, "net_train", 6), tf.load(folder / "net_train.gc"), 6)


def test_a_folder_and_what_is_not_compiled(tmp_path):
    model = two_ways()
    model.export(tmp_path / "out", format="graphc", verbose=False)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{model.name}{end}" for end in (".a", ".gc", ".h", ".o", ".so", "_main.c")]
    found = tf.load(tmp_path / "out" / f"{model.name}.gc")
    given = {"a": X[:, 0, :3, 0], "b": X[:, 1, :4, 0]}
    expected = model.predict(given, verbose=0)
    named = dict(zip([p.name for p in found.signature.outputs], found(given["a"], given["b"])))
    np.testing.assert_allclose(named["s"], expected["sum"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(named["k"], expected["kind"], rtol=1e-5, atol=1e-6)
    with pytest.raises(UsageError, match="is not compiled"):
        model.export(tmp_path / "out", format="graphc", training=True)


def test_targets_follow_from_losses(tmp_path):
    model = two_ways()
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", {"sum": "mse", "kind": sparse})
    model.export(tmp_path / "m.gc", format="graphc", verbose=False)
    step = tf.load(tmp_path / "m_train.gc")
    types = {p.name: str(p.type) for p in step.signature.inputs}
    assert types["y_sum"] == "f32[batch,1]" and types["y_kind"] == "i32[batch]"


def test_a_model_of_a_class_says_what_it_needs(tmp_path, capsys):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    model = Own()
    with pytest.raises(ValueError, match="not yet been built"):
        model.export(tmp_path / "own.gc", format="graphc")
    model.compile("sgd", "mse")
    model(X[:, 0, :, 0])
    model.export(tmp_path / "own.gc", format="graphc")
    assert "No training step: own is no functional model: say by target_signature" in capsys.readouterr().out
    model.export(tmp_path / "own.gc", format="graphc", verbose=False,
                 target_signature=keras.layers.InputSpec(dtype="float32", shape=(None, 2)))  # fmt: skip
    step = tf.load(tmp_path / "own_train.gc")
    assert [p.name for p in step.signature.inputs][:2] == ["x_0", "x_1"]


def test_saved_model_and_onnx(written, tmp_path):
    _, model = written
    expected = model.predict(X, verbose=0)
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(loaded.serve(X), expected, rtol=1e-5, atol=1e-6)
    assert len(loaded.trainable_variables) == 6 and set(loaded.signatures) == {"serve", "serving_default"}
    model.export(tmp_path / "net.onnx", format="onnx", verbose=False)
    found = tf.onnx.load(tmp_path / "net.onnx").run({"pixels": X})
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-6)


def test_formats_of_others_stay_keras(written, tmp_path):
    _, model = written
    with pytest.raises(ValueError, match="Torch export requires PyTorch backend"):
        model.export(tmp_path / "x", format="torch")
    with pytest.raises(ValueError, match="Unrecognized format=nothing"):
        model.export(tmp_path / "x", format="nothing")


def test_archive_with_endpoints_of_ones_own(tmp_path):
    model = small()
    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = [keras.InputSpec(shape=(None, 8, 8, 1), dtype="float32")]
    archive.add_endpoint("call", lambda x: model.call(x, training=False), input_signature=spec)
    archive.add_endpoint("twice", lambda x: 2.0 * model.call(x, training=False), input_signature=spec)
    archive.add_variable_collection("of_optimizer", model.optimizer.variables)
    with pytest.raises(ValueError, match="already taken"):
        archive.add_endpoint("call", model.call, input_signature=spec)
    with pytest.raises(ValueError, match="has never been called"):
        archive.add_endpoint("untraced", tf.function(model.call))
    archive.write_out(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(loaded.twice(X), 2 * loaded.call(X), rtol=1e-6)
    assert len(loaded.of_optimizer) == len(model.optimizer.variables)
    with pytest.raises(ValueError, match="No endpoints have been set"):
        keras.export.ExportArchive().write_out(tmp_path / "empty")


def run(*arguments, status=0):
    assert cli.main([str(a) for a in arguments]) == status


def test_command_line_compiles_inspects_and_runs(written, tmp_path, capsys):
    folder, model = written
    run("compile", folder / "net.keras", "-o", tmp_path)
    made = ("net.gc", "net.o", "net.h", "net.so", "net_train.gc", "net_train.npz")
    assert all((tmp_path / name).exists() for name in made)
    for name, layers in (("net.keras", ("digits/conv", "digits/digit")), ("net.keras:train", ("adam",))):
        # in a process of its own: equal operations are one Node, which in this one may know the line of the fixture
        command = [sys.executable, "-m", "graphc", "inspect", folder / name, "--stage", "traced"]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert all(f"# net.keras:1 {layer}" in shown for layer in layers)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    run("run", folder / "net.keras", "-i", tmp_path / "x.npy", "-o", tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        np.testing.assert_allclose(file["digit"], model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    first, given = tmp_path / "net_train.npz", ("-i", f"pixels={tmp_path / 'x.npy'}", "-i", f"y={tmp_path / 'y.npy'}")
    run("run", tmp_path / "net_train.gc", "-i", first, *given, "-o", tmp_path / "s1.npz")
    run("run", tmp_path / "net_train.gc", "-i", tmp_path / "s1.npz", "-i", first, *given, "-o", tmp_path / "s2.npz")
    with np.load(tmp_path / "s1.npz") as one, np.load(tmp_path / "s2.npz") as two:
        assert two["adam/iteration"] == 2 and two["loss"] < one["loss"]


def test_command_line_with_one_library_over_both_entries(written, tmp_path, capsys):
    folder, model = written
    run("compile", folder / "net.keras", "--entry", "predict", "--entry", "train", "--batch", len(X), "-o", tmp_path)
    names = {f"net_{e}{f}" for e in ("predict", "train") for f in (".gc", ".o", "_main.c")}
    assert {p.name for p in tmp_path.iterdir()} == names | {"net.a", "net.so", "net.h", "net_train.npz"}
    (digit,) = tf.load(tmp_path / "net.so", "net_predict")(X)
    np.testing.assert_allclose(digit, model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    with pytest.raises(tf.errors.ShapeError):
        tf.load(tmp_path / "net_predict.gc")(X[1:])
    run("compile", folder / "net.keras", "--entry", "test", "-o", tmp_path, status=1)
    assert "has the entries predict and train, not 'test'" in capsys.readouterr().err


def test_a_model_is_compiled_from_python_and_from_a_program(written, tmp_path, capsys, monkeypatch):
    folder, model = written
    notes = []
    uncompiled = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)], name="small")
    written_files = tf.aot.compile(uncompiled, f"{tmp_path}/made/", on_note=notes.append)
    assert written_files[0].name == "small.gc" and notes == []
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(tf.load(written_files[0])(x)[0], uncompiled.predict(x, verbose=0), rtol=1e-6)
    monkeypatch.setattr("sys.path", list(sys.path))
    (tmp_path / "own.py").write_text(f"from graphc import keras\nnet = keras.saving.load_model({str(folder / 'net.keras')!r})\n")
    run("compile", f"{tmp_path}/own.py:net", "-o", f"{tmp_path}/own/")
    assert {"net.gc", "net.so", "net_train.gc", "net_train.so", "net_train.npz"} <= {p.name for p in (tmp_path / "own").iterdir()}
    run("compile", f"{tmp_path}/own.py:net", "--entry", "predict", "--entry", "train", "-o", f"{tmp_path}/both/")
    assert {"net.so", "net_predict.gc", "net_train.gc", "net_train.npz"} <= {p.name for p in (tmp_path / "both").iterdir()}
    run("compile", f"{folder}/net.keras:train", "-o", f"{tmp_path}/step/")
    assert {"net_train.gc", "net_train.so", "net_train.npz"} <= {p.name for p in (tmp_path / "step").iterdir()}
    assert not list((tmp_path / "step").glob("net.*"))  # those are of what predicts
    run("compile", f"{folder}/net.keras:train", "--entry", "predict", "-o", f"{tmp_path}/both/", status=1)
    assert "net.keras:train has one" in capsys.readouterr().err
    run("inspect", f"{tmp_path}/own.py:net")
    assert "graph digits: " in capsys.readouterr().out


def test_command_line_refuses(written, tmp_path, capsys):
    folder, _ = written
    run("inspect", folder / "net.keras:test", status=1)
    assert "net.keras:train is a step of training" in capsys.readouterr().err
    whole = (folder / "net.keras").read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 30):
        (tmp_path / "cut.keras").write_bytes(whole[:size])
        run("inspect", tmp_path / "cut.keras", status=1)
        assert "cut.keras: Keras cannot load it" in capsys.readouterr().err
    run("inspect", tmp_path / "absent.keras", status=1)
    assert "No such file" in capsys.readouterr().err


def test_line_of_the_user_and_the_layer_are_told(tmp_path):
    program = tmp_path / "train.py"
    program.write_text(
        "from graphc import keras\nimport graphc as tf\n"
        "model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, name='first')], name='net')\n"
        "def call(x):\n    return model(x)\n"
        "print(tf.function(call).get_concrete_function(tf.TensorSpec([None, 4])).graph.ir)\n"
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert "# train.py:5 net/first" in done.stdout
