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


@mistake(TypeError, "a tensor has no value while the graph is being built", "use tf.where, or run it in a session first")
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


@mistake(ValueError, "conv2d_1: needs an input of rank 4, got rank 2; tf.reshape adds and joins axes", "x:0 of shape (?, 784)")
def convolves_flat_pictures():
    tf.layers.conv2d(tf.placeholder(tf.float32, [None, 784], name="x"), 32, 3)


@mistake(ValueError, "the size of the last axis of its input must be known", "the shape is (?, ?)")
def makes_a_layer_of_unknown_width():
    tf.layers.dense(tf.placeholder(tf.float32, [None, None]), 10)


@mistake(TypeError, "dense: got an unexpected keyword argument 'activations'; did you mean 'activation'?")
def mistypes_an_argument_of_a_layer():
    tf.layers.dense(tf.zeros([3, 2]), 10, activations=tf.nn.relu)


@mistake(TypeError, "reduce_sum: got an unexpected keyword argument 'axes'; did you mean 'axis'?")
def mistypes_an_argument_of_an_operation():
    tf.reduce_sum(tf.zeros([3]), axes=0)


@mistake(ValueError, "padding must be one of valid, same, got 'sam'")
def mistypes_the_padding():
    tf.layers.conv2d(tf.zeros([1, 8, 8, 1]), 4, 3, padding="sam")


@mistake(ValueError, "labels i32[labels.0,10] must have one axis less than logits f32[logits.0,10]", "is placeholder labels")
def gives_one_hot_labels_as_sparse_ones():
    logits = tf.placeholder(tf.float32, [None, 10], name="logits")
    labels = tf.placeholder(tf.int32, [None, 10], name="labels")
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


@mistake(TypeError, "indices must be integers, not f32[ids.0]", "is placeholder ids: f32[ids.0]")
def looks_up_floats():
    tf.nn.embedding_lookup(tf.zeros([10, 4]), tf.placeholder(tf.float32, [None], name="ids"))


@mistake(ValueError, "predictions of shape (3, 1) do not fit; they must have one shape")
def compares_a_column_with_a_vector():
    tf.losses.mean_squared_error(tf.zeros([3]), tf.zeros([3, 1]))


@mistake(tf.errors.InvalidArgumentError, "axis must be an integer or a list of integers", "is the order of arguments right?")
def concatenates_as_in_the_first_versions():
    tf.concat(1, [tf.zeros([2, 3]), tf.zeros([2, 3])])


@mistake(ValueError, "placeholder: the dtype comes first, then the shape; got [None, 3] as the dtype")
def swaps_dtype_and_shape():
    tf.placeholder([None, 3], tf.float32)


@mistake(TypeError, "expected int32, got 1.5 of type float", "tf.cast", "beside it  is placeholder n of int32")
def adds_a_fraction_to_an_integer():
    tf.placeholder(tf.int32, [], name="n") + 1.5


@mistake(TypeError, "cannot fetch None: it is None, as tf.summary.merge_all() answers without summaries")
def merges_summaries_that_are_not_there():
    run(tf.summary.merge_all())


@mistake(tf.errors.FailedPreconditionError, "sess.run(tf.local_variables_initializer())", "accuracy/total")
def forgets_the_local_variables():
    _, update = tf.metrics.accuracy(tf.constant([1]), tf.constant([1]))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(update)


@mistake(tf.errors.InvalidArgumentError, "a scalar summary needs one value", "tag 'loss'")
def summarises_a_vector_as_a_scalar():
    run(tf.summary.scalar("loss", tf.constant([1.0, 2.0])))


@mistake(ValueError, "save_path is None; latest_checkpoint answers so where there is no checkpoint")
def restores_what_was_never_saved():
    tf.Variable(1.0)
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, None)


@mistake(ValueError, "Saver: no variables to save; make variables first")
def makes_the_saver_before_the_variables():
    tf.train.Saver()


@mistake(ValueError, "sess must be a tf.Session, got 'model.ckpt'")
def forgets_the_session_when_saving():
    tf.Variable(1.0)
    tf.train.Saver().save("model.ckpt", 1)


@mistake(TypeError, "fifo_queue holds float32, not int32")
def puts_integers_into_a_queue_of_floats():
    tf.FIFOQueue(3, [tf.float32], shapes=[[]]).enqueue(tf.constant(1))


@mistake(tf.errors.OutOfRangeError, "is closed and has insufficient elements (requested 1, current size 0)")
def takes_from_a_queue_that_is_closed():
    queue = tf.FIFOQueue(3, [tf.float32], shapes=[[]])
    with tf.Session() as sess:
        sess.run(queue.close())
        sess.run(queue.dequeue())


@mistake(TypeError, "result 0 of both branches differ in dtype, i32[] and f32[]")
def answers_with_two_dtypes():
    tf.cond(tf.placeholder(tf.bool, []), lambda: tf.constant(1), lambda: tf.constant(1.0))


@mistake(ValueError, "cond: true_fn must be a function, got <tf.Tensor 'Const_1:0'")
def gives_tensors_instead_of_functions():
    tf.cond(tf.constant(True), tf.constant(1), tf.constant(2))


@mistake(ValueError, "while_loop: loop variable 1 before and after a step differ in shape, f32[2] and f32[4]")
def lets_a_loop_variable_grow():
    first = [tf.constant(0), tf.zeros([2])]
    tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, tf.concat([x, x], 0)), first)


@mistake(ValueError, "loop variables and the answer of body differ in structure")
def forgets_a_loop_variable():
    tf.while_loop(lambda i, x: i < 3, lambda i, x: i + 1, [tf.constant(0), tf.zeros([2])])


@mistake(RuntimeError, "Global step should be created to use StopAtStepHook: tf.train.get_or_create_global_step()")
def stops_at_a_step_that_nobody_counts():
    with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(last_step=3)]):
        pass


@mistake(RuntimeError, "the graph is finalized and cannot be changed; make all operations before")
def makes_operations_in_a_monitored_session():
    tf.constant(1.0)
    with tf.train.MonitoredSession() as sess:
        sess.run(tf.constant(2.0))


@mistake(tf.errors.InvalidArgumentError, "log broke: tensor had NaN values")
def takes_the_logarithm_of_a_negative_number():
    p = tf.placeholder(tf.float32, [])
    run(tf.check_numerics(tf.log(p), "log broke"), {p: -1.0})


@mistake(ValueError, "assign: variable w has shape (2,), but the value has shape (3,)")
def assigns_another_shape():
    tf.Variable([1.0, 2.0], name="w").assign([1.0, 2.0, 3.0])


@mistake(TypeError, "a tensor cannot be changed in place", "v[i].assign(x)")
def assigns_to_an_element():
    tf.zeros([3])[0] = 1.0


@mistake(AttributeError, "'Tensor' object has no attribute 'reshape'; use tf.reshape(x, shape)")
def calls_a_method_of_arrays():
    tf.zeros([3]).reshape([3, 1])


@mistake(AttributeError, "'Tensor' object has no attribute 'numpy'; run it in a session")
def asks_a_tensor_for_its_array():
    tf.zeros([3]).numpy()


@mistake(AttributeError, "'GradientDescentOptimizer' object has no attribute 'minimise'; did you mean 'minimize'?")
def mistypes_a_method():
    tf.train.GradientDescentOptimizer(0.1).minimise(tf.constant(1.0))


@mistake(TypeError, "numpy.sin: x:0 is a tensor of a graph, which has no value yet", "is placeholder x")
def uses_a_function_of_numpy():
    np.sin(tf.placeholder(tf.float32, [3], name="x"))


@mistake(TypeError, "x:0: a tensor of unknown length cannot be iterated; use tf.map_fn", "is placeholder x")
def iterates_over_a_batch():
    for _ in tf.placeholder(tf.float32, [None, 3], name="x"):
        pass


@mistake(ValueError, "the size is not known before running; use tf.shape(x)[axis], or -1 in tf.reshape")
def makes_zeros_of_an_unknown_size():
    tf.zeros(tf.placeholder(tf.float32, [None, 3]).shape)


@mistake(tf.errors.UnavailableError, "tf.contrib.cudnn_rnn is not part of graphc: use tf.nn.rnn_cell.LSTMCell")
def uses_what_contrib_had():
    tf.contrib.cudnn_rnn.CudnnLSTM(1, 4)


@mistake(tf.errors.UnavailableError, "tf.python is not part of graphc: TensorFlow's insides are not there")
def uses_the_insides_of_tensorflow():
    tf.python.ops.rnn_cell.BasicLSTMCell(3)


@pytest.mark.parametrize("name", MISTAKES)
def test_the_message_says_what_to_do(name):
    program, kind, words = MISTAKES[name]
    with pytest.raises(kind) as error:
        program()
    message = str(error.value)
    for part in (*words, "\n  at test_beginners_mistakes.py:"):
        assert part in message
    for inside in ("Node", "gc_", "Graphc", "host row", "_0_0", "graphc/"):
        assert inside not in message, "a word of the compiler, which says nothing to a beginner"
    tf.reset_default_graph()
    assert run(tf.constant(1) + 1) == 2, "what comes after works"


@pytest.mark.parametrize("typo, meant", [
    (lambda: tf.reduce_mena, "'reduce_mean'"), (lambda: tf.nn.softmaxx, "'nn.softmax'"),
    (lambda: tf.train.AdamOptimiser, "'train.AdamOptimizer'"), (lambda: tf.placeholdr, "'placeholder'"),
    (lambda: tf.global_variable_initializer, "'global_variables_initializer'"),
    (lambda: tf.layers.dence, "'layers.dense'"), (lambda: tf.metrics.acuracy, "'metrics.accuracy'"),
    (lambda: tf.image.resize_image, "'image.resize_images'"), (lambda: tf.errors.OutOfRange, "'errors.OutOfRangeError'"),
    (lambda: tf.flags.DEFINE_integr, "'flags.DEFINE_integer'"), (lambda: tf.summary.scaler, "'summary.scalar'"),
    (lambda: tf.contrib.layers.fully_conected, "'contrib.layers.fully_connected'"),
    (lambda: tf.constant(1).get_shap, "'get_shape'"),
])  # fmt: skip
def test_a_mistyped_name_is_guessed(typo, meant):
    with pytest.raises(AttributeError, match=f"did you mean {meant}") as error:
        typo()
    assert "\n  at test_beginners_mistakes.py:" in str(error.value)


@pytest.mark.parametrize("old, new", [
    (lambda: tf.mul, "tf.multiply"), (lambda: tf.pack, "tf.stack"), (lambda: tf.losses.mse, "tf.losses.mean_squared_error"),
    (lambda: tf.nn.dense, "tf.layers.dense"), (lambda: tf.train.SGD, "tf.train.GradientDescentOptimizer"),
])  # fmt: skip
def test_a_name_of_another_version_is_known(old, new):
    with pytest.raises(AttributeError, match=f"; use {new}"):
        old()
