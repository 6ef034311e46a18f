"""Programs as courses and books on TensorFlow 1 write them, unchanged, with NumPy saying what must come out."""

import numpy as np
import pytest

import graphc.v1 as tf


@pytest.fixture(autouse=True)
def empty_graph():
    tf.reset_default_graph()


def blobs(count=90, classes=3, features=4, seed=0):
    """Points around one centre for each class, and their class numbers."""
    rng = np.random.RandomState(seed)
    labels = np.arange(count) % classes
    centres = rng.randn(classes, features) * 3
    return (centres[labels] + rng.randn(count, features) * 0.5).astype(np.float32), labels


# ------------------------------------------------------------------------------------------------- basics


def test_constants_and_operators():
    a = tf.constant(2)
    b = tf.constant(3)
    node1 = tf.constant(3.0, tf.float32)
    node2 = tf.constant(4.0)
    with tf.Session() as sess:
        assert sess.run(a + b) == 5 and sess.run(a * b) == 6
        assert sess.run([node1, node2]) == [3.0, 4.0]
        matrix1, matrix2 = tf.constant([[3.0, 3.0]]), tf.constant([[2.0], [2.0]])
        product = tf.matmul(matrix1, matrix2)
        assert sess.run(product).tolist() == [[12.0]]
    assert str(node1) == 'Tensor("Const_2:0", shape=(), dtype=float32)'


def test_the_adder():
    a = tf.placeholder(tf.float32)
    b = tf.placeholder(tf.float32)
    adder_node = a + b
    add_and_triple = adder_node * 3.0
    sess = tf.Session()
    assert sess.run(adder_node, feed_dict={a: 1, b: 2}) == 3.0
    assert sess.run(adder_node, {a: [1, 3], b: [2, 4]}).tolist() == [3.0, 7.0]
    assert sess.run(add_and_triple, {a: 3, b: 4.5}) == 22.5
    add, mul = tf.add(a, b), tf.multiply(a, b)
    assert sess.run([add, mul], feed_dict={a: 2, b: 3}) == [5.0, 6.0]
    sess.close()


def test_counter():
    state = tf.Variable(0, name="counter")
    one = tf.constant(1)
    new_value = tf.add(state, one)
    update = tf.assign(state, new_value)
    init_op = tf.global_variables_initializer()
    with tf.Session() as sess:
        sess.run(init_op)
        seen = [sess.run(state)]
        for _ in range(3):
            sess.run(update)
            seen.append(sess.run(state))
        assert seen == [0, 1, 2, 3]
        assert sess.run(state.assign_add(10)) == 13 and state.eval() == 13


def test_interactive_session():
    sess = tf.InteractiveSession()
    x = tf.Variable([1.0, 2.0])
    a = tf.constant([3.0, 3.0])
    x.initializer.run()
    sub = tf.subtract(x, a)
    assert sub.eval().tolist() == [-2.0, -1.0]
    x.assign([5.0, 5.0]).op.run()
    assert sub.eval().tolist() == [2.0, 2.0]
    sess.close()
    assert tf.get_default_session() is None


def test_two_graphs_with_a_session_each():
    g1, g2 = tf.Graph(), tf.Graph()
    with g1.as_default():
        v1 = tf.get_variable("v", shape=[1], initializer=tf.zeros_initializer())
    with g2.as_default():
        v2 = tf.get_variable("v", shape=[1], initializer=tf.ones_initializer())
        init = tf.global_variables_initializer()
    with tf.Session(graph=g1) as sess:
        tf.global_variables_initializer().run()
        with tf.variable_scope("", reuse=True):
            assert sess.run(tf.get_variable("v")).tolist() == [0.0]
    with tf.Session(graph=g2) as sess:
        sess.run(init)
        assert sess.run(v2).tolist() == [1.0]
    assert v1.graph is g1 and v2.graph is g2 and tf.get_default_graph() not in (g1, g2)


def test_word_count():
    words = "the cat and the dog and the bird".split()
    vocabulary = sorted(set(words))
    ids = tf.placeholder(tf.int32, shape=[None])
    counts = tf.Variable(tf.zeros([len(vocabulary)], tf.int32), trainable=False)
    count = tf.assign_add(counts, tf.reduce_sum(tf.one_hot(ids, len(vocabulary), dtype=tf.int32), axis=0))
    seen = tf.scatter_add(counts, ids, tf.ones_like(ids))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for start in range(0, len(words), 3):
            sess.run(count, feed_dict={ids: [vocabulary.index(w) for w in words[start : start + 3]]})
        assert dict(zip(vocabulary, sess.run(counts))) == {"the": 3, "and": 2, "cat": 1, "dog": 1, "bird": 1}
        sess.run(seen, {ids: [0, 0]})
        assert sess.run(counts)[0] == 4


def test_running_average():
    value = tf.placeholder(tf.float32, [])
    average = tf.Variable(0.0, trainable=False)
    step = tf.Variable(0.0, trainable=False)
    increment = tf.assign_add(step, 1.0)
    with tf.control_dependencies([increment]):
        update = tf.assign_add(average, (value - average) / step.read_value())
    data = np.random.RandomState(0).rand(50)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for v in data:
            sess.run(update, {value: v})
        np.testing.assert_allclose(sess.run(average), data.mean(), rtol=1e-5)


def test_exponential_moving_average():
    raw_data = np.random.RandomState(1).normal(10, 1, 100)
    alpha = tf.constant(0.05)
    curr_value = tf.placeholder(tf.float32)
    prev_avg = tf.Variable(0.0)
    update_avg = alpha * curr_value + (1 - alpha) * prev_avg
    expected = 0.0
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(len(raw_data)):
            curr_avg = sess.run(update_avg, feed_dict={curr_value: raw_data[i]})
            sess.run(tf.assign(prev_avg, curr_avg))
            expected = 0.05 * raw_data[i] + 0.95 * expected
    np.testing.assert_allclose(curr_avg, expected, rtol=1e-5)


def test_moving_average_of_variables():
    w = tf.Variable(1.0)
    ema = tf.train.ExponentialMovingAverage(0.9)
    maintain = ema.apply([w])
    change = w.assign_add(1.0)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(ema.average(w)) == 1.0
        expected = 1.0
        for k in range(3):
            sess.run(change)
            sess.run(maintain)
            expected = 0.9 * expected + 0.1 * (k + 2)
        np.testing.assert_allclose(sess.run(ema.average(w)), expected, rtol=1e-6)


def test_gradient_of_sine():
    x = tf.placeholder(tf.float32)
    y = tf.sin(x)
    grad = tf.gradients(y, x)[0]
    second = tf.gradients(grad, x)[0]
    points = np.linspace(-np.pi, np.pi, 10000).astype(np.float32)
    with tf.Session() as sess:
        value, slope, bend = sess.run([y, grad, second], feed_dict={x: points})
    np.testing.assert_allclose(value, np.sin(points), atol=1e-6)
    np.testing.assert_allclose(slope, np.cos(points), atol=1e-6)
    np.testing.assert_allclose(bend, -np.sin(points), atol=1e-6)


def test_scopes_share_variables():
    def my_network(inputs):
        with tf.variable_scope("dense1"):
            w = tf.get_variable("w", [4, 2], initializer=tf.truncated_normal_initializer(stddev=0.1))
            b = tf.get_variable("b", [2], initializer=tf.constant_initializer(0.1))
        return tf.nn.relu(tf.matmul(inputs, w) + b)

    x1, x2 = tf.placeholder(tf.float32, [None, 4]), tf.placeholder(tf.float32, [None, 4])
    with tf.variable_scope("model") as scope:
        out1 = my_network(x1)
        scope.reuse_variables()
        out2 = my_network(x2)
    with tf.name_scope("loss"):
        gap = tf.reduce_max(tf.abs(out1 - out2), name="gap")
    assert [v.name for v in tf.trainable_variables()] == ["model/dense1/w:0", "model/dense1/b:0"]
    assert tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="model") == tf.global_variables()
    assert gap.name == "loss/gap:0" and out1.name == "model/Relu:0"
    data = np.ones((3, 4), np.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(gap, {x1: data, x2: data}) == 0.0


def test_placeholder_with_default_and_get_by_name():
    rate = tf.placeholder_with_default(0.5, shape=(), name="rate")
    tf.multiply(rate, 4.0, name="out")
    graph = tf.get_default_graph()
    with tf.Session() as sess:
        out = graph.get_tensor_by_name("out:0")
        assert sess.run(out) == 2.0 and sess.run("out:0", {"rate:0": 1.0}) == 4.0


def test_make_callable_and_numbers_of_variables():
    x = tf.placeholder(tf.float32, [None])
    w = tf.Variable([2.0], name="w")
    b = tf.Variable([1.0], name="b")
    y = w * x + b
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        f = sess.make_callable(y, [x])
        assert f(np.array([1.0, 2.0], np.float32)).tolist() == [3.0, 5.0]
        values = {v.name: value for v, value in zip(tf.global_variables(), sess.run(tf.global_variables()))}
    with tf.Session() as sess:
        for v in tf.global_variables():
            v.load(values[v.name] * 2, sess)
        assert sess.run(y, {x: [1.0]}).tolist() == [6.0]


# --------------------------------------------------------------------------------------------- regression


def test_linear_model_of_the_getting_started_page():
    W = tf.Variable([0.3], dtype=tf.float32)
    b = tf.Variable([-0.3], dtype=tf.float32)
    x = tf.placeholder(tf.float32)
    linear_model = W * x + b
    y = tf.placeholder(tf.float32)
    loss = tf.reduce_sum(tf.square(linear_model - y))
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    x_train, y_train = [1, 2, 3, 4], [0, -1, -2, -3]
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    np.testing.assert_allclose(sess.run(loss, {x: x_train, y: y_train}), 23.66, rtol=1e-5)
    for _ in range(1000):
        sess.run(train, {x: x_train, y: y_train})
    curr_W, curr_b, curr_loss = sess.run([W, b, loss], {x: x_train, y: y_train})
    np.testing.assert_allclose([curr_W[0], curr_b[0]], [-1, 1], atol=1e-4)
    assert curr_loss < 1e-9


def test_linear_regression_point_by_point():
    rng = np.random.RandomState(0)
    trX = np.linspace(-1, 1, 101)
    trY = 2 * trX + rng.randn(*trX.shape) * 0.33
    X, Y = tf.placeholder("float"), tf.placeholder("float")
    w = tf.Variable(0.0, name="weights")
    cost = tf.square(Y - tf.multiply(X, w))
    train_op = tf.train.GradientDescentOptimizer(0.01).minimize(cost)
    expected = np.float32(0)
    with tf.Session() as sess:
        tf.global_variables_initializer().run()
        for _ in range(5):
            for x, y in zip(trX, trY):
                sess.run(train_op, feed_dict={X: x, Y: y})
                expected -= 0.01 * 2 * (x * expected - y) * x
        np.testing.assert_allclose(sess.run(w), expected, rtol=1e-4)


def test_normal_equation():
    rng = np.random.RandomState(3)
    data = np.c_[np.ones((50, 1)), rng.rand(50, 3)]
    target = data @ [[4.0], [3.0], [-2.0], [1.0]]
    X = tf.constant(data, dtype=tf.float32, name="X")
    y = tf.constant(target.reshape(-1, 1), dtype=tf.float32, name="y")
    theta = tf.Variable(tf.random_uniform([4, 1], -1.0, 1.0, seed=42), name="theta")
    y_pred = tf.matmul(X, theta, name="predictions")
    error = y_pred - y
    mse = tf.reduce_mean(tf.square(error), name="mse")
    gradients = 2 / 50 * tf.matmul(tf.transpose(X), error)
    automatic = tf.gradients(mse, [theta])[0]
    training_op = tf.assign(theta, theta - 0.3 * gradients)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(*sess.run([gradients, automatic]), rtol=1e-4)
        for _ in range(3000):
            sess.run(training_op)
        np.testing.assert_allclose(theta.eval().ravel(), [4, 3, -2, 1], atol=1e-2)


def test_least_squares_by_inverse_and_by_cholesky():
    x_vals = np.linspace(0, 10, 100)
    y_vals = 1.5 * x_vals + np.random.RandomState(0).normal(0, 1, 100)
    A = np.column_stack((x_vals, np.ones(100)))
    A_tensor, b_tensor = tf.constant(A), tf.constant(y_vals.reshape(100, 1))
    tA_A = tf.matmul(tf.transpose(A_tensor), A_tensor)
    tA_b = tf.matmul(tf.transpose(A_tensor), b_tensor)
    solution = tf.matmul(tf.matrix_inverse(tA_A), tA_b)
    L = tf.cholesky(tA_A)
    sol1 = tf.matrix_solve(L, tA_b)
    sol2 = tf.matrix_solve(tf.transpose(L), sol1)
    expected = np.linalg.lstsq(A, y_vals, rcond=None)[0]
    with tf.Session() as sess:
        for found in sess.run([solution, sol2]):
            assert found.dtype == np.float64
            np.testing.assert_allclose(found.ravel(), expected, rtol=1e-9)


def test_polynomial_fit():
    trX = np.linspace(-1, 1, 101)
    coefficients = [1, 2, 3]
    trY = sum(c * trX**k for k, c in enumerate(coefficients))
    X, Y = tf.placeholder(tf.float32, shape=[None]), tf.placeholder(tf.float32, shape=[None])
    w = tf.Variable([0.0] * 3, name="parameters")
    terms = [tf.multiply(w[i], tf.pow(X, i)) for i in range(3)]
    y_model = tf.add_n(terms)
    cost = tf.reduce_mean(tf.pow(Y - y_model, 2))
    train_op = tf.train.MomentumOptimizer(0.1, 0.9).minimize(cost)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(500):
            sess.run(train_op, feed_dict={X: trX, Y: trY})
        np.testing.assert_allclose(sess.run(w), coefficients, atol=1e-2)


def test_decayed_learning_rate_with_a_global_step():
    global_step = tf.Variable(0, trainable=False, name="global_step")
    rate = tf.train.exponential_decay(0.1, global_step, 10, 0.5, staircase=True)
    x = tf.Variable(3.0)
    step = tf.train.GradientDescentOptimizer(rate).minimize(tf.square(x), global_step=global_step)
    expected = 3.0
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for k in range(25):
            _, now, used = sess.run([step, global_step, rate])
            expected -= 0.1 * 0.5 ** (k // 10) * 2 * expected
        np.testing.assert_allclose(sess.run(x), expected, rtol=1e-5)
        assert tf.train.global_step(sess, global_step) == 25


# ----------------------------------------------------------------------------------------- classification


def test_logistic_regression():
    data, labels = blobs(classes=2, features=2)
    x = tf.placeholder(tf.float32, shape=(None, 2), name="input")
    y = tf.placeholder(tf.float32, shape=(None,), name="label")
    w = tf.Variable([[0.0], [0.0]], name="w")
    b = tf.Variable(0.0, name="b")
    logits = tf.squeeze(tf.matmul(x, w), 1) + b
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    predicted = tf.cast(tf.sigmoid(logits) > 0.5, tf.float32)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(predicted, y), tf.float32))
    weights, bias = np.zeros(2), 0.0
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(100):
            sess.run(train, {x: data, y: labels})
            error = 1 / (1 + np.exp(-(data @ weights + bias))) - labels
            weights, bias = weights - 0.5 * data.T @ error / len(data), bias - 0.5 * error.mean()
        np.testing.assert_allclose(sess.run(w)[:, 0], weights, rtol=1e-3)
        np.testing.assert_allclose(sess.run(b), bias, rtol=1e-2, atol=1e-4)
        assert accuracy.eval({x: data, y: labels}) > 0.95


def test_softmax_regression_on_images():
    rng = np.random.RandomState(0)
    prototypes = rng.rand(10, 8, 8)
    labels = np.arange(200) % 10
    images = (prototypes[labels] + 0.1 * rng.randn(200, 8, 8)).reshape(200, 64).astype(np.float32)
    one_hot = np.eye(10, dtype=np.float32)[labels]
    x = tf.placeholder(tf.float32, [None, 64])
    W, b = tf.Variable(tf.zeros([64, 10])), tf.Variable(tf.zeros([10]))
    y = tf.nn.softmax(tf.matmul(x, W) + b)
    y_ = tf.placeholder(tf.float32, [None, 10])
    cross_entropy = tf.reduce_mean(-tf.reduce_sum(y_ * tf.log(y), reduction_indices=[1]))
    train_step = tf.train.GradientDescentOptimizer(0.5).minimize(cross_entropy)
    correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(sess.run(cross_entropy, {x: images, y_: one_hot}), np.log(10), rtol=1e-5)
        for epoch in range(40):
            for start in range(0, 200, 64):  # the last batch is smaller
                batch_xs, batch_ys = images[start : start + 64], one_hot[start : start + 64]
                _, c = sess.run([train_step, cross_entropy], feed_dict={x: batch_xs, y_: batch_ys})
        assert sess.run(accuracy, feed_dict={x: images, y_: one_hot}) > 0.97


@pytest.mark.parametrize("optimizer", ["AdamOptimizer", "RMSPropOptimizer", "AdagradOptimizer"])
def test_xor(optimizer):
    tf.set_random_seed(1)
    X = tf.placeholder(tf.float32, shape=[4, 2], name="x")
    Y = tf.placeholder(tf.float32, shape=[4, 1], name="y")
    W = tf.Variable(tf.random_uniform([2, 8], -1, 1), name="W")
    w = tf.Variable(tf.random_uniform([8, 1], -1, 1), name="w")
    c = tf.Variable(tf.zeros([4, 8]), name="c")
    b = tf.Variable(tf.zeros([4, 1]), name="b")
    h = tf.nn.tanh(tf.add(tf.matmul(X, W), c))
    y_estimated = tf.sigmoid(tf.add(tf.matmul(h, w), b))
    loss = tf.reduce_mean(tf.squared_difference(y_estimated, Y))
    train_op = getattr(tf.train, optimizer)(0.05).minimize(loss)
    inputs, outputs = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(1000):
            sess.run(train_op, feed_dict={X: inputs, Y: outputs})
        assert np.round(sess.run(y_estimated, {X: inputs})).tolist() == outputs


def test_network_with_dropout_and_batches_of_every_size():
    tf.set_random_seed(0)
    data, labels = blobs()
    X = tf.placeholder(tf.float32, shape=(None, 4), name="X")
    y = tf.placeholder(tf.int64, shape=(None), name="y")
    keep_prob = tf.placeholder(tf.float32)
    learning_rate = tf.placeholder(tf.float32, shape=[])
    with tf.name_scope("dnn"):
        hidden1 = tf.layers.dense(X, 16, name="hidden1", activation=tf.nn.relu)
        dropped = tf.nn.dropout(hidden1, keep_prob)
        logits = tf.layers.dense(dropped, 3, name="outputs")
    with tf.name_scope("loss"):
        xentropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        loss = tf.reduce_mean(xentropy, name="loss")
    with tf.name_scope("train"):
        training_op = tf.train.AdamOptimizer(learning_rate=learning_rate).minimize(loss)
    with tf.name_scope("eval"):
        accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, y, 1), tf.float32))
    with tf.Session() as sess:
        tf.global_variables_initializer().run()
        for epoch in range(30):
            for part in np.array_split(np.random.RandomState(epoch).permutation(90), 7):
                feed = {X: data[part], y: labels[part], keep_prob: 0.8, learning_rate: 0.01}
                sess.run(training_op, feed_dict=feed)
        assert accuracy.eval(feed_dict={X: data, y: labels, keep_prob: 1.0}) > 0.95


def test_clipped_gradients():
    data, labels = blobs(classes=2)
    x, y = tf.placeholder(tf.float32, [None, 4]), tf.placeholder(tf.float32, [None, 1])
    w, b = tf.Variable(tf.zeros([4, 1])), tf.Variable(tf.zeros([1]))
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    gradients, variables = zip(*optimizer.compute_gradients(loss))
    gradients, length = tf.clip_by_global_norm(gradients, 0.5)
    step = optimizer.apply_gradients(zip(gradients, variables))
    capped = [(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in optimizer.compute_gradients(loss)]
    step2 = optimizer.apply_gradients(capped)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {x: data, y: labels[:, None]}
        _, total, kept = sess.run([step, length, gradients], feed)
        error = -labels[:, None]
        dw, db = 2 * data.T @ error / 90, 2 * error.mean(0)
        norm = np.sqrt((dw**2).sum() + (db**2).sum())
        np.testing.assert_allclose(total, norm, rtol=1e-5)
        np.testing.assert_allclose(sess.run(w), -0.1 * dw * 0.5 / max(norm, 0.5), rtol=1e-4)
        np.testing.assert_allclose(np.sqrt(sum((g**2).sum() for g in kept)), min(norm, 0.5), rtol=1e-5)
        sess.run(step2, feed)


def test_residual_layers():
    x = tf.placeholder(tf.float32, [None, 4])
    h = x
    weights = []
    for k in range(3):
        w = tf.get_variable(f"w{k}", [4, 4], initializer=tf.random_normal_initializer(stddev=0.1, seed=k))
        weights.append(w)
        h = h + tf.nn.relu(tf.matmul(h, w))
    g = tf.gradients(tf.reduce_sum(h), x)[0]
    data, _ = blobs(count=7)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        out, slope, ws = sess.run([h, g, weights], {x: data})
    expected, tangent = data.astype(np.float64), np.broadcast_to(np.eye(4), (7, 4, 4))
    for w in ws:
        z = expected @ w
        tangent = tangent + (tangent @ w) * (z > 0)[:, None]
        expected = expected + np.maximum(z, 0)
    np.testing.assert_allclose(out, expected, rtol=1e-5)
    np.testing.assert_allclose(slope, tangent.sum(2), rtol=1e-4)


def test_regularised_network_in_variable_scopes():
    def dense(name, inputs, units):
        with tf.variable_scope(name, regularizer=lambda v: 0.01 * tf.nn.l2_loss(v)):
            w = tf.get_variable("w", [inputs.get_shape()[-1], units])
            b = tf.get_variable("b", [units], initializer=tf.constant_initializer(0.0))
            tf.add_to_collection("weights", w)
            return tf.nn.xw_plus_b(inputs, w, b)

    x = tf.placeholder(tf.float32, [None, 4])
    y = tf.placeholder(tf.int32, [None])
    logits = dense("out", tf.nn.elu(dense("hidden", x, 8)), 3)
    base = tf.losses.sparse_softmax_cross_entropy(y, logits)
    loss = base + tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
    global_step = tf.train.get_or_create_global_step()
    train = tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True).minimize(loss, global_step)
    data, labels = blobs()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        w1, w2 = sess.run(tf.get_collection("weights"))
        whole, part = sess.run([loss, base], {x: data, y: labels})
        np.testing.assert_allclose(whole - part, 0.005 * ((w1**2).sum() + (w2**2).sum()), rtol=1e-3)
        for _ in range(60):
            sess.run(train, {x: data, y: labels})
        assert sess.run(base, {x: data, y: labels}) < 0.1 and sess.run(global_step) == 60


# ----------------------------------------------------------------------------------------------- unlabelled


def test_autoencoder():
    rng = np.random.RandomState(0)
    data = (rng.rand(100, 2) @ rng.rand(2, 12)).astype(np.float32)
    tf.set_random_seed(0)
    X = tf.placeholder("float", [None, 12])
    weights = {
        "encoder_h1": tf.Variable(tf.random_normal([12, 6], stddev=0.3)),
        "decoder_h1": tf.Variable(tf.random_normal([6, 12], stddev=0.3)),
    }
    biases = {"encoder_b1": tf.Variable(tf.zeros([6])), "decoder_b1": tf.Variable(tf.zeros([12]))}

    def encoder(x):
        return tf.nn.sigmoid(tf.add(tf.matmul(x, weights["encoder_h1"]), biases["encoder_b1"]))

    def decoder(x):
        return tf.add(tf.matmul(x, weights["decoder_h1"]), biases["decoder_b1"])

    y_pred, y_true = decoder(encoder(X)), X
    loss = tf.reduce_mean(tf.pow(y_true - y_pred, 2))
    optimizer = tf.train.RMSPropOptimizer(0.01).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        first = sess.run(loss, feed_dict={X: data})
        for _ in range(300):
            _, last = sess.run([optimizer, loss], feed_dict={X: data})
        assert last < first / 20


def test_k_means():
    data, _ = blobs(count=60)
    points = tf.constant(data)
    centroids = tf.Variable(tf.slice(points, [0, 0], [3, -1]))
    distances = tf.reduce_sum(tf.square(tf.expand_dims(points, 0) - tf.expand_dims(centroids, 1)), 2)
    assignments = tf.argmin(distances, 0)
    means = tf.stack([
        tf.reduce_sum(tf.where(tf.equal(assignments, c), points, tf.zeros_like(points)), 0)
        / tf.reduce_sum(tf.cast(tf.equal(assignments, c), tf.float32))
        for c in range(3)
    ])
    update = tf.assign(centroids, means)
    expected = data[:3]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(10):
            _, groups = sess.run([update, assignments])
            nearest = ((data[None] - expected[:, None]) ** 2).sum(2).argmin(0)
            assert groups.tolist() == nearest.tolist()
            expected = np.stack([data[nearest == c].mean(0) for c in range(3)])
        np.testing.assert_allclose(sess.run(centroids), expected, rtol=1e-4)


def test_nearest_neighbour():
    data, labels = blobs()
    xtr, xte = tf.placeholder("float", [None, 4]), tf.placeholder("float", [4])
    distance = tf.reduce_sum(tf.abs(tf.add(xtr, tf.negative(xte))), reduction_indices=1)
    pred = tf.arg_min(distance, 0)
    with tf.Session() as sess:
        found = [sess.run(pred, feed_dict={xtr: data, xte: row + 0.01}) for row in data[:20]]
    assert found == list(range(20))


def test_mandelbrot_and_waves():
    sess = tf.InteractiveSession()
    Y, X = np.mgrid[-1.3:1.3:0.1, -2:1:0.1]
    re, im = tf.Variable(X.astype(np.float32)), tf.Variable(Y.astype(np.float32))
    zr, zi = tf.Variable(tf.zeros_like(re.initialized_value())), tf.Variable(tf.zeros_like(im.initialized_value()))
    ns = tf.Variable(tf.zeros(X.shape, tf.float32))
    tf.global_variables_initializer().run()
    nr, ni = zr * zr - zi * zi + re, 2.0 * zr * zi + im
    bounded = nr * nr + ni * ni < 4.0
    step = tf.group(
        zr.assign(tf.clip_by_value(nr, -9.0, 9.0)),
        zi.assign(tf.clip_by_value(ni, -9.0, 9.0)),
        ns.assign_add(tf.cast(bounded, tf.float32)),
    )
    for _ in range(20):
        step.run()
    c, z, count = X + 1j * Y, np.zeros_like(X) + 0j, np.zeros_like(X)
    for _ in range(20):
        z = z * z + c
        z = np.clip(z.real, -9, 9) + 1j * np.clip(z.imag, -9, 9)
        count += abs(z) < 2
    assert (ns.eval() == count).mean() > 0.98
    sess.close()
