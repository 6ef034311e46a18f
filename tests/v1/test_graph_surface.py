"""Graphs, operations, tensors: names as TensorFlow's (recorded from it), members, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import GraphcError
from graphc.v1.default import GRAPHS

RECORDED = json.loads((Path(__file__).parent / "recorded" / "surface.json").read_text())


@pytest.mark.parametrize("case", RECORDED)
def test_names_and_collections_are_tensorflows(case):
    env = {
        "tf": tf,
        "names": lambda xs: [x.name for x in xs],
        "ops": lambda: [o.name for o in tf.get_default_graph().get_operations()],
    }
    exec("\n".join(RECORDED[case]["program"]), env)
    assert json.loads(json.dumps(env["out"])) == RECORDED[case]["expected"]


def x():
    return tf.placeholder(tf.float32, [None, 3], name="x")


def finalized():
    graph = tf.get_default_graph()
    x()
    graph.finalize()
    return graph


def looked_up(name, **allowed):
    x()
    return tf.get_default_graph().as_graph_element(name, **allowed)


def other_graph():
    with tf.Graph().as_default():
        return tf.constant(1.0, name="elsewhere")


def inside(block, function):
    with block:
        return function()


def nested(first, second):
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)


REFUSED = {
    "finalized op": (lambda: finalized() and tf.constant(1.0), RuntimeError, "the graph is finalized and cannot be"),
    "finalized collection": (lambda: finalized().add_to_collection("a", 1), RuntimeError, "graph is finalized"),
    "finalized clear": (lambda: finalized().clear_collection("a"), RuntimeError, "graph is finalized"),
    "finalized control": (
        lambda: finalized().get_operations()[0]._add_control_inputs([]), RuntimeError, "new control input"),
    "no operation": (lambda: looked_up("y"), KeyError, "there is no operation 'y' in the graph"),
    "near operation": (lambda: (x(), tf.identity(x(), "logits"), looked_up("logit")), KeyError, "mean 'logits'"),
    "no tensor": (lambda: looked_up("y:0"), KeyError, "there is no tensor 'y:0'"),
    "no output": (lambda: looked_up("x:1"), KeyError, "operation 'x' has 1 outputs"),
    "no number": (lambda: looked_up("x:a"), ValueError, "names look like 'add:0'"),
    "op for tensor": (
        lambda: (x(), tf.get_default_graph().get_tensor_by_name("x")), ValueError, "its first output is 'x:0'"),
    "tensor for op": (
        lambda: (x(), tf.get_default_graph().get_operation_by_name("x:0")), ValueError, "an operation is needed"),
    "only operations": (lambda: looked_up(x(), allow_tensor=False), TypeError, "needed: Operation"),
    "another graph": (lambda: tf.add(x(), other_graph()), ValueError, "elsewhere:0 belongs to another graph"),
    "scope of two graphs": (
        lambda: tf.name_scope(None, "n", [x(), other_graph()]).__enter__(), ValueError, "name_scope: elsewhere:0"),
    "scope without name": (lambda: tf.name_scope(None, None, [1]), ValueError, "needs name or default_name"),
    "scope values second": (lambda: tf.name_scope("a", [1.0]), ValueError, "values is the third argument"),
    "twice one name": (
        lambda: [tf.constant(1.0, name="a/") for _ in range(2)], ValueError, "an operation called 'a' already"),
    "leading underscore": (lambda: tf.constant(1.0, name="_a"), ValueError, "the first is a letter, a digit or ."),
    "colocate with nothing": (lambda: tf.colocate_with(None).__enter__(), ValueError, "needs ignore_existing=True"),
    "container": (lambda: tf.container(3).__enter__(), ValueError, "the name must be a string"),
    "device function": (
        lambda: inside(tf.device(lambda op: 3), lambda: tf.constant(1.0)), ValueError, "answer with a device name"),
    "reset inside": (
        lambda: inside(tf.Graph().as_default(), tf.reset_default_graph), RuntimeError, "not inside of a with"),
    "gradient map": (
        lambda: tf.get_default_graph().gradient_override_map({"Relu": "none"}).__enter__(), ValueError,
        "no gradient 'none' is registered; use @tf.RegisterGradient('none')"),
    "iterate": (lambda: list(x()), TypeError, "x:0: a tensor of unknown length cannot be iterated"),
    "bool": (lambda: bool(x()), TypeError, "choose with tf.cond or use tf.where, or run it in a session first"),
    "len": (lambda: len(x()), TypeError, "a tensor has no len; use its shape, x.shape[0], or tf.shape(x)[0]"),
    "float": (lambda: float(x()), TypeError, "x:0: a tensor has no value while the graph is being built"),
    "numpy": (lambda: np.sum(x()), TypeError, "numpy.sum: x:0 is a tensor of a graph, which has no value yet"),
    "ufunc": (lambda: np.exp(x()), TypeError, "numpy.exp: x:0 is a tensor of a graph, which has no value yet; use Ten"),
    "array": (lambda: np.array(x()), TypeError, "cannot become a NumPy array; run it in a session"),
    "assign to tensor": (lambda: x().assign(3.0), AttributeError, "x:0 is a tensor, which cannot be assigned to"),
    "no session": (lambda: x().eval(), RuntimeError, "x: no session; pass session= or use 'with tf.Session():'"),
    "collection key": (lambda: tf.add_to_collection([1], 2), ValueError, "a collection needs a name that can be a key"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, kind, part = REFUSED[case]
    depth = len(tf.get_default_graph().get_operations())
    before = list(GRAPHS.entered)
    try:
        with pytest.raises(kind) as info:
            call()
    finally:
        GRAPHS.entered[:] = before
    assert part in str(info.value), str(info.value)
    assert isinstance(info.value, (GraphcError, AttributeError)) and depth == 0


def test_blocks_that_are_not_nested_are_refused():
    first, second = tf.Graph(), tf.Graph()
    with pytest.raises(ValueError, match="not properly nested"):
        nested(first.as_default(), second.as_default())
    GRAPHS.entered.clear()


def test_default_graphs_are_a_stack():
    root, a, b = tf.get_default_graph(), tf.Graph(), tf.Graph()
    with a.as_default() as found:
        assert found is a and tf.get_default_graph() is a
        with b.as_default(), a.as_default():
            assert tf.constant(1.0).graph is a
        assert tf.get_default_graph() is a
    assert tf.get_default_graph() is root
    tf.reset_default_graph()
    assert tf.get_default_graph() is not root and not root.finalized


def test_feeding_and_fetching_can_be_prevented():
    graph, a = tf.get_default_graph(), tf.constant(1.0)
    b, c = a + 1.0, a + 2.0
    graph.prevent_feeding(b)
    graph.prevent_fetching(c.op)
    assert not graph.is_feedable(b) and graph.is_feedable(a)
    assert not graph.is_fetchable(c) and not graph.is_fetchable(c.op) and graph.is_fetchable(b)
    sess = tf.Session()
    with pytest.raises(ValueError, match="add:0 may not be fed"):
        sess.run(b, {b: 3.0})
    with pytest.raises(ValueError, match="add_1:0 may not be fetched"):
        sess.run(c)
    assert sess.run(b) == 2.0


def test_what_is_left_of_an_operation():
    y = tf.add(x(), 1.0, name="y")
    op = y.op
    assert op.op_def.name == "AddV2" or op.op_def.name == op.type
    assert len(op.op_def.input_arg) == 2 and not op.op_def.is_stateful
    assert op.traceback[-1].filename == __file__ and "tf.add" in op.traceback[-1].line
    assert y.ref().deref() is y and y.experimental_ref() == y.ref() and len({y.ref(), y.ref()}) == 1
    assert y.value_index == 0 and tf.get_default_graph().num_operations() == 3
    assert tf.dimension_value(tf.Dimension(3)) == 3 and tf.dimension_value(4) == 4 and tf.dimension_value(None) is None
    assert tf.dimension_at_index(tf.TensorShape([2, None]), 0) == 2
    assert tf.dimension_at_index(tf.TensorShape(None), 1).value is None


def test_registered_gradients_replace_those_of_operations():
    @tf.RegisterGradient("GuidedForTest")
    def guided(op, upstream):
        return tf.where(upstream > 0.0, upstream, tf.zeros_like(upstream)) * tf.cast(op.inputs[0] > 0.0, tf.float32)

    v = tf.placeholder(tf.float32, [4])
    weights = tf.constant([1.0, -1.0, 1.0, -1.0])
    plain = tf.gradients(tf.nn.relu(v) * weights, v)[0]
    with tf.get_default_graph().gradient_override_map({"Relu": "GuidedForTest"}):
        y = tf.nn.relu(v)
        z = tf.sin(y)
    guarded = tf.gradients(y * weights, v)[0]
    assert y.op.type == "Relu" and y.name == "Relu_1:0" and z.op.type == "Sin"
    with tf.Session() as sess:
        a, b, c = sess.run([plain, guarded, y], {v: [1.0, 2.0, -3.0, -4.0]})
    assert a.tolist() == [1.0, -1.0, 0.0, 0.0] and b.tolist() == [1.0, 0.0, 0.0, 0.0] and c.tolist() == [1, 2, 0, 0]
    with pytest.raises(ValueError, match="there is a gradient called 'GuidedForTest' already"):
        tf.RegisterGradient("GuidedForTest")(guided)
    tf.NotDifferentiable("NothingForTest")
    with tf.get_default_graph().gradient_override_map({"Identity": "NothingForTest"}):
        stopped = tf.gradients(tf.identity(v) * 2.0 + v, v)[0]
    assert tf.Session().run(stopped, {v: [1.0] * 4}).tolist() == [1.0] * 4


def test_the_gradient_of_a_python_function():
    @tf.RegisterGradient("SquareInNumPyForTest")
    def gradient(op, upstream):
        return 2.0 * op.inputs[0] * upstream

    v = tf.placeholder(tf.float32, [3])
    with tf.get_default_graph().gradient_override_map({"PyFunc": "SquareInNumPyForTest"}):
        y = tf.py_func(np.square, [v], tf.float32)
    y.set_shape([3])
    slope = tf.gradients(y, v)[0]
    assert tf.Session().run(slope, {v: [1.0, 2.0, 3.0]}).tolist() == [2.0, 4.0, 6.0]


def test_devices_by_their_parts():
    spec = tf.DeviceSpec(job="ps", task=0, device_type="gpu", device_index=1)
    assert spec.to_string() == "/job:ps/task:0/device:GPU:1" and tf.DeviceSpec.from_string(spec.to_string()) == spec
    other = tf.DeviceSpec(device_type="CPU", device_index=0)
    spec.merge_from(other)
    with tf.device(spec):
        assert tf.no_op().device == "/job:ps/task:0/device:CPU:0"
    with tf.device(lambda op: other):
        assert tf.no_op().device == "/device:CPU:0"
    with pytest.raises(ValueError, match="'/toaster' is not a device"):
        tf.DeviceSpec.from_string("/toaster")


class Meters:
    def __init__(self, value):
        self.value = value


def test_objects_of_own_classes_as_tensors():
    with pytest.raises(TypeError, match="is not a number or a tensor"):
        tf.constant(1.0) + Meters(2.0)

    def plain(value, dtype=None, name=None, as_ref=False):
        return tf.constant(value.value, dtype, name=name or "meters")

    tf.register_tensor_conversion_function(Meters, plain)
    total = tf.add(tf.constant(1.0), Meters([2.0, 3.0]))
    assert tf.Session().run(total).tolist() == [3.0, 4.0]
    assert tf.convert_to_tensor(Meters(2)).dtype is tf.int32
    with pytest.raises(ValueError, match="register_tensor_conversion_function: needs a class, got 3"):
        tf.register_tensor_conversion_function(3, print)
