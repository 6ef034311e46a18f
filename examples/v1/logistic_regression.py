"""Logistic regression: one layer and a softmax classify handwritten digits.

python logistic_regression.py
"""

import argparse

from digits_as_mnist import folder_of

import graphc.v1 as tf
from graphc.v1.examples.tutorials.mnist import input_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
learning_rate, batch_size = 0.5, 100

tf.set_random_seed(options.seed)
mnist = input_data.read_data_sets(folder_of(options), one_hot=True)

x = tf.placeholder(tf.float32, [None, 784], name="pixels")
y = tf.placeholder(tf.float32, [None, 10], name="digit")
W = tf.Variable(tf.zeros([784, 10]), name="W")
b = tf.Variable(tf.zeros([10]), name="b")

pred = tf.nn.softmax(tf.matmul(x, W) + b)
cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(pred + 1e-10), reduction_indices=1))
optimizer = tf.train.GradientDescentOptimizer(learning_rate).minimize(cost)
correct_prediction = tf.equal(tf.argmax(pred, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for epoch in range(options.epochs):
        avg_cost = 0.0
        total_batch = mnist.train.num_examples // batch_size
        for _ in range(total_batch):
            batch_xs, batch_ys = mnist.train.next_batch(batch_size)
            _, c = sess.run([optimizer, cost], feed_dict={x: batch_xs, y: batch_ys})
            avg_cost += c / total_batch
        print(f"epoch {epoch + 1:3d}   cost {avg_cost:.4f}")
    print(f"accuracy {accuracy.eval({x: mnist.test.images, y: mnist.test.labels}):.4f}")
