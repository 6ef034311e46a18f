"""Programs that train: optimizers, schedules, clipping, towers, queues. Each answers with what it reached."""

import numpy as np

RNG = np.random.RandomState(0)
POINTS = RNG.normal(size=(40, 3)).astype(np.float32)
SLOPES = np.array([[1.0], [-2.0], [0.5]], np.float32)
VALUES = (POINTS @ SLOPES + 0.3 + 0.05 * RNG.normal(size=(40, 1))).astype(np.float32)
CLASSES = (POINTS[:, 0] > POINTS[:, 1]).astype(np.int64) + (POINTS[:, 2] > 0.5)
START = {shape: np.random.RandomState(sum(shape)).normal(scale=0.3, size=shape).astype(np.float32)
         for shape in ((3, 8), (8, 3), (3, 1), (3, 3), (4, 3), (2, 2), (5, 2), (6, 4))}  # fmt: skip


def dense(tf, x, size, name, activation=None):
    """A layer whose weights are known numbers."""
    with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
        shape = (x.get_shape().as_list()[1], size)
        w = tf.get_variable("w", initializer=START[shape])
        b = tf.get_variable("b", [size], initializer=tf.zeros_initializer())
        z = tf.matmul(x, w) + b
        return activation(z) if activation else z


def classifier(tf, x, activation=None):
    return dense(tf, dense(tf, x, 8, "hidden", activation or tf.tanh), 3, "out")


def inputs(tf):
    return tf.placeholder(tf.float32, [None, 3], name="x"), tf.placeholder(tf.int64, [None], name="y")


def cross_entropy(tf, logits, y):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))


def train(tf, step, loss, feed, count=20):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return [float(sess.run([loss, step], feed)[0]) for _ in range(count)] + sess.run(tf.trainable_variables())


def linear_regression(tf):
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 1])
    loss = tf.losses.mean_squared_error(y, dense(tf, x, 1, "line"))
    return train(tf, tf.train.GradientDescentOptimizer(0.1).minimize(loss), loss, {x: POINTS, y: VALUES})


def normal_equation(tf):
    x = tf.constant(np.c_[np.ones(40), POINTS], tf.float64)
    y = tf.constant(VALUES, tf.float64)
    xt = tf.transpose(x)
    theta = tf.matmul(tf.matmul(tf.matrix_inverse(tf.matmul(xt, x)), xt), y)
    with tf.Session() as sess:
        return [theta.eval(session=sess), sess.run(tf.matrix_solve_ls(x, y, fast=True))]


def gradient_by_hand(tf):
    x, y = tf.constant(POINTS), tf.constant(VALUES)
    theta = tf.Variable(START[3, 1], name="theta")
    error = tf.matmul(x, theta) - y
    gradients = 2.0 / 40 * tf.matmul(tf.transpose(x), error)
    by_tf = tf.gradients(tf.reduce_mean(tf.square(error)), [theta])[0]
    training_op = tf.assign(theta, theta - 0.05 * gradients)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(30):
            sess.run(training_op)
        return sess.run([theta, gradients, by_tf])


def logistic_regression(tf):
    x, y = inputs(tf)
    pred = tf.nn.softmax(dense(tf, x, 3, "soft"))
    cost = tf.reduce_mean(-tf.reduce_sum(tf.one_hot(y, 3) * tf.log(pred), axis=1))
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(pred, 1), y), tf.float32))
    step = tf.train.AdagradOptimizer(0.5).minimize(cost)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(5):
            for at in range(0, 40, 10):
                sess.run(step, {x: POINTS[at : at + 10], y: CLASSES[at : at + 10]})
        return [accuracy.eval({x: POINTS, y: CLASSES}), cost.eval({x: POINTS, y: CLASSES})]


def support_vector_machine(tf):
    sides = np.where(CLASSES > 0, 1.0, -1.0).astype(np.float32)[:, None]
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 1])
    output = dense(tf, x, 1, "svm")
    w = tf.trainable_variables()[0]
    loss = tf.reduce_mean(tf.maximum(0.0, 1.0 - y * output)) + 0.01 * tf.nn.l2_loss(w)
    return train(tf, tf.train.GradientDescentOptimizer(0.2).minimize(loss), loss, {x: POINTS, y: sides})


def optimizers(tf):
    x, y = inputs(tf)
    answers = []
    makers = [
        tf.train.MomentumOptimizer(0.05, 0.9, use_nesterov=True), tf.train.RMSPropOptimizer(0.01),
        tf.train.AdamOptimizer(0.02),
        tf.train.AdadeltaOptimizer(1.0), tf.train.FtrlOptimizer(0.1), tf.train.ProximalGradientDescentOptimizer(0.1),
    ]  # fmt: skip
    loss = cross_entropy(tf, classifier(tf, x), y)
    for maker in makers:
        answers += train(tf, maker.minimize(loss), loss, {x: POINTS, y: CLASSES}, 8)[:8]
    return answers


def adam_and_its_slots(tf):
    x, y = inputs(tf)
    loss = cross_entropy(tf, classifier(tf, x), y)
    optimizer = tf.train.AdamOptimizer(0.02)
    step = optimizer.minimize(loss)
    w = tf.trainable_variables()[0]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step, {x: POINTS, y: CLASSES})
        moments = sess.run([optimizer.get_slot(w, name) for name in optimizer.get_slot_names()])
    return [v.name for v in tf.global_variables()] + optimizer.get_slot_names() + moments


def global_step_and_decay(tf):
    x, y = inputs(tf)
    loss = cross_entropy(tf, classifier(tf, x), y)
    global_step = tf.train.get_or_create_global_step()
    rate = tf.train.exponential_decay(0.5, global_step, 3, 0.5, staircase=True)
    step = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=global_step)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        rates = [float(sess.run([rate, step], {x: POINTS, y: CLASSES})[0]) for _ in range(8)]
        return [
            rates,
            tf.train.global_step(sess, global_step),
            sess.run(loss, {x: POINTS, y: CLASSES}),
            global_step.name,
        ]


def gradient_clipping(tf):
    x, y = inputs(tf)
    loss = 100 * cross_entropy(tf, classifier(tf, x), y)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    pairs = optimizer.compute_gradients(loss)
    capped = [(tf.clip_by_value(g, -0.1, 0.1), v) for g, v in pairs]
    step = optimizer.apply_gradients(capped)
    return [v.name for _, v in pairs] + train(tf, step, loss, {x: POINTS, y: CLASSES}, 5)


def clip_by_global_norm(tf):
    x, y = inputs(tf)
    loss = 100 * cross_entropy(tf, classifier(tf, x), y)
    variables = tf.trainable_variables()
    gradients, norm = tf.clip_by_global_norm(tf.gradients(loss, variables), 1.0)
    step = tf.train.MomentumOptimizer(0.1, 0.9).apply_gradients(zip(gradients, variables))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return [float(sess.run([norm, step], {x: POINTS, y: CLASSES})[0]) for _ in range(6)]


def only_some_variables(tf):
    x, y = inputs(tf)
    loss = cross_entropy(tf, classifier(tf, x), y)
    last = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="out")
    step = tf.train.GradientDescentOptimizer(0.3).minimize(loss, var_list=last)
    return [v.name for v in last] + train(tf, step, loss, {x: POINTS, y: CLASSES}, 5)


def dropout_switched_off(tf):
    x, y = inputs(tf)
    keep_prob = tf.placeholder_with_default(1.0, [])
    hidden = tf.nn.dropout(dense(tf, x, 8, "hidden", tf.nn.relu), keep_prob)
    logits = dense(tf, hidden, 3, "out")
    loss = cross_entropy(tf, logits, y)
    return train(tf, tf.train.AdamOptimizer(0.05).minimize(loss), loss, {x: POINTS, y: CLASSES}, 5)


def batch_normalisation_by_hand(tf):
    x, y = inputs(tf)
    training = tf.placeholder(tf.bool, [])
    z = dense(tf, x, 8, "hidden")
    gamma, beta = tf.Variable(tf.ones([8]), name="gamma"), tf.Variable(tf.zeros([8]), name="beta")
    mean, variance = tf.nn.moments(z, [0])
    moving_mean = tf.Variable(tf.zeros([8]), trainable=False, name="moving_mean")
    moving_variance = tf.Variable(tf.ones([8]), trainable=False, name="moving_variance")

    def batch():
        updates = [
            moving_mean.assign(0.9 * moving_mean + 0.1 * mean),
            moving_variance.assign(0.9 * moving_variance + 0.1 * variance),
        ]
        with tf.control_dependencies(updates):
            return tf.identity(mean), tf.identity(variance)

    m, v = tf.cond(training, batch, lambda: (moving_mean.value(), moving_variance.value()))
    h = tf.nn.relu(tf.nn.batch_normalization(z, m, v, beta, gamma, 1e-3))
    loss = cross_entropy(tf, dense(tf, h, 3, "out"), y)
    step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(10):
            sess.run(step, {x: POINTS, y: CLASSES, training: True})
        return sess.run([loss, moving_mean, moving_variance], {x: POINTS, y: CLASSES, training: False})


def exponential_moving_average(tf):
    w = tf.Variable(0.0, name="w")
    ema = tf.train.ExponentialMovingAverage(decay=0.9)
    with tf.control_dependencies([w.assign_add(1.0)]):
        step = ema.apply([w])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        averages = []
        for _ in range(4):
            sess.run(step)
            averages.append(float(sess.run(ema.average(w))))
        return averages + [ema.average_name(w), ema.average(w).name]


def two_towers_on_two_devices(tf):
    x, y = inputs(tf)
    optimizer = tf.train.GradientDescentOptimizer(0.2)
    tower_gradients, losses = [], []
    for k, (part_x, part_y) in enumerate(zip(tf.split(x, 2), tf.split(y, 2))):
        with tf.device(f"/gpu:{k}"), tf.name_scope(f"tower_{k}"):
            losses.append(cross_entropy(tf, classifier(tf, part_x), part_y))
            tower_gradients.append(optimizer.compute_gradients(losses[-1]))
    averaged = [(tf.reduce_mean(tf.stack([g for g, _ in pairs]), 0), pairs[0][1]) for pairs in zip(*tower_gradients)]
    step = optimizer.apply_gradients(averaged)
    with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:
        sess.run(tf.global_variables_initializer())
        feed = {x: POINTS, y: CLASSES}
        return [len(tf.trainable_variables())] + [float(sum(sess.run([*losses, step], feed)[:2])) for _ in range(5)]


def second_derivative(tf):
    x = tf.Variable([0.5, 1.0, 2.0])
    y = tf.reduce_sum(x**3)
    (first,) = tf.gradients(y, x)
    (second,) = tf.gradients(first, x)
    (hessian,) = tf.hessians(y, x)
    stopped = tf.gradients(x * tf.stop_gradient(x), x)[0]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run([first, second, hessian, stopped]) + [tf.gradients(tf.constant(1.0), x)[0]]


def rosenbrock(tf):
    xy = tf.Variable([-1.0, 1.0])
    loss = tf.square(1.0 - xy[0]) + 100.0 * tf.square(xy[1] - tf.square(xy[0]))
    step = tf.train.GradientDescentOptimizer(0.001).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(100):
            sess.run(step)
        return sess.run([xy, loss])


def queue_runner(tf):
    queue = tf.FIFOQueue(capacity=10, dtypes=[tf.float32], shapes=[[2]])
    counter = tf.Variable(0.0, trainable=False)
    enqueue = queue.enqueue(tf.stack([tf.assign_add(counter, 1.0), 10.0]))
    runner = tf.train.QueueRunner(queue, [enqueue])
    rows = queue.dequeue_many(3)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        coord = tf.train.Coordinator()
        threads = runner.create_threads(sess, coord=coord, start=True)
        out = [sess.run(rows)[:, 1] for _ in range(3)]
        coord.request_stop()
        coord.join(threads, stop_grace_period_secs=5)
        return out + [coord.should_stop()]


def input_slices(tf):
    images, labels = tf.constant(POINTS[:12]), tf.constant(CLASSES[:12])
    image, label = tf.train.slice_input_producer([images, labels], num_epochs=1, shuffle=False)
    batch = tf.train.batch([image, label], batch_size=5, allow_smaller_final_batch=True)
    seen = []
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess=sess, coord=coord)
        try:
            while not coord.should_stop():
                seen.append(sess.run(batch))
        except tf.errors.OutOfRangeError:
            coord.request_stop()
        coord.join(threads)
    return [np.concatenate([b[0] for b in seen]), [len(b[1]) for b in seen]]


def whole_numbers_as_labels(tf):
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.int32, [None, 3])
    logits = dense(tf, x, 3, "soft")
    entropy = tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=y)
    step = tf.train.AdamOptimizer(0.1).minimize(
        tf.reduce_mean(entropy), var_list={"b": tf.trainable_variables()[1]}.values()
    )
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {x: POINTS, y: np.eye(3)[CLASSES]}
        sess.run(step, feed)
        return sess.run([entropy, *tf.trainable_variables()], feed)
