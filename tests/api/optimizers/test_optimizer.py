"""How programs use optimizers: arguments, gradients, rates, errors."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import GraphcWarning, ShapeError, StateError, UsageError

W = np.array([[1.0, 2.0], [3.0, 4.0]], "f")


def pair():
    return tf.Variable(W, name="w"), tf.Variable([1.0, -1.0], name="b")


def loss_of(w, b):
    return tf.reduce_sum(w * w) + tf.reduce_sum(3.0 * b)


def step(optimizer, w, b):
    with tf.GradientTape() as tape:
        loss = loss_of(w, b)
    return optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b]))


def test_apply_gradients_answers_with_the_counter():
    optimizer, (w, b) = tf.optimizers.SGD(0.1), pair()
    counter = step(optimizer, w, b)
    assert counter is optimizer.iterations and int(counter) == 1
    np.testing.assert_allclose(w, W * 0.8, rtol=1e-6)
    np.testing.assert_allclose(b, [0.7, -1.3], rtol=1e-6)


def test_minimize_takes_a_function():
    optimizer, (w, b) = tf.optimizers.SGD(0.1), pair()
    optimizer.minimize(lambda: loss_of(w, b), [w, b])
    np.testing.assert_allclose(w, W * 0.8, rtol=1e-6)
    optimizer.minimize(lambda: loss_of(w, b), lambda: [w])
    np.testing.assert_allclose(w, W * 0.64, rtol=1e-6)
    np.testing.assert_allclose(b, [0.7, -1.3], rtol=1e-6)
    assert int(tf.optimizers.Adam().minimize(lambda: loss_of(w, b))) == 1  # all variables that the loss reads


def test_minimize_takes_a_tensor_with_its_tape():
    optimizer, (w, b) = tf.optimizers.SGD(0.1), pair()
    with tf.GradientTape() as tape:
        loss = loss_of(w, b)
    optimizer.minimize(loss, [w, b], tape=tape)
    np.testing.assert_allclose(w, W * 0.8, rtol=1e-6)
    with pytest.raises(UsageError, match="tape="):
        optimizer.minimize(loss, [w, b])
    with pytest.raises(UsageError, match="no trainable variable"):
        optimizer.minimize(lambda: tf.constant(1.0))


def test_apply_inside_an_open_tape():
    optimizer, (w, b) = tf.optimizers.SGD(0.1, momentum=0.5), pair()
    with tf.GradientTape(persistent=True) as tape:
        loss = loss_of(w, b)
        for _ in range(2):
            optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b]))
    np.testing.assert_allclose(w, W - 0.1 * 2 * W * (1 + 1.5), rtol=1e-6)


def test_apply_takes_lists():
    optimizer, (w, b) = tf.optimizers.SGD(0.5), pair()
    optimizer.build([w, b])
    optimizer.apply([np.ones((2, 2)), [1.0, 2.0]])
    np.testing.assert_array_equal(w, W - 0.5)
    optimizer.apply([tf.ones([2])], [b])
    np.testing.assert_array_equal(b, [0.0, -2.5])
    optimizer.apply([])
    assert int(optimizer.iterations) == 2
    with pytest.raises(UsageError, match="1 gradients for 2 variables"):
        optimizer.apply([tf.ones([2])])
    with pytest.raises(UsageError, match="build"):
        tf.optimizers.SGD().apply([tf.ones([2])])


def test_learning_rate_is_a_variable():
    optimizer, (w, b) = tf.optimizers.SGD(0.1), pair()
    assert float(optimizer.learning_rate) == float(optimizer.lr) == np.float32(0.1)
    optimizer.learning_rate = 0.5
    step(optimizer, w, b)
    np.testing.assert_allclose(w, W * 0.0, atol=1e-6)
    optimizer.learning_rate.assign(0.25)
    step(optimizer, w, b)
    np.testing.assert_allclose(b, [1 - 1.5 - 0.75, -1 - 1.5 - 0.75], rtol=1e-6)
    optimizer.lr = 0.125
    assert optimizer.learning_rate.numpy() == 0.125
    optimizer.learning_rate.assign(optimizer.learning_rate * 0.5)
    assert optimizer.get_config()["learning_rate"] == 0.0625


def test_learning_rate_of_former_versions_and_other_kinds():
    assert float(tf.optimizers.RMSprop(lr=0.25).learning_rate) == 0.25
    assert float(tf.optimizers.SGD(1).learning_rate) == 1.0
    assert float(tf.optimizers.SGD(tf.constant(0.5)).learning_rate) == 0.5
    assert float(tf.optimizers.SGD(np.float64(0.5)).learning_rate) == 0.5
    with pytest.warns(GraphcWarning, match="decay is no argument"):
        tf.optimizers.SGD(0.1, decay=1e-6)
    rates = iter([0.5, 0.25])
    optimizer, (w, b) = tf.optimizers.SGD(lambda: next(rates)), pair()
    step(optimizer, w, b)
    step(optimizer, w, b)
    np.testing.assert_allclose(b, [1 - 2.25, -1 - 2.25], rtol=1e-6)
    shared = tf.Variable(0.5)
    optimizer, (w, b) = tf.optimizers.SGD(shared), pair()
    shared.assign(1.0)
    step(optimizer, w, b)
    np.testing.assert_allclose(b, [-2.0, -4.0], rtol=1e-6)


def test_learning_rate_follows_a_schedule():
    schedule = tf.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    optimizer, (w, b) = tf.optimizers.SGD(schedule), pair()
    for _ in range(2):
        step(optimizer, w, b)
    np.testing.assert_allclose(b, [1 - 2.25, -1 - 2.25], rtol=1e-6)
    assert float(optimizer.learning_rate) == 0.125
    with pytest.raises(UsageError, match="follows ExponentialDecay"):
        optimizer.learning_rate = 0.1
    other = tf.optimizers.SGD(0.1)
    other.learning_rate = schedule
    assert float(other.learning_rate) == 0.5 and len(other.variables) == 1


def test_schedules_of_users():
    class Warm(tf.optimizers.schedules.LearningRateSchedule):
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, step):
            return self.rate * tf.minimum(tf.cast(step, tf.float32) + 1.0, 4.0)

        def get_config(self):
            return {"rate": self.rate}

    optimizer, (w, b) = tf.optimizers.SGD(Warm(0.25)), pair()
    for _ in range(3):
        step(optimizer, w, b)
    np.testing.assert_allclose(b, [1 - 3 * 1.5, -1 - 3 * 1.5], rtol=1e-6)
    config = tf.optimizers.serialize(optimizer)
    assert config["config"]["learning_rate"]["registered_name"] == "Warm"
    again = tf.optimizers.deserialize(config, {"Warm": Warm})
    assert float(again.learning_rate) == 0.25
    with pytest.raises(UsageError, match="no class 'Warm'"):
        tf.optimizers.deserialize(config)
    with pytest.raises(NotImplementedError, match="must define __call__"):
        tf.optimizers.schedules.LearningRateSchedule()(1)


def test_none_gradients():
    optimizer, (w, b) = tf.optimizers.Adam(0.1), pair()
    with pytest.warns(GraphcWarning, match="no gradient for b"):
        optimizer.apply_gradients([(tf.ones([2, 2]), w), (None, b)])
    np.testing.assert_allclose(w, W - 0.1, rtol=1e-5)
    np.testing.assert_array_equal(b, [1.0, -1.0])
    optimizer.apply_gradients([(tf.ones([2]), b)])  # it was built with both
    before = [v.numpy() for v in (*optimizer.variables, w, b)]
    with pytest.raises(UsageError, match=r"no gradients are provided for any variable \(variables: w, b\)"):
        optimizer.apply_gradients([(None, w), (None, b)])
    for v, old in zip((*optimizer.variables, w, b), before):
        np.testing.assert_array_equal(v, old)


def test_wrong_gradients_change_nothing():
    optimizer, (w, b) = tf.optimizers.Adam(0.1), pair()
    with pytest.raises(ShapeError, match=r"shape \(3,\) does not fit variable w of shape \(2, 2\)"):
        optimizer.apply_gradients([(tf.ones([3]), w)])
    assert int(optimizer.iterations) == 0 and not optimizer.built
    with pytest.raises(UsageError, match="pairs of gradient and variable"):
        optimizer.apply_gradients([tf.ones([2]), w])
    with pytest.raises(UsageError, match="no pairs"):
        optimizer.apply_gradients(zip([], []))
    with pytest.raises(UsageError, match="needs variables"):
        optimizer.apply_gradients([(tf.ones([2]), tf.ones([2]))])
    with pytest.raises(UsageError, match="variable b is given twice"):
        optimizer.apply_gradients([(tf.ones([2]), b), (tf.ones([2]), b)])
    np.testing.assert_array_equal(w, W)


def test_unknown_variables():
    optimizer, (w, b) = tf.optimizers.Adam(0.1), pair()
    optimizer.apply_gradients([(tf.ones([2, 2]), w)])
    with pytest.raises(UsageError, match="unknown variable b; it was built with w; make a new optimizer"):
        optimizer.apply_gradients([(tf.ones([2]), b)])
    with pytest.raises(UsageError, match="variable w is given twice"):
        optimizer.apply_gradients([(tf.ones([2, 2]), w), (tf.ones([2, 2]), w)])
    assert int(optimizer.iterations) == 1


def test_gradients_of_other_dtypes():
    v = tf.Variable(np.array([1.0, 2.0]), name="v")
    optimizer = tf.optimizers.Adam(0.1)
    optimizer.apply_gradients([(tf.ones([2], tf.float32), v)])
    assert v.dtype is tf.float64
    np.testing.assert_allclose(v, [0.9, 1.9], rtol=1e-6)
    h = tf.Variable(np.array([1.0, 2.0], np.float16))
    tf.optimizers.RMSprop(0.5).apply_gradients([(tf.ones([2], tf.float16), h)])
    assert h.dtype is tf.float16 and np.all(np.isfinite(h.numpy())) and float(h[0]) < 0


@pytest.mark.parametrize("name", "SGD Adam Adagrad RMSprop Lamb Ftrl".split())
@pytest.mark.parametrize("options", [{}, {"clipnorm": 1.0}, {"gradient_accumulation_steps": 2}], ids=str)
def test_sparse_gradients_are_those_of_the_summed_rows(name, options):
    """Equal indices add up before anything else is done with them."""
    made = [getattr(tf.optimizers, name)(0.1, **options) for _ in range(2)]
    x, y = (tf.Variable(np.arange(8.0, dtype="f").reshape(4, 2)) for _ in range(2))
    rows = tf.IndexedSlices(tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, -6.0]]), tf.constant([0, 2, 0]),
                            tf.constant([4, 2]))  # fmt: skip
    dense = tf.constant([[6.0, -4.0], [0, 0], [3, 4], [0, 0]])
    for _ in range(3):
        made[0].apply_gradients([(rows, x)])
        made[1].apply_gradients([(dense, y)])
    np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7)
    with pytest.raises(ShapeError, match="rows"):
        made[0].apply_gradients([(tf.IndexedSlices(tf.ones([1, 3]), tf.constant([0])), x)])


def test_gradients_of_lookups():
    table = tf.Variable(np.ones((5, 2), "f"))
    optimizer = tf.optimizers.SGD(0.5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.nn.embedding_lookup(table, [1, 3, 1]))
    optimizer.apply_gradients([(tape.gradient(loss, table), table)])
    np.testing.assert_array_equal(table.numpy()[:, 0], [1, 0, 1, 0.5, 1])


def test_arguments_are_checked():
    for options, text in (
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "only one of clipnorm, clipvalue and global_clipnorm"),
        ({"gradient_accumulation_steps": 1}, "integer >= 2"),
        ({"use_ema": True, "ema_momentum": 2.0}, "range"),
        ({"use_ema": True, "ema_overwrite_frequency": 0.5}, "ema_overwrite_frequency"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"learning_rat": 0.1}, "unknown arguments learning_rat"),
    ):
        with pytest.raises(UsageError, match=text):
            tf.optimizers.Adam(**options)
    with pytest.raises(UsageError, match="momentum must be between 0 and 1"):
        tf.optimizers.SGD(momentum=2.0)
    with pytest.raises(UsageError, match="weight_decay must be a float"):
        tf.optimizers.AdamW(weight_decay=None)
    with pytest.raises(UsageError, match="learning_rate_power"):
        tf.optimizers.Ftrl(learning_rate_power=0.5)
    with pytest.raises(UsageError, match="decay_steps must be > 0"):
        tf.optimizers.schedules.CosineDecay(0.1, 0)
    with pytest.raises(UsageError, match="one value more than boundaries"):
        tf.optimizers.schedules.PiecewiseConstantDecay([1, 2], [0.1])


def test_settings_may_change_between_steps():
    optimizer, (_, b) = tf.optimizers.SGD(1.0), pair()
    optimizer.apply([tf.ones([2])], [b])
    optimizer.clipvalue = 0.25
    optimizer.apply([tf.ones([2])], [b])
    optimizer.clipvalue, optimizer.weight_decay = None, 0.5
    optimizer.apply([tf.zeros([2])], [b])
    np.testing.assert_allclose(b, [-0.125, -1.125], rtol=1e-6)


def test_weights_that_do_not_decay():
    optimizer, (w, b) = tf.optimizers.AdamW(0.1, weight_decay=1.0), pair()
    optimizer.exclude_from_weight_decay(var_names=["b"])
    optimizer.apply([tf.zeros([2, 2]), tf.zeros([2])], [w, b])
    np.testing.assert_allclose(w, W * 0.9, rtol=1e-6)
    np.testing.assert_array_equal(b, [1.0, -1.0])
    optimizer.exclude_from_weight_decay(var_list=[w])
    optimizer.apply([tf.zeros([2, 2]), tf.zeros([2])], [w, b])
    np.testing.assert_allclose(w, W * 0.9, rtol=1e-6)
    np.testing.assert_allclose(b, [0.9, -0.9], rtol=1e-6)


def test_averages():
    optimizer, (w, b) = tf.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), pair()
    optimizer.build([w, b])
    optimizer.apply([tf.ones([2])], [b])
    optimizer.apply([tf.ones([2])], [b])
    np.testing.assert_array_equal(b, [-1.0, -3.0])
    optimizer.finalize_variable_values([w, b])
    np.testing.assert_array_equal(b, [-0.5, -2.5])
    np.testing.assert_array_equal(w, W)  # averaged along, though it had no gradients
    with pytest.raises(UsageError, match="1 variables, and averages of 2"):
        optimizer.finalize_variable_values([b])


def test_constraints():
    b = tf.Variable([1.0, -1.0], constraint=lambda value: tf.clip_by_value(value, -1.5, 0.5))
    tf.optimizers.SGD(1.0).apply([tf.ones([2])], [b])
    np.testing.assert_array_equal(b, [0.0, -1.5])


def test_weights():
    optimizer, (w, b) = tf.optimizers.Adam(0.1), pair()
    with pytest.raises(StateError, match="build"):
        optimizer.set_weights([])
    step(optimizer, w, b)
    values = [v.numpy() for v in optimizer.variables]
    assert [v.name for v in optimizer.variables()] == [v.name for v in optimizer.variables]
    other = tf.optimizers.Adam(0.5)
    other.build([w, b])
    other.set_weights(values)
    for v, value in zip(other.variables, values):
        np.testing.assert_array_equal(v, value)
    with pytest.raises(ShapeError, match="w_0_momentum"):
        other.set_weights([*values[:2], np.zeros(3), *values[3:]])
    store = {}
    optimizer.save_own_variables(store)
    third = tf.optimizers.Adam(0.5)
    with pytest.warns(GraphcWarning, match="6 are saved"):
        third.load_own_variables(store)
    third.build([w, b])
    third.load_own_variables(store)
    assert float(third.learning_rate) == np.float32(0.1)


def test_by_name():
    assert isinstance(tf.optimizers.get("adam"), tf.optimizers.Adam)
    assert isinstance(tf.optimizers.get("RMSprop"), tf.optimizers.RMSprop)
    optimizer = tf.optimizers.SGD(0.25, momentum=0.5, name="own")
    assert tf.optimizers.get(optimizer) is optimizer and tf.optimizers.get(None) is None
    config = tf.optimizers.serialize(optimizer)
    assert (config["module"], config["class_name"], config["registered_name"]) == ("keras.optimizers", "SGD", None)
    assert tf.optimizers.get(config).get_config() == optimizer.get_config()
    refused = [("addam", "no class 'addam'; there are .* Adam,"), (3, "3 is no optimizer, name or description"),
               ({"config": {}}, "needs a dict with class_name and config")]  # fmt: skip
    for wrong, words in refused:
        with pytest.raises(UsageError, match=words):
            tf.optimizers.get(wrong)


def test_former_versions():
    with pytest.raises(UsageError, match="tf.optimizers.SGD takes its place"):
        tf.optimizers.legacy.SGD(lr=0.1)


def test_names():
    first, second = tf.optimizers.AdamW(), tf.optimizers.AdamW()
    assert first.name.startswith("adam_w") and second.name.startswith("adam_w_") and first.name != second.name
    assert tf.optimizers.RMSprop(name="mine").learning_rate.name == "mine/learning_rate:0"


def test_users_optimizer():
    class Signs(tf.optimizers.Optimizer):
        def __init__(self, learning_rate=0.5, **kwargs):
            super().__init__(learning_rate=learning_rate, **kwargs)

        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.counts = self.add_optimizer_variables(variables, "count", "ones")

        def update_step(self, gradient, variable, learning_rate):
            self.assign_add(self.counts[self._get_variable_index(variable)], tf.ones_like(gradient))
            self.assign_sub(variable, learning_rate * tf.sign(gradient))

    optimizer, (w, b) = Signs(clipvalue=1.0, weight_decay=0.1), pair()
    step(optimizer, w, b)
    np.testing.assert_allclose(w, W * 0.95 - 0.5, rtol=1e-6)
    assert optimizer.counts[0].name.endswith("w_0_count:0") and float(optimizer.counts[0][0, 0]) == 2.0
    assert int(optimizer.iterations) == 1
    bare = tf.optimizers.Optimizer(0.1)
    with pytest.raises(NotImplementedError, match="must define update_step"):
        step(bare, w, b)


@pytest.mark.parametrize("rate", [0.125, tf.optimizers.schedules.CosineDecay(0.1, 100)], ids=["number", "schedule"])
def test_steps_are_compiled_once(compiles, rate):
    """A loop compiles its step; other rates, and other optimizers of the same kind, take the same program."""
    for _ in range(2):
        optimizer, (w, b) = tf.optimizers.Adam(rate), pair()
        optimizer.build([w, b])
        for k in range(12):
            step(optimizer, w, b)
            if not callable(rate):
                optimizer.learning_rate = 0.1 / (1 + k)
        w.numpy()
        assert int(optimizer.iterations) == 12
    assert len(compiles) <= 3


def test_one_program_for_all_steps(monkeypatch):
    """All variables, slots and counters of a step are new values of one recorded operation."""
    optimizer, (w, b) = tf.optimizers.Adam(0.1), pair()
    calls = []
    recorder = type(w.graph)
    monkeypatch.setattr(recorder, "call", lambda *a, _own=recorder.call, **k: calls.append(a[1]) or _own(*a, **k))
    g = tf.constant(W), tf.constant([1.0, 2.0])
    for _ in range(3):
        optimizer.apply_gradients(zip(g, (w, b)))
    assert calls == ["Adam"] * 3


@pytest.mark.parametrize("name", "SGD Adam Nadam RMSprop Adagrad Ftrl Lion".split())
def test_one_kernel_for_all_variables(name):
    """Scalars apart, every variable is updated by a launch of the same kernel, and each in one go."""
    from graphc.compile import lower_graph, optimise
    from graphc.ir import dtype as dt
    from graphc.ir.graph import Graph, input_node
    from graphc.ir.type import Type

    optimizer = getattr(tf.optimizers, name)(0.1)
    sizes = [(300, 40), (40, 7), (7,)]
    variables = [tf.Variable(np.zeros(s, "f")) for s in sizes]
    optimizer.build(variables)
    plan = optimizer._plan(variables, ["dense"] * 3, ())
    types = [v.type for v in (*plan.changed, optimizer.learning_rate)] + [Type(dt.f32, s) for s in sizes]
    inputs = tuple(input_node(f"x{k}", t) for k, t in enumerate(types))
    program = lower_graph(optimise(Graph("step", inputs, tuple(plan.step(*inputs)))))
    launches = [s for s in program.steps if s.dims]
    assert len(launches) == 3 and len({s.kernel for s in launches}) == 1
    assert len(program.steps) <= 4


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("shapes", [[(8, 8)] * 3, [(8, 8), (4,), (16, 2)]], ids=["alike", "different"])
def test_one_kernel_updates_all_variables(kind, shapes):
    variables, optimizer = [tf.Variable(tf.ones(s)) for s in shapes], getattr(tf.optimizers, kind)()

    @tf.function
    def update(*gradients):
        optimizer.apply_gradients(zip(gradients, variables))

    program = update.lower(*[tf.ones(s) for s in shapes])
    counter, one = program.kernels  # of the number of steps, and of the variables with their slots
    assert [step.kernel for step in program.steps] == [counter.name] + [one.name] * len(shapes)
