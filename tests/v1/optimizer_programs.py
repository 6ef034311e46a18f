"""Small trainings that run unchanged under TensorFlow; run as a program there, this file records what they find.

``python tests/v1/optimizer_programs.py`` with TensorFlow installed writes optimizers.json anew.
"""

import json
from pathlib import Path

import numpy as np

RECORDED = Path(__file__).with_name("optimizers.json")
STEPS = 5
OPTIMIZERS = [
    "tf.train.GradientDescentOptimizer(0.3)",
    "tf.train.MomentumOptimizer(0.1, 0.9)",
    "tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True)",
    "tf.train.AdagradOptimizer(0.3)",
    "tf.train.AdagradOptimizer(0.3, initial_accumulator_value=1.5)",
    "tf.train.AdagradDAOptimizer(0.3, tf.train.get_or_create_global_step())",
    "tf.train.AdagradDAOptimizer(0.3, tf.train.get_or_create_global_step(), 0.2, 0.05, 0.1)",
    "tf.train.AdadeltaOptimizer()",
    "tf.train.AdadeltaOptimizer(1.0, 0.8, 1e-3)",
    "tf.train.RMSPropOptimizer(0.05)",
    "tf.train.RMSPropOptimizer(0.05, 0.8, 0.5, 1e-3)",
    "tf.train.RMSPropOptimizer(0.05, momentum=0.5, centered=True)",
    "tf.train.AdamOptimizer()",
    "tf.train.AdamOptimizer(0.05, 0.8, 0.9, 1e-3)",
    "tf.train.FtrlOptimizer(0.3)",
    "tf.train.FtrlOptimizer(0.3, -0.7, 0.2, 0.02, 0.03)",
    "tf.train.FtrlOptimizer(0.3, l2_shrinkage_regularization_strength=0.1, l1_regularization_strength=0.01)",
    "tf.train.FtrlOptimizer(0.3, l2_regularization_strength=0.1, beta=0.5)",
    "tf.train.ProximalGradientDescentOptimizer(0.3, 0.1, 0.2)",
    "tf.train.ProximalAdagradOptimizer(0.3, 0.2, 0.1, 0.2)",
]
LOOKED_UP = [[0, 2, 2], [1, 0], [5, 5, 0, 5], [3], [0, 2]]


def dense(tf, optimizer: str) -> dict:
    """Steps of a matrix in f32 and a vector in f64."""
    start = np.linspace(-1.2, 1.4, 6).reshape(3, 2)
    v = tf.Variable(start.astype(np.float32), name="v")
    if "Proximal" in optimizer:  # TensorFlow has them for one dtype
        u = tf.Variable(np.array([0.5, -2.0], np.float32), name="u")
    else:
        u = tf.Variable(np.array([0.5, -2.0]), name="u")
    loss = tf.reduce_sum(tf.cos(v * 2.0)) + tf.cast(tf.reduce_sum(u * u * [0.5, 1.5]), tf.float32)
    return _train(tf, optimizer, loss, [v, u], [{}] * STEPS)


def sparse(tf, optimizer: str) -> dict:
    """Steps of a table of which few rows are looked up, some of them twice."""
    table = tf.Variable(np.linspace(-1, 1, 12).reshape(6, 2).astype(np.float32), name="table")
    w = tf.Variable(np.array([0.5, 2.0], np.float32), name="w")
    ids = tf.placeholder(tf.int32, [None])
    loss = tf.reduce_sum(tf.square(tf.nn.embedding_lookup(table, ids) - 0.5) * w)
    return _train(tf, optimizer, loss, [table, w], [{ids: rows} for rows in LOOKED_UP])


def _train(tf, optimizer: str, loss, variables: list, feeds: list) -> dict:
    chosen = eval(optimizer, {"tf": tf})
    step = tf.train.get_or_create_global_step()
    train = chosen.minimize(loss, global_step=step)
    found = {"names": [v.name for v in tf.global_variables()], "train": train.name, "steps": []}
    found["slots"] = {name: [chosen.get_slot(v, name).name for v in variables] for name in chosen.get_slot_names()}
    found["own"] = [v.name for v in chosen.variables()]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for feed in feeds:
            sess.run(train, feed)
            found["steps"].append([v.astype(float).ravel().tolist() for v in sess.run(variables)])
        kept = sess.run(chosen.variables())
        found["kept"] = [v.astype(float).ravel().tolist() for v in kept]
    return found


PROGRAMS = {f"{f.__name__}: {o}": (f, o) for f in (dense, sparse) for o in OPTIMIZERS}

SCHEDULES = [  # of the tensor s, a step
    "tf.train.exponential_decay(0.1, s, 7, 0.5)",
    "tf.train.exponential_decay(0.1, s, 7, 0.5, staircase=True)",
    "tf.train.natural_exp_decay(0.1, s, 7, 0.5)",
    "tf.train.natural_exp_decay(0.1, s, 7, 0.5, True)",
    "tf.train.inverse_time_decay(0.1, s, 7, 0.5)",
    "tf.train.inverse_time_decay(0.1, s, 7, 0.5, staircase=True)",
    "tf.train.polynomial_decay(0.1, s, 10)",
    "tf.train.polynomial_decay(0.1, s, 10, 0.01, 0.5)",
    "tf.train.polynomial_decay(0.1, s, 10, 0.01, 2.0, cycle=True)",
    "tf.train.cosine_decay(0.1, s, 10)",
    "tf.train.cosine_decay(0.1, s, 10, alpha=0.2)",
    "tf.train.cosine_decay_restarts(0.1, s, 3)",
    "tf.train.cosine_decay_restarts(0.1, s, 3, 1.0, 0.9, 0.1)",
    "tf.train.cosine_decay_restarts(0.1, s, 3, 1.5, 0.8)",
    "tf.train.linear_cosine_decay(0.1, s, 10)",
    "tf.train.linear_cosine_decay(0.1, s, 10, 2.0, 0.1, 0.01)",
    "tf.train.piecewise_constant(s, [2, 5], [1.0, 0.5, 0.1])",
    "tf.train.piecewise_constant(tf.cast(s, tf.float32), [2.5, 5.0, 11.5], [3.0, 1.0, 0.5, 0.1])",
    "tf.train.exponential_decay(tf.constant(0.1, tf.float64), s, 7, 0.5)",
]


def schedule(tf, text: str) -> dict:
    """A schedule at the steps 0 to 14."""
    s = tf.placeholder(tf.int64, [])
    rate = eval(text, {"tf": tf, "s": s})
    with tf.Session() as sess:
        return {"dtype": rate.dtype.name, "rates": [float(sess.run(rate, {s: k})) for k in range(15)]}


AVERAGES = [
    "tf.train.ExponentialMovingAverage(0.9)",
    "tf.train.ExponentialMovingAverage(0.9, num_updates=step)",
    "tf.train.ExponentialMovingAverage(0.9, zero_debias=True, name='mean')",
]


def average(tf, text: str) -> dict:
    """Averages of two variables and a tensor, while these change."""
    step = tf.Variable(3, trainable=False, name="step")
    v, u = tf.Variable([1.0, -2.0], name="v"), tf.Variable(np.array(4.0), name="u")
    total = tf.multiply(tf.reduce_sum(v), 2.0, name="total")
    averages = eval(text, {"tf": tf, "step": step})
    apply = averages.apply([v, u, total])
    with tf.control_dependencies([apply]):
        change = tf.group(v.assign_add([0.5, 1.0]), u.assign_sub(0.25), step.assign_add(1))
    found = {
        "names": [x.name for x in tf.global_variables()],
        "moving": [x.name for x in tf.moving_average_variables()],
        "name": apply.name,
        "average": [averages.average_name(x) for x in (v, u, total)],
        "restored": sorted(averages.variables_to_restore()),
    }
    with tf.Session() as sess:
        sess.run([v.initializer, u.initializer, step.initializer])
        sess.run(tf.global_variables_initializer())
        found["values"] = []
        for _ in range(4):
            sess.run(change)
            values = sess.run([averages.average(x) for x in (v, u, total)])
            found["values"].append([np.asarray(x).astype(float).ravel().tolist() for x in values])
    return found


def _rounded(value):
    if isinstance(value, float):
        return float(f"{value:.8g}")
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list) else value


def _record() -> None:
    import tensorflow.compat.v1 as tf

    tf.disable_eager_execution()
    tf.disable_resource_variables()
    found = {}
    for name, (program, optimizer) in PROGRAMS.items():
        tf.reset_default_graph()
        found[name] = _rounded(program(tf, optimizer))
    for text in (*SCHEDULES, *AVERAGES):
        tf.reset_default_graph()
        found[text] = _rounded((schedule if text in SCHEDULES else average)(tf, text))
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    RECORDED.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    _record()
