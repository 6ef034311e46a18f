"""Errors of pipelines: what the user's functions raise, what does not fit, and that others go on."""

import numpy as np
import pytest

import graphc as tf

D = tf.data.Dataset


def test_a_generator_that_raises():
    def broken():
        yield 1
        raise KeyError("boom")

    dataset = D.from_generator(broken, output_signature=tf.TensorSpec((), tf.int32))
    iterator, other = iter(dataset), iter(dataset)
    assert int(next(iterator)) == 1
    with pytest.raises(tf.errors.UnknownError, match=r"from_generator: KeyError: 'boom'") as caught:
        next(iterator)
    assert isinstance(caught.value.__cause__, KeyError)
    assert "raise KeyError" in str(caught.value) and "D.from_generator(broken" in str(caught.value)
    assert caught.value.__cause__.__traceback__.tb_next.tb_frame.f_code.co_name == "broken"
    assert int(next(other)) == 1
    with pytest.raises(StopIteration):
        next(iterator)


def test_a_value_error_stays_one_through_all_stages():
    def broken():
        yield 1
        raise ValueError("bad record")

    dataset = D.from_generator(broken, tf.int32).map(lambda x: x).batch(2).prefetch(1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="bad record") as caught:
        list(dataset)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("parallel", [None, 2])
def test_a_function_that_raises_for_one_element(parallel):
    def check(v):
        if v == 2:
            raise ValueError(f"cannot use {v}")
        return v

    dataset = D.range(4).map(lambda x: tf.numpy_function(check, [x], tf.int64), num_parallel_calls=parallel)
    iterator = iter(dataset)
    assert [int(next(iterator)), int(next(iterator))] == [0, 1]
    with pytest.raises(ValueError, match="cannot use 2"):
        next(iterator)
    assert int(next(iterator)) == 3
    assert [int(x) for x in dataset.ignore_errors()] == [0, 1, 3]


def test_elements_of_a_block_before_and_behind_one_that_fails():
    dataset = D.range(6).map(lambda x: tf.debugging.check_numerics(1.0 / tf.cast(x - 3, tf.float32), "bad"))
    iterator = iter(dataset.batch(2))
    assert next(iterator).numpy().tolist() == [np.float32(-1 / 3), -0.5]
    with pytest.raises(tf.errors.InvalidArgumentError, match="bad"):
        next(iterator)
    assert next(iterator).numpy().tolist() == [1.0, 0.5]
    assert [float(x) for x in dataset.ignore_errors()] == [np.float32(-1 / 3), -0.5, -1.0, 1.0, 0.5]


def test_batch_of_different_shapes():
    dataset = D.from_generator(lambda: [[1], [2, 3]], output_signature=tf.TensorSpec((None,), tf.int32)).batch(2)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        next(iter(dataset))
    assert "different shapes in component 0: the first element had shape [1] and element 1 had shape [2]" in str(
        caught.value
    )
    assert "padded_batch" in str(caught.value) and ".batch(2)" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "signature", "words"),
    [
        ("a", tf.TensorSpec((), tf.int32), "could not be converted to the expected type"),
        ([1, 2], tf.TensorSpec((3,), tf.int32), r"shape \(2,\) where an element of shape \(3,\) was expected"),
        ((1, 2), tf.TensorSpec((), tf.int32), r"shape \(2,\) where an element of shape \(\) was expected"),
        (1, (tf.TensorSpec((), tf.int32),) * 2, "does not match the expected structure"),
        ({"b": 1}, {"a": tf.TensorSpec((), tf.int32)}, "does not match the expected structure"),
        ([[1], [2, 3]], tf.TensorSpec((None, None), tf.int32), "could not be converted"),
    ],
)
def test_what_a_generator_yields_must_fit(value, signature, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words) as caught:
        list(D.from_generator(lambda: [value], output_signature=signature))
    assert "test_data_errors.py" in str(caught.value)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: D.from_tensor_slices(3), ValueError, "there are no rows in a scalar"),
        (lambda: D.from_tensor_slices(([1], [1, 2])), ValueError, r"different numbers of rows, \[1, 2\]"),
        (lambda: D.range(3).map(3), ValueError, "map_func must be a function, got 3"),
        (lambda: D.zip([D.range(3)]), TypeError, "not a list"),
        (lambda: D.zip((D.range(3), 4)), TypeError, "needs a tf.data.Dataset, got 4"),
        (lambda: D.range(3).filter(lambda x: x), ValueError, "predicate must answer with a bool scalar"),
        (lambda: D.range(3).flat_map(lambda x: x), TypeError, "map_func must answer with a Dataset"),
        (lambda: D.range(3).apply(lambda d: 3), TypeError, "must answer with a Dataset"),
        (lambda: D.range(3).batch(0), ValueError, "batch_size must be 1 at least, got 0"),
        (lambda: D.range(3).batch(2.5), ValueError, "batch_size must be an integer"),
        (lambda: D.range(3).window(0), ValueError, "size must be 1 at least"),
        (lambda: D.range(3).shard(2, 2), ValueError, "index 2"),
        (lambda: D.range(3).unbatch(), ValueError, "elements must have rows"),
        (lambda: D.range(3).concatenate(D.from_tensors("a")), TypeError, "elements of different types"),
        (lambda: D.range(1, 2, 0), ValueError, "step must not be 0"),
        (lambda: D.range(), ValueError, "takes stop, start and stop"),
        (lambda: D.range(3).padded_batch(2, padded_shapes=[2]), ValueError, "cannot hold elements of shape"),
        (lambda: D.range(3).map(lambda x: x, num_parallel_calls=0), ValueError, "positive or AUTOTUNE"),
        (lambda: D.range(3).with_options(3), TypeError, "tf.data.Options"),
        (lambda: D.from_generator(lambda: [1]), ValueError, "needs output_signature"),
        (lambda: D.from_generator([1], tf.int32), ValueError, "must be a function"),
        (lambda: D.from_tensors([1.0]).unique(), TypeError, "only int32, int64 and string"),
        (lambda: D.range(3).scan(0.5, lambda s, x: (x, x)), TypeError, "dtypes must be the same"),
        (lambda: D.range(3).group_by_window(lambda x: x, lambda k, d: d), ValueError, "either window_size or"),
    ],
)
def test_what_cannot_be(make, kind, words):
    with pytest.raises(kind, match=words) as caught:
        make()
    assert isinstance(caught.value, tf.errors.OpError) and "test_data_errors.py" in str(caught.value)


def test_a_padded_shape_that_is_too_small():
    dataset = D.range(1, 5).map(lambda x: tf.fill([x], x)).padded_batch(2, padded_shapes=[2])
    iterator = iter(dataset)
    assert next(iterator).numpy().tolist() == [[1, 0], [2, 2]]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"shape \[3\], which padded shape \[2\] cannot hold"):
        next(iterator)


def test_assert_cardinality():
    dataset = D.range(3).filter(lambda x: x > 0).apply(tf.data.experimental.assert_cardinality(3))
    with pytest.raises(tf.errors.FailedPreconditionError, match="was said to have 3 elements but has 2"):
        list(dataset)
