"""Tensors and other libraries: arrays, buffers, DLPack, copies and pickles, objects that become tensors."""

import copy
import gc
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

import graphc as tf


@pytest.fixture
def x():
    return tf.constant([[1.0, 2.0], [3.0, 4.0]])


# ------------------------------------------------------------------------------------------------------ arrays


def test_asarray_shares_memory_that_cannot_be_written_to(x):
    one, two = np.asarray(x), np.asarray(x)
    assert np.shares_memory(one, two) and not one.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0] = 9


def test_copies_are_made_where_they_are_asked_for(x):
    own = np.array(x)
    own[0, 0] = 9
    numpy = x.numpy()
    numpy[0, 0] = 8
    assert x[0, 0].numpy() == 1 and np.asarray(x, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="needs a copy, and copy=False refuses it"):
        x.__array__(np.int32, copy=False)
    assert np.shares_memory(x.__array__(copy=False), np.asarray(x))


def test_an_array_on_the_left_gives_a_tensor_but_a_ufunc_an_array(x):
    found = np.float32([[1, 1], [1, 1]]) + x
    assert isinstance(found, tf.Tensor) and isinstance(np.add(x, 1), np.ndarray)
    np.testing.assert_array_equal(found.numpy(), [[2, 3], [4, 5]])
    np.testing.assert_array_equal(np.sum([x, x]), 20)


def test_what_is_written_to_an_array_later_does_not_reach_the_tensor():
    for make in (tf.constant, tf.convert_to_tensor, tf.Variable):
        for size in (2, 100_000):
            array = np.zeros(size)
            tensor = make(array)
            array[0] = 9
            assert tensor[0].numpy() == 0


def test_an_array_taken_from_a_variable_keeps_its_value():
    v = tf.Variable([1.0, 2.0])
    array, view = np.asarray(v), np.from_dlpack(v)

    @tf.function
    def step():
        v.assign_add([1.0, 1.0])

    for _ in range(3):
        step()
    assert array.tolist() == [1, 2] and view.tolist() == [1, 2] and v.numpy().tolist() == [4, 5]


# ----------------------------------------------------------------------------------------------------- buffers


def test_a_tensor_is_a_buffer_of_its_memory(x):
    view = memoryview(x)
    assert view.readonly and view.format == "f" and view.shape == (2, 2) and view.tolist() == [[1, 2], [3, 4]]
    assert np.shares_memory(np.asarray(view), np.asarray(x))
    assert bytes(tf.constant([1, 2], tf.uint8)) == b"\x01\x02"
    assert np.frombuffer(tf.constant([1, 2]) + 1, np.int32).tolist() == [2, 3]


def test_a_buffer_outlives_its_tensor():
    view = memoryview(tf.constant([5, 6]) * 2)
    gc.collect()
    assert view.tolist() == [10, 12]


def test_buffers_that_cannot_be(x):
    memoryview(x)
    with pytest.raises((ValueError, BufferError), match="dtype|bfloat16"):
        memoryview(tf.constant([1.0], tf.bfloat16))
    with pytest.raises((TypeError, BufferError, ValueError)):
        io.BytesIO(bytes(16)).readinto(x)
    assert x.numpy().tolist() == [[1, 2], [3, 4]]


def test_the_first_buffer_of_a_process():
    code = "import graphc as tf; print(memoryview(tf.constant([1, 2])).tolist(), bytes(tf.constant([3], tf.uint8)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert found.stdout == "[1, 2] b'\\x03'\n", found.stderr


# ------------------------------------------------------------------------------------------------------ DLPack


def test_dlpack_gives_memory_away_without_a_copy(x):
    found = np.from_dlpack(x)
    assert np.shares_memory(found, np.asarray(x)) and not found.flags.writeable and x.__dlpack_device__() == (1, 0)
    again = tf.experimental.dlpack.from_dlpack(tf.experimental.dlpack.to_dlpack(x))
    assert np.shares_memory(np.asarray(again), np.asarray(x))
    np.testing.assert_array_equal((again + x).numpy(), [[2, 4], [6, 8]])


@pytest.mark.parametrize("array", [
    np.arange(6.0).reshape(2, 3), np.arange(7, dtype=np.int8)[1:], np.float32([[1, 2], [3, 4]]).T, np.bool_([True, False]),
    np.complex64([1 + 2j]), np.zeros((0, 3), np.float32), np.float16(2.5),
], ids=lambda a: f"{a.dtype}{a.shape}")  # fmt: skip
def test_dlpack_takes_memory_without_a_copy(array):
    array = np.asarray(array)
    tensor = tf.experimental.dlpack.from_dlpack(array)
    assert tensor.dtype == array.dtype and np.asarray(tensor).ctypes.data == array.ctypes.data or not array.size
    np.testing.assert_array_equal(tensor.numpy(), array)
    np.testing.assert_array_equal(tf.identity(tf.reshape(tensor, [-1])).numpy(), array.ravel())


def test_memory_taken_by_dlpack_lives_as_long_as_the_tensor():
    tensor = tf.experimental.dlpack.from_dlpack(np.arange(1000.0))
    gc.collect()
    assert tf.reduce_sum(tensor).numpy() == 499500


def test_what_dlpack_refuses(x):
    capsule = tf.experimental.dlpack.to_dlpack(x)
    tf.experimental.dlpack.from_dlpack(capsule)
    with pytest.raises(ValueError, match="the capsule was used before"):
        tf.experimental.dlpack.from_dlpack(capsule)
    with pytest.raises(ValueError, match="needs a DLPack capsule or an object with __dlpack__, got int"):
        tf.experimental.dlpack.from_dlpack(3)
    with pytest.raises(ValueError, match="needs a tensor with a value, got list"):
        tf.experimental.dlpack.to_dlpack([1])
    with pytest.raises(tf.errors.UnavailableError, match=r"not of \(2, 0\)"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(ValueError, match="no streams"):
        x.__dlpack__(stream=1)
    for value in ("a", tf.constant([1.0], tf.bfloat16)):
        with pytest.raises(TypeError, match="DLPack has no elements of"):
            tf.experimental.dlpack.to_dlpack(tf.constant(value))

    class Elsewhere:
        def __dlpack_device__(self):
            return 2, 0

        __dlpack__ = None

    with pytest.raises(tf.errors.UnavailableError, match=r"on device \(2, 0\), which the CPU cannot read"):
        tf.experimental.dlpack.from_dlpack(Elsewhere())


def test_dlpack_versions_and_copies(x):
    for options, name in ({}, "dltensor"), ({"max_version": (1, 0)}, "dltensor_versioned"), ({"copy": True}, "dltensor"):
        assert f'"{name}"' in repr(x.__dlpack__(**options))


# ------------------------------------------------------------------------------------------- copies and pickles


def test_copies_of_a_tensor_are_itself_and_pickles_are_equal(x):
    assert copy.copy(x) is x and copy.deepcopy([x])[0] is x
    for tensor in (x, x + 1, tf.constant("a"), tf.constant([0.5], tf.bfloat16)):
        again = pickle.loads(pickle.dumps(tensor))
        assert again.dtype is tensor.dtype and np.array_equal(again.numpy(), tensor.numpy())


# ------------------------------------------------------------------------------------ objects that become tensors


class Own:
    def __tf_tensor__(self, dtype=None, name=None):
        return tf.constant(7)


class Foreign:
    """Like a tensor of TensorFlow itself: its own tensor, and an array."""

    def __tf_tensor__(self, dtype=None, name=None):
        return self

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0], np.float32)


def test_tensors_of_another_framework_are_arrays():
    assert tf.convert_to_tensor(Foreign()).numpy().tolist() == [1, 2]
    assert tf.function(lambda x: x + Foreign())(tf.constant([1.0, 1.0])).numpy().tolist() == [2, 3]


class Between:
    """Means something else to TensorFlow."""

    def __graphc_tensor__(self, dtype=None, name=None):
        return tf.constant(7)

    def __tf_tensor__(self, dtype=None, name=None):
        raise NotImplementedError


def test_what_meets_both_libraries_gives_ours():
    assert int(tf.convert_to_tensor(Between())) == int(tf.constant(Between())) == 7
    assert int(tf.constant(1) + Between()) == 8


class Frame:
    """Like a table of pandas."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0])


def test_objects_that_know_how_to_become_tensors():
    assert (tf.constant(1) + Own()).numpy() == 8 and tf.add(Own(), Own()).numpy() == 14
    assert tf.constant(Own()).numpy() == 7

    @tf.function
    def doubled(n):
        return n * Own()

    assert doubled(tf.constant(2)).numpy() == 14


def test_objects_with_arrays_keep_their_dtype():
    assert tf.convert_to_tensor(Frame()).dtype is tf.float64 and tf.constant(Frame(), tf.int32).numpy().tolist() == [1, 2]
    assert (tf.constant([1.0, 1.0]) + Frame()).numpy().tolist() == [2, 3]
    assert tf.constant(np.array([1, 2], ">i4")).numpy().dtype == np.dtype("int32")


def test_pictures_become_tensors():
    image = pytest.importorskip("PIL.Image").new("RGB", (3, 2), (1, 2, 3))
    found = tf.convert_to_tensor(np.asarray(image))
    assert found.shape == (2, 3, 3) and found.dtype is tf.uint8 and found[0, 0].numpy().tolist() == [1, 2, 3]


def test_literals_beside_tensors_in_lists_take_their_dtype():
    assert tf.convert_to_tensor([1, tf.constant(1.5)]).numpy().tolist() == [1, 1.5]
    assert tf.convert_to_tensor([[tf.constant(1.0), 2], [3, 4]]).dtype is tf.float32
    with pytest.raises(TypeError, match="differ in dtype"):
        tf.convert_to_tensor([tf.constant(1), tf.constant(1.0)])


def test_numpys_behaviour_is_not_there():
    with pytest.raises(NotImplementedError, match="no NumPy promotion.*x.numpy"):
        tf.experimental.numpy.experimental_enable_numpy_behavior()
