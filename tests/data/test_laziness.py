"""Elements are made when they are asked for, or ahead within bounds; threads end with their iterator."""

import gc
import os
import threading

import numpy as np
import pytest

import graphc as tf

D = tf.data.Dataset


class Source:
    """A generator that counts what was taken from it."""

    def __init__(self, count=1000):
        self.count, self.made, self.closed = count, 0, False

    def __call__(self):
        try:
            for k in range(self.count):
                self.made += 1
                yield k
        finally:
            self.closed = True

    def dataset(self):
        return D.from_generator(self, output_signature=tf.TensorSpec((), tf.int64))


def ours():
    return [t for t in threading.enumerate() if t.name.startswith("graphc ")]


def ended(threads):
    for thread in threads:
        thread.join(10)
    return not any(t.is_alive() for t in threads)


@pytest.mark.parametrize(
    ("make", "first", "second"),
    [
        (lambda d: d, 1, 2),
        (lambda d: d.map(lambda x: x + 1), 1, 2),
        (lambda d: d.filter(lambda x: x >= 0), 1, 2),
        (lambda d: d.batch(4), 4, 8),
        (lambda d: d.batch(4).map(lambda x: x * 2).unbatch(), 4, 4),
        (lambda d: d.shuffle(5), 6, 7),
        (lambda d: d.window(3).flat_map(lambda w: w.batch(3)), 3, 6),
        (lambda d: d.take(10), 1, 2),
        (lambda d: d.skip(3), 4, 5),
        (lambda d: d.shard(4, 1), 2, 6),
        (lambda d: D.zip(d, D.range(10)), 1, 2),
        (lambda d: D.zip(D.range(1000), d).batch(3), 3, 6),
        (lambda d: d.enumerate().repeat().map(lambda k, x: x), 1, 2),
        (lambda d: d.cache(), 1, 2),
        (lambda d: d.scan(np.int64(0), lambda s, x: (s + x, s)), 1, 2),
        (lambda d: d.interleave(lambda x: D.from_tensors(x), cycle_length=2), 1, 2),
    ],
)
def test_no_more_than_is_needed(make, first, second):
    source = Source()
    iterator = iter(make(source.dataset()))
    assert source.made == 0
    next(iterator)
    assert source.made == first
    next(iterator)
    assert source.made == second


def test_no_thread_before_the_first_element_and_none_after_the_iterator():
    before = set(ours())
    source = Source(10**9)
    dataset = source.dataset().prefetch(3)
    iterator = iter(dataset)
    assert set(ours()) == before
    assert int(next(iterator)) == 0
    started = set(ours()) - before
    assert len(started) == 1
    del iterator
    gc.collect()
    assert ended(started)
    assert source.closed and source.made <= 6


def test_threads_of_a_parallel_function_end():
    before = set(ours())
    dataset = D.range(10**9).map(lambda x: tf.numpy_function(lambda v: v + 1, [x], tf.int64), num_parallel_calls=3)
    iterator = iter(dataset)
    assert [int(next(iterator)) for _ in range(5)] == [1, 2, 3, 4, 5]
    started = set(ours()) - before
    assert len(started) == 3
    del iterator
    gc.collect()
    assert ended(started)


def test_prefetch_works_while_the_consumer_does():
    asked = threading.Event()

    def slow():
        yield 0
        yield 1
        asked.set()  # reached only if the second element was taken before the consumer asked for it
        yield 2

    iterator = iter(D.from_generator(slow, tf.int64).prefetch(2))
    assert int(next(iterator)) == 0
    assert asked.wait(20)
    assert [int(x) for x in iterator] == [1, 2]


def test_parallel_calls_run_side_by_side_and_keep_the_order():
    barrier = threading.Barrier(3, timeout=20)

    def together(v):
        barrier.wait()  # passes only when three calls are under way
        return v * 10

    dataset = D.range(9).map(lambda x: tf.numpy_function(together, [x], tf.int64), num_parallel_calls=3)
    assert [int(x) for x in dataset] == [10 * k for k in range(9)]


def test_bounded_reading_ahead_of_parallel_calls():
    source, gate = Source(), threading.Event()

    def work(v):
        gate.wait(20)
        return v

    dataset = source.dataset().map(lambda x: tf.numpy_function(work, [x], tf.int64), num_parallel_calls=4)
    iterator = iter(dataset)
    found = []
    consumer = threading.Thread(target=lambda: found.append(int(next(iterator))))
    consumer.start()
    while source.made < 4:
        pass
    gate.set()
    consumer.join(20)
    assert found == [0] and source.made <= 4 + 5


def test_function_is_traced_once_whatever_the_number_of_elements():
    calls = []

    def function(x):
        calls.append(1)
        return x * 2

    dataset = D.range(1000).map(function)
    assert [int(x) for x in dataset] == [2 * k for k in range(1000)]
    assert sum(int(tf.reduce_sum(b)) for b in dataset.batch(7)) == 999 * 1000
    assert len(calls) == 1


def test_elements_are_not_copied_nor_writable():
    rows = np.arange(12.0).reshape(4, 3)
    dataset = D.from_tensor_slices(rows)
    found = list(dataset)
    assert not any(x.array.flags.writeable for x in found)
    assert all(np.shares_memory(x.array, dataset.stage.columns[0]) for x in found)
    rows[:] = 0
    assert float(next(iter(dataset))[2]) == 2.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_iterator_with_threads_is_refused_after_a_fork():
    dataset = D.range(100).prefetch(2)
    iterator = iter(dataset)
    next(iterator)
    child = os.fork()
    if not child:
        code = 1
        try:
            next(iterator)
        except tf.errors.FailedPreconditionError as error:
            code = 0 if "forked" in str(error) and int(next(iter(D.range(3)))) == 0 else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert int(next(iterator)) == 1


def test_a_cache_reads_its_source_once():
    source = Source(5)
    dataset = source.dataset().cache()
    assert [int(x) for x in dataset] == list(range(5)) and source.made == 5
    assert [int(x) for x in dataset.repeat(2)] == [*range(5), *range(5)] and source.made == 5


def test_a_cache_that_was_not_read_to_the_end_is_not_kept():
    source = Source(5)
    dataset = source.dataset().cache()
    next(iter(dataset))
    assert [int(x) for x in dataset] == list(range(5)) and source.made == 6


def test_a_generator_that_fills_one_array_again_and_again():
    def rows():
        row = np.zeros(2)
        for k in range(3):
            row[:] = k
            yield row

    dataset = D.from_generator(rows, output_signature=tf.TensorSpec((2,), tf.float64))
    assert [b.numpy().tolist() for b in dataset.batch(3)] == [[[0, 0], [1, 1], [2, 2]]]
