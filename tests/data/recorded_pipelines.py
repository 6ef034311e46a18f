"""Pipelines whose elements TensorFlow recorded in recorded_pipelines.json: expressions of ``tf``, ``D`` and ``np``.

An expression may go on in indented lines.
"""

import collections
import re

import numpy as np

Point = collections.namedtuple("Point", "x y")

PIPELINES = """
D.from_tensors([1, 2, 3])
D.from_tensors(([1, 2], 'a', 2.5))
D.from_tensors({'a': [1], 'b': ('x', 2)})
D.from_tensors(Point(1, [2.0]))
D.from_tensors(tf.constant([[1, 2], [3, 4]]))
D.from_tensors(np.arange(3))
D.from_tensors(tf.sparse.from_dense([[1, 0], [0, 2]]))
D.from_tensors(tf.ragged.constant([[1], [2, 3]]))
D.from_tensor_slices([1, 2, 3])
D.from_tensor_slices(([1, 2], [3.0, 4.0]))
D.from_tensor_slices({'a': [1, 2], 'b': (['x', 'y'], [[1], [2]])})
D.from_tensor_slices(Point([1, 2], [3, 4]))
D.from_tensor_slices(np.zeros((2, 3), np.uint8))
D.from_tensor_slices(tf.ragged.constant([[1], [2, 3], []]))
D.from_tensor_slices(tf.sparse.from_dense([[1, 0], [0, 2]]))
D.from_tensor_slices((tf.ragged.constant([[[1], [2, 3]], [[4]]]), [1, 2]))
D.range(5)
D.range(2, 5)
D.range(1, 10, 3)
D.range(5, 0, -2)
D.range(3, output_type=tf.int32)
D.range(4, output_type=tf.float32)
D.counter().take(3)
D.counter(start=2, step=3, dtype=tf.int32).take(3)
D.zip((D.range(3), D.range(10, 13)))
D.zip(D.range(3), D.range(4))
D.zip({'a': D.range(2), 'b': (D.range(2), D.from_tensor_slices(['x', 'y', 'z']))})
D.zip(D.range(2))
D.zip((D.range(3).map(lambda x: (x, x + 1)), D.range(2)))
D.range(3).concatenate(D.range(2))
D.from_tensors([1, 2]).concatenate(D.from_tensors([1, 2, 3]))
D.range(5).map(lambda x: x * x)
D.from_tensor_slices(([1, 2], [3, 4])).map(lambda x, y: x + y)
D.from_tensor_slices({'a': [1, 2]}).map(lambda d: d['a'] * 2)
D.range(3).map(lambda x: (x, {'y': x + 1, 'z': tf.strings.as_string(x)}))
D.range(3).map(lambda x: Point(x, 1.5))
D.range(3).map(lambda x: [x, x + 1])
D.range(3).map(lambda x: 7)
D.range(3).map(lambda x: 'text')
D.range(3).map(lambda x: tf.fill([x], x))
D.range(3).map(lambda x: (x, None))
D.from_tensor_slices(Point([1, 2], [3, 4])).map(lambda p: p.x * p.y)
D.range(3).map(lambda x: (x, None)).batch(2)
D.range(7).batch(2, True).batch(2)
D.range(4).map(lambda x: x + 1, num_parallel_calls=2)
D.range(4).map(lambda x: x + 1, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
D.range(4).map(lambda x: tf.numpy_function(lambda v: v * 2, [x], tf.int64))
D.range(4).map(lambda x: tf.py_function(lambda v: v * 2, [x], tf.int64), num_parallel_calls=3)
D.range(3).map(lambda x: tf.ensure_shape(tf.py_function(lambda v: v * 2, [x], tf.int64), []))
D.range(4).map(lambda x: tf.cond(x > 1, lambda: x * 10, lambda: x))
D.range(4).map(lambda x: tf.sparse.from_dense([x, 0]))
D.range(3).map(lambda x: tf.RaggedTensor.from_row_lengths([x, x, x], [1, 2]))
D.from_tensor_slices(['a b', 'c']).map(lambda s: tf.strings.split(s))
D.from_tensor_slices(['1,2', '3,4']).map(lambda s: tf.io.decode_csv(s, [0, 0]))
D.range(10).filter(lambda x: x % 3 == 0)
D.from_tensor_slices(([1, 2, 3], [True, False, True])).filter(lambda x, keep: keep)
D.range(10).take_while(lambda x: x < 4)
D.range(10).batch(4)
D.range(10).batch(4, drop_remainder=True)
D.range(10).batch(5)
D.range(4).batch(3, num_parallel_calls=2)
D.from_tensor_slices(([1, 2, 3], ['a', 'b', 'c'])).batch(2)
D.from_tensor_slices({'a': [[1, 2], [3, 4]], 'b': [1.0, 2.0]}).batch(2)
D.range(7).batch(2).map(lambda x: tf.reduce_sum(x))
D.range(7).batch(2).map(lambda x: x + 1)
D.range(3).map(lambda x: tf.sparse.from_dense([x, 0, 1])).batch(2)
D.range(3).map(lambda x: tf.RaggedTensor.from_row_lengths([x, x, x], [1, 2])).batch(2)
D.from_tensor_slices(tf.ragged.constant([[1], [2, 3], []])).batch(2)
D.from_tensor_slices(tf.sparse.from_dense([[1, 0], [0, 2]])).batch(2)
D.range(5).map(lambda x: tf.range(x)).ragged_batch(2)
D.range(5).map(lambda x: (x, tf.range(x))).ragged_batch(2, drop_remainder=True)
D.range(4).map(lambda x: tf.range(x)).sparse_batch(2, [5])
D.range(5).map(lambda x: tf.fill([x], x)).padded_batch(2)
D.range(5).map(lambda x: tf.fill([x], x)).padded_batch(2, padded_shapes=[6])
D.range(5).map(lambda x: tf.fill([x], x)).padded_batch(2, padded_shapes=[None],
    padding_values=tf.constant(-1, tf.int64))
D.range(5).map(lambda x: tf.fill([x], x)).padded_batch(2, [6], drop_remainder=True)
D.range(4).map(lambda x: (tf.fill([x], x), x, tf.fill([x], 'a'))).padded_batch(2)
D.range(4).map(lambda x: (tf.fill([x], x), x)).padded_batch(2, padded_shapes=([None], []),
    padding_values=(tf.constant(9, tf.int64), tf.constant(0, tf.int64)))
D.range(4).map(lambda x: {'a': tf.fill([x, 2], x)}).padded_batch(3, padded_shapes={'a': [None, 3]})
D.range(4).padded_batch(3)
D.range(6).batch(3).unbatch()
D.from_tensor_slices({'a': [[1, 2], [3, 4]], 'b': [[1.0, 2.0], [3.0, 4.0]]}).unbatch()
D.from_tensors(tf.ragged.constant([[1], [2, 3]])).unbatch()
D.from_tensors(tf.sparse.from_dense([[1, 0], [0, 2]])).unbatch()
D.range(8).batch(4).rebatch(3)
D.range(8).batch(4).rebatch(3, drop_remainder=True)
D.range(8).batch(4).rebatch([1, 2])
D.range(8).batch(4, drop_remainder=True).rebatch(2)
D.range(7).window(3).flat_map(lambda w: w.batch(3))
D.range(7).window(3, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(3))
D.range(7).window(3, 2, 2).flat_map(lambda w: w.batch(3))
D.range(10).window(2, 5).flat_map(lambda w: w.batch(2))
D.range(10).window(2, 5, drop_remainder=True).flat_map(lambda w: w.batch(2))
D.from_tensor_slices(([1, 2, 3], [4, 5, 6])).window(2).flat_map(lambda a, b: D.zip((a.batch(2), b.batch(2))))
D.range(7).window(3).flat_map(lambda w: w.map(lambda x: x + 1).skip(1))
D.range(7).window(3).map(lambda w: w.reduce(np.int64(0), lambda a, b: a + b))
D.range(4).flat_map(lambda x: D.range(x))
D.range(3).flat_map(lambda x: D.from_tensors(x).repeat(2))
D.range(3).flat_map(lambda x: D.from_tensor_slices([x, x + 1]))
D.from_tensor_slices([[1, 2], [3, 4]]).flat_map(D.from_tensor_slices)
D.range(1, 6).interleave(lambda x: D.from_tensors(x).repeat(6), cycle_length=2, block_length=4)
D.range(1, 6).interleave(lambda x: D.from_tensors(x).repeat(x), cycle_length=3, block_length=1)
D.range(1, 6).interleave(lambda x: D.from_tensors(x).repeat(x), cycle_length=3, block_length=2, num_parallel_calls=2)
D.range(1, 6).interleave(lambda x: D.from_tensors(x).repeat(3), cycle_length=2, num_parallel_calls=tf.data.AUTOTUNE)
D.range(5).take(2)
D.range(5).take(-1)
D.range(5).take(9)
D.range(5).take(0)
D.range(5).skip(2)
D.range(5).skip(9)
D.range(5).skip(-1)
D.range(5).map(lambda x: x).filter(lambda x: x > 0).skip(2)
D.range(10).shard(3, 1)
D.range(3).repeat(2)
D.range(3).repeat().take(7)
D.range(3).repeat(0)
D.range(3).cache().repeat(2)
D.range(3).prefetch(2)
D.range(30).prefetch(tf.data.AUTOTUNE).batch(8)
D.range(3).enumerate()
D.range(3).enumerate(start=5)
D.from_tensor_slices((['a'], ['b'])).enumerate()
D.range(6).scan(np.int64(0), lambda s, x: (s + x, s + x))
D.range(4).scan((np.int64(1), 0.5), lambda s, x: ((s[0] * 2, s[1] + 1.0), (x, s[0], s[1])))
D.from_tensor_slices([1, 2, 1, 3, 2]).unique()
D.from_tensor_slices(['a', 'b', 'a']).unique()
D.choose_from_datasets([D.range(3), D.range(10, 13)], D.from_tensor_slices(np.array([0, 1, 1, 0, 1, 1, 0], np.int64)))
D.choose_from_datasets([D.range(1), D.range(10, 13)], D.from_tensor_slices(np.array([0, 0, 1, 1], np.int64)),
    stop_on_empty_dataset=False)
D.choose_from_datasets([D.range(1), D.range(10, 13)], D.from_tensor_slices(np.array([0, 1, 0, 1], np.int64)))
D.sample_from_datasets([D.range(3), D.range(10, 12)], weights=[1.0, 0.0], stop_on_empty_dataset=True)
D.range(8).group_by_window(lambda x: x % 2, lambda k, d: d.batch(2), window_size=2)
D.range(7).group_by_window(lambda x: x % 2, lambda k, d: d.batch(9), window_size_func=lambda k: 2 + k)
D.range(6).group_by_window(lambda x: x % 3, lambda k, d: d.map(lambda x: (k, x)), window_size=2)
D.from_tensor_slices([1, 4, 2, 6, 3, 5]).map(lambda n: tf.fill([n], n))
    .bucket_by_sequence_length(tf.size, [3, 5], [2, 2, 2])
D.from_tensor_slices([1, 4, 2, 3]).map(lambda n: tf.fill([n], n))
    .bucket_by_sequence_length(tf.size, [3, 6], [2, 2, 2], pad_to_bucket_boundary=True)
D.from_tensor_slices([1, 4, 2, 4]).map(lambda n: (tf.fill([n], n), n))
    .bucket_by_sequence_length(lambda x, n: n, [3], [2, 2], padded_shapes=([None], []))
D.from_tensor_slices([[1], [2], [3]]).bucket_by_sequence_length(lambda x: tf.size(x), [2], [2, 2], no_padding=True)
D.from_tensor_slices([1.0, 0.0, 4.0]).map(lambda x: tf.debugging.check_numerics(1.0 / x, 'bad')).ignore_errors()
D.from_generator(lambda: range(3), output_types=tf.int32)
D.from_generator(lambda: range(3), tf.int32, [])
D.from_generator(lambda: [(1, 'a'), (2, 'b')], (tf.int32, tf.string), ([], []))
D.from_generator(lambda: [{'a': [1, 2]}, {'a': [3, 4]}], output_signature={'a': tf.TensorSpec((2,), tf.float32)})
D.from_generator(lambda: iter([[1], [2, 3]]), output_signature=tf.TensorSpec((None,), tf.int64))
D.from_generator(lambda n: range(n), args=(3,), output_signature=tf.TensorSpec((), tf.int64))
D.from_generator(lambda: [tf.ragged.constant([[1], [2, 3]])], output_signature=tf.RaggedTensorSpec((2, None), tf.int32))
D.from_generator(lambda: [np.ones((2, 2))], output_signature=tf.TensorSpec((None, 2), tf.float32)).map(lambda x: x * 2)
D.from_generator(lambda: [[1], [2, 3]], tf.int64).map(lambda x: tf.reduce_sum(x))
D.from_generator(lambda: [[1], [2]], tf.int64).map(lambda x: x * 2).batch(2)
D.range(4).apply(lambda d: d.map(lambda x: x + 1))
D.range(4).apply(tf.data.experimental.assert_cardinality(4))
D.range(6).filter(lambda x: x < 3).apply(tf.data.experimental.assert_cardinality(3))
D.range(6).apply(tf.data.experimental.map_and_batch(lambda x: x + 1, 4))
D.range(6).apply(tf.data.experimental.unbatch()) if False else D.range(6).batch(2).apply(tf.data.experimental.unbatch())
D.range(5).map(lambda x: x % 2).apply(tf.data.experimental.unique())
tf.data.experimental.from_list([(1, 'a'), (2, 'b')])
D.range(0).batch(2)
D.range(0).map(lambda x: x)
D.from_tensor_slices(([[1, 2], [3, 4]], [0, 1])).map(lambda x, y: (tf.cast(x, tf.float32) / 2, tf.one_hot(y, 3)))
    .batch(2)
D.from_tensor_slices(np.eye(3, dtype=np.float32)).map(lambda row: tf.linalg.normalize(row)[0])
D.from_tensor_slices([3, 1, 2]).map(lambda n: tf.range(n)).padded_batch(3, padding_values=-1)
"""


def plain(value):
    """An element as nested lists with the dtypes of its arrays."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if hasattr(value, "_fields") and not hasattr(value, "dense_shape") and not hasattr(value, "row_splits"):
        return [plain(part) for part in value]
    if isinstance(value, (tuple, list)):
        return [plain(part) for part in value]
    if value is None:
        return None
    if hasattr(value, "dense_shape"):
        return ["sparse", *[plain(v.numpy()) for v in (value.indices, value.values, value.dense_shape)]]
    if hasattr(value, "row_splits"):
        return ["ragged", text(value.to_list())]
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return [str(array.dtype), text(array.tolist())]


def text(value):
    if isinstance(value, list):
        return [text(v) for v in value]
    return value.decode() if isinstance(value, bytes) else value


def outcome(tf, expression):
    """What a pipeline is and gives."""
    dataset = eval(expression, {"tf": tf, "D": tf.data.Dataset, "np": np, "Point": Point})
    found = {"spec": str(dataset.element_spec), "size": int(dataset.cardinality())}
    found["elements"] = [plain(element) for element in dataset]
    return found


def expressions():
    """Each in one line, as it stands among what was recorded."""
    joined = re.sub(r"(,?)\n +", lambda found: ", " if found[1] else "", PIPELINES)
    return [line for line in joined.splitlines() if line]
