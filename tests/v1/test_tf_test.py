"""``tf.test``: its TestCase under unittest, with graphs and with eager evaluation."""

import os
import unittest

import numpy as np
import pytest
from evaluation import eagerly

import graphc.v1 as tf
from graphc import errors


def outcome(case_class, name="test") -> unittest.TestResult:
    result = unittest.TestResult()
    case_class(name).run(result)
    return result


def passes(body) -> None:
    """The body of a test, run by unittest, passes."""
    result = outcome(type("Case", (tf.test.TestCase,), {"test": body}))
    assert result.wasSuccessful(), (result.errors + result.failures)[0][1]


def fails(body, words: str) -> None:
    result = outcome(type("Case", (tf.test.TestCase,), {"test": body}))
    assert not result.errors, result.errors[0][1]
    assert words in result.failures[0][1]


def test_sessions_and_values():
    def body(self):
        with self.session() as sess:
            assert tf.get_default_session() is sess
            x = tf.constant([1.0, 2.0]) * 2.0
            self.assertAllClose([2.0, 4.0], x)
            self.assertAllClose(x, x.eval())
            self.assertAllEqual([2, 4], self.evaluate(x))
        with self.session(graph=tf.Graph()) as sess:
            assert sess.graph is tf.get_default_graph() is not x.graph

    passes(body)


def test_every_test_starts_anew():
    names = []

    class Case(tf.test.TestCase):
        def test_a(self):
            names.append((tf.constant(1.0).name, tf.get_default_graph().seed, np.random.rand()))

        test_b = test_a

    assert outcome(Case, "test_a").wasSuccessful() and outcome(Case, "test_b").wasSuccessful()
    assert names[0] == names[1] and names[0][:2] == ("Const:0", 87654321)


def test_a_session_that_is_kept():
    def body(self):
        v = tf.Variable(1.0)
        with self.cached_session() as one:
            one.run(tf.global_variables_initializer())
        with self.cached_session() as other, self.test_session() as third:
            assert one is other is third
        self.assertEqual(self.evaluate({"v": v, "both": [v, v + 1.0]}), {"v": 1.0, "both": [1.0, 2.0]})
        self.assertEqual(self.evaluate(3), 3)
        with self.assertRaisesRegex(ValueError, "made with another graph or config"):
            with self.cached_session(graph=tf.Graph()):
                pass

    passes(body)


def test_the_name_of_the_session_method_is_no_test():
    result = outcome(type("Case", (tf.test.TestCase,), {}), "test_session")
    assert result.skipped and not result.errors


@pytest.mark.parametrize("one, other", [
    (1.0, 1.0 + 1e-7), ([1.0, 2.0], np.array([1.0, 2.0])), (np.nan, np.nan), ([], []),
    ({"a": [1.0], "b": (2.0, 3.0)}, {"a": [1.0], "b": (2.0, 3.0)}), ([[1.0], [1.0, 2.0]], [[1.0], [1.0, 2.0]]),
])  # fmt: skip
def test_close(one, other):
    passes(lambda self: self.assertAllClose(one, other))


@pytest.mark.parametrize("one, other, words", [
    (1.0, 1.1, "not close where"), ([1.0], [1.0, 2.0], "Shape mismatch: expected (1,), got (2,)"),
    ({"a": 1.0}, {"b": 1.0}, "mismatched keys"), ({"a": {"b": [1.0]}}, {"a": {"b": [2.0]}}, "at a['a']['b']"),
    ([[1.0], [1.0, 2.0]], [[1.0], [1.0, 3.0]], "at a[1]"), (np.nan, 1.0, "not close where"),
])  # fmt: skip
def test_not_close(one, other, words):
    fails(lambda self: self.assertAllClose(one, other), words)
    passes(lambda self: self.assertNotAllClose(one, other))


def test_tolerances_of_types():
    half = np.array([1.0], np.float16)
    passes(lambda self: self.assertAllCloseAccordingToType(half, half + np.float16(1e-3)))
    fails(lambda self: self.assertAllCloseAccordingToType(np.array([1.0]), np.array([1.001])), "not close")
    passes(lambda self: self.assertAllCloseAccordingToType(tf.constant([1.0], tf.bfloat16), [1.005]))
    passes(lambda self: self.assertAllClose(1.0, 1.05, rtol=0.1))
    fails(lambda self: self.assertNotAllClose([1.0], [1.0]), "close at all elements")


def test_equal():
    passes(lambda self: self.assertAllEqual([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])))
    passes(lambda self: self.assertAllEqual([np.nan, 1.0], np.array([np.nan, 1.0])))
    passes(lambda self: self.assertAllEqual(["a", b"b"], tf.constant(["a", "b"])))
    fails(lambda self: self.assertAllEqual([1, 2], [1, 3]), "not equal where = (array([1]),)")
    fails(lambda self: self.assertAllEqual([1, 2], [1, 2, 3]), "Shape mismatch")
    passes(lambda self: self.assertNotAllEqual([1], [2]))
    fails(lambda self: self.assertNotAllEqual([1], [1]), "equal at all elements")


@pytest.mark.parametrize("good, bad, words", [
    (lambda t: t.assertAllGreater([2, 3], 1), lambda t: t.assertAllGreater([1, 3], 1), "> 1"),
    (lambda t: t.assertAllLess([2, 3], 4), lambda t: t.assertAllLess([2, 4], 4), "< 4"),
    (lambda t: t.assertAllGreaterEqual([1], 1), lambda t: t.assertAllGreaterEqual([0], 1), ">= 1"),
    (lambda t: t.assertAllLessEqual([1], 1), lambda t: t.assertAllLessEqual([2], 1), "<= 1"),
    (lambda t: t.assertAllInRange([0, 1], 0, 1), lambda t: t.assertAllInRange([0, 1], 0, 1, True), "in (0, 1]"),
    (lambda t: t.assertAllInSet([1, 2], {1, 2}), lambda t: t.assertAllInSet([3], {1, 2}), "in [1, 2]"),
    (lambda t: t.assertShapeEqual(np.zeros((2, 3)), tf.zeros([2, 3])),
     lambda t: t.assertShapeEqual(np.zeros((2, 3)), tf.zeros([3])), "(2, 3) != (3,)"),
    (lambda t: t.assertDTypeEqual(tf.zeros([1]), np.float32), lambda t: t.assertDTypeEqual([1.0], tf.int32), "int32"),
    (lambda t: t.assertNear(1.0, 1.1, 0.2), lambda t: t.assertNear(1.0, 2.0, 0.2, "far"), "(far)"),
    (lambda t: t.assertArrayNear([1.0], [1.1], 0.2), lambda t: t.assertArrayNear([1.0], [2.0], 0.2), "+/- 0.2"),
    (lambda t: t.assertNDArrayNear([1.0], [1.1], 0.2), lambda t: t.assertNDArrayNear([1.0], [2.0], 0.2), "apart"),
    (lambda t: t.assertLen([1], 1), lambda t: t.assertLen([1], 2), "has 1 elements"),
    (lambda t: t.assertEmpty([]), lambda t: t.assertEmpty([1]), "has 1"),
    (lambda t: t.assertNotEmpty([1]), lambda t: t.assertNotEmpty([]), "is empty"),
    (lambda t: t.assertStartsWith("ab", "a"), lambda t: t.assertStartsWith("ab", "b"), "does not start"),
    (lambda t: t.assertEndsWith("ab", "b"), lambda t: t.assertEndsWith("ab", "a"), "does not end"),
    (lambda t: t.assertItemsEqual([1, 2], [2, 1]), lambda t: t.assertItemsEqual([1], [2]), "Element counts"),
    (lambda t: t.assertContainsSubset([1], [1, 2]), lambda t: t.assertContainsSubset([3], [1]), "elements: [3]"),
    (lambda t: t.assertNoCommonElements([1], [2]), lambda t: t.assertNoCommonElements([1], [1]), "elements: [1]"),
    (lambda t: t.assertSequenceAlmostEqual([1.0], [1.0 + 1e-9]),
     lambda t: t.assertSequenceAlmostEqual([1.0], [1.1]), "within 7 places"),
    (lambda t: t.assertBetween(1, 0, 2), lambda t: t.assertBetween(3, 0, 2), "not between"),
    (lambda t: t.assertDeviceEqual("/cpu:0", "/device:CPU:0"), lambda t: t.assertDeviceEqual("/cpu:0", "/cpu:1"), "1"),
    (lambda t: t.assertProtoEquals("step: 3", tf.Event(step=3)),
     lambda t: t.assertProtoEquals(tf.Event(step=2), tf.Event(step=3)), "step"),
])  # fmt: skip
def test_other_assertions(good, bad, words):
    passes(good)
    fails(bad, words)


def test_errors_of_operations():
    def body(self):
        with self.session():
            with self.assertRaisesOpError("NaN"):
                tf.check_numerics(np.nan, "message").eval()
            with self.assertRaisesWithPredicateMatch(ValueError, lambda e: "NaN" in str(e)):
                tf.check_numerics(np.nan, "message").eval()
            with self.assertRaisesIncompatibleShapesError():
                tf.zeros([2]) + tf.zeros([3])

    def wrong(self):
        with self.assertRaisesOpError("something else"), self.session():
            tf.check_numerics(np.nan, "message").eval()

    def none(self):
        with self.assertRaisesOpError("anything"):
            pass

    passes(body)
    fails(wrong, "does not match something else")
    fails(none, "not raised")


def test_errors_with_a_certain_text():
    def raises(text):
        raise KeyError(text)

    def body(self):
        self.assertRaisesWithLiteralMatch(KeyError, "'x'", raises, "x")
        with self.assertRaisesWithLiteralMatch(KeyError, "'x'"):
            raises("x")

    passes(body)
    fails(lambda self: self.assertRaisesWithLiteralMatch(KeyError, "'x'", raises, "y"), "does not match")


def test_graphs_that_are_equal():
    def graph(*names):
        return tf.GraphDef(node=[tf.NodeDef(name=n, op="NoOp") for n in names])

    tf.test.assert_equal_graph_def(graph("a", "b"), graph("b", "a"))
    with pytest.raises(AssertionError, match="differ at b, c"):
        tf.test.assert_equal_graph_def(graph("a", "b"), graph("c", "a"))
    with pytest.raises(errors.DtypeError, match="needs GraphDefs, got 3"):
        tf.test.assert_equal_graph_def(graph(), 3)


def test_threads_whose_errors_count():
    def wrong(self):
        thread = self.checkedThread(lambda x: 1 / x, args=(0,))
        thread.start()
        thread.join()

    def good(self):
        seen = []
        thread = self.checkedThread(target=seen.append, args=(1,))
        thread.start()
        thread.join()
        self.assertEqual(seen, [1])

    passes(good)
    fails(wrong, "ZeroDivisionError")


def test_folders():
    folders = []

    def body(self):
        folders.append(self.get_temp_dir())
        assert self.get_temp_dir() == folders[-1] and not os.listdir(folders[-1])
        open(os.path.join(folders[-1], "file"), "w").close()

    passes(body)
    passes(body)
    assert folders[0].startswith(tf.test.get_temp_dir())


def test_eager_evaluation():
    def body(self):
        with self.session() as sess:
            self.assertIsNone(sess)
        self.assertAllClose(tf.ones([1]) + 1.0, [2.0])
        self.assertEqual(self.evaluate([tf.ones([], tf.int32) * 2, 3]), [2, 3])
        with tf.Graph().as_default():
            pass

    with eagerly():
        passes(body)


def test_questions_about_the_machine():
    assert not tf.test.is_gpu_available() and not tf.test.is_built_with_cuda() and tf.test.gpu_device_name() == ""
    assert tf.test.mock.Mock is unittest.mock.Mock


def test_main(monkeypatch):
    called = {}
    monkeypatch.setattr(unittest, "main", lambda **options: called.update(options))
    tf.test.main(["program", "-v"])
    assert called == {"module": "__main__", "argv": ["program", "-v"]}


class UnderPytest(tf.test.TestCase):
    """pytest collects it, too: the session method of that name is skipped."""

    def test_values(self):
        with self.session():
            self.assertAllClose(tf.constant([1.0]).eval(), [1.0])

    def test_error_kinds(self):
        with self.assertRaises(errors.InvalidArgumentError), self.test_session():
            tf.check_numerics(np.inf, "").eval()
