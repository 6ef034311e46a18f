"""Large results start on a cache line, in memory that their array owns, resizes and frees."""

import gc
import weakref

import numpy as np
import pytest

import graphc as tf
from graphc.runtime.support import load_support

LARGE = 1 << 18  # float32 elements from which results come from the handler

pytestmark = pytest.mark.skipif(not load_support().native_calls, reason="the slow call path takes NumPy's memory")


def handler_of(*array) -> str:
    return np._core.multiarray.get_handler_name(*array)


@pytest.fixture(scope="module")
def more():
    return tf.function(lambda x: x + 1.0)


@pytest.mark.parametrize("size", [LARGE, LARGE + 3, 3 * LARGE + 1])
def test_large_results_are_aligned_and_owned(more, size):
    before = handler_of()
    held = [more(tf.constant(np.arange(size, dtype=np.float32))).array for _ in range(3)]
    for array in held:
        assert array.__array_interface__["data"][0] % 64 == 0
        assert array.flags.owndata and array.base is None and handler_of(array) == "graphc"
        np.testing.assert_array_equal(array, np.arange(size, dtype=np.float32) + 1)
    assert handler_of() == before


def test_small_results_are_as_numpy_makes_them(more):
    assert handler_of(more(tf.constant(np.zeros(LARGE - 1, np.float32))).array) == handler_of()


def test_aligned_results_are_recycled_and_freed(more):
    x = tf.constant(np.zeros(LARGE, np.float32))
    places = set()
    for _ in range(8):
        places.add(more(x).array.__array_interface__["data"][0])
    assert len(places) <= 2
    alone = tf.function(lambda x: x * 2.0)
    array = alone(x).array
    watch = weakref.ref(array)
    del array, alone
    gc.collect()
    assert watch() is None


def test_an_aligned_result_can_be_resized(more):
    array = more(tf.constant(np.arange(LARGE, dtype=np.float32))).array.copy()
    own = more(tf.constant(np.arange(LARGE, dtype=np.float32))).array
    own.flags.writeable = True
    own.resize(2 * LARGE, refcheck=False)
    np.testing.assert_array_equal(own[:LARGE], array)
    assert not own[LARGE:].any()
