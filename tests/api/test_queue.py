"""Queues and accumulators used eagerly, from one thread and from several."""

import threading
import time

import numpy as np
import pytest

import graphc as tf
from graphc.api.accumulator import ConditionalAccumulator, SparseConditionalAccumulator


def values(tensors):
    return [np.asarray(t.numpy()).tolist() for t in tensors]


def in_thread(function):
    """Start a thread; answers with it and the list that gets the function's answer or error."""
    found = []

    def run():
        try:
            found.append(function())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, found


def finished(thread, found):
    thread.join(10)
    assert not thread.is_alive()
    return found[0]


def test_first_in_first_out():
    q = tf.queue.FIFOQueue(3, [tf.float32, tf.int32], shapes=[[], [2]])
    assert q.dtypes == [tf.float32, tf.int32] and q.name == "fifo_queue" and q.names is None
    q.enqueue((1.0, [1, 2]))
    q.enqueue_many(([2.0, 3.0], [[3, 4], [5, 6]]))
    assert int(q.size()) == 3
    assert values(q.dequeue()) == [1.0, [1, 2]]
    assert values(q.dequeue_many(2)) == [[2.0, 3.0], [[3, 4], [5, 6]]]
    assert int(q.size()) == 0 and not q.is_closed()


def test_a_closed_queue():
    q = tf.queue.FIFOQueue(10, tf.int64, shapes=[[]])
    q.enqueue_many([[1, 2, 3]])
    q.close()
    assert q.is_closed()
    with pytest.raises(tf.errors.CancelledError, match="is closed"):
        q.enqueue(4)
    with pytest.raises(tf.errors.CancelledError, match="already closed"):
        q.close()
    with pytest.raises(tf.errors.OutOfRangeError, match="requested 4, current size 3"):
        q.dequeue_many(4)
    assert q.dequeue_up_to(5).numpy().tolist() == [1, 2, 3]
    for take in (q.dequeue, lambda: q.dequeue_up_to(2), lambda: q.dequeue_many(1)):
        with pytest.raises(tf.errors.OutOfRangeError, match="closed and has insufficient elements"):
            take()


def test_dequeue_waits_for_an_element():
    q = tf.queue.FIFOQueue(2, tf.float32, shapes=[[]])
    thread, found = in_thread(lambda: float(q.dequeue()))
    time.sleep(0.05)
    assert not found
    q.enqueue(7.0)
    assert finished(thread, found) == 7.0


def test_enqueue_waits_for_room_and_more_than_fits_can_be_taken():
    q = tf.queue.FIFOQueue(2, tf.float32, shapes=[[]])
    thread, found = in_thread(lambda: q.enqueue_many([np.arange(6, dtype=np.float32)]))
    assert q.dequeue_many(5).numpy().tolist() == [0, 1, 2, 3, 4]
    assert finished(thread, found) is None
    assert float(q.dequeue()) == 5.0


def test_closing_lets_what_waits_come_in_or_cancels_it():
    q = tf.queue.FIFOQueue(1, tf.float32, shapes=[[]])
    q.enqueue(1.0)
    waiting = in_thread(lambda: q.enqueue(2.0))
    time.sleep(0.05)
    closing = in_thread(q.close)
    time.sleep(0.05)
    assert not q.is_closed()
    assert float(q.dequeue()) == 1.0
    assert finished(*waiting) is None and finished(*closing) is None
    assert float(q.dequeue()) == 2.0 and q.is_closed()

    q = tf.queue.FIFOQueue(1, tf.float32)
    q.enqueue(1.0)
    waiting = in_thread(lambda: q.enqueue(2.0))
    time.sleep(0.05)
    q.close(cancel_pending_enqueues=True)
    assert isinstance(finished(*waiting), tf.errors.CancelledError)
    assert float(q.dequeue()) == 1.0


def test_a_waiting_dequeue_ends_when_the_queue_is_closed():
    q = tf.queue.FIFOQueue(3, tf.float32, shapes=[[]])
    q.enqueue(1.0)
    waiting = in_thread(lambda: q.dequeue_many(2))
    time.sleep(0.05)
    q.close()
    assert isinstance(finished(*waiting), tf.errors.OutOfRangeError)
    assert float(q.dequeue()) == 1.0  # what it had taken is back


def test_shuffling_draws_tensorflows_order():
    q = tf.queue.RandomShuffleQueue(30, 2, [tf.int32], shapes=[[]], seed=5)
    q.enqueue_many([list(range(20))])
    assert [int(q.dequeue()) for _ in range(10)] == [11, 19, 6, 5, 8, 4, 1, 9, 15, 13]


def test_shuffling_keeps_some_until_closed():
    q = tf.queue.RandomShuffleQueue(10, 2, tf.int32, shapes=[[]])
    q.enqueue_many([[1, 2, 3]])
    first = int(q.dequeue())
    waiting = in_thread(lambda: int(q.dequeue()))
    time.sleep(0.05)
    assert not waiting[1]
    q.close()
    assert sorted([first, finished(*waiting), int(q.dequeue())]) == [1, 2, 3]


def test_padding():
    q = tf.queue.PaddingFIFOQueue(10, [tf.float32, tf.int32], shapes=[[None], [2, None]])
    q.enqueue(([1.0, 2.0], [[1], [2]]))
    q.enqueue(([3.0], [[1, 2, 3], [4, 5, 6]]))
    q.enqueue(([4.0], [[7], [8]]))
    batch = q.dequeue_many(2)
    assert values(batch) == [[[1, 2], [3, 0]], [[[1, 0, 0], [2, 0, 0]], [[1, 2, 3], [4, 5, 6]]]]
    assert values(q.dequeue()) == [[4.0], [[7], [8]]]
    with pytest.raises(ValueError, match="shapes must be given"):
        tf.queue.PaddingFIFOQueue(10, tf.float32, None)


def test_priorities():
    q = tf.queue.PriorityQueue(10, tf.string, shapes=[[]])
    q.enqueue((3, "c"))
    q.enqueue_many(([2, 0, 2], ["b", "z", "a"]))
    assert values(q.dequeue()) == [0, b"z"]
    assert values(q.dequeue_many(3)) == [[2, 2, 3], [b"b", b"a", b"c"]]


def test_names():
    q = tf.queue.FIFOQueue(3, [tf.float32, tf.int32], shapes=[[], [2]], names=["a", "b"])
    q.enqueue({"a": 1.0, "b": [1, 2]})
    found = q.dequeue()
    assert sorted(found) == ["a", "b"] and found["b"].numpy().tolist() == [1, 2]
    with pytest.raises(ValueError, match="takes a dictionary"):
        q.enqueue((1.0, [1, 2]))
    with pytest.raises(ValueError, match="are not the names"):
        q.enqueue({"a": 1.0})


def test_refusals_name_the_component():
    q = tf.queue.FIFOQueue(3, [tf.float32, tf.int32], shapes=[[], [2]])
    with pytest.raises(ValueError, match=r"component 1 has shape \(3,\), but \(2,\)"):
        q.enqueue((1.0, [1, 2, 3]))
    with pytest.raises(ValueError, match="3 components instead of 2"):
        q.enqueue((1.0, [1, 2], 3))
    with pytest.raises(TypeError, match="float32"):
        q.enqueue(("a", [1, 2]))
    with pytest.raises(ValueError, match="equally many"):
        q.enqueue_many(([1.0, 2.0], [[1, 2]]))
    with pytest.raises(ValueError, match="shapes"):
        tf.queue.FIFOQueue(3, tf.float32).dequeue_many(2)
    with pytest.raises(ValueError, match="one of its kinds"):
        tf.queue.QueueBase([tf.float32], None, None, None)
    with pytest.raises(ValueError, match="2 shapes for 1"):
        tf.queue.FIFOQueue(3, tf.float32, shapes=[[1], [2]])


def test_many_threads_lose_nothing():
    q = tf.queue.FIFOQueue(4, tf.int32, shapes=[[]])
    adding = [in_thread(lambda k=k: [q.enqueue(10 * k + j) for j in range(10)]) for k in range(4)]
    taking = [in_thread(lambda: q.dequeue_many(20).numpy().tolist()) for _ in range(2)]
    for pair in adding:
        finished(*pair)
    assert sorted(x for pair in taking for x in finished(*pair)) == list(range(40))


def test_accumulators():
    a = ConditionalAccumulator(tf.float32, shape=[2])
    thread, found = in_thread(lambda: a.take_grad(2).numpy().tolist())
    a.apply_grad([1.0, 2.0], local_step=0)
    a.apply_grad([3.0, 6.0], local_step=0)
    assert finished(thread, found) == [2.0, 4.0]
    a.apply_grad([9.0, 9.0], local_step=0)  # too late: the step is 1 by now
    assert int(a.num_accumulated()) == 0
    a.set_global_step(5)
    a.apply_grad([1.0, 1.0], local_step=4)
    a.apply_grad([5.0, 5.0], local_step=5)
    assert a.take_grad(1).numpy().tolist() == [5.0, 5.0]
    with pytest.raises(ValueError, match="expected"):
        a.apply_grad([1.0])
    total = ConditionalAccumulator(tf.float64, reduction_type="SUM")
    total.apply_grad(1.0)
    total.apply_grad(2.0)
    assert float(total.take_grad(1)) == 3.0


def test_sparse_accumulators_divide_each_row_by_its_own_count():
    a = SparseConditionalAccumulator(tf.float32, shape=[4, 2])
    a.apply_grad([0, 2], [[1.0, 1.0], [2.0, 2.0]], [4, 2])
    a.apply_grad([2, 3], [[4.0, 4.0], [8.0, 8.0]])
    indices, rows, shape = a.take_grad(2)
    assert values([indices, rows, shape]) == [[0, 2, 3], [[1, 1], [3, 3], [8, 8]], [4, 2]]
    a.apply_indexed_slices_grad(tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([1], tf.int64)), local_step=1)
    found = a.take_indexed_slices_grad(1)
    assert values([found.indices, found.values]) == [[1], [[1.0, 2.0]]]
