"""What stands around operations: nests with sparse and ragged tensors, checks of values, descriptions, error codes."""

import logging

import numpy as np
import pytest

import graphc as tf
from graphc.errors import DtypeError, UsageError

SPARSE = tf.SparseTensor([[0]], [1], [2])
RAGGED = tf.ragged.constant([[1], [2, 3]])


def test_nests_keep_composites_whole_unless_they_are_to_be_expanded():
    assert tf.nest.flatten([SPARSE, RAGGED]) == [SPARSE, RAGGED]
    assert [v.numpy().tolist() for v in tf.nest.flatten(SPARSE, expand_composites=True)] == [[[0]], [1], [2]]
    assert tf.nest.map_structure(lambda x: type(x).__name__, {"a": RAGGED}) == {"a": "RaggedTensor"}
    values = tf.nest.map_structure(lambda x: 2 * x, SPARSE.with_values(tf.constant([5])), expand_composites=True)
    assert values.values.numpy().tolist() == [10] and values.dense_shape.numpy().tolist() == [4]
    assert tf.nest.pack_sequence_as(SPARSE, [4]) == 4
    tf.nest.assert_same_structure(RAGGED, 3)
    with pytest.raises(UsageError, match="differ in structure"):
        tf.nest.assert_same_structure([RAGGED], [3], expand_composites=True)


def test_proper_iterables_hold_several_values():
    for good in ([1], (1,), {1: 2}, iter([1])):
        tf.debugging.assert_proper_iterable(good)
    for bad in ("abc", b"a", tf.constant([1.0]), np.zeros(2), SPARSE):
        with pytest.raises(DtypeError, match="put it into a list"):
            tf.debugging.assert_proper_iterable(bad)
    for bad in (3, None):
        with pytest.raises(DtypeError, match="is not iterable"):
            tf.debugging.assert_proper_iterable(bad)


def test_tensors_of_one_floating_dtype():
    same, one, double = tf.debugging.assert_same_float_dtype, tf.constant(1.0), tf.constant(1.0, tf.float64)
    assert same() is tf.float32 and same([double, double]) is tf.float64 and same([], tf.float16) is tf.float16
    for tensors, dtype in (([one, double], None), ([one], tf.float64), ([tf.constant(1)], None), ((), tf.int32)):
        with pytest.raises(DtypeError, match="assert_same_float_dtype"):
            same(tensors, dtype)


def test_descriptions_of_values():
    assert tf.type_spec_from_value(tf.constant([1.0])) == tf.TensorSpec((1,), tf.float32)
    assert tf.type_spec_from_value(3) == tf.TensorSpec((), tf.int32)
    assert tf.type_spec_from_value(SPARSE).is_compatible_with(SPARSE)
    assert tf.type_spec_from_value(RAGGED).is_compatible_with(RAGGED)
    with pytest.raises(DtypeError):
        tf.type_spec_from_value(object())


def test_errors_have_codes_and_the_logger_a_name():
    assert (tf.errors.OK, tf.errors.NOT_FOUND, tf.errors.UNAUTHENTICATED) == (0, 5, 16)
    assert issubclass(tf.errors.PermissionDeniedError, tf.errors.OpError)
    assert tf.get_logger() is logging.getLogger("graphc")
    assert tf.qint8 in tf.dtypes.QUANTIZED_DTYPES and tf.float32 not in tf.dtypes.QUANTIZED_DTYPES


def test_absent_namespaces_say_what_serves_instead():
    for name, words in (("distribute", "nothing to distribute"), ("estimator", "loop")):
        assert not hasattr(tf, name)
        with pytest.raises(AttributeError, match=f"tf.{name} is not part of graphc: .*{words}"):
            getattr(tf, name)
    with pytest.raises(AttributeError, match="did you mean 'reduce_sum'"):
        tf.reduce_sums
    with pytest.raises(AttributeError, match="TensorFlow 1's names are in graphc.v1"):
        tf.placeholder
