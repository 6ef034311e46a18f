"""``tf.test.TestCase`` of TensorFlow 1: every test has a fresh graph and a session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

from graphc.api import test_case
from graphc.api.operators import Composed, Operators
from graphc.api.test_case import SEED, get_temp_dir, has_tensor, main
from graphc.errors import UsageError, explain
from graphc.v1.default import SESSIONS
from graphc.v1.graph import get_default_graph, reset_default_graph
from graphc.v1.mode import executing_eagerly
from graphc.v1.session import Session
from graphc.v1.tensor import Operation

__all__ = ["TestCase", "assert_equal_graph_def", "get_temp_dir", "main", "mock"]


def assert_equal_graph_def(actual, expected, checkpoint_v2=False, hash_table_shared_name=False) -> None:
    """Two GraphDefs have the same nodes, in any order.

    Args:
        checkpoint_v2, hash_table_shared_name: without effect: names are never made up here.

    Raises:
        AssertionError: they differ; with the names that do. DtypeError: one is no GraphDef.
    """
    test_case.assert_equal_graph_def(expected, actual)


class TestCase(test_case.TestCase):
    """A test case with TensorFlow's assertions; every test starts with an empty default graph and fixed seeds.

    Example::

        class Doubling(tf.test.TestCase):
            def test_values(self):
                with self.session():
                    self.assertAllClose([2.0, 4.0], (tf.constant([1.0, 2.0]) * 2.0).eval())
    """

    __test__ = True

    def __init__(self, methodName="runTest"):
        super().__init__(methodName)
        self._cached, self._cached_for = None, None

    def setUp(self) -> None:
        super().setUp()
        self._forget_session()
        if not executing_eagerly():
            reset_default_graph()
            get_default_graph().seed = SEED

    def tearDown(self) -> None:
        self._forget_session()
        super().tearDown()

    def _forget_session(self) -> None:
        if self._cached is not None:
            self._cached.close()
        self._cached = self._cached_for = None

    # ------------------------------------------------------------------------------------- sessions, values

    @contextlib.contextmanager
    def session(self, graph=None, config=None, use_gpu=True, force_gpu=False) -> Iterator[Session | None]:
        """A new session that is the default one inside; None with eager evaluation."""
        if executing_eagerly():
            yield None
            return
        with Session(graph=graph, config=config) as made:
            yield made

    @contextlib.contextmanager
    def cached_session(self, graph=None, config=None, use_gpu=True, force_gpu=False) -> Iterator[Session | None]:
        """The session of this test, the default one inside; None with eager evaluation.

        Raises:
            UsageError: it was made for another graph or configuration.
        """
        if executing_eagerly():
            yield None
            return
        made = self._session_for(graph, config)
        with made.graph.as_default(), made.as_default():
            yield made

    def _session_for(self, graph, config) -> Session:
        wanted = graph, config
        if self._cached is None:
            self._cached, self._cached_for = Session(graph=graph, config=config), wanted
        elif any(new is not old for new, old in zip(wanted, self._cached_for)):
            what = "cached_session: the session of this test was made with another graph or config; use session()"
            raise UsageError(explain(what))
        return self._cached

    def test_session(self, graph=None, config=None, use_gpu=True, force_gpu=False):
        """``cached_session``, or a new one for a graph that is given."""
        if self.id().endswith(".test_session"):
            self.skipTest("test_session is no test: it makes sessions inside of tests")
        return (self.cached_session if graph is None else self.session)(graph, config)

    def evaluate(self, tensors):
        """The values of tensors in any structure, in the default session or that of the test.

        Raises:
            StateError: a tensor of a graph, with eager evaluation.
        """
        if executing_eagerly():
            return super().evaluate(tensors)
        session = SESSIONS.top or self._session_for(None, None)
        if has_tensor(tensors, (Operators, Composed, Operation)):
            return session.run(tensors)
        return tensors
