"""The perceptron: Rosenblatt's rule written as assignments, on two kinds of digits that a plane can separate.

python perceptron.py --digits 3 8
"""

import argparse

import numpy as np
from digits_as_mnist import folder_of

import graphc.v1 as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--digits", type=int, nargs=2, default=[3, 8], help="which two digits to tell apart")
parser.add_argument("--epochs", type=int, default=10)
options = parser.parse_args()

mnist = tf.examples.tutorials.mnist.input_data.read_data_sets(folder_of(options))


def two_kinds(data_set):
    """The images of the two digits, and -1 or +1 for each."""
    chosen = np.isin(data_set.labels, options.digits)
    return data_set.images[chosen], np.where(data_set.labels[chosen] == options.digits[0], -1.0, 1.0)


x = tf.placeholder(tf.float32, [784], name="image")
t = tf.placeholder(tf.float32, [], name="target")
w = tf.get_variable("weights", [784], initializer=tf.zeros_initializer())
b = tf.get_variable("bias", [], initializer=tf.zeros_initializer())

y = tf.where(tf.reduce_sum(w * x) + b >= 0.0, 1.0, -1.0)
wrong = tf.cast(tf.not_equal(y, t), tf.float32)
# Only what is classified wrongly changes the weights.
learn = tf.group(tf.assign_add(w, wrong * t * x), tf.assign_add(b, wrong * t))

images = tf.placeholder(tf.float32, [None, 784])
targets = tf.placeholder(tf.float32, [None])
guesses = tf.where(tf.tensordot(images, w, 1) + b >= 0.0, tf.ones_like(targets), -tf.ones_like(targets))
accuracy = tf.reduce_mean(tf.cast(tf.equal(guesses, targets), tf.float32))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    train_images, train_targets = two_kinds(mnist.train)
    test_images, test_targets = two_kinds(mnist.test)
    for epoch in range(1, options.epochs + 1):
        mistakes = 0
        for image, target in zip(train_images, train_targets):
            missed, _ = sess.run([wrong, learn], feed_dict={x: image, t: target})
            mistakes += int(missed)
        print(f"epoch {epoch:2d}   mistakes {mistakes} of {len(train_images)}")
        if not mistakes:
            break
    print(f"accuracy {sess.run(accuracy, {images: test_images, targets: test_targets}):.4f}")
