"""A fixed batch made open: what each row gives is what it gave alone, and what fixes the batch is named."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.compile import compile_graph
from graphc.errors import UsageError
from graphc.ir.node import Node
from graphc.ir.verify import verify_graph
from graphc.passes.open_batch import open_batch
from graphc.passes.pipeline import infer
from graphc.prims.interpret import interpret


def numbers(*shape):
    return tf.constant(np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32))


def rows_of(x) -> int:
    return int(x.shape[0])


def dense(x):
    return tf.nn.softmax(tf.matmul(tf.nn.relu(tf.matmul(x, numbers(8, 16)) + numbers(16)), numbers(16, 4)) + numbers(4))


def attention(x):
    flat = tf.reshape(x, [-1, 8])  # rows of rows
    q, k, v = (tf.transpose(tf.reshape(tf.matmul(flat, numbers(8, n)), [rows_of(x), 6, 2, -1]), [0, 2, 1, 3]) for n in (8, 8, 16))
    y = tf.transpose(tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True)), v), [0, 2, 1, 3])
    return tf.reshape(y, [rows_of(x), 6, 16])


def convolution(x):
    y = tf.nn.relu(tf.nn.conv2d(x, numbers(3, 3, 3, 4), strides=[1, 1, 1, 1], padding="SAME") + numbers(4))
    y = tf.nn.avg_pool(tf.nn.max_pool(y, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"), [1, 3, 3, 1], [1, 2, 2, 1], "SAME")
    y = tf.reshape(y, [rows_of(x), -1])
    return [tf.matmul(y, numbers(16, 5)), tf.argmax(y, 1)]


def norm(x):
    mean = tf.reduce_mean(x, -1, keepdims=True)
    return (x - mean) * tf.rsqrt(tf.reduce_mean(tf.square(x - mean), -1, keepdims=True) + 1e-3)


OPENED = {
    "dense": (dense, (8,)),
    "attention": (attention, (6, 8)),
    "convolution": (convolution, (8, 8, 3)),
    "norm": (norm, (8,)),
    "concat": (lambda x: tf.concat([x, tf.zeros([rows_of(x), 2]), x[:, 2:4]], 1), (8,)),
    "pad": (lambda x: tf.pad(x, [[0, 0], [1, 2]]), (8,)),
    "cumulate": (lambda x: tf.reverse(tf.cumsum(x, 1), [1]), (8,)),
    "columns": (lambda x: tf.transpose(tf.matmul(numbers(5, 8), x, transpose_b=True)), (8,)),
    "gather": (lambda x: tf.gather(x, [1, 3], axis=1), (8,)),
    "lookup": (lambda x: tf.reduce_sum(tf.gather(numbers(10, 4), tf.cast(tf.abs(x), tf.int32)), 1), (8,)),
    "one_hot": (lambda x: tf.one_hot(tf.argmax(x, 1), 8) + x, (8,)),
    "tile": (lambda x: tf.tile(x, [1, 3]), (8,)),
    "outer": (lambda x: tf.expand_dims(x, 1) * tf.expand_dims(x, 2), (8,)),
    "squeeze": (lambda x: tf.squeeze(x, [1]) * 2.0, (1, 8)),
    "flat and back": (lambda x: tf.reshape(tf.reshape(x, [-1]) * 2.0, x.shape), (8,)),
}
REFUSED = {
    "mean": (lambda x: x - tf.reduce_mean(x, 0, keepdims=True), "reduce takes all rows of"),
    "loss": (tf.reduce_mean, "reduce takes all rows of"),
    "gram": (lambda x: tf.matmul(x, x, transpose_a=True), "dot of .* sums over all rows"),
    "pairs": (lambda x: tf.matmul(x, x, transpose_b=True), "dot of .* takes each with each"),
    "shift": (lambda x: tf.concat([x[1:], x[:1]], 0), "slice takes some rows"),
    "flat": (lambda x: tf.reshape(x, [8 * rows_of(x)]), "output Reshape has no axis for it alone"),
    "sort": (lambda x: tf.nn.top_k(x, 3)[0], "sort is not known to treat rows apart"),
    "more rows": (lambda x: tf.pad(x, [[1, 0], [0, 0]]), "pad adds rows"),
    "turned": (lambda x: tf.reverse(tf.nn.relu(x), [0]), "reverse takes all rows"),
    "random": (lambda x: x + tf.random.stateless_normal([rows_of(x), 8], [1, 2]), "random numbers are drawn"),
    "constant": (lambda x: numbers(3), "no output has an axis for it"),
    "solve": (lambda x: tf.linalg.inv(tf.expand_dims(x, 2) * tf.expand_dims(x, 1)), "inverse is not known"),
}


def model(function, batch: int, shape: tuple):
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [batch, *shape], name="x")
        answer = function(x)
        return tf.freeze(tf.Session(graph=graph), [x], answer if isinstance(answer, list) else [answer], name="m")


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", OPENED)
def test_rows_are_what_they_were_alone(name, batch):
    function, shape = OPENED[name]
    fixed = model(function, batch, shape)
    opened = open_batch(fixed)
    verify_graph(opened, infer)
    assert isinstance(opened.inputs[0].shape[0], Node) and all(y.shape[0] is opened.inputs[0].shape[0] for y in opened.outputs)
    for count in (batch, 3 * batch, 5):
        x = np.random.default_rng(count).standard_normal((count, *shape)).astype(np.float32)
        padded = np.concatenate([x, x])[: -(-count // batch) * batch]
        parts = [interpret(fixed, padded[k : k + batch]) for k in range(0, len(padded), batch)]
        for found, expected in zip(interpret(opened, x), zip(*parts), strict=True):
            np.testing.assert_allclose(found, np.concatenate(expected)[:count], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", REFUSED)
def test_what_fixes_the_batch_is_named(name, batch):
    function, words = REFUSED[name]
    with pytest.raises(UsageError, match=f"the batch of m is fixed at {batch}.*{words}" if batch == 1 else "the batch of m is fixed at 2"):
        open_batch(model(function, batch, (8,)))


def test_constants_of_each_row():
    def add(x):
        return x + numbers(rows_of(x), 8)

    (y,) = interpret(open_batch(model(add, 1, (8,))), np.zeros((3, 8), np.float32))
    assert (y[1:] == y[0]).all()
    with pytest.raises(UsageError, match="add takes a value of 2 rows"):
        open_batch(model(add, 2, (8,)))


def test_compiled_it_has_the_same_bits():
    x = np.random.default_rng(0).standard_normal((5, 6, 8)).astype(np.float32)
    fixed = model(attention, 1, (6, 8))
    alone, together = compile_graph(fixed), compile_graph(open_batch(fixed))
    assert together(x)[0].tobytes() == b"".join(alone(x[k : k + 1])[0].tobytes() for k in range(5))


def test_steps_of_training_stay_as_they_are():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [1, 3], name="x")
        w = tf.get_variable("w", [3, 1], initializer=tf.ones_initializer())
        step = tf.step_graph(tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_mean(tf.matmul(x, w))), name="step")
    with pytest.raises(UsageError, match="writes its state over"):
        open_batch(step)
