"""Programs about tensors, variables and tapes."""

import numpy as np


def hello(tf):
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    y = tf.add(x, 1)
    z = x @ y
    return [x.numpy(), y.numpy(), z.numpy(), x.shape.as_list(), x.dtype.name, str(z), repr(tf.reduce_sum(z))]


def printing(tf):
    values = [
        tf.constant(5), tf.constant([1.5, -2.0]), tf.constant("hello"), tf.constant([b"a", b"bc"]),
        tf.constant([True, False]),
        tf.constant([[1, 2], [3, 4]], tf.uint8), tf.zeros([2, 0]), tf.constant(1 + 2j), tf.range(2000),
        tf.constant([1e-8, 1e8]), tf.constant(1.0, tf.bfloat16), tf.constant([0.1], tf.float16),
    ]  # fmt: skip
    return [[str(v), repr(v)] for v in values]


def numpy_both_ways(tf):
    ndarray = np.ones([3, 3])
    tensor = tf.math.multiply(ndarray, 42)
    total = np.add(tensor, 1)
    mixed = ndarray + tensor
    return [tensor.numpy(), total, type(total).__name__, mixed.numpy(), np.sum(tensor), np.asarray(tensor).tolist(),
            float(tensor[0, 0])]  # fmt: skip


def indexing(tf):
    t = tf.reshape(tf.range(24), [2, 3, 4])
    mask = t > 17
    return [
        t[0].numpy(), t[..., 1].numpy(), t[:, tf.newaxis, 1:, ::2].shape.as_list(), t[-1, -1, -1].numpy(),
        t[::-1, 0].numpy(), t[mask].numpy(), tf.boolean_mask(t, [True, False]).numpy(), t[tf.constant(1), 2, 0].numpy(),
        [row.numpy() for row in t[0]], len(t), tf.gather(t, [2, 0], axis=1).numpy(),
        tf.gather_nd(t, [[0, 1], [1, 2]]).numpy(),
    ]  # fmt: skip


def shapes(tf):
    t = tf.zeros([3, 4, 5])
    spec = tf.TensorSpec([None, 4], tf.float32, name="x")
    return [
        t.ndim, t.shape[1], t.shape[-1], tuple(t.shape), tf.size(t).numpy(), tf.rank(t).numpy(), tf.shape(t).numpy(),
        str(t.shape),
        repr(spec), spec.is_compatible_with(tf.zeros([7, 4])), spec.is_compatible_with(tf.zeros([7, 5])),
        str(tf.TensorShape([None, 3])), tf.TensorShape([None, 3]).is_fully_defined(), repr(t.dtype),
    ]  # fmt: skip


def ragged_and_sparse(tf):
    r = tf.ragged.constant([[1, 2, 3], [], [4, 5]])
    s = tf.sparse.SparseTensor(indices=[[0, 0], [1, 2]], values=[1, 2], dense_shape=[3, 4])
    words = tf.strings.split(tf.constant(["one two", "three"]))
    return [r.to_list(), str(r), tf.reduce_sum(r, axis=1).numpy(), tf.sparse.to_dense(s).numpy(), words.to_list(),
            r.shape.as_list()]  # fmt: skip


def variables(tf):
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="v")
    before = v.read_value()
    v.assign_add([[1.0, 1.0], [1.0, 1.0]])
    v[0, 1].assign(9.0)
    v[1].assign([7.0, 8.0])
    w = tf.Variable(v)
    w.assign(w * 2)
    v.scatter_nd_add([[0, 0]], [100.0])
    v.scatter_update(tf.IndexedSlices([[5.0, 5.0]], [1]))
    return [before.numpy(), v.numpy(), w.numpy(), v.name, v.shape.as_list(), v.trainable,
            repr(tf.Variable(3, name="n")),
            tf.reduce_sum(v).numpy(), (v + 1).numpy(), v.dtype.name]  # fmt: skip


def wrong_assignments(tf):
    v = tf.Variable([1.0, 2.0])
    kinds = []
    for value in ([1.0, 2.0, 3.0], [[1.0]], tf.constant([1, 2])):
        try:
            v.assign(value)
        except (ValueError, TypeError) as error:
            kinds.append("ValueError" if isinstance(error, ValueError) else "TypeError")
    return [len(kinds), v.numpy()]


def tape(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x**2
    first = tape.gradient(y, x).numpy()
    w = tf.Variable([[0.5, -1.0], [2.0, 0.25], [1.0, 1.0]], name="w")
    b = tf.Variable(tf.zeros(2), name="b")
    data = [[1.0, 2.0, 3.0]]
    with tf.GradientTape(persistent=True) as tape:
        y = data @ w + b
        loss = tf.reduce_mean(y**2)
    both = tape.gradient(loss, [w, b])
    named = tape.gradient(loss, {"w": w, "b": b})
    return [first, [g.numpy() for g in both], {k: g.numpy() for k, g in named.items()},
            [v.name for v in tape.watched_variables()]]  # fmt: skip


def what_is_watched(tf):
    x0 = tf.Variable(3.0, name="x0")
    x1 = tf.Variable(3.0, name="x1", trainable=False)
    x2 = tf.Variable(2.0, name="x2") + 1.0
    x3 = tf.constant(3.0, name="x3")
    with tf.GradientTape() as tape:
        y = (x0**2) + (x1**2) + (x2**2)
    found = [None if g is None else g.numpy() for g in tape.gradient(y, [x0, x1, x2, x3])]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x3)
        y = tf.square(x3) * x0
    more = [None if g is None else g.numpy() for g in tape.gradient(y, [x3, x0])]
    zero = tape_zero(tf)
    return [found, more, zero]


def tape_zero(tf):
    x, y = tf.Variable([2.0, 2.0]), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        z = y**2
    return tape.gradient(z, x, unconnected_gradients=tf.UnconnectedGradients.ZERO).numpy()


def tape_control(tf):
    x, y = tf.constant(2.0), tf.Variable(3.0)
    with tf.GradientTape() as t:
        t.watch(x)
        with t.stop_recording():
            z = x * x
        w = x * y
        t.reset()
        t.watch(x)
        u = x * x * x + y
    answers = [t.gradient(u, [x, y])]
    with tf.GradientTape() as t:
        t.watch(x)
        s = tf.stop_gradient(x) * x
    answers.append([t.gradient(s, x)])
    return [[None if g is None else g.numpy() for g in gs] for gs in answers] + [z.numpy(), w.numpy()]


def used_twice(tf):
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    tape.gradient(y, x)
    try:
        tape.gradient(y, x)
    except RuntimeError as error:
        return ["RuntimeError", "persistent" in str(error)]
    return ["no error"]


def higher_orders(tf):
    x = tf.Variable(1.5)
    with tf.GradientTape() as t3:
        with tf.GradientTape() as t2:
            with tf.GradientTape() as t1:
                y = tf.sin(x) * x**3
            d1 = t1.gradient(y, x)
        d2 = t2.gradient(d1, x)
    d3 = t3.gradient(d2, x)
    return [d.numpy() for d in (d1, d2, d3)]


def jacobians(tf):
    x = tf.linspace(-1.0, 1.0, 5)
    delta = tf.Variable(0.5)
    with tf.GradientTape() as tape:
        y = tf.nn.sigmoid(x + delta)
    column = tape.jacobian(y, delta)
    kernel = tf.Variable([[0.1, -0.2], [0.3, 0.4]])
    inputs = tf.constant([[1.0, 2.0], [-1.0, 0.5], [0.0, 1.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        z = tf.nn.relu(inputs @ kernel)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_sum(tf.exp(kernel) * kernel)
        g = inner.gradient(loss, kernel)
    hessian = outer.jacobian(g, kernel)
    return [column.numpy(), tape.jacobian(z, kernel).numpy(), tape.batch_jacobian(z, inputs).numpy(), hessian.numpy()]


def several_targets(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        y0, y1 = x**2, 1 / x
    return [tape.gradient({"y0": y0, "y1": y1}, x).numpy(), tape.gradient(y0, x).numpy(),
            tape.gradient([y0, y1], x, output_gradients=[tf.constant(2.0), tf.constant(-1.0)]).numpy()]  # fmt: skip


def gradients_through_python(tf):
    x = tf.constant(1.0)
    v0, v1 = tf.Variable(2.0), tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        result = v0 if x > 0.0 else v1**2
        result = result * 3
        total = tf.constant(0.0)
        for k in range(4):
            total = total + v0 * float(k)
    found = tape.gradient(result, [v0, v1]) + tape.gradient(total, [v0])
    return [None if g is None else g.numpy() for g in found]


def forward_mode(tf):
    primal, tangent = tf.constant([1.1, -0.4]), tf.constant([1.0, 2.0])
    with tf.autodiff.ForwardAccumulator(primal, tangent) as acc:
        y = tf.reduce_sum(tf.sin(primal) * primal)
        z = primal**3
    v = tf.Variable([[1.0, 2.0]])
    with tf.autodiff.ForwardAccumulator(v, tf.constant([[1.0, 0.0]])) as acc2:
        with tf.GradientTape() as tape:
            loss = tf.reduce_prod(v) ** 2
        back = tape.gradient(loss, v)
    return [acc.jvp(y).numpy(), acc.jvp(z).numpy(), acc2.jvp(back).numpy(), acc.jvp(tf.constant(2.0)) is None]


def clipped_gradients(tf):
    w = tf.Variable([[3.0, 4.0], [0.0, 12.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(w * w) / 2
    g = tape.gradient(loss, w)
    clipped, norm = tf.clip_by_global_norm([g, None, g[0]], 6.5)
    return [norm.numpy(), clipped[0].numpy(), clipped[1] is None, tf.clip_by_norm(g, 2.0, axes=[1]).numpy(),
            tf.clip_by_value(g, 1, 5).numpy()]  # fmt: skip


def embedding_gradient(tf):
    table = tf.Variable(tf.reshape(tf.range(12.0), [6, 2]))
    with tf.GradientTape() as tape:
        rows = tf.nn.embedding_lookup(table, [0, 3, 3])
        loss = tf.reduce_sum(rows**2)
    return tf.convert_to_tensor(tape.gradient(loss, table)).numpy()


def comparisons(tf):
    a, b = tf.constant([1, 2, 3]), tf.constant([3, 2, 1])
    return [(a == b).numpy(), (a != b).numpy(), (a < b).numpy(), bool(tf.reduce_all(a == a)), (a == 2).numpy(),
            a is not None,
            tf.equal(a, b).numpy(), (tf.constant(3) == 3).numpy(), bool(tf.constant(0)), int(tf.constant(3.7)),
            round(float(tf.constant(2.5)), 3),
            a.ref() == a.ref(), len({a.ref(), a.ref(), b.ref()}), -7 // tf.constant(2) == -4,
            (tf.constant(-7) % 3).numpy()]  # fmt: skip


def type_errors(tf):
    kinds = []
    for wrong in (
        lambda: tf.constant(1) + tf.constant(1.0), lambda: tf.matmul(tf.zeros([2, 3]), tf.zeros([2, 3])),
        lambda: tf.constant([1.0, 2.0]) + tf.zeros([3]), lambda: tf.constant([[1], [2, 3]]),
        lambda: tf.reshape(tf.zeros([4]), [3]),
        lambda: hash(tf.constant(1)), lambda: len(tf.constant(1)), lambda: iter(tf.constant(1)),
        lambda: tf.constant(2.5, tf.int32),
        lambda: bool(tf.constant([1, 2])), lambda: tf.zeros([2])[5], lambda: setattr(tf.zeros([2]), "shape", [1]),
    ):  # fmt: skip
        try:
            wrong()
            kinds.append("nothing")
        except Exception:
            kinds.append("error")
    return kinds


def random_numbers(tf):
    tf.random.set_seed(1234)
    a, b = tf.random.uniform([3]), tf.random.normal([2, 2])
    tf.random.set_seed(1234)
    again = tf.random.uniform([3])
    g = tf.random.Generator.from_seed(7)
    x, y = g.normal([2]), g.uniform([2], minval=2, maxval=3)
    s = tf.random.stateless_uniform([2], seed=[1, 2])
    tf.random.set_seed(5)
    shuffled = tf.random.shuffle(tf.range(6))
    return [a.numpy(), b.numpy(), bool(tf.reduce_all(a == again)), x.numpy(), y.numpy(), s.numpy(),
            sorted(shuffled.numpy().tolist())]  # fmt: skip


def linear_regression(tf):
    rng = np.random.default_rng(0)
    x = rng.normal(size=50).astype(np.float32)
    y = 3 * x + 2
    w, b = tf.Variable(5.0), tf.Variable(0.0)
    history = []
    for _ in range(40):
        with tf.GradientTape() as t:
            loss = tf.reduce_mean(tf.square(y - (w * x + b)))
        dw, db = t.gradient(loss, [w, b])
        w.assign_sub(0.1 * dw)
        b.assign_sub(0.1 * db)
        history.append(float(loss))
    return [history[::8], w.numpy(), b.numpy()]


def logistic_regression(tf):
    rng = np.random.default_rng(1)
    x = tf.constant(rng.normal(size=(60, 4)), tf.float32)
    labels = tf.constant((rng.normal(size=60) > 0).astype(np.int64))
    w, b = tf.Variable(tf.zeros([4, 3])), tf.Variable(tf.zeros([3]))
    for step in range(30):
        with tf.GradientTape() as g:
            pred = tf.nn.softmax(tf.matmul(x, w) + b)
            one_hot = tf.one_hot(labels, depth=3)
            pred = tf.clip_by_value(pred, 1e-9, 1.0)
            loss = tf.reduce_mean(-tf.reduce_sum(one_hot * tf.math.log(pred), axis=1))
        gradients = g.gradient(loss, [w, b])
        for v, d in zip([w, b], gradients):
            v.assign_sub(0.3 * d)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(pred, 1), labels), tf.float32))
    return [loss.numpy(), accuracy.numpy(), w.numpy()]


def polynomial(tf):
    x = tf.linspace(-2.0, 2.0, 41)
    y = x**3 - 2 * x + 1
    c = tf.Variable(tf.zeros([4]))
    powers = tf.stack([x**k for k in range(4)])
    for _ in range(60):
        with tf.GradientTape() as t:
            loss = tf.reduce_mean((tf.tensordot(c, powers, 1) - y) ** 2)
        c.assign_sub(0.02 * t.gradient(loss, c))
    return [c.numpy(), loss.numpy()]


def modules(tf):
    class Dense(tf.Module):
        def __init__(self, size, width, name=None):
            super().__init__(name=name)
            self.w = tf.Variable(tf.ones([size, width]), name="w")
            self.b = tf.Variable(tf.zeros([width]), name="b")

        def __call__(self, x):
            return tf.nn.relu(tf.matmul(x, self.w) + self.b)

    class Model(tf.Module):
        def __init__(self):
            super().__init__(name="model")
            self.first, self.rest = Dense(3, 3), [Dense(3, 2, name="last")]
            self.scale = tf.Variable(2.0, trainable=False)

        def __call__(self, x):
            return self.rest[0](self.first(x)) * self.scale

    model = Model()
    return [model(tf.constant([[2.0, 2.0, 2.0]])).numpy(), [v.name for v in model.variables],
            len(model.trainable_variables),
            [m.name for m in model.submodules], [v.shape.as_list() for v in model.non_trainable_variables]]  # fmt: skip
