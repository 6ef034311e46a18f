"""Programs about functions and control flow on tensors."""

import numpy as np


def add(tf):
    @tf.function
    def f(a, b):
        return a + b

    return [f(tf.ones([2, 2]), tf.ones([2, 2])).numpy(), f(1, 2).numpy(), f(tf.constant("a"), "b").numpy()]


def tracing_once(tf):
    traced = []

    @tf.function
    def f(x):
        traced.append(1)
        return x * 2

    values = [f(tf.constant(k)).numpy() for k in range(5)]
    f(tf.constant(1.5))
    count = len(traced)
    f(1), f(2), f(1)
    return [values, count, len(traced)]


def variables_and_order(tf):
    v = tf.Variable(1.0)
    w = tf.Variable([1.0, 2.0])

    @tf.function
    def f(x):
        before = v.read_value()
        v.assign_add(x)
        middle = v * 10
        v.assign(v * 2)
        w[0].assign(v)
        return before, middle, v, w * 1

    return [[r.numpy() for r in f(tf.constant(k))] for k in (1.0, 2.0)] + [v.numpy(), w.numpy()]


def made_once(tf):
    class Count(tf.Module):
        def __init__(self):
            super().__init__()
            self.count = None

        @tf.function
        def __call__(self):
            if self.count is None:
                self.count = tf.Variable(0)
            return self.count.assign_add(1)

    c = Count()
    return [c().numpy(), c().numpy(), c().numpy()]


def gradient_of_function(tf):
    w = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def f(x):
        return tf.reduce_sum(tf.tanh(w * x) ** 2)

    x = tf.constant([0.5, -0.25, 0.1])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = f(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            z = f(x)
        g = tf.reduce_sum(inner.gradient(z, w))
    return [y.numpy(), tape.gradient(y, x).numpy(), tape.gradient(y, w).numpy(), outer.gradient(g, w).numpy()]


def tape_inside(tf):
    v = tf.Variable(2.0)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = v * x**3
        dx, dv = tape.gradient(y, [x, v])
        v.assign_sub(0.1 * dv)
        return dx, dv

    return [[r.numpy() for r in step(tf.constant(2.0))], v.numpy(), [r.numpy() for r in step(tf.constant(1.0))],
            v.numpy()]  # fmt: skip


def input_signature(tf):
    traced = []

    @tf.function(input_signature=[tf.TensorSpec(shape=[None], dtype=tf.int32)])
    def g(x):
        traced.append(x.shape.as_list())
        return x, tf.reduce_sum(x)

    out = [g(tf.range(k))[1].numpy() for k in (2, 5, 7)]
    try:
        g(tf.constant([[1, 2], [3, 4]]))
        out.append("nothing")
    except (TypeError, ValueError):
        out.append("refused")
    return [out, traced]


def concrete(tf):
    @tf.function
    def square(a):
        return a * a

    c = square.get_concrete_function(tf.TensorSpec([None, 2], tf.float32))
    one = square.get_concrete_function(tf.constant(1.0))
    return [c(tf.constant([[1.0, 2.0]])).numpy(), one(tf.constant(3.0)).numpy(), c.structured_outputs.shape.as_list(),
            [i.shape.as_list() for i in c.inputs]]  # fmt: skip


def relu(tf):
    @tf.function
    def f(x):
        if tf.reduce_sum(x) > 0:
            return x * x
        else:
            return -x

    return [f(tf.constant([1.0, 2.0])).numpy(), f(tf.constant([-1.0, -2.0])).numpy()]


def fizzbuzz(tf):
    @tf.function
    def fizzbuzz(n):
        words = tf.TensorArray(tf.string, size=0, dynamic_size=True)
        for i in tf.range(1, n + 1):
            if i % 15 == 0:
                words = words.write(i - 1, "FizzBuzz")
            elif i % 3 == 0:
                words = words.write(i - 1, "Fizz")
            elif i % 5 == 0:
                words = words.write(i - 1, "Buzz")
            else:
                words = words.write(i - 1, tf.strings.as_string(i))
        return words.stack()

    return fizzbuzz(tf.constant(15)).numpy().tolist()


def collatz(tf):
    @tf.function
    def steps(n):
        count = 0
        while n != 1:
            if n % 2 == 0:
                n = n // 2
            else:
                n = 3 * n + 1
            count += 1
        return count

    return [steps(tf.constant(n)).numpy() for n in (1, 6, 27)]


def break_and_continue(tf):
    @tf.function
    def f(limit):
        total = 0
        for i in tf.range(100):
            if i % 2 == 0:
                continue
            if total > limit:
                break
            total += i
        return total, i

    @tf.function
    def first_negative(xs):
        found = 0.0
        for x in xs:
            if x < 0.0:
                found = x
                break
        return found

    return [[r.numpy() for r in f(tf.constant(30))], first_negative(tf.constant([1.0, -2.0, -3.0])).numpy(),
            first_negative(tf.constant([1.0])).numpy()]  # fmt: skip


def nested_loops(tf):
    @tf.function
    def table(n):
        rows = tf.TensorArray(tf.int32, size=n)
        for i in tf.range(n):
            row = tf.zeros([4], tf.int32)
            for j in range(4):
                row = tf.tensor_scatter_nd_update(row, [[j]], [i * j])
            rows = rows.write(i, row)
        return rows.stack()

    @tf.function
    def primes(limit):
        count = 0
        n = 2
        while n < limit:
            prime = True
            k = 2
            while k * k <= n and prime:
                if n % k == 0:
                    prime = False
                k += 1
            if prime:
                count += 1
            n += 1
        return count

    return [table(tf.constant(3)).numpy(), primes(tf.constant(60)).numpy()]


def variables_in_loops(tf):
    v = tf.Variable(0.0)
    log = tf.Variable(tf.zeros([5]))

    @tf.function
    def f(n):
        for i in tf.range(n):
            v.assign_add(tf.cast(i, tf.float32))
            if v > 3.0:
                log[i].assign(v)
        return v

    return [f(tf.constant(5)).numpy(), v.numpy(), log.numpy()]


def python_values(tf):
    @tf.function
    def f(x, training=False, scale=1, names=("a", "b")):
        if training:
            x = x + 1
        for name in names:
            x = x * (scale if name == "a" else 2)
        return {"x": x, "flag": training, "names": [tf.constant(n) for n in names]}

    one, two = f(tf.constant(1.0)), f(tf.constant(1.0), training=True, scale=3)
    return [one["x"].numpy(), two["x"].numpy(), bool(two["flag"]), [n.numpy() for n in two["names"]]]


def methods(tf):
    class Model:
        def __init__(self, scale):
            self.scale = scale
            self.w = tf.Variable(scale)

        @tf.function
        def call(self, x, *rest, bias=0.0):
            return self.w * x + bias + sum(rest)

    a, b = Model(2.0), Model(3.0)
    first = [a.call(tf.constant(1.0)).numpy(), b.call(tf.constant(1.0)).numpy(),
             a.call(tf.constant(1.0), 1.0, 2.0, bias=4.0).numpy()]  # fmt: skip
    a.w.assign(10.0)
    return first + [a.call(tf.constant(1.0)).numpy()]


def closures(tf):
    def make(k):
        @tf.function
        def f(x):
            return x + k

        return f

    offset = tf.constant(100.0)

    @tf.function
    def outer(x):
        @tf.function
        def inner(y):
            return y * x + offset

        return inner(x) + inner(2.0 * x)

    one, two = make(1.0), make(tf.constant(2.0))
    return [one(tf.constant(1.0)).numpy(), two(tf.constant(1.0)).numpy(), outer(tf.constant(3.0)).numpy()]


def short_circuit(tf):
    @tf.function
    def f(x, y):
        if x > 0 and y > 0:
            return "both"
        if x > 0 or y > 0:
            return "one"
        return "none" if not x > -5 else "few"

    return [f(tf.constant(a), tf.constant(b)).numpy() for a, b in ((1, 1), (1, -1), (-1, -1), (-9, -9))]


def cond_and_while(tf):
    x = tf.constant(5.0)
    answer = tf.cond(x < 3, lambda: x + 1, lambda: x - 1)
    i, total = tf.while_loop(lambda i, t: i < 5, lambda i, t: (i + 1, t + i), (tf.constant(0), tf.constant(0)))
    s = tf.scan(lambda a, b: a * b, tf.range(1, 6))
    m = tf.map_fn(lambda t: t * t, tf.constant([1.0, 2.0, 3.0]))
    c = tf.case([(x < 1, lambda: tf.constant(1)), (x > 4, lambda: tf.constant(2))], default=lambda: tf.constant(3))
    w = tf.switch_case(tf.constant(1), [lambda: tf.constant(10), lambda: tf.constant(20)])
    f = tf.foldl(lambda a, b: a - b, tf.range(5.0))
    v = tf.vectorized_map(lambda r: tf.reduce_sum(r) * r, tf.ones([2, 3]))
    return [answer.numpy(), i.numpy(), total.numpy(), s.numpy(), m.numpy(), c.numpy(), w.numpy(), f.numpy(), v.numpy()]


def dynamic_rnn(tf):
    w = tf.Variable([[0.5, -0.3], [0.1, 0.2]])

    @tf.function
    def rnn(x, lengths):
        x = tf.transpose(x, [1, 0, 2])
        state = tf.zeros([x.shape[1], 2])
        states = tf.TensorArray(tf.float32, size=x.shape[0])
        for t in tf.range(x.shape[0]):
            new = tf.tanh(x[t] + state @ w)
            state = tf.where((t < lengths)[:, None], new, state)
            states = states.write(t, state)
        return tf.transpose(states.stack(), [1, 0, 2]), state

    x = tf.constant(np.random.default_rng(0).normal(size=(3, 4, 2)), tf.float32)
    with tf.GradientTape() as tape:
        outputs, state = rnn(x, tf.constant([4, 2, 3]))
        loss = tf.reduce_sum(state**2) + tf.reduce_sum(outputs)
    return [outputs.numpy(), state.numpy(), tape.gradient(loss, w).numpy()]


def power_iteration(tf):
    @tf.function
    def largest(a, tolerance):
        v = tf.ones([a.shape[0], 1])
        value, change, steps = 0.0, tf.constant(1.0), 0
        while change > tolerance and steps < 100:
            w = a @ v
            new = tf.norm(w)
            v = w / new
            change = tf.abs(new - value)
            value = new
            steps += 1
        return value, v

    a = tf.constant([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
    value, v = largest(a, 1e-6)
    return [value.numpy(), v.numpy()]


def newton(tf):
    @tf.function
    def root(x):
        for _ in tf.range(20):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = x**3 - 2.0
            x = x - y / tape.gradient(y, x)
        return x

    return root(tf.constant(1.0)).numpy()


def effects(tf):
    seen = []

    @tf.function
    def f(x):
        seen.append("traced")
        y = tf.py_function(lambda v: seen.append(float(v)) or v * 2, [x], tf.TensorSpec([], tf.float32))
        z = tf.numpy_function(lambda v: np.float32(v + 1), [y], tf.TensorSpec([], tf.float32))
        return z

    return [f(tf.constant(1.0)).numpy(), f(tf.constant(2.0)).numpy(), seen]


def asserts(tf):
    @tf.function
    def f(x):
        tf.debugging.assert_positive(x, message="x must be positive")
        return tf.sqrt(x)

    out = [f(tf.constant(4.0)).numpy()]
    try:
        f(tf.constant(-4.0))
    except tf.errors.InvalidArgumentError as error:
        out.append("x must be positive" in str(error))
    try:
        tf.debugging.assert_shapes([(tf.zeros([2, 3]), ("n", "m")), (tf.zeros([3, 3]), ("n", 3))])
    except ValueError:
        out.append("shapes")
    return out


def leaked(tf):
    kept = []

    @tf.function
    def f(x):
        kept.append(x + 1)
        return x

    f(tf.constant(1.0))
    try:
        kept[0] + 1
        return "nothing"
    except Exception:
        return "error"


def cannot_create_twice(tf):
    @tf.function
    def f(x):
        return tf.Variable(1.0) + x

    try:
        f(tf.constant(1.0))
        return "nothing"
    except ValueError:
        return "ValueError"


def eagerly(tf):
    calls = []

    @tf.function
    def f(x):
        calls.append(1)
        return x + 1

    f(tf.constant(1)), f(tf.constant(1))
    tf.config.run_functions_eagerly(True)
    try:
        f(tf.constant(1)), f(tf.constant(1))
        state = tf.config.functions_run_eagerly()
    finally:
        tf.config.run_functions_eagerly(False)
    return [len(calls), state]


def ragged_and_nested_arguments(tf):
    @tf.function
    def f(pair, table):
        a, b = pair
        return {"sum": a + b, "rows": tf.reduce_sum(table["r"], axis=1), "first": table["x"][0]}

    out = f((tf.constant(1), tf.constant(2)), {"r": tf.ragged.constant([[1, 2], [3]]), "x": [tf.constant(7.0)]})
    return {k: v.numpy() for k, v in out.items()}


def custom_gradient(tf):
    @tf.custom_gradient
    def clip(x, limit):
        def backward(up):
            return tf.clip_by_norm(up, limit), None

        return x, backward

    v = tf.Variable(2.0)
    with tf.GradientTape() as t:
        y = clip(v * v, 0.5)
    eager = t.gradient(y, v).numpy()

    @tf.function
    def f():
        with tf.GradientTape() as t:
            y = clip(v * v, 0.5)
        return t.gradient(y, v)

    return [eager, f().numpy()]
