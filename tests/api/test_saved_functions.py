"""tf.saved_model.save of objects with functions, and tf.saved_model.load of them; functions as TensorFlow's nodes."""

import os
import subprocess
import sys

import numpy as np
import pytest
from saved_models import unpacked

import graphc as tf
from graphc.api.function import definition
from graphc.errors import GraphError, UsageError
from graphc.formats import protos

X = np.array([[0.5, -1.0], [2.0, 0.25], [0.0, 1.0]], np.float32)
VECTOR = [tf.TensorSpec([None], tf.float32)]


def close(found, expected) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5, atol=1e-6)


class Scale(tf.Module):
    def __init__(self):
        super().__init__()
        self.v = tf.Variable(3.0, name="v")
        self.shift = tf.constant([1.0, 2.0])
        self.parts = [tf.Variable([1.0, 2.0]), {"deep": tf.Variable(7)}]

    @tf.function(input_signature=VECTOR)
    def __call__(self, x):
        if tf.size(x) > 2:
            x = x + 100.0
        return self.v * x

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def mutate(self, to):
        self.v.assign(to)

    @tf.function
    def several(self, x, flag=True, *, k=2):
        return {"moved": x + self.shift, "pair": (x * k if flag else x - k, tf.reduce_sum(self.parts[0]))}

    @tf.function
    def never_called(self, x):
        return x


def saved_and_loaded(tmp_path, module, **options):
    tf.saved_model.save(module, tmp_path / "model", **options)
    return tf.saved_model.load(tmp_path / "model")


def message(folder):
    return protos.SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0]


def by_nodes(folder):
    """The same model without the graphs that graphc writes beside the nodes."""
    path = folder / "saved_model.pb"
    model = protos.SavedModel.FromString(path.read_bytes())
    for function in model.meta_graphs[0].graph_def.library.function:
        kept = [n for n in function.node_def if not any(key.startswith("_graphc") for key in n.attr)]
        assert len(function.node_def) - len(kept) <= 1
        del function.node_def[:]
        function.node_def.extend(kept)
    path.write_bytes(model.SerializeToString())
    return tf.saved_model.load(folder)


# ------------------------------------------------------------------------------------------------ round trips


def test_methods_variables_and_signatures(tmp_path):
    module = Scale()
    loaded = saved_and_loaded(tmp_path, module, signatures=module.__call__)
    assert loaded([1.0, 2.0]).numpy().tolist() == [3, 6]
    assert loaded(tf.constant([1.0, 2.0, 3.0])).numpy().tolist() == [303, 306, 309]
    loaded.mutate(tf.constant(5.0))
    assert (float(loaded.v), float(module.v)) == (5, 3)
    serve = loaded.signatures["serving_default"]
    assert serve(x=tf.constant([1.0, 2.0]))["output_0"].numpy().tolist() == [5, 10]
    assert serve.structured_input_signature == ((), {"x": tf.TensorSpec([None], tf.float32, name="x")})
    assert {k: (s.dtype, s.shape.as_list()) for k, s in serve.structured_outputs.items()} == {"output_0": (tf.float32, [None])}
    assert loaded.parts[1]["deep"].numpy() == 7


def test_every_trace_is_saved(tmp_path):
    module = Scale()
    x = tf.constant([1.0, 2.0])
    module.several(x)
    module.several(x, flag=False)
    module.several(x, k=5)
    loaded = saved_and_loaded(tmp_path, module)
    assert len(loaded.several.concrete_functions) == 3
    for options in ({}, {"flag": False}, {"k": 5}):
        ours, theirs = module.several(x, **options), loaded.several(x, **options)
        assert theirs["moved"].numpy().tolist() == ours["moved"].numpy().tolist() == [2, 4]
        assert [t.numpy().tolist() for t in theirs["pair"]] == [t.numpy().tolist() for t in ours["pair"]]
    with pytest.raises(TypeError, match="no saved form takes"):
        loaded.several(x, k=6)
    with pytest.raises(TypeError, match="no saved form takes"):
        loaded.never_called(x)
    assert loaded.signatures == {}


class Net(tf.Module):
    def __init__(self):
        super().__init__()
        make = np.random.RandomState(0).randn
        self.kernel = tf.Variable(make(3, 3, 1, 4).astype(np.float32), name="kernel")
        self.w = tf.Variable(make(16, 3).astype(np.float32), name="w")
        self.steps = tf.Variable(0, trainable=False)
        self.optimizer = tf.optimizers.Adam(0.01)

    def logits(self, image):
        hidden = tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME"))
        return tf.reshape(tf.nn.max_pool2d(hidden, 2, 2, "SAME"), [tf.shape(image)[0], 16]) @ self.w

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 1], tf.float32)])
    def predict(self, image):
        return tf.nn.softmax(self.logits(image))

    @tf.function
    def train(self, image, label):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, self.logits(image)))
        variables = [self.kernel, self.w]
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        self.steps.assign_add(1)
        return loss


def test_equal_bits_gradients_and_further_training(tmp_path):
    net = Net()
    image = tf.constant(np.random.RandomState(1).randn(5, 4, 4, 1).astype(np.float32))
    label = tf.constant([0, 1, 2, 0, 1])
    net.train(image, label)
    loaded = saved_and_loaded(tmp_path, net)

    def slopes(model):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(model.predict(image)[:, 0])
        return tape.gradient(total, [model.kernel, model.w])

    for _ in range(3):
        assert loaded.predict(image).numpy().tobytes() == net.predict(image).numpy().tobytes()
        for ours, theirs in zip(slopes(net), slopes(loaded)):
            assert theirs.numpy().tobytes() == ours.numpy().tobytes()
        assert loaded.train(image, label).numpy() == net.train(image, label).numpy()
    assert int(loaded.steps) == int(net.steps) == 4
    optimizer = tf.optimizers.SGD(0.1)  # another one for what was loaded
    before = loaded.w.numpy()
    optimizer.apply_gradients(zip(slopes(loaded), [loaded.kernel, loaded.w]))
    assert not np.array_equal(loaded.w.numpy(), before)
    again = by_nodes(tmp_path / "model")  # what TensorFlow's nodes say is the same
    assert int(again.steps) == 1
    close(again.train(image, label), 0 + tf.saved_model.load(tmp_path / "model").train(image, label))
    close(again.predict(image), tf.nn.softmax(_trained(tmp_path, image, label).logits))


class _trained:
    """The logits after one step of the model that was saved."""

    def __init__(self, tmp_path, image, label):
        model = tf.saved_model.load(tmp_path / "model")
        model.train(image, label)
        self.logits = tf.math.log(model.predict(image))


def test_one_compilation_for_all_batches(tmp_path):
    module = Scale()
    loaded = saved_and_loaded(tmp_path, module)
    for size in (1, 2):
        loaded(tf.ones([size]))
    assert [float(loaded(tf.ones([size]))[0]) for size in (5, 6, 7)] == [303, 303, 303]


class Loops(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable([[1.0, 2.0], [3.0, -1.0]], name="w")
        self.count = tf.Variable(0, name="count")

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
    def collatz(self, n):
        i = tf.constant(0)
        while n != 1:
            if n % 2 == 0:
                n = n // 2
            else:
                n = 3 * n + 1
            i += 1
        self.count.assign_add(1)
        return i

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def states(self, x):
        h = tf.zeros([2])
        found = tf.TensorArray(tf.float32, size=tf.shape(x)[0])
        for t in tf.range(tf.shape(x)[0]):
            h = tf.tanh(x[t] + tf.linalg.matvec(self.w, h))
            found = found.write(t, h)
        return h, found.stack()

    @tf.function(input_signature=VECTOR)
    def mapped(self, x):
        doubled = tf.map_fn(lambda z: tf.cond(z > 0, lambda: z * 2, lambda: -z), x)
        return doubled, tf.scan(lambda a, b: a + b * b, x), tf.foldl(lambda a, b: a * b, x)


@pytest.mark.parametrize("look", ["graphs", "nodes"])
def test_branches_and_loops(tmp_path, look):
    module = Loops()
    loaded = saved_and_loaded(tmp_path, module)
    library = message(tmp_path / "model").graph_def.library.function
    assert {n.op for f in library for n in f.node_def} >= {"StatelessIf", "StatelessWhile"}
    if look == "nodes":
        loaded = by_nodes(tmp_path / "model")
    assert (int(loaded.collatz(27)), int(loaded.collatz(tf.constant(1))), int(loaded.count)) == (111, 0, 2)
    for size in (3, 2):
        for ours, theirs in zip(module.states(X[:size]), loaded.states(X[:size])):
            close(theirs, ours)
    close(loaded.mapped([1.0, -2.0, 3.0])[0], [2, 2, 6])
    close(loaded.mapped([1.0, -2.0, 3.0])[1], [1, 5, 14])
    close(loaded.mapped([1.0, -2.0, 3.0])[2], -6)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loaded.states(X)[1])
    close(tape.gradient(total, loaded.w), unpacked("functions", tmp_path / "theirs")["slope"])


class Text(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def words(self, text):
        pieces = tf.strings.split(tf.strings.lower(text)).to_tensor("-")
        return pieces, tf.strings.length(text), tf.strings.join([text, text], "+"), tf.strings.substr(text, 0, 2)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def told(self, x):
        tf.print("x is", x, output_stream=sys.stdout)
        tf.debugging.assert_greater(x, 0.0, message="only positive")
        return tf.strings.as_string(x, precision=2)


def test_strings_printing_and_checks(tmp_path, capfd):
    loaded = saved_and_loaded(tmp_path, Text())
    pieces, lengths, joined, parts = loaded.words(tf.constant(["A bc", "D"]))
    assert pieces.numpy().tolist() == [[b"a", b"bc"], [b"d", b"-"]] and lengths.numpy().tolist() == [4, 1]
    assert joined.numpy().tolist() == [b"A bc+A bc", b"D+D"] and parts.numpy().tolist() == [b"A ", b"D"]
    assert loaded.told([1.0, 2.0]).numpy().tolist() == [b"1.00", b"2.00"]
    assert "x is [1 2]" in capfd.readouterr().out
    with pytest.raises(tf.errors.InvalidArgumentError, match="only positive"):
        loaded.told([-1.0])
    kinds = {f.signature.name.split("_")[-2]: {n.op for n in f.node_def} for f in message(tmp_path / "model").graph_def.library.function}
    assert {"PrintV2", "Assert", "AsString"} <= kinds["told"] and {"StringSplitV2", "StringJoin"} <= kinds["words"]


def test_random_numbers_are_others_in_every_call(tmp_path):
    class Noise(tf.Module):
        @tf.function(input_signature=[])
        def draw(self):
            return tf.random.uniform([4]), tf.random.stateless_uniform([4], [1, 2])

    loaded = saved_and_loaded(tmp_path, Noise())
    first, fixed = loaded.draw()
    second, again = loaded.draw()
    assert first.numpy().tolist() != second.numpy().tolist() and fixed.numpy().tolist() == again.numpy().tolist()
    close(fixed, tf.random.stateless_uniform([4], [1, 2]))
    other = by_nodes(tmp_path / "model")
    with pytest.raises(GraphError, match="StatelessRandomUniformFullIntV2"):
        other.draw()


class Many(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def values(self, x):
        mean, variance = tf.nn.moments(x, [0])
        image = x[None, :, :, None]
        return {
            "normal": tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3), "top": tf.math.top_k(x, 2).values,
            "where": tf.where(x > 0), "hot": tf.one_hot(tf.argmax(x, 1), 4), "gather": tf.gather(x, [0, 1], axis=1),
            "segments": tf.math.segment_sum(x, tf.range(tf.shape(x)[0]) // 2), "product": tf.einsum("ij,kj->ik", x, x),
            "log": tf.math.reduce_logsumexp(x, 1), "mask": tf.boolean_mask(x, x[:, 0] > 0), "tile": tf.tile(x, [2, 1]),
            "pad": tf.pad(x, [[1, 1], [0, 2]]), "roll": tf.roll(x, 1, 0), "sort": tf.sort(x, axis=1),
            "prod": tf.math.cumprod(x, 1), "inverse": tf.linalg.inv(tf.transpose(x) @ x + tf.eye(4)),
            "pool": tf.nn.avg_pool1d(x[:, :, None], 2, 2, "VALID"), "part": tf.split(x, 2, 1)[1],
            "deep": tf.nn.depthwise_conv2d(image, tf.ones([2, 2, 1, 2]), [1, 1, 1, 1], "SAME"), "gelu": tf.nn.gelu(x),
            "wide": tf.nn.conv2d_transpose(image, tf.ones([2, 2, 3, 1]), [1, 2 * tf.shape(x)[0], 8, 3], 2),
            "solve": tf.linalg.solve(tf.eye(4) * 2.0, tf.transpose(x)), "fft": tf.abs(tf.signal.rfft(x)),
        }  # fmt: skip


def test_nodes_compute_the_same(tmp_path):
    x = np.random.RandomState(3).randn(6, 4).astype(np.float32)
    module = Many()
    ours, loaded = module.values(x), saved_and_loaded(tmp_path, module).values(x)
    nodes = by_nodes(tmp_path / "model").values(x)
    assert sorted(nodes) == sorted(ours)
    for key, value in ours.items():
        assert loaded[key].numpy().tobytes() == value.numpy().tobytes(), key
        np.testing.assert_allclose(nodes[key], value, rtol=2e-4, atol=1e-5, err_msg=key)


def test_effects_in_branches_and_loops(tmp_path, capfd):
    class Effects(tf.Module):
        def __init__(self):
            super().__init__()
            self.v = tf.Variable(1.0)

        @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
        def run(self, n):
            for i in tf.range(n):
                tf.print("step", i, output_stream=sys.stdout)
                if i > 1:
                    tf.print("big", self.v, output_stream=sys.stdout)
                self.v.assign_add(tf.cast(i, tf.float32))
            return self.v + 1.0

    loaded = saved_and_loaded(tmp_path, Effects())
    assert float(loaded.run(4)) == 8
    assert capfd.readouterr().out == "step 0\nstep 1\nstep 2\nbig 2\nstep 3\nbig 4\n"
    library = message(tmp_path / "model").graph_def.library.function
    assert {"While", "If", "PrintV2", "AssignVariableOp"} <= {n.op for f in library for n in f.node_def}
    for f in library:  # what is done is asked for, and in order
        printed = [n for n in f.node_def if n.op in ("PrintV2", "If")]
        assert all(n.name in f.control_ret or any(f"^{n.name}" in o.input for o in f.node_def) for n in printed)
    assert float(by_nodes(tmp_path / "model").run(4)) == 8
    assert capfd.readouterr().out == "step 0\nstep 1\nstep 2\nbig 2\nstep 3\nbig 4\n"


# ------------------------------------------------------------------------------------------------ signatures


def test_signatures_by_name(tmp_path):
    module = Scale()
    two = module.several.get_concrete_function(tf.TensorSpec([2], tf.float32))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="second"), tf.TensorSpec([None], tf.float32)])
    def difference(b, a):
        return {"minus": b - a, "plus": a + b}

    pair = tf.function(lambda x: (x, x + 1.0), input_signature=VECTOR)
    loaded = saved_and_loaded(tmp_path, module, signatures={"difference": difference, "pair": pair})
    assert sorted(loaded.signatures) == ["difference", "pair"]
    found = loaded.signatures["difference"](a=tf.constant([1.0]), second=tf.constant([5.0]))
    assert {k: v.numpy().tolist() for k, v in found.items()} == {"minus": [4], "plus": [6]}
    assert sorted(loaded.signatures["pair"](x=tf.constant([1.0]))) == ["output_0", "output_1"]
    described = message(tmp_path / "model").signature_def["difference"]
    assert described.inputs["second"].name == "difference_second:0" and described.method_name == "tensorflow/serving/predict"
    with pytest.raises(UsageError, match="signature 'serving_default' answers with .* dict from names to tensors"):
        tf.saved_model.save(module, tmp_path / "other", signatures=two)
    with pytest.raises(UsageError, match="whose arguments are not known.*input_signature.*get_concrete_function"):
        tf.saved_model.save(module, tmp_path / "other", signatures=module.never_called)
    assert not (tmp_path / "other").exists()


def test_the_only_function_is_the_signature(tmp_path):
    class One(tf.Module):
        @tf.function(input_signature=VECTOR)
        def double(self, values):
            return values * 2.0

    loaded = saved_and_loaded(tmp_path, One())
    assert loaded.signatures["serving_default"](values=tf.constant([2.0]))["output_0"].numpy().tolist() == [4]


def test_concrete_functions_and_shared_parts(tmp_path):
    class Holder(tf.Module):
        def __init__(self):
            super().__init__()
            self.v = tf.Variable([1.0, 2.0])
            self.outer = tf.function(lambda x: self.inner(x) + 1.0, input_signature=VECTOR)
            self.inner = tf.function(lambda x: x * self.v)
            self.first = self.inner.get_concrete_function(tf.TensorSpec([2], tf.float32, name="x"))

    loaded = saved_and_loaded(tmp_path, Holder())
    assert loaded.first(tf.constant([3.0, 4.0])).numpy().tolist() == [3, 8]
    assert loaded.outer([3.0, 4.0]).numpy().tolist() == [4, 9]
    loaded.v.assign([0.0, 1.0])
    assert loaded.first(x=tf.constant([3.0, 4.0])).numpy().tolist() == [0, 4]


def test_a_loaded_model_inside_another_one(tmp_path):
    inner = saved_and_loaded(tmp_path, Scale())

    class Outer(tf.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.k = inner, tf.Variable(2.0)

        @tf.function(input_signature=VECTOR)
        def __call__(self, x):
            return self.k * self.inner(x)

    tf.saved_model.save(Outer(), tmp_path / "outer")
    loaded = tf.saved_model.load(tmp_path / "outer")
    assert loaded([1.0, 2.0]).numpy().tolist() == [6, 12]
    loaded.inner.mutate(1.0)
    assert loaded([1.0, 2.0]).numpy().tolist() == [2, 4]
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(loaded([1.0, 2.0]))
    assert [float(g) for g in tape.gradient(y, [loaded.k, loaded.inner.v])] == [3, 6]


# ------------------------------------------------------------------------------------- what TensorFlow has made


def test_functions_of_tensorflow(tmp_path):
    e = unpacked("functions", tmp_path / "theirs")
    for round_ in range(2):
        folder = tmp_path / ("ours" if round_ else "theirs")
        model = tf.saved_model.load(folder)
        close(model([1.0, 2.0]), e["call2"])
        close(model(tf.constant([1.0, 2.0, 3.0])), e["call3"])
        assert (int(model.collatz(27)), int(model.count)) == (e["collatz"], 1)
        with tf.GradientTape() as tape:
            found = model.states(e["x"])
            total = tf.reduce_sum(found["all"])
        close(found["all"], e["all"])
        close(model.signatures["states"](x=tf.constant(e["x"]))["last"], e["last"])
        close(tape.gradient(total, model.w), e["slope"])
        value, case = model.several(tf.constant([1.0, 2.0]))
        close(value, e["several"])
        assert int(case) == e["several_case"]
        close(model.several(tf.constant([4, 5]))[0], e["several_int"])
        close(model.several(tf.constant(1.5), flag=False)[0], e["several_flag"])
        model.count.assign(0)
        tf.saved_model.save(model, tmp_path / "ours")
        model.mutate(5.0)
        assert float(model.v) == 5


PROGRAM = """
import sys, numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
assert model(tf.constant([1.0, 2.0, 3.0])).numpy().tolist() == [303, 306, 309]
model.mutate(tf.constant(5.0))
assert model.signatures["serving_default"](x=tf.constant([1.0, 2.0]))["output_0"].numpy().tolist() == [5, 10]
loops = tf.saved_model.load(sys.argv[2])
assert int(loops.collatz(tf.constant(27))) == 111 and int(loops.count) == 1
with tf.GradientTape() as tape:
    total = tf.reduce_sum(loops.states(tf.constant(eval(sys.argv[3])))[1])
np.testing.assert_allclose(tape.gradient(total, loops.w), eval(sys.argv[4]), rtol=1e-4)
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    meta = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1]).signature_def["serving_default"]
    found = session.run(meta.outputs["output_0"].name, {meta.inputs["x"].name: [1.0, 2.0]})
    assert found.tolist() == [3, 6]
"""


def test_tensorflow_runs_what_is_saved(tmp_path):
    pytest.importorskip("tensorflow", reason="needs TensorFlow beside graphc")
    module = Scale()
    tf.saved_model.save(module, tmp_path / "scale", signatures=module.__call__)
    tf.saved_model.save(Loops(), tmp_path / "loops")
    slope = unpacked("functions", tmp_path / "theirs")["slope"]
    arguments = [str(tmp_path / "scale"), str(tmp_path / "loops"), repr(X.tolist()), repr(slope)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------------------------------------------- the file


def test_what_is_written(tmp_path):
    module = Scale()
    tf.saved_model.save(module, tmp_path / "model", signatures=module.__call__)
    meta = message(tmp_path / "model")
    nodes = meta.object_graph_def.nodes
    call = nodes[{c.local_name: c.node_id for c in nodes[0].children}["__call__"]]
    assert call.WhichOneof("kind") == "function" and len(call.function.concrete_functions) == 1
    saved = meta.object_graph_def.concrete_functions[call.function.concrete_functions[0]]
    assert [nodes[k].variable.name for k in saved.bound_inputs] == ["v"]
    args, kwargs = saved.canonicalized_input_signature.tuple_value.values
    (spec,) = args.tuple_value.values
    assert spec.tensor_spec_value.shape.dim[0].size == -1 and spec.tensor_spec_value.name == "x"
    assert not kwargs.dict_value.fields
    function = {f.signature.name: f for f in meta.graph_def.library.function}[call.function.concrete_functions[0]]
    assert [(a.name, a.type) for a in function.signature.input_arg] == [("x", 1), ("v", 20)]
    assert function.signature.is_stateful and [a.type for a in function.signature.output_arg] == [1]
    assert {"StatelessIf", "ReadVariableOp", "Mul"} <= {n.op for n in function.node_def}
    assert {n.op for n in meta.graph_def.node} >= {"VarHandleOp", "RestoreV2", "SaveV2", "Placeholder", "StatefulPartitionedCall"}
    assert meta.saver_def.restore_op_name == "saver/restored" and meta.saver_def.version == 2
    inputs = meta.signature_def["serving_default"].inputs["x"]
    assert (inputs.name, inputs.tensor_shape.dim[0].size) == ("serving_default_x:0", -1)


def test_large_constants(tmp_path):
    table = np.random.RandomState(0).randn(50, 3).astype(np.float32)

    class Lookup(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
        def rows(self, at):
            return tf.gather(tf.constant(table), at) + tf.constant([np.nan, np.inf, -0.0])

    loaded = saved_and_loaded(tmp_path, Lookup())
    assert loaded.rows([3, 7]).numpy().tobytes() == (table[[3, 7]] + np.float32([np.nan, np.inf, -0.0])).tobytes()


def test_everything_that_has_no_form_is_listed(tmp_path):
    class Odd(tf.Module):
        def __init__(self):
            super().__init__()
            self.v = tf.Variable(1.0)

        @tf.function(input_signature=VECTOR)
        def host(self, x):
            tf.py_function(print, [x], [])
            return tf.sparse.to_dense(tf.sparse.from_dense(x)) + 1.0

        @tf.function
        def with_object(self, x, how):
            return x

    module = Odd()
    module.with_object(tf.constant(1.0), lambda y: y)
    with pytest.raises(UsageError) as caught:
        tf.saved_model.save(module, tmp_path / "model")
    told = str(caught.value)
    assert "TensorFlow has nothing for parts of these functions; nothing was written" in told
    assert "host: the effect python" in told and "test_saved_functions.py:" in told
    assert "with_object: a SavedModel cannot hold an argument such as <function" in told
    assert os.listdir(tmp_path) == []


def test_damaged_graphs_are_refused(tmp_path):
    tf.saved_model.save(Scale(), tmp_path / "model")
    path = tmp_path / "model" / "saved_model.pb"
    model = protos.SavedModel.FromString(path.read_bytes())
    for function in model.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if definition._TEXT in node.attr:
                node.attr[definition._TEXT].s = b"graph @f(%x: f32[]) {\n  return %x\n}\n"
    path.write_bytes(model.SerializeToString())
    loaded = tf.saved_model.load(tmp_path / "model")
    with pytest.raises(tf.errors.DataLossError, match="function '__inference_.*' of the SavedModel is damaged"):
        loaded([1.0])


# ------------------------------------------------------------------------------------------- looking at functions


def test_function_def_and_operations():
    v = tf.Variable(2.0, name="v")

    @tf.function
    def f(x):
        return tf.matmul(x, x) * v

    concrete = f.get_concrete_function(tf.TensorSpec([2, 2], tf.float32))
    assert str(concrete.graph) == str(concrete.graph.ir) and "dot(%x, %x" in str(concrete.graph)
    signature = concrete.function_def.signature
    assert signature.name.startswith("__inference_f_") and [a.name for a in signature.input_arg] == ["x", "v"]
    kinds = [op.type for op in concrete.graph.get_operations()]
    assert kinds[:2] == ["Placeholder", "Placeholder"] and "MatMul" in kinds
    product = next(op for op in concrete.graph.get_operations() if op.type == "MatMul")
    assert [t.name for t in product.inputs] == ["x:0", "x:0"] and product.outputs[0].name == f"{product.name}:0"
    assert product.get_attr("transpose_a") is False and product.outputs[0].dtype == tf.float32
    assert concrete.graph.get_tensor_by_name("x:0").consumers() == [product]
    assert concrete.graph.get_operation_by_name("x").node_def.attr["dtype"].type == 1
    made = concrete.graph.as_graph_def()
    assert [n.name for n in made.node] == [op.name for op in concrete.graph.get_operations()]
    assert concrete.graph.inputs == concrete.graph.ir.inputs
    with pytest.raises(KeyError, match="the graph of 'f' has no operation 'nothing'"):
        concrete.graph.get_operation_by_name("nothing")
    with pytest.raises(ValueError, match="operation 'x' has 1 outputs, there is no 'x:3'"):
        concrete.graph.get_tensor_by_name("x:3")


def test_function_def_of_what_has_no_form():
    @tf.function
    def f(x):
        tf.py_function(print, [x], [])
        return x

    concrete = f.get_concrete_function(tf.TensorSpec([2], tf.float32))
    with pytest.raises(UsageError, match="function 'f': TensorFlow has nothing for parts of it\n  the effect python"):
        concrete.function_def


def test_traces_are_written_for_tensorboard(tmp_path):
    @tf.function
    def f(x):
        return tf.exp(x) + 1.0

    writer = tf.summary.create_file_writer(str(tmp_path))
    tf.summary.trace_on(graph=True)
    f(tf.constant([1.0]))
    with writer.as_default():
        tf.summary.trace_export("my_function", step=3)
        tf.summary.graph(f.get_concrete_function(tf.TensorSpec([1], tf.float32)).graph)
    writer.close()
    events = [protos.Event.FromString(r) for r in tf.data.TFRecordDataset([str(p) for p in tmp_path.iterdir()]).as_numpy_iterator()]
    (value,) = [v for e in events for v in e.summary.value]
    assert value.tag == "my_function" and value.metadata.plugin_data.plugin_name == "graph_run_metadata_graph"
    found = protos.RunMetadata.FromString(value.tensor.string_val[0])
    assert "Exp" in {n.op for n in found.function_graphs[0].pre_optimization_graph.node}
    (written,) = [protos.GraphDef.FromString(e.graph_def) for e in events if e.graph_def]
    assert "Exp" in {n.op for n in written.node}
