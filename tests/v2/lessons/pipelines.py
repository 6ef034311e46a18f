"""Programs about data sets and files."""

import os
import tempfile

import numpy as np


def listed(ds):
    return [list(e) if isinstance(e, tuple) else e for e in ds.as_numpy_iterator()]


def slices(tf):
    ds = tf.data.Dataset.from_tensor_slices([8, 3, 0, 8, 2, 1])
    total = ds.reduce(0, lambda state, value: state + value)
    it = iter(ds)
    named = tf.data.Dataset.from_tensor_slices({"a": [1, 2], "b": ([[1.0], [2.0]], ["x", "y"])})
    return [listed(ds), total.numpy(), next(it).numpy(), next(it).numpy(), len(ds), str(ds), str(named.element_spec),
            [{"a": e["a"], "b": [p for p in e["b"]]} for e in named.as_numpy_iterator()]]  # fmt: skip


def chains(tf):
    ds = tf.data.Dataset.range(10)
    return [
        listed(ds.map(lambda x: x * x).batch(3)), listed(ds.batch(4, drop_remainder=True)),
        listed(ds.filter(lambda x: x % 3 == 1)),
        listed(ds.skip(2).take(3)), listed(ds.repeat(2).batch(7)), listed(ds.take(2).concatenate(ds.skip(8))),
        listed(ds.window(4, shift=2, drop_remainder=True).flat_map(lambda w: w.batch(4))),
        listed(ds.enumerate(start=5).take(2)),
        listed(tf.data.Dataset.zip((ds, ds.map(lambda x: x + 10))).take(2)), listed(ds.shard(3, 1)),
        listed(ds.batch(3).unbatch()),
        sorted(listed(ds.shuffle(5, seed=1))), listed(tf.data.Dataset.range(2, 9, 3)),
        listed(ds.take_while(lambda x: x < 4)),
        listed(ds.scan(tf.constant(0, tf.int64), lambda s, x: (s + x, s + x))), int(ds.cardinality()),
        listed(ds.interleave(lambda x: tf.data.Dataset.from_tensors(x).repeat(2), cycle_length=2,
                             block_length=1).take(8)),
    ]  # fmt: skip


def padded(tf):
    ds = tf.data.Dataset.range(1, 6).map(lambda x: tf.fill([tf.cast(x, tf.int32)], x))
    plain = [b.tolist() for b in ds.padded_batch(2, padded_shapes=(None,)).as_numpy_iterator()]
    wide = [b.tolist() for b in ds.padded_batch(
        3, padded_shapes=[6], padding_values=tf.constant(-1, tf.int64)).as_numpy_iterator()]  # fmt: skip
    signature = (tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.string))
    pairs = tf.data.Dataset.from_generator(lambda: iter([([1], "a"), ([2, 3], "bc")]), output_signature=signature)
    return [plain, wide, [[p.tolist() for p in e] for e in pairs.padded_batch(2).as_numpy_iterator()]]


def generators(tf):
    def count(stop):
        for i in range(stop):
            yield i, [i] * i

    ds = tf.data.Dataset.from_generator(count, args=[4], output_types=(tf.int32, tf.float32),
                                        output_shapes=((), (None,)))  # fmt: skip
    first = [[e[0].tolist() if hasattr(e[0], "tolist") else e[0], e[1].tolist()] for e in ds.as_numpy_iterator()]
    ragged = tf.data.Dataset.from_generator(lambda: (tf.ragged.constant([[k], [k, k]]) for k in range(2)),
                                            output_signature=tf.RaggedTensorSpec([2, None], tf.int32))  # fmt: skip
    return [first, [r.to_list() for r in ragged], str(ds.element_spec)]


def consumed(tf):
    seen = []

    def numbers():
        for k in range(5):
            seen.append(k)
            yield k

    ds = tf.data.Dataset.from_generator(numbers, output_signature=tf.TensorSpec([], tf.int32))
    first = [int(x) for x in ds.take(2)]
    cached = ds.cache()
    return [first, [int(x) for x in cached], [int(x) for x in cached], seen.count(4)]


def text_lines(tf):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "lines.txt")
        with open(path, "w") as file:
            file.write("name,size\ncat,4.0\ndog,9.5\nemu,40\n")
        lines = tf.data.TextLineDataset(path).skip(1).filter(lambda line: tf.strings.length(line) > 0)
        parsed = lines.map(lambda line: tf.io.decode_csv(line, [tf.constant("", tf.string), tf.constant(0.0)]))
        words = lines.map(lambda line: tf.strings.split(line, ","))
        csv = tf.data.experimental.CsvDataset(path, [tf.string, tf.float32], header=True)
        return [listed(lines), [[p.numpy() for p in e] for e in parsed], [w.numpy() for w in words],
                [[p.numpy() for p in e] for e in csv], tf.io.gfile.exists(path),
                tf.io.read_file(path).numpy()[:9]]  # fmt: skip


def records(tf):
    def feature(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "examples.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for k in range(5):
                example = tf.train.Example(features=tf.train.Features(feature={
                    "number": tf.train.Feature(int64_list=tf.train.Int64List(value=[k])),
                    "floats": tf.train.Feature(float_list=tf.train.FloatList(value=[k / 2] * k)),
                    "text": feature(b"row %d" % k),
                    "tensor": feature(tf.io.serialize_tensor(tf.fill([2], k)).numpy()),
                }))  # fmt: skip
                writer.write(example.SerializeToString())
        description = {
            "number": tf.io.FixedLenFeature([], tf.int64), "floats": tf.io.VarLenFeature(tf.float32),
            "text": tf.io.FixedLenFeature([], tf.string, default_value=""),
            "tensor": tf.io.FixedLenFeature([], tf.string),
            "absent": tf.io.FixedLenFeature([2], tf.int64, default_value=[7, 8]),
        }  # fmt: skip

        def parse(record):
            found = tf.io.parse_single_example(record, description)
            return {**found, "floats": tf.sparse.to_dense(found["floats"]),
                    "tensor": tf.io.parse_tensor(found["tensor"], tf.int32)}  # fmt: skip

        rows = [{k: v.numpy() for k, v in e.items()} for e in tf.data.TFRecordDataset([path]).map(parse)]
        batches = tf.data.TFRecordDataset(path).batch(3).map(lambda r: tf.io.parse_example(r, description)["number"])
        return [rows, [b.numpy() for b in batches], len(list(tf.data.TFRecordDataset(path)))]


def images(tf):
    image = np.random.default_rng(0).integers(0, 255, (4, 6, 3)).astype(np.uint8)
    png = tf.io.encode_png(image)

    def load(data, label):
        x = tf.io.decode_png(data, channels=3)
        x = tf.image.resize(x, [2, 3]) / 255.0
        return tf.image.convert_image_dtype(x, tf.float32), tf.one_hot(label, 3)

    ds = tf.data.Dataset.from_tensors((png, 1)).map(load)
    x, y = next(iter(ds))
    return [x.numpy(), y.numpy(), x.shape.as_list()]


def control_flow_in_map(tf):
    def f(x):
        if x % 2 == 0:
            return x // 2
        else:
            return 3 * x + 1

    ds = tf.data.Dataset.range(6).map(f)
    g = tf.data.Dataset.range(4).map(lambda x: tf.py_function(lambda v: int(v) + 100, [x], tf.int64))
    h = tf.data.Dataset.from_tensor_slices(([1, 2], [3, 4])).map(lambda a, b: {"sum": a + b, "pair": (a, b)})
    return [listed(ds), listed(g), [[e["sum"], list(e["pair"])] for e in h.as_numpy_iterator()]]


def buckets(tf):
    lengths = [1, 5, 2, 7, 3, 9, 2, 2]
    ds = tf.data.Dataset.from_generator(lambda: ([n] * n for n in lengths),
                                        output_signature=tf.TensorSpec([None], tf.int32))  # fmt: skip
    ds = ds.bucket_by_sequence_length(lambda x: tf.shape(x)[0], bucket_boundaries=[3, 6], bucket_batch_sizes=[2, 2, 2])
    groups = tf.data.Dataset.range(9).group_by_window(lambda x: x % 2, lambda key, window: window.batch(3),
                                                      window_size=3)  # fmt: skip
    return [[b.tolist() for b in ds.as_numpy_iterator()], listed(groups)]


def sampled(tf):
    a, b = tf.data.Dataset.from_tensors(0).repeat(3), tf.data.Dataset.from_tensors(1).repeat(4)
    chosen = tf.data.Dataset.choose_from_datasets(
        [a, b], tf.data.Dataset.from_tensor_slices(np.array([0, 1, 1, 0, 1], np.int64))
    )
    mixed = tf.data.Dataset.sample_from_datasets([a, b], weights=[0.5, 0.5], seed=3)
    return [listed(chosen), sorted(listed(mixed))]


def windows_of_a_series(tf):
    series = np.arange(10, dtype=np.float32)
    ds = tf.data.Dataset.from_tensor_slices(series)
    ds = ds.window(5, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(5))
    ds = ds.map(lambda w: (w[:-1], w[-1])).batch(2).prefetch(1)
    return [[x.tolist(), y.tolist()] for x, y in ds.as_numpy_iterator()]


def in_a_function(tf):
    v = tf.Variable(0, dtype=tf.int64)
    ds = tf.data.Dataset.range(5)

    @tf.function
    def total(dataset):
        s = tf.constant(0, tf.int64)
        for x in dataset:
            s += x
            v.assign_add(1)
        return s

    return [total(ds).numpy(), v.numpy()]


def errors(tf):
    def bad():
        yield 1
        raise ValueError("broken")

    ds = tf.data.Dataset.from_generator(bad, output_signature=tf.TensorSpec([], tf.int32))
    it, out = iter(ds), []
    out.append(int(next(it)))
    try:
        next(it)
    except Exception as error:
        out.append("broken" in str(error))
    for wrong in (lambda: tf.data.Dataset.from_tensor_slices(([1, 2], [1, 2, 3])),
                  lambda: tf.data.Dataset.range(3).batch(0),
                  lambda: list(tf.data.Dataset.from_tensor_slices([[1, 2]])
                               .map(lambda x: tf.reshape(x, [3])))):  # fmt: skip
        try:
            wrong()
            out.append("nothing")
        except Exception:
            out.append("error")
    return out
