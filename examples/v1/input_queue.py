"""An input pipeline of queues: files are read, parsed and batched by threads while the program trains.

    python input_queue.py

Two text files with points of a plane (x1, x2, y) are written first; the pipeline shuffles the files, reads their lines,
and hands out batches until every point was seen --epochs times. Threads fill the queues, a Coordinator ends them.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import graphc.v1 as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--points", type=int, default=400, help="lines in each file")
options = parser.parse_args()

folder = tempfile.TemporaryDirectory()
rng = np.random.RandomState(0)
filenames = []
for part in range(2):
    points = rng.uniform(-1, 1, (options.points, 2))
    y = points @ [2.0, -3.0] + 0.5 + rng.normal(0, 0.01, options.points)
    filenames.append(str(Path(folder.name) / f"points-{part}.csv"))
    np.savetxt(filenames[-1], np.column_stack([points, y]), delimiter=",", fmt="%.6f")

filename_queue = tf.train.string_input_producer(filenames, num_epochs=options.epochs, shuffle=True)
reader = tf.TextLineReader()
key, line = reader.read(filename_queue)
x1, x2, target = tf.decode_csv(line, record_defaults=[[0.0], [0.0], [0.0]])
features = tf.stack([x1, x2])
x_batch, y_batch = tf.train.shuffle_batch([features, target], batch_size=50, capacity=500, min_after_dequeue=100)

w = tf.Variable(tf.zeros([2, 1]), name="w")
b = tf.Variable(0.0, name="b")
prediction = tf.squeeze(tf.matmul(x_batch, w), axis=1) + b
loss = tf.reduce_mean(tf.square(prediction - y_batch))
train = tf.train.GradientDescentOptimizer(0.2).minimize(loss)

with tf.Session() as sess:
    # Counting the epochs needs local variables.
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=sess, coord=coord)
    step = 0
    try:
        while not coord.should_stop():
            _, value = sess.run([train, loss])
            step += 1
            if step % 50 == 0:
                print(f"step {step:4d}   loss {value:.5f}")
    except tf.errors.OutOfRangeError:
        print(f"the files are read {options.epochs} times: {step} batches")
    finally:
        coord.request_stop()
    coord.join(threads)
    weights, offset = sess.run([w, b])
    print(f"y = {weights[0, 0]:.3f} * x1 + {weights[1, 0]:.3f} * x2 + {offset:.3f}   (made with 2, -3 and 0.5)")
folder.cleanup()
