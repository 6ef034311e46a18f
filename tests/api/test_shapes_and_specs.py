"""TensorShape and the descriptions of tensors: what they can be asked, and how they refuse."""

import copy
import pickle

import pytest

import graphc as tf
import graphc.v1 as tf1

Shape, Spec = tf.TensorShape, tf.TensorSpec


def test_shapes_put_together():
    assert Shape([1, 2]) + [3] == [1, 2, 3] and (3,) + Shape([1]) == [3, 1] and [4] + Shape([None])[1:] == [4]
    assert Shape([1]).concatenate(None).rank is None
    assert Shape([1, None]).merge_with([None, 3]) == [1, 3]
    assert Shape([1, None]).most_specific_compatible_shape([2, None]).as_list() == [None, None]
    assert Shape([1]).most_specific_compatible_shape([1, 2]).rank is None
    assert Shape([2, 3]).most_specific_common_supertype([Shape([2, 4]), Shape([2, 3])]).as_list() == [2, None]


def test_shapes_with_ranks():
    assert Shape(None).with_rank(2).as_list() == [None, None] and Shape([1]).with_rank_at_least(1) == [1]
    assert Shape([1]).with_rank_at_most(2) == [1] and Shape(None)[1:3].as_list() == [None, None]
    assert Shape([1, 2]).is_subtype_of(Shape([None, 2])) and not Shape([None]).is_subtype_of(Shape([1]))
    for call, words in [
        (lambda: Shape([1, 2]).with_rank(3), r"shape \(1, 2\) must have rank 3"),
        (lambda: Shape([1, 2]).with_rank_at_least(3), "rank at least 3"), (lambda: Shape([1, 2]).with_rank_at_most(1), "at most 1"),
        (lambda: Shape([1, 2]).assert_has_rank(1), "must have rank 1"),
        (lambda: Shape([1, 2]).assert_same_rank([1]), r"\(1, 2\) and \(1,\) must have the same rank"),
        (lambda: Shape([1, 2]).assert_is_compatible_with([1, 3]), r"\(1, 2\) and \(1, 3\) are incompatible"),
        (lambda: Shape([1, None]).assert_is_fully_defined(), r"\(1, None\) is not fully defined"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            call()


def test_sizes_that_are_none():
    for wrong in (["a"], [1.5], "ab", [[1, 2]]):
        with pytest.raises(TypeError, match="a size must be an int or None"):
            Shape(wrong)
    with pytest.raises(ValueError, match="must not be negative"):
        Shape([-1])


def test_shapes_are_shown_as_each_version_does():
    assert str(Shape([None, 2])) == "(None, 2)" and str(Shape([3])) == "(3,)" and str(Shape(None)) == "<unknown>"
    assert str(tf1.TensorShape([None, 2])) == "(?, 2)"


def test_copies_of_descriptions():
    for value in (Shape([1, None]), Shape(None), Spec([1, None], tf.int32, "a"), tf.float32):
        assert copy.deepcopy(value) == value and repr(pickle.loads(pickle.dumps(value))) == repr(value)


def test_descriptions_of_tensors():
    spec = Spec([None, 2], name="x")
    assert isinstance(spec, tf.TypeSpec) and spec.value_type is tf.Tensor
    assert Spec([1, 2], name="x").is_subtype_of(spec) and not spec.is_subtype_of(Spec([1, 2]))
    assert spec.most_specific_compatible_type(Spec([3, 4], name="x")) == Spec([None, None], name="x")
    assert spec.most_specific_common_supertype([Spec([3, 4], tf.int32)]) is None
    assert spec.is_compatible_with(tf.zeros([5, 2])) and not spec.is_compatible_with(3) and not spec.is_compatible_with([[1, 2]])
    with pytest.raises(ValueError, match="no description fits both"):
        spec.most_specific_compatible_type(Spec([2], tf.int32))


def test_descriptions_of_composites():
    slices = tf.IndexedSlices([[1.0, 2.0]], [0], [3, 2])
    spec = tf.IndexedSlicesSpec([3, 2])
    assert isinstance(spec, tf.TypeSpec) and spec.is_compatible_with(slices) and not spec.is_compatible_with(3)
    assert repr(spec) == "IndexedSlicesSpec(TensorShape([3, 2]), tf.float32, tf.int64, None, TensorShape([None]))"
    assert spec == tf.IndexedSlicesSpec((3, 2)) and hash(spec) == hash(tf.IndexedSlicesSpec((3, 2)))
    assert not tf.SparseTensorSpec([3, 2]).is_compatible_with(3) and not tf.RaggedTensorSpec([3, None]).is_compatible_with(4)
    assert tf.RaggedTensorSpec([3, None]).is_compatible_with(tf.ragged.constant([[1.0], [], [2.0]]))


def test_bounds_of_dtypes():
    assert (tf.int32.min, tf.uint8.max, tf.uint8.limits, tf.float32.limits) == (-(2**31), 255, (0, 255), (0, 1))
    assert type(tf.int8.max) is int and tf.string.as_numpy_dtype is object
    for kind in (tf.bool, tf.string, tf.complex64):
        with pytest.raises(TypeError, match="no smallest and no largest value"):
            kind.min
