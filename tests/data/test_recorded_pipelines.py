"""Pipelines give what TensorFlow recorded: specs, sizes and elements."""

import json
import sys
from pathlib import Path

import pytest

import graphc as tf

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import recorded_pipelines as pipelines  # noqa: E402

RECORDED = json.loads((HERE / "recorded_pipelines.json").read_text())


@pytest.mark.parametrize("expression", pipelines.expressions())
def test_as_tensorflow(expression):
    found = json.loads(json.dumps(pipelines.outcome(tf, expression)))
    assert found == RECORDED[expression]


def test_every_pipeline_is_recorded():
    assert RECORDED.keys() == set(pipelines.expressions())


@pytest.mark.parametrize("expression", [e for e in pipelines.expressions() if "cardinality" not in e][::3])
def test_the_same_again_and_with_a_prefetch(expression):
    dataset = eval(expression, {"tf": tf, "D": tf.data.Dataset, "np": pipelines.np, "Point": pipelines.Point})
    first = [pipelines.plain(e) for e in dataset]
    assert [pipelines.plain(e) for e in dataset] == first
    assert [pipelines.plain(e) for e in dataset.prefetch(2)] == first


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda D: D.range(3), "_RangeDataset"),
        (lambda D: D.range(3).map(lambda x: x), "_MapDataset"),
        (lambda D: D.range(3).map(lambda x: x, num_parallel_calls=2), "_ParallelMapDataset"),
        (lambda D: D.range(3).batch(2, num_parallel_calls=2), "_ParallelBatchDataset"),
        (lambda D: D.range(3).shuffle(2), "_ShuffleDataset"),
        (lambda D: D.range(3).prefetch(2), "_PrefetchDataset"),
        (lambda D: D.range(3).filter(lambda x: x > 1), "_FilterDataset"),
        (lambda D: D.range(3).unique(), "_UniqueDataset"),
        (lambda D: D.from_tensors(1), "_TensorDataset"),
        (lambda D: D.from_tensor_slices([1]), "_TensorSliceDataset"),
        (lambda D: D.from_generator(lambda: [1], tf.int32), "_FlatMapDataset"),
        (lambda D: D.random(1), "_RandomDataset"),
        (lambda D: D.range(3).window(2), "_WindowDataset"),
    ],
)
def test_repr(make, kind):
    dataset = make(tf.data.Dataset)
    assert repr(dataset) == f"<{kind} element_spec={dataset.element_spec!r}>"


def test_spec_of_windows():
    found = repr(tf.data.Dataset.range(3).window(2))
    assert found == ("<_WindowDataset element_spec=DatasetSpec(TensorSpec(shape=(), dtype=tf.int64, name=None), "
                     "TensorShape([]))>")  # fmt: skip


def test_length_and_truth():
    numbers = tf.data.Dataset.range(5)
    assert len(numbers) == 5 and len(numbers.batch(2)) == 3 and bool(tf.data.Dataset.range(0))
    assert int(numbers.repeat().cardinality()) == tf.data.INFINITE_CARDINALITY
    with pytest.raises(TypeError, match="The dataset is infinite"):
        len(numbers.repeat())
    with pytest.raises(TypeError, match="The dataset length is unknown"):
        len(numbers.filter(lambda x: x > 1))


def test_numpy_iterator():
    rows = list(tf.data.Dataset.from_tensor_slices({"a": [1, 2], "b": ["x", "y"]}).as_numpy_iterator())
    assert rows == [{"a": 1, "b": b"x"}, {"a": 2, "b": b"y"}]


def test_reduce():
    numbers = tf.data.Dataset.range(5)
    assert int(numbers.reduce(tf.constant(0, tf.int64), lambda s, x: s + x)) == 10
    total, count = numbers.reduce((tf.constant(0, tf.int64), 0), lambda s, x: (s[0] + x, s[1] + 1))
    assert (int(total), int(count)) == (10, 5)


def test_single_element():
    assert int(tf.data.Dataset.from_tensors(3).get_single_element()) == 3
    for count, word in ((0, "was empty"), (2, "more than one element")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=word):
            tf.data.Dataset.range(count).get_single_element()


def test_iterators_are_independent():
    numbers = tf.data.Dataset.range(3)
    one, other = iter(numbers), iter(numbers)
    assert [int(next(one)), int(next(one)), int(next(other)), int(next(one))] == [0, 1, 0, 2]
    with pytest.raises(StopIteration):
        next(one)
    with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
        one.get_next()
    assert int(other.get_next()) == 1


def test_options():
    options = tf.data.Options()
    options.deterministic = False
    options.experimental_threading.private_threadpool_size = 2
    dataset = tf.data.Dataset.range(3).with_options(options).map(lambda x: x)
    assert dataset.options().deterministic is False and dataset.options().threading.private_threadpool_size == 2
    assert dataset.options().autotune.enabled is None
    with pytest.raises(tf.errors.OpError, match="no option 'determinstic'"):
        options.determinstic = True
