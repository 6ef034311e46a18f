"""Programs that go through a MetaGraphDef and come back the same: effects, control flow, randomness, host work."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import GraphcError

PROGRAMS = {}


def program(*fetches):
    """A program: makes a graph; the names in ``fetches`` are run one after the other."""

    def keep(build):
        PROGRAMS[build.__name__] = build, fetches
        return build

    return keep


@program("put", "put", "size:0", "y:0")
def fifo_queue():
    q = tf.FIFOQueue(10, tf.float32, shapes=[[2]], name="q")
    q.enqueue([[3.0, 4.0]], name="put")
    q.size(name="size")
    tf.multiply(q.dequeue(name="take"), 2.0, name="y")


@program("put", "y:0", "close", "closed:0")
def many_of_a_queue():
    q = tf.FIFOQueue(10, [tf.int32, tf.string], shapes=[[], []], name="q")
    q.enqueue_many([[1, 2, 3], ["a", "b", "c"]], name="put")
    numbers, words = q.dequeue_many(2)
    tf.add(numbers, tf.strings.length(words), name="y")
    q.close(name="close")
    q.is_closed(name="closed")


@program("put", "y:0")
def priority_queue():
    q = tf.PriorityQueue(10, [tf.string], shapes=[[]], name="q")
    q.enqueue_many([np.array([3, 1, 2], np.int64), ["c", "a", "b"]], name="put")
    tf.identity(q.dequeue_many(3)[1], name="y")


@program("put", "y:0")
def padding_queue():
    q = tf.PaddingFIFOQueue(10, tf.int64, shapes=[[None]], name="q")
    tf.group(q.enqueue([np.array([1, 2], np.int64)]), q.enqueue([np.array([3], np.int64)]), name="put")
    tf.identity(q.dequeue_many(2), name="y")


@program("put", "y:0")
def shuffled_queue():
    q = tf.RandomShuffleQueue(10, 0, tf.int32, shapes=[[]], seed=3, name="q")
    q.enqueue_many([tf.range(6)], name="put")
    tf.identity(q.dequeue_many(6), name="y")


@program("init", "y:0")
def hash_table():
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
    tf.identity(table.lookup(tf.constant(["b", "c", "a"])), name="y")
    tf.group(tf.tables_initializer(), name="init")


@program("y:0")
def printed():
    tf.multiply(tf.Print(tf.constant(2.0), [tf.constant("two")]), 3.0, name="y")


@program("y:0")
def asserted():
    x = tf.constant([1.0, 2.0])
    with tf.control_dependencies([tf.Assert(tf.reduce_all(x > 0), [x])]):
        tf.identity(x * 2.0, name="y")


@program("refused")
def assertion_that_fails():
    tf.Assert(tf.constant(False), [tf.constant("no")], name="refused")


@program("y:0", "y:0", "z:0")
def random_numbers():
    tf.random_uniform([3], seed=5, name="y")
    tf.identity(tf.random_normal([2], seed=6) + tf.truncated_normal([2], seed=7), name="z")


@program("y:0")
def shuffled():
    tf.identity(tf.random_shuffle(tf.range(8), seed=2), name="y")


@program("y:0")
def dropped():
    tf.identity(tf.nn.dropout(tf.ones([10]), keep_prob=0.5, seed=4), name="y")


@program("y:0")
def conditional():
    x = tf.constant(3.0)
    tf.identity(tf.cond(x > 2.0, lambda: x * 2.0, lambda: x - 1.0), name="y")


@program("y:0")
def loop():
    tf.identity(tf.while_loop(lambda i, s: i < 5, lambda i, s: (i + 1, s + i), [0, 0])[1], name="y")


@program("y:0")
def mapped():
    tf.identity(tf.map_fn(lambda v: v * v, tf.constant([1.0, 2.0, 3.0])), name="y")


@program("y:0")
def scanned():
    tf.identity(tf.scan(lambda a, v: a + v, tf.constant([1.0, 2.0, 3.0])), name="y")


@program("y:0")
def tensor_array():
    array = tf.TensorArray(tf.float32, size=3)
    for k in range(3):
        array = array.write(k, float(k * k))
    tf.identity(array.stack(), name="y")


@program("y:0")
def tensor_array_in_a_loop():
    start = tf.TensorArray(tf.int32, size=4)
    done = tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, i * i)), [0, start])[1]
    tf.identity(done.stack(), name="y")


@program("y:0")
def case_of_three():
    x = tf.constant(2)
    found = tf.case([(tf.equal(x, 1), lambda: tf.constant(10)), (tf.equal(x, 2), lambda: tf.constant(20))],
                    default=lambda: tf.constant(30))  # fmt: skip
    tf.identity(found, name="y")


@program("init", "step", "step", "w/read:0")
def training():
    w = tf.Variable([1.0, 2.0], name="w")
    tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(w * w), name="step")
    tf.group(tf.global_variables_initializer(), name="init")


@program("init", "y:0", "y:0")
def counter_in_a_condition():
    v = tf.Variable(1.0, name="v")
    tf.identity(tf.cond(v < 3.0, lambda: v * 2.0, lambda: v * 10.0) + tf.assign_add(v, 2.0), name="y")
    tf.group(v.initializer, name="init")


@program("y:0")
def strings():
    tf.identity(tf.string_join([tf.constant(["a", "b"]), tf.as_string(tf.constant([1, 2]))], "-"), name="y")


@program("y:0")
def sizes_that_depend_on_data():
    x = tf.constant([1.0, -2.0, 3.0])
    tf.identity(tf.boolean_mask(x, x > 0), name="y")


@program("y:0")
def unique():
    tf.identity(tf.unique(tf.constant([3, 1, 3, 2]))[0], name="y")


@program("put", "y:0")
def queue_in_a_loop():
    q = tf.FIFOQueue(10, tf.int32, shapes=[[]], name="q")
    q.enqueue_many([[5, 6, 7]], name="put")
    total = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + q.dequeue()), [0, 0])[1]
    tf.identity(total, name="y")


@program("y:0", "left:0")
def reader():
    names = tf.FIFOQueue(2, tf.string, shapes=[[]], name="names")
    with tf.control_dependencies([names.enqueue([__file__])]):
        tf.identity(tf.TextLineReader().read(names)[1], name="y")
    names.size(name="left")


def values(graph, fetches):
    """What running the names gives, one after the other; an error by its kind."""
    found = []
    with tf.Session(graph=graph) as sess:
        for fetch in fetches:
            try:
                found.append(sess.run(fetch))
            except GraphcError as error:
                found.append(type(error).__name__)
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_comes_back(name):
    build, fetches = PROGRAMS[name]
    tf.set_random_seed(11)
    build()
    graph = tf.get_default_graph()
    data = tf.train.export_meta_graph().SerializeToString()
    wanted = values(graph, fetches)
    with tf.Graph().as_default() as fresh:
        tf.train.import_meta_graph(tf.MetaGraphDef.FromString(data))
    failed = [w for w in wanted if isinstance(w, str)]
    assert failed == (["InvalidArgumentError"] if name == "assertion_that_fails" else [])
    for a, b in zip(wanted, values(fresh, fetches), strict=True):
        np.testing.assert_array_equal(b, a)


def halved(x):
    return np.float32(x / 2)


def test_a_python_function_stays_behind():
    y = tf.py_func(halved, [tf.constant(3.0)], tf.float32, name="half")
    tf.identity(y * 2.0, name="z")
    data = tf.train.export_meta_graph()
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.train.import_meta_graph(data)
        assert sess.run("Const:0") == 3.0
        with pytest.raises(GraphcError, match=r"half \(PyFunc\): it calls the Python function halved, which no file"):
            sess.run("z:0")
    with tf.Graph().as_default(), pytest.raises(GraphcError, match=r"node half .* function halved.*input_map=.'half:0'"):
        tf.import_graph_def(data.graph_def, name="")
    with tf.Graph().as_default(), tf.Session() as sess:
        z, = tf.import_graph_def(data.graph_def, {"half:0": tf.constant(5.0, name="five")}, ["z:0"], name="")
        assert sess.run(z) == 10.0


def test_a_graph_with_a_queue_is_imported_twice():
    queue = tf.FIFOQueue(10, tf.int32, shapes=[[]], name="q")
    queue.enqueue_many([[1, 2, 3, 4]], name="put")
    tf.identity(queue.dequeue(), name="y")
    data = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default(), tf.Session() as sess:
        for scope in ("a", "b"):
            tf.import_graph_def(data, name=scope)
        sess.run("a/put")
        assert sorted([*sess.run(["a/y:0", "b/y:0"]), sess.run("a/y:0")]) == [1, 2, 3]
