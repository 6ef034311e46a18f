"""``config``, ``version``, ``sysconfig`` and ``test``: what programs ask and set before they begin."""

import unittest

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.errors import InvalidArgumentError, UnavailableError, UsageError

experimental = tf.config.experimental


@pytest.fixture
def cpu():
    (device,) = tf.config.list_physical_devices()
    yield device
    tf.config.set_logical_device_configuration(device, None)


def test_the_lines_that_programs_begin_with():
    for gpu in tf.config.list_physical_devices("GPU"):
        experimental.set_memory_growth(gpu, True)
    tf.config.set_visible_devices([], "GPU")
    tf.config.set_soft_device_placement(True)
    assert tf.config.get_soft_device_placement() is True
    experimental.enable_op_determinism()
    tf.config.optimizer.set_jit(True)
    assert tf.config.optimizer.get_jit() is True
    tf.config.optimizer.set_jit("")
    with tf.device("/CPU:0"):
        assert tf.constant(1.0).device.endswith("CPU:0")


def test_one_device_can_be_seen_as_several(cpu):
    assert tf.config.get_logical_device_configuration(cpu) is None
    two = [tf.config.LogicalDeviceConfiguration(), experimental.VirtualDeviceConfiguration()]
    tf.config.set_logical_device_configuration(cpu, two)
    assert tf.config.get_logical_device_configuration(cpu) == two
    assert experimental.get_virtual_device_configuration(cpu) == two
    assert repr(two[0]) == (
        "LogicalDeviceConfiguration(memory_limit=None, experimental_priority=None, experimental_device_ordinal=None)"
    )
    assert [d.name for d in tf.config.list_logical_devices()] == ["/device:CPU:0", "/device:CPU:1"]
    assert tf.config.list_logical_devices("GPU") == []
    with pytest.raises(UsageError, match="memory of the CPU cannot be limited"):
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration(memory_limit=10)])
    with pytest.raises(UsageError, match="must be LogicalDeviceConfigurations, got 1"):
        tf.config.set_logical_device_configuration(cpu, [1])
    assert len(tf.config.list_logical_devices()) == 2
    with pytest.raises(UsageError, match="'GPU:0' is no device here"):
        tf.config.get_logical_device_configuration("GPU:0")


def test_memory_and_details(cpu):
    info = experimental.get_memory_info("CPU:0")
    assert 0 < info["current"] <= info["peak"] and experimental.get_memory_usage("/device:CPU:0") > 0
    experimental.reset_memory_stats("/physical_device:CPU:0")
    assert experimental.get_device_details(cpu) == {}
    with pytest.raises(UsageError, match="there is no device 'GPU:0'"):
        experimental.get_memory_info("GPU:0")
    with pytest.raises(UsageError, match="'nonsense' names no device"):
        experimental.get_memory_info("nonsense")


def test_settings_are_remembered():
    assert experimental.get_device_policy() == "silent"
    experimental.set_device_policy("warn")
    assert experimental.get_device_policy() == "warn"
    experimental.set_device_policy(None)
    with pytest.raises(UsageError, match="must be one of explicit, warn"):
        experimental.set_device_policy("foo")
    assert experimental.get_synchronous_execution() is True and experimental.tensor_float_32_execution_enabled() is True
    experimental.enable_tensor_float_32_execution(False)
    assert experimental.tensor_float_32_execution_enabled() is False
    experimental.enable_tensor_float_32_execution(True)
    experimental.set_synchronous_execution(enable=True)


def test_clusters_are_refused():
    for refused in (lambda: tf.config.experimental_connect_to_host("x"), experimental.ClusterDeviceFilters,
                    lambda: tf.config.experimental_connect_to_cluster(None)):  # fmt: skip
        with pytest.raises(UnavailableError, match="no clusters"):
            refused()


def test_the_version_is_that_of_the_interface():
    assert tf.__version__.startswith("2.21.0+graphc.")
    assert tf.version.VERSION == tf.__version__ == v1.__version__
    assert tf.version.GRAPH_DEF_VERSION > 0 and tf.sysconfig.get_build_info()["is_cuda_build"] is False
    with pytest.raises(UnavailableError, match="no compiler flags"):
        tf.sysconfig.get_compile_flags()


class EagerCase(tf.test.TestCase):
    """pytest and unittest collect it."""

    def test_comparisons(self):
        x = tf.constant([1.0, 2.0])
        self.assertAllClose(x * 2, [2.0, 4.0])
        self.assertAllEqual({"a": x}["a"], np.array([1.0, 2.0]))
        self.assertAllClose({"a": [x, 1.0]}, {"a": [np.array([1.0, 2.0]), 1.0]})
        with self.assertRaisesRegex(AssertionError, "not close where"):
            self.assertAllClose(x, [1.0, 2.1])
        self.assertEqual(self.evaluate({"x": x, "y": 3})["x"].tolist(), [1.0, 2.0])
        self.assertDTypeEqual(x, np.float32)

    def test_sessions_are_not_needed(self):
        with self.session() as session, self.cached_session() as cached:
            self.assertIsNone(session)
            self.assertIsNone(cached)
        with self.assertRaises(InvalidArgumentError):
            tf.debugging.check_numerics(tf.constant(np.inf), "")

    def test_seeds_are_fixed(self):
        first = tf.random.normal([2]).numpy(), np.random.rand()
        self.setUp()
        self.assertAllEqual(first[0], tf.random.normal([2]))
        self.assertEqual(first[1], np.random.rand())

    @tf.test.disable_with_predicate(lambda: True, "not here")
    def test_that_is_left_out(self):
        self.fail("it runs")

    def test_types_for_annotations(self):
        function = tf.function(lambda x: x)
        self.assertIsInstance(function, tf.types.experimental.GenericFunction)
        concrete = function.get_concrete_function(tf.constant(1.0))
        self.assertIsInstance(concrete, tf.types.experimental.ConcreteFunction)
        for value in (tf.constant(1.0), np.ones(2), 3, [1.0]):
            self.assertIsInstance(value, tf.types.experimental.TensorLike)

    def test_folders(self):
        self.assertTrue(self.get_temp_dir().startswith(tf.test.get_temp_dir()))


def test_the_test_module(monkeypatch):
    called = {}
    monkeypatch.setattr(unittest, "main", lambda **options: called.update(options))
    tf.test.main(["program"])
    assert called == {"module": "__main__", "argv": ["program"]} and issubclass(v1.test.TestCase, tf.test.TestCase)
    graph = v1.Graph().as_graph_def()
    tf.test.assert_equal_graph_def(expected=graph, actual=graph)
