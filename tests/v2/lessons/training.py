"""Programs that train, each from known numbers; they answer with what they reached."""

import numpy as np

RNG = np.random.RandomState(0)
POINTS = RNG.normal(size=(64, 4)).astype(np.float32)
VALUES = (POINTS @ np.array([[1.0], [-2.0], [0.5], [0.0]]) + 0.3).astype(np.float32)
CLASSES = ((POINTS[:, 0] > POINTS[:, 1]).astype(np.int64) + (POINTS[:, 2] > 0.5)).astype(np.int64)
IMAGES = RNG.uniform(size=(16, 8, 8, 1)).astype(np.float32)


def start(*shape):
    return np.random.RandomState(sum(shape)).normal(scale=0.3, size=shape).astype(np.float32)


def network(tf):
    return [tf.Variable(start(4, 8)), tf.Variable(tf.zeros([8])), tf.Variable(start(8, 3)), tf.Variable(tf.zeros([3]))]


def logits(tf, v, x):
    return tf.matmul(tf.nn.tanh(tf.matmul(x, v[0]) + v[1]), v[2]) + v[3]


def trained(tf, optimizer, count=8, decorate=True, sub=POINTS):
    v = network(tf)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits(tf, v, x)))
        gradients = tape.gradient(loss, v)
        optimizer.apply_gradients(zip(gradients, v))
        return loss

    step = tf.function(step) if decorate else step
    losses = [float(step(tf.constant(sub), tf.constant(CLASSES[: len(sub)]))) for _ in range(count)]
    return [losses, v[2].numpy(), int(optimizer.iterations)]


def sgd(tf):
    return trained(tf, tf.optimizers.SGD(0.5))


def momentum(tf):
    return trained(tf, tf.optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True))


def adam(tf):
    return [trained(tf, tf.optimizers.Adam(0.05)), trained(tf, tf.optimizers.Adam(0.05), decorate=False)]


def rmsprop(tf):
    return trained(tf, tf.optimizers.RMSprop(0.01, rho=0.8, momentum=0.5, centered=True), decorate=False)


def others(tf):
    made = [tf.optimizers.Adagrad(0.1), tf.optimizers.Adadelta(1.0), tf.optimizers.Adamax(0.02),
            tf.optimizers.Nadam(0.02),
            tf.optimizers.Ftrl(0.1), tf.optimizers.AdamW(0.01, weight_decay=0.1), tf.optimizers.Lion(0.01)]  # fmt: skip
    return [trained(tf, o, 4) for o in made]


def schedules(tf):
    s = tf.optimizers.schedules
    made = [s.ExponentialDecay(0.1, 10, 0.5), s.ExponentialDecay(0.1, 10, 0.5, staircase=True),
            s.PiecewiseConstantDecay([5, 20], [1.0, 0.5, 0.1]),
            s.PolynomialDecay(1.0, 20, 0.1, power=2.0), s.CosineDecay(1.0, 20, alpha=0.1),
            s.InverseTimeDecay(1.0, 5, 0.5),
            s.CosineDecayRestarts(1.0, 8), s.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=5)]  # fmt: skip
    values = [[float(one(k)) for k in (0, 3, 5, 6, 15, 30)] for one in made]
    return [values, trained(tf, tf.optimizers.SGD(made[0]))]


def clipping(tf):
    return [trained(tf, tf.optimizers.SGD(1.0, **c), 3)
            for c in ({"clipnorm": 0.1}, {"clipvalue": 0.01}, {"global_clipnorm": 0.1})]  # fmt: skip


def rate_changed(tf):
    o = tf.optimizers.SGD(0.5)
    v = tf.Variable(1.0)
    o.apply_gradients([(tf.constant(1.0), v)])
    o.learning_rate.assign(0.1)
    o.apply_gradients([(tf.constant(1.0), v)])
    o.learning_rate = 0.01
    o.apply_gradients([(tf.constant(1.0), v)])
    return [v.numpy(), float(o.learning_rate), int(o.iterations), sorted(o.get_config())[:3]]


def batches(tf):
    ds = tf.data.Dataset.from_tensor_slices((POINTS, CLASSES)).batch(24)
    v, o = network(tf), tf.optimizers.Adam(0.02)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits(tf, v, x)))
        o.apply_gradients(zip(tape.gradient(loss, v), v))
        return loss

    losses = [float(step(x, y)) for _ in range(3) for x, y in ds]
    accuracy = tf.reduce_mean(tf.cast(tf.argmax(logits(tf, v, POINTS), 1) == CLASSES, tf.float32))
    return [losses, accuracy.numpy()]


def convolution(tf):
    k1, k2 = tf.Variable(start(3, 3, 1, 4)), tf.Variable(start(3, 3, 4, 8))
    w, b = tf.Variable(start(32, 3)), tf.Variable(tf.zeros([3]))
    variables, labels = [k1, k2, w, b], tf.constant(np.arange(16) % 3)
    o = tf.optimizers.Adam(0.01)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            h = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, k1, 1, "SAME")), 2, 2, "VALID")
            h = tf.nn.avg_pool2d(tf.nn.relu(tf.nn.conv2d(h, k2, strides=[1, 1, 1, 1], padding="SAME")), 2, 2, "VALID")
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.reshape(h, [16, -1]) @ w + b)
            )
        o.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    return [[float(step(IMAGES)) for _ in range(6)], k1.numpy()]


def batch_normalisation(tf):
    gamma, beta = tf.Variable(tf.ones([4])), tf.Variable(tf.zeros([4]))
    mean, variance = tf.Variable(tf.zeros([4]), trainable=False), tf.Variable(tf.ones([4]), trainable=False)

    @tf.function
    def normalised(x, training):
        if training:
            m, v = tf.nn.moments(x, [0])
            mean.assign(0.9 * mean + 0.1 * m)
            variance.assign(0.9 * variance + 0.1 * v)
        else:
            m, v = mean, variance
        return tf.nn.batch_normalization(x, m, v, beta, gamma, 1e-3)

    first = normalised(POINTS, True)
    second = normalised(POINTS, False)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(normalised(POINTS, training=True) ** 3)
    return [first.numpy()[:3], second.numpy()[:3], mean.numpy(), variance.numpy(),
            [g.numpy() for g in tape.gradient(loss, [gamma, beta])]]  # fmt: skip


def checkpoints(tf):
    import os
    import tempfile

    v, o = network(tf), tf.optimizers.Adam(0.05)
    step = tf.Variable(0)
    with tempfile.TemporaryDirectory() as folder:
        ckpt = tf.train.Checkpoint(step=step, optimizer=o, net=v)
        manager = tf.train.CheckpointManager(ckpt, folder, max_to_keep=2)
        kept = []
        for k in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((logits(tf, v, POINTS) - 1.0) ** 2)
            o.apply_gradients(zip(tape.gradient(loss, v), v))
            step.assign_add(1)
            kept.append(os.path.basename(manager.save()))
        saved = v[0].numpy()
        v[0].assign(tf.zeros_like(v[0]))
        ckpt.restore(manager.latest_checkpoint)
        names = sorted(n for n, _ in tf.train.list_variables(manager.latest_checkpoint))
        return [kept, bool((saved == v[0].numpy()).all()), int(step),
                sorted(os.path.basename(p) for p in manager.checkpoints), len(names)]  # fmt: skip


def saved_function(tf):
    import tempfile

    class Scale(tf.Module):
        def __init__(self):
            super().__init__()
            self.v = tf.Variable(3.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, x):
            if tf.size(x) > 2:
                x = x + 100.0
            return self.v * x

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def mutate(self, to):
            self.v.assign(to)

    module = Scale()
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=module.__call__)
        loaded = tf.saved_model.load(folder)
        before = loaded(tf.constant([1.0, 2.0])).numpy()
        loaded.mutate(tf.constant(5.0))
        out = loaded.signatures["serving_default"](x=tf.constant([1.0, 2.0, 3.0]))
        return [before, {k: v.numpy() for k, v in out.items()}, loaded.v.numpy(), module.v.numpy()]


def word_vectors(tf):
    table, out = tf.Variable(start(10, 4)), tf.Variable(start(10, 4))
    o = tf.optimizers.SGD(0.5)
    centres, contexts = tf.constant([1, 2, 3, 1]), tf.constant([2, 3, 4, 0])
    losses = []
    for _ in range(5):
        with tf.GradientTape() as g:
            scores = tf.matmul(tf.nn.embedding_lookup(table, centres), out, transpose_b=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(contexts, scores))
        o.apply_gradients(zip(g.gradient(loss, [table, out]), [table, out]))
        losses.append(float(loss))
    return [losses, table.numpy()]


def attention(tf):
    q = k = v = tf.constant(start(2, 5, 8))
    mask = tf.linalg.band_part(tf.ones([5, 5]), -1, 0)
    w = tf.Variable(start(8, 8))

    @tf.function
    def attend():
        scores = tf.matmul(q @ w, k, transpose_b=True) / tf.math.sqrt(8.0)
        weights = tf.nn.softmax(scores + (1.0 - mask) * -1e9, axis=-1)
        return tf.einsum("bij,bjd->bid", weights, v), weights

    with tf.GradientTape() as tape:
        out, weights = attend()
        loss = tf.reduce_mean(out**2)
    return [out.numpy()[0], weights.numpy()[1], tape.gradient(loss, w).numpy()]


def gradient_penalty(tf):
    w = tf.Variable(start(4, 3))

    @tf.function
    def penalty(x):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(tf.nn.elu(x @ w))
            norm = tf.norm(inner.gradient(y, x), axis=1)
            loss = tf.reduce_mean((norm - 1.0) ** 2)
        return loss, outer.gradient(loss, w)

    return [r.numpy() for r in penalty(tf.constant(POINTS[:6]))]
