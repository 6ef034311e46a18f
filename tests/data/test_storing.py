"""Elements in files: cache with a name, snapshot, save and load."""

import collections
import os

import numpy as np
import pytest

import graphc as tf

D = tf.data.Dataset
Point = collections.namedtuple("Point", "x y")


def plain(dataset):
    return [tf.nest.map_structure(lambda t: t.array.tolist(), e) for e in dataset]


def counted(count, made):
    def rows():
        for k in range(count):
            made.append(k)
            yield k, f"row {k}"

    return D.from_generator(rows, output_signature=(tf.TensorSpec((), tf.int64), tf.TensorSpec((), tf.string)))


@pytest.mark.parametrize("way", ["cache", "snapshot"])
def test_a_file_is_written_once_and_read_then(tmp_path, way):
    made: list = []
    dataset = getattr(counted(4, made), way)(str(tmp_path / "kept"))
    first = plain(dataset)
    assert first == [(k, f"row {k}".encode()) for k in range(4)]
    assert plain(dataset) == first and plain(dataset.repeat(2)) == first * 2 and made == list(range(4))
    again = getattr(counted(4, made), way)(str(tmp_path / "kept"))
    assert plain(again) == first and len(made) == 4


def test_nothing_is_kept_of_an_iteration_that_stops_early(tmp_path):
    made: list = []
    dataset = counted(4, made).cache(str(tmp_path / "kept"))
    iterator = iter(dataset)
    next(iterator)
    del iterator
    assert os.listdir(tmp_path) == []
    assert len(plain(dataset)) == 4 and made == [0, *range(4)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: D.range(5),
        lambda: D.from_tensor_slices({"a": np.eye(3, dtype=np.float32), "b": (["x", "y", "z"], [True, False, True])}),
        lambda: D.from_tensor_slices(Point([1, 2], [0.5, 1.5])),
        lambda: D.range(4).map(lambda x: tf.fill([x], x)),
        lambda: D.range(3).map(lambda x: (x, None)),
    ],
)
def test_save_and_load(tmp_path, make):
    dataset = make()
    dataset.save(str(tmp_path / "saved"))
    found = D.load(str(tmp_path / "saved"))
    assert str(found.element_spec) == str(dataset.element_spec)
    assert repr(list(found.as_numpy_iterator())) == repr(list(dataset.as_numpy_iterator()))


def test_sparse_and_ragged_elements(tmp_path):
    ragged = D.from_tensors(tf.ragged.constant([[[1], [2, 3]], []]))
    sparse = D.from_tensors(tf.sparse.from_dense([[1, 0], [0, 2]]))
    dataset = D.zip(ragged, sparse)
    dataset.save(str(tmp_path / "saved"))
    (a, b), *_ = D.load(str(tmp_path / "saved"), dataset.element_spec)
    assert a.to_list() == [[[1], [2, 3]], []] and tf.sparse.to_dense(b).numpy().tolist() == [[1, 0], [0, 2]]


def test_what_is_not_there_or_is_damaged(tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match="no saved dataset"):
        D.load(str(tmp_path))
    D.range(5).save(str(tmp_path))
    with pytest.raises(tf.errors.InvalidArgumentError, match="another element_spec"):
        D.load(str(tmp_path), tf.TensorSpec((), tf.int32))
    (name,) = os.listdir(tmp_path)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:-20])
    with pytest.raises(tf.errors.DataLossError, match="record 5 at byte .* truncated or damaged"):
        list(D.load(str(tmp_path)))
    (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(tf.errors.DataLossError, match="record 0 at byte 0 is truncated or damaged"):
        D.load(str(tmp_path))


def test_a_cache_of_other_elements_is_refused(tmp_path):
    plain(D.range(3).cache(str(tmp_path / "kept")))
    with pytest.raises(tf.errors.InvalidArgumentError, match="holds elements of another spec"):
        plain(D.from_tensor_slices([1.5]).cache(str(tmp_path / "kept")))
