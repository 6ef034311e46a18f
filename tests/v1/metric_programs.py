"""Calls of ``tf.metrics`` that run alike under TensorFlow and graphc, and what is recorded of each."""

import numpy as np

CALLS = """
    accuracy(yi, pi)
    accuracy(yi, pi, w)
    accuracy(yi, pf, name='acc')
    accuracy(y2, pi)
    accuracy(yi, pi, 2.0)
    mean(f)
    mean(f, w)
    mean(s)
    mean(s, w2)
    mean(s, wrow)
    mean(s, w)
    mean_tensor(st)
    mean_tensor(st, wt)
    mean_absolute_error(f, g)
    mean_absolute_error(f, g, w)
    mean_squared_error(f, g)
    root_mean_squared_error(f, g, w)
    mean_relative_error(f, g, h)
    mean_relative_error(f, g, h, w)
    mean_cosine_distance(s, t, 1)
    mean_cosine_distance(s, t, 1, w2)
    percentage_below(f, 0.5)
    percentage_below(f, 0.5, w)
    true_positives(yb, pb)
    true_positives(yb, pb, w)
    true_negatives(yb, pb)
    false_positives(yi, pi)
    false_negatives(yi, pi, w)
    precision(yb, pb)
    precision(yb, pb, w)
    recall(yb, pb)
    recall(yb, pb, w)
    mean_iou(yi, pi, 4)
    mean_iou(yi, pi, 4, w)
    mean_per_class_accuracy(yi, pi, 4)
    mean_per_class_accuracy(yi, pi, 4, w)
    true_positives_at_thresholds(yb, f, [.2, .5, .8])
    true_negatives_at_thresholds(yb, f, [.2, .5, .8], w)
    false_positives_at_thresholds(yb, f, [.2, .5, .8], w)
    false_negatives_at_thresholds(yb, f, [.2, .5, .8])
    precision_at_thresholds(yb, f, [.2, .5, .8])
    recall_at_thresholds(yb, f, [.2, .5, .8], w)
    auc(yb, f)
    auc(yi, f, w)
    auc(yb, f, num_thresholds=10)
    auc(yb, f, thresholds=[.3, .1, .7])
    auc(yb, f, curve='PR')
    auc(yb, f, w, curve='PR', summation_method='careful_interpolation')
    auc(yb, f, curve='PR', summation_method='minoring')
    auc(yb, f, curve='PR', summation_method='majoring')
    auc(yb, f, summation_method='minoring')
    auc(yb, f, summation_method='majoring')
    auc(yb, f, summation_method='careful_interpolation')
    sensitivity_at_specificity(yb, f, 0.6)
    sensitivity_at_specificity(yb, f, 0.6, w, num_thresholds=20)
    specificity_at_sensitivity(yb, f, 0.6)
    specificity_at_sensitivity(yb, f, 0.6, w, num_thresholds=20)
    precision_at_k(yi, s, 2)
    precision_at_k(yk, s, 2)
    precision_at_k(yk, s, 2, weights=w)
    precision_at_k(yk, s, 2, class_id=1)
    precision_at_top_k(yk, ik, 3)
    recall_at_k(yi, s, 2)
    recall_at_k(yk, s, 2, class_id=1, weights=w)
    recall_at_k(yk, s, 2)
    recall_at_top_k(yk, ik, 3)
    recall_at_top_k(yk, ik, class_id=2, name='rr')
    average_precision_at_k(yi, s, 2)
    average_precision_at_k(yk, s, 3)
    average_precision_at_k(yk, s, 3, w)
    average_precision_at_k(yn, s, 3)
    sparse_average_precision_at_k(yk, s, 2)
    sparse_precision_at_k(yk, s, 2)
    precision_at_k(sp, s, 2)
    recall_at_k(sp, s, 2, class_id=1)
    average_precision_at_k(sp, s, 3)
"""
INPUTS = """
yi = tf.placeholder(tf.int64, [None], name='yi'); pi = tf.placeholder(tf.int32, [None], name='pi'); pf = tf.to_float(pi)
y2 = tf.reshape(yi, [-1, 1]); h = tf.to_float(yi)
w = tf.placeholder(tf.float32, [None], name='w'); w2 = tf.reshape(w, [-1, 1]); wrow = tf.constant([[1., 0., 2., .5]])
f = tf.placeholder(tf.float32, [None], name='f'); g = tf.placeholder(tf.float32, [None], name='g')
s = tf.placeholder(tf.float32, [None, 4], name='s'); t = tf.placeholder(tf.float32, [None, 4], name='t')
st = s[:3]; st.set_shape([3, 4]); wt = tf.reshape(w[:3], [3, 1])
yb = tf.placeholder(tf.bool, [None], name='yb'); pb = tf.placeholder(tf.bool, [None], name='pb')
yk = tf.placeholder(tf.int64, [None, 2], name='yk'); ik = tf.placeholder(tf.int64, [None, 3], name='ik'); yn = yk - 1
sp = tf.SparseTensor(tf.constant([[0, 0], [1, 0], [1, 1], [3, 0], [4, 0]], tf.int64),
                     tf.constant([1, 2, 0, 3, 1], tf.int64), tf.constant([6, 2], tf.int64))
"""
BATCHES = 3


def calls() -> list[str]:
    """The calls."""
    return [line.strip() for line in CALLS.strip().splitlines()]


def batch(number: int) -> dict:
    """Values for the placeholders."""
    r, n = np.random.RandomState(number), 6
    return {"yi": r.randint(0, 4, n), "pi": r.randint(0, 4, n), "w": r.choice([0.0, 1.0, 2.0, 0.5], n),
            "f": r.rand(n).round(3), "g": r.rand(n).round(3), "s": r.randn(n, 4).round(3), "t": r.randn(n, 4).round(3),
            "yb": r.rand(n) > 0.4, "pb": r.rand(n) > 0.5, "yk": np.array([r.permutation(4)[:2] for _ in range(n)]),
            "ik": np.array([r.permutation(4)[:3] for _ in range(n)])}  # fmt: skip


def rounded(values) -> list:
    """Plain numbers."""
    return [np.asarray(v, np.float64).round(6).tolist() for v in values]


def outcome(tf) -> dict:
    """Names, variables, and results of all calls after each batch, in one graph."""
    with tf.Graph().as_default():
        found = {"tf": tf}
        exec(INPUTS, found)
        pairs = [eval(f"tf.metrics.{call}", found) for call in calls()]
        values, updates = [p[0] for p in pairs], [p[1] for p in pairs]
        with tf.Session() as session:
            session.run(tf.local_variables_initializer())
            after = []
            for number in range(BATCHES):
                feeds = {found[name]: x for name, x in batch(number).items()}
                after.append(rounded(session.run(updates, feeds)))
            return {"names": [v.name for v in values], "variables": [v.name for v in tf.local_variables()],
                    "listed": [v.name for v in tf.get_collection(tf.GraphKeys.METRIC_VARIABLES)],
                    "after": after, "values": rounded(session.run(values))}  # fmt: skip
