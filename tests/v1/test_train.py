"""Optimizers: a small network trained by each, against the same steps written in NumPy."""

import numpy as np
import pytest

import graphc.v1 as tf

X = np.random.default_rng(0).normal(size=(16, 5)).astype(np.float32)
T = np.eye(3, dtype=np.float32)[np.random.default_rng(1).integers(0, 3, 16)]
START = [
    np.random.default_rng(2).normal(size=(5, 8)) * 0.5, np.zeros(8),
    np.random.default_rng(3).normal(size=(8, 3)) * 0.5, np.zeros(3),
]  # fmt: skip
STEPS = 12


def loss_and_gradients(parameters, x, t):
    w1, b1, w2, b2 = parameters
    h = np.tanh(x @ w1 + b1)
    z = h @ w2 + b2
    e = np.exp(z - z.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    loss = -np.mean(np.sum(t * np.log(p), 1))
    dz = (p - t) / len(x)
    dh = dz @ w2.T * (1 - h * h)
    return loss, [x.T @ dh, dh.sum(0), h.T @ dz, dz.sum(0)]


def descent(p, g, s, t):
    return p - 0.5 * g


def momentum(p, g, s, t, nesterov=False):
    s["m"] = 0.9 * s.get("m", 0.0) + g
    return p - 0.1 * (g + 0.9 * s["m"] if nesterov else s["m"])


def adagrad(p, g, s, t):
    s["a"] = s.get("a", 0.1) + g * g
    return p - 0.3 * g / np.sqrt(s["a"])


def adadelta(p, g, s, t):
    s["a"] = 0.95 * s.get("a", 0.0) + 0.05 * g * g
    step = np.sqrt(s.get("d", 0.0) + 1e-6) / np.sqrt(s["a"] + 1e-6) * g
    s["d"] = 0.95 * s.get("d", 0.0) + 0.05 * step * step
    return p - 1.0 * step


def rmsprop(p, g, s, t, centered=False):
    s["r"] = 0.9 * s.get("r", 1.0) + 0.1 * g * g
    s["g"] = 0.9 * s.get("g", 0.0) + 0.1 * g
    spread = s["r"] - s["g"] ** 2 if centered else s["r"]
    s["m"] = 0.5 * s.get("m", 0.0) + 0.05 * g / np.sqrt(spread + 1e-10)
    return p - s["m"]


def adam(p, g, s, t):
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0.0) + 0.001 * g * g
    rate = 0.05 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return p - rate * s["m"] / (np.sqrt(s["v"]) + 1e-8)


def ftrl(p, g, s, t):
    old, z = s.get("a", 0.1), s.get("z", 0.0)
    s["a"] = old + g * g
    s["z"] = z + g - (np.sqrt(s["a"]) - np.sqrt(old)) / 0.3 * p
    return np.where(np.abs(s["z"]) > 0.001, (np.sign(s["z"]) * 0.001 - s["z"]) / (np.sqrt(s["a"]) / 0.3), 0.0)


CASES = {
    "GradientDescent": (lambda: tf.train.GradientDescentOptimizer(0.5), descent),
    "Momentum": (lambda: tf.train.MomentumOptimizer(0.1, 0.9), momentum),
    "Nesterov": (
        lambda: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
        lambda p, g, s, t: momentum(p, g, s, t, True),
    ),
    "Adagrad": (lambda: tf.train.AdagradOptimizer(0.3), adagrad),
    "Adadelta": (lambda: tf.train.AdadeltaOptimizer(1.0, epsilon=1e-6), adadelta),
    "RMSProp": (lambda: tf.train.RMSPropOptimizer(0.05, momentum=0.5), rmsprop),
    "centered RMSProp": (
        lambda: tf.train.RMSPropOptimizer(0.05, momentum=0.5, centered=True),
        lambda p, g, s, t: rmsprop(p, g, s, t, True),
    ),
    "Adam": (lambda: tf.train.AdamOptimizer(0.05), adam),
    "Ftrl": (lambda: tf.train.FtrlOptimizer(0.3, l1_regularization_strength=0.001), ftrl),
}


def network():
    x = tf.placeholder(tf.float32, [None, 5])
    t = tf.placeholder(tf.float32, [None, 3])
    w1, b1, w2, b2 = variables = [tf.Variable(v.astype(np.float32)) for v in START]
    logits = tf.matmul(tf.nn.tanh(tf.matmul(x, w1) + b1), w2) + b2
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=t, logits=logits))
    return x, t, variables, logits, loss


@pytest.mark.parametrize("case", CASES)
def test_optimizer_follows_numpy(case):
    make, rule = CASES[case]
    x, t, variables, _, loss = network()
    step = tf.Variable(0, trainable=False, name="global_step")
    train = make().minimize(loss, global_step=step)
    expected, states = [v.astype(np.float64) for v in START], [{} for _ in START]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for k in range(1, STEPS + 1):
            wanted, slopes = loss_and_gradients(expected, X, T)
            _, found = sess.run([train, loss], feed_dict={x: X, t: T})
            assert found == pytest.approx(wanted, rel=2e-4), f"step {k}"
            expected = [rule(p, g, s, k) for p, g, s in zip(expected, slopes, states)]
        for v, e in zip(sess.run(variables), expected):
            np.testing.assert_allclose(v, e, rtol=2e-3, atol=2e-4)
        assert sess.run(step) == STEPS


def test_classification_learns_with_batches_of_every_size():
    x, t, _, logits, loss = network()
    train = tf.train.AdamOptimizer(0.05).minimize(loss)
    right = tf.equal(tf.argmax(logits, 1), tf.argmax(t, 1))
    accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for k in range(200):
            n = 4 + k % 12
            sess.run(train, feed_dict={x: X[:n], t: T[:n]})
        assert sess.run(accuracy, {x: X, t: T}) > 0.9


def test_linear_regression():
    x, y = tf.placeholder("float"), tf.placeholder("float")
    w, b = tf.Variable(0.1, name="weight"), tf.Variable(0.0, name="bias")
    prediction = tf.add(tf.multiply(x, w), b)
    cost = tf.reduce_sum(tf.pow(prediction - y, 2)) / 20
    train = tf.train.GradientDescentOptimizer(0.05).minimize(cost)
    points = np.linspace(0, 2, 10)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(60):
            for p in points:
                sess.run(train, feed_dict={x: p, y: 3 * p + 1})
        assert sess.run(cost, feed_dict={x: points, y: 3 * points + 1}) < 0.05
        assert sess.run(w) == pytest.approx(3, abs=0.4)


def test_compute_and_apply_gradients():
    v, w = tf.Variable([3.0, 4.0]), tf.Variable(1.0)
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(tf.reduce_sum(v * v), [v, w])
    assert pairs[1] == (None, w)
    train = optimizer.apply_gradients([(None if g is None else tf.clip_by_norm(g, 1.0), x) for g, x in pairs])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        np.testing.assert_allclose(sess.run(v), [2.4, 3.2], rtol=1e-6)


def test_clipping_by_global_norm():
    clipped, total = tf.clip_by_global_norm([tf.constant([3.0]), None, tf.constant([4.0])], 1.0)
    assert clipped[1] is None
    with tf.Session() as sess:
        assert sess.run(total) == 5.0
        np.testing.assert_allclose(sess.run([clipped[0], clipped[2]]), [[0.6], [0.8]], rtol=1e-6)


def test_slots_and_names():
    v = tf.Variable(1.0, name="v")
    optimizer = tf.train.AdamOptimizer()
    train = optimizer.minimize(v * v)
    assert optimizer.get_slot_names() == ["m", "v"] and optimizer.get_slot(v, "m").name == "v/Adam:0"
    assert optimizer.get_slot(v, "v").name == "v/Adam_1:0" and train.name == "Adam"
    names = {x.op.name for x in tf.global_variables()}
    assert names == {"v", "v/Adam", "v/Adam_1", "beta1_power", "beta2_power"} and tf.trainable_variables() == [v]


def test_decaying_learning_rate():
    step = tf.train.get_or_create_global_step()
    assert tf.train.get_global_step() is step and step.dtype is tf.int64
    rate = tf.train.exponential_decay(0.1, step, 2, 0.5, staircase=True)
    v = tf.Variable(0.0)
    train = tf.train.GradientDescentOptimizer(rate).minimize(v, global_step=step)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        rates = [sess.run([rate, train])[0] for _ in range(5)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.05, 0.05, 0.025], rtol=1e-6)


def test_global_step():
    assert tf.train.get_global_step() is None
    with tf.name_scope("outer"):
        step = tf.train.create_global_step()
    assert step.name == "global_step:0" and tf.train.get_or_create_global_step() is step
    assert tf.get_collection(tf.GraphKeys.GLOBAL_STEP) == [step] and tf.trainable_variables() == []
    with pytest.raises(ValueError, match="already exists"):
        tf.train.create_global_step()
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.Variable(1.0) * 2.0, global_step=step)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        assert tf.train.global_step(sess, step) == 1


def test_a_variable_called_global_step_is_one():
    step = tf.Variable(0, trainable=False, name="global_step")
    assert tf.train.get_global_step() is step


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: 3, "must be a Variable or Tensor"),
        (lambda: tf.Variable(1.0), "does not have integer type"),
        (lambda: tf.Variable([1, 2]), "is not scalar"),
    ],
)
def test_what_counts_no_steps(make, words):
    with pytest.raises(TypeError, match=words):
        tf.train.assert_global_step(make())


def test_namespace_is_complete():
    names = """AdadeltaOptimizer AdagradDAOptimizer AdagradOptimizer AdamOptimizer Coordinator ExponentialMovingAverage
        FtrlOptimizer GradientDescentOptimizer LooperThread MomentumOptimizer Optimizer ProximalAdagradOptimizer
        ProximalGradientDescentOptimizer QueueRunner RMSPropOptimizer SyncReplicasOptimizer assert_global_step batch
        cosine_decay cosine_decay_restarts create_global_step exponential_decay get_global_step inverse_time_decay
        linear_cosine_decay natural_exp_decay noisy_linear_cosine_decay piecewise_constant piecewise_constant_decay
        polynomial_decay shuffle_batch start_queue_runners string_input_producer""".split()
    assert set(names) <= set(dir(tf.train))
    assert all(callable(getattr(tf.train, name)) for name in names)
    with pytest.raises(AttributeError, match="did you mean 'train.AdamOptimizer'"):
        tf.train.AdamOptimiser  # noqa: B018
