"""A convolutional network classifies handwritten digits: conv2d, max_pool, dropout with a fed keep probability.

python cnn.py
"""

import argparse

from digits_as_mnist import folder_of

import graphc.v1 as tf
from graphc.v1.examples.tutorials.mnist import input_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="the folder with MNIST's files (mnist_data, made if it is missing)")
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
batch_size, display_step = 64, 50

tf.set_random_seed(options.seed)
mnist = input_data.read_data_sets(folder_of(options), one_hot=True)


def weight_variable(shape):
    return tf.Variable(tf.truncated_normal(shape, stddev=0.1))


def bias_variable(shape):
    return tf.Variable(tf.constant(0.1, shape=shape))


def conv2d(x, W):
    return tf.nn.conv2d(x, W, strides=[1, 1, 1, 1], padding="SAME")


def max_pool_2x2(x):
    return tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


x = tf.placeholder(tf.float32, [None, 784])
y_ = tf.placeholder(tf.float32, [None, 10])
keep_prob = tf.placeholder(tf.float32)
x_image = tf.reshape(x, [-1, 28, 28, 1])

h_pool1 = max_pool_2x2(tf.nn.relu(conv2d(x_image, weight_variable([5, 5, 1, 16])) + bias_variable([16])))
h_pool2 = max_pool_2x2(tf.nn.relu(conv2d(h_pool1, weight_variable([5, 5, 16, 32])) + bias_variable([32])))
h_flat = tf.reshape(h_pool2, [-1, 7 * 7 * 32])
h_fc1 = tf.nn.relu(tf.matmul(h_flat, weight_variable([7 * 7 * 32, 128])) + bias_variable([128]))
h_drop = tf.nn.dropout(h_fc1, keep_prob)
y_conv = tf.matmul(h_drop, weight_variable([128, 10])) + bias_variable([10])

loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y_conv))
train_step = tf.train.AdamOptimizer(1e-3).minimize(loss)
correct_prediction = tf.equal(tf.argmax(y_conv, 1), tf.argmax(y_, 1))
accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(1, options.steps + 1):
        batch = mnist.train.next_batch(batch_size)
        sess.run(train_step, feed_dict={x: batch[0], y_: batch[1], keep_prob: 0.5})
        if step == 1 or step % display_step == 0:
            c, a = sess.run([loss, accuracy], feed_dict={x: batch[0], y_: batch[1], keep_prob: 1.0})
            print(f"step {step:4d}   loss {c:.4f}   batch accuracy {a:.3f}")
    test = {x: mnist.test.images, y_: mnist.test.labels, keep_prob: 1.0}
    print(f"accuracy {accuracy.eval(feed_dict=test):.4f}")
