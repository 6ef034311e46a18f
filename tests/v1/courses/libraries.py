"""Programs with what surrounds the operations: layers, metrics, saving, summaries. Each answers with its values."""

import os
import tempfile

import numpy as np
from courses.training import CLASSES, POINTS, cross_entropy, inputs

RNG = np.random.RandomState(2)
IMAGES = RNG.uniform(size=(6, 8, 8, 1)).astype(np.float32)


def variables(tf):
    return [[v.name, v.shape.as_list()] for v in tf.global_variables()]


def dense_layers(tf):
    x, y = inputs(tf)
    fixed = tf.constant_initializer(0.2)
    h = tf.layers.dense(x, 8, activation=tf.nn.relu, kernel_initializer=fixed, name="hidden")
    again = tf.layers.dense(x, 8, activation=tf.nn.relu, name="hidden", reuse=True)
    logits = tf.layers.dense(h, 3, kernel_initializer=tf.zeros_initializer())
    loss = cross_entropy(tf, logits, y)
    step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {x: POINTS, y: CLASSES}
        losses = [float(sess.run([loss, step], feed)[0]) for _ in range(5)]
        same = bool(np.array_equal(*sess.run([h, again], feed)))
    return losses + [same, logits.name, h.name] + variables(tf)


def convolutional_layers(tf):
    x = tf.placeholder(tf.float32, [None, 8, 8, 1])
    h = tf.layers.conv2d(
        x, 4, [3, 3], padding="same", activation=tf.nn.relu, kernel_initializer=tf.constant_initializer(0.1)
    )
    h = tf.layers.max_pooling2d(h, pool_size=[2, 2], strides=2)
    h = tf.layers.conv2d(h, 2, 3, kernel_initializer=tf.constant_initializer(-0.2), name="second")
    h = tf.layers.average_pooling2d(h, 2, 1)
    up = tf.layers.conv2d_transpose(h, 1, 2, strides=2, kernel_initializer=tf.constant_initializer(0.5))
    flat = tf.layers.flatten(h)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run([h, up, flat], {x: IMAGES}) + variables(tf)


def batch_normalisation(tf):
    x, y = inputs(tf)
    training = tf.placeholder_with_default(False, [])
    h = tf.layers.dense(x, 4, kernel_initializer=tf.constant_initializer([[1.0, 2, -1, 0.5]] * 3), use_bias=False)
    h = tf.layers.batch_normalization(h, training=training, momentum=0.9)
    logits = tf.layers.dense(tf.nn.relu(h), 3, kernel_initializer=tf.constant_initializer([[0.1, -0.2, 0.3]] * 4))
    loss = cross_entropy(tf, logits, y)
    update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.control_dependencies(update_ops):
        step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {x: POINTS, y: CLASSES, training: True}
        losses = [float(sess.run([loss, step], feed)[0]) for _ in range(5)]
        moving = [v for v in tf.global_variables() if "moving" in v.name]
        test = sess.run([loss, *moving], {x: POINTS, y: CLASSES})
    return losses + test + [len(update_ops)] + variables(tf)


def dropout_layer(tf):
    x = tf.ones([1000])
    training = tf.placeholder(tf.bool)
    dropped = tf.layers.dropout(x, rate=0.25, training=training, seed=1)
    with tf.Session() as sess:
        kept = sess.run(dropped, {training: True})
        share = float(np.mean(kept > 0))
        return [sess.run(dropped, {training: False})[:3], sorted(set(kept.tolist())), abs(share - 0.75) < 0.06]


def running_accuracy(tf):
    labels, guesses = tf.placeholder(tf.int64, [None]), tf.placeholder(tf.int64, [None])
    accuracy, update = tf.metrics.accuracy(labels=labels, predictions=guesses, name="acc")
    mean, mean_update = tf.metrics.mean(tf.cast(guesses, tf.float32))
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        seen = [sess.run([update, mean_update], {labels: [1, 2, 0], guesses: g}) for g in ([1, 2, 1], [1, 2, 0])]
        names = [v.name for v in tf.local_variables()]
        return [float(v) for pair in seen for v in pair] + sess.run([accuracy, mean]) + names


def losses(tf):
    labels, guesses = tf.constant([[1.0, 0.0], [0.0, 1.0]]), tf.constant([[0.7, 0.2], [0.4, 0.9]])
    made = [
        tf.losses.mean_squared_error(labels, guesses), tf.losses.absolute_difference(labels, guesses),
        tf.losses.log_loss(labels, guesses), tf.losses.hinge_loss(labels, guesses),
        tf.losses.huber_loss(labels, guesses, delta=0.2),
        tf.losses.softmax_cross_entropy(labels, guesses), tf.losses.sparse_softmax_cross_entropy([0, 1], guesses),
        tf.losses.sigmoid_cross_entropy(labels, guesses, weights=[[1.0], [2.0]]),
    ]  # fmt: skip
    with tf.Session() as sess:
        return sess.run([*made, tf.losses.get_total_loss()]) + [len(tf.losses.get_losses())]


def saving_and_restoring(tf):
    w = tf.get_variable("w", initializer=tf.constant([1.0, 2.0]))
    step = tf.train.get_or_create_global_step()
    grow = tf.group(w.assign(w * 2), step.assign_add(1))
    saver = tf.train.Saver(max_to_keep=2)
    with tempfile.TemporaryDirectory() as folder:
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            for _ in range(3):
                sess.run(grow)
                path = saver.save(sess, os.path.join(folder, "model.ckpt"), global_step=step)
            sess.run(grow)
            saver.restore(sess, path)
            restored = sess.run([w, step])
        latest = tf.train.latest_checkpoint(folder)
        state = tf.train.get_checkpoint_state(folder)
        kept = [os.path.basename(p) for p in state.all_model_checkpoint_paths]
        with tf.Session() as sess:
            saver.restore(sess, latest)
            anew = sess.run(w)
            missing = sess.run(tf.report_uninitialized_variables()).tolist()
        shapes = tf.train.list_variables(latest)
    return restored + [anew, missing, os.path.basename(latest), kept, [[n, list(s)] for n, s in shapes]]


def restoring_a_part(tf):
    with tf.variable_scope("old"):
        w = tf.get_variable("w", initializer=tf.constant([1.0, 2.0]))
    with tf.variable_scope("new"):
        other = tf.get_variable("w", initializer=tf.constant([0.0, 0.0]))
    with tempfile.TemporaryDirectory() as folder, tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = tf.train.Saver([w]).save(sess, os.path.join(folder, "part"), write_meta_graph=False)
        tf.train.Saver({"old/w": other}).restore(sess, path)
        files = sorted(os.listdir(folder))
        return [sess.run(other), files, os.path.basename(path)]


def graph_from_a_file(tf):
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    w = tf.Variable([[1.0], [2.0]], name="w")
    y = tf.matmul(x, w, name="y")
    tf.add_to_collection("answers", y)
    with tempfile.TemporaryDirectory() as folder:
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            path = tf.train.Saver().save(sess, os.path.join(folder, "model"))
        with tf.Graph().as_default() as graph, tf.Session() as sess:
            saver = tf.train.import_meta_graph(path + ".meta")
            saver.restore(sess, path)
            return [sess.run("y:0", {"x:0": [[3, 4]]}), graph.get_tensor_by_name("y:0").name,
                    [t.name for t in tf.get_collection("answers")],
                    [v.name for v in tf.global_variables()]]  # fmt: skip


def summaries(tf):
    x = tf.placeholder(tf.float32, [None], name="x")
    tf.summary.scalar("mean", tf.reduce_mean(x))
    with tf.name_scope("group"):
        tf.summary.histogram("values", x)
    merged = tf.summary.merge_all()
    with tf.Session() as sess:
        text = sess.run(merged, {x: [1.0, 2.0, 6.0]})
    summary = tf.Summary()
    summary.ParseFromString(text)
    histogram = summary.value[1].histo
    with tempfile.TemporaryDirectory() as folder:
        writer = tf.summary.FileWriter(folder)
        for step in range(3):
            writer.add_summary(text, step)
        writer.close()
        (file,) = os.listdir(folder)
        events = list(tf.train.summary_iterator(os.path.join(folder, file)))
    return [[v.tag for v in summary.value], summary.value[0].simple_value, histogram.min, histogram.max, histogram.num,
            histogram.sum, [e.step for e in events if e.HasField("summary")]]  # fmt: skip


def monitored_training(tf):
    step = tf.train.get_or_create_global_step()
    w = tf.Variable(0.0)
    train = tf.group(w.assign_add(0.5), step.assign_add(1))
    hooks = [tf.train.StopAtStepHook(last_step=4)]
    with tempfile.TemporaryDirectory() as folder:
        with tf.train.MonitoredTrainingSession(checkpoint_dir=folder, hooks=hooks, save_summaries_steps=None) as sess:
            while not sess.should_stop():
                sess.run(train)
        return [os.path.basename(tf.train.latest_checkpoint(folder))]
