"""What beginners do wrong: the message says what happened, at which line, and what to do."""

import numpy as np
import pytest

import graphc.v1 as tf

MISTAKES = {}


def mistake(error, *words):
    def add(program):
        MISTAKES[program.__name__] = program, error, words
        return program

    return add


def run(fetches, feed=None):
    with tf.Session() as sess:
        return sess.run(fetches, feed)


@mistake(
    tf.errors.FailedPreconditionError,
    "uninitialised variable weight;",
    "tf.global_variables_initializer()",
    "is variable weight",
)
def forgets_the_initializer():
    run(tf.Variable(1.0, name="weight") + 1)


@mistake(tf.errors.FailedPreconditionError, "beta1_power", "w/Adam_1", "initialises the variables made before it was")
def makes_the_initializer_before_the_optimizer():
    w = tf.Variable(1.0, name="w")
    init = tf.global_variables_initializer()
    step = tf.train.AdamOptimizer().minimize(w * w)
    with tf.Session() as sess:
        sess.run(init)
        sess.run(step)


@mistake(tf.errors.InvalidArgumentError, "x:0 has shape (?, 784), but the value has shape (3, 28, 28)", "Placeholder")
def feeds_pictures_that_are_not_flat():
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    run(x * 2, {x: np.zeros((3, 28, 28))})


@mistake(tf.errors.InvalidArgumentError, "not rectangular")
def feeds_rows_of_different_lengths():
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    run(x * 2, {x: [[1, 2], [3]]})


@mistake(tf.errors.InvalidArgumentError, "needed but not fed: keep_prob (float32 ())")
def forgets_to_feed_the_keep_probability():
    keep_prob = tf.placeholder(tf.float32, [], name="keep_prob")
    run(tf.nn.dropout(tf.ones([3]), keep_prob))


@mistake(TypeError, "dtype float32, which a value of list of str does not fit")
def feeds_words():
    x = tf.placeholder(tf.float32, [None], name="x")
    run(x * 2, {x: ["a", "b"]})


@mistake(tf.errors.InvalidArgumentError, "the value for x:0 is the tensor ones:0; feed an array")
def feeds_a_tensor():
    x = tf.placeholder(tf.float32, [None], name="x")
    run(x * 2, {x: tf.ones([3])})


@mistake(ValueError, "feed one of its tensors, such as 'x:0'")
def feeds_an_operation_by_name():
    x = tf.placeholder(tf.float32, [None], name="x")
    run(x * 2, {"x": [1.0]})


@mistake(ValueError, "no tensor 'X:0' in the graph; did you mean 'x'?")
def mistypes_a_name_to_feed():
    x = tf.placeholder(tf.float32, [None], name="x")
    run(x * 2, {"X:0": [1.0]})


@mistake((KeyError, ValueError), "cannot fetch 'los:0'", "did you mean 'loss'?")
def mistypes_a_name_to_fetch():
    tf.constant(1.0, name="loss")
    run("los:0")


@mistake(TypeError, "cannot fetch np.float32(9.0)", "it is a value already", "overwrite")
def overwrites_a_tensor_with_its_value():
    cost = tf.square(3.0)
    with tf.Session() as sess:
        cost = sess.run(cost)
        cost = sess.run(cost)


@mistake(RuntimeError, "the session is closed; make a new one, or run inside its 'with' block")
def runs_after_the_with_block():
    with tf.Session() as sess:
        pass
    sess.run(tf.constant(1))


@mistake((RuntimeError, ValueError), "no session; pass session= or use 'with tf.Session():'")
def evaluates_without_a_session():
    tf.constant(1).eval()


@mistake(ValueError, "a:0 belongs to another graph: tf.Session(graph=...) runs that one", "tf.reset_default_graph()")
def keeps_a_tensor_of_the_graph_before():
    a = tf.constant(1.0, name="a")
    tf.reset_default_graph()
    run(a)


@mistake(ValueError, "a:0 belongs to another graph than the operation that uses it")
def mixes_graphs():
    with tf.Graph().as_default():
        a = tf.constant(1.0, name="a")
    tf.constant(2.0) + a


@mistake(ValueError, "variable w exists already", "reuse=True or reuse=tf.AUTO_REUSE in its scope")
def makes_a_variable_twice():
    tf.get_variable("w", [2])
    tf.get_variable("w", [2])


@mistake(ValueError, "variable s/w does not exist", "reuse=tf.AUTO_REUSE")
def reuses_what_there_is_not():
    with tf.variable_scope("s", reuse=True):
        tf.get_variable("w", [2])


@mistake(ValueError, "inner sizes differ", "784 != 10")
def multiplies_the_wrong_way_round():
    x = tf.placeholder(tf.float32, [None, 784])
    tf.matmul(x, tf.zeros([10, 784]))


@mistake(TypeError, "add: operands differ in dtype, i32[] and f32[]")
def adds_an_integer_to_a_float():
    tf.constant(1) + tf.constant(1.0)


@mistake(ValueError, "pass labels=... and logits=... by name")
def forgets_the_names_of_labels_and_logits():
    tf.nn.softmax_cross_entropy_with_logits(tf.zeros([1, 3]), tf.zeros([1, 3]))


@mistake(TypeError, "labels must be integers, not f32[1]")
def gives_labels_as_floats():
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.constant([1.0]), logits=tf.zeros([1, 3]))


@mistake(TypeError, "a tensor has no value while the graph is being built", "use tf.where, or run it in a session")
def asks_if_a_tensor_is_true():
    if tf.constant(1) > 0:
        pass


@mistake(TypeError, "a tensor has no value while the graph is being built; run it in a session")
def makes_a_number_of_a_tensor():
    float(tf.constant(1.0))


@mistake(ValueError, "no gradient reaches any variable (variables: w)")
def minimizes_what_depends_on_no_variable():
    tf.Variable(1.0, name="w")
    tf.train.GradientDescentOptimizer(0.1).minimize(tf.constant(1.0))


@mistake(TypeError, "GradientDescent: invalid type int32")
def trains_integers():
    x = tf.Variable(1)
    tf.train.GradientDescentOptimizer(0.1).minimize(x * x)


@mistake(ValueError, "reshape: f32[10] has 10 elements, which do not fill shape [-1,4]")
def reshapes_to_what_does_not_fit():
    x = tf.placeholder(tf.float32, [None])
    y = tf.reshape(x, [-1, 4])
    run(y, {x: np.zeros(10)})


@mistake(ValueError, "conv2d: 3 channels of f32[1,8,8,3] do not fit filters f32[3,3,1,4]")
def convolves_with_the_wrong_channels():
    tf.nn.conv2d(tf.zeros([1, 8, 8, 3]), tf.zeros([3, 3, 1, 4]), [1, 1, 1, 1], "SAME")


@mistake((RuntimeError, ValueError, tf.errors.UnknownError), "half raised NameError: name 'undefined' is not defined")
def makes_a_mistake_inside_py_func():
    def half(x):
        return x / undefined  # noqa: F821

    run(tf.py_func(half, [tf.constant(1.0)], tf.float32))


@mistake(tf.errors.ResourceExhaustedError, "not enough memory", "TiB")
def asks_for_more_memory_than_there_is():
    run(tf.zeros([10**6, 10**6, 10]))


@pytest.mark.parametrize("name", MISTAKES)
def test_the_message_says_what_to_do(name):
    program, kind, words = MISTAKES[name]
    with pytest.raises(kind) as error:
        program()
    for part in (*words, "\n  at test_beginners_mistakes.py:"):
        assert part in str(error.value)
    tf.reset_default_graph()
    assert run(tf.constant(1) + 1) == 2, "what comes after works"


@pytest.mark.parametrize("typo, meant", [
    (lambda: tf.reduce_mena, "'reduce_mean'"), (lambda: tf.nn.softmaxx, "'nn.softmax'"),
    (lambda: tf.train.AdamOptimiser, "'train.AdamOptimizer'"), (lambda: tf.placeholdr, "'placeholder'"),
    (lambda: tf.global_variable_initializer, "'global_variables_initializer'"),
])  # fmt: skip
def test_a_mistyped_name_is_guessed(typo, meant):
    with pytest.raises(AttributeError, match=f"did you mean {meant}"):
        typo()
