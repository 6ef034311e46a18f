"""Datasets, iterators and Optionals in functions: the values that TensorFlow gives."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import InvalidArgumentError, SymbolicError, UsageError


def ds3():
    return tf.data.Dataset.range(3)


def optional_four():
    it = iter(ds3())

    @tf.function
    def f():
        o = it.get_next_as_optional()
        if o.has_value():
            return o.get_value()
        return tf.constant(0, tf.int64)

    return [int(f()) for _ in range(4)]


def optional_loop():
    it = iter(tf.data.Dataset.range(5))

    @tf.function
    def f(it):
        total = tf.constant(0, tf.int64)
        o = it.get_next_as_optional()
        while o.has_value():
            total += o.get_value()
            o = it.get_next_as_optional()
        return total

    return f(it)


def optional_has():
    it = iter(ds3())

    @tf.function
    def f():
        o = it.get_next_as_optional()
        return o.has_value()

    return [bool(f()) for _ in range(5)]


def optional_dict():
    it = iter(tf.data.Dataset.from_tensor_slices({'a': [1, 2, 3], 'b': ['x', 'y', 'z']}).batch(2))

    @tf.function
    def f():
        o = it.get_next_as_optional()
        if o.has_value():
            v = o.get_value()
            return tf.reduce_sum(v['a']), tf.strings.join([tf.strings.reduce_join(v['b'])])
        return -1, 'none'

    return [f() for _ in range(3)]


def optional_while_cond():
    it = iter(tf.data.Dataset.range(5).batch(2))

    @tf.function
    def f(it):
        total = tf.constant(0, tf.int64)
        go = tf.constant(True)
        while go:
            o = it.get_next_as_optional()
            go = o.has_value()
            if go:
                total += tf.reduce_sum(o.get_value())
        return total

    return f(it)


def for_iterator():
    it = iter(tf.data.Dataset.range(5))

    @tf.function
    def f(it):
        total = tf.constant(0, tf.int64)
        for x in it:
            total += x
        return total

    return f(it), f(it)


def for_iterator_break():
    it = iter(tf.data.Dataset.range(10))

    @tf.function
    def f(it):
        total = tf.constant(0, tf.int64)
        for x in it:
            if x > 3:
                break
            total += x
        return total

    return f(it), f(it), next(it)


def iter_inside():
    ds = tf.data.Dataset.range(5)

    @tf.function
    def f():
        total = tf.constant(0, tf.int64)
        for x in iter(ds):
            total += x
        return total

    return f(), f()


def iter_inside_next():
    ds = tf.data.Dataset.range(5)

    @tf.function
    def f():
        it = iter(ds)
        return next(it) + 10 * next(it)

    return f(), f()


def enumerate_iterator():
    it = iter(tf.data.Dataset.range(5, 10))

    @tf.function
    def f(it):
        total = tf.constant(0, tf.int64)
        for i, x in enumerate(it):
            total += x * tf.cast(i, tf.int64)
        return total

    return f(it)


def zip_iterator():
    it = iter(tf.data.Dataset.range(5))

    @tf.function
    def f(it):
        total = tf.constant(0, tf.int64)
        for a, b in zip(it, tf.data.Dataset.range(10, 15)):
            total += a * b
        return total

    return f(it)


def zip_iterator_list():
    it = iter(tf.data.Dataset.range(5))

    @tf.function
    def f(it):
        total = tf.constant(0, tf.int64)
        for a, b in zip([1, 2, 3], it):
            total += a * b
        return total

    return f(it)


def zip_iterator_first():
    it = iter(tf.data.Dataset.range(5))

    @tf.function
    def f(it):
        total = tf.constant(0, tf.int64)
        for a, b in zip(it, [1, 2, 3]):
            total += a * b
        return total

    return f(it)


def zip_datasets():

    @tf.function
    def f(a, b):
        t = tf.constant(0, tf.int64)
        for x, y in zip(a, b):
            t += x * y
        return t

    return f(tf.data.Dataset.range(5), tf.data.Dataset.range(3, 7))


def ragged():
    ds = tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1, 2], [3], [4, 5, 6]]))

    @tf.function
    def f(ds):
        t = 0
        for x in ds:
            t += tf.reduce_sum(x) * tf.size(x)
        return t

    return f(ds)


def ragged_batch():
    ds = tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1, 2], [3], [4, 5, 6]])).batch(2)

    @tf.function
    def f(ds):
        t = 0
        for x in ds:
            t += tf.reduce_sum(x) * tf.cast(x.nrows(), tf.int32)
        return t

    return f(ds)


def ragged_batch_rows():
    ds = tf.data.Dataset.range(1, 5).map(lambda x: tf.range(x)).ragged_batch(2)

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for x in ds:
            t += tf.reduce_sum(x.row_lengths()) * 10 + tf.reduce_sum(x.to_tensor(-1))
        return t

    return f(ds)


def sparse():
    sp = tf.sparse.from_dense([[0, 1], [2, 0], [3, 4]])
    ds = tf.data.Dataset.from_tensor_slices(sp)

    @tf.function
    def f(ds):
        t = tf.zeros([2], tf.int32)
        for x in ds:
            t = t * 10 + tf.sparse.to_dense(x)
        return t

    return f(ds)


def sparse_batch():
    sp = tf.sparse.from_dense([[0, 1], [2, 0], [3, 4]])
    ds = tf.data.Dataset.from_tensor_slices(sp).batch(2)

    @tf.function
    def f(ds):
        t = 0
        for x in ds:
            t = t * 10 + tf.reduce_sum(tf.sparse.to_dense(x)) + tf.shape(x.values)[0]
        return t

    return f(ds)


def dicts():
    ds = tf.data.Dataset.from_tensor_slices({'a': [1., 2., 3.], 'b': [[1, 2], [3, 4], [5, 6]]})

    @tf.function
    def f(ds):
        t = 0.
        for e in ds:
            t += e['a'] * tf.cast(tf.reduce_sum(e['b']), tf.float32)
        return t

    return f(ds)


def nested_tuples():
    ds = tf.data.Dataset.from_tensor_slices(([1, 2, 3], ([4, 5, 6], {'k': [7., 8., 9.]})))

    @tf.function
    def f(ds):
        t = 0.
        for a, (b, c) in ds:
            t = t * 2 + tf.cast(a * b, tf.float32) + c['k']
        return t

    return f(ds)


def zipped():
    ds = tf.data.Dataset.zip((tf.data.Dataset.range(4), tf.data.Dataset.range(10, 13)))

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for a, b in ds:
            t = t * 3 + a * b
        return t

    return f(ds)


def strings():
    ds = tf.data.Dataset.from_tensor_slices(['a', 'bb', 'ccc'])

    @tf.function
    def f(ds):
        t = tf.constant('')
        n = 0
        for s in ds:
            t = t + s + ','
            n += tf.strings.length(s)
        return t, n

    return f(ds)


def unknown_batch():
    ds = tf.data.Dataset.range(7).batch(3)

    @tf.function
    def f(ds):
        n, t = 0, tf.constant(0, tf.int64)
        for x in ds:
            n = n * 10 + tf.shape(x)[0]
            t += tf.reduce_sum(x) * tf.cast(len(x.shape), tf.int64)
        return n, t

    return f(ds)


def take3():
    ds = tf.data.Dataset.range(100)

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for x in ds.take(3):
            t += x + 1
        return t

    return f(ds)


def prefetch():
    ds = tf.data.Dataset.range(6).map(lambda x: x * x).batch(4)

    @tf.function
    def f():
        t = tf.constant(0, tf.int64)
        for x in ds.prefetch(tf.data.AUTOTUNE):
            t = t * 2 + tf.reduce_sum(x)
        return t

    return f()


def enumerated():
    ds = tf.data.Dataset.range(5, 9)

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for i, x in enumerate(ds):
            t += i * x
        return t

    return f(ds)


def enumerated_start():
    ds = tf.data.Dataset.range(5, 9)

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for i, x in enumerate(ds, 2):
            t += i * x
            if i == 4:
                break
        return t

    return f(ds)


def ds_enumerate():
    ds = tf.data.Dataset.range(5, 9)

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for i, x in ds.enumerate():
            t += i * x
        return t

    return f(ds)


def nested_loops():
    a, b = tf.data.Dataset.range(3), tf.data.Dataset.range(10, 12)

    @tf.function
    def f(a, b):
        t = tf.constant(0, tf.int64)
        for x in a:
            for y in b:
                t = t * 2 + x * y
        return t

    return f(a, b)


def shuffle_count():
    ds = tf.data.Dataset.range(10).shuffle(10).repeat(2)

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for x in ds:
            t += x
        return t

    return f(ds)


def continue_in_loop():
    ds = tf.data.Dataset.range(10)

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for x in ds:
            if x % 2 == 0:
                continue
            t += x
        return t

    return f(ds)


def infinite_break():
    ds = tf.data.Dataset.range(4).repeat()

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for x in ds:
            t += x
            if t > 20:
                break
        return t

    return f(ds)


def cardinality():

    @tf.function
    def f(ds):
        return ds.cardinality()

    return f(tf.data.Dataset.range(5).batch(2))


def padded():
    ds = tf.data.Dataset.range(1, 6).map(lambda x: tf.fill([x], x)).padded_batch(2)

    @tf.function
    def f(ds):
        t = tf.constant(0, tf.int64)
        for x in ds:
            t = t * 3 + tf.reduce_sum(x) + tf.shape(x, tf.int64)[1]
        return t

    return f(ds)


def eager_iterator_after():
    it = iter(tf.data.Dataset.range(6))

    @tf.function
    def step(it):
        return next(it) * 10

    return step(it), next(it), step(it), it.get_next_as_optional().get_value()


def next_try():
    it = iter(ds3())

    @tf.function
    def f(it):
        return next(it)

    out = []
    try:
        for _ in range(5):
            out.append(int(f(it)))
    except tf.errors.OutOfRangeError:
        out.append('end')
    return out


WANTED = [
    (optional_four, [0, 1, 2, 0]),
    (optional_loop, 10),
    (optional_has, [True, True, True, False, False]),
    (optional_dict, [(3, b'xy'), (3, b'z'), (-1, b'none')]),
    (optional_while_cond, 10),
    (for_iterator, (10, 0)),
    (for_iterator_break, (6, 0, 6)),
    (iter_inside, (10, 10)),
    (iter_inside_next, (10, 10)),
    (enumerate_iterator, 80),
    (zip_iterator, 130),
    (zip_iterator_list, 8),
    (zip_iterator_first, 8),
    (zip_datasets, 32),
    (ragged, 54),
    (ragged_batch, 27),
    (ragged_batch_rows, 108),
    (sparse, [23, 104]),
    (sparse_batch, 59),
    (dicts, 50.0),
    (nested_tuples, 107.0),
    (zipped, 57),
    (strings, (b'a,bb,ccc,', 6)),
    (unknown_batch, (331, 21)),
    (take3, 6),
    (prefetch, 69),
    (enumerated, 44),
    (enumerated_start, 56),
    (ds_enumerate, 44),
    (nested_loops, 186),
    (shuffle_count, 90),
    (continue_in_loop, 25),
    (infinite_break, 21),
    (cardinality, 3),
    (padded, 180),
    (eager_iterator_after, (0, 1, 20, 3)),
    (next_try, [0, 1, 2, 'end']),
]


def shown(value):
    if isinstance(value, (list, tuple)):
        return type(value)(shown(v) for v in value)
    value = value.numpy() if hasattr(value, "numpy") else value
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.mark.parametrize("case, wanted", WANTED, ids=lambda p: getattr(p, "__name__", ""))
def test_as_tensorflow(case, wanted):
    assert shown(case()) == wanted


@pytest.mark.parametrize("kind, wanted", [
    ("SGD", (0.48796120285987854, 1.3150705099105835, 1.9096221923828125, 12)),
    ("Adam", (2.5590779781341553, 0.7370861768722534, 0.8490211963653564, 9)),
])  # fmt: skip
def test_training_for_several_epochs(kind, wanted):
    xs = np.arange(8, dtype=np.float32).reshape(8, 1) / 8
    ds = tf.data.Dataset.from_tensor_slices((xs, 3 * xs + 1)).batch(3)
    w, b = tf.Variable([[0.0]]), tf.Variable([0.0])
    opt = getattr(tf.optimizers, kind)(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w + b - y) ** 2)
        opt.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b]))
        return loss

    @tf.function
    def last(epochs):
        loss = tf.constant(0.0)
        for _ in tf.range(epochs):
            for x, y in ds:
                loss = step(x, y)
        return loss

    @tf.function
    def mean():
        for _ in range(3):
            total, n = 0.0, 0
            for x, y in ds:
                total += step(x, y)
                n += 1
        return total / tf.cast(n, tf.float32)

    loss = last(tf.constant(4)) if kind == "SGD" else mean()
    found = float(loss), float(w.numpy()[0, 0]), float(b.numpy()[0]), int(opt.iterations)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_an_optional_without_a_value():
    it = iter(tf.data.Dataset.range(0))
    get = tf.function(lambda: it.get_next_as_optional().get_value())
    with pytest.raises(InvalidArgumentError, match="does not have a value"):
        get()


def test_an_optional_leaves_a_function():
    it = iter(ds3())
    found = tf.function(lambda: it.get_next_as_optional())()
    assert bool(found.has_value()) and int(found.get_value()) == 0


@pytest.mark.parametrize("over", [list, lambda it: [x for x in it], lambda it: list(map(lambda x: x, it))])
@pytest.mark.parametrize("make", [ds3, lambda: iter(ds3())])
def test_python_does_not_go_over_what_has_no_end(over, make):
    source = make()
    with pytest.raises(SymbolicError, match=r"(?s)use a `for` statement.*test_datasets_in_functions"):
        tf.function(lambda: over(source))()


def test_a_dataset_of_a_tensor_without_a_value():
    @tf.function
    def total(x):
        t = 0.0
        for row in tf.data.Dataset.from_tensor_slices(x):
            t += row
        return t

    with pytest.raises(UsageError, match=r"(?s)a Dataset made of a tensor that has no value.*for row in"):
        total(tf.constant([1.0, 2.0]))


def test_the_only_element_is_taken_when_the_function_runs():
    taken = []
    ds = tf.data.Dataset.from_tensors(5).map(lambda x: tf.numpy_function(lambda v: taken.append(1) or v, [x], tf.int32))
    only = tf.function(lambda: ds.get_single_element() + 1)
    assert [int(only()), int(only())] == [6, 6] and len(taken) == 2
