"""Watching a program learn: scalars, histograms, images and the graph for TensorBoard.

python tensorboard.py --logs logs
tensorboard --logdir logs                   # then open the address that it prints
"""

import argparse
import os

from digits_as_mnist import folder_of

import graphc.v1 as tf
from graphc.v1.examples.tutorials.mnist import input_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--logs", default="logs", help="the folder for TensorBoard")
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
learning_rate, batch_size, summary_every = 0.001, 100, 20

tf.set_random_seed(options.seed)
mnist = input_data.read_data_sets(folder_of(options), one_hot=True)

with tf.name_scope("Input"):
    x = tf.placeholder(tf.float32, [None, 784], name="pixels")
    y = tf.placeholder(tf.float32, [None, 10], name="digit")
    tf.summary.image("digits", tf.reshape(x, [-1, 28, 28, 1]), max_outputs=3)


def layer(inputs, n_in, n_out, name):
    with tf.name_scope(name):
        w = tf.Variable(tf.truncated_normal([n_in, n_out], stddev=0.1), name="weights")
        b = tf.Variable(tf.zeros([n_out]), name="biases")
        tf.summary.histogram("weights", w)
        return tf.matmul(inputs, w) + b


hidden = tf.nn.relu(layer(x, 784, 128, "Hidden"))
logits = layer(hidden, 128, 10, "Output")
with tf.name_scope("Loss"):
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    tf.summary.scalar("loss", loss)
with tf.name_scope("Accuracy"):
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1)), tf.float32))
    tf.summary.scalar("accuracy", accuracy)
with tf.name_scope("Train"):
    train_op = tf.train.AdamOptimizer(learning_rate).minimize(loss)

merged = tf.summary.merge_all()
test = {x: mnist.test.images, y: mnist.test.labels}
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    train_writer = tf.summary.FileWriter(os.path.join(options.logs, "train"), sess.graph)
    test_writer = tf.summary.FileWriter(os.path.join(options.logs, "test"))
    for step in range(1, options.steps + 1):
        batch_x, batch_y = mnist.train.next_batch(batch_size)
        if step % summary_every:
            sess.run(train_op, {x: batch_x, y: batch_y})
            continue
        summary, _ = sess.run([merged, train_op], {x: batch_x, y: batch_y})
        train_writer.add_summary(summary, step)
        summary, held_out = sess.run([merged, accuracy], test)
        test_writer.add_summary(summary, step)
        print(f"step {step:4d}   held-out accuracy {held_out:.4f}")
    train_writer.close()
    test_writer.close()
    print(f"accuracy {accuracy.eval(test):.4f}")
print(f"to see it:  tensorboard --logdir {options.logs}")
