"""Optimizers against TensorFlow's recorded numbers, names and slots; and the hooks of optimizers that users write."""

import json

import numpy as np
import pytest
from optimizer_programs import PROGRAMS, RECORDED

import graphc.v1 as tf
from graphc.api.mode import MODE

EXPECTED = json.loads(RECORDED.read_text())


@pytest.mark.parametrize("name", PROGRAMS)
def test_steps_and_names_are_tensorflows(name):
    program, optimizer = PROGRAMS[name]
    found, wanted = program(tf, optimizer), EXPECTED[name]
    for key in ("names", "train", "slots", "own"):
        assert found[key] == wanted[key], key
    for k, (ours, theirs) in enumerate(zip(found["steps"], wanted["steps"])):
        for a, b in zip(ours, theirs):
            np.testing.assert_allclose(a, b, rtol=2e-6, atol=3e-7, err_msg=f"step {k}")
    for a, b in zip(found["kept"], wanted["kept"]):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-6)


def table_and_loss(ids=(1, 1, 3), rows=4):
    table = tf.Variable(np.arange(rows * 2, dtype=np.float32).reshape(rows, 2), name="table")
    return table, tf.reduce_sum(tf.square(tf.gather(table, list(ids))))


def run(*ops, times=1):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(times - 1):
            sess.run(ops)
        return sess.run(ops)


def after(train, *variables, times=1):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(times):
            sess.run(train)
        return sess.run(list(variables))


class PowerSign(tf.train.Optimizer):
    """An optimizer as courses write it."""

    def __init__(self, learning_rate=0.001, alpha=0.01, beta=0.5, use_locking=False, name="PowerSign"):
        super().__init__(use_locking, name)
        self._lr, self._alpha, self._beta = learning_rate, alpha, beta

    def _prepare(self):
        self._lr_t = tf.convert_to_tensor(self._lr, name="learning_rate")
        self._alpha_t = tf.convert_to_tensor(self._alpha, name="alpha_t")
        self._beta_t = tf.convert_to_tensor(self._beta, name="beta_t")

    def _create_slots(self, var_list):
        for v in var_list:
            self._zeros_slot(v, "m", self._name)

    def _apply_dense(self, grad, var):
        lr, alpha, beta = (tf.cast(t, var.dtype.base_dtype) for t in (self._lr_t, self._alpha_t, self._beta_t))
        m = self.get_slot(var, "m")
        m_t = m.assign(tf.maximum(beta * m + 1e-7, tf.abs(grad)))
        update = tf.assign_sub(var, lr * grad * tf.exp(tf.log(alpha) * tf.sign(grad) * tf.sign(m_t)))
        return tf.group(*[update, m_t])

    def _apply_sparse(self, grad, var):
        m_t = tf.scatter_update(self.get_slot(var, "m"), grad.indices, tf.abs(grad.values))
        return tf.group(tf.scatter_sub(var, grad.indices, self._lr_t * grad.values), m_t)


def test_an_optimizer_of_a_user():
    v = tf.Variable([1.0, -2.0], name="v")
    e = tf.Variable(np.ones((4, 2), np.float32), name="e")
    optimizer = PowerSign(0.1)
    train = optimizer.minimize(tf.reduce_sum(v * v) + tf.reduce_sum(tf.square(tf.gather(e, [1, 1, 3]))))
    assert [x.name for x in tf.global_variables()] == ["v:0", "e:0", "v/PowerSign:0", "e/PowerSign:0"]
    assert train.name == "PowerSign" and optimizer.get_slot_names() == ["m"]
    rows, m = after(train, e, optimizer.get_slot(e, "m"))
    np.testing.assert_allclose(rows, [[1, 1], [0.6, 0.6], [1, 1], [0.8, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(m, [[0, 0], [4, 4], [0, 0], [2, 2]])  # equal indices were added up before
    assert "v/PowerSign" in str(optimizer.variables())


def test_hooks_of_resources_and_of_subclasses():
    class Mine(tf.train.Optimizer):
        def __init__(self):
            super().__init__(False, "Mine")

        def _resource_apply_dense(self, grad, handle):
            return handle.assign_sub(grad)

        def _resource_apply_sparse(self, grad, handle, indices):
            return self._resource_scatter_add(handle, indices, -grad)

    class Decayed(tf.train.AdamOptimizer):
        def _resource_apply_dense(self, grad, var):
            with tf.control_dependencies([var.assign_sub(0.5 * var)]):
                return super()._resource_apply_dense(grad, var)

    v, (table, loss) = tf.Variable([1.0, -2.0]), table_and_loss()
    found = after(Mine().minimize(loss + tf.reduce_sum(v)), v, table)
    np.testing.assert_allclose(found[0], [0.0, -3.0])
    np.testing.assert_allclose(found[1], [[0, 1], [-6, -9], [4, 5], [-6, -7]])
    np.testing.assert_allclose(after(Decayed(0.1).minimize(tf.reduce_sum(v)), v)[0], [0.4, -1.1], rtol=1e-5)


def test_a_subclass_may_say_how_rows_change():
    class Lazy(tf.train.AdamOptimizer):
        def _apply_sparse(self, grad, var):
            return tf.scatter_sub(var, grad.indices, tf.cast(self._lr_t, var.dtype) * tf.sign(grad.values))

    table, loss = table_and_loss()
    (found,) = after(Lazy(1.0).minimize(loss), table, times=2)
    np.testing.assert_allclose(found, [[0, 1], [0, 1], [4, 5], [4, 5]])


def test_rows_that_are_not_looked_up_stay_and_keep_their_momentum():
    table = tf.Variable(tf.ones([1000, 2]))
    ids = tf.placeholder(tf.int64, [None])
    train = tf.train.MomentumOptimizer(0.5, 0.5).minimize(tf.reduce_sum(tf.nn.embedding_lookup(table, ids)))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for rows in ([3, 3], [5], []):
            sess.run(train, {ids: rows})
        found = sess.run(table)
    assert found[3].tolist() == [0.0, 0.0] and found[5].tolist() == [0.5, 0.5]
    assert (np.delete(found, [3, 5], 0) == 1).all()


def test_lookups_with_a_rank_that_only_a_run_knows():
    table, keep = tf.Variable(tf.ones([6, 2])), tf.placeholder(tf.float32)
    rows = tf.nn.dropout(tf.nn.embedding_lookup(table, tf.constant([1, 4, 1])), keep_prob=keep)
    optimizer = tf.train.RMSPropOptimizer(0.1)
    ((g, _),) = pairs = optimizer.compute_gradients(tf.reduce_sum(rows))
    assert isinstance(g, tf.IndexedSlices) and g.indices.dtype is tf.int32
    train = optimizer.apply_gradients(pairs)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(2):
            sess.run(train, {keep: 1.0})
        rms = sess.run(optimizer.get_slot(table, "rms"))
    np.testing.assert_allclose(rms[:, 0], [1, 0.81 + 0.19 * 4, 1, 1, 1, 1], rtol=1e-5)  # row 4: 0.81 + 0.19


def test_hyper_parameters_of_every_kind():
    rate = tf.placeholder(tf.float32, [])
    v = tf.Variable([1.0, 2.0])
    by_tensor = tf.train.MomentumOptimizer(rate, tf.constant(0.5)).minimize(tf.reduce_sum(v), var_list=v)
    by_function = tf.train.AdamOptimizer(lambda: 0.5, epsilon=np.float32(1e-8)).minimize(tf.reduce_sum(v))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for r in (0.1, 0.01):
            sess.run(by_tensor, {rate: r})
        np.testing.assert_allclose(sess.run(v), [0.885, 1.885], rtol=1e-6)
        sess.run(by_function)
        np.testing.assert_allclose(sess.run(v), [0.385, 1.385], rtol=1e-5)


def test_constraints_hold_after_the_update():
    v = tf.Variable([3.0, 4.0], constraint=lambda x: tf.clip_by_value(x, 0.0, 3.5))
    train = tf.train.AdamOptimizer(0.5).minimize(-tf.reduce_sum(v))
    np.testing.assert_allclose(after(train, v)[0], [3.5, 3.5], rtol=1e-5)


@pytest.mark.parametrize("dtype", [tf.float16, tf.float32, tf.float64])
def test_dtypes(dtype):
    v = tf.Variable(tf.constant([1.0, 2.0], dtype))
    optimizer = tf.train.AdamOptimizer(0.25)
    (found,) = after(optimizer.minimize(tf.reduce_sum(v)), v)
    assert found.dtype == dtype.as_numpy_dtype and optimizer.get_slot(v, "m").dtype is dtype
    np.testing.assert_allclose(found, [0.75, 1.75], rtol=1e-2 if dtype is tf.float16 else 1e-5)


def test_a_variable_given_twice_changes_twice():
    v = tf.Variable(5.0)
    pairs = [(tf.constant(1.0), v), (tf.constant(2.0), v)]
    assert after(tf.train.GradientDescentOptimizer(1.0).apply_gradients(pairs), v) == [2.0]


def test_names_of_scopes_and_of_the_second_optimizer():
    with tf.variable_scope("net"):
        w = tf.get_variable("w", [2])
    loss = tf.reduce_sum(w * w)
    with tf.name_scope("train"):
        first = tf.train.AdamOptimizer(0.1).minimize(loss)
    with tf.variable_scope("opt"):
        second = tf.train.AdamOptimizer(0.1).minimize(loss)
    third = tf.train.AdamOptimizer(0.1).minimize(loss, name="again")
    names = [v.op.name for v in tf.global_variables()]
    assert names == [
        "net/w", "train/beta1_power", "train/beta2_power", "net/w/Adam", "net/w/Adam_1", "opt/beta1_power",
        "opt/beta2_power", "opt/net/w/Adam", "opt/net/w/Adam_1", "beta1_power", "beta2_power", "net/w/Adam_2",
        "net/w/Adam_3",
    ]  # fmt: skip
    assert [t.name for t in (first, second, third)] == ["train/Adam", "opt/Adam", "again"]
    assert tf.get_collection(tf.GraphKeys.TRAIN_OP) == [first, second, third]
    assert tf.trainable_variables() == [w]
    assert tf.get_default_graph().get_operation_by_name("train/Adam/update_net/w/ApplyAdam").type == "ApplyAdam"
    kept = tf.train.AdamOptimizer(name="Own", use_own_namescope_for_non_slot_vars=True)
    kept.minimize(loss)
    assert {v.op.name for v in kept.variables()} == {"Own/beta1_power", "Own/beta2_power", "net/w/Own", "net/w/Own_1"}


def test_gates_and_the_gradient_to_start_from():
    v, (_, loss) = tf.Variable([1.0, 2.0]), table_and_loss()
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(loss + tf.reduce_sum(v), gate_gradients=optimizer.GATE_GRAPH)
    assert isinstance(pairs[1][0], tf.IndexedSlices)
    values = run(pairs[0][0], pairs[1][0])
    assert values[0].tolist() == [1.0, 1.0] and values[1].indices.tolist() == [1, 1, 3]
    ((g, _),) = optimizer.compute_gradients(v * v, [v], grad_loss=tf.constant([1.0, 3.0]))
    assert run(g)[0].tolist() == [2.0, 12.0]


def test_training_inside_of_a_branch():
    v, on = tf.Variable([1.0, 2.0]), tf.placeholder(tf.bool, [])
    grads = [tf.constant([1.0, 1.0])]
    optimizer = tf.train.MomentumOptimizer(0.5, 0.5)
    step = tf.cond(on, lambda: optimizer.apply_gradients(zip(grads, [v])), lambda: tf.no_op())
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for choice in (True, False, True):
            sess.run(step, {on: choice})
        np.testing.assert_allclose(sess.run(v), [-0.25, 0.75])


REFUSED = [
    ("tf.train.GradientDescentOptimizer(0.1).minimize(tf.constant(1.0), var_list=[v])", "no gradient reaches.*: v"),
    ("tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(v), var_list=[])", "no variables to optimize"),
    ("tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(v), var_list=[3])", "must hold variables, got 3"),
    ("tf.train.GradientDescentOptimizer(0.1).minimize(tf.constant(1))", "invalid type int32"),
    ("tf.train.GradientDescentOptimizer('x').minimize(tf.reduce_sum(v))", "learning_rate must be a number.*'x'"),
    ("tf.train.GradientDescentOptimizer([0.1, 0.2]).minimize(tf.reduce_sum(v))", "must be a number"),
    ("tf.train.AdamOptimizer(v).minimize(tf.reduce_sum(v))", "learning_rate must be a scalar"),
    ("tf.train.GradientDescentOptimizer(0.1).apply_gradients([])", "no variables are provided"),
    ("tf.train.GradientDescentOptimizer(0.1).apply_gradients([(None, v)])", "no gradients are given.*: v"),
    ("tf.train.GradientDescentOptimizer(0.1).apply_gradients([v])", "needs pairs of gradient and variable"),
    ("tf.train.GradientDescentOptimizer(0.1).apply_gradients([(tf.zeros([3]), v)])", r"\(3,\) does not fit variable v"),
    ("tf.train.AdamOptimizer(0.1).apply_gradients([(tf.zeros([2], tf.float64), v)])", "float64, but.*float32"),
    ("tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(v), global_step=3)", "global_step must be"),
    ("tf.train.GradientDescentOptimizer(0.1).compute_gradients(tf.reduce_sum(v), gate_gradients=7)", "got 7"),
    ("tf.train.GradientDescentOptimizer(0.1, name='')", "non-empty string"),
    ("tf.train.FtrlOptimizer(0.1, l1_regularization_strength=-1.0)", "l1_regularization_strength -1.0 needs"),
    ("tf.train.FtrlOptimizer(0.1, learning_rate_power=0.5)", "learning_rate_power 0.5 needs"),
    ("tf.train.AdagradOptimizer(0.1, 0.0)", "initial_accumulator_value 0.0 needs to be positive"),
    ("tf.train.AdagradDAOptimizer(0.1, None)", "needs the variable global_step"),
    ("tf.train.SyncReplicasOptimizer(tf.train.AdamOptimizer(), 3)", "several machines.*AdamOptimizer"),
    ("tf.train.Optimizer(False, 'x').minimize(tf.reduce_sum(v))", "define _apply_dense"),
]


@pytest.mark.parametrize("text, words", REFUSED)
def test_refused(text, words):
    v = tf.Variable([1.0, 2.0], name="v")
    with pytest.raises((ValueError, TypeError, RuntimeError), match=words) as caught:
        eval(text, {"tf": tf, "v": v})
    assert not isinstance(caught.value, (KeyError, AttributeError))


def test_a_constraint_of_rows_is_refused():
    table = tf.Variable(np.ones((4, 2), np.float32), constraint=lambda x: x)
    with pytest.raises(ValueError, match="has a constraint, but its gradient is of lookups only"):
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(tf.gather(table, [1])))


@pytest.fixture
def eager():
    tf.enable_eager_execution()
    yield
    MODE.choose(None)


@pytest.mark.parametrize("optimizer", [o for o in PROGRAMS if o.startswith("dense") and "AdagradDA" not in o])
def test_eager_steps_are_those_of_a_graph(optimizer, eager):
    _, text = PROGRAMS[optimizer]
    chosen = eval(text, {"tf": tf})
    v = tf.Variable(np.linspace(-1.2, 1.4, 6).reshape(3, 2).astype(np.float32))
    step = tf.Variable(0)
    for k in range(3):
        chosen.minimize(lambda: tf.reduce_sum(tf.cos(v * 2.0)), var_list=[v] if k else None, global_step=step)
        wanted = EXPECTED[optimizer]["steps"][k][0]
        np.testing.assert_allclose(v.numpy().ravel(), wanted, rtol=3e-6, atol=1e-6)
    assert step.numpy() == 3


def test_eager_loss_must_be_a_function(eager):
    v = tf.Variable([1.0])
    with pytest.raises(RuntimeError, match="loss must be a function"):
        tf.train.AdamOptimizer().minimize(tf.reduce_sum(v))


def test_eager_schedules_are_functions(eager):
    step = tf.Variable(0)
    rate = tf.train.exponential_decay(0.5, step, 1, 0.5)
    v = tf.Variable(1.0)
    optimizer = tf.train.GradientDescentOptimizer(rate)
    for _ in range(2):
        optimizer.minimize(lambda: v * 1.0, global_step=step)
    assert rate().numpy() == 0.125 and v.numpy() == 0.25


@pytest.mark.parametrize("text", sorted({o for _, o in PROGRAMS.values()}))
def test_training_operations_are_made_again_from_their_kind(text):
    g, v = tf.placeholder(tf.float32, [3, 2], name="g"), tf.Variable(tf.ones([3, 2]), name="v")
    slices = tf.IndexedSlices(tf.gather(g, [0, 2, 2]), tf.constant([0, 1, 0]), tf.constant([3, 2]))
    step = tf.Variable(0, trainable=False, name="global_step")
    dense, sparse = (eval(text, {"tf": tf}).apply_gradients([(x, v)], step, n) for x, n in ((g, "d"), (slices, "s")))

    def steps(prefix):
        graph = tf.get_default_graph()
        with tf.Session() as sess:
            sess.run([graph.get_operation_by_name(f"{prefix}{v.op.name}/Assign") for v in variables])
            for name in ("d", "s", "d", "s"):
                sess.run(graph.get_operation_by_name(prefix + name), {f"{prefix}g:0": np.linspace(-1, 2, 6).reshape(3, 2)})
            return sess.run(f"{prefix}v/read:0")

    variables = tf.global_variables()
    expected, written = steps(""), tf.get_default_graph().as_graph_def()
    for node in written.node:
        if "Apply" in node.op:
            node.attr.pop("_graphc")
    tf.reset_default_graph()
    tf.import_graph_def(written, name="again")
    np.testing.assert_allclose(steps("again/"), expected, rtol=1e-6)
    assert dense.name == "d" and sparse.name == "s"
