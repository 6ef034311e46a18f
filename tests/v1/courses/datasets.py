"""Programs that feed graphs from datasets: iterators of all four kinds, files, generators. Each answers with values."""

import os
import tempfile

import numpy as np


def one_shot_regression(tf):
    x = np.arange(8, dtype=np.float32) / 4
    y = 3 * x + 1
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(4)
    xs, ys = dataset.make_one_shot_iterator().get_next()
    w, b = tf.Variable(0.0), tf.Variable(0.0)
    loss = tf.reduce_mean(tf.square(w * xs + b - ys))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        losses = [sess.run([train, loss])[1] for _ in range(20)]
        return [losses[0], losses[-1], *sess.run([w, b])]


def fed_at_initialisation(tf):
    features = tf.placeholder(tf.float32, [None, 2])
    labels = tf.placeholder(tf.int64, [None])
    dataset = tf.data.Dataset.from_tensor_slices((features, labels)).batch(3)
    iterator = dataset.make_initializable_iterator()
    x, y = iterator.get_next()
    total = tf.reduce_sum(x) + tf.cast(tf.reduce_sum(y), tf.float32)
    said = [[t.name for t in dataset.output_types], [s.as_list() for s in dataset.output_shapes],
            x.name, y.name, x.shape.as_list(), x.op.type]  # fmt: skip
    with tf.Session() as sess:
        for epoch in range(2):
            data = np.arange(10, dtype=np.float32).reshape(5, 2) + epoch
            sess.run(iterator.initializer, feed_dict={features: data, labels: np.arange(5)})
            sums = []
            while True:
                try:
                    sums.append(sess.run(total))
                except tf.errors.OutOfRangeError:
                    break
            said.append(sums)
    return said


def training_and_validation(tf):
    rng = np.random.RandomState(0)
    x, y = rng.randn(12, 3).astype(np.float32), rng.randint(0, 2, 12)
    training = tf.data.Dataset.from_tensor_slices((x[:8], y[:8])).batch(4)
    validation = tf.data.Dataset.from_tensor_slices((x[8:], y[8:])).batch(4)
    iterator = tf.data.Iterator.from_structure(training.output_types, training.output_shapes)
    features, labels = iterator.get_next()
    start_training, start_validation = iterator.make_initializer(training), iterator.make_initializer(validation)
    w = tf.Variable(np.ones((3, 2), np.float32) * 0.1)
    logits = tf.matmul(features, w) * [1.0, -1.0]
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    answers = []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(3):
            sess.run(start_training)
            while True:
                try:
                    sess.run(train)
                except tf.errors.OutOfRangeError:
                    break
            sess.run(start_validation)
            answers.append(sess.run(loss))
        return answers + [sess.run(w)]


def fed_by_handle(tf):
    training = tf.data.Dataset.range(5).map(lambda i: i * 10).repeat()
    validation = tf.data.Dataset.range(3)
    handle = tf.placeholder(tf.string, shape=[])
    iterator = tf.data.Iterator.from_string_handle(handle, training.output_types, training.output_shapes)
    following = iterator.get_next()
    train_iterator = training.make_one_shot_iterator()
    test_iterator = validation.make_initializable_iterator()
    answers = []
    with tf.Session() as sess:
        train_handle, test_handle = sess.run([train_iterator.string_handle(), test_iterator.string_handle()])
        for _ in range(2):
            answers += [sess.run(following, {handle: train_handle}) for _ in range(4)]
            sess.run(test_iterator.initializer)
            answers += [sess.run(following, {handle: test_handle}) for _ in range(3)]
    return answers


def from_records(tf):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "numbers.tfrecord")
        with tf.python_io.TFRecordWriter(path) as writer:
            for k in range(5):
                features = {
                    "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[bytes([k, k + 1, 2 * k])])),
                    "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[k % 3])),
                    "tags": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"t"] * k)),
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())

        def parse(record):
            found = tf.parse_single_example(record, {
                "image": tf.FixedLenFeature([], tf.string), "label": tf.FixedLenFeature([], tf.int64),
                "tags": tf.VarLenFeature(tf.string),
            })  # fmt: skip
            image = tf.cast(tf.decode_raw(found["image"], tf.uint8), tf.float32) / 255.0
            tags = tf.sparse_tensor_to_dense(found["tags"], "")
            return tf.reshape(image, [3]), tf.cast(found["label"], tf.int32), tags

        dataset = tf.data.TFRecordDataset([path]).map(parse, num_parallel_calls=2)
        dataset = dataset.padded_batch(2, ([3], [], [None]))
        image, label, tags = dataset.make_one_shot_iterator().get_next()
        answers = [image.shape.as_list(), label.shape.as_list()]
        with tf.Session() as sess:
            while True:
                try:
                    answers.append(sess.run([image, label, tags]))
                except tf.errors.OutOfRangeError:
                    return answers


def from_lines(tf):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"part{k}.csv") for k in range(2)]
        for k, path in enumerate(paths):
            with open(path, "w") as file:
                file.write("length,width,kind\n" + "".join(f"{i}.5,{k},{'ab'[i % 2]}\n" for i in range(4)))

        def parse(line):
            length, width, kind = tf.decode_csv(line, [[0.0], [0.0], [""]])
            return {"length": length, "width": width}, tf.equal(kind, "a")

        dataset = tf.data.Dataset.from_tensor_slices(paths)
        dataset = dataset.flat_map(lambda name: tf.data.TextLineDataset(name).skip(1))
        dataset = dataset.map(parse).filter(lambda features, label: features["length"] > 1.0).batch(4)
        features, label = dataset.make_one_shot_iterator().get_next()
        with tf.Session() as sess:
            return [sess.run([features, label]) for _ in range(2)]


def from_a_generator(tf):
    def sentences():
        for text in ("a b c", "d e", "f"):
            yield [ord(c) for c in text.split()], len(text)

    dataset = tf.data.Dataset.from_generator(sentences, (tf.int32, tf.int64), ([None], []))
    dataset = dataset.padded_batch(2, padded_shapes=([None], []), padding_values=(-1, tf.constant(0, tf.int64)))
    words, length = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        return [sess.run([words, length, tf.shape(words)]) for _ in range(1)] + [words.shape.as_list()]


def combined(tf):
    numbers = tf.data.Dataset.range(10)
    pairs = tf.data.Dataset.zip((numbers, numbers.map(lambda i: i * i)))
    pairs = pairs.filter(lambda i, square: tf.equal(i % 2, 0)).concatenate(tf.data.Dataset.from_tensors(
        (np.int64(-1), np.int64(1))))  # fmt: skip
    windows = numbers.interleave(lambda i: tf.data.Dataset.from_tensors(i).repeat(2), cycle_length=3, block_length=1)
    called = numbers.take(3).map(lambda i: tf.py_func(lambda v: np.float32(v) / 2, [i], tf.float32))
    first = pairs.make_one_shot_iterator().get_next()
    second = windows.skip(2).take(6).batch(3, drop_remainder=True).make_one_shot_iterator().get_next()
    third = called.make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        return [[sess.run(first) for _ in range(6)], [sess.run(second) for _ in range(2)], second.shape.as_list(),
                [sess.run(third) for _ in range(3)]]  # fmt: skip


def shuffled_epochs(tf):
    dataset = tf.data.Dataset.range(20).shuffle(20, seed=1).batch(20).repeat(2)
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        one, other = sess.run(following), sess.run(following)
        return [sorted(one.tolist()) == list(range(20)), sorted(other.tolist()) == list(range(20)),
                one.tolist() != list(range(20)), one.tolist() != other.tolist()]  # fmt: skip


def monitored_until_the_end(tf):
    dataset = tf.data.Dataset.from_tensor_slices(np.arange(7, dtype=np.float32)).batch(2)
    value = tf.data.make_one_shot_iterator(dataset).get_next()
    total = tf.Variable(0.0)
    step = tf.train.get_or_create_global_step()
    add = tf.group(tf.assign_add(total, tf.reduce_sum(value)), tf.assign_add(step, 1))
    seen = []
    with tf.train.MonitoredTrainingSession() as sess:
        while not sess.should_stop():
            sess.run(add)
            seen.append(sess.run([total, step]))
    return seen


def two_iterators_in_one_run(tf):
    features = tf.data.Dataset.from_tensor_slices({"a": [[1.0, 2.0], [3.0, 4.0]], "b": ["x", "y"]})
    labels = tf.data.Dataset.range(2)
    x, y = features.make_one_shot_iterator().get_next(), labels.make_one_shot_iterator().get_next()
    doubled = x["a"] * 2
    with tf.Session() as sess:
        return [sess.run([x, y, doubled]) for _ in range(2)]
