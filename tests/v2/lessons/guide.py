"""Programs as TensorFlow's own guide has them: functions and their traces, iterators, random numbers, ragged rows."""

import contextlib
import io

import numpy as np


def tracing_is_seen(tf):
    @tf.function
    def double(a):
        print("Tracing with", a)
        return a + a

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        values = [double(tf.constant(1)).numpy(), double(tf.constant(1.5)).numpy(), double(tf.constant("a")).numpy(),
                  double("b").numpy()]  # fmt: skip
    return [values, said.getvalue()]


def print_in_a_loop(tf):
    @tf.function
    def f(n):
        for i in tf.range(n):
            print("Tracing", type(i).__name__ != "int")
        return n

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        f(tf.constant(3))
        f(tf.constant(5))
    return said.getvalue()


def retracing(tf):
    traced = []

    @tf.function(reduce_retracing=True)
    def g(x):
        traced.append(x.shape.as_list())
        return x

    for length in (3, 5, 7, 9):
        g(tf.zeros([length], tf.int32))
    return traced


def leaked_tensors(tf):
    kept = []

    @tf.function
    def f(a):
        kept.append(a + 1)
        return a + 2

    answer = f(tf.constant(1)).numpy()
    try:
        kept[0].numpy()
    except AttributeError:
        return [answer, "no numpy"]


def recursion(tf):
    return [descend(tf)(n).numpy() for n in (5, 2)]


def descend(tf):
    @tf.function
    def recursive(n):
        if n > 0:
            return recursive(n - 1)
        else:
            return n + 7

    return recursive


def iterators_as_arguments(tf):
    @tf.function
    def step(iterator):
        x, y = next(iterator)
        return x * 2, y

    ds = tf.data.Dataset.from_tensor_slices((np.arange(7, dtype=np.float32), np.arange(7))).batch(3)
    one, other = iter(ds), iter(ds)
    found = [step(one), step(one), step(other), step(one)]
    try:
        step(one)
        found.append("more")
    except tf.errors.OutOfRangeError:
        found.append("end")
    return found


def iterators_around(tf):
    it = iter(tf.data.Dataset.range(20))

    @tf.function
    def f():
        total = tf.constant(0, tf.int64)
        for _ in tf.range(3):
            total += next(it)
        return total, it.get_next()

    return [f(), f(), next(it), f()]


def python_functions(tf):
    @tf.py_function(Tout=tf.float32)
    def plus(x, y):
        return x + y

    @tf.numpy_function(Tout=tf.float64)
    def root(x):
        return np.sqrt(x)

    f = tf.function(lambda x: plus(x, 2.0) * 2)
    return [plus(1.0, 2.0), f(tf.constant(3.0)), root(tf.constant(9.0, tf.float64))]


def made_in_the_first_call(tf):
    class Linear(tf.Module):
        def __init__(self):
            super().__init__()
            self.built = False

        @tf.function
        def __call__(self, x):
            if not self.built:
                self.w = tf.Variable(tf.random.uniform([x.shape[-1], 1]))
                self.b = tf.Variable(tf.random.uniform([]))
                self.built = True
            return tf.add(tf.matmul(x, self.w), self.b)

    tf.random.set_seed(22)
    linear = Linear()
    return [linear(tf.ones([2, 3])), linear(tf.ones([1, 3])), linear.w, linear.b]


def random_in_functions(tf):
    tf.random.set_seed(1)

    @tf.function
    def f():
        return (tf.random.uniform([2]), tf.random.normal([3]), tf.random.uniform([2], seed=5),
                tf.random.truncated_normal([2]))  # fmt: skip

    return [f(), f(), tf.random.uniform([2]), f()]


def random_in_branches_and_loops(tf):
    tf.random.set_seed(3)

    @tf.function
    def f(x):
        if tf.reduce_sum(x) > 0:
            x = x + tf.random.normal([2])
        for _ in tf.range(3):
            x = x + tf.random.uniform([2])
        return x

    return f(tf.ones([2]))


def random_in_nested_functions(tf):
    tf.random.set_seed(1)
    inner = tf.function(lambda: tf.random.uniform([]))
    outer = tf.function(lambda: [inner(), tf.random.uniform([]), inner()])
    return outer()


def random_with_one_seed(tf):
    tf.random.set_seed(1)
    return [
        [tf.random.uniform([2], seed=5) for _ in range(3)], [tf.random.normal([2], seed=5) for _ in range(2)],
        [tf.random.uniform([5], seed=5) for _ in range(2)], tf.random.uniform([3], maxval=10, dtype=tf.int32, seed=5),
        [tf.nn.dropout(tf.ones([4]), 0.5, seed=7) for _ in range(2)], tf.random.shuffle(tf.range(6), seed=5),
    ]  # fmt: skip


def generators_made_inside(tf):
    made = []

    @tf.function
    def f():
        if not made:
            made.append(tf.random.Generator.from_seed(1))
        return made[0].normal([])

    return [f(), f(), made[0].state]


def tape_of_a_variable(tf):
    v0, v1, x = tf.Variable(0.0), tf.Variable(3.0), tf.constant(1.0)
    with tf.GradientTape(persistent=True) as tape:
        result = v0 if x > 0 else v1**2
    return [tape.gradient(result, [v0, v1])[0], tape.gradient(result, [v0, v1])[1] is None, tape.gradient(v1, v1)]


def tape_of_integers(tf):
    x = tf.constant(10)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    return tape.gradient(y, x) is None


def states_and_elements(tf):
    ds = tf.data.Dataset.from_tensor_slices((np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1])))

    def count(counts, batch):
        value, kind = batch
        counts["sum"] += value
        counts["ones"] += tf.cast(kind == 1, tf.int32)
        return counts

    total = ds.reduce({"sum": np.float64(0), "ones": 0}, count)
    sums = list(ds.scan(np.float64(0), lambda s, e: (s + e[0], (s, e[1]))).as_numpy_iterator())
    inside = tf.function(lambda: ds.reduce(np.float64(0), lambda s, e: s + e[0]))
    return [total["sum"], total["ones"], sums, inside()]


def ragged_rows(tf):
    digits = tf.ragged.constant([[3, 1, 4, 1], [], [5, 9, 2], [6], []])
    return [
        str(tf.map_fn(tf.math.square, digits)), tf.map_fn(tf.reduce_sum, digits, fn_output_signature=tf.int32),
        str(tf.add(digits, 3)), str(tf.tile(digits, [1, 2])), tf.reduce_mean(digits, axis=1),
    ]  # fmt: skip


def ragged_embeddings(tf):
    table = tf.Variable(tf.reshape(tf.range(4096.0), [1024, 4]) / 100)
    queries = tf.ragged.constant([["Who", "is", "Dan", "Smith"], ["Pause"], ["Will", "it", "rain", "later", "today"]])
    words = tf.nn.embedding_lookup(table, tf.strings.to_hash_bucket_fast(queries, 1024))
    marker = tf.fill([queries.nrows(), 1], "#")
    padded = tf.concat([marker, queries, marker], axis=1)
    bigrams = tf.strings.join([padded[:, :-1], padded[:, 1:]], separator="+")
    pairs = tf.nn.embedding_lookup(table, tf.strings.to_hash_bucket_fast(bigrams, 1024))
    both = tf.concat([words, pairs], axis=1)
    return [words.shape.as_list(), both.shape.as_list(), bigrams.to_list(), tf.reduce_mean(both, axis=1),
            tf.reduce_sum(words, axis=1)]  # fmt: skip


def ragged_arguments(tf):
    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def max_and_min(rt):
        return tf.math.reduce_max(rt, axis=-1), tf.math.reduce_min(rt, axis=-1)

    rt = tf.ragged.constant([[1, 2], [3], [4, 5, 6]])
    increment = tf.function(lambda x: x + 1).get_concrete_function(rt)
    return [max_and_min(rt), max_and_min(tf.ragged.constant([[9], [8, 7]])), str(increment(rt))]
