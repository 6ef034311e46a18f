"""``tf.test.TestCase``: a unittest case with fixed seeds and comparisons of tensors."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import unittest
from collections.abc import Callable, Iterator, Mapping
from unittest import mock

import numpy as np

from graphc.api.operators import Composed, Operators
from graphc.api.stream import SEEDS
from graphc.api.structure import map_structure
from graphc.errors import DtypeError, GraphcError, StateError, explain
from graphc.ir.dtype import bf16

SEED = 87654321
_places: dict[str, str] = {}  # the folder for all tests of the process


def get_temp_dir() -> str:
    """A folder for files of tests, the same for the whole process; it is deleted at its end."""
    if "all" not in _places:
        holder = tempfile.TemporaryDirectory(prefix="graphc-test-")
        _places["all"], _places_held["all"] = holder.name, holder
    return _places["all"]


_places_held: dict[str, tempfile.TemporaryDirectory] = {}


def main(argv=None) -> None:
    """Run the tests of the program, as ``unittest.main`` does."""
    unittest.main(module="__main__", argv=sys.argv if argv is None else argv)


def disable_with_predicate(pred, skip_message):
    """A decorator of tests that are skipped, with a message, where ``pred()`` holds."""

    def decorated(test: Callable) -> Callable:
        @functools.wraps(test)
        def guarded(self, *args, **kwargs):
            if pred():
                self.skipTest(skip_message)
            return test(self, *args, **kwargs)

        return guarded

    return decorated


def sync_devices() -> None:
    """Nothing: there is no other device to wait for."""


def assert_equal_graph_def(expected, actual) -> None:
    """Two GraphDefs have the same nodes, in any order.

    Raises:
        AssertionError: they differ; with the names that do. DtypeError: one is no GraphDef.
    """
    for graph in (expected, actual):
        if getattr(getattr(graph, "DESCRIPTOR", None), "name", "") != "GraphDef":
            raise DtypeError(explain(f"assert_equal_graph_def: needs GraphDefs, got {graph!r}"))
    nodes = [{n.name: n.SerializeToString(deterministic=True) for n in g.node} for g in (expected, actual)]
    different = sorted(k for k in {*nodes[0], *nodes[1]} if nodes[0].get(k) != nodes[1].get(k))
    assert not different, f"the graphs differ at {', '.join(different)}"


class _CheckedThread(threading.Thread):
    """A thread whose errors fail the test that joins it."""

    def __init__(self, case, target: Callable, args, kwargs):
        super().__init__(daemon=True)
        self._case, self._call, self._error = case, lambda: target(*(args or ()), **(kwargs or {})), None

    def run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # told by join
            self._error = error

    def join(self, timeout=None) -> None:
        """Wait for it.

        Raises:
            AssertionError: it ended with an error.
        """
        super().join(timeout)
        if self._error is not None:
            self._case.fail(f"Error in checkedThread: {self._error!r}")


def has_tensor(value, kinds: tuple = (Operators, Composed)) -> bool:
    """Whether there is a tensor, or another object of these kinds, in a structure."""
    if isinstance(value, Mapping):
        return any(has_tensor(v, kinds) for v in value.values())
    if isinstance(value, (list, tuple)):
        return any(has_tensor(v, kinds) for v in value)
    return isinstance(value, kinds)


class TestCase(unittest.TestCase):
    """A test case with TensorFlow's assertions; every test starts with fixed seeds.

    Example::

        class Doubling(tf.test.TestCase):
            def test_values(self):
                self.assertAllClose([2.0, 4.0], tf.constant([1.0, 2.0]) * 2.0)
    """

    __test__ = True

    def __init__(self, methodName="runTest"):
        super().__init__(methodName)
        self._folder = None

    def setUp(self) -> None:
        super().setUp()
        random.seed(SEED)
        np.random.seed(SEED)
        SEEDS.set(SEED)

    # ------------------------------------------------------------------------------------------------ values

    def get_temp_dir(self) -> str:
        """A folder of this test, empty at its beginning."""
        if self._folder is None:
            self._folder = os.path.join(get_temp_dir(), re.sub(r"\W", "_", self.id()))
            shutil.rmtree(self._folder, ignore_errors=True)
            os.makedirs(self._folder)
        return self._folder

    @contextlib.contextmanager
    def session(self, graph=None, config=None, use_gpu=True, force_gpu=False) -> Iterator[None]:
        """Nothing: operations are evaluated at once."""
        yield None

    @contextlib.contextmanager
    def cached_session(self, graph=None, config=None, use_gpu=True, force_gpu=False) -> Iterator[None]:
        """Nothing: operations are evaluated at once."""
        yield None

    def evaluate(self, tensors):
        """The values of tensors in any structure.

        Raises:
            StateError: a tensor of a graph.
        """
        return map_structure(self._known, tensors)

    @staticmethod
    def _known(value):
        if isinstance(value, Operators) and not value.graph.is_eager:
            raise StateError(explain(f"evaluate: {value.name} belongs to a graph and needs a session"))
        return value.numpy() if hasattr(value, "numpy") else value

    def _array(self, value) -> np.ndarray:
        if isinstance(value, Operators) and value.graph.is_eager:
            value = value.numpy()
        elif has_tensor(value):
            value = self.evaluate(value)
        array = np.asarray(value)
        return array.astype(np.float32) if array.dtype == bf16.numpy else array

    def _arrays(self, a, b) -> tuple[np.ndarray, np.ndarray]:
        """Both values; tensors of a graph are evaluated in one run, so that random numbers are the same."""
        symbolic = [isinstance(v, Operators) and not v.graph.is_eager for v in (a, b)]
        a, b = self.evaluate((a, b)) if all(symbolic) else (a, b)
        return self._array(a), self._array(b)

    # ------------------------------------------------------------------------------------------ comparisons

    def assertAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None) -> None:
        """``|a - b| <= atol + rtol * |b|`` everywhere, in equal structures."""
        self._close(a, b, rtol, atol, msg, "")

    def _close(self, a, b, rtol, atol, msg, path: str) -> None:
        if isinstance(a, Mapping) != isinstance(b, Mapping):
            raise ValueError(f"Can't compare dict to non-dict, a{path} vs b{path}.")
        if isinstance(a, Mapping):
            self.assertCountEqual(list(a), list(b), f"mismatched keys of a{path} and b{path}. {msg or ''}")
            for key in a:
                self._close(a[key], b[key], rtol, atol, msg, f"{path}[{key!r}]")
            return
        if all(isinstance(v, (list, tuple)) for v in (a, b)):
            try:
                arrays = self._arrays(a, b)
                plain = all(x.dtype.kind != "O" for x in arrays)
            except (ValueError, GraphcError):
                plain = False  # parts of different shapes
            if not plain:
                self.assertEqual(len(a), len(b), f"a{path} and b{path} differ in length. {msg or ''}")
                for k, (x, y) in enumerate(zip(a, b)):
                    self._close(x, y, rtol, atol, msg, f"{path}[{k}]")
                return
        else:
            arrays = self._arrays(a, b)
        self._expect_close(*arrays, rtol, atol, " ".join(filter(None, (msg, path and f"at a{path} and b{path}"))))

    def _expect_close(self, a, b, rtol, atol, note) -> None:
        self.assertEqual(a.shape, b.shape, f"Shape mismatch: expected {a.shape}, got {b.shape}. {note}")
        if not np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
            far = ~np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
            apart = abs(a[far] - b[far])
            told = f"{note}\nnot close where = {_places_of(far)}\nlhs = {a[far]}\nrhs = {b[far]}\ndif = {apart}"
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=told, equal_nan=True)

    def assertNotAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None) -> None:
        """Somewhere the values are not close."""
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        self.fail(f"The two values are close at all elements. {msg or ''}")

    def assertAllCloseAccordingToType(self, a, b, rtol=1e-6, atol=1e-6, float_rtol=1e-6, float_atol=1e-6,
                                      half_rtol=1e-3, half_atol=1e-3, bfloat16_rtol=1e-2, bfloat16_atol=1e-2,
                                      msg=None) -> None:  # fmt: skip
        """``assertAllClose`` with the tolerance of the least precise type of the two."""
        kinds = {getattr(v.dtype, "name", "") for v in (a, b) if hasattr(v, "dtype")}
        for name, r, t in (("float32", float_rtol, float_atol), ("float16", half_rtol, half_atol),
                           ("bfloat16", bfloat16_rtol, bfloat16_atol)):  # fmt: skip
            if name in kinds:
                rtol, atol = max(rtol, r), max(atol, t)
        self.assertAllClose(a, b, rtol, atol, msg)

    def assertAllEqual(self, a, b, msg=None) -> None:
        """The same shapes and elements; NaN equals NaN."""
        a, b = self._arrays(a, b)
        self.assertEqual(a.shape, b.shape, f"Shape mismatch: expected {a.shape}, got {b.shape}. {msg or ''}")
        same = _elements(a) == _elements(b)
        if a.dtype.kind in "fc" and b.dtype.kind in "fc":
            same |= np.isnan(a) & np.isnan(b)
        if not np.all(same):
            far = ~np.asarray(same)
            self.fail(f"{msg or ''}\nnot equal where = {_places_of(far)}\nnot equal lhs = {a[far]!r}\n"
                      f"not equal rhs = {b[far]!r}")  # fmt: skip

    def assertNotAllEqual(self, a, b, msg=None) -> None:
        """Somewhere they differ."""
        try:
            self.assertAllEqual(a, b)
        except AssertionError:
            return
        self.fail(f"The two values are equal at all elements. {msg or ''}")

    def _all(self, a, holds: Callable, words: str) -> None:
        array = self._array(a)
        good = holds(array)
        if not np.all(good):
            self.fail(f"not all elements are {words}: {array[~good]} at {_places_of(~np.asarray(good))}")

    def assertAllGreater(self, a, comparison_target) -> None:
        """Every element is greater than a number."""
        self._all(a, lambda x: x > comparison_target, f"> {comparison_target}")

    def assertAllLess(self, a, comparison_target) -> None:
        """Every element is less than a number."""
        self._all(a, lambda x: x < comparison_target, f"< {comparison_target}")

    def assertAllGreaterEqual(self, a, comparison_target) -> None:
        """Every element is at least a number."""
        self._all(a, lambda x: x >= comparison_target, f">= {comparison_target}")

    def assertAllLessEqual(self, a, comparison_target) -> None:
        """Every element is at most a number."""
        self._all(a, lambda x: x <= comparison_target, f"<= {comparison_target}")

    def assertAllInRange(self, target, lower_bound, upper_bound, open_lower_bound=False,
                         open_upper_bound=False) -> None:  # fmt: skip
        """Every element is between two numbers; an open bound is not allowed itself."""
        above = np.greater if open_lower_bound else np.greater_equal
        below = np.less if open_upper_bound else np.less_equal
        left, right = "(["[not open_lower_bound], ")]"[not open_upper_bound]
        words = f"in {left}{lower_bound}, {upper_bound}{right}"
        self._all(target, lambda x: above(x, lower_bound) & below(x, upper_bound), words)

    def assertAllInSet(self, target, expected_set) -> None:
        """Every element is one of a set."""
        allowed = list(expected_set)
        self._all(target, lambda x: np.isin(x, allowed), f"in {allowed}")

    def assertShapeEqual(self, input_a, input_b, msg=None) -> None:
        """An array or tensor and another have the same static shape."""
        shapes = [tuple(v.shape.as_list() if hasattr(v.shape, "as_list") else v.shape) for v in (input_a, input_b)]
        self.assertEqual(*shapes, msg)

    def assertDTypeEqual(self, target, expected_dtype) -> None:
        """A tensor, or values, are of a dtype."""
        found = self._array(target).dtype if not isinstance(target, Operators) else target.dtype.numpy
        wanted = getattr(expected_dtype, "numpy", expected_dtype)
        self.assertEqual(np.dtype(found), np.dtype(wanted))

    def assertNear(self, f1, f2, err, msg=None) -> None:
        """Two numbers differ by at most ``err``."""
        self.assertTrue(f1 == f2 or abs(f1 - f2) <= err, f"{f1} != {f2} +/- {err}{f' ({msg})' if msg else ''}")

    def assertArrayNear(self, farray1, farray2, err, msg=None) -> None:
        """Lists of numbers differ by at most ``err``, element by element."""
        self.assertEqual(len(farray1), len(farray2), msg)
        for one, other in zip(farray1, farray2):
            self.assertNear(float(one), float(other), err, msg)

    def assertNDArrayNear(self, ndarray1, ndarray2, err, msg=None) -> None:
        """The length of the difference of two arrays is below ``err``."""
        far = np.linalg.norm((np.asarray(ndarray1) - np.asarray(ndarray2)).astype(np.float64).reshape(-1))
        self.assertTrue(far < err, msg or f"the arrays are {far} apart, not less than {err}")

    def assertProtoEquals(self, expected_message_maybe_ascii, validate_message, msg=None,
                          relative_tolerance=None) -> None:  # fmt: skip
        """A message equals another, which may be given in text form."""
        expected = expected_message_maybe_ascii
        found = str(validate_message)
        if isinstance(expected, str):
            self.assertEqual(" ".join(expected.split()), " ".join(found.split()), msg)
        else:
            self.assertEqual(expected, validate_message, msg)

    def assertDeviceEqual(self, device1, device2, msg=None) -> None:
        """Two names mean the same device."""
        one, other = (str(d or "").lower().replace("/device:", "/") for d in (device1, device2))
        self.assertEqual(one, other, msg)

    # ------------------------------------------------------------------------------- as in absl's test case

    def assertLen(self, container, expected_len, msg=None) -> None:
        """A container has so many elements."""
        self.assertEqual(len(container), expected_len, msg or f"{container!r} has {len(container)} elements")

    def assertEmpty(self, container, msg=None) -> None:
        """A container has no elements."""
        self.assertLen(container, 0, msg)

    def assertNotEmpty(self, container, msg=None) -> None:
        """A container has elements."""
        self.assertTrue(len(container) > 0, msg or f"{container!r} is empty")

    def assertStartsWith(self, actual, expected_start, msg=None) -> None:
        """A text starts with another."""
        self.assertTrue(actual.startswith(expected_start), msg or f"{actual!r} does not start with {expected_start!r}")

    def assertEndsWith(self, actual, expected_end, msg=None) -> None:
        """A text ends with another."""
        self.assertTrue(actual.endswith(expected_end), msg or f"{actual!r} does not end with {expected_end!r}")

    def assertItemsEqual(self, first, second, msg=None) -> None:
        """The same elements in any order."""
        self.assertCountEqual(first, second, msg)

    assertSameElements = assertItemsEqual

    def assertContainsSubset(self, expected_subset, actual_set, msg=None) -> None:
        """Every element of one set is in another."""
        missing = set(expected_subset) - set(actual_set)
        self.assertFalse(missing, msg or f"missing elements: {sorted(missing, key=repr)}")

    def assertNoCommonElements(self, expected_seq, actual_seq, msg=None) -> None:
        """No element is in both."""
        common = set(expected_seq) & set(actual_seq)
        self.assertFalse(common, msg or f"common elements: {sorted(common, key=repr)}")

    def assertSequenceAlmostEqual(self, expected_seq, actual_seq, places=None, msg=None, delta=None) -> None:
        """Lists of numbers that differ little, see ``assertAlmostEqual``."""
        self.assertLen(actual_seq, len(expected_seq), msg)
        for one, other in zip(expected_seq, actual_seq):
            self.assertAlmostEqual(one, other, places, msg, delta)

    def assertBetween(self, value, minv, maxv, msg=None) -> None:
        """A number is in a range, ends included."""
        self.assertTrue(minv <= value <= maxv, msg or f"{value!r} is not between {minv!r} and {maxv!r}")

    # ----------------------------------------------------------------------------------------------- errors

    @contextlib.contextmanager
    def assertRaisesWithPredicateMatch(self, exception_type, expected_err_re_or_predicate):
        """A block raises an error of a type whose text matches an expression, or for which a function holds."""
        wanted = expected_err_re_or_predicate
        try:
            yield
        except exception_type as error:
            held = wanted(error) if callable(wanted) else re.search(wanted, str(error))
            if not held:
                told = f"Exception of type {type(error).__name__}: {error} does not match {wanted}"
                raise AssertionError(told) from error
            return
        self.fail(f"{getattr(exception_type, '__name__', exception_type)} not raised")

    def assertRaisesWithLiteralMatch(self, expected_exception, expected_exception_message, callable_obj=None, *args,
                                     **kwargs):  # fmt: skip
        """A block, or a function, raises an error with exactly this text."""
        block = self.assertRaisesWithPredicateMatch(expected_exception, lambda e: str(e) == expected_exception_message)
        if callable_obj is None:
            return block
        with block:
            callable_obj(*args, **kwargs)
        return None

    def assertRaisesOpError(self, expected_err_re_or_predicate):
        """A block raises an error of an operation whose text matches."""
        return self.assertRaisesWithPredicateMatch(GraphcError, expected_err_re_or_predicate)

    def assertRaisesIncompatibleShapesError(self, exception_type=GraphcError):
        """A block raises an error about shapes that do not fit."""
        return self.assertRaisesWithPredicateMatch(exception_type, r"(?i)(shape|sizes|dimension|broadcast)")

    def checkedThread(self, target, args=None, kwargs=None) -> threading.Thread:
        """A thread whose errors fail the test when it is joined."""
        return _CheckedThread(self, target, args, kwargs)


def _places_of(far: np.ndarray) -> tuple:
    """Where it is true: indices along each axis."""
    return np.nonzero(far) if far.ndim else ()


def _elements(array: np.ndarray) -> np.ndarray:
    """Strings as bytes, so that both kinds compare."""
    if array.dtype.kind == "U" or array.dtype == object:
        flat = [v.encode() if isinstance(v, str) else v for v in array.reshape(-1).tolist()]
        out = np.empty(len(flat), object)
        out[:] = flat
        return out.reshape(array.shape)
    return array.astype(object) if array.dtype.kind == "S" else array
