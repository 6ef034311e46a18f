"""Programs of a course's first weeks: graphs, sessions, variables, scopes, control flow. Each answers with values."""

import numpy as np


def hello_world(tf):
    hello = tf.constant("Hello, TensorFlow!")
    sess = tf.Session()
    said = sess.run(hello)
    sess.close()
    return [said, hello.name, str(hello.dtype)]


def constants_of_all_kinds(tf):
    a = tf.constant([[1, 2, 3], [4, 5, 6]])
    b = tf.fill([2, 3], 7)
    c = tf.linspace(10.0, 13.0, 4)
    d = tf.range(3, 18, 3)
    e = tf.zeros_like(a) + tf.ones([2, 3], tf.int32)
    f = tf.constant(2.5, shape=[2, 2], name="filled")
    with tf.Session() as sess:
        return [*sess.run([a + b, c, d, e, f]), a.get_shape().as_list(), f.name, b.op.type]


def arithmetic(tf):
    a, b = tf.constant([2, 7]), tf.constant([3, 2])
    x, y = tf.constant(7.0), tf.constant(-2.0)
    with tf.Session() as sess:
        return sess.run([a + b, a - b, a * b, a / b, a // b, a % b, a**b, -a, x / y, x // y, x % y, abs(y), a > b,
                         tf.div(a, b), tf.truediv(a, b), tf.floordiv(y, x), tf.mod(a, b),
                         tf.add_n([a, b, a])])  # fmt: skip


def placeholders_and_feeds(tf):
    a = tf.placeholder(tf.int16)
    b = tf.placeholder(tf.int16)
    with_default = tf.placeholder_with_default([1.0, 2.0], [None])
    with tf.Session() as sess:
        return [
            sess.run(tf.add(a, b), feed_dict={a: 2, b: 3}), sess.run(tf.multiply(a, b), {a: [2, 3], b: [4, 5]}),
            sess.run(with_default * 2), sess.run(with_default * 2, {with_default: [5.0]}), a.name, b.name,
        ]  # fmt: skip


def feed_and_fetch_by_name(tf):
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    tf.reduce_sum(x, axis=1, name="row_sums")
    tf.identity(x * 2, name="twice")
    graph = tf.get_default_graph()
    with tf.Session() as sess:
        one = sess.run("row_sums:0", feed_dict={"x:0": [[1, 2], [3, 4]]})
        tensor = graph.get_tensor_by_name("twice:0")
        two = sess.run({"t": tensor, "s": "row_sums:0"}, feed_dict={graph.get_tensor_by_name("x:0"): [[5, 6]]})
        return [one, two["t"], two["s"], graph.get_operation_by_name("row_sums").type]


def feeding_what_is_computed(tf):
    a = tf.add(2, 5)
    b = tf.multiply(a, 3)
    with tf.Session() as sess:
        return [sess.run(b), sess.run(b, feed_dict={a: 15}), tf.get_default_graph().is_feedable(a)]


def interactive_session(tf):
    sess = tf.InteractiveSession()
    x = tf.Variable([1.0, 2.0])
    a = tf.constant([3.0, 3.0])
    x.initializer.run()
    sub = tf.subtract(x, a)
    out = [sub.eval(), x.eval(), tf.reduce_prod(sub).eval()]
    sess.close()
    return out


def counter(tf):
    state = tf.Variable(0, name="counter")
    one = tf.constant(1)
    update = tf.assign(state, tf.add(state, one))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return [sess.run(state), *(sess.run(update) for _ in range(3)), sess.run(state)]


def variables_of_variables(tf):
    w = tf.Variable(np.arange(4.0), name="w")
    u = tf.Variable(2.0 * w.initial_value, name="u")
    double = w.assign(2 * w)
    with tf.Session() as sess:
        before = sess.run(tf.report_uninitialized_variables()).tolist()
        sess.run(tf.variables_initializer([w, u]))
        sess.run(double)
        sess.run(double.op)
        sess.run(w.assign_add(np.ones(4)))
        return [before, sess.run(w), sess.run(u), [v.name for v in tf.global_variables()]]


def two_sessions(tf):
    w = tf.Variable(10)
    first, second = tf.Session(), tf.Session()
    first.run(w.initializer)
    second.run(w.initializer)
    out = [first.run(w.assign_add(10)), second.run(w.assign_sub(2)), first.run(w.assign_add(100)), second.run(w)]
    first.close()
    second.close()
    return out


def two_graphs(tf):
    first, second = tf.Graph(), tf.Graph()
    with first.as_default():
        a = tf.constant(3, name="a")
    with second.as_default():
        b = tf.constant(5, name="a")
        c = b * 2
    with tf.Session(graph=first) as one, tf.Session(graph=second) as two:
        return [one.run(a), two.run(c), a.name, b.name, c.name, a.graph is first, c.graph is tf.get_default_graph(),
                [op.name for op in second.get_operations()]]  # fmt: skip


def fibonacci(tf):
    a, b = tf.Variable(0), tf.Variable(1)
    total = a + b
    with tf.control_dependencies([total]):
        shift = tf.assign(a, b)
    with tf.control_dependencies([shift]):
        step = tf.assign(b, total)
    numbers = []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(10):
            sess.run(step)
            numbers.append(int(sess.run(b)))
    return numbers


def control_dependencies(tf):
    x = tf.Variable(1.0)
    with tf.control_dependencies([x.assign_add(1.0)]):
        y = tf.identity(x)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return [sess.run(y), sess.run(y), sess.run(x)]


def names_and_scopes(tf):
    with tf.name_scope("outer"):
        a = tf.constant(1.0, name="a")
        with tf.name_scope("inner"):
            b = tf.add(a, 1.0, name="a")
        c = a * b
    with tf.name_scope("outer"):
        d = tf.Variable(1.0, name="d")
        with tf.variable_scope("vars"):
            e = tf.get_variable("e", [2])
            f = tf.Variable([1.0], name="f")
            g = e + f
    with tf.variable_scope("vars", reuse=True):
        same = tf.get_variable("e", [2])
        h = same * 2.0
    return [t.name for t in (a, b, c, d, e, f, g, h)] + [same is e, len(tf.trainable_variables())]


def shared_weights(tf):
    def tower(x):
        with tf.variable_scope("layer"):
            w = tf.get_variable("w", [3, 2], initializer=tf.constant_initializer(0.5))
            b = tf.get_variable("b", [2], initializer=tf.constant_initializer([1.0, -1.0]))
            return tf.tanh(tf.matmul(x, w) + b)

    left, right = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    with tf.variable_scope("siamese") as scope:
        one = tower(left)
        scope.reuse_variables()
        two = tower(right)
    distance = tf.sqrt(tf.reduce_sum(tf.square(one - two), 1))
    gradients = tf.gradients(distance, tf.trainable_variables())
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {left: [[1, 2, 3], [0.1, 0.2, 0.3]], right: [[0, 1, 0], [0, 0, 0]]}
        return [v.name for v in tf.global_variables()] + sess.run([distance, *gradients], feed)


def get_variable_with_regularizer(tf):
    with tf.variable_scope("net", regularizer=lambda w: 0.1 * tf.reduce_sum(w * w)):
        tf.get_variable("a", [2, 2], initializer=tf.ones_initializer())
        tf.get_variable("b", [3], initializer=tf.constant_initializer(2.0))
    penalties = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return [sess.run(tf.add_n(penalties)), len(penalties)]


def conditions(tf):
    x, y = tf.placeholder(tf.int32, []), tf.constant(5)
    smaller = tf.cond(x < y, lambda: tf.add(x, y), lambda: tf.square(x))
    chosen = tf.case([(tf.less(x, 0), lambda: tf.constant("negative")), (tf.equal(x, 0), lambda: tf.constant("zero"))],
                     default=lambda: tf.constant("positive"))  # fmt: skip
    with tf.Session() as sess:
        return [sess.run([smaller, chosen], {x: value}) for value in (-2, 0, 3, 9)]


def condition_with_updates(tf):
    total, counted = tf.Variable(0.0), tf.Variable(0)
    x = tf.placeholder(tf.float32, [])

    def count():
        with tf.control_dependencies([total.assign_add(x), counted.assign_add(1)]):
            return tf.constant(True)

    took = tf.cond(x > 0, count, lambda: tf.constant(False))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        answers = [bool(sess.run(took, {x: value})) for value in (1.5, -3.0, 2.0)]
        return [answers, sess.run(total), sess.run(counted)]


def loops(tf):
    i, total = tf.constant(0), tf.constant(0)
    _, answer = tf.while_loop(lambda i, t: i < 10, lambda i, t: (i + 1, t + i * i), [i, total])
    x = tf.constant(2.0)
    _, power = tf.while_loop(lambda i, p: i < 5, lambda i, p: (i + 1, p * x), [0, 1.0])
    (slope,) = tf.gradients(power, x)
    with tf.Session() as sess:
        return sess.run([answer, power, slope])


def collatz(tf):
    def body(n, steps):
        return tf.cond(tf.equal(n % 2, 0), lambda: n // 2, lambda: 3 * n + 1), steps + 1

    start = tf.placeholder(tf.int32, [])
    _, steps = tf.while_loop(lambda n, steps: n > 1, body, [start, 0])
    with tf.Session() as sess:
        return [int(sess.run(steps, {start: n})) for n in (1, 6, 7, 27)]


def scan_and_map(tf):
    numbers = tf.constant([1.0, 2.0, 3.0, 4.0])
    sums = tf.scan(lambda a, x: a + x, numbers)
    squares = tf.map_fn(lambda x: x * x, numbers)
    folded = tf.foldl(lambda a, x: a * 2 + x, numbers)
    with tf.Session() as sess:
        return sess.run([sums, squares, folded])


def python_inside_the_graph(tf):
    def middle(values):
        return np.float32(np.median(values)), np.sort(values)

    x = tf.placeholder(tf.float32, [None])
    median, ordered = tf.py_func(middle, [x], [tf.float32, tf.float32])
    with tf.Session() as sess:
        return sess.run([median + 1.0, ordered], {x: [5, 1, 9, 2, 7]})


def slicing(tf):
    x = tf.reshape(tf.range(24), [2, 3, 4])
    with tf.Session() as sess:
        return sess.run([x[0], x[:, 1], x[..., -1], x[:, ::-1, 1:3], x[1, 2, 3], tf.slice(x, [0, 1, 0], [1, 2, -1]),
                         tf.strided_slice(x, [0, 0, 0], [2, 3, 4], [1, 2, 2]), x[:, tf.newaxis, 0, 0]])  # fmt: skip


def joining_and_splitting(tf):
    a, b = tf.constant([[1, 2], [3, 4]]), tf.constant([[5, 6], [7, 8]])
    left, right = tf.split(tf.concat([a, b], 1), 2, axis=1)
    top, bottom = tf.unstack(a)
    with tf.Session() as sess:
        return sess.run([tf.concat([a, b], 0), tf.stack([a, b], axis=2), left, right, top, bottom, tf.tile(a, [2, 1]),
                         tf.pad(a, [[1, 0], [0, 1]]), tf.transpose(a), tf.expand_dims(a, 0), tf.squeeze([[1, 2]]),
                         tf.reverse(a, [1])])  # fmt: skip


def reductions(tf):
    x = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    with tf.Session() as sess:
        return sess.run([
            tf.reduce_sum(x), tf.reduce_sum(x, 0), tf.reduce_mean(x, reduction_indices=[1]), tf.reduce_max(x, axis=1),
            tf.reduce_sum(x, 1, keep_dims=True), tf.argmax(x, 1), tf.arg_min(x, 0), tf.reduce_any(x > 5),
            tf.reduce_all(x > 0),
            tf.reduce_logsumexp(x), tf.count_nonzero(x - 1), tf.cumsum(x, axis=1), tf.nn.moments(x, axes=[0]),
            tf.nn.top_k(x, 2).indices, tf.segment_sum(x, [0, 0]), tf.where(x > 4), tf.boolean_mask(x, [True, False]),
        ])  # fmt: skip


def partial_run_of_a_graph(tf):
    """What is not asked for is not computed: its missing feed does not matter."""
    a, b = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    with_a, with_both = a * 2, a * b
    with tf.Session() as sess:
        return [sess.run(with_a, {a: 3.0}), sess.run(with_both, {a: 3.0, b: 4.0})]


def collections_and_graph(tf):
    x = tf.constant(1.0, name="x")
    tf.add_to_collection("losses", x)
    tf.add_to_collection("losses", x + 1)
    total = tf.add_n(tf.get_collection("losses"), name="total")
    graph = tf.get_default_graph()
    graph.finalize()
    with tf.Session() as sess:
        return [sess.run(total), len(graph.get_collection("losses")), graph.finalized, total.op.name,
                graph.as_graph_element("total:0") is total]  # fmt: skip


def devices(tf):
    with tf.device("/cpu:0"):
        a = tf.constant([[1.0, 2.0]])
    with tf.device("/gpu:0"):
        b = tf.matmul(a, a, transpose_b=True)
    config = tf.ConfigProto(allow_soft_placement=True, log_device_placement=False)
    config.gpu_options.allow_growth = True
    with tf.Session(config=config) as sess:
        return [sess.run(b), a.device.lower(), b.device.lower()]


def printing(tf):
    x = tf.constant([1.0, 2.0, 3.0])
    x = tf.Print(x, [x, tf.shape(x)], "x: ")
    with tf.Session() as sess:
        return [sess.run(tf.reduce_sum(x)), x.op.type]


def assertions(tf):
    x = tf.placeholder(tf.float32, [None])
    with tf.control_dependencies([tf.assert_positive(x, message="x must be positive")]):
        y = tf.log(x)
    with tf.Session() as sess:
        good = sess.run(y, {x: [1.0, np.e]})
        try:
            sess.run(y, {x: [-1.0]})
        except tf.errors.InvalidArgumentError as error:
            return [good, "x must be positive" in str(error)]


def devices_chosen_by_a_function(tf):
    def place(op):
        node = op if isinstance(op, tf.NodeDef) else op.node_def
        return "/cpu:0" if node.op in ("Variable", "VariableV2", "VarHandleOp") else "/job:localhost"

    with tf.device(place):
        w = tf.get_variable("w", initializer=tf.constant([[2.0]]))
        y = tf.matmul(w, [[3.0]])
    with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:
        sess.run(tf.global_variables_initializer())
        return [sess.run(y), w.device.lower().replace("/device:", "/"), y.device]
