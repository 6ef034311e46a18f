"""Queues, accumulators and Python functions in TensorFlow 1's graphs; input pipelines; coordinators."""

import threading
import time

import numpy as np
import pytest

import graphc.v1 as tf

RNG = np.random.default_rng(0)


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
    thread.join(20)
    assert not thread.is_alive()
    return found[0]


# ------------------------------------------------------------------------------------------------ queues


def test_operations_of_a_queue():
    q = tf.FIFOQueue(3, [tf.float32, tf.int32], shapes=[[], [2]])
    enqueue, many = q.enqueue((1.0, [1, 2])), q.enqueue_many(([2.0, 3.0], [[3, 4], [5, 6]]))
    one, both, rest, size = q.dequeue(), q.dequeue_many(2), q.dequeue_up_to(9), q.size()
    assert enqueue.name == "fifo_queue_enqueue" and enqueue.type == "QueueEnqueueV2"
    assert one[1].name == "fifo_queue_Dequeue:1" and one[1].shape.as_list() == [2]
    assert both[1].shape.as_list() == [2, 2] and rest[0].shape.as_list() == [None]
    with tf.Session() as sess:
        sess.run(enqueue)
        sess.run(many)
        assert sess.run(size) == 3
        x, y = sess.run(one)
        assert x == 1.0 and y.tolist() == [1, 2]
        x, y = sess.run(both)
        assert x.tolist() == [2, 3] and y.tolist() == [[3, 4], [5, 6]]
        sess.run(enqueue)
        sess.run(q.close())
        assert sess.run(q.is_closed())
        assert sess.run(rest)[0].tolist() == [1.0]
        for op, error in ((one, tf.errors.OutOfRangeError), (enqueue, tf.errors.CancelledError)):
            with pytest.raises(error, match="FIFOQueue 'fifo_queue' is closed"):
                sess.run(op)


def test_operations_of_a_queue_go_into_its_graph():
    q = tf.FIFOQueue(3, tf.float32, shapes=[[]])
    with tf.Graph().as_default():
        assert q.dequeue().graph is q.graph


def test_every_session_has_its_own_queue():
    q = tf.FIFOQueue(3, tf.float32, shapes=[[]])
    put, size = q.enqueue(1.0), q.size()
    with tf.Session() as one, tf.Session() as other:
        one.run(put)
        one.run(q.close())
        assert one.run(size) == 1 and other.run(size) == 0 and not other.run(q.is_closed())


def test_a_number_of_elements_that_is_fed():
    q, n = tf.FIFOQueue(9, tf.float32, shapes=[[]]), tf.placeholder(tf.int32, [])
    x = tf.placeholder(tf.float32, [None])
    put, total = q.enqueue_many([x]), tf.reduce_sum(q.dequeue_many(n))
    with tf.Session() as sess:
        sess.run(put, {x: [1, 2, 3, 4, 5]})
        assert sess.run(total, {n: 2}) == 3.0 and sess.run(total, {n: 3}) == 12.0


def test_a_blocked_run_lets_others_run():
    q, v = tf.FIFOQueue(1, tf.float32, shapes=[[]]), tf.Variable(0.0)
    x = tf.placeholder(tf.float32, [])
    put, get, count = q.enqueue(x), q.dequeue() * 2, tf.assign_add(v, 1.0)
    with tf.Session() as sess:
        sess.run(v.initializer)
        waiting = in_thread(lambda: sess.run(get))
        time.sleep(0.2)
        for _ in range(3):
            sess.run(count)
        late = tf.square(x)  # even one that must be compiled first
        assert sess.run(late, {x: 3.0}) == 9.0 and not waiting[1]
        sess.run(put, {x: 4.0})
        assert finished(*waiting) == 8.0 and sess.run(v) == 3.0


def test_closing_a_session_ends_what_waits():
    q = tf.FIFOQueue(1, tf.float32, shapes=[[]])
    get = q.dequeue()
    sess = tf.Session()
    waiting = in_thread(lambda: sess.run(get))
    time.sleep(0.2)
    sess.close()
    assert isinstance(finished(*waiting), tf.errors.CancelledError)


@pytest.mark.filterwarnings("ignore:the run of")
def test_elements_of_unknown_rank():
    q = tf.FIFOQueue(10, tf.float32)
    x = tf.placeholder(tf.float32)
    put, element = q.enqueue(x), q.dequeue()
    total = tf.reduce_sum(element * 2)
    assert element.shape.ndims is None
    with tf.Session() as sess:
        for value in (1.0, [1.0, 2.0], [[3.0]], 5.0):
            sess.run(put, {x: value})
        assert [float(sess.run(total)) for _ in range(4)] == [2.0, 6.0, 6.0, 10.0]  # none is lost to finding out
        assert sess.run(q.size()) == 0


def test_padding_shuffling_and_priorities():
    padding = tf.PaddingFIFOQueue(9, tf.int32, shapes=[[None]])
    n = tf.placeholder(tf.int32, [])
    fill, batch = padding.enqueue(tf.range(n)), padding.dequeue_many(3)
    shuffle = tf.RandomShuffleQueue(30, 2, tf.int32, shapes=[[]], seed=5)
    mix, drawn = shuffle.enqueue_many([list(range(20))]), shuffle.dequeue()
    ordered = tf.PriorityQueue(9, tf.string, shapes=[[]])
    with tf.Session() as sess:
        for k in (1, 3, 2):
            sess.run(fill, {n: k})
        assert sess.run(batch).tolist() == [[0, 0, 0], [0, 1, 2], [0, 1, 0]]
        sess.run(mix)
        assert [int(sess.run(drawn)) for _ in range(10)] == [11, 19, 6, 5, 8, 4, 1, 9, 15, 13]
        sess.run(ordered.enqueue_many(([3, 1], ["c", "a"])))
        assert sess.run(ordered.dequeue()) == [1, b"a"]


def test_effects_happen_in_order_and_once():
    q = tf.FIFOQueue(9, tf.int32, shapes=[[]])
    with tf.control_dependencies([q.enqueue(1)]):
        with tf.control_dependencies([q.enqueue(2)]):
            size = q.size()
    a = q.dequeue()
    with tf.control_dependencies([a]):
        b = q.dequeue()
    with tf.Session() as sess:
        assert sess.run(size) == 2
        assert sess.run([a, b, a + b]) == [1, 2, 3]


def test_a_gradient_stops_at_a_queue():
    q, w = tf.FIFOQueue(9, tf.float32, shapes=[[2]]), tf.Variable([3.0, 4.0])
    put, x = q.enqueue([1.0, 2.0]), q.dequeue()
    (slope,) = tf.gradients(tf.reduce_sum(x * w), [w])
    with tf.Session() as sess:
        sess.run([w.initializer, put])
        assert sess.run(slope).tolist() == [1.0, 2.0]


def test_accumulators():
    a = tf.ConditionalAccumulator(tf.float32, shape=[2])
    g, step = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.int64, [])
    put, take = a.apply_grad(g, local_step=step), a.take_grad(2)
    with tf.Session() as sess:
        waiting = in_thread(lambda: sess.run(take))
        sess.run(put, {g: [1, 2], step: 0})
        sess.run(put, {g: [3, 6], step: 0})
        assert finished(*waiting).tolist() == [2.0, 4.0]
        sess.run(put, {g: [9, 9], step: 0})
        assert sess.run(a.num_accumulated()) == 0
    sparse = tf.SparseConditionalAccumulator(tf.float32)
    with tf.Session() as sess:
        sess.run(sparse.apply_grad([0, 2], [[1.0], [2.0]], [4, 1]))
        sess.run(sparse.apply_grad([2], [[4.0]], [4, 1]))
        indices, rows, shape = sess.run(sparse.take_grad(1))
        assert indices.tolist() == [0, 2] and rows.tolist() == [[1.0], [3.0]] and shape.tolist() == [4, 1]


# ---------------------------------------------------------------------------------------- Python functions


def test_py_func_is_called_once_in_a_run_though_its_rank_must_be_found_out():
    shapes = []

    def outer(a, b):
        shapes.append(a.shape)
        return np.outer(a, b).astype(np.float32)

    x = tf.placeholder(tf.float32, [None])
    y = tf.py_func(outer, [x, x], tf.float32)
    z = tf.matmul(y, tf.ones([3, 1]))
    assert y.shape.ndims is None
    total, turned = tf.py_func(lambda m: (m.sum(), m.T), [y], [tf.float32, tf.float32])
    with tf.Session() as sess:
        for _ in range(2):
            assert sess.run(z, {x: [1, 2, 3]}).tolist() == [[6], [12], [18]]
        assert len(shapes) == 2
        s, t = sess.run([total, turned], {x: [1, 2]})
        assert s == 9.0 and t.tolist() == [[1, 2], [2, 4]] and len(shapes) == 3


def test_set_shape_promises_the_result_of_a_function():
    x = tf.placeholder(tf.float32, [None, 2])
    y = tf.py_func(lambda a: a[:, ::-1], [x], tf.float32)
    y.set_shape([None, 2])
    w = tf.Variable(tf.ones([2, 1]))
    out = tf.matmul(y, w)
    assert out.shape.as_list() == [None, 1]
    with tf.Session() as sess:
        sess.run(w.initializer)
        assert sess.run(out, {x: [[1, 2], [3, 4]]}).tolist() == [[3], [7]]
        assert sess.run(tf.gradients(out, w), {x: [[1, 2], [3, 4]]})[0].tolist() == [[6], [4]]


def test_two_functions_of_one_name_are_two():
    def made(k):
        return lambda x: x + np.float32(k)

    a, b = (tf.py_func(made(k), [1.0], tf.float32) for k in (1, 2))
    with tf.Session() as sess:
        assert sess.run(a) == 2.0 and sess.run(b) == 3.0


def test_errors_of_functions():
    def bad(x):
        raise ValueError("oops")

    with tf.Session() as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match="oops"):
            sess.run(tf.py_func(bad, [1.0], tf.float32))
        with pytest.raises(tf.errors.InvalidArgumentError, match="Tout says double|Tout says float64"):
            sess.run(tf.py_func(lambda x: x, [1.0], tf.float64))
        assert sess.run(tf.py_func(lambda: b"hi", [], tf.string)) == b"hi"
        called = []
        sess.run(tf.py_func(called.append, [1.0], []))
        assert called == [1.0]


def test_py_function_gets_tensors():
    x = tf.placeholder(tf.float32, [None])
    y = tf.py_function(lambda a: a * 2 if float(a[0]) > 0 else a, [x], tf.float32)
    with tf.Session() as sess:
        assert sess.run(y + 1, {x: [1, 2]}).tolist() == [3, 5]
        assert sess.run(y + 1, {x: [-1, 2]}).tolist() == [0, 3]


def test_a_gradient_goes_through_py_function_but_not_through_py_func():
    w, k = tf.Variable([1.0, 2.0]), tf.constant(3)
    y, z = tf.py_function(lambda a, n: (a * a * float(n), float(n)), [w, k], [tf.float32, tf.float32])
    blind = tf.py_func(lambda a: a * 2, [w], tf.float32)
    (slope,) = tf.gradients(tf.reduce_sum(y * tf.constant([1.0, 10.0])), [w])
    assert tf.gradients(blind, [w]) == [None]
    with tf.Session() as sess:
        sess.run(w.initializer)
        assert sess.run(slope).tolist() == [6.0, 120.0]
        assert sess.run(z) == 3.0
    y = tf.py_function(lambda a: a * a, [w], tf.float32)
    y.set_shape([2])
    (slope,) = tf.gradients(y, [w])
    with tf.Session() as sess:
        sess.run(w.initializer)
        assert sess.run(slope).tolist() == [2.0, 4.0]


# -------------------------------------------------------------------------------------------- pipelines


def test_a_training_program_with_an_input_pipeline():
    points = RNG.normal(size=(64, 3)).astype(np.float32)
    answers = points @ np.array([[1.0], [2.0], [3.0]], np.float32)
    x, y = tf.train.slice_input_producer([points, answers], num_epochs=20, seed=1)
    assert x.shape.as_list() == [3]
    xs, ys = tf.train.batch([x, y], batch_size=16)
    assert xs.shape.as_list() == [16, 3]
    w, step = tf.Variable(tf.zeros([3, 1])), tf.Variable(0, trainable=False)
    loss = tf.reduce_mean(tf.square(tf.matmul(xs, w) - ys))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess=sess, coord=coord)
        try:
            while not coord.should_stop():
                sess.run(train)
        except tf.errors.OutOfRangeError:
            pass
        finally:
            coord.request_stop()
        coord.join(threads)
        assert sess.run(step) == 80
        np.testing.assert_allclose(sess.run(w), [[1], [2], [3]], atol=1e-3)


def test_epochs_of_names():
    name = tf.train.string_input_producer(["a", "b", "c"], num_epochs=2, shuffle=True, seed=1).dequeue()
    names = []
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(coord=coord)
        with coord.stop_on_exception():
            while True:
                names.append(sess.run(name))
        coord.join(threads)  # the end of the epochs is no error
    assert sorted(names[:3]) == sorted(names[3:]) == [b"a", b"b", b"c"]


def test_shuffled_and_filtered_batches():
    number = tf.train.range_input_producer(10, shuffle=False).dequeue()
    mixed = tf.train.shuffle_batch({"n": number, "twice": 2 * number}, 4, 100, 20, num_threads=2)
    even = tf.train.maybe_batch(number, tf.equal(number % 2, 0), 5)
    with tf.Session() as sess:
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(coord=coord)
        for _ in range(3):
            found = sess.run(mixed)
            assert (found["twice"] == 2 * found["n"]).all() and found["n"].shape == (4,)
            assert (sess.run(even) % 2 == 0).all()
        coord.request_stop()
        coord.join(threads, stop_grace_period_secs=20)


def test_the_last_batch_may_be_smaller_and_examples_may_differ_in_size():
    number = tf.train.range_input_producer(5, num_epochs=1, shuffle=False).dequeue()
    batch = tf.train.batch([tf.range(number)], 3, dynamic_pad=True, allow_smaller_final_batch=True)
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(coord=coord)
        assert sess.run(batch).tolist() == [[0, 0], [0, 0], [0, 1]]
        assert sess.run(batch).tolist() == [[0, 1, 2, 0], [0, 1, 2, 3]]
        with pytest.raises(tf.errors.OutOfRangeError):
            sess.run(batch)
        coord.request_stop()
        coord.join(threads)


def test_refusals_of_pipelines():
    x = tf.placeholder(tf.float32, [None])
    with pytest.raises(ValueError, match="must be known"):
        tf.train.batch([x], 2)
    with pytest.raises(ValueError, match="no strings"):
        tf.train.string_input_producer([])
    with pytest.raises(ValueError, match="must be positive"):
        tf.train.limit_epochs(1.0, num_epochs=0)
    with pytest.raises(ValueError, match="no session"):
        try:
            tf.train.start_queue_runners()
        except RuntimeError as error:
            raise ValueError(str(error)) from None


def test_counting_up_to_a_limit():
    v = tf.Variable(0)
    count = tf.count_up_to(v, 2)
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert [sess.run(count), sess.run(count)] == [0, 1]
        for _ in range(2):
            with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 2"):
                sess.run(count)
        assert sess.run(v) == 2


# ------------------------------------------------------------------------------------------- coordinators


def test_a_coordinator_raises_what_a_thread_raised():
    coord = tf.train.Coordinator()

    def work():
        with coord.stop_on_exception():
            raise KeyError("broken")

    thread = threading.Thread(target=work)
    thread.start()
    with pytest.raises(KeyError, match="broken"):
        coord.join([thread])
    assert coord.should_stop() and coord.joined
    coord.clear_stop()
    assert not coord.should_stop() and not coord.joined
    coord.request_stop(tf.errors.OutOfRangeError("over"))
    coord.join()


def test_a_coordinator_names_threads_that_do_not_stop():
    coord, event = tf.train.Coordinator(), threading.Event()
    thread = threading.Thread(target=event.wait, name="stubborn", daemon=True)
    thread.start()
    coord.request_stop()
    with pytest.raises(RuntimeError, match="stubborn"):
        coord.join([thread], stop_grace_period_secs=0.1)
    coord.join([thread], stop_grace_period_secs=0.1, ignore_live_threads=True)
    event.set()


def test_a_looper_calls_until_it_is_stopped():
    coord, times = tf.train.Coordinator(), []

    def step():
        times.append(1)
        if len(times) == 3:
            coord.request_stop()

    tf.train.LooperThread.loop(coord, None, step)
    coord.join()
    assert len(times) == 3


def test_an_error_in_a_queue_runner_reaches_join():
    q = tf.FIFOQueue(9, tf.float32, shapes=[[]])
    x = tf.placeholder(tf.float32, [])
    tf.train.add_queue_runner(tf.train.QueueRunner(q, [q.enqueue(x)]))
    with tf.Session():
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(coord=coord)
        with pytest.raises(ValueError, match="needed but not fed"):
            coord.join(threads)


# ------------------------------------------------------------------------------------------------ printing


def test_print_passes_its_input_and_gradient_through(capfd):
    v = tf.Variable([[1.5, 2.0, 3.0], [4.0, 5.0, 6.0]])
    y = tf.Print(v * 2, [v, "text", [True, False]], "v: ", first_n=2, summarize=4)
    (slope,) = tf.gradients(y, v)
    with tf.Session() as sess:
        sess.run(v.initializer)
        for _ in range(3):
            assert sess.run(y)[0, 0] == 3.0
        assert sess.run(slope).tolist() == [[2.0] * 3] * 2
    assert capfd.readouterr().err == "v: [[1.5 2 3][4...]...][text][1 0]\n" * 2


def test_printing_and_assertions_as_dependencies(capfd):
    x = tf.placeholder(tf.float32, [])
    with tf.control_dependencies([tf.print("x is", x), tf.Assert(x > 0, [x])]):
        y = tf.identity(x)
    only_text = tf.print("only text")
    with tf.Session() as sess:
        assert sess.run(y, {x: 2.0}) == 2.0
        with pytest.raises(tf.errors.InvalidArgumentError, match="assertion failed"):
            sess.run(y, {x: -1.0})
        assert capfd.readouterr().err == "x is 2\nx is -1\n"
        sess.run(only_text)
        assert capfd.readouterr().err == "only text\n"


# ------------------------------------------------------------------------------------------------- readers


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"h1,h2\n1,2.5\n3,4.5\n")
    (tmp_path / "b.csv").write_bytes(b"h1,h2\r\n5,6.5\r\n\n7,8")
    (tmp_path / "c.bin").write_bytes(b"HH123456789012F")
    return tmp_path


def read_all(reader, *files):
    q = tf.FIFOQueue(10, tf.string, shapes=[[]])
    fill, record = q.enqueue_many([[str(f) for f in files]]), reader.read(q)
    found = []
    with tf.Session() as sess:
        sess.run(fill)
        sess.run(q.close())
        with pytest.raises(tf.errors.OutOfRangeError):
            while True:
                found.append(tuple(sess.run(record)))
        numbers = sess.run([reader.num_records_produced(), reader.num_work_units_completed()])
    assert numbers == [len(found), len(files)]
    start = len(str(files[0].parent)) + 1
    return [(key[start:].decode(), value.decode()) for key, value in found]


def test_readers(folder):
    lines = read_all(tf.TextLineReader(skip_header_lines=1), folder / "a.csv", folder / "b.csv")
    assert lines[:2] == [("a.csv:2", "1,2.5"), ("a.csv:3", "3,4.5")]
    assert lines[2:] == [("b.csv:2", "5,6.5"), ("b.csv:3", ""), ("b.csv:4", "7,8")]
    assert read_all(tf.WholeFileReader(), folder / "a.csv") == [("a.csv", "h1,h2\n1,2.5\n3,4.5\n")]
    fixed = tf.FixedLengthRecordReader(4, header_bytes=2, footer_bytes=1)
    assert read_all(fixed, folder / "c.bin") == [("c.bin:0", "1234"), ("c.bin:1", "5678"), ("c.bin:2", "9012")]
    hops = tf.FixedLengthRecordReader(4, header_bytes=2, footer_bytes=1, hop_bytes=2)
    assert [value for _, value in read_all(hops, folder / "c.bin")] == ["1234", "3456", "5678", "7890", "9012"]
    (pair,) = read_all(tf.IdentityReader(), folder / "a.csv")
    assert pair[0] == "a.csv" and pair[1].endswith("a.csv")


def test_a_reader_reads_several_records_and_refuses_what_is_not_there(folder):
    q = tf.FIFOQueue(10, tf.string, shapes=[[]])
    reader = tf.TextLineReader()
    some = reader.read_up_to(q, 2)
    with tf.Session() as sess:
        sess.run(q.enqueue_many([[str(folder / "a.csv"), str(folder / "none")]]))
        assert sess.run(some).values.tolist() == [b"h1,h2", b"1,2.5"]
        assert sess.run(some).values.tolist() == [b"3,4.5"]
        with pytest.raises(tf.errors.NotFoundError, match="none"):
            sess.run(some)
        sess.run(reader.reset())
        assert sess.run(reader.num_records_produced()) == 0


def test_a_pipeline_from_csv_files(folder):
    names = tf.train.string_input_producer(tf.train.match_filenames_once(str(folder / "a*.csv")), num_epochs=2)
    _, line = tf.TextLineReader(skip_header_lines=1).read(names)
    a, b = tf.decode_csv(line, record_defaults=[[0], [0.0]])
    batch = tf.train.batch([a, b], 4)
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(coord=coord)
        whole, broken = sess.run(batch)
        coord.request_stop()
        coord.join(threads)
    assert whole.tolist() == [1, 3, 1, 3] and broken.tolist() == [2.5, 4.5, 2.5, 4.5]


def test_an_error_of_a_function_keeps_its_cause_and_names_the_line():
    def bad(x):
        raise KeyError("nothing here")

    y = tf.py_func(bad, [1.0], tf.float32)
    with tf.Session() as sess, pytest.raises(tf.errors.UnknownError, match="(?s)bad raised KeyError.*test_queues.py") as info:
        sess.run(y)
    assert isinstance(info.value.__cause__, KeyError)
