"""A data pipeline from TFRecord files: examples written, read, parsed, shuffled, batched, trained on.

python tfrecords.py
"""

import argparse
from pathlib import Path

import numpy as np
from digits import load_data

import graphc as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--folder", type=Path, default="digit_records", help="for the files (digit_records)")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
tf.random.set_seed(options.seed)
SHARDS = 4


def example(image, label):
    pixels = tf.train.Feature(bytes_list=tf.train.BytesList(value=[(image * 16).astype(np.uint8).tobytes()]))
    digit = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    return tf.train.Example(features=tf.train.Features(feature={"pixels": pixels, "digit": digit}))


def write(images, labels, name, shards):
    for shard in range(shards):
        with tf.io.TFRecordWriter(str(options.folder / f"{name}-{shard}.tfrecord")) as writer:
            for image, label in zip(images[shard::shards], labels[shard::shards]):
                writer.write(example(image, label).SerializeToString())


def parsed(record):
    features = {"pixels": tf.io.FixedLenFeature([], tf.string), "digit": tf.io.FixedLenFeature([], tf.int64)}
    found = tf.io.parse_single_example(record, features)
    pixels = tf.io.decode_raw(found["pixels"], tf.uint8)
    return tf.cast(tf.reshape(pixels, [64]), tf.float32) / 16.0, found["digit"]


(x_train, y_train), (x_test, y_test) = load_data()
options.folder.mkdir(exist_ok=True)
write(x_train, y_train, "train", SHARDS)
write(x_test, y_test, "test", 1)

files = tf.data.Dataset.list_files(str(options.folder / "train-*.tfrecord"), shuffle=False)
train = files.interleave(tf.data.TFRecordDataset, cycle_length=SHARDS, num_parallel_calls=tf.data.AUTOTUNE)
train = train.map(parsed, num_parallel_calls=tf.data.AUTOTUNE).cache()
train = train.shuffle(2000, seed=options.seed).batch(64).prefetch(tf.data.AUTOTUNE)
test = tf.data.TFRecordDataset(str(options.folder / "test-0.tfrecord")).map(parsed).batch(500)

w = tf.Variable(tf.zeros([64, 10]))
b = tf.Variable(tf.zeros([10]))
optimizer = tf.optimizers.SGD(0.5, momentum=0.9)


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x @ w + b))
    optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b]))
    return loss


for epoch in range(options.epochs):
    seen = 0
    for x, y in train:
        loss = train_step(x, y)
        seen += len(x)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:3d}   {seen} examples   loss {float(loss):.4f}")
for x, y in test:
    right = tf.reduce_mean(tf.cast(tf.argmax(x @ w + b, 1) == y, tf.float32))
    print(f"accuracy of {len(x)} test images {float(right):.4f}")
