"""Small models as courses build them: convolutions, recurrence, embeddings, games. Each answers with its values."""

import numpy as np
from courses.training import CLASSES, POINTS, START, cross_entropy, dense

RNG = np.random.RandomState(1)
IMAGES = RNG.uniform(size=(6, 8, 8, 1)).astype(np.float32)
KERNEL = RNG.normal(scale=0.3, size=(3, 3, 1, 4)).astype(np.float32)
SEQUENCES = RNG.normal(size=(4, 5, 3)).astype(np.float32)


def xor(tf):
    x = tf.placeholder(tf.float32, [4, 2])
    y = tf.placeholder(tf.float32, [4, 1])
    w1 = tf.Variable(np.array([[0.7, -0.6], [-0.5, 0.8]], np.float32))
    w2 = tf.Variable(np.array([[0.9], [1.1]], np.float32))
    b1, b2 = tf.Variable(tf.zeros([2])), tf.Variable(tf.zeros([1]))
    hidden = tf.sigmoid(tf.matmul(x, w1) + b1)
    out = tf.sigmoid(tf.matmul(hidden, w2) + b2)
    cost = -tf.reduce_mean(y * tf.log(out) + (1 - y) * tf.log(1 - out))
    step = tf.train.GradientDescentOptimizer(1.0).minimize(cost)
    feed = {x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [[0], [1], [1], [0]]}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(200):
            sess.run(step, feed)
        return sess.run([cost, out], feed)


def convolutions(tf):
    x = tf.constant(IMAGES)
    same = tf.nn.conv2d(x, KERNEL, strides=[1, 1, 1, 1], padding="SAME")
    strided = tf.nn.conv2d(x, KERNEL, [1, 2, 2, 1], "VALID")
    pooled = tf.nn.max_pool(same, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    mean = tf.nn.avg_pool(same, [1, 3, 3, 1], [1, 2, 2, 1], "SAME")
    up = tf.nn.conv2d_transpose(strided, KERNEL, [6, 8, 8, 1], [1, 2, 2, 1], "VALID")
    biased = tf.nn.bias_add(pooled, [0.1, 0.2, 0.3, 0.4])
    normed = tf.nn.lrn(tf.nn.relu(biased), 4, bias=1.0, alpha=0.001 / 9.0, beta=0.75)
    with tf.Session() as sess:
        return sess.run([strided, pooled, mean, up, normed, tf.gradients(tf.reduce_sum(normed**2), x)[0]])


def convolutional_network(tf):
    x, y = tf.placeholder(tf.float32, [None, 8, 8, 1]), tf.placeholder(tf.int64, [None])
    kernel = tf.Variable(KERNEL)
    h = tf.nn.relu(tf.nn.conv2d(x, kernel, [1, 1, 1, 1], "SAME"))
    h = tf.nn.max_pool(h, [1, 4, 4, 1], [1, 4, 4, 1], "SAME")
    w = tf.Variable(np.linspace(-0.5, 0.5, 48, dtype=np.float32).reshape(16, 3))
    logits = tf.matmul(tf.reshape(h, [-1, 16]), w)
    loss = cross_entropy(tf, logits, y)
    step = tf.train.AdamOptimizer(0.05).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {x: IMAGES, y: CLASSES[:6]}
        losses = [float(sess.run([loss, step], feed)[0]) for _ in range(10)]
        return losses + sess.run([kernel, tf.nn.in_top_k(logits, y, 1)], feed)


def recurrence_by_hand(tf):
    x = tf.placeholder(tf.float32, [None, 5, 3])
    wx, wh = tf.constant(START[3, 3]), tf.constant(START[3, 3].T.copy())
    h, states = tf.zeros([tf.shape(x)[0], 3]), []
    for step in tf.unstack(x, axis=1):
        h = tf.tanh(tf.matmul(step, wx) + tf.matmul(h, wh))
        states.append(h)
    with tf.Session() as sess:
        return [sess.run(tf.stack(states, axis=1), {x: SEQUENCES})]


def lstm(tf):
    x, lengths = tf.placeholder(tf.float32, [None, 5, 3]), tf.placeholder(tf.int32, [None])
    cell = tf.nn.rnn_cell.BasicLSTMCell(2, forget_bias=1.0)
    with tf.variable_scope("net", initializer=tf.constant_initializer(0.2)):
        outputs, state = tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)
    loss = tf.reduce_sum(outputs[:, -1] ** 2) + tf.reduce_sum(state.h)
    gradients = tf.gradients(loss, tf.trainable_variables())
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = sess.run([outputs, state.c, state.h, *gradients], {x: SEQUENCES, lengths: [5, 3, 1, 4]})
    return [v.name for v in tf.trainable_variables()] + values


def stacked_recurrent_cells(tf):
    x = tf.placeholder(tf.float32, [4, 5, 3])
    cells = [
        tf.nn.rnn_cell.GRUCell(2),
        tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.BasicRNNCell(3), output_keep_prob=1.0),
    ]
    cell = tf.nn.rnn_cell.MultiRNNCell(cells)
    with tf.variable_scope("rnn", initializer=tf.constant_initializer(0.3)):
        outputs, states = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), initial_state=cell.zero_state(4, tf.float32))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return [v.name for v in tf.trainable_variables()] + sess.run([outputs[-1], *states], {x: SEQUENCES})


def both_directions(tf):
    x = tf.placeholder(tf.float32, [None, 5, 3])
    cells = [tf.nn.rnn_cell.LSTMCell(2, initializer=tf.constant_initializer(0.1 * k)) for k in (1, 2)]
    (forward, backward), states = tf.nn.bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return [v.name for v in tf.trainable_variables()] + sess.run([forward, backward, states[1].h], {x: SEQUENCES})


def characters_one_by_one(tf):
    """A greedy decoder: each step's answer is the next step's input."""
    embedding = tf.Variable(START[4, 3])
    w = tf.Variable(START[3, 3])
    out = tf.Variable(START[4, 3].T.copy())

    def body(i, symbol, state, written):
        state = tf.tanh(tf.nn.embedding_lookup(embedding, symbol) + tf.matmul(state, w))
        symbol = tf.cast(tf.argmax(tf.matmul(state, out), 1), tf.int32)
        return i + 1, symbol, state, written.write(i, symbol)

    start = [0, tf.constant([1, 2]), tf.ones([2, 3]), tf.TensorArray(tf.int32, size=6)]
    final = tf.while_loop(lambda i, *_: i < 6, body, start)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run([final[3].stack(), final[2]])


def embeddings(tf):
    table = tf.get_variable("table", initializer=START[6, 4])
    ids = tf.placeholder(tf.int32, [None, 2])
    looked_up = tf.nn.embedding_lookup(table, ids)
    loss = tf.reduce_sum(tf.square(tf.reduce_mean(looked_up, 1)))
    step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {ids: [[0, 1], [1, 5], [3, 3]]}
        shape = sess.run(looked_up, feed).shape
        sess.run(step, feed)
        return [list(shape), sess.run(table), sess.run(loss, feed)]


def k_means(tf):
    points = tf.constant(POINTS)
    centroids = tf.Variable(POINTS[:3])
    assigned = tf.Variable(tf.zeros([40], tf.int64))
    distances = tf.reduce_sum(tf.square(tf.expand_dims(points, 1) - tf.expand_dims(centroids, 0)), 2)
    best = tf.argmin(distances, 1)
    changed = tf.reduce_any(tf.not_equal(best, assigned))
    totals = tf.unsorted_segment_sum(points, best, 3)
    counts = tf.unsorted_segment_sum(tf.ones([40]), best, 3)
    with tf.control_dependencies([changed]):
        update = tf.group(centroids.assign(totals / tf.expand_dims(counts, 1)), assigned.assign(best))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        rounds, going = 0, True
        while going and rounds < 50:
            going, _ = sess.run([changed, update])
            rounds += 1
        return [rounds] + sess.run([centroids, assigned])


def nearest_neighbour(tf):
    train_x, test_x = tf.placeholder("float", [None, 3]), tf.placeholder("float", [3])
    distance = tf.reduce_sum(tf.abs(tf.add(train_x, tf.negative(test_x))), reduction_indices=1)
    nearest = tf.argmin(distance, 0)
    with tf.Session() as sess:
        return [int(CLASSES[sess.run(nearest, {train_x: POINTS[:30], test_x: p})]) for p in POINTS[30:]]


def two_players(tf):
    """A GAN's training: each optimizer changes only its player's variables."""
    z, real = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    with tf.variable_scope("generator"):
        fake = dense(tf, z, 3, "g", tf.tanh)
    with tf.variable_scope("discriminator"):
        on_real = dense(tf, real, 1, "d")
    with tf.variable_scope("discriminator", reuse=True):
        on_fake = dense(tf, fake, 1, "d")
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    d_loss = tf.reduce_mean(entropy(logits=on_real, labels=tf.ones_like(on_real))
                            + entropy(logits=on_fake, labels=tf.zeros_like(on_fake)))  # fmt: skip
    g_loss = tf.reduce_mean(entropy(logits=on_fake, labels=tf.ones_like(on_fake)))
    g_vars = [v for v in tf.trainable_variables() if v.name.startswith("generator")]
    d_vars = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="discriminator")
    d_step = tf.train.AdamOptimizer(0.01).minimize(d_loss, var_list=d_vars)
    g_step = tf.train.AdamOptimizer(0.01).minimize(g_loss, var_list=g_vars)
    losses = []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(10):
            feed = {z: POINTS[:20], real: POINTS[20:]}
            sess.run(d_step, feed)
            sess.run(g_step, feed)
            losses += [float(v) for v in sess.run([d_loss, g_loss], feed)]
    return losses + [len(g_vars), len(d_vars)]


def q_learning_with_a_target(tf):
    def network(states, scope):
        with tf.variable_scope(scope):
            q = dense(tf, dense(tf, states, 8, "h", tf.nn.relu), 3, "q")
        return q, tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope=scope)

    states, after = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    actions, rewards = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float32, [None])
    q, online = network(states, "online")
    q_next, target = network(after, "target")
    copy = tf.group(*[t.assign(o) for t, o in zip(target, online)])
    wanted = tf.stop_gradient(rewards + 0.9 * tf.reduce_max(q_next, axis=1))
    chosen = tf.reduce_sum(q * tf.one_hot(actions, 3), axis=1)
    loss = tf.reduce_mean(tf.losses.huber_loss(wanted, chosen))
    step = tf.train.RMSPropOptimizer(0.01).minimize(loss, var_list=online)
    losses = []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {states: POINTS[:20], after: POINTS[20:], actions: CLASSES[:20], rewards: POINTS[:20, 0]}
        for k in range(12):
            if k % 4 == 0:
                sess.run(copy)
            losses.append(float(sess.run([loss, step], feed)[0]))
        return losses + [bool(np.array_equal(*sess.run([online[0], target[0]])))]


def policy_gradient(tf):
    states, actions = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.int32, [None])
    rewards = tf.placeholder(tf.float32, [None])
    logits = dense(tf, states, 3, "policy")
    picked = tf.gather_nd(tf.nn.log_softmax(logits), tf.stack([tf.range(tf.shape(actions)[0]), actions], 1))
    loss = -tf.reduce_mean(picked * rewards)
    optimizer = tf.train.AdamOptimizer(0.1)
    pairs = optimizer.compute_gradients(loss)
    held = [tf.placeholder(tf.float32, v.get_shape()) for _, v in pairs]
    apply = optimizer.apply_gradients([(h, v) for h, (_, v) in zip(held, pairs)])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        summed = [np.zeros(v.shape.as_list(), np.float32) for _, v in pairs]
        for at in range(0, 40, 10):
            feed = {states: POINTS[at : at + 10], actions: CLASSES[at : at + 10], rewards: POINTS[at : at + 10, 2]}
            summed = [s + g for s, g in zip(summed, sess.run([g for g, _ in pairs], feed))]
        sess.run(apply, dict(zip(held, summed)))
        return summed + sess.run([v for _, v in pairs])


def autoencoder_with_tied_weights(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    w = tf.Variable(START[3, 8][:, :2].copy())
    code = tf.matmul(x, w)
    loss = tf.reduce_mean(tf.pow(x - tf.matmul(code, w, transpose_b=True), 2))
    step = tf.train.MomentumOptimizer(0.05, 0.9).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return [float(sess.run([loss, step], {x: POINTS})[0]) for _ in range(15)]


def principal_components(tf):
    x = tf.constant(POINTS - POINTS.mean(0))
    s, _, v = tf.svd(x)
    projected = tf.matmul(x, v[:, :2])
    with tf.Session() as sess:
        s, p = sess.run([s, projected])
        return [s, np.abs(p)]


def game_of_life(tf):
    board = np.zeros((6, 6), np.float32)
    board[1, 2] = board[2, 3] = board[3, 1] = board[3, 2] = board[3, 3] = 1
    state = tf.Variable(board)
    kernel = tf.reshape(tf.constant([[1.0, 1, 1], [1, 0, 1], [1, 1, 1]]), [3, 3, 1, 1])
    around = tf.nn.conv2d(tf.reshape(state, [1, 6, 6, 1]), kernel, [1, 1, 1, 1], "SAME")[0, :, :, 0]
    alive = tf.logical_or(tf.equal(around, 3), tf.logical_and(tf.equal(around, 2), tf.equal(state, 1)))
    step = state.assign(tf.cast(alive, tf.float32))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(4):
            sess.run(step)
        return [sess.run(state), np.roll(board, (1, 1), (0, 1))]


def mandelbrot(tf):
    y, x = np.mgrid[-1.2:1.2:0.2, -2:0.6:0.2]
    c = tf.constant((x + 1j * y).astype(np.complex64))
    z, counts = tf.Variable(tf.zeros_like(c)), tf.Variable(tf.zeros(x.shape, tf.float32))
    z_next = z * z + c
    inside = tf.abs(z_next) < 4
    step = tf.group(z.assign(tf.where(inside, z_next, z)), counts.assign_add(tf.cast(inside, tf.float32)))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(20):
            step.run()
        return [counts.eval()]


def heat(tf):
    u = tf.Variable(np.pad(np.ones((2, 2), np.float32), 3))
    stencil = tf.constant([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[:, :, None, None]
    laplace = tf.nn.conv2d(u[None, :, :, None], stencil, [1, 1, 1, 1], "SAME")[0, :, :, 0]
    step = tf.assign_add(u, 0.1 * laplace)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(25):
            sess.run(step)
        return [sess.run(u)]
