"""What stands around operations: scopes, devices, order, eager mode on and off, settings, descriptions, nests."""

import logging
import subprocess
import sys

import numpy as np
import pytest

import graphc as tf
import graphc.compat.v1 as tf1
from graphc.api.mode import MODE
from graphc.errors import GraphcError


@pytest.fixture(autouse=True)
def own_mode():
    yield
    MODE.choose(None)


def test_compat_is_the_same_modules():
    assert tf.compat.v1 is tf1 is tf.v1 and tf.compat.v2 is tf and tf1.compat.v1 is tf1
    from graphc.compat.v1 import matmul

    assert matmul is tf1.matmul and "compat" in dir(tf)
    assert tf.compat.as_bytes("ä") == "ä".encode() and tf.compat.as_str(b"a") == "a"
    assert tf.compat.as_str_any(3) == "3"
    with pytest.raises(TypeError, match="expected bytes or text, got 5"):
        tf.compat.as_text(5)


def test_names_are_evaluated_or_recorded_as_the_program_chooses():
    assert tf.executing_eagerly() and not tf1.executing_eagerly()
    tf1.disable_eager_execution()
    assert not tf.executing_eagerly()
    with tf1.Graph().as_default() as graph:
        x = tf.reduce_sum(tf.constant([1.0, 2.0]))
        assert x.graph is graph and tf1.Session().run(x) == 3.0
    tf1.reset_default_graph()  # a program chooses before it makes anything
    tf1.enable_eager_execution()
    assert tf1.executing_eagerly() and tf1.executing_eagerly_outside_functions()
    assert float(tf1.reduce_sum(np.float32([1, 2]), reduction_indices=0)) == 3.0
    with tf1.Graph().as_default():
        assert not tf1.executing_eagerly() and not tf.executing_eagerly()


def test_a_graph_keeps_scopes_devices_and_order():
    with tf1.Graph().as_default():
        done = []
        with tf.name_scope("outer") as scope, tf.device("/cpu:0"):
            assert scope == "outer/" and tf.get_current_name_scope() == "outer"
            a = tf.add(tf1.constant(1.0), 2.0)
        with tf.control_dependencies([a]):
            b = tf.identity(a)
        done.append(tf.group(a, [b]))
        assert a.op.name == "outer/Add" and a.device == "/device:CPU:0"
        assert b.op.control_inputs == [a.op] and done[0].type == "NoOp" and tf.no_op().type == "NoOp"
        assert tf1.Session().run(tf.tuple([a, None, b])[2]) == 3.0
        assert tf.is_symbolic_tensor(a) and tf.is_tensor(a) and tf.get_static_value(a) is None
        assert tf.get_static_value(tf1.constant(2.0)) == 2.0


def test_eager_evaluation_only_remembers_names():
    with tf.name_scope("a"), tf.name_scope("b") as scope, tf.device("/gpu:0"), tf.init_scope():
        assert scope == "a/b/" and tf.get_current_name_scope() == "a/b"
        with tf.control_dependencies([tf.constant(1.0)]):
            assert tf.group(tf.constant(1.0)) is None and tf.no_op() is None
    assert tf.get_current_name_scope() == "" and not tf.inside_function()
    assert [float(x) for x in tf.tuple([tf.constant(1.0), 2.0])] == [1.0, 2.0]
    assert tf.is_tensor(tf.constant(1)) and not tf.is_tensor(1) and tf.get_static_value(tf.constant(3)) == 3
    assert float(tf.timestamp()) > 1e9
    for call in (lambda: tf.name_scope(5).__enter__(), lambda: tf.device(5)):
        with pytest.raises(GraphcError):
            call()


def test_the_machine():
    assert [d.device_type for d in tf.config.list_physical_devices()] == ["CPU"]
    assert tf.config.list_physical_devices("GPU") == tf.config.experimental.list_physical_devices("GPU") == []
    assert [d.name for d in tf.config.list_logical_devices("CPU")] == ["/device:CPU:0"]
    assert not tf.test.is_gpu_available() and not tf.test.is_built_with_cuda() and tf.test.gpu_device_name() == ""
    tf.config.set_visible_devices(tf.config.get_visible_devices())
    with pytest.raises(ValueError, match="'gpu' is no device here"):
        tf.config.experimental.set_memory_growth("gpu", True)
    tf.config.threading.set_intra_op_parallelism_threads(num_threads=2)
    assert tf.config.threading.get_intra_op_parallelism_threads() == 2


def test_descriptions_of_tensors():
    spec = tf.TensorSpec([None, 3], tf.float32, "x")
    assert repr(spec) == "TensorSpec(shape=(None, 3), dtype=tf.float32, name='x')"
    assert spec == tf.TensorSpec((None, 3), "float32", name="x") != tf.TensorSpec(None)
    assert spec.is_compatible_with(tf.zeros([2, 3])) and not spec.is_compatible_with(tf.zeros([2, 4]))
    assert tf.TensorSpec.from_tensor(tf.zeros([2])).shape.as_list() == [2] and len({spec, spec}) == 1
    assert tf.TensorSpec.from_spec(spec, "y").name == "y"


def test_nests():
    nest = {"b": [1, (2, 3)], "a": 4}
    assert tf.nest.flatten(nest) == [4, 1, 2, 3] and tf.nest.is_nested(nest) and not tf.nest.is_nested("ab")
    assert tf.nest.map_structure(lambda x, y: x + y, nest, nest) == {"b": [2, (4, 6)], "a": 8}
    assert tf.nest.pack_sequence_as([0, (0,)], [7, 8]) == [7, (8,)]
    tf.nest.assert_same_structure([1, (2,)], [3, (4,)])
    for call, kind in (
        (lambda: tf.nest.assert_same_structure([1], [1, 2]), ValueError),
        (lambda: tf.nest.assert_same_structure([1], (1,)), TypeError),
        (lambda: tf.nest.pack_sequence_as([0], [1, 2]), ValueError),
        (lambda: tf.nest.map_structure(abs, [1], depth=2), ValueError),
    ):
        with pytest.raises(kind) as caught:
            call()
        assert isinstance(caught.value, GraphcError)


def test_logging(caplog):
    tf1.logging.set_verbosity(tf1.logging.INFO)
    assert tf1.logging.get_verbosity() == logging.INFO
    for step in range(5):
        tf1.logging.log_every_n(tf1.logging.INFO, "step %d", 2, step)
        tf1.logging.log_first_n(tf1.logging.WARN, "once", 1)
    tf1.logging.debug("not this")
    assert [r.getMessage() for r in caplog.records] == ["step 0", "once", "step 2", "step 4"]
    tf1.logging.set_verbosity(tf1.logging.WARN)


def test_a_program_in_the_old_style_runs():
    code = (
        "import graphc.compat.v1 as tf\ntf.disable_v2_behavior()\nx = tf.placeholder(tf.float32, [None])\n"
        "print(tf.Session().run(tf.reduce_sum(x), {x: [1, 2]}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "3.0"
