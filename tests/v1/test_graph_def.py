"""GraphDefs: graphs written, read again, read from TensorFlow and read by TensorFlow; frozen graphs; meta graphs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

import graphc.v1 as tf
from graphc import errors
from graphc.formats import protos
from graphc.v1.config import Settings, run_timeout, settings
from graphc.v1.graph_def.meta_graph import import_meta_graph, meta_graph_of

DATA = Path(__file__).parent.parent / "formats" / "data"


def again(graph_def):
    """A GraphDef through bytes."""
    return tf.GraphDef.FromString(graph_def.SerializeToString())


def training_graph() -> tf.Graph:
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        w = tf.Variable(tf.random_normal([4, 3]), name="w")
        b = tf.Variable(tf.zeros([3]), name="b")
        y = tf.nn.softmax(tf.matmul(x, w) + b, name="y")
        kept = tf.nn.dropout(y, keep_prob=0.5, name="kept")
        loss = tf.reduce_mean(tf.square(y[:, 0:2] - 1.0) + 0 * tf.reduce_sum(kept), name="loss")
        tf.train.AdamOptimizer(0.1, name="Adam").minimize(loss)
        tf.global_variables_initializer()
        tf.add_to_collection("results", y)
        tf.add_to_collection("numbers", 3)
    return graph


INPUT = np.random.RandomState(0).rand(6, 4).astype(np.float32)


def losses(graph, prefix="") -> list:
    with tf.Session(graph=graph) as session:
        session.run(graph.get_operation_by_name(f"{prefix}init"))
        fetches = [f"{prefix}loss:0", f"{prefix}Adam"]
        return [session.run(fetches, {f"{prefix}x:0": INPUT})[0] for _ in range(3)]


def test_a_training_graph_is_the_same_again():
    graph = training_graph()
    graph_def = again(graph.as_graph_def())
    with tf.Graph().as_default() as other:
        assert tf.import_graph_def(graph_def, name="") is None
    assert [op.name for op in other.get_operations()] == [op.name for op in graph.get_operations()]
    assert [op.type for op in other.get_operations()] == [op.type for op in graph.get_operations()]
    assert losses(other) == losses(graph)
    assert other.as_graph_def() == graph_def


def test_imported_names_are_in_a_scope():
    graph_def = training_graph().as_graph_def()
    with tf.Graph().as_default() as graph:
        y, step = tf.import_graph_def(graph_def, return_elements=["y:0", "Adam"])
        assert y.name == "import/y:0" and step.name == "import/Adam" and y.shape.as_list() == [None, 3]
        fed = tf.constant(INPUT)
        (mapped,) = tf.import_graph_def(graph_def, {"x": fed}, ["loss:0"], name="second")
        with tf.Session() as session:
            session.run("second/init")
            assert session.run(mapped) == losses(training_graph())[0]
        with pytest.raises(errors.GraphError, match="there is an operation called import/x already"):
            tf.import_graph_def(graph_def, name="import/")
    assert losses(graph, "import/") == losses(training_graph())


def everything(x, k) -> list:
    """Operations of all sorts of a [3, 4] matrix and a vector of three small ints."""
    s = tf.shape(x)
    return [
        x + 1, 2 / (1 + x * x), -x, tf.abs(x - 0.5), tf.pow(x, 2.0), k / 2, k // 2, k % 2, tf.cast(x * 9, tf.int32),
        tf.reduce_sum(x), tf.reduce_mean(x, 0), tf.reduce_max(x, [1], keepdims=True), tf.argmax(x, 1), tf.cumsum(x, 1),
        tf.reshape(x, [s[0], 2, -1]), tf.transpose(x), tf.expand_dims(x, 1), tf.squeeze(x[:1]), tf.concat([x, x], 1),
        tf.stack([x, x], 2), tf.unstack(x, axis=1)[2], tf.split(x, 2, 1)[1],
        tf.split(x, [1, 3], 1)[1], tf.tile(x, [2, 1]),
        tf.pad(x, [[1, 0], [0, 2]]), tf.pad(x, [[1, 0], [0, 2]], constant_values=3.0),
        x[0], x[:, 1:3], x[::-1, -1],
        x[..., tf.newaxis], x[s[0] - 1], tf.slice(x, [0, 1], [2, 2]), tf.gather(x, k, axis=1),
        tf.gather_nd(x, [[0, 1]]),
        tf.one_hot(k, 5), tf.where(x > 0.5, x, -x), tf.clip_by_value(x, 0.2, 0.7), tf.fill([2], 1.5), tf.range(5),
        tf.zeros_like(x), tf.ones([2]), tf.nn.top_k(x, 2)[1], tf.logical_and(x > 0.2, x < 0.8), tf.equal(k, 1),
        tf.matmul(x, x, transpose_b=True), tf.matmul(x[tf.newaxis], x[tf.newaxis], transpose_a=True), tf.nn.l2_loss(x),
        tf.nn.softmax(x), tf.nn.leaky_relu(x - 0.5), tf.add_n([x, x]), tf.reverse(x, [1]), tf.linspace(0.0, 1.0, 3),
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=tf.one_hot(k, 4), logits=x), tf.einsum("ij,kj->ik", x, x),
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=k, logits=x), tf.nn.moments(x, [0])[1],
        tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=x), tf.nn.bias_add(x, x[0]), tf.nn.swish(x),
        tf.nn.embedding_lookup(x, k[::2]), tf.nn.xw_plus_b(x, tf.ones([4, 2]), tf.ones([2])), tf.nn.l2_normalize(x, 1),
        tf.reduce_logsumexp(x, 1), tf.math.reduce_std(x, 0), tf.math.reduce_variance(x), tf.Print(x, [k], "values"),
    ]  # fmt: skip


def pictures(x) -> list:
    """Operations on pictures of shape [2, 6, 6, 2]."""
    r = np.random.RandomState(3)
    filters = r.randn(3, 3, 2, 4).astype(np.float32)
    ones = np.ones(2, np.float32)
    return [
        tf.nn.conv2d(x, filters, strides=[1, 2, 2, 1], padding="SAME"),
        tf.nn.depthwise_conv2d(x, filters, [1, 1, 1, 1], "VALID"),
        tf.nn.conv2d_transpose(x, np.swapaxes(filters, 2, 3), [2, 12, 12, 4], [1, 2, 2, 1]), tf.nn.lrn(x),
        tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"), tf.nn.avg_pool(x, 3, 2, "SAME"),
        tf.nn.batch_normalization(x, ones, ones, ones, None, 1e-3),
        tf.nn.fused_batch_norm(x, ones, ones, ones, ones, is_training=False)[0], tf.image.resize_bilinear(x, [4, 5]),
        tf.nn.conv2d(x, filters, strides=1, padding=[[0, 0], [1, 1], [0, 2], [0, 0]]), tf.space_to_depth(x, 2),
    ]  # fmt: skip


def all_of_them():
    """A graph of ``everything`` and ``pictures``, what it is fed with, and the values of its outputs."""
    r = np.random.RandomState(2)
    feeds = {"x:0": r.rand(3, 4).astype("f"), "k:0": np.int32([0, 3, 1]), "p:0": r.rand(2, 6, 6, 2).astype("f")}
    with tf.Graph().as_default() as graph:
        x, k = tf.placeholder(tf.float32, [None, 4], name="x"), tf.placeholder(tf.int32, [None], name="k")
        p = tf.placeholder(tf.float32, [2, 6, 6, 2], name="p")
        found = everything(x, k) + pictures(p)
        names = [tf.identity(t, name=f"out{i}").name for i, t in enumerate(found)]
        with tf.Session() as session:
            values = session.run(names, feeds)
    return graph, feeds, names, values


def without_private(graph_def):
    """What TensorFlow would keep of a GraphDef if it wrote it again."""
    found = again(graph_def)
    for node in found.node:
        for key in [k for k in node.attr if k.startswith("_graphc")]:
            del node.attr[key]
    return found


def test_nodes_say_all_that_tensorflow_needs():
    graph, feeds, names, values = all_of_them()
    graph_def = graph.as_graph_def(add_shapes=True)
    assert not [n.op for n in graph_def.node if n.op.startswith("Graphc")]
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        with tf.Session() as session:
            for name, want, got in zip(names, values, session.run(names, feeds)):
                assert np.array_equal(want, got), name
    with tf.Graph().as_default():
        tf.import_graph_def(without_private(graph_def), name="")
        with tf.Session() as session:
            for name, want, got in zip(names, values, session.run(names, feeds)):
                assert want.dtype == got.dtype and np.allclose(want, got, atol=1e-5), name


def test_tensorflow_runs_our_graphs():
    other = pytest.importorskip("tensorflow.compat.v1", reason="TensorFlow is not installed")
    graph, feeds, names, values = all_of_them()
    graph_def = other.GraphDef.FromString(graph.as_graph_def(add_shapes=True).SerializeToString())
    with other.Graph().as_default(), other.Session() as session:
        other.import_graph_def(graph_def, name="")
        for name, want in zip(names, values):
            assert np.allclose(session.run(name, feeds), want, atol=1e-5), name


@pytest.mark.parametrize("name", ["cnn", "misc", "function"])
def test_graphs_of_tensorflow_give_its_numbers(name):
    """Frozen by TensorFlow: convolutions with batch normalization, all sorts of shape operations, a tf.function."""
    graph_def = text_format.Parse((DATA / f"{name}.pbtxt").read_text(), tf.GraphDef())
    recorded = json.loads((DATA / f"{name}.json").read_text())
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        feeds = {key: np.float32(value) for key, value in recorded["feeds"].items()}
        found = session.run(list(recorded["outputs"]), feeds)
    for got, (key, want) in zip(found, recorded["outputs"].items()):
        assert np.allclose(got, want, atol=2e-6, rtol=2e-6), key
    assert {n.name for n in graph_def.node} <= {op.name for op in graph.get_operations()}


def test_functions_are_put_in_place():
    text = """
      node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
      node { name: "call" op: "PartitionedCall" input: "x" attr { key: "f" value { func { name: "twice" } } } }
      node { name: "y" op: "Neg" input: "call:1" }
      library { function {
        signature { name: "twice" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "s" type: DT_FLOAT }
                    output_arg { name: "k" type: DT_FLOAT } }
        node_def { name: "add" op: "AddV2" input: "a" input: "a" }
        node_def { name: "best" op: "TopKV2" input: "add:z:0" input: "two:output:0" }
        node_def { name: "two" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
          attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 2 } } } }
        ret { key: "s" value: "add:z:0" } ret { key: "k" value: "best:values:0" } } }
    """
    with tf.Graph().as_default(), tf.Session() as session:
        x, call, y = tf.import_graph_def(
            text_format.Parse(text, tf.GraphDef()), None, ["x:0", "call:0", "y:0"], name=""
        )
        found = session.run([call, y], {x: [3.0, 1.0, 2.0]})
    assert found[0].tolist() == [6, 2, 4] and found[1].tolist() == [-6, -4]


def test_what_cannot_be_imported_is_said_at_once():
    text = 'node { name: "%s" op: "%s" }'
    nodes = "".join(text % pair for pair in (("a", "Strange"), ("b", "Odd"), ("c", "Strange"), ("d", "NoOp")))
    with tf.Graph().as_default() as graph:
        with pytest.raises(
            errors.GraphError, match=r"2 types of nodes are not known here: Odd \(1: b\); Strange \(2: a, c\)"
        ):
            tf.import_graph_def(text_format.Parse(nodes, tf.GraphDef()))
        with pytest.raises(errors.GraphError, match="node y needs x, which is not in the GraphDef"):
            tf.import_graph_def(text_format.Parse('node { name: "y" op: "Neg" input: "x" }', tf.GraphDef()))
        with pytest.raises(errors.UsageError, match="graph_def must be a GraphDef, got str"):
            tf.import_graph_def("graph.pb")
        with pytest.raises(errors.GraphError, match=r"need each other.*'v', 'w'"):
            loop = 'node { name: "v" op: "Neg" input: "w" } node { name: "w" op: "Neg" input: "v" }'
            tf.import_graph_def(text_format.Parse(loop, tf.GraphDef()))
        assert graph.num_operations() == 0
        with pytest.raises(errors.GraphError, match="input_map has nothing:0"):
            tf.import_graph_def(text_format.Parse(text % ("d", "NoOp"), tf.GraphDef()), {"nothing": tf.constant(1.0)})


def test_control_flow_and_random_numbers_survive():
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(5)
        x = tf.placeholder(tf.float32, [], name="x")
        y = tf.cond(x > 0, lambda: x * 2, lambda: x - 1)
        total = tf.while_loop(lambda i, t: i < 4, lambda i, t: (i + 1, t + x), (tf.constant(0), tf.constant(0.0)))[1]
        noise = tf.random_uniform([3])
        names = [tf.identity(t, name=n).name for t, n in ((y, "y"), (total, "total"), (noise, "noise"))]

    def values(g):
        with tf.Session(graph=g) as session:
            return [[v.tolist() for v in session.run(names, {"x:0": fed})] for fed in (3.0, -1.0)]

    with tf.Graph().as_default() as other:
        tf.import_graph_def(again(graph.as_graph_def()), name="")
    assert values(other) == values(graph) and values(graph)[0][:2] == [6.0, 12.0]


def test_assertions_survive():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [], name="x")
        with tf.control_dependencies([tf.Assert(x > 0, [x, "is bad"])]):
            tf.identity(x, name="y")
    for graph_def in (graph.as_graph_def(), without_private(graph.as_graph_def())):
        with tf.Graph().as_default(), tf.Session() as session:
            tf.import_graph_def(graph_def, name="")
            assert session.run("y:0", {"x:0": 2.0}) == 2
            with pytest.raises(errors.InvalidArgumentError, match="is bad"):
                session.run("y:0", {"x:0": -2.0})


def test_damaged_nodes_are_told():
    graph_def = training_graph().as_graph_def()
    node = next(n for n in graph_def.node if n.name == "MatMul")
    text = node.attr["_graphc"].s
    for damaged, error, words in (
        (text[:-5], errors.FormatError, "damaged"),
        (text.replace(b'"matmul"', b'"no_such"'), errors.FormatError, "no operation 'no_such' in this version"),
    ):
        node.attr["_graphc"].s = damaged
        with tf.Graph().as_default(), pytest.raises(error, match=words):
            tf.import_graph_def(graph_def)


# ----------------------------------------------------------------------------------------------- parts of it


def test_attributes_of_operations():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        y = tf.matmul(x, tf.constant([[1.0, 2.0]]), transpose_b=True, name="y")
        before = graph.num_operations()
        z = tf.nn.relu(y, name="z")
    assert y.op.get_attr("transpose_b") is True and y.op.get_attr("T") is tf.float32
    assert [d.size for d in x.op.get_attr("shape").dim] == [-1, 2]
    assert y.op.node_def.op == "MatMul" and list(y.op.node_def.input) == ["x", "Const"]
    assert [n.name for n in graph.as_graph_def(from_version=before).node] == ["z"]
    assert graph.graph_def_versions.producer > 1000
    with pytest.raises(errors.GraphError, match="z: there is no attribute 'nothing'"):
        z.op.get_attr("nothing")


def test_variables_become_constants(tmp_path):
    graph = training_graph()
    with tf.Session(graph=graph) as session:
        session.run("init")
        want = session.run("y:0", {"x:0": INPUT})
        frozen = tf.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
    assert {n.op for n in frozen.node} == {"Placeholder", "Const", "Identity", "MatMul", "AddV2", "Softmax"}
    smaller = tf.graph_util.remove_training_nodes(frozen)
    assert "Identity" not in {n.op for n in smaller.node}
    path = tf.train.write_graph(smaller, str(tmp_path / "new"), "frozen.pb", as_text=False)
    assert tf.io.write_graph(graph, str(tmp_path), "g.pbtxt").endswith("g.pbtxt")
    text_format.Parse((tmp_path / "g.pbtxt").read_text(), tf.GraphDef())
    with tf.Graph().as_default(), tf.Session() as session, open(path, "rb") as file:
        tf.import_graph_def(tf.GraphDef.FromString(file.read()), name="")
        assert np.array_equal(session.run("y:0", {"x:0": INPUT}), want)
    with pytest.raises(errors.UsageError, match="has no node 'none'"):
        tf.graph_util.extract_sub_graph(frozen, ["none"])
    with pytest.raises(errors.UsageError, match="must be a list of names"):
        tf.graph_util.extract_sub_graph(frozen, "y")
    with pytest.raises(errors.UsageError, match="needs a Graph or a GraphDef"):
        tf.train.write_graph(3, str(tmp_path), "x")


def test_meta_graphs(tmp_path):
    graph = training_graph()
    meta = meta_graph_of(graph, saver_def=tf.train.SaverDef(version=2))
    assert list(meta.collection_def["results"].node_list.value) == ["y:0"]
    (tmp_path / "m.meta").write_bytes(meta.SerializeToString())
    with tf.Graph().as_default() as other:
        assert import_meta_graph(str(tmp_path / "m.meta")).version == 2
        assert [v.name for v in tf.trainable_variables()] == ["w:0", "b:0"]
        assert tf.get_collection("results")[0].name == "y:0" and tf.get_collection("numbers") == [3]
        assert len(tf.global_variables()) == 8 and tf.global_variables()[0] is tf.trainable_variables()[0]
        tf.global_variables_initializer()
        assert tf.global_variables()[0].initializer.name == "w/Assign"
    assert losses(other) == losses(graph)
    with tf.Graph().as_default() as other:
        import_meta_graph(meta, import_scope="part")
        assert [v.name for v in tf.trainable_variables()] == ["part/w:0", "part/b:0"]
    assert losses(other, "part/") == losses(graph)
    with pytest.raises(errors.UsageError, match="needs a MetaGraphDef or a path"):
        import_meta_graph(3)
    with pytest.raises(errors.NotFoundError, match="no such file"):
        import_meta_graph(str(tmp_path / "none.meta"))


def test_meta_graphs_of_tensorflow_go_on_training(tmp_path):
    recorded = json.loads((DATA / "training.json").read_text())
    with tf.Graph().as_default(), tf.Session() as session:
        saver = tf.train.import_meta_graph(str(DATA / "training.pbtxt"))
        assert [v.name for v in tf.trainable_variables()] == ["w:0", "b:0", "v:0"]
        session.run(tf.global_variables_initializer())
        feeds = {key: np.float32(value) for key, value in recorded["feeds"].items()}
        found = [session.run(["loss:0", "train"], feeds)[0] for _ in recorded["losses"]]
        assert np.allclose(found, recorded["losses"], rtol=1e-5)
        path, want = saver.save(session, str(tmp_path / "m")), session.run("p:0", feeds)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(path + ".meta").restore(session, path)
        assert np.array_equal(session.run(tf.get_collection("outputs")[0], feeds), want)


def test_what_a_meta_graph_does_not_need_may_be_unknown():
    text = """graph_def {
      node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
      node { name: "odd" op: "Strange" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
      node { name: "y" op: "Neg" input: "x" } node { name: "z" op: "Neg" input: "odd:1" } }"""
    with tf.Graph().as_default(), tf.Session() as session:
        import_meta_graph(text_format.Parse(text, tf.MetaGraphDef()))
        assert session.run("y:0", {"x:0": [1.0]}).tolist() == [-1.0]
        with pytest.raises(errors.GraphError, match="node odd .Strange.: this type of nodes is not known here"):
            session.run("z:0", {"x:0": [1.0]})


# ----------------------------------------------------------------------------------------------- settings


def test_settings_of_sessions(caplog):
    config = tf.ConfigProto(intra_op_parallelism_threads=2, operation_timeout_in_ms=1500, log_device_placement=True)
    config.gpu_options.allow_growth = True
    assert settings(config) == Settings(2, 1.5, True, soft=False) and settings(None) == Settings()
    assert run_timeout(tf.RunOptions(timeout_in_ms=250)) == 0.25 and run_timeout(None) is None
    with caplog.at_level("INFO", "graphc"):
        settings(tf.ConfigProto(isolate_session_state=True))
        settings(tf.ConfigProto(isolate_session_state=True))
    assert caplog.text.count("isolate_session_state has no effect") == 1
    with pytest.raises(errors.UsageError, match="config must be a tf.ConfigProto, got 'fast'"):
        settings("fast")
    with pytest.raises(errors.UsageError, match="must be a tf.RunOptions"):
        run_timeout(protos.ConfigProto())
    with pytest.raises(errors.UsageError, match="intra_op_parallelism_threads must not be negative"):
        settings(tf.ConfigProto(intra_op_parallelism_threads=-1))


def test_a_variable_or_its_initial_value_is_a_branch_of_tensorflow():
    with tf.Graph().as_default() as graph:
        v = tf.Variable([1.0, 2.0], name="v")
        tf.Variable(v.initialized_value() * 3.0, name="u")
        tf.global_variables_initializer()
        made = graph.as_graph_def(add_shapes=True)
    kinds = {n.name: n.op for n in made.node}
    assert kinds["cond/Merge"] == "Merge" and "RefSwitch" in kinds.values()
    assert not [kind for kind in kinds.values() if kind.startswith("Graphc")]
    with tf.Graph().as_default():
        tf.import_graph_def(made, name="")
        with tf.Session() as sess:
            sess.run("init")
            assert sess.run(["v:0", "u:0"])[1].tolist() == [3.0, 6.0]
